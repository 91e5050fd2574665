/* SPDX-License-Identifier: MIT */
#include "host/loop.h"
#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { BATCH = 256 };

struct sk_loop {
	int epoll;
	struct sk_timer **heap;         /* from 1; the earliest first */
	size_t timers, room;
	struct epoll_event batch[BATCH];
	int batched, at;                /* being delivered */
};

int sk_loop_new(struct sk_loop **out, struct snek_error *e)
{
	struct sk_loop *l = calloc(1, sizeof(*l));

	if (!l)
		return sk_enomem(e);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0) {
		free(l);
		return sk_fail_errno(e, "epoll_create1");
	}
	*out = l;
	return 0;
}

void sk_loop_free(struct sk_loop *l)
{
	if (!l)
		return;
	close(l->epoll);
	free(l->heap);
	free(l);
}

/* ---- descriptors ---- */

int sk_loop_add(struct sk_loop *l, struct sk_watch *w, uint32_t events,
    struct snek_error *e)
{
	struct epoll_event ev = { .events = events, .data.ptr = w };

	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, w->fd, &ev) < 0)
		return sk_fail_errno(e, "epoll_ctl");
	w->added = true;
	return 0;
}

void sk_loop_remove(struct sk_loop *l, struct sk_watch *w)
{
	int i;

	if (!w->added)
		return;
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	w->added = false;
	for (i = l->at; i < l->batched; i++)
		if (l->batch[i].data.ptr == w)
			l->batch[i].data.ptr = NULL;
}

/* ---- times ---- */

static void put(struct sk_loop *l, size_t place, struct sk_timer *t)
{
	l->heap[place] = t;
	t->place = place;
}

static void rise(struct sk_loop *l, struct sk_timer *t)
{
	size_t i = t->place;

	for (; i > 1 && l->heap[i / 2]->at > t->at; i /= 2)
		put(l, i, l->heap[i / 2]);
	put(l, i, t);
}

static void sink(struct sk_loop *l, struct sk_timer *t)
{
	size_t i = t->place, child;

	for (; (child = 2 * i) <= l->timers; i = child) {
		if (child < l->timers &&
		    l->heap[child + 1]->at < l->heap[child]->at)
			child++;
		if (l->heap[child]->at >= t->at)
			break;
		put(l, i, l->heap[child]);
	}
	put(l, i, t);
}

int sk_loop_set(struct sk_loop *l, struct sk_timer *t, int64_t at)
{
	size_t room = l->room ? 2 * l->room : 64;
	struct sk_timer **more;

	if (!t->place && l->timers + 1 >= l->room) {
		more = realloc(l->heap, room * sizeof(*more));
		if (!more)
			return SNEK_ENOMEM;
		l->heap = more;
		l->room = room;
	}
	t->at = at;
	if (!t->place)
		put(l, ++l->timers, t);
	rise(l, t);
	sink(l, t);
	return 0;
}

void sk_loop_unset(struct sk_loop *l, struct sk_timer *t)
{
	struct sk_timer *last;

	if (!t->place)
		return;
	last = l->heap[l->timers--];
	if (last != t) {
		put(l, t->place, last);
		rise(l, last);
		sink(l, last);
	}
	t->place = 0;
}

static void fire(struct sk_loop *l, int64_t now)
{
	struct sk_timer *t;

	while (l->timers && (t = l->heap[1])->at <= now) {
		sk_loop_unset(l, t);
		t->fire(t->arg);
	}
}

/* ---- going on ---- */

/* Rounded up, so that what is waited for has come. */
static int wait_ms(const struct sk_loop *l, int64_t now, int64_t until)
{
	int64_t left;

	if (l->timers && l->heap[1]->at < until)
		until = l->heap[1]->at;
	left = until > now ? (until - now + 999) / 1000 : 0;
	return left > 60000 ? 60000 : (int)left;
}

static void deliver(struct sk_loop *l)
{
	struct sk_watch *w;

	for (l->at = 0; l->at < l->batched; l->at++) {
		w = l->batch[l->at].data.ptr;
		if (w)
			w->ready(w->arg, l->batch[l->at].events);
	}
	l->batched = 0;
}

int sk_loop_step(struct sk_loop *l, int64_t until, struct snek_error *e)
{
	int n = epoll_wait(l->epoll, l->batch, BATCH,
	    wait_ms(l, sk_clock_us(), until));

	if (n < 0 && errno != EINTR)
		return sk_fail_errno(e, "epoll_wait");
	l->batched = n > 0 ? n : 0;
	deliver(l);
	fire(l, sk_clock_us());
	return 0;
}
