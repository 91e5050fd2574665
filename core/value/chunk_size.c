/* SPDX-License-Identifier: MIT */
/*
 * How large the chunk would be.  The estimate counts every row number and
 * every padding, so it is never too low; when it says full, the columns are
 * measured as they would be sealed, and it goes on from there.  Measuring
 * again pays once a sixteenth more rows have come.
 */
#include "value/chunk_build.h"

#define BYTES_MAX (UINT32_MAX - (1u << 20))

static uint64_t size_with(const sk_chunk_builder *b, const struct sk_tally *t,
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

uint32_t sk_chunk_builder_least(const sk_chunk_builder *b)
{
	uint32_t i, live = 0;

	for (i = 0; i < b->columns; i++)
		live += b->column[i].n > 0;
	return live > SK_DEMOTE_ABOVE ? 2 : 1;
}

static void measure_column(sk_chunk_builder *b, struct sk_fill *c,
    uint32_t least)
{
	struct sk_fill_layout l;

	c->padded = c->bits = c->demoted = false;
	if (!c->n)
		return;
	if (c->n < least) {
		c->demoted = true;
		b->estimate += 5 + (uint64_t)c->name_len +
		    sk_packed_cost(sk_fill_value(c, 0)) + SK_REST_ROW;
		return;
	}
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
	uint64_t pairs = b->rest.ends.n / 4;

	return b->rest.pairs.n +
	    SK_REST_ROW * (pairs < b->rows ? pairs : (uint64_t)b->rows);
}

static void measure(sk_chunk_builder *b)
{
	uint32_t least = sk_chunk_builder_least(b), i;

	b->estimate = SK_CHUNK_ALWAYS + rest_bytes(b);
	b->bits = 0;
	for (i = 0; i < b->columns; i++)
		measure_column(b, &b->column[i], least);
	measure_column(b, &b->column[SK_VALUE_ID], 1);
	b->measure_at = b->rows + b->rows / 16 + 1;
}

int sk_chunk_fits(sk_chunk_builder *b, const struct sk_tally *t,
    uint32_t shape, struct snek_error *e)
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
