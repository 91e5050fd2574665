/* SPDX-License-Identifier: MIT */
/* A row of a chunk back as the record that it was. */
#include "value/chunk_view.h"
#include "value/pack.h"

/* ---- shapes ---- */

static bool ids_known(const struct sk_chunk *c, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (c->shape_ids[i] == SK_CHUNK_REST
		    ? c->rest == c->head->columns
		    : c->shape_ids[i] >= c->fields && c->shape_ids[i] != c->value)
			return false;
	return true;
}

static bool ends_ascend(const uint32_t *ends, uint32_t n)
{
	uint32_t i, bad = ends[0];

	for (i = 0; i < n; i++)
		bad |= ends[i] > ends[i + 1];
	return !bad;
}

/* VALUE stands alone, or not at all. */
static bool values_alone(const struct sk_chunk *c)
{
	uint32_t s, i;

	if (c->value == c->head->columns)
		return true;
	for (s = 0; s < c->head->shapes; s++)
		for (i = c->shape_ends[s]; i < c->shape_ends[s + 1]; i++)
			if (c->shape_ids[i] == c->value &&
			    c->shape_ends[s + 1] - c->shape_ends[s] != 1)
				return false;
	return true;
}

static uint32_t shape_of(const struct sk_chunk *c, uint32_t row)
{
	uint32_t shape = 0;

	if (c->head->shape_width)
		memcpy(&shape, c->row_shapes +
		    (size_t)row * c->head->shape_width, c->head->shape_width);
	return shape;
}

static bool rows_known(const struct sk_chunk *c)
{
	uint32_t i, bad = 0;

	for (i = 0; i < c->head->rows; i++)
		bad |= shape_of(c, i) >= c->head->shapes;
	return !bad;
}

static bool cut_shapes(struct sk_chunk *c, const uint8_t *p)
{
	const struct sk_chunk_head *h = c->head;
	uint64_t left = h->shape_block.bytes;
	uint64_t ends = sk_pad8(4 * ((uint64_t)h->shapes + 1));

	if (left < ends)
		return false;
	c->shape_ends = (const void *)p;
	if (!ends_ascend(c->shape_ends, h->shapes))
		return false;
	c->shape_ids = (const void *)(p + ends);
	c->row_shapes = p + ends + sk_pad8(2 *
	    (uint64_t)c->shape_ends[h->shapes]);
	return left == sk_shape_bytes(h->shapes, c->shape_ends[h->shapes],
	    h->rows);
}

static int open_shapes(struct sk_chunk *c, struct snek_error *e)
{
	const uint8_t *p;
	int rc;

	if (c->some)
		return sk_fail(e, SNEK_EINTERNAL,
		    "whole records of a chunk were not fetched");
	if (c->shapes_opened == c->opened)
		return 0;
	rc = sk_chunk_block_bytes(c, c->head->columns, &p, e);
	if (rc)
		return rc;
	if (!cut_shapes(c, p) ||
	    !ids_known(c, c->shape_ends[c->head->shapes]) ||
	    !values_alone(c) || !rows_known(c))
		return sk_chunk_corrupt(e, "the shapes of its records");
	c->shapes_opened = c->opened;
	return 0;
}

/* ---- members ---- */

/* Rows are mostly read one after the other: look where the last one was. */
static uint32_t slot_of(struct sk_view *v, uint32_t row)
{
	const struct snek_column *c = &v->column;
	uint32_t slot = v->hint;

	if (c->presence != SNEK_PRESENT_ROWS)
		return snek_slot(c, row);
	if (slot >= c->slots || c->rows_of[slot] != row)
		slot = snek_search_slot(c, row);
	if (slot != SNEK_NO_SLOT)
		v->hint = slot + 1;
	return slot;
}

/* The value in a row that has one. */
static int value_of(struct sk_chunk *c, uint32_t i, uint32_t row,
    struct snek_value *out, struct snek_error *e)
{
	struct sk_view *v;
	uint32_t slot;
	int rc = sk_chunk_view(c, i, &v, e);

