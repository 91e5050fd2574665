/* SPDX-License-Identifier: MIT */
#include "gen_json.h"

#include <stdio.h>
#include <stdlib.h>

#include "value/utf8.h"

void gen_seed(struct gen *g, uint64_t seed)
{
	g->state = seed * 0x9e3779b97f4a7c15ull + 1;
	g->serial = 0;
}

/* splitmix64 */
static uint64_t next(struct gen *g)
{
	uint64_t z = g->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint64_t gen_below(struct gen *g, uint64_t n)
{
	return (uint64_t)((__uint128_t)next(g) * n >> 64);
}

static void put(struct sk_buf *b, const void *p, size_t n)
{
	if (!sk_buf_put(b, p, n))
		abort();
}

static void puts_to(struct sk_buf *b, const char *s)
{
	put(b, s, strlen(s));
}

#define print(b, ...) do { \
	if (!sk_buf_printf((b), __VA_ARGS__)) \
		abort(); \
} while (0)

static void blank(struct gen *g, bool blanks, struct sk_buf *b)
{
	while (blanks && gen_below(g, 4) == 0)
		put(b, &" \n\t\r"[gen_below(g, 4)], 1);
}

/* ---- scalars ---- */

static uint32_t code_point(struct gen *g)
{
	static const uint32_t limits[] = { 0x20, 0x80, 0x800, 0x10000, 0x110000 };
	static const uint32_t edges[] = { 0, 0x1f, '"', '\\', '/', 0x7f, 0x80,
		0x7ff, 0x800, 0xd7ff, 0xe000, 0xfeff, 0xfffd, 0xffff, 0x10000,
		0x10ffff };
	uint32_t c;

	if (gen_below(g, 8) == 0)
		return edges[gen_below(g, sizeof(edges) / sizeof(*edges))];
	do
		c = (uint32_t)gen_below(g, limits[gen_below(g, 5)]);
	while (c >= 0xd800 && c < 0xe000);
	return c;
}

static void put_code(struct gen *g, uint32_t c, struct sk_buf *b)
{
	static const char from[] = "\"\\/\b\f\n\r\t", to[] = "\"\\/bfnrt";
	const char *known = c && c < 0x80 ? strchr(from, (int)c) : NULL;
	char raw[4];

	if (known && gen_below(g, 2))
		print(b, "\\%c", to[known - from]);
	else if (c >= 0x10000 && gen_below(g, 4) == 0)
		print(b, "\\u%04x\\u%04X", 0xd800 + ((c - 0x10000) >> 10),
		    0xdc00 + ((c - 0x10000) & 0x3ff));
	else if (c < 0x20 || c == '"' || c == '\\' ||
	    (c < 0x10000 && gen_below(g, 8) == 0))
		print(b, gen_below(g, 2) ? "\\u%04x" : "\\u%04X", c);
	else
		put(b, raw, sk_utf8_put(raw, c));
}

static void put_text(struct gen *g, bool unicode, size_t n, struct sk_buf *b)
{
	static const char letters[] =
	    "etaoin shrdlu cmfwyp vbgkqjxz ETAOIN .,-:/{}[]0123456789";

	while (n--)
		if (unicode)
			put_code(g, code_point(g), b);
		else
			put(b, &letters[gen_below(g, sizeof(letters) - 1)], 1);
}

void gen_string(struct gen *g, bool unicode, struct sk_buf *b)
{
	static const uint32_t lengths[] = { 1, 4, 12, 40, 40, 200 };

	put(b, "\"", 1);
	put_text(g, unicode, gen_below(g, lengths[gen_below(g, 6)]), b);
	put(b, "\"", 1);
}

static void put_integer(struct gen *g, struct sk_buf *b)
{
	static const char *const edges[] = { "0", "-0", "-1",
		"9223372036854775807", "9223372036854775808",
		"-9223372036854775808", "18446744073709551615",
		"9007199254740993", "-9007199254740993", "4294967296" };

	if (gen_below(g, 10) == 0)
		puts_to(b, edges[gen_below(g, 10)]);
	else
		print(b, "%lld", (long long)next(g) >> gen_below(g, 64));
}

