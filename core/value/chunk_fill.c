/* SPDX-License-Identifier: MIT */
#include "value/chunk_fill.h"
#include "value/pack.h"
#include "value/value.h"

#define KEEP (1u << 20)         /* a larger buffer is not kept for the next chunk */

/* ---- types ---- */

static bool takes(const struct sk_fill *c, struct snek_value v)
{
	if (v.type == SNEK_NULL)
		return true;
	switch (c->type) {
	case SNEK_COLUMN_INT:    return v.type == SNEK_INT;
	case SNEK_COLUMN_UINT:   return v.type == SNEK_UINT ||
				     (v.type == SNEK_INT && v.as.i >= 0);
	case SNEK_COLUMN_DOUBLE: return v.type == SNEK_DOUBLE;
	case SNEK_COLUMN_NUMBER: return v.type == SNEK_INT ||
				     v.type == SNEK_DOUBLE;
	case SNEK_COLUMN_BOOL:   return v.type == SNEK_BOOL;
	case SNEK_COLUMN_STRING: return v.type == SNEK_STRING;
	case SNEK_COLUMN_PACKED: return true;
	default:                 return false;
	}
}

static uint8_t first_type(struct snek_value v)
{
	switch (v.type) {
	case SNEK_BOOL:   return SNEK_COLUMN_BOOL;
	case SNEK_INT:    return SNEK_COLUMN_INT;
	case SNEK_UINT:   return SNEK_COLUMN_UINT;
	case SNEK_DOUBLE: return SNEK_COLUMN_DOUBLE;
	case SNEK_STRING: return SNEK_COLUMN_STRING;
	default:          return SNEK_COLUMN_PACKED;
	}
}

/* The type that holds both what is there and v. */
static uint8_t wider_type(const struct sk_fill *c, struct snek_value v)
{
	if (c->type == SNEK_COLUMN_ABSENT)
		return first_type(v);
	if (c->type == SNEK_COLUMN_INT && v.type == SNEK_DOUBLE)
		return SNEK_COLUMN_NUMBER;
	if (c->type == SNEK_COLUMN_DOUBLE && v.type == SNEK_INT)
		return SNEK_COLUMN_NUMBER;
	if (c->type == SNEK_COLUMN_INT && v.type == SNEK_UINT && !c->negative)
		return SNEK_COLUMN_UINT;
	return SNEK_COLUMN_PACKED;
}

static bool has_ends(uint8_t type)
{
	return type == SNEK_COLUMN_STRING || type == SNEK_COLUMN_PACKED;
}

/* How much the parts of a block may be padded beyond what values cost. */
static uint32_t padding(const struct sk_fill *c, uint8_t type, uint32_t row)
{
	uint32_t n = c->nulls_n ? 8 : 0;

	if (c->sparse || c->n != row)
		n += 8;
	if (has_ends(type))
		return n + 16;
	return type == SNEK_COLUMN_BOOL || type == SNEK_COLUMN_NUMBER ||
	    type == SNEK_COLUMN_ABSENT ? n + 8 : n;
}

uint64_t sk_fill_cost(const struct sk_fill *c, struct snek_value v,
    uint32_t row)
{
	bool turns = !takes(c, v);
	uint8_t type = turns ? wider_type(c, v) : c->type;
	uint64_t cost = 1;      /* bits: present, null, double */

	if (turns)
		cost += 5 * (uint64_t)c->n;
	if (turns || !c->padded)
		cost += padding(c, type, row);
	if (v.type == SNEK_NULL)
		return cost + 8 + (c->nulls_n ? 0 : c->n / 8 + 8);
	switch (type) {
	case SNEK_COLUMN_STRING: return cost + 4 + v.len;
	case SNEK_COLUMN_PACKED: return cost + 4 + sk_packed_cost(v);
	default:                 return cost + 8;
	}
}

/* ---- bits ---- */

