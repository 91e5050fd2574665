/* SPDX-License-Identifier: MIT */
/* loop.h - one thread that waits for descriptors and for times. */
#ifndef SK_LOOP_H
#define SK_LOOP_H
#include "base/err.h"

struct sk_loop;

/* Embedded in its owner; zeroed until it is added. */
struct sk_watch {
	int fd;
	void (*ready)(void *arg, uint32_t events);      /* of epoll */
	void *arg;
	bool added;
};
struct sk_timer {
	void (*fire)(void *arg);
	void *arg;
	int64_t at;                     /* sk_clock_us */
	size_t place;                   /* in the heap, from 1; 0: not set */
};

int sk_loop_new(struct sk_loop **, struct snek_error *);
void sk_loop_free(struct sk_loop *);

int sk_loop_add(struct sk_loop *, struct sk_watch *, uint32_t events,
    struct snek_error *);
/* The descriptor stays the caller's; no event of it is delivered any more. */
void sk_loop_remove(struct sk_loop *, struct sk_watch *);

/* Set or move it.  SNEK_ENOMEM; cannot fail for a timer that is set. */
int sk_loop_set(struct sk_loop *, struct sk_timer *, int64_t at);
void sk_loop_unset(struct sk_loop *, struct sk_timer *);

/* Wait for events, at most until `until` (sk_clock_us), and deliver them. */
int sk_loop_step(struct sk_loop *, int64_t until, struct snek_error *);
#endif
