/* SPDX-License-Identifier: MIT */
#include "value/chunk_shape.h"
#include "base/hash.h"

#include <stdlib.h>

#define SLOTS_MIN 64u

static uint32_t end_of(const struct sk_shapes *s, uint32_t i)
{
	uint32_t end;

	memcpy(&end, s->ends.p + 4 * (size_t)i, 4);
	return end;
}

const uint16_t *sk_shapes_get(const struct sk_shapes *s, uint32_t i,
    uint32_t *n)
{
	uint32_t start = i ? end_of(s, i - 1) : 0;

	*n = end_of(s, i) - start;
	return (const uint16_t *)(const void *)s->ids.p + start;
}

static bool is(const struct sk_shapes *s, uint32_t i, const uint16_t *ids,
    uint32_t n)
{
	uint32_t m;
	const uint16_t *have;

	if (i >= s->n)
		return false;
	have = sk_shapes_get(s, i, &m);
	return m == n && (!n || !memcmp(have, ids, 2 * (size_t)n));
}

static uint64_t hash_of(const struct sk_shapes *s, uint32_t i)
{
	return sk_load64(s->hash.p + 8 * (size_t)i);
}

uint32_t sk_shapes_find(const struct sk_shapes *s, const uint16_t *ids,
    uint32_t n, uint32_t hint)
{
	uint64_t h;
	uint32_t j, i;

	if (is(s, hint, ids, n))
		return hint;
	if (!s->n)
		return SK_SHAPE_NONE;
	h = sk_hash64(ids, 2 * (size_t)n, 0);
	for (j = (uint32_t)h; (i = s->table[j & (s->slots - 1)]); j++)
		if (hash_of(s, i - 1) == h && is(s, i - 1, ids, n))
			return i - 1;
	return SK_SHAPE_NONE;
}

static void enter(struct sk_shapes *s, uint32_t i)
{
	uint32_t j = (uint32_t)hash_of(s, i);

	while (s->table[j & (s->slots - 1)])
		j++;
	s->table[j & (s->slots - 1)] = i + 1;
}

static bool widen(struct sk_shapes *s)
{
	uint32_t slots = s->slots ? s->slots * 2 : SLOTS_MIN, i;
	uint32_t *table = calloc(slots, sizeof(*table));

	if (!table)
		return false;
	free(s->table);
	s->table = table;
	s->slots = slots;
	for (i = 0; i < s->n; i++)
		enter(s, i);
	return true;
}

uint32_t sk_shapes_add(struct sk_shapes *s, const uint16_t *ids, uint32_t n)
{
	uint64_t h = sk_hash64(ids, 2 * (size_t)n, 0);
	uint32_t end = (uint32_t)(s->ids.n / 2) + n;

	if (s->n >= s->slots / 2 && !widen(s))
		return SK_SHAPE_NONE;
	if (!sk_buf_reserve(&s->ends, 4) || !sk_buf_reserve(&s->hash, 8) ||
	    !sk_buf_put(&s->ids, ids, 2 * (size_t)n))
		return SK_SHAPE_NONE;
	(void)sk_buf_put(&s->ends, &end, 4);
	(void)sk_buf_put(&s->hash, &h, 8);
	enter(s, s->n);
	return s->n++;
}

void sk_shapes_reset(struct sk_shapes *s)
{
	if (s->slots > SLOTS_MIN * 64) {
		sk_shapes_free(s);
		return;
	}
	if (s->slots)
		memset(s->table, 0, s->slots * sizeof(*s->table));
	s->n = 0;
	s->ids.n = s->ends.n = s->hash.n = 0;
}

void sk_shapes_free(struct sk_shapes *s)
{
	sk_buf_free(&s->ids);
	sk_buf_free(&s->ends);
	sk_buf_free(&s->hash);
	free(s->table);
	memset(s, 0, sizeof(*s));
}
