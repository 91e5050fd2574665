/* SPDX-License-Identifier: MIT */
/*
 * patience.h - a clock for connections on which nothing whole comes: who sends
 * a head byte by byte, or nothing, is closed after a while, however busy he
 * looks.  While a request is under way others keep the time.
 */
#ifndef SK_API_PATIENCE_H
#define SK_API_PATIENCE_H
#include "base/err.h"

struct sk_patience;
struct sk_guest;                        /* a connection */
int sk_patience_new(unsigned seconds, struct sk_patience **, struct snek_error *);
/* No connection is left. */
void sk_patience_free(struct sk_patience *);

/* Any thread.  NULL: no memory; the others do nothing with it. */
struct sk_guest *sk_guest_enter(struct sk_patience *, int fd);
/* A request's head is there; it is answered. */
void sk_guest_busy(struct sk_guest *);
void sk_guest_idle(struct sk_guest *);
/* Before the descriptor is closed. */
void sk_guest_leave(struct sk_guest *);
#endif
