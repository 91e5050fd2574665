/* SPDX-License-Identifier: MIT */
/*
 * chunk_fill.h - one column while records come in: the values that are there,
 * one after the other, and the rows they belong to.  Slots for absent rows are
 * made when the chunk is sealed, if at all.
 */
#ifndef SK_CHUNK_FILL_H
#define SK_CHUNK_FILL_H
#include "base/buf.h"
#include "value/chunk_format.h"
#include <snek/plugin.h>

struct sk_fill {
	const char *name;
	uint64_t hash;
	uint64_t stamp;         /* of the last record that had this name */
	uint32_t name_len;
	uint32_t n;             /* values, null or not */
	uint32_t nulls_n;
	uint16_t next;          /* the column that came next last time */
	uint8_t type;           /* snek_column_type; ABSENT: only nulls yet */
	bool negative;          /* INT: some are < 0 */
	bool sparse;            /* rows holds the row of each value */
	bool bits;              /* counted as PRESENT_BITS in the estimate */
	bool padded;            /* the estimate has room for its padding */
	bool demoted;           /* counted as if it went to the rest column */
	struct sk_buf rows, nulls, doubles, ends, values;
};

/* How a column will lie in its block. */
struct sk_fill_layout {
	uint8_t type, presence;
	uint32_t slots;
	uint64_t present, nulls, doubles, ends, values, bytes;
};

#define SK_FILL_PADDING 48u     /* more than all parts of a block are padded */

/* At most this many bytes more in the block (row numbers aside) when the value
 * comes in.  Its padding is counted once, until padded is reset. */
uint64_t sk_fill_cost(const struct sk_fill *, struct snek_value, uint32_t row);
/* Make room for a value and turn to a type that holds it; what is there stays
 * what it is.  False when memory is out. */
bool sk_fill_ready_any(struct sk_fill *, struct snek_value, uint32_t row);
/* Add the value: sk_fill_ready has been called. */
void sk_fill_put_any(struct sk_fill *, struct snek_value, uint32_t row);
struct snek_value sk_fill_value(const struct sk_fill *, uint32_t i);
void sk_fill_layout(const struct sk_fill *, uint32_t rows,
    struct sk_fill_layout *);
/* Append the block to out, which has room for it. */
void sk_fill_write(const struct sk_fill *, const struct sk_fill_layout *,
    struct sk_buf *out);
void sk_fill_reset(struct sk_fill *);
void sk_fill_free(struct sk_fill *);

static inline uint64_t sk_packed_cost(struct snek_value v)
{
	switch (v.type) {
	case SNEK_STRING: return (uint64_t)v.len + 5;
	case SNEK_ARRAY:
	case SNEK_OBJECT: return v.len;
	default:          return 9;
	}
}

static inline void sk_store32(struct sk_buf *b, uint32_t v)
{
	memcpy(b->p + b->n, &v, 4);
	b->n += 4;
}

static inline void sk_store64(struct sk_buf *b, uint64_t v)
{
	memcpy(b->p + b->n, &v, 8);
	b->n += 8;
}

static inline uint32_t sk_load32_at(const struct sk_buf *b, size_t i)
{
	uint32_t v;

	memcpy(&v, b->p + 4 * i, 4);
	return v;
}

static inline bool sk_fill_has_bit(const struct sk_buf *bits, uint32_t i)
{
	return i / 8 < bits->n && (uint8_t)bits->p[i / 8] >> (i & 7) & 1;
}

static inline bool sk_fill_is_null(const struct sk_fill *c, uint32_t i)
{
	return c->nulls_n && sk_fill_has_bit(&c->nulls, i);
}

static inline uint32_t sk_fill_row(const struct sk_fill *c, uint32_t i)
{
	return c->sparse ? sk_load32_at(&c->rows, i) : i;
}

/* The common case: a value of the column's type, no row left out. */
static inline bool sk_fill_is_plain(const struct sk_fill *c,
    struct snek_value v, uint32_t row)
{
	static const uint8_t type[] = {
		[SNEK_COLUMN_INT] = SNEK_INT, [SNEK_COLUMN_DOUBLE] = SNEK_DOUBLE,
		[SNEK_COLUMN_STRING] = SNEK_STRING, [SNEK_COLUMN_HOST] = 0,
	};

	return type[c->type] == v.type && c->n == row && !c->sparse;
}

static inline bool sk_fill_ready(struct sk_fill *c, struct snek_value v,
    uint32_t row)
{
	if (!sk_fill_is_plain(c, v, row))
		return sk_fill_ready_any(c, v, row);
	if (c->type == SNEK_COLUMN_STRING)
		return sk_buf_reserve(&c->values, v.len) &&
		    sk_buf_reserve(&c->ends, 4);
	return sk_buf_reserve(&c->values, 8);
}

static inline void sk_fill_put(struct sk_fill *c, struct snek_value v,
    uint32_t row)
{
	if (!sk_fill_is_plain(c, v, row)) {
		sk_fill_put_any(c, v, row);
		return;
	}
	c->n++;
	if (c->type == SNEK_COLUMN_STRING) {
		if (v.len)
			memcpy(c->values.p + c->values.n, v.as.s, v.len);
		c->values.n += v.len;
		sk_store32(&c->ends, (uint32_t)c->values.n);
		return;
	}
	c->negative |= v.as.i < 0;      /* asked of INT only */
	sk_store64(&c->values, v.as.u);
}
#endif
