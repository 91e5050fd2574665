/* SPDX-License-Identifier: MIT */
#include "base/thread.h"

#include <signal.h>

int sk_thread_start(pthread_t *out, void *(*run)(void *), void *arg)
{
	static const int own[] = {
		SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT,
		SIGPROF,        /* of the thread's own time */
	};
	sigset_t set, old;
	size_t i;
	int rc;

	sigfillset(&set);
	for (i = 0; i < sizeof(own) / sizeof(*own); i++)
		sigdelset(&set, own[i]);
	pthread_sigmask(SIG_SETMASK, &set, &old);
	rc = pthread_create(out, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}
