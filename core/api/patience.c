/* SPDX-License-Identifier: MIT */
#include "api/patience.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/thread.h"

#define BYTES_A_MS 16u          /* that who takes an answer takes at least */

struct sk_guest {
	struct sk_patience *p;
	struct sk_guest *next, **at;
	int64_t until;                  /* ms, with __atomic; 0: it is not him
					 * who is waited for */
	int fd;
};

struct sk_patience {
	pthread_mutex_t lock;
	pthread_cond_t changed;         /* it ends */
	pthread_t thread;
	void (*tick)(void *);
	void *arg;
	struct sk_guest *first;
	int64_t most;                   /* ms */
	bool ends;
};

/* A second later, by the clock of the condition. */
static struct timespec soon(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec++;
	return t;
}

/* The lock holds the descriptor: nobody else has its number yet. */
static void show_out(struct sk_patience *p)
{
	int64_t now = sk_clock_coarse_ms(), until;
	struct sk_guest *g;

	for (g = p->first; g; g = g->next) {
		until = __atomic_load_n(&g->until, __ATOMIC_RELAXED);
		if (until && until < now)
			shutdown(g->fd, SHUT_RDWR);
	}
}

static void *watch(void *arg)
{
	struct sk_patience *p = arg;
	struct timespec t;

	pthread_mutex_lock(&p->lock);
	while (!p->ends) {
		t = soon();
		pthread_cond_timedwait(&p->changed, &p->lock, &t);
		show_out(p);
		if (!p->tick)
			continue;
		pthread_mutex_unlock(&p->lock);
		p->tick(p->arg);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int sk_patience_new(unsigned seconds, void (*tick)(void *), void *arg,
    struct sk_patience **out, struct snek_error *e)
{
	struct sk_patience *p = calloc(1, sizeof(*p));
	pthread_condattr_t a;

	if (!p)
		return sk_enomem(e);
	p->most = (int64_t)seconds * 1000;
	p->tick = tick;
	p->arg = arg;
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(&p->changed, &a);
	pthread_condattr_destroy(&a);
	if (sk_thread_start(&p->thread, watch, p)) {
		pthread_cond_destroy(&p->changed);
		pthread_mutex_destroy(&p->lock);
		free(p);
		return sk_fail(e, SNEK_EAGAIN, "no thread to keep the time");
	}
	*out = p;
	return 0;
}

void sk_patience_free(struct sk_patience *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->ends = true;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void sk_guest_await(struct sk_guest *g, size_t bytes)
{
	if (g)
		__atomic_store_n(&g->until, sk_clock_coarse_ms() + g->p->most +
		    (int64_t)(bytes / BYTES_A_MS), __ATOMIC_RELAXED);
}

struct sk_guest *sk_guest_enter(struct sk_patience *p, int fd)
{
	struct sk_guest *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->p = p;
	g->fd = fd;
	sk_guest_await(g, 0);
	g->at = &p->first;
	pthread_mutex_lock(&p->lock);
	g->next = p->first;
	if (g->next)
		g->next->at = &g->next;
	p->first = g;
	pthread_mutex_unlock(&p->lock);
	return g;
}

void sk_guest_busy(struct sk_guest *g)
{
	if (g)
		__atomic_store_n(&g->until, 0, __ATOMIC_RELAXED);
}

void sk_guest_leave(struct sk_guest *g)
{
	if (!g)
		return;
	pthread_mutex_lock(&g->p->lock);
	*g->at = g->next;
	if (g->next)
		g->next->at = g->at;
	pthread_mutex_unlock(&g->p->lock);
	free(g);
}
