/* SPDX-License-Identifier: MIT */
/* thread.h - threads that take no part in the host's signals. */
#ifndef SK_THREAD_H
#define SK_THREAD_H
#include <pthread.h>
#include <stddef.h>

/* As pthread_create.  Every signal that may be sent to the process is blocked
 * in the thread; what its own instructions cause (SIGSEGV ...) is not, so that
 * the host's handlers of those, and debuggers, see where it was. */
int sk_thread_start(pthread_t *, void *(*)(void *), void *);

/* So much will be asked of malloc by this thread, in small pieces: have its
 * heap grow once, not by a page and a call to the system each time. */
void sk_thread_expect(size_t bytes);
#endif
