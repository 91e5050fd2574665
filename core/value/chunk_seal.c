/* SPDX-License-Identifier: MIT */
/* A full builder as the bytes of a chunk. */
#include "value/chunk_build.h"
#include "base/hash.h"
#include "value/pack.h"
#include "value/value.h"

#include <stdlib.h>

struct seal {
	sk_chunk_builder *b;
	struct sk_buf *out;
	size_t start;           /* of the chunk in out */
	uint32_t n;             /* columns of the chunk */
	bool demoted;           /* some of the builder's go to rest */
	uint32_t order[SK_COLUMN_CAP + 1];      /* the builder's numbers */
	uint16_t map[SK_COLUMN_CAP + 1];        /* and back; REST: demoted */
	struct sk_fill rest;
	struct sk_shapes shapes;
	uint32_t *shape;        /* the number in shapes of each of the builder's */
	struct sk_chunk_head head;
	struct sk_chunk_field *field;
};

/* ---- which columns, in which order ---- */

static int by_name(const void *a, const void *b, void *arg)
{
	const struct sk_fill *column = arg;
	const struct sk_fill *x = &column[*(const uint32_t *)a];
	const struct sk_fill *y = &column[*(const uint32_t *)b];
	uint32_t n = x->name_len < y->name_len ? x->name_len : y->name_len;
	int c = memcmp(x->name, y->name, n);

	return c ? c : x->name_len < y->name_len ? -1 : 1;
}

static void choose_columns(struct seal *s)
{
	sk_chunk_builder *b = s->b;
	uint32_t least = sk_chunk_builder_least(b), i;

	for (i = 0; i < b->columns; i++) {
		s->map[i] = SK_CHUNK_REST;
		if (b->column[i].n >= least)
			s->order[s->n++] = i;
		else if (b->column[i].n)
			s->demoted = true;
	}
	qsort_r(s->order, s->n, sizeof(*s->order), by_name, b->column);
	if (b->column[SK_VALUE_ID].n)
		s->order[s->n++] = SK_VALUE_ID;
	for (i = 0; i < s->n; i++)
		s->map[s->order[i]] = (uint16_t)i;
}

/* ---- the rest column ---- */

static uint16_t mapped(const struct seal *s, uint16_t id)
{
	return id == SK_CHUNK_REST ? id : s->map[id];
}

static bool put_pair(struct seal *s, uint16_t id, uint32_t *pair)
{
	const struct sk_fill_rest *r = &s->b->rest;
	const struct sk_fill *c = &s->b->column[id];
	uint32_t at;

	if (id != SK_CHUNK_REST)
		return sk_pack_string(&s->rest.values, c->name, c->name_len) &&
		    sk_pack_value(&s->rest.values, sk_fill_value(c, 0));
	at = *pair ? sk_load32_at(&r->ends, *pair - 1) : 0;
	return sk_buf_put(&s->rest.values, r->pairs.p + at,
	    sk_load32_at(&r->ends, (*pair)++) - at);
}

static bool put_rest_row(struct seal *s, uint32_t row, uint32_t *pair)
{
	struct sk_fill *rest = &s->rest;
	uint32_t i, n, in_rest = 0;
	const uint16_t *id = sk_shapes_get(&s->b->shapes,
	    sk_load32_at(&s->b->row_shape, row), &n);

	for (i = 0; i < n; i++)
		in_rest += mapped(s, id[i]) == SK_CHUNK_REST;
	if (!in_rest)
		return true;
	if (!sk_pack_map(&rest->values, in_rest) ||
	    !sk_buf_reserve(&rest->rows, 4) || !sk_buf_reserve(&rest->ends, 4))
		return false;
	for (i = 0; i < n; i++)
		if (mapped(s, id[i]) == SK_CHUNK_REST && !put_pair(s, id[i], pair))
			return false;
	sk_store32(&rest->rows, row);
	sk_store32(&rest->ends, (uint32_t)rest->values.n);
	rest->n++;
	return true;
}

