/* SPDX-License-Identifier: MIT */
#include "job/live.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void sk_link_init(struct sk_link *l)
{
	l->prev = l->next = l;
}

void sk_link_add(struct sk_link *head, struct sk_link *l)
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}

void sk_link_del(struct sk_link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	sk_link_init(l);
}

int sk_live_init(struct sk_live_pool *p, size_t n)
{
	size_t buckets = 1, i;

	while (buckets < n)
		buckets *= 2;
	*p = (struct sk_live_pool){ .n = n, .mask = buckets - 1 };
	sk_link_init(&p->pend);
	p->slot = calloc(n + 1, sizeof(*p->slot));
	p->bucket = calloc(buckets, sizeof(*p->bucket));
	if (!p->slot || !p->bucket)
		return SNEK_ENOMEM;
	for (i = n; i > 0; i--) {
		p->slot[i - 1].chain = p->unused;
		p->unused = &p->slot[i - 1];
	}
	return 0;
}

void sk_live_free(struct sk_live_pool *p)
{
	free(p->slot);
	free(p->bucket);
	memset(p, 0, sizeof(*p));
}

struct sk_live *sk_live_find(const struct sk_live_pool *p,
    struct sk_attempt_id id)
{
	struct sk_live *a = p->bucket[id.n & p->mask];

	while (a && a->id != id.n)
		a = a->chain;
	return a;
}

struct sk_live *sk_live_add(struct sk_live_pool *p, struct sk_task_id task)
{
	struct sk_live *a = p->unused, **bucket;

	assert(a);
	p->unused = a->chain;
	*a = (struct sk_live){ .id = ++p->ids, .task = task,
		.state = SK_LIVE_RUNS };
	sk_link_init(&a->pend);
	sk_link_init(&a->lone);
	bucket = &p->bucket[a->id & p->mask];
	a->chain = *bucket;
	*bucket = a;
	return a;
}

void sk_live_del(struct sk_live_pool *p, struct sk_live *a)
{
	struct sk_live **at = &p->bucket[a->id & p->mask];

	while (*at != a)
		at = &(*at)->chain;
	*at = a->chain;
	sk_link_del(&a->pend);
	a->state = SK_LIVE_FREE;
	a->chain = p->unused;
	p->unused = a;
}

void sk_live_say(struct sk_live_pool *p, struct sk_live *a, uint32_t action)
{
	if (a->pend.next == &a->pend)
		sk_link_add(&p->pend, &a->pend);
	a->action = action;
}
