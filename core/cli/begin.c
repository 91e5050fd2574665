/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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

/* What belongs to this program, where that is not where it was to be
 * installed: in a tree that was moved or staged, or in the build's. */
static void find(const char *variable, const char *const places[3])
{
	char dir[3072], path[4096];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	char *slash;
	size_t i;

	if (n <= 0 || getenv(variable))
		return;
	dir[n] = '\0';
	slash = strrchr(dir, '/');
	if (!slash)
		return;
	*slash = '\0';
	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, places[i]);
		if (!access(path, X_OK)) {
			setenv(variable, path, 0);
			return;
		}
	}
}

static const char *const worker_places[3] = {
	"../libexec/snek-worker", "snek-worker", "../snek-worker",
};
static const char *const tls_places[3] = {
	"../lib/snek/modules/snek-tls.so", "core/store/.libs/snek-tls.so",
	"../core/store/.libs/snek-tls.so",
};

static const char *const local_places[3] = {
	"../libexec/snek-lambda-local", "snek-lambda-local",
	"../snek-lambda-local",
};

/* Each run of a job that does not fit into memory may be a file. */
static void raise_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

void cli_main_begin(void)
{
	raise_limit();
	fill_gaps();
	find("SNEK_WORKER", worker_places);
	find("SNEK_TLS", tls_places);
	find("SNEK_LAMBDA_LOCAL", local_places);
	if (!isatty(STDOUT_FILENO))
		setvbuf(stdout, NULL, _IOFBF, BUFFER);
	setlocale(LC_CTYPE, "");        /* numbers are the same everywhere */
}
