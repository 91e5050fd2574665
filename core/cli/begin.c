/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <unistd.h>

enum { BUFFER = 1 << 16 };

/* A descriptor that the caller closed must not become a file of the store;
 * what stands in for it fails when it is used. */
static void fill_gaps(void)
{
	int fd;

	for (fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", fd ? O_RDONLY : O_WRONLY) != fd)
			abort();
}

void cli_main_begin(void)
{
	fill_gaps();
	if (!isatty(STDOUT_FILENO))
		setvbuf(stdout, NULL, _IOFBF, BUFFER);
	setlocale(LC_CTYPE, "");        /* numbers are the same everywhere */
}