/* Zeros up to bit i and room for it. */
static bool bits_ready(struct sk_buf *b, uint32_t i)
{
	size_t need = ((size_t)i / 64 + 1) * 8;

	if (b->n >= need)
		return true;
	if (!sk_buf_reserve(b, need - b->n))
		return false;
	memset(b->p + b->n, 0, need - b->n);
	b->n = need;
	return true;
}

static void bit_set(char *bits, uint32_t i)
{
	bits[i / 8] = (char)((uint8_t)bits[i / 8] | 1u << (i & 7));
}

/* ---- turning to another type ---- */

static bool start_type(struct sk_fill *c, uint8_t type)
{
	size_t n = c->n;
	struct sk_buf *b = has_ends(type) ? &c->ends : &c->values;
	size_t need = has_ends(type) ? 4 * (n + 1) : 8 * n;

	if (type == SNEK_COLUMN_BOOL)
		return (!n || bits_ready(&c->values, c->n - 1));
	if (!sk_buf_reserve(b, need))
		return false;
	if (need)
		memset(b->p, 0, need);
	b->n = need;
	return true;
}

static bool mark_doubles(struct sk_fill *c)
{
	uint32_t i;

	if (c->n && !bits_ready(&c->doubles, c->n - 1))
		return false;
	for (i = 0; c->type == SNEK_COLUMN_DOUBLE && i < c->n; i++)
		if (!sk_fill_is_null(c, i))
			bit_set(c->doubles.p, i);
	return true;
}

static bool repack(struct sk_fill *c)
{
	struct sk_buf ends = { 0 }, values = { 0 };
	uint32_t i;
	bool ok = sk_buf_reserve(&ends, 4 * ((size_t)c->n + 1));

	if (ok)
		sk_store32(&ends, 0);
	for (i = 0; ok && i < c->n; i++) {
		if (!sk_fill_is_null(c, i))
			ok = sk_pack_value(&values, sk_fill_value(c, i));
		if (ok)
			sk_store32(&ends, (uint32_t)values.n);
	}
	if (!ok) {
		sk_buf_free(&ends);
		sk_buf_free(&values);
		return false;
	}
	sk_buf_free(&c->ends);
	sk_buf_free(&c->values);
	c->ends = ends;
	c->values = values;
	c->doubles.n = 0;
	return true;
}

static bool turn(struct sk_fill *c, uint8_t type)
{
	bool ok = true;

	if (c->type == SNEK_COLUMN_ABSENT)
		ok = start_type(c, type);
	else if (type == SNEK_COLUMN_NUMBER)
		ok = mark_doubles(c);
	else if (type == SNEK_COLUMN_PACKED)
		ok = repack(c);
	if (ok)
		c->type = type;
	return ok;
}

static bool make_sparse(struct sk_fill *c)
{
	uint32_t i;

	if (!sk_buf_reserve(&c->rows, 4 * ((size_t)c->n + 1)))
		return false;
	for (i = 0; i < c->n; i++)
		sk_store32(&c->rows, i);
	c->sparse = true;
	return true;
}

/* ---- adding ---- */

static bool slot_ready(struct sk_fill *c, struct snek_value v)
{
	switch (c->type) {
	case SNEK_COLUMN_ABSENT:
		return true;
	case SNEK_COLUMN_BOOL:
		return bits_ready(&c->values, c->n);
	case SNEK_COLUMN_NUMBER:
		return bits_ready(&c->doubles, c->n) &&
		    sk_buf_reserve(&c->values, 8);
	case SNEK_COLUMN_STRING:
	case SNEK_COLUMN_PACKED:
		return sk_buf_reserve(&c->ends, 4) && (v.type == SNEK_NULL ||
		    sk_buf_reserve(&c->values, sk_packed_cost(v) + 8));
	default:
		return sk_buf_reserve(&c->values, 8);
	}
}

