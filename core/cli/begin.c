/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* The worker that belongs to this program, where that is not where it was to
 * be installed: in a tree that was moved or staged, or in the build's. */
static void find_worker(void)
{
	static const char *const places[] = {
		"../libexec/snek-worker", "snek-worker", "../snek-worker",
	};
	char dir[3072], path[4096];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	char *slash;
	size_t i;

	if (n <= 0 || getenv("SNEK_WORKER"))
		return;
	dir[n] = '\0';
	slash = strrchr(dir, '/');
	if (!slash)
		return;
	*slash = '\0';
	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, places[i]);
		if (!access(path, X_OK)) {
			setenv("SNEK_WORKER", path, 0);
			return;
		}
	}
}

void cli_main_begin(void)
{
	fill_gaps();
	find_worker();
	if (!isatty(STDOUT_FILENO))
		setvbuf(stdout, NULL, _IOFBF, BUFFER);
	setlocale(LC_CTYPE, "");        /* numbers are the same everywhere */
}
