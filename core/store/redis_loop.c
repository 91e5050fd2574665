/* SPDX-License-Identifier: MIT */
/*
 * The loop.  Its lock guards it and all its clients, and is given up only to
 * wait: of several threads in run, one drives (waits on epoll and does the
 * work) and the others wait until something was done, or nobody drives.
 */
#include "store/redis_parts.h"
#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 64, WAIT_MAX_MS = 60000 };

static int open_descriptors(sk_redis_loop *l, struct snek_error *e)
{
	struct epoll_event ev = { .events = EPOLLIN };  /* data.ptr: NULL */

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->epoll < 0 || l->wake < 0 ||
	    epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->wake, &ev) < 0)
		return sk_fail_errno(e, "epoll");
	return 0;
}

static void init_lock(sk_redis_loop *l)
{
	pthread_mutexattr_t m;
	pthread_condattr_t c;

	pthread_mutexattr_init(&m);
	pthread_mutexattr_settype(&m, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&l->lock, &m);
	pthread_mutexattr_destroy(&m);
	pthread_condattr_init(&c);
	pthread_condattr_setclock(&c, CLOCK_MONOTONIC);
	pthread_cond_init(&l->moved, &c);
	pthread_condattr_destroy(&c);
}

int sk_redis_loop_new(sk_redis_loop **out, struct snek_error *e)
{
	sk_redis_loop *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return sk_enomem(e);
	l->epoll = l->wake = -1;
	l->pid = getpid();
	init_lock(l);
	l->in = malloc(SK_REDIS_READ);
	rc = l->in ? open_descriptors(l, e) : sk_enomem(e);
	if (rc) {
		sk_redis_loop_free(l);
		return rc;
	}
	*out = l;
	return 0;
}

void sk_redis_loop_free(sk_redis_loop *l)
{
	if (!l)
		return;
	sk_redis_tls_free(l);
	if (l->epoll >= 0)
		close(l->epoll);
	if (l->wake >= 0)
		close(l->wake);
	if (!sk_redis_loop_is_foreign(l)) {
		pthread_cond_destroy(&l->moved);
		pthread_mutex_destroy(&l->lock);
	}
	free(l->in);
	free(l);
}

bool sk_redis_loop_is_foreign(const sk_redis_loop *l)
{
	return l->pid != getpid();
}

void sk_redis_loop_wake(sk_redis_loop *l)
{
	uint64_t one = 1;

	if (!l->driving || l->calling || l->woken)
		return;
	l->woken = true;
	while (write(l->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
}

static void hear_wake(sk_redis_loop *l)
{
	uint64_t n;

	l->woken = false;
	while (read(l->wake, &n, sizeof(n)) < 0 && errno == EINTR)
		continue;
}

static int64_t due_of_all(const sk_redis_loop *l)
{
	const struct sk_redis *c;
	int64_t due = INT64_MAX, d;

	for (c = l->clients; c; c = c->next) {
		d = sk_redis_due(c);
		due = d < due ? d : due;
	}
	return due;
}

static void tend_all(sk_redis_loop *l)
{
	int64_t now = sk_clock_ms();
	struct sk_redis *c;

	for (c = l->clients; c; c = c->next)
		sk_redis_tend(c, now);
}

/* Without the lock; how many events there are. */
static int wait_for(sk_redis_loop *l, struct epoll_event *ev, int64_t until)
{
	int64_t left = until - sk_clock_ms();
	struct timespec pause = { .tv_nsec = 10000000 };
	int n;

	left = left < 0 ? 0 : left > WAIT_MAX_MS ? WAIT_MAX_MS : left;
	pthread_mutex_unlock(&l->lock);
	n = epoll_wait(l->epoll, ev, EVENTS, (int)left);
	if (n < 0 && errno != EINTR)
		nanosleep(&pause, NULL);        /* never heard of */
	pthread_mutex_lock(&l->lock);
	return n < 0 ? 0 : n;
}

/* One round of work.  The lock is held, and this thread alone drives. */
static void drive(sk_redis_loop *l, int64_t until)
{
	struct epoll_event ev[EVENTS];
	uint64_t removals, calls = l->calls;
	int64_t due, now;
	int n, i;

	l->driving = true;
	tend_all(l);
	due = l->calls == calls ? due_of_all(l) : 0;    /* somebody may be done */
	removals = l->removals;
	n = wait_for(l, ev, due < until ? due : until);
	now = sk_clock_ms();
	for (i = 0; i < n && removals == l->removals; i++) {
		if (ev[i].data.ptr)
			sk_redis_on_event(ev[i].data.ptr, ev[i].events, now);
		else
			hear_wake(l);
	}
	tend_all(l);
	l->driving = false;
	pthread_cond_broadcast(&l->moved);
}

static void wait_for_driver(sk_redis_loop *l, int64_t until)
{
	int64_t limit = sk_clock_ms() + WAIT_MAX_MS;
	struct timespec t;

	until = until < limit ? until : limit;
	t.tv_sec = until / 1000;
	t.tv_nsec = until % 1000 * 1000000;
	pthread_cond_timedwait(&l->moved, &l->lock, &t);
}

static bool ask(sk_redis_loop *l, bool (*until)(void *), void *arg)
{
	bool yes;

	l->calling++;
	yes = until(arg);
	l->calling--;
	return yes;
}

static int run(sk_redis_loop *l, bool (*until)(void *), void *arg,
    int64_t deadline, struct snek_error *e)
{
	if (l->calling)
		return sk_fail(e, SNEK_EINVAL, "a reply's callback must not wait");
	while (!ask(l, until, arg)) {
		if (sk_clock_ms() >= deadline)
			return sk_fail(e, SNEK_ETIMEDOUT, "the time is up");
		if (l->driving)
			wait_for_driver(l, deadline);
		else
			drive(l, deadline);
	}
	return 0;
}

int sk_redis_loop_refuse(const sk_redis_loop *l, struct snek_error *e)
{
	if (!sk_redis_loop_is_foreign(l))
		return 0;
	return sk_fail(e, SNEK_EINVAL, "connections to Redis do not work in a "
	    "forked child: open others there");
}

int sk_redis_run(sk_redis_loop *l, bool (*until)(void *), void *arg,
    int64_t deadline, struct snek_error *e)
{
	int rc = sk_redis_loop_refuse(l, e);

	if (rc)
		return rc;
	pthread_mutex_lock(&l->lock);
	rc = run(l, until, arg, deadline, e);
	pthread_mutex_unlock(&l->lock);
	return rc;
}

int sk_redis_loop_fd(const sk_redis_loop *l)
{
	return l->epoll;
}

int64_t sk_redis_loop_due(sk_redis_loop *l)
{
	int64_t due;

	if (sk_redis_loop_is_foreign(l))
		return INT64_MAX;
	pthread_mutex_lock(&l->lock);
	due = due_of_all(l);
	pthread_mutex_unlock(&l->lock);
	return due;
}

int sk_redis_step(sk_redis_loop *l, int timeout_ms)
{
	int64_t until = timeout_ms < 0 ? INT64_MAX : sk_clock_ms() + timeout_ms;
	int rc = sk_redis_loop_refuse(l, NULL);

	if (rc)
		return rc;
	pthread_mutex_lock(&l->lock);
	if (l->calling)
		rc = SNEK_EINVAL;
	else if (l->driving)
		wait_for_driver(l, until);
	else
		drive(l, until);
	pthread_mutex_unlock(&l->lock);
	return rc;
}
