/* SPDX-License-Identifier: MIT */
/* snek/test_value.h - the inside of snek/test.h: include that one.  What the
 * mock host holds, its memory, and nested values. */
#ifndef SNEK_TEST_VALUE_H
#define SNEK_TEST_VALUE_H

#include <stdlib.h>
#include <snek/plugin.h>

/* ---- memory, in lists that go at once ---- */

struct snek_test_block {
	struct snek_test_block *next;
	void *align;            /* what follows is aligned to 16 */
};

struct snek_test_named {
	char *name;
	struct snek_value value;
	int64_t count;
	uint32_t row;
};

struct snek_test_list {         /* of named values */
	struct snek_test_named *v;
	size_t n;
};

struct snek_test_pair {
	struct snek_value key, *value;
	size_t n;               /* values: 1, or those of a row */
};

/* A side input: whole records, in one chunk. */
struct snek_side {
	struct snek_side *next;
	struct snek_test *t;
	const char *name;
	struct snek_value *v;
	struct snek_test_list path;
	struct snek_column *column;
	const struct snek_column **columns;
	struct snek_chunk view;
};

enum snek_test_may { SNEK_TEST_DECLARE = 1, SNEK_TEST_EMIT = 2,
	SNEK_TEST_ROWS = 4, SNEK_TEST_CHUNKS = 8, SNEK_TEST_VALUES = 16 };

struct snek_test {
	snek_ctx ctx;           /* first: ops hold a pointer to it */
	struct snek_api api;
	const struct snek_op *op;
	void *self;
	bool opened;
	unsigned may;
	int failure;
	char text[512], said[512], log[1024];
	struct snek_task_info info;
	struct snek_test_block *kept, *opening, *call;
	struct snek_test_list arg, path, aggregate, cell, counter, chunk_end;
	uint32_t rows, chunk;
	struct snek_column *column;
	const struct snek_column **columns;
	struct snek_chunk view;
	uint32_t first;         /* row of the chunk in view */
	const struct snek_value *value;
	size_t value_n, value_at;
	struct snek_value group;        /* what combine may emit under */
	bool combining;
	struct snek_test_pair *pair;
	size_t pairs;
	struct snek_side *side;
};

static inline void snek_test_die(const char *what)
{
	fprintf(stderr, "snek/test.h: %s\n", what);
	abort();
}

static inline void *snek_test_more(struct snek_test_block **list, size_t n)
{
	struct snek_test_block *b = (struct snek_test_block *)calloc(1,
	    sizeof(*b) + (n ? n : 1));

	if (!b)
		snek_test_die("out of memory");
	b->next = *list;
	*list = b;
	return b + 1;
}

static inline void snek_test_drop(struct snek_test_block **list)
{
	struct snek_test_block *b;

	while ((b = *list)) {
		*list = b->next;
		free(b);
	}
}

static inline struct snek_value snek_test_copy(struct snek_test *t,
    struct snek_value v)
{
	if (v.type >= SNEK_STRING) {
		char *p = (char *)snek_test_more(&t->kept, (size_t)v.len + 1);

		if (v.len)
			memcpy(p, v.as.s, v.len);
		v.as.s = p;
	}
	return v;
}

static inline struct snek_test_named *snek_test_find(struct snek_test_list *l,
    const char *name, size_t n)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strncmp(l->v[i].name, name, n) && !l->v[i].name[n])
			return &l->v[i];
	return NULL;
}

static inline struct snek_test_named *snek_test_add(struct snek_test *t,
    struct snek_test_list *l, const char *name, size_t n)
{
	struct snek_test_named *v = (struct snek_test_named *)realloc(l->v,
	    (l->n + 1) * sizeof(*v));

	if (!v)
		snek_test_die("out of memory");
	l->v = v;
	v += l->n++;
	memset(v, 0, sizeof(*v));
	v->name = (char *)snek_test_more(&t->kept, n + 1);
	memcpy(v->name, name, n);
	return v;
}

/* ---- nested values: a part of msgpack, written and read by this alone ---- */

static inline size_t snek_test_size(struct snek_value v)
{
	switch (v.type) {
	case SNEK_NULL: case SNEK_BOOL: return 1;
	case SNEK_STRING: return 5 + (size_t)v.len;
	case SNEK_ARRAY: case SNEK_OBJECT: return v.len;
	default: return 9;
	}
}

static inline uint8_t *snek_test_big(uint8_t *p, uint8_t tag, uint64_t n, int bytes)
{
	*p++ = tag;
	while (bytes--)
		*p++ = (uint8_t)(n >> 8 * bytes);
	return p;
}