	if (rc)
		return rc;
	slot = slot_of(v, row);
	if (slot == SNEK_NO_SLOT)
		return sk_chunk_corrupt(e, "a shape and a column disagree");
	*out = sk_column_value(&v->column, slot);
	return 0;
}

/* Members that have no column, one after the other. */
struct rest {
	bool open;
	struct snek_cursor at;
};

static int next_rest(struct sk_chunk *c, uint32_t row, struct rest *r,
    struct sk_member *m, struct snek_error *e)
{
	struct snek_value v, name;
	int rc;

	if (!r->open) {
		rc = value_of(c, c->rest, row, &v, e);
		if (rc)
			return rc;
		if (sk_iterate(v, &r->at))
			return sk_chunk_corrupt(e, "a row of the rest column");
		r->open = true;
	}
	if (sk_next(&r->at, &name, &m->value) != 1)
		return sk_chunk_corrupt(e, "a row of the rest column");
	m->name = name.as.s;
	m->name_len = name.len;
	return 0;
}

static int fill_members(struct sk_chunk *c, uint32_t row, const uint16_t *id,
    uint32_t n, struct snek_error *e)
{
	struct sk_member *m = (struct sk_member *)(void *)c->members.p;
	struct rest rest = { .open = false };
	uint32_t i;
	int rc = 0;

	for (i = 0; i < n && !rc; i++) {
		if (id[i] == SK_CHUNK_REST) {
			rc = next_rest(c, row, &rest, &m[i], e);
			continue;
		}
		m[i].name = id[i] == c->value ? NULL
		    : sk_chunk_name(c, id[i], &m[i].name_len);
		if (id[i] == c->value)
			m[i].name_len = 0;
		rc = value_of(c, id[i], row, &m[i].value, e);
	}
	if (!rc && rest.open && rest.at.left)
		rc = sk_chunk_corrupt(e, "a shape and the rest column disagree");
	return rc;
}

int sk_chunk_record(struct sk_chunk *c, uint32_t row, struct sk_record *out,
    struct snek_error *e)
{
	const uint16_t *id;
	uint32_t shape, n;
	int rc;

	if (row >= c->head->rows)
		return sk_fail(e, SNEK_EINVAL, "no row %u in a chunk", row);
	rc = open_shapes(c, e);
	if (rc)
		return rc;
	shape = shape_of(c, row);
	id = c->shape_ids + c->shape_ends[shape];
	n = c->shape_ends[shape + 1] - c->shape_ends[shape];
	c->members.n = 0;
	if (!sk_buf_reserve(&c->members, ((size_t)n + 1) *
	    sizeof(struct sk_member)))
		return sk_enomem(e);
	rc = fill_members(c, row, id, n, e);
	if (rc)
		return rc;
	out->object = n != 1 || id[0] != c->value;
	out->n = n;
	out->member = (struct sk_member *)(void *)c->members.p;
	return 0;
}

int sk_chunk_value(struct sk_chunk *c, uint32_t row, struct sk_buf *scratch,
    struct snek_value *out, struct snek_error *e)
{
	struct sk_record r;
	uint32_t i;
	int rc = sk_chunk_record(c, row, &r, e);
	bool ok;

	if (rc)
		return rc;
	if (!r.object) {
		*out = r.member->value;
		return 0;
	}
	scratch->n = 0;
	ok = sk_pack_map(scratch, r.n);
	for (i = 0; ok && i < r.n; i++)
		ok = sk_pack_string(scratch, r.member[i].name,
		    r.member[i].name_len) &&
		    sk_pack_value(scratch, r.member[i].value);
	if (!ok)
		return sk_enomem(e);
	out->type = SNEK_OBJECT;
	out->len = (uint32_t)scratch->n;
	out->as.p = scratch->p;
	return 0;
}
