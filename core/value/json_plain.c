/* SPDX-License-Identifier: MIT */
/*
 * The strict parser: RFC 8259, and what snek adds to it (64 levels, numbers
 * in range, names once).  It decides for both parsers, and says where and
 * what is wrong.
 */
#include "value/json_tree.h"

#include <stdlib.h>

#include "value/json_scalar.h"
#include "value/pack.h"

/* A member of an object that is still open.  start and end are its value's
 * place in the pack, unused at the top level. */
struct name {
	const char *p;          /* in the tree's strings */
	uint32_t len;
	bool dropped;           /* a later one of this name took its place */
	size_t at;              /* in the text */
	size_t start, end;
};

struct sk_json_plain {
	struct sk_json_scalar in;
	struct sk_json_tree *t;
	struct sk_buf open;     /* struct name: of all objects that are open */
	struct sk_buf body;     /* an object written anew */
	bool last;
	int depth;
};

struct sk_json_plain *sk_json_plain_new(void)
{
	struct sk_json_plain *s = calloc(1, sizeof(*s));

	if (s && !sk_json_scalar_init(&s->in)) {
		free(s);
		return NULL;
	}
	return s;
}

void sk_json_plain_free(struct sk_json_plain *s)
{
	if (!s)
		return;
	sk_json_scalar_free(&s->in);
	sk_buf_free(&s->open);
	sk_buf_free(&s->body);
	free(s);
}

/* ---- duplicates ---- */

static struct name *names(struct sk_json_plain *s)
{
	return (struct name *)(void *)s->open.p;
}

static int fail_duplicate(struct sk_json_plain *s, const struct name *x)
{
	struct sk_buf b = { 0 };
	uint32_t n = x->len;

	if (n > 60)
		for (n = 60; n && (x->p[n] & 0xc0) == 0x80; n--)
			;
	if (!sk_json_write(&b, sk_string(x->p, n))) {
		sk_buf_free(&b);
		return sk_json_memory(&s->in);
	}
	sk_json_fail(&s->in, s->in.text + x->at, SNEK_EFORMAT,
	    "duplicate member %.*s%s", (int)b.n, b.p, n < x->len ? "..." : "");
	sk_buf_free(&b);
	return SNEK_EFORMAT;
}

/* Member i has the name of member first: take its place. */
static void replace(struct sk_json_plain *s, struct name *x, uint32_t first,
    uint32_t i, bool top)
{
	x[i].dropped = true;
	x[first].start = x[i].start;
	x[first].end = x[i].end;
	if (top)
		s->t->member[first].value = s->t->member[i].value;
}

static void compact_top(struct sk_json_plain *s, const struct name *x)
{
	uint32_t i, n = 0;

	for (i = 0; i < s->t->n; i++)
		if (!x[i].dropped)
			s->t->member[n++] = s->t->member[i];
	s->t->n = n;
}

/* Write the members of a nested object anew, from place body in the pack. */
static int compact_nested(struct sk_json_plain *s, const struct name *x,
    uint32_t *n, size_t body)
{
	struct sk_buf *pack = &s->t->pack;
	uint32_t i, kept = 0;

	s->body.n = 0;
	for (i = 0; i < *n; i++) {
		if (x[i].dropped)
			continue;
		kept++;
		if (!sk_pack_string(&s->body, x[i].p, x[i].len) ||
		    !sk_buf_put(&s->body, pack->p + x[i].start,
		    x[i].end - x[i].start))
			return sk_json_memory(&s->in);
	}
	memcpy(pack->p + body, s->body.p, s->body.n);
	pack->n = body + s->body.n;
	*n = kept;
	return 0;
}

/* The object whose n names lie on top of the stack is complete: 1 when it had
 * a name twice and members were dropped. */
static int check_names(struct sk_json_plain *s, struct name *x, uint32_t n,
    bool top)
{
	int rc = sk_names_begin(&s->t->names, !top), found = 0;
	uint32_t i, first;

	for (i = 0; rc >= 0 && i < n; i++) {
		rc = sk_names_add(&s->t->names, x[i].p, x[i].len, &first);
		if (rc == 0) {
			if (!s->last)
				return fail_duplicate(s, &x[i]);
			replace(s, x, first, i, top);
			found = 1;
		}
	}
	return rc < 0 ? sk_json_memory(&s->in) : found;
}

/* ---- structure ---- */

static int read_value(struct sk_json_plain *s, struct snek_value *out);

/* The same into the pack. */
static int read_packed(struct sk_json_plain *s)
{
	struct snek_value v;
	int rc = read_value(s, &v);

	if (rc < 0 || v.type == SNEK_ARRAY || v.type == SNEK_OBJECT)
		return rc;
	return sk_pack_value(&s->t->pack, v) ? 0 : sk_json_memory(&s->in);
}

static int read_name(struct sk_json_plain *s, struct name *x)
{
	struct snek_value v;
	int rc;

	sk_json_blank(&s->in);
	memset(x, 0, sizeof(*x));
	x->at = (size_t)(s->in.p - s->in.text);
	if (s->in.p == s->in.end || *s->in.p != '"')
		return sk_json_expected(&s->in, "a member name in quotes");
	rc = sk_json_string(&s->in, &v);
	if (rc < 0)
		return rc;
	x->p = v.as.s;
	x->len = v.len;
	sk_json_blank(&s->in);
	if (s->in.p == s->in.end || *s->in.p != ':')
		return sk_json_expected(&s->in, "':'");
	s->in.p++;
	return 0;
}