static void put_real(struct gen *g, struct sk_buf *b)
{
	static const char *const edges[] = { "0.0", "-0.0", "1.0", "1e0",
		"-0e0", "1E+2", "5e-324", "2.2250738585072014e-308",
		"1.7976931348623157e308", "1e-400", "0.1",
		"9007199254740993.0", "123456789012345678901234567890.0",
		"0.30000000000000004", "18446744073709551616.0",
		"2.2250738585072011e-308",
		"1.00000000000000011102230246251565404236316680908203125" };

	switch (gen_below(g, 4)) {
	case 0:
		puts_to(b, edges[gen_below(g, sizeof(edges) / sizeof(*edges))]);
		break;
	case 1:
		print(b, "%lld.%llu", (long long)next(g) >> (40 + gen_below(g, 20)),
		    (unsigned long long)gen_below(g, 100000));
		break;
	case 2:
		print(b, "%lld.%llue%d", (long long)next(g) >> gen_below(g, 60),
		    (unsigned long long)next(g) >> gen_below(g, 60),
		    (int)gen_below(g, 560) - 290);
		break;
	default:
		print(b, "%lldE%d", (long long)next(g) >> gen_below(g, 60),
		    (int)gen_below(g, 600) - 330);
	}
}

void gen_number(struct gen *g, struct sk_buf *b)
{
	if (gen_below(g, 2))
		put_integer(g, b);
	else
		put_real(g, b);
}

static void put_scalar(struct gen *g, bool unicode, struct sk_buf *b)
{
	static const char *const words[] = { "null", "true", "false" };
	uint64_t k = gen_below(g, 10);

	if (k < 3)
		puts_to(b, words[k]);
	else if (k < 6)
		gen_number(g, b);
	else
		gen_string(g, unicode, b);
}

/* A value of the field's own type: fields have one by their number. */
static void put_field(struct gen *g, unsigned field, struct sk_buf *b)
{
	switch (field % 6) {
	case 0:
	case 1:  gen_string(g, false, b); break;
	case 2:  put_integer(g, b); break;
	case 3:  put_real(g, b); break;
	case 4:  puts_to(b, gen_below(g, 2) ? "true" : "false"); break;
	default: print(b, "%d", (int)gen_below(g, 1000)); break;
	}
}

/* ---- documents ---- */

struct doc {
	struct gen *g;
	struct sk_buf *b;
	bool blanks, unicode;
	unsigned n;             /* members so far */
};

static void put_value(struct doc *d, unsigned depth);

static void begin_member(struct doc *d, const char *name)
{
	if (d->n++)
		put(d->b, ",", 1);
	blank(d->g, d->blanks, d->b);
	put(d->b, "\"", 1);
	puts_to(d->b, name);
	if (d->unicode)
		put_text(d->g, true, gen_below(d->g, 6), d->b);
	if (d->unicode)         /* what tells it from all others comes last */
		print(d->b, "#%u", d->n);
	put(d->b, "\"", 1);
	blank(d->g, d->blanks, d->b);
	put(d->b, ":", 1);
	blank(d->g, d->blanks, d->b);
}

static void put_elements(struct doc *d, bool object, unsigned depth)
{
	static const uint32_t lengths[] = { 1, 2, 4, 4, 8, 20 };
	uint64_t i, n = gen_below(d->g, lengths[gen_below(d->g, 6)]);
	unsigned outer = d->n;
	char name[24] = "";

	put(d->b, object ? "{" : "[", 1);
	d->n = 0;
	for (i = 0; i < n; i++) {
		if (object && (i || gen_below(d->g, 4)))
			snprintf(name, sizeof(name), "n%d", (int)i);
		if (object)
			begin_member(d, name);
		else if (i)
			put(d->b, ",", 1);
		put_value(d, depth - 1);
	}
	blank(d->g, d->blanks, d->b);
	put(d->b, object ? "}" : "]", 1);
	d->n = outer;
}

/* At most depth levels. */
static void put_value(struct doc *d, unsigned depth)
{
	blank(d->g, d->blanks, d->b);
	if (depth && gen_below(d->g, 3) == 0)
		put_elements(d, gen_below(d->g, 2), depth);
	else
		put_scalar(d->g, d->unicode, d->b);
	blank(d->g, d->blanks, d->b);
}

