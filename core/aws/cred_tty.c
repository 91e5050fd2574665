/* SPDX-License-Identifier: MIT */
#include "aws/cred.h"

#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define PATIENCE_MS 120000

static int read_line(int tty, char *line, size_t n, struct snek_error *e)
{
	struct pollfd p = { .fd = tty, .events = POLLIN };
	ssize_t got;

	if (poll(&p, 1, PATIENCE_MS) <= 0)
		return sk_fail(e, SNEK_ETIMEDOUT, "nobody wrote an MFA code");
	got = read(tty, line, n - 1);
	if (got <= 0)
		return sk_fail(e, SNEK_EACCES, "the terminal gave no MFA code");
	line[got] = '\0';
	return 0;
}

static int take_digits(const char *line, char code[16], struct snek_error *e)
{
	size_t n = 0;

	for (; *line; line++) {
		if (isspace((unsigned char)*line))
			continue;
		if (!isdigit((unsigned char)*line) || n == 15)
			return sk_fail(e, SNEK_EACCES, "an MFA code is digits");
		code[n++] = *line;
	}
	code[n] = '\0';
	return n >= 6 ? 0 : sk_fail(e, SNEK_EACCES, "an MFA code has six digits");
}

/* Never standard input: that may be the records. */
int sk_cred_ask_code(const char *profile, const char *device, char code[16],
    struct snek_error *e)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), rc;
	char line[80];

	if (tty < 0)
		return sk_fail(e, SNEK_EACCES, "profile \"%.60s\" needs a code of "
		    "the MFA device %.120s, and there is no terminal to ask; "
		    "without one use a profile without mfa_serial", profile,
		    device);
	dprintf(tty, "MFA code of %s (profile %s): ", device, profile);
	rc = read_line(tty, line, sizeof(line), e);
	close(tty);
	return rc ? rc : take_digits(line, code, e);
}
