/* SPDX-License-Identifier: MIT */
#include "job/heap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int sk_heap_init(struct sk_heap *h, size_t cap)
{
	h->n = 0;
	h->cap = cap;
	h->item = calloc(cap ? cap : 1, sizeof(*h->item));
	return h->item ? 0 : SNEK_ENOMEM;
}

void sk_heap_free(struct sk_heap *h)
{
	free(h->item);
	memset(h, 0, sizeof(*h));
}

static bool before(struct sk_heap_item a, struct sk_heap_item b)
{
	return a.key < b.key || (a.key == b.key && a.n < b.n);
}

void sk_heap_push(struct sk_heap *h, int64_t key, uint32_t n)
{
	struct sk_heap_item it = { key, n };
	size_t i;

	assert(h->n < h->cap);
	for (i = h->n++; i && before(it, h->item[(i - 1) / 2]); i = (i - 1) / 2)
		h->item[i] = h->item[(i - 1) / 2];
	h->item[i] = it;
}

struct sk_heap_item sk_heap_pop(struct sk_heap *h)
{
	struct sk_heap_item top, last;
	size_t i, kid;

	assert(h->n);
	top = h->item[0];
	last = h->item[--h->n];
	for (i = 0; (kid = 2 * i + 1) < h->n; i = kid) {
		if (kid + 1 < h->n && before(h->item[kid + 1], h->item[kid]))
			kid++;
		if (!before(h->item[kid], last))
			break;
		h->item[i] = h->item[kid];
	}
	h->item[i] = last;
	return top;
}

int sk_median_init(struct sk_median *m, size_t cap)
{
	int rc = sk_heap_init(&m->low, cap + 1);

	return rc ? rc : sk_heap_init(&m->high, cap + 1);
}

void sk_median_free(struct sk_median *m)
{
	sk_heap_free(&m->low);
	sk_heap_free(&m->high);
}

void sk_median_reset(struct sk_median *m)
{
	m->low.n = 0;
	m->high.n = 0;
}

void sk_median_add(struct sk_median *m, int64_t value)
{
	if (m->low.n && value > -m->low.item[0].key)
		sk_heap_push(&m->high, value, 0);
	else
		sk_heap_push(&m->low, -value, 0);
	if (m->high.n > m->low.n)
		sk_heap_push(&m->low, -sk_heap_pop(&m->high).key, 0);
	else if (m->low.n > m->high.n + 1)
		sk_heap_push(&m->high, -sk_heap_pop(&m->low).key, 0);
}

int64_t sk_median_get(const struct sk_median *m)
{
	return m->low.n ? -m->low.item[0].key : -1;
}