static bool gather_rest(struct seal *s)
{
	uint32_t row, pair = 0;

	if (!s->demoted && !s->b->rest.ends.n)
		return true;
	s->rest.type = SNEK_COLUMN_PACKED;
	s->rest.sparse = true;
	if (!sk_buf_reserve(&s->rest.ends, 4))
		return false;
	sk_store32(&s->rest.ends, 0);
	for (row = 0; row < s->b->rows; row++)
		if (!put_rest_row(s, row, &pair))
			return false;
	return true;
}

/* ---- shapes ---- */

static uint32_t map_shape(struct seal *s, uint32_t shape)
{
	uint32_t i, n, found;
	const uint16_t *id = sk_shapes_get(&s->b->shapes, shape, &n);
	uint16_t *to;

	s->b->ids.n = 0;
	if (!sk_buf_reserve(&s->b->ids, 2 * (size_t)n + 2))
		return SK_SHAPE_NONE;
	to = (uint16_t *)(void *)s->b->ids.p;
	for (i = 0; i < n; i++)
		to[i] = mapped(s, id[i]);
	found = sk_shapes_find(&s->shapes, to, n, SK_SHAPE_NONE);
	return found == SK_SHAPE_NONE ? sk_shapes_add(&s->shapes, to, n) : found;
}

/* Shapes in the chunk's column numbers; demoted names may make some equal. */
static bool map_shapes(struct seal *s)
{
	uint32_t i, n = s->b->shapes.n;

	s->shape = malloc(4 * (size_t)n);
	for (i = 0; s->shape && i < n; i++) {
		s->shape[i] = map_shape(s, i);
		if (s->shape[i] == SK_SHAPE_NONE)
			return false;
	}
	return s->shape;
}

/* ---- blocks ---- */

static void put_padded(struct sk_buf *out, const void *p, size_t n)
{
	size_t pad = (size_t)sk_pad8(n) - n;

	if (n)
		memcpy(out->p + out->n, p, n);
	memset(out->p + out->n + n, 0, pad);
	out->n += n + pad;
}

/* The block from where it began to the end of out. */
static void close_block(struct seal *s, size_t began,
    struct sk_chunk_block *block)
{
	block->offset = (uint32_t)(began - s->start);
	block->bytes = (uint32_t)(s->out->n - began);
	block->crc = sk_crc32c(0, s->out->p + began, s->out->n - began);
}

static void put_row_shapes(struct seal *s)
{
	char *p = s->out->p + s->out->n;
	uint32_t width = s->head.shape_width, i;
	size_t bytes = (size_t)sk_pad8((uint64_t)s->b->rows * width);

	if (!width)
		return;
	memset(p, 0, bytes);
	for (i = 0; i < s->b->rows; i++)
		memcpy(p + (size_t)i * width,
		    &s->shape[sk_load32_at(&s->b->row_shape, i)], width);
	s->out->n += bytes;
}

static void put_ends(struct sk_buf *out, const struct sk_buf *ends)
{
	memcpy(out->p + out->n, ends->p, ends->n);
	out->n += ends->n;
	if (ends->n % 8 == 0)
		sk_store32(out, 0);
}

static void put_shapes(struct seal *s)
{
	size_t began = s->out->n;

	s->head.shapes = s->shapes.n;
	s->head.shape_width = sk_shape_width(s->shapes.n);
	sk_store32(s->out, 0);          /* so the first begins like the others */
	put_ends(s->out, &s->shapes.ends);
	put_padded(s->out, s->shapes.ids.p, s->shapes.ids.n);
	put_row_shapes(s);
	close_block(s, began, &s->head.shape_block);
}

static void put_places(struct seal *s)
{
	size_t began = s->out->n;

	s->head.runs = (uint32_t)(s->b->runs.n / sizeof(struct sk_chunk_run));
	put_padded(s->out, s->b->runs.p, s->b->runs.n);
	close_block(s, began, &s->head.place_block);
}

static void put_column(struct seal *s, const struct sk_fill *c,
    enum sk_column_kind kind, struct sk_chunk_field *f)
{
	struct sk_fill_layout l;
	size_t began = s->out->n;

	sk_fill_layout(c, s->b->rows, &l);
	sk_fill_write(c, &l, s->out);
	f->kind = (uint8_t)kind;
	f->type = l.type;
	f->presence = l.presence;
	f->count = c->n;
	f->nulls = c->nulls_n;
	close_block(s, began, &f->block);
}

