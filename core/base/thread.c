/* SPDX-License-Identifier: MIT */
#include "base/thread.h"

#include <signal.h>
#include <stdlib.h>

#define PIECE ((size_t)120 << 10)       /* the most that comes of a heap */
#define PIECES 256u

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

/* glibc makes the pages of a thread's heap writable as they are needed, and
 * leaves them so when they are given back. */
void sk_thread_expect(size_t bytes)
{
	void *piece[PIECES];
	size_t n = 0;

	while (n < PIECES && n * PIECE < bytes && (piece[n] = malloc(PIECE)))
		n++;
	while (n)
		free(piece[--n]);
}
