/* SPDX-License-Identifier: MIT */
/*
 * The one place with state of the process's own: what a signal handler can
 * reach.  The first signal is remembered and the system's own action restored,
 * so that the second one ends the program at once.
 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t caught;
static _Atomic(snek_job *) watched;
static atomic_int input = -1;
static int nothing = -1;        /* /dev/null */

/* A read that blocks returns, and the next one finds the end of the file. */
static void on_signal(int sig)
{
	int sys = errno;
	snek_job *job = atomic_load(&watched);
	int fd = atomic_load(&input);

	caught = sig;
	if (job)
		snek_job_cancel(job);
	if (fd >= 0 && nothing >= 0)
		dup2(nothing, fd);
	errno = sys;
}

static void take(int sig)
{
	struct sigaction a, old;

	if (sigaction(sig, NULL, &old) == 0 && old.sa_handler == SIG_IGN)
		return;         /* started with nohup, or in the background */
	memset(&a, 0, sizeof(a));
	a.sa_handler = on_signal;
	a.sa_flags = (int)SA_RESETHAND;
	sigemptyset(&a.sa_mask);
	sigaction(sig, &a, NULL);
}

void cli_signal_begin(void)
{
	nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	take(SIGINT);
	take(SIGTERM);
}

void cli_signal_watch(snek_job *job, int fd)
{
	atomic_store(&watched, job);
	atomic_store(&input, fd);
	if (!caught)
		return;
	if (job)                /* it came before there was anything to stop */
		snek_job_cancel(job);
	if (fd >= 0 && nothing >= 0)
		dup2(nothing, fd);
}

int cli_signal_caught(void)
{
	return caught;
}

int cli_signal_exit(const struct cli *c, const char *what)
{
	cli_error(c, SNEK_ECANCELED, NULL, what, "interrupted");
	return 128 + caught;
}
