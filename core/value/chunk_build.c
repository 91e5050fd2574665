/* SPDX-License-Identifier: MIT */
/*
 * Records into columns.  A record is looked at twice: first its names are
 * resolved and its cost is counted, which decides whether it fits; then room
 * is made in every column, after which adding the values cannot fail.
 *
 * The estimate counts every row number and every padding, so it is never too
 * low; when it says full, the columns are measured as they would be sealed,
 * and it goes on from there.  Measuring again pays once a sixteenth more rows
 * have come.
 */
#include "value/chunk_build.h"
#include "base/hash.h"
#include "value/pack.h"

#include <stdlib.h>

#define TABLE (4 * SK_COLUMN_CAP)
#define HEADROOM 44u    /* a Redis string this much below a power of two does
                         * not spill into the next size class */
#define ALWAYS (sizeof(struct sk_chunk_head) + 8 + 32 + SK_FILL_PADDING)
#define BITS_GROWTH 9u  /* bytes a row that a PRESENT_BITS column lacks costs */
#define BYTES_MAX (UINT32_MAX - (1u << 20))

struct tally {
	uint64_t cost;
	uint32_t dense, bits, rest;
};

int sk_chunk_builder_new(uint32_t target, sk_chunk_builder **out)
{
	sk_chunk_builder *b = calloc(1, sizeof(*b));

	if (!b)
		return SNEK_ENOMEM;
	if (!target)
		target = SK_CHUNK_TARGET;
	b->limit = target > HEADROOM ? target - HEADROOM : 0;
	b->column = calloc(SK_COLUMN_CAP + 1, sizeof(*b->column));
	b->table = calloc(TABLE, sizeof(*b->table));
	b->dense = calloc(SK_COLUMN_CAP + 1, sizeof(*b->dense));
	b->estimate = ALWAYS;
	if (!b->column || !b->table || !b->dense) {
		sk_chunk_builder_free(b);
		return SNEK_ENOMEM;
	}
	*out = b;
	return 0;
}

static void forget_columns(sk_chunk_builder *b)
{
	uint32_t i;

	for (i = 0; i < b->columns; i++)
		sk_fill_free(&b->column[i]);
	b->columns = 0;
	b->first = 0;
	memset(b->table, 0, TABLE * sizeof(*b->table));
	sk_arena_reset(&b->names);
}

void sk_chunk_builder_free(sk_chunk_builder *b)
{
	if (!b)
		return;
	if (b->column && b->table)
		forget_columns(b);
	if (b->column)
		sk_fill_free(&b->column[SK_VALUE_ID]);
	free(b->column);
	free(b->table);
	free(b->dense);
	sk_arena_free(&b->names);
	sk_buf_free(&b->rest.pairs);
	sk_buf_free(&b->rest.ends);
	sk_shapes_free(&b->shapes);
	sk_buf_free(&b->row_shape);
	sk_buf_free(&b->ids);
	sk_buf_free(&b->runs);
	free(b);
}

uint32_t sk_chunk_builder_rows(const sk_chunk_builder *b)
{
	return b->rows;
}

/* ---- names ---- */

static inline bool same_bytes(const char *a, const char *b, uint32_t n)
{
	uint32_t i;

	if (n <= 8)
		return sk_load_short(a, n) == sk_load_short(b, n);
	for (i = 0; i + 8 < n; i += 8)
		if (sk_load64(a + i) != sk_load64(b + i))
			return false;
	return sk_load64(a + n - 8) == sk_load64(b + n - 8);
}

static inline bool is_name(const sk_chunk_builder *b, uint32_t i,
    const struct sk_member *m)
{
	const struct sk_fill *c = &b->column[i];

	return i < b->columns && c->name_len == m->name_len &&
	    same_bytes(c->name, m->name, m->name_len);
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
	uint32_t j = h % TABLE, i;

	for (; (i = b->table[j]); j = (j + 1) % TABLE)
		if (b->column[i - 1].hash == h && is_name(b, i - 1, m))
			return (int)i - 1;
	return add_column(b, m, h, j);
}

/* ---- the first look ---- */