static int read_top_value(struct sk_json_plain *s, const struct name *x)
{
	struct sk_member *m = sk_json_tree_add(s->t);
	uint32_t i = s->t->n - 1;
	struct snek_value v;
	int rc;

	if (!m)
		return sk_json_memory(&s->in);
	m->name = x->p;
	m->name_len = x->len;
	rc = read_value(s, &v);
	if (rc == 0)
		s->t->member[i].value = v;
	return rc;
}

static int read_nested_value(struct sk_json_plain *s, struct name *x)
{
	int rc;

	if (!sk_pack_string(&s->t->pack, x->p, x->len))
		return sk_json_memory(&s->in);
	x->start = s->t->pack.n;
	rc = read_packed(s);
	x->end = s->t->pack.n;
	return rc;
}

/* The name goes on the stack before its value is read, which may move it. */
static int read_member(struct sk_json_plain *s, bool top)
{
	size_t place = s->open.n / sizeof(struct name);
	struct name x;
	int rc = read_name(s, &x);

	if (rc < 0)
		return rc;
	if (!sk_buf_put(&s->open, &x, sizeof(x)))
		return sk_json_memory(&s->in);
	rc = top ? read_top_value(s, &x) : read_nested_value(s, &x);
	if (rc == 0)
		names(s)[place] = x;
	return rc;
}

/* After an element: 1 when another must follow, 0 at the closing bracket. */
static int read_comma(struct sk_json_plain *s, bool object)
{
	char c;

	sk_json_blank(&s->in);
	c = s->in.p < s->in.end ? *s->in.p : '\0';
	if (c != ',' && c != (object ? '}' : ']'))
		return sk_json_expected(&s->in,
		    object ? "',' or '}'" : "',' or ']'");
	s->in.p++;
	return c == ',';
}

static int read_elements(struct sk_json_plain *s, bool object, bool top,
    uint32_t *n)
{
	char close = object ? '}' : ']';
	int rc = 1;

	s->in.p++;
	*n = 0;
	sk_json_blank(&s->in);
	if (s->in.p < s->in.end && *s->in.p == close) {
		s->in.p++;
		return 0;
	}
	while (rc > 0) {
		rc = object ? read_member(s, top) : read_packed(s);
		if (rc < 0)
			return rc;
		++*n;
		rc = read_comma(s, object);
	}
	return rc;
}

static int read_object(struct sk_json_plain *s, bool top, uint32_t *n)
{
	size_t base = s->open.n, body = s->t->pack.n;
	struct name *x;
	int rc = read_elements(s, true, top, n);

	if (rc < 0)
		return rc;
	x = names(s) + base / sizeof(*x);
	rc = *n ? check_names(s, x, *n, top) : 0;
	if (rc > 0 && top)
		compact_top(s, x);
	if (rc > 0 && !top)
		rc = compact_nested(s, x, n, body);
	s->open.n = base;
	return rc < 0 ? rc : 0;
}

static int enter(struct sk_json_plain *s)
{
	if (s->depth == SK_MAX_DEPTH)
		return sk_json_fail(&s->in, s->in.p, SNEK_ELIMIT,
		    "arrays and objects more than %d deep", SK_MAX_DEPTH);
	s->depth++;
	return 0;
}

static int read_nested(struct sk_json_plain *s, struct snek_value *out)
{
	struct sk_buf *pack = &s->t->pack;
	bool object = *s->in.p == '{';
	uint32_t n;
	size_t at;
	int rc = enter(s);

	if (rc < 0)
		return rc;
	if (!sk_pack_open(pack, &at))
		return sk_json_memory(&s->in);
	rc = object ? read_object(s, false, &n) :
	    read_elements(s, false, false, &n);
	if (rc < 0)
		return rc;
	if (!sk_pack_close(pack, at, object, n))
		return sk_json_memory(&s->in);
	if (pack->n - at > UINT32_MAX)
		return sk_json_fail(&s->in, s->in.p, SNEK_ELIMIT,
		    "a nested value of more than 4 GiB");
	s->depth--;
	*out = (struct snek_value){ .type = object ? SNEK_OBJECT : SNEK_ARRAY,
	    .len = (uint32_t)(pack->n - at), .as.u = at };
	return 0;
}

static int read_value(struct sk_json_plain *s, struct snek_value *out)
{
	sk_json_blank(&s->in);
	if (s->in.p < s->in.end && (*s->in.p == '{' || *s->in.p == '['))
		return read_nested(s, out);
	return sk_json_scalar(&s->in, out);
}

static int read_top(struct sk_json_plain *s)
{
	struct sk_member *m;
	uint32_t n;
	int rc;

	sk_json_blank(&s->in);
	s->t->object = s->in.p < s->in.end && *s->in.p == '{';
	if (s->t->object) {
		rc = enter(s);
		return rc < 0 ? rc : read_object(s, true, &n);
	}
	m = sk_json_tree_add(s->t);
	if (!m)
		return sk_json_memory(&s->in);
	m->name = NULL;
	m->name_len = 0;
	return read_value(s, &m->value);
}

int sk_json_plain_read(struct sk_json_plain *s, struct sk_json_tree *t,
    const char *text, size_t n, bool last_duplicate, size_t *at,
    struct snek_error *e)
{
	int rc;

	s->t = t;
	s->last = last_duplicate;
	s->depth = 0;
	s->open.n = t->pack.n = t->strings.n = 0;
	t->n = 0;
	if (!sk_json_begin(&s->in, text, n, &t->strings, e))
		return sk_enomem(e);
	rc = read_top(s);
	sk_json_blank(&s->in);
	if (rc == 0 && s->in.p < s->in.end)
		rc = sk_json_expected(&s->in, "nothing more");
	if (rc < 0)
		*at = (size_t)(s->in.bad - text);
	return rc;
}