static inline uint8_t *snek_test_put(uint8_t *p, struct snek_value v)
{
	switch (v.type) {
	case SNEK_NULL:   *p = 0xc0; return p + 1;
	case SNEK_BOOL:   *p = v.as.b ? 0xc3 : 0xc2; return p + 1;
	case SNEK_INT:    return snek_test_big(p, 0xd3, (uint64_t)v.as.i, 8);
	case SNEK_UINT:   return snek_test_big(p, 0xcf, v.as.u, 8);
	case SNEK_DOUBLE: return snek_test_big(p, 0xcb, v.as.u, 8);
	case SNEK_STRING: p = snek_test_big(p, 0xdb, v.len, 4); break;
	default: break;
	}
	if (v.len)
		memcpy(p, v.as.p, v.len);
	return p + v.len;
}

/* names NULL: an array.  In a list's memory. */
static inline struct snek_value snek_test_pack(struct snek_test_block **list,
    const struct snek_value *names, const struct snek_value *v, size_t n)
{
	struct snek_value out = snek_null();
	size_t size = 5;
	uint8_t *p;

	for (size_t i = 0; i < n; i++)
		size += snek_test_size(v[i]) + (names ? snek_test_size(names[i]) : 0);
	p = (uint8_t *)snek_test_more(list, size);
	out.type = names ? SNEK_OBJECT : SNEK_ARRAY;
	out.len = (uint32_t)size;
	out.as.p = p;
	p = snek_test_big(p, names ? 0xdf : 0xdd, n, 4);
	for (size_t i = 0; i < n; i++) {
		if (names)
			p = snek_test_put(p, names[i]);
		p = snek_test_put(p, v[i]);
	}
	return out;
}

static inline uint64_t snek_test_number(const uint8_t *p, int bytes)
{
	uint64_t n = 0;

	while (bytes--)
		n = n << 8 | *p++;
	return n;
}

/* The bytes that a value takes. */
static inline size_t snek_test_span(const uint8_t *p)
{
	const uint8_t *from = p;
	uint64_t left = 1;

	while (left--) {
		uint8_t tag = *p++;

		if (tag == 0xdb)
			p += 4 + snek_test_number(p, 4);
		else if (tag == 0xd3 || tag == 0xcf || tag == 0xcb)
			p += 8;
		else if (tag == 0xdd || tag == 0xdf) {
			left += snek_test_number(p, 4) * (tag == 0xdf ? 2 : 1);
			p += 4;
		}
	}
	return (size_t)(p - from);
}

static inline struct snek_value snek_test_take(struct snek_cursor *at)
{
	const uint8_t *p = (const uint8_t *)at->next;
	size_t n = snek_test_span(p);
	struct snek_value v = snek_null();

	switch (*p) {
	case 0xc2: case 0xc3: v = snek_bool(*p == 0xc3); break;
	case 0xd3: v = snek_int((int64_t)snek_test_number(p + 1, 8)); break;
	case 0xcf: v.type = SNEK_UINT; v.as.u = snek_test_number(p + 1, 8); break;
	case 0xcb: v.type = SNEK_DOUBLE; v.as.u = snek_test_number(p + 1, 8); break;
	case 0xdb: v = snek_string_n((const char *)p + 5, n - 5); break;
	case 0xdd: case 0xdf:
		v.type = *p == 0xdf ? SNEK_OBJECT : SNEK_ARRAY;
		v.len = (uint32_t)n;
		v.as.p = p;
	}
	at->next = p + n;
	at->bytes -= (uint32_t)n;
	return v;
}

/* Arrays and objects to give to an op; they live as long as the test. */
static inline struct snek_value snek_test_array(struct snek_test *t,
    const struct snek_value *v, size_t n)
{
	return snek_test_pack(&t->kept, NULL, v, n);
}

static inline struct snek_value snek_test_object(struct snek_test *t,
    const struct snek_value *names, const struct snek_value *v, size_t n)
{
	return snek_test_pack(&t->kept, names, v, n);
}

/* Of the same type and value; 1 and 1.0 differ. */
static inline bool snek_test_same(struct snek_value a, struct snek_value b)
{
	if (a.type != b.type)
		return false;
	if (a.type >= SNEK_STRING)
		return a.len == b.len && !memcmp(a.as.p, b.as.p, a.len);
	if (a.type == SNEK_BOOL)
		return a.as.b == b.as.b;
	return a.type <= SNEK_NULL || a.as.u == b.as.u;
}

#endif