bool sk_fill_ready_any(struct sk_fill *c, struct snek_value v, uint32_t row)
{
	if (!takes(c, v) && !turn(c, wider_type(c, v)))
		return false;
	if (!c->sparse && c->n != row && !make_sparse(c))
		return false;
	if (c->sparse && !sk_buf_reserve(&c->rows, 4))
		return false;
	if (v.type == SNEK_NULL && !bits_ready(&c->nulls, c->n))
		return false;
	return slot_ready(c, v);
}

static void put_number(struct sk_fill *c, struct snek_value v)
{
	uint64_t u = v.type == SNEK_NULL ? 0 : v.as.u;

	if (c->type == SNEK_COLUMN_NUMBER && v.type == SNEK_DOUBLE)
		bit_set(c->doubles.p, c->n);
	c->negative |= v.type == SNEK_INT && v.as.i < 0;
	sk_store64(&c->values, u);
}

static void put_bytes(struct sk_fill *c, struct snek_value v)
{
	if (v.type == SNEK_NULL)
		;
	else if (c->type == SNEK_COLUMN_PACKED)
		(void)sk_pack_value(&c->values, v);     /* there is room */
	else
		(void)sk_buf_put(&c->values, v.as.s, v.len);
	sk_store32(&c->ends, (uint32_t)c->values.n);
}

void sk_fill_put_any(struct sk_fill *c, struct snek_value v, uint32_t row)
{
	if (c->sparse)
		sk_store32(&c->rows, row);
	if (v.type == SNEK_NULL) {
		bit_set(c->nulls.p, c->n);
		c->nulls_n++;
	}
	if (has_ends(c->type))
		put_bytes(c, v);
	else if (c->type == SNEK_COLUMN_BOOL && v.type == SNEK_BOOL && v.as.b)
		bit_set(c->values.p, c->n);
	else if (c->type != SNEK_COLUMN_BOOL && c->type != SNEK_COLUMN_ABSENT)
		put_number(c, v);
	c->n++;
}

static struct snek_value bytes_value(const struct sk_fill *c, uint32_t i)
{
	uint32_t at = sk_load32_at(&c->ends, i);
	uint32_t n = sk_load32_at(&c->ends, i + 1) - at;
	struct snek_value v;
	size_t used;

	if (c->type == SNEK_COLUMN_STRING)
		return sk_string(n ? c->values.p + at : "", n);
	if (sk_unpack(c->values.p + at, n, &v, &used))
		return sk_none();
	return v;
}

struct snek_value sk_fill_value(const struct sk_fill *c, uint32_t i)
{
	struct snek_value v = sk_null();

	if (sk_fill_is_null(c, i) || c->type == SNEK_COLUMN_ABSENT)
		return v;
	if (has_ends(c->type))
		return bytes_value(c, i);
	if (c->type == SNEK_COLUMN_BOOL)
		return sk_bool(sk_fill_has_bit(&c->values, i));
	memcpy(&v.as.u, c->values.p + 8 * (size_t)i, 8);
	if (c->type == SNEK_COLUMN_UINT)
		return sk_uint(v.as.u);
	v.type = c->type == SNEK_COLUMN_DOUBLE ||
	    (c->type == SNEK_COLUMN_NUMBER && sk_fill_has_bit(&c->doubles, i))
	    ? SNEK_DOUBLE : SNEK_INT;
	return v;
}

static void reset(struct sk_buf *b)
{
	if (b->cap > KEEP)
		sk_buf_free(b);
	b->n = 0;
}

void sk_fill_reset(struct sk_fill *c)
{
	reset(&c->rows);
	reset(&c->nulls);
	reset(&c->doubles);
	reset(&c->ends);
	reset(&c->values);
	c->n = c->nulls_n = 0;
	c->type = SNEK_COLUMN_ABSENT;
	c->negative = c->sparse = c->bits = c->padded = c->demoted = false;
}

void sk_fill_free(struct sk_fill *c)
{
	sk_buf_free(&c->rows);
	sk_buf_free(&c->nulls);
	sk_buf_free(&c->doubles);
	sk_buf_free(&c->ends);
	sk_buf_free(&c->values);
	memset(c, 0, sizeof(*c));
}
