/* SPDX-License-Identifier: MIT */
#include "base/told.h"

#include <pthread.h>
#include <snek/types.h>
#include <stdio.h>
#include <stdlib.h>

#define QUESTION 65u                    /* a SHA-256, in hex */

struct one {
	char question[QUESTION];        /* "": none */
	struct sk_buf answer;
};
struct sk_told {
	pthread_mutex_t lock;
	unsigned next;                  /* to be written over */
	struct one one[SK_TOLD_MOST];
};

int sk_told_new(struct sk_told **out)
{
	struct sk_told *t = calloc(1, sizeof(*t));

	if (!t)
		return SNEK_ENOMEM;
	pthread_mutex_init(&t->lock, NULL);
	*out = t;
	return 0;
}

void sk_told_free(struct sk_told *t)
{
	unsigned i;

	if (!t)
		return;
	for (i = 0; i < SK_TOLD_MOST; i++)
		sk_buf_free(&t->one[i].answer);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static struct one *find(struct sk_told *t, const char *question)
{
	unsigned i;

	for (i = 0; i < SK_TOLD_MOST; i++)
		if (!strcmp(t->one[i].question, question))
			return &t->one[i];
	return NULL;
}

bool sk_told_get(struct sk_told *t, const char *question, struct sk_buf *out)
{
	const struct one *o;
	bool got;

	pthread_mutex_lock(&t->lock);
	o = find(t, question);
	got = o && sk_buf_put(out, o->answer.p, o->answer.n);
	pthread_mutex_unlock(&t->lock);
	return got;
}

void sk_told_put(struct sk_told *t, const char *question, struct sk_span answer)
{
	struct one *o;

	if (answer.n > SK_TOLD_LARGEST)
		return;
	pthread_mutex_lock(&t->lock);
	o = find(t, question);
	if (!o)
		o = &t->one[t->next++ % SK_TOLD_MOST];
	o->answer.n = 0;
	snprintf(o->question, QUESTION, "%s", question);
	if (!sk_buf_put(&o->answer, answer.p, answer.n))
		*o->question = '\0';
	pthread_mutex_unlock(&t->lock);
}