static void count_value(const sk_chunk_builder *b, const struct sk_fill *c,
    struct snek_value v, struct tally *t)
{
	if (sk_fill_is_plain(c, v, b->rows) && c->n && c->padded) {
		t->dense++;
		t->cost += v.type == SNEK_STRING ? 5 + (uint64_t)v.len : 9;
		return;
	}
	t->cost += sk_fill_cost(c, v, b->rows);
	if (!c->n)
		t->cost += sizeof(struct sk_chunk_field) + c->name_len;
	if (c->n == b->rows && !c->sparse)
		t->dense++;
	else
		t->cost += 4;
	t->bits += c->bits;
}

static void count_rest(const struct sk_member *m, struct tally *t)
{
	t->cost += 5 + (uint64_t)m->name_len + sk_packed_cost(m->value);
	t->rest++;
}

static int resolve_members(sk_chunk_builder *b, const struct sk_record *r,
    uint16_t *ids, struct tally *t)
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

static int resolve(sk_chunk_builder *b, const struct sk_record *r,
    struct tally *t, struct snek_error *e)
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
		t->cost += 5 + 4 + 4;
	return 0;
}

/* ---- does it fit ---- */

static uint64_t size_with(const sk_chunk_builder *b, const struct tally *t,
    uint32_t shape)
{
	uint64_t ids = b->shapes.ids.n / 2;
	uint32_t shapes = b->shapes.n;

	if (shape == SK_SHAPE_NONE) {
		ids += b->ids.n / 2;
		shapes++;
	}
	return b->estimate + t->cost + b->runs.n + sizeof(struct sk_chunk_run) +
	    sk_shape_bytes(shapes, ids, b->rows + 1);
}

static void measure_column(sk_chunk_builder *b, struct sk_fill *c)
{
	struct sk_fill_layout l;

	c->padded = c->bits = false;
	if (!c->n)
		return;
	sk_fill_layout(c, b->rows, &l);
	b->estimate += sizeof(struct sk_chunk_field) + c->name_len + l.bytes;
	if (l.presence != SNEK_PRESENT_BITS)
		return;
	c->bits = true;
	b->bits++;
	b->estimate += 32;      /* its bitmaps grow by words */
}

static uint64_t rest_bytes(const sk_chunk_builder *b)
{
	uint64_t rows = b->rows;        /* at most */

	if (!b->rest.ends.n)
		return 0;
	return b->rest.pairs.n + rows * (5 + 4 + 4);
}

static void measure(sk_chunk_builder *b)
{
	uint32_t i;

	b->estimate = ALWAYS + rest_bytes(b);
	b->bits = 0;
	for (i = 0; i < b->columns; i++)
		measure_column(b, &b->column[i]);
	measure_column(b, &b->column[SK_VALUE_ID]);
	b->measure_at = b->rows + b->rows / 16 + 1;
}

/* 1, or 0, or SNEK_ELIMIT; SNEK_EAGAIN: the record must be counted again. */
static int fits(sk_chunk_builder *b, const struct tally *t, uint32_t shape,
    struct snek_error *e)
{
	uint64_t size = size_with(b, t, shape);

	if (b->rows == SK_CHUNK_ROWS_MAX)
		return 0;
	if (size <= b->limit)
		return 1;
	if (!b->rows && size > BYTES_MAX)
		return sk_fail(e, SNEK_ELIMIT, "a record of %llu bytes does "
		    "not fit into a chunk", (unsigned long long)size);
	if (!b->rows)
		return 1;
	if (b->rows < b->measure_at || t->cost > b->limit)
		return 0;
	measure(b);
	return SNEK_EAGAIN;
}

/* ---- places ---- */

static bool follows(const sk_chunk_builder *b, struct sk_place p)
{
	struct sk_chunk_run run;

	if (!b->runs.n)
		return false;
	memcpy(&run, b->runs.p + b->runs.n - sizeof(run), sizeof(run));
	return run.version == p.version &&
	    run.record + (b->rows - run.row) == p.record;
}

int sk_chunk_builder_place(sk_chunk_builder *b, struct sk_place p)
{
	if (b->rows && !b->runs.n)
		return SNEK_EINVAL;
	b->placed = true;
	b->place = p;
	return 0;
}

static void put_place(sk_chunk_builder *b)
{
	struct sk_chunk_run run = {
		.version = b->place.version, .record = b->place.record,
		.row = b->rows,
	};

	if (b->placed && !follows(b, b->place))
		(void)sk_buf_put(&b->runs, &run, sizeof(run));
	b->placed = false;
}