/* ---- the head ---- */

static const struct sk_fill *column_at(const struct seal *s, uint32_t i)
{
	return i < s->n ? &s->b->column[s->order[i]] : &s->rest;
}

static uint64_t head_bytes(const struct seal *s)
{
	uint64_t n = sizeof(s->head);
	uint32_t i;

	for (i = 0; i < s->head.columns; i++)
		n += sizeof(*s->field) + column_at(s, i)->name_len;
	return sk_pad8(n);
}

static uint64_t chunk_bytes(const struct seal *s)
{
	uint64_t n = head_bytes(s) + s->b->runs.n + sk_shape_bytes(s->shapes.n,
	    s->shapes.ids.n / 2, s->b->rows);
	struct sk_fill_layout l;
	uint32_t i;

	for (i = 0; i < s->head.columns; i++) {
		sk_fill_layout(column_at(s, i), s->b->rows, &l);
		n += l.bytes;
	}
	return n;
}

static void put_head(struct seal *s)
{
	char *p = s->out->p + s->start, *name;
	uint32_t i;

	memcpy(s->head.magic, SK_CHUNK_MAGIC, 4);
	s->head.format = SK_CHUNK_FORMAT;
	s->head.bytes = (uint32_t)(s->out->n - s->start);
	s->head.rows = s->b->rows;
	name = p + sizeof(s->head) + s->head.columns * sizeof(*s->field);
	for (i = 0; i < s->head.columns; i++) {
		const struct sk_fill *c = column_at(s, i);

		s->field[i].name = (uint32_t)(name - p);
		s->field[i].name_len = c->name_len;
		if (c->name_len)
			memcpy(name, c->name, c->name_len);
		name += c->name_len;
	}
	memset(name, 0, (size_t)(p + s->head.head_bytes - name));
	if (s->head.columns)
		memcpy(p + sizeof(s->head), s->field,
		    s->head.columns * sizeof(*s->field));
	memcpy(p, &s->head, sizeof(s->head));
	s->head.crc = sk_crc32c(0, p, s->head.head_bytes);
	memcpy(p, &s->head, sizeof(s->head));
}

static enum sk_column_kind kind_at(const struct seal *s, uint32_t i)
{
	return i == s->n ? SK_COLUMN_REST : s->order[i] == SK_VALUE_ID
	    ? SK_COLUMN_VALUE : SK_COLUMN_FIELD;
}

static int write_chunk(struct seal *s)
{
	uint64_t bytes;
	uint32_t i;

	s->head.columns = s->n + (s->rest.n > 0);
	s->head.head_bytes = (uint32_t)head_bytes(s);
	bytes = chunk_bytes(s);
	s->field = calloc(s->head.columns + 1, sizeof(*s->field));
	if (!s->field || bytes > UINT32_MAX ||
	    !sk_buf_reserve(s->out, (size_t)bytes + 8))
		return SNEK_ENOMEM;
	s->out->n += s->head.head_bytes;
	for (i = 0; i < s->head.columns; i++)
		put_column(s, column_at(s, i), kind_at(s, i), &s->field[i]);
	put_shapes(s);
	put_places(s);
	put_head(s);
	return 0;
}

/*
 * With more than SK_DEMOTE_ABOVE columns, those with a single value join the
 * rest column: a column costs some 50 bytes of its own.
 */
int sk_chunk_builder_seal(sk_chunk_builder *b, struct sk_buf *out,
    struct snek_error *e)
{
	struct seal *s;
	int rc = SNEK_ENOMEM;

	if (!b->rows)
		return sk_fail(e, SNEK_EINVAL, "a chunk without records");
	s = calloc(1, sizeof(*s));
	if (!s)
		return sk_enomem(e);
	s->b = b;
	s->out = out;
	s->start = out->n;
	choose_columns(s);
	if (gather_rest(s) && map_shapes(s))
		rc = write_chunk(s);
	sk_fill_free(&s->rest);
	sk_shapes_free(&s->shapes);
	free(s->shape);
	free(s->field);
	free(s);
	if (rc)
		return sk_enomem(e);
	sk_chunk_builder_reset(b);
	return 0;
}