static void flat(struct doc *d, enum gen_kind kind)
{
	unsigned i, other = kind == GEN_MIXED ? 20 : 0;
	char name[24];

	for (i = 0; i < 17; i++) {
		if (kind == GEN_NULLS && gen_below(d->g, 3) == 0)
			continue;
		snprintf(name, sizeof(name), "field_%u", i);
		begin_member(d, name);
		if (kind == GEN_NULLS && gen_below(d->g, 2))
			puts_to(d->b, "null");
		else if (other && gen_below(d->g, other) == 0)
			put_value(d, 2);
		else
			put_field(d->g, i, d->b);
	}
}

static void drift(struct doc *d)
{
	uint64_t at = gen_below(d->g, 400), step = 1 + 2 * gen_below(d->g, 20);
	char name[24];
	unsigned i;

	if (step % 5 == 0)
		step += 2;              /* prime to 400: no name comes twice */
	for (i = 0; i < 30; i++) {
		at = (at + step) % 400;
		snprintf(name, sizeof(name), "d%u", (unsigned)at);
		begin_member(d, name);
		put_value(d, 1);
	}
}

static void serial(struct doc *d, unsigned n)
{
	char name[40];
	unsigned i;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "s%llu",
		    (unsigned long long)d->g->serial++);
		begin_member(d, name);
		put_scalar(d->g, false, d->b);
	}
}

static void wide(struct doc *d)
{
	unsigned i, n = 1000 + (unsigned)gen_below(d->g, 1500);
	char name[24];

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "w%u", i);
		begin_member(d, name);
		put_field(d->g, i, d->b);
	}
}

static void deep(struct doc *d)
{
	unsigned i, n = 1 + (unsigned)gen_below(d->g, 64);
	uint64_t kinds = next(d->g);

	for (i = 0; i < n; i++)
		puts_to(d->b, kinds >> i & 1 ? "{\"x\":" : "[");
	put_value(d, 64 - n < 2 ? 64 - n : 2);
	while (i--)
		put(d->b, kinds >> i & 1 ? "}" : "]", 1);
}

static void nested(struct doc *d, unsigned n)
{
	char name[24];
	unsigned i;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		begin_member(d, name);
		put_value(d, 4);
	}
}

void gen_document(struct gen *g, enum gen_kind kind, bool blanks,
    struct sk_buf *b)
{
	struct doc d = { g, b, blanks, kind == GEN_UNICODE, 0 };

	if (kind == GEN_DEEP) {
		deep(&d);
		return;
	}
	if (kind == GEN_TOP) {
		put_value(&d, 3);
		return;
	}
	put(b, "{", 1);
	switch (kind) {
	case GEN_DRIFT:   drift(&d); break;
	case GEN_SPARSE:  serial(&d, 1 + (unsigned)gen_below(g, 12)); break;
	case GEN_WIDE:    wide(&d); break;
	case GEN_UNICODE:
	case GEN_NESTED:  nested(&d, (unsigned)gen_below(g, 10)); break;
	default:          flat(&d, kind); break;
	}
	blank(g, blanks, b);
	put(b, "}", 1);
}

/* ---- damage ---- */

static void damage_one(struct gen *g, struct sk_buf *b)
{
	static const char junk[] = "{}[]\",:\\0-+.eEtfnu1d8/b \n\x01\x80\xc3\xed";
	size_t at = gen_below(g, b->n);
	char c = junk[gen_below(g, sizeof(junk))];

	if (!sk_buf_reserve(b, 1))
		abort();
	switch (gen_below(g, 4)) {
	case 0:
		b->p[at] = c;
		break;
	case 1:
		memmove(b->p + at, b->p + at + 1, b->n - at - 1);
		b->n--;
		break;
	case 2:
		memmove(b->p + at + 1, b->p + at, b->n - at);
		b->p[at] = c;
		b->n++;
		break;
	default:
		b->n = gen_below(g, 8) ? b->n : at;
	}
}

void gen_damage(struct gen *g, struct sk_buf *b)
{
	uint64_t k = 1 + gen_below(g, 3);

	while (k-- && b->n)
		damage_one(g, b);
}
