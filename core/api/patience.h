/* SPDX-License-Identifier: MIT */
/*
 * patience.h - a clock for connections: who sends a request byte by byte, or
 * nothing, or does not take his answer, is closed after a while, however busy
 * he looks.  What else is to be done now and then is done by the same clock.
 */
#ifndef SK_API_PATIENCE_H
#define SK_API_PATIENCE_H
#include "base/err.h"

struct sk_patience;
struct sk_guest;                        /* a connection */
/* tick (NULL: nothing) is called about every second, by a thread of ours. */
int sk_patience_new(unsigned seconds, void (*tick)(void *), void *,
    struct sk_patience **, struct snek_error *);
/* No connection is left; tick is not called any more. */
void sk_patience_free(struct sk_patience *);

/* Any thread.  NULL: no memory; the others do nothing with it. */
struct sk_guest *sk_guest_enter(struct sk_patience *, int fd);
/* It is for him to send, or to take so many bytes; it is for us. */
void sk_guest_await(struct sk_guest *, size_t bytes);
void sk_guest_busy(struct sk_guest *);
/* Before the descriptor is closed. */
void sk_guest_leave(struct sk_guest *);
#endif
