/* SPDX-License-Identifier: MIT */
/*
 * Keys are sorted eight bytes of body at a time: many by radix, few by
 * comparing, and where the eight are equal, by the next eight.
 */
#include "task/order.h"
#include "base/pages.h"
#include "value/key.h"

#include <stdlib.h>

#define LEVELS 4u               /* from the 33rd byte on whole keys are compared */
#define FEW 256u

static size_t length(const struct sk_slot *s)
{
	return s->id >> 8;
}

/* Bytes 8 * level and on, zeroes behind the end. */
static uint64_t word_at(const struct sk_slot *s, uint32_t level)
{
	size_t n = length(s), at = 8 * (size_t)level;
	uint64_t v = 0;
	char body[8];

	if (n > 8 && n > at)
		memcpy(&v, s->body + at, n - at < 8 ? n - at : 8);
	else if (!level)
		memcpy(&v, sk_slot_body(s, body), n);
	return __builtin_bswap64(v);
}

static int by_key(const void *x, const void *y)
{
	const struct sk_slot *a = ((const struct sk_ordered *)x)->slot;
	const struct sk_slot *b = ((const struct sk_ordered *)y)->slot;
	uint8_t s = (uint8_t)a->id, t = (uint8_t)b->id;
	char p[8], q[8];

	if (s != t)
		return s < t ? -1 : 1;
	return sk_key_compare(sk_slot_body(a, p), length(a), sk_slot_body(b, q),
	    length(b));
}

static int by_word(const void *x, const void *y)
{
	const struct sk_ordered *a = x, *b = y;
	uint8_t s = (uint8_t)a->slot->id, t = (uint8_t)b->slot->id;

	if (s != t)
		return s < t ? -1 : 1;
	return a->word < b->word ? -1 : a->word > b->word;
}

static uint8_t digit(const struct sk_ordered *o, int i)
{
	return i < 8 ? (uint8_t)(o->word >> (8 * i)) : (uint8_t)o->slot->id;
}

/* By word, then by tag; digits that are the same everywhere cost nothing. */
static void radix(struct sk_ordered *a, struct sk_ordered *spare, size_t n)
{
	struct sk_ordered *from = a, *to = spare, *t;
	size_t count[256], sum, c, i;
	int d;

	for (d = 0; d < 9; d++) {
		memset(count, 0, sizeof(count));
		for (i = 0; i < n; i++)
			count[digit(&from[i], d)]++;
		if (count[digit(&from[0], d)] == n)
			continue;
		for (sum = 0, i = 0; i < 256; i++) {
			c = count[i];
			count[i] = sum;
			sum += c;
		}
		for (i = 0; i < n; i++)
			to[count[digit(&from[i], d)]++] = from[i];
		t = from;
		from = to;
		to = t;
	}
	if (from != a)
		memcpy(a, from, n * sizeof(*a));
}

static void sort(struct sk_ordered *a, struct sk_ordered *spare, size_t n,
    uint32_t level)
{
	size_t i, end;
	bool ended;

	for (i = 0; i < n; i++)
		a[i].word = word_at(a[i].slot, level);
	if (n > FEW)
		radix(a, spare, n);
	else
		qsort(a, n, sizeof(*a), by_word);
	for (i = 0; i < n; i = end) {
		ended = false;
		for (end = i; end < n && !by_word(&a[i], &a[end]); end++)
			ended |= length(a[end].slot) <= 8 * ((size_t)level + 1);
		if (end - i < 2)
			continue;
		/* One that ends here differs by zeroes behind it only. */
		if (ended || level + 1 == LEVELS)
			qsort(a + i, end - i, sizeof(*a), by_key);
		else
			sort(a + i, spare, end - i, level + 1);
	}
}

static size_t bytes(const struct sk_table *t)
{
	return ((size_t)t->n + 1) * sizeof(struct sk_ordered);
}

void sk_table_order_free(const struct sk_table *t, struct sk_ordered *a)
{
	sk_pages_free(a, bytes(t));
}

struct sk_ordered *sk_table_order(const struct sk_table *t)
{
	struct sk_ordered *a = sk_pages_alloc(bytes(t));
	struct sk_ordered *spare = sk_pages_alloc(bytes(t));
	uint32_t i;

	if (!a || !spare) {
		sk_table_order_free(t, spare);
		sk_table_order_free(t, a);
		return NULL;
	}
	for (i = 0; i < t->n; i++)
		a[i].slot = sk_table_slot(t, i);
	sort(a, spare, t->n, 0);
	sk_table_order_free(t, spare);
	return a;
}
