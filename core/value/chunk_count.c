/* SPDX-License-Identifier: MIT */
/*
 * The first look at a record: which column each name has, and what the values
 * will cost.
 */
#include "value/chunk_build.h"
#include "base/hash.h"

#define BITS_GROWTH 9u  /* bytes a row that a PRESENT_BITS column lacks costs */

/* ---- names ---- */

static inline bool is_name(const sk_chunk_builder *b, uint32_t i,
    const struct sk_member *m)
{
	const struct sk_fill *c = &b->column[i];

	return i < b->columns && c->name_len == m->name_len &&
	    sk_same_bytes(c->name, m->name, m->name_len);
}

/* A new column for the name at table slot j; SK_CHUNK_REST: no more columns;
 * -1: no memory. */
static int add_column(sk_chunk_builder *b, const struct sk_member *m,
    uint64_t hash, uint32_t j)
{
	uint32_t i = b->columns;
	struct sk_fill *c = &b->column[i];
	char *name;

	if (i == SK_COLUMN_CAP)
		return SK_CHUNK_REST;
	name = sk_arena_copy(&b->names, m->name, m->name_len);
	if (!name)
		return -1;
	memset(c, 0, sizeof(*c));
	c->name = name;
	c->name_len = m->name_len;
	c->hash = hash;
	c->next = (uint16_t)(i + 1);
	b->table[j] = (uint16_t)(i + 1);
	b->columns++;
	return (int)i;
}

static int look_up(sk_chunk_builder *b, const struct sk_member *m)
{
	uint64_t h = sk_hash64(m->name, m->name_len, 0);
	uint32_t j = h % SK_NAME_SLOTS, i;

	for (; (i = b->table[j]); j = (j + 1) % SK_NAME_SLOTS)
		if (b->column[i - 1].hash == h && is_name(b, i - 1, m))
			return (int)i - 1;
	return add_column(b, m, h, j);
}

/* ---- costs ---- */

static void count_value(const sk_chunk_builder *b, const struct sk_fill *c,
    struct snek_value v, struct sk_tally *t)
{
	if (sk_fill_is_plain(c, v, b->rows) && c->n && c->padded) {
		t->dense++;
		t->cost += v.type == SNEK_STRING ? 5 + (uint64_t)v.len : 9;
		return;
	}
	t->cost += sk_fill_cost(c, v, b->rows);
	if (!c->n || c->demoted)
		t->cost += sizeof(struct sk_chunk_field) + c->name_len;
	if (c->demoted)
		t->cost += SK_FILL_PADDING + 16;
	if (c->n == b->rows && !c->sparse)
		t->dense++;
	else
		t->cost += 4;
	t->bits += c->bits;
}

static void count_rest(const struct sk_member *m, struct sk_tally *t)
{
	t->cost += 5 + (uint64_t)m->name_len + sk_packed_cost(m->value);
	t->rest++;
}

static int resolve_members(sk_chunk_builder *b, const struct sk_record *r,
    uint16_t *ids, struct sk_tally *t)
{
	uint32_t i, guess = b->first;
	uint16_t *next = &b->first;
	int id;

	for (i = 0; i < r->n; i++) {
		const struct sk_member *m = &r->member[i];

		id = is_name(b, guess, m) ? (int)guess : look_up(b, m);
		if (id < 0)
			return SNEK_ENOMEM;
		ids[i] = (uint16_t)id;
		if (id == SK_CHUNK_REST) {
			count_rest(m, t);
			continue;
		}
		if (b->column[id].stamp == b->stamp)
			return SNEK_EINVAL;
		b->column[id].stamp = b->stamp;
		count_value(b, &b->column[id], m->value, t);
		*next = (uint16_t)id;
		next = &b->column[id].next;
		guess = *next;
	}
	return 0;
}

/* Columns that end being dense with this record need row numbers. */
static uint64_t cost_of_breaking(const sk_chunk_builder *b)
{
	uint64_t cost = 0;
	uint32_t i;

	for (i = 0; i < b->dense_n; i++) {
		const struct sk_fill *c = &b->column[b->dense[i]];

		if (c->stamp != b->stamp)
			cost += 4 * (uint64_t)c->n + SK_FILL_PADDING;
	}
	return cost;
}

int sk_chunk_count(sk_chunk_builder *b, const struct sk_record *r,
    struct sk_tally *t, struct snek_error *e)
{
	int rc = 0;

	b->ids.n = 0;
	if (!sk_buf_reserve(&b->ids, 2 * (size_t)r->n + 2))
		return sk_enomem(e);
	b->ids.n = 2 * (size_t)r->n;
	b->stamp++;
	if (r->object) {
		rc = resolve_members(b, r, (uint16_t *)(void *)b->ids.p, t);
	} else {
		*(uint16_t *)(void *)b->ids.p = SK_VALUE_ID;
		b->column[SK_VALUE_ID].stamp = b->stamp;
		count_value(b, &b->column[SK_VALUE_ID], r->member->value, t);
	}
	if (rc == SNEK_EINVAL)
		return sk_fail(e, rc, "a record has the same name twice");
	if (rc)
		return sk_enomem(e);
	if (t->dense < b->dense_n)
		t->cost += cost_of_breaking(b);
	t->cost += BITS_GROWTH * (uint64_t)(b->bits - t->bits);
	if (t->rest)
		t->cost += SK_REST_ROW;
	return 0;
}
