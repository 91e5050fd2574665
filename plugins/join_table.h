/* SPDX-License-Identifier: MIT */
/*
 * join_table.h - the rows of a side input by the values of some fields.
 *
 * Two values are the same when they are equal: 1 and 1.0 are, 1 and "1" are
 * not.  Null, arrays and objects are like nothing, not even each other.
 */
#ifndef JOIN_TABLE_H
#define JOIN_TABLE_H
#include <stdlib.h>
#include <snek/plugin.h>

#define JOIN_MOST 16u           /* fields */

enum part_kind { PART_NONE, PART_BOOL, PART_NEGATIVE, PART_WHOLE, PART_DOUBLE,
	PART_STRING };

struct part {
	uint32_t kind, len;
	union { uint64_t u; double d; const char *s; } as;
};

struct row {
	const struct snek_chunk *chunk;
	uint32_t row, next;             /* next: of its cell, 1 more; 0: none */
	uint64_t hash;
};

struct table {
	snek_path key[JOIN_MOST];       /* in the side input */
	uint32_t keys;
	struct row *row;
	uint32_t rows, room;
	uint32_t *cell;                 /* first row, 1 more; 0: none */
	uint32_t mask;
};

/* ---- values ---- */

static inline struct part part_of_double(double d)
{
	struct part p = { PART_DOUBLE, 0, { .d = d } };

	if (d >= 0 && d < 0x1p64 && d == (double)(uint64_t)d)
		p = (struct part){ PART_WHOLE, 0, { .u = (uint64_t)d } };
	else if (d < 0 && d >= -0x1p63 && d == (double)(int64_t)d)
		p = (struct part){ PART_NEGATIVE, 0,
			{ .u = (uint64_t)(int64_t)d } };
	return p;
}

static inline struct part part_of(struct snek_value v)
{
	switch (v.type) {
	case SNEK_BOOL:
		return (struct part){ PART_BOOL, 0, { .u = v.as.b } };
	case SNEK_INT:
		return (struct part){ v.as.i < 0 ? PART_NEGATIVE : PART_WHOLE,
			0, { .u = v.as.u } };
	case SNEK_UINT:
		return (struct part){ PART_WHOLE, 0, { .u = v.as.u } };
	case SNEK_DOUBLE:
		return part_of_double(v.as.d);
	case SNEK_STRING:
		return (struct part){ PART_STRING, v.len, { .s = v.as.s } };
	default:
		return (struct part){ PART_NONE, 0, { .u = 0 } };
	}
}

static inline bool part_same(const struct part *a, const struct part *b)
{
	if (a->kind != b->kind || a->len != b->len)
		return false;
	return a->kind == PART_STRING ? !memcmp(a->as.s, b->as.s, a->len)
	    : a->as.u == b->as.u;
}

static inline uint64_t part_hash(const struct part *p, uint64_t h)
{
	h = (h ^ p->kind) * 0x9e3779b97f4a7c15u;
	for (uint32_t i = 0; p->kind == PART_STRING && i < p->len; i++)
		h = (h ^ (uint8_t)p->as.s[i]) * 0x100000001b3u;
	if (p->kind != PART_STRING)
		h = (h ^ p->as.u) * 0xbf58476d1ce4e5b9u;
	return h ^ h >> 29;
}

/* All of them, and their hash; false: one of them is like nothing. */
static inline bool parts_of(struct snek_record r, const snek_path *path,
    uint32_t n, struct part *out, uint64_t *hash)
{
	*hash = 0;
	for (uint32_t i = 0; i < n; i++) {
		out[i] = part_of(snek_get(r, path[i]));
		if (out[i].kind == PART_NONE)
			return false;
		*hash = part_hash(&out[i], *hash);
	}
	return true;
}

/* ---- the table ---- */

static inline void table_free(struct table *t)
{
	free(t->row);
	free(t->cell);
}

static inline int table_add(struct table *t, struct snek_record r)
{
	struct part part[JOIN_MOST];
	struct row *p = t->row;
	uint64_t hash;

	if (!parts_of(r, t->key, t->keys, part, &hash))
		return 0;
	if (t->rows == t->room) {
		t->room = t->room ? 2 * t->room : 1024;
		p = t->room < UINT32_MAX / 4 ? (struct row *)realloc(t->row,
		    t->room * sizeof(*p)) : NULL;
		if (!p)
			return SNEK_ENOMEM;
		t->row = p;
	}
	t->row[t->rows++] = (struct row){ r.chunk, r.row, 0, hash };
	return 0;
}

static inline int table_read(snek_ctx *c, struct table *t, snek_side *side)
{
	const struct snek_chunk *chunk;
	uint32_t number = 0;
	int rc;

	while ((rc = snek_side_chunk(c, side, number++, &chunk)) == 1)
		for (uint32_t i = 0; i < chunk->rows; i++) {
			rc = table_add(t, (struct snek_record){ chunk, i });
			if (rc < 0)
				return rc;
		}
	return rc;
}

/* Rows of a cell come in the order of the side input: the last is put first. */
static inline int table_index(struct table *t)
{
	uint32_t cells = 16;

	while (cells < 2 * t->rows)
		cells *= 2;
	t->mask = cells - 1;
	t->cell = (uint32_t *)calloc(cells, sizeof(*t->cell));
	if (!t->cell)
		return SNEK_ENOMEM;
	for (uint32_t i = t->rows; i > 0; i--) {
		uint32_t *cell = &t->cell[t->row[i - 1].hash & t->mask];

		t->row[i - 1].next = *cell;
		*cell = i;
	}
	return 0;
}

static inline bool row_same(const struct table *t, const struct row *row,
    const struct part *part)
{
	struct snek_record r = { row->chunk, row->row };

	for (uint32_t i = 0; i < t->keys; i++) {
		struct part p = part_of(snek_get(r, t->key[i]));

		if (!part_same(&p, &part[i]))
			return false;
	}
	return true;
}

/* The next row after from (NULL: the first) that is the same; NULL: none. */
static inline const struct row *table_next(const struct table *t,
    const struct row *from, const struct part *part, uint64_t hash)
{
	uint32_t i = from ? from->next : t->cell[hash & t->mask];

	for (; i; i = t->row[i - 1].next)
		if (t->row[i - 1].hash == hash &&
		    row_same(t, &t->row[i - 1], part))
			return &t->row[i - 1];
	return NULL;
}
#endif
