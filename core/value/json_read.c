/* SPDX-License-Identifier: MIT */
#include "value/json_read.h"

#include <stdlib.h>

#include "value/json_tree.h"
#include "value/pack.h"

#define PASSED 8u               /* that the quick parser passed on */
#define SOME 64u
#define TEXT_MAX ((size_t)1 << 31)      /* offsets and lengths stay in 32 bits */

struct sk_json_reader {
	struct sk_json_options options;
	struct sk_json_tree tree;
	struct sk_json_plain *plain;
	struct sk_json_fast *fast;      /* made when first needed; NULL: do
	                                 * without */
	uint32_t passed;                /* records that the quick one did not
	                                 * read, one after the other */
	struct sk_buf copy;             /* of a text without padding */
	struct sk_buf whole;            /* a record packed into one value */
};

int sk_json_reader_new(const struct sk_json_options *o, sk_json_reader **out)
{
	sk_json_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return SNEK_ENOMEM;
	if (o)
		r->options = *o;
	r->plain = sk_json_plain_new();
	if (!r->plain) {
		sk_json_reader_free(r);
		return SNEK_ENOMEM;
	}
	*out = r;
	return 0;
}

void sk_json_reader_free(sk_json_reader *r)
{
	if (!r)
		return;
	sk_json_fast_free(r->fast);
	sk_json_plain_free(r->plain);
	sk_names_free(&r->tree.names);
	sk_buf_free(&r->tree.pack);
	sk_buf_free(&r->tree.strings);
	free(r->tree.member);
	sk_buf_free(&r->copy);
	sk_buf_free(&r->whole);
	free(r);
}

struct sk_member *sk_json_tree_add(struct sk_json_tree *t)
{
	uint32_t cap = t->cap ? t->cap * 2 : 64;
	struct sk_member *m;

	if (t->n == t->cap) {
		m = realloc(t->member, cap * sizeof(*m));
		if (!m)
			return NULL;
		t->member = m;
		t->cap = cap;
	}
	return &t->member[t->n++];
}

/* Where records are not of its kind it is asked about one of some. */
static bool read_quick(sk_json_reader *r, const char *text, size_t n)
{
	if (r->passed >= PASSED && r->passed % SOME) {
		r->passed++;
		return false;
	}
	if (sk_json_quick_read(&r->tree, text, n)) {
		r->passed = 0;
		return true;
	}
	r->passed++;
	return false;
}

static bool read_fast(sk_json_reader *r, const char *text, size_t n)
{
	if (r->options.plain || n > SK_JSON_FAST_MAX)
		return false;
	if (!r->options.padded) {
		r->copy.n = 0;
		if (!sk_buf_reserve(&r->copy, n + SK_JSON_PADDING))
			return false;
		if (n)
			memcpy(r->copy.p, text, n);
		memset(r->copy.p + n, 0, SK_JSON_PADDING);
		text = r->copy.p;
	}
	if (read_quick(r, text, n))
		return true;
	if (!r->fast)
		r->fast = sk_json_fast_new();
	return r->fast && sk_json_fast_read(r->fast, &r->tree, text, n);
}

/* The record is whole and nothing moves any more. */
static void point_nested(struct sk_json_tree *t)
{
	struct snek_value *v;
	uint32_t i;

	for (i = 0; i < t->n; i++) {
		v = &t->member[i].value;
		if (v->type == SNEK_ARRAY || v->type == SNEK_OBJECT)
			v->as.p = t->pack.p + v->as.u;
	}
}

int sk_json_read(sk_json_reader *r, const char *text, size_t n,
    struct sk_record *out, size_t *at, struct snek_error *e)
{
	size_t where = 0;
	int rc;

	if (n > TEXT_MAX)
		return sk_fail(e, SNEK_ELIMIT, "a record of %zu bytes", n);
	if (!read_fast(r, text, n)) {
		rc = sk_json_plain_read(r->plain, &r->tree, text, n,
		    r->options.last_duplicate, &where, e);
		if (rc < 0) {
			if (at)
				*at = where;
			return rc;
		}
	}
	point_nested(&r->tree);
	out->object = r->tree.object;
	out->n = r->tree.n;
	out->member = r->tree.member;
	return 0;
}

static bool pack_record(struct sk_buf *b, const struct sk_record *r)
{
	uint32_t i;

	b->n = 0;
	if (!sk_pack_map(b, r->n))
		return false;
	for (i = 0; i < r->n; i++)
		if (!sk_pack_string(b, r->member[i].name,
		    r->member[i].name_len) ||
		    !sk_pack_value(b, r->member[i].value))
			return false;
	return true;
}

int sk_json_value(sk_json_reader *r, const char *text, size_t n,
    struct snek_value *out, struct snek_error *e)
{
	struct sk_record record;
	int rc = sk_json_read(r, text, n, &record, NULL, e);

	if (rc < 0)
		return rc;
	if (!record.object) {
		*out = record.member[0].value;
		return 0;
	}
	if (!pack_record(&r->whole, &record))
		return sk_enomem(e);
	if (r->whole.n > UINT32_MAX)
		return sk_fail(e, SNEK_ELIMIT, "a value of %zu bytes", r->whole.n);
	*out = (struct snek_value){ .type = SNEK_OBJECT,
	    .len = (uint32_t)r->whole.n, .as.p = r->whole.p };
	return 0;
}
