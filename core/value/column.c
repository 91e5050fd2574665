/* SPDX-License-Identifier: MIT */
/* A column's block as the view that plugins read through. */
#include "value/chunk_view.h"
#include "value/pack.h"

struct parts {                  /* what is left of a block */
	const uint8_t *p;
	uint64_t left;
};

static const void *take(struct parts *b, uint64_t n)
{
	const uint8_t *p = b->p;

	if (n > b->left)
		return NULL;
	b->p += n;
	b->left -= n;
	return p;
}

static bool has_ends(const struct snek_column *c)
{
	return c->type == SNEK_COLUMN_STRING || c->type == SNEK_COLUMN_PACKED;
}

static uint64_t value_bytes(const struct snek_column *c)
{
	if (has_ends(c))
		return sk_pad8(c->ends[c->slots]);
	if (c->type == SNEK_COLUMN_BOOL)
		return sk_bitmap_bytes(c->slots);
	return 8 * (uint64_t)c->slots;
}

/* Are the ends ascending from 0, so that none is beyond the last? */
static bool ends_ascend(const struct snek_column *c)
{
	uint32_t i, bad = c->ends[0];

	for (i = 0; i < c->slots; i++)
		bad |= c->ends[i] > c->ends[i + 1];
	return !bad;
}

static bool cut(const struct sk_chunk_field *f, struct parts *b,
    struct snek_column *c)
{
	uint64_t bits = sk_bitmap_bytes(c->slots);

	if (c->presence == SNEK_PRESENT_BITS &&
	    !(c->present = take(b, sk_bitmap_bytes(c->rows))))
		return false;
	if (c->presence == SNEK_PRESENT_ROWS &&
	    !(c->rows_of = take(b, sk_pad8(4 * (uint64_t)c->slots))))
		return false;
	if (f->nulls && !(c->nulls = take(b, bits)))
		return false;
	if (c->type == SNEK_COLUMN_NUMBER && !(c->doubles = take(b, bits)))
		return false;
	if (has_ends(c) &&
	    (!(c->ends = take(b, sk_pad8(4 * ((uint64_t)c->slots + 1)))) ||
	    !ends_ascend(c)))
		return false;
	c->values = take(b, value_bytes(c));
	return c->values && !b->left;
}

/* ---- what the parts say must agree ---- */

/* How many of the first n bits are set; UINT32_MAX: one beyond them is. */
static uint32_t popcount(const uint64_t *bits, uint32_t n)
{
	uint32_t i, sum = 0;

	for (i = 0; i < n / 64; i++)
		sum += (uint32_t)__builtin_popcountll(bits[i]);
	if (n % 64 == 0)
		return sum;
	if (bits[i] >> n % 64)
		return UINT32_MAX;
	return sum + (uint32_t)__builtin_popcountll(bits[i]);
}

static bool rows_ascend(const struct snek_column *c)
{
	uint32_t i, bad = 0;

	for (i = 1; i < c->slots; i++)
		bad |= c->rows_of[i - 1] >= c->rows_of[i];
	return !bad && c->rows_of[c->slots - 1] < c->rows;
}

static bool nulls_present(const struct snek_column *c)
{
	uint64_t i, bad = 0;

	if (c->presence != SNEK_PRESENT_BITS)
		return true;
	for (i = 0; i < sk_bitmap_bytes(c->rows) / 8; i++)
		bad |= c->nulls[i] & ~c->present[i];
	return !bad;
}

static bool agree(const struct sk_chunk_field *f, const struct snek_column *c)
{
	if (c->presence == SNEK_PRESENT_BITS &&
	    popcount(c->present, c->rows) != f->count)
		return false;
	if (c->presence == SNEK_PRESENT_ROWS && !rows_ascend(c))
		return false;
	return !f->nulls || (popcount(c->nulls, c->slots) == f->nulls &&
	    nulls_present(c));
}

static bool packed_slot(const struct sk_chunk_field *f,
    const struct snek_column *c, uint32_t slot)
{
	const char *p = (const char *)c->values + c->ends[slot];
	size_t n = c->ends[slot + 1] - c->ends[slot], used;
	struct snek_value v;

	if ((c->nulls && snek_bit(c->nulls, slot)) ||
	    (c->presence == SNEK_PRESENT_BITS && !snek_bit(c->present, slot)))
		return !n;
	return !sk_unpack(p, n, &v, &used) && used == n &&
	    (f->kind != SK_COLUMN_REST || v.type == SNEK_OBJECT);
}

static bool packed_agrees(const struct sk_chunk_field *f,
    const struct snek_column *c)
{
	uint32_t i;

	if (c->type != SNEK_COLUMN_PACKED)
		return true;
	for (i = 0; i < c->slots; i++)
		if (!packed_slot(f, c, i))
			return false;
	return true;
}

int sk_chunk_view(struct sk_chunk *k, uint32_t i, struct sk_view **out,
    struct snek_error *e)
{
	const struct sk_chunk_field *f = &k->field[i];
	struct sk_view *v = &k->view[i];
	struct snek_column c = {
		.size = sizeof(c), .type = f->type, .presence = f->presence,
		.rows = k->head->rows,
	};
	struct parts b = { NULL, f->block.bytes };
	int rc;

	*out = v;
	if (v->opened == k->opened)
		return 0;
	rc = sk_chunk_block_bytes(k, i, &b.p, e);
	if (rc)
		return rc;
	c.slots = f->presence == SNEK_PRESENT_ROWS ? f->count : c.rows;
	if (!cut(f, &b, &c) || !agree(f, &c) || !packed_agrees(f, &c))
		return sk_fail(e, SNEK_ECORRUPT, "damaged chunk: column %u "
		    "(\"%.*s\") does not agree with itself", i,
		    f->name_len < 99 ? (int)f->name_len : 99,
		    (const char *)k->bytes + f->name);
	v->column = c;
	v->hint = 0;
	v->opened = k->opened;
	return 0;
}

uint32_t sk_chunk_find(const struct sk_chunk *k, const char *name,
    uint32_t len)
{
	uint32_t lo = 0, hi = k->fields, mid, n, least;
	const char *s;
	int order;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		s = sk_chunk_name(k, mid, &n);
		least = n < len ? n : len;
		order = least ? memcmp(s, name, least) : 0;
		if (!order && n == len)
			return mid;
		if (order < 0 || (!order && n < len))
			lo = mid + 1;
		else
			hi = mid;
	}
	return k->head->columns;
}

/* ---- values ---- */

static struct snek_value packed_value(const char *p, size_t n)
{
	struct snek_value v;
	size_t used;

	return sk_unpack(p, n, &v, &used) ? sk_none() : v;
}

struct snek_value sk_column_value(const struct snek_column *c, uint32_t slot)
{
	const uint64_t *word = c->values;
	const char *bytes = c->values;

	if (c->type == SNEK_COLUMN_ABSENT || c->type >= SNEK_COLUMN_HOST)
		return sk_none();
	if (c->nulls && snek_bit(c->nulls, slot))
		return sk_null();
	switch (c->type) {
	case SNEK_COLUMN_BOOL:
		return sk_bool(snek_bit(word, slot));
	case SNEK_COLUMN_UINT:
		return sk_uint(word[slot]);
	case SNEK_COLUMN_PACKED:
		return packed_value(bytes + c->ends[slot],
		    c->ends[slot + 1] - c->ends[slot]);
	default:
		return snek_slot_value(NULL, c, slot);  /* asks no host */
	}
}