/* ---- the second look ---- */

static struct sk_fill *column_of(sk_chunk_builder *b, uint32_t i)
{
	uint16_t id = ((const uint16_t *)(const void *)b->ids.p)[i];

	return id == SK_CHUNK_REST ? NULL : &b->column[id];
}

static bool make_room(sk_chunk_builder *b, const struct sk_record *r,
    const struct tally *t)
{
	uint32_t i;

	for (i = 0; i < r->n; i++) {
		struct sk_fill *c = column_of(b, i);

		if (c && !sk_fill_ready(c, r->member[i].value, b->rows))
			return false;
	}
	return (!t->rest || (sk_buf_reserve(&b->rest.pairs, t->cost + 16) &&
	    sk_buf_reserve(&b->rest.ends, 4 * (size_t)t->rest))) &&
	    sk_buf_reserve(&b->runs, sizeof(struct sk_chunk_run)) &&
	    sk_buf_reserve(&b->row_shape, 4);
}

static void put_rest(sk_chunk_builder *b, const struct sk_member *m)
{
	(void)sk_pack_string(&b->rest.pairs, m->name, m->name_len);
	(void)sk_pack_value(&b->rest.pairs, m->value);
	sk_store32(&b->rest.ends, (uint32_t)b->rest.pairs.n);
}

static void break_dense(sk_chunk_builder *b)
{
	uint32_t i, n = 0;

	for (i = 0; i < b->dense_n; i++)
		if (b->column[b->dense[i]].stamp == b->stamp)
			b->dense[n++] = b->dense[i];
	b->dense_n = n;
}

static void put(sk_chunk_builder *b, const struct sk_record *r,
    const struct tally *t, uint32_t shape)
{
	uint32_t i;

	for (i = 0; i < r->n; i++) {
		struct sk_fill *c = column_of(b, i);

		if (!c) {
			put_rest(b, &r->member[i]);
			continue;
		}
		if (!b->rows)
			b->dense[b->dense_n++] = (uint16_t)(c - b->column);
		sk_fill_put(c, r->member[i].value, b->rows);
		c->padded = true;
	}
	if (t->dense < b->dense_n)
		break_dense(b);
	sk_store32(&b->row_shape, shape);
	put_place(b);
	b->rows++;
}

static uint32_t last_shape(const sk_chunk_builder *b)
{
	return b->rows ? sk_load32_at(&b->row_shape, b->rows - 1) : 0;
}

int sk_chunk_builder_add(sk_chunk_builder *b, const struct sk_record *r,
    struct snek_error *e)
{
	struct tally t = { 0 };
	uint32_t shape;
	int rc = resolve(b, r, &t, e);

	if (rc)
		return rc;
	shape = sk_shapes_find(&b->shapes, (uint16_t *)(void *)b->ids.p,
	    (uint32_t)(b->ids.n / 2), last_shape(b));
	rc = fits(b, &t, shape, e);
	if (rc == SNEK_EAGAIN)
		return sk_chunk_builder_add(b, r, e);
	if (rc <= 0)
		return rc;
	b->estimate += t.cost;
	if (!make_room(b, r, &t))
		return sk_enomem(e);
	if (shape == SK_SHAPE_NONE)
		shape = sk_shapes_add(&b->shapes, (uint16_t *)(void *)b->ids.p,
		    (uint32_t)(b->ids.n / 2));
	if (shape == SK_SHAPE_NONE)
		return sk_enomem(e);
	put(b, r, &t, shape);
	return 1;
}

/* ---- starting afresh ---- */

void sk_chunk_builder_reset(sk_chunk_builder *b)
{
	uint32_t i, live = 0;

	for (i = 0; i < b->columns; i++)
		live += b->column[i].n > 0;
	if (live * 2 < b->columns)
		forget_columns(b);      /* the records look otherwise now */
	for (i = 0; i < b->columns; i++)
		sk_fill_reset(&b->column[i]);
	sk_fill_reset(&b->column[SK_VALUE_ID]);
	b->rest.pairs.n = b->rest.ends.n = 0;
	sk_shapes_reset(&b->shapes);
	b->row_shape.n = b->runs.n = 0;
	b->rows = b->bits = b->dense_n = b->measure_at = 0;
	b->estimate = ALWAYS;
}
