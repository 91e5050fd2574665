/* SPDX-License-Identifier: MIT */
/* A filled column as the bytes of its block. */
#include "value/chunk_fill.h"

static void measure(const struct sk_fill *c, uint32_t slots,
    struct sk_fill_layout *l)
{
	bool ends = l->type == SNEK_COLUMN_STRING || l->type == SNEK_COLUMN_PACKED;

	l->slots = slots;
	l->nulls = c->nulls_n ? sk_bitmap_bytes(slots) : 0;
	l->doubles = l->type == SNEK_COLUMN_NUMBER ? sk_bitmap_bytes(slots) : 0;
	l->ends = ends ? sk_pad8(4 * ((uint64_t)slots + 1)) : 0;
	if (ends)
		l->values = sk_pad8(c->values.n);
	else if (l->type == SNEK_COLUMN_BOOL)
		l->values = sk_bitmap_bytes(slots);
	else
		l->values = 8 * (uint64_t)slots;
	l->bytes = l->present + l->nulls + l->doubles + l->ends + l->values;
}

void sk_fill_layout(const struct sk_fill *c, uint32_t rows,
    struct sk_fill_layout *l)
{
	struct sk_fill_layout few;

	l->type = c->type == SNEK_COLUMN_ABSENT ? SNEK_COLUMN_BOOL : c->type;
	l->presence = c->n == rows ? SNEK_PRESENT_ALL : SNEK_PRESENT_BITS;
	l->present = c->n == rows ? 0 : sk_bitmap_bytes(rows);
	measure(c, rows, l);
	if (c->n == rows)
		return;
	few.type = l->type;
	few.presence = SNEK_PRESENT_ROWS;
	few.present = sk_pad8(4 * (uint64_t)c->n);
	measure(c, c->n, &few);
	if (few.bytes < l->bytes)
		*l = few;
}

static char *zeros(struct sk_buf *out, uint64_t n)
{
	char *p = out->p + out->n;

	memset(p, 0, n);
	out->n += n;
	return p;
}

static void set(char *bits, uint32_t i)
{
	bits[i / 8] = (char)((uint8_t)bits[i / 8] | 1u << (i & 7));
}

/* n bytes, then zeros up to size. */
static void put_padded(struct sk_buf *out, const struct sk_buf *b, size_t n,
    uint64_t size)
{
	char *p = out->p + out->n;

	if (n)
		memcpy(p, b->p, n);
	memset(p + n, 0, size - n);
	out->n += size;
}

static void put_present(const struct sk_fill *c,
    const struct sk_fill_layout *l, struct sk_buf *out)
{
	char *p;
	uint32_t i;

	if (l->presence == SNEK_PRESENT_ALL)
		return;
	p = zeros(out, l->present);
	for (i = 0; i < c->n; i++) {
		uint32_t row = sk_fill_row(c, i);

		if (l->presence == SNEK_PRESENT_BITS)
			set(p, row);
		else
			memcpy(p + 4 * (size_t)i, &row, 4);
	}
}

static void put_bits(const struct sk_fill *c, const struct sk_fill_layout *l,
    const struct sk_buf *bits, uint64_t size, struct sk_buf *out)
{
	char *p;
	uint32_t i;

	if (l->presence != SNEK_PRESENT_BITS) {
		put_padded(out, bits, bits->n < size ? bits->n : size, size);
		return;
	}
	p = zeros(out, size);
	for (i = 0; size && i < c->n; i++)
		if (sk_fill_has_bit(bits, i))
			set(p, sk_fill_row(c, i));
}

static void put_ends(const struct sk_fill *c, const struct sk_fill_layout *l,
    struct sk_buf *out)
{
	uint32_t i, slot = 0, end = 0;
	size_t after;

	if (l->presence != SNEK_PRESENT_BITS) {
		put_padded(out, &c->ends, 4 * ((size_t)c->n + 1), l->ends);
		return;
	}
	after = out->n + l->ends;
	for (i = 0; i < c->n; i++) {
		for (; slot <= sk_fill_row(c, i); slot++)
			sk_store32(out, end);
		end = sk_load32_at(&c->ends, i + 1);
	}
	for (; slot <= l->slots; slot++)
		sk_store32(out, end);
	zeros(out, after - out->n);
}

static void put_words(const struct sk_fill *c, const struct sk_fill_layout *l,
    struct sk_buf *out)
{
	char *p;
	uint32_t i;

	if (l->presence != SNEK_PRESENT_BITS) {
		put_padded(out, &c->values, l->values, l->values);
		return;
	}
	p = zeros(out, l->values);
	for (i = 0; i < c->n; i++)
		memcpy(p + 8 * (size_t)sk_fill_row(c, i),
		    c->values.p + 8 * (size_t)i, 8);
}

void sk_fill_write(const struct sk_fill *c, const struct sk_fill_layout *l,
    struct sk_buf *out)
{
	put_present(c, l, out);
	put_bits(c, l, &c->nulls, l->nulls, out);
	put_bits(c, l, &c->doubles, l->doubles, out);
	if (l->ends) {
		put_ends(c, l, out);
		put_padded(out, &c->values, c->values.n, l->values);
	} else if (l->type == SNEK_COLUMN_BOOL) {
		put_bits(c, l, &c->values, l->values, out);
	} else {
		put_words(c, l, out);
	}
}
