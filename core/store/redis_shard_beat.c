/* SPDX-License-Identifier: MIT */
/*
 * Signs of life: while there are writers, a thread renews their leases, for
 * they may wait for their input as long as they like.
 */
#include "store/redis_shard_write.h"

#include <time.h>

#include "base/clock.h"
#include "base/thread.h"

#ifdef SK_FAULTS
int sk_redis_renew_ms = SK_REDIS_RENEW_MS;
#define RENEW_MS sk_redis_renew_ms
#else
#define RENEW_MS SK_REDIS_RENEW_MS
#endif

static bool renew(void *arg)
{
	sk_redis_writer_renew(arg);
	return true;
}

static bool is_renewed(void *arg)
{
	return sk_redis_writers_quiet(arg);
}

/* True: it is over. */
static bool pause_for(struct sk_redis_beat *b, int ms)
{
	struct timespec t;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000l;
	if (t.tv_nsec >= 1000000000l) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000l;
	}
	pthread_mutex_lock(&b->lock);
	while (!b->stop && !pthread_cond_timedwait(&b->changed, &b->lock, &t))
		;
	stop = b->stop;
	pthread_mutex_unlock(&b->lock);
	return stop;
}

static void *beat(void *arg)
{
	struct sk_redis_shard *s = arg;

	while (!pause_for(&s->beat, RENEW_MS)) {
		sk_redis_shard_locked(s, renew, s, NULL);
		sk_redis_run(s->loop, is_renewed, s, sk_clock_ms() + 1000,
		    NULL);
	}
	return NULL;
}

void sk_redis_beat_init(struct sk_redis_beat *b)
{
	pthread_condattr_t c;

	pthread_condattr_init(&c);
	pthread_condattr_setclock(&c, CLOCK_MONOTONIC);
	pthread_cond_init(&b->changed, &c);
	pthread_condattr_destroy(&c);
	pthread_mutex_init(&b->lock, NULL);
	b->started = b->stop = false;
}

int sk_redis_beat_start(struct sk_redis_shard *s, struct snek_error *e)
{
	struct sk_redis_beat *b = &s->beat;
	int rc = 0;

	pthread_mutex_lock(&b->lock);
	if (!b->started)
		rc = sk_thread_start(&b->thread, beat, s);
	b->started |= !rc;
	pthread_mutex_unlock(&b->lock);
	return rc ? sk_fail(e, SNEK_ENOMEM, "a thread cannot be started") : 0;
}

void sk_redis_beat_end(struct sk_redis_beat *b)
{
	pthread_mutex_lock(&b->lock);
	b->stop = true;
	pthread_cond_signal(&b->changed);
	pthread_mutex_unlock(&b->lock);
	if (b->started)
		pthread_join(b->thread, NULL);
	pthread_cond_destroy(&b->changed);
	pthread_mutex_destroy(&b->lock);
}
