/* SPDX-License-Identifier: MIT */
/*
 * Records into columns.  A record is looked at twice: first its names are
 * resolved and its cost is counted (chunk_count.c), which decides whether it
 * fits (chunk_size.c); then room is made in every column, after which adding
 * the values cannot fail.
 */
#include "value/chunk_build.h"
#include "value/pack.h"

#include <stdlib.h>

#define HEADROOM 44u    /* a Redis string this much below a power of two does
                         * not spill into the next size class */

uint32_t sk_chunk_limit(uint32_t target)
{
	if (!target)
		target = SK_CHUNK_TARGET;
	return target > HEADROOM ? target - HEADROOM : 0;
}

int sk_chunk_builder_new(uint32_t target, sk_chunk_builder **out)
{
	sk_chunk_builder *b = calloc(1, sizeof(*b));

	if (!b)
		return SNEK_ENOMEM;
	b->limit = sk_chunk_limit(target);
	/* Not cleared: most writes have few columns, and many are small. */
	b->column = malloc((SK_COLUMN_CAP + 1) * sizeof(*b->column));
	if (b->column)
		memset(&b->column[SK_VALUE_ID], 0, sizeof(*b->column));
	b->table = calloc(SK_NAME_SLOTS, sizeof(*b->table));
	b->dense = calloc(SK_COLUMN_CAP + 1, sizeof(*b->dense));
	b->estimate = SK_CHUNK_ALWAYS;
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
	memset(b->table, 0, SK_NAME_SLOTS * sizeof(*b->table));
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
    const struct sk_tally *t)
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
    const struct sk_tally *t, uint32_t shape)
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
		c->demoted = false;
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
	struct sk_tally t = { 0 };
	uint32_t shape;
	int rc = sk_chunk_count(b, r, &t, e);

	if (rc)
		return rc;
	shape = sk_shapes_find(&b->shapes, (uint16_t *)(void *)b->ids.p,
	    (uint32_t)(b->ids.n / 2), last_shape(b));
	rc = sk_chunk_fits(b, &t, shape, e);
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
	b->estimate = SK_CHUNK_ALWAYS;
}
