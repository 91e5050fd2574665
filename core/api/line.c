/* SPDX-License-Identifier: MIT */
#include "api/line.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/thread.h"

struct sk_line {
	pthread_mutex_t lock;
	pthread_cond_t changed;         /* somebody waits; it ends */
	struct sk_line_item *first, **tail;
	unsigned waiting, most, served;
	bool ended;
	void (*serve)(struct sk_line_item *, bool late);
	pthread_t *worker;
	unsigned workers;
};

static struct sk_line_item *next(struct sk_line *l, bool *late)
{
	struct sk_line_item *i;

	pthread_mutex_lock(&l->lock);
	while (!l->first && !l->ended)
		pthread_cond_wait(&l->changed, &l->lock);
	i = l->first;
	if (i) {
		l->first = i->next;
		if (!l->first)
			l->tail = &l->first;
		l->waiting--;
		l->served++;
	}
	*late = l->ended;
	pthread_mutex_unlock(&l->lock);
	return i;
}

static void *work(void *arg)
{
	struct sk_line *l = arg;
	struct sk_line_item *i;
	bool late;

	while ((i = next(l, &late))) {
		l->serve(i, late);
		pthread_mutex_lock(&l->lock);
		l->served--;
		pthread_mutex_unlock(&l->lock);
	}
	return NULL;
}

static int start(struct sk_line *l, unsigned workers, struct snek_error *e)
{
	l->worker = calloc(workers, sizeof(*l->worker));
	if (!l->worker)
		return sk_enomem(e);
	for (; l->workers < workers; l->workers++)
		if (sk_thread_start(&l->worker[l->workers], work, l))
			return sk_fail(e, SNEK_EAGAIN, "no thread for a worker");
	return 0;
}

int sk_line_new(unsigned workers, unsigned most,
    void (*serve)(struct sk_line_item *, bool late), struct sk_line **out,
    struct snek_error *e)
{
	struct sk_line *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return sk_enomem(e);
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->changed, NULL);
	l->tail = &l->first;
	l->most = most;
	l->serve = serve;
	rc = start(l, workers, e);
	if (rc)
		sk_line_free(l);
	else
		*out = l;
	return rc;
}

bool sk_line_up(struct sk_line *l, struct sk_line_item *i,
    void (*enter)(struct sk_line_item *))
{
	bool room;

	pthread_mutex_lock(&l->lock);
	room = l->waiting < l->most && !l->ended;
	if (room) {
		enter(i);
		i->next = NULL;
		*l->tail = i;
		l->tail = &i->next;
		l->waiting++;
	}
	pthread_mutex_unlock(&l->lock);
	if (room)
		pthread_cond_signal(&l->changed);
	return room;
}

unsigned sk_line_served(struct sk_line *l)
{
	unsigned n;

	pthread_mutex_lock(&l->lock);
	n = l->served;
	pthread_mutex_unlock(&l->lock);
	return n;
}

void sk_line_end(struct sk_line *l)
{
	unsigned i;

	pthread_mutex_lock(&l->lock);
	l->ended = true;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
	for (i = 0; i < l->workers; i++)
		pthread_join(l->worker[i], NULL);
	l->workers = 0;
}

void sk_line_free(struct sk_line *l)
{
	if (!l)
		return;
	sk_line_end(l);
	pthread_cond_destroy(&l->changed);
	pthread_mutex_destroy(&l->lock);
	free(l->worker);
	free(l);
}
