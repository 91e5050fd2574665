/* SPDX-License-Identifier: MIT */
#include "value/key.h"

#include "value/members.h"
#include "value/number.h"
#include "value/pack.h"
#include "value/value.h"

enum {
	END = 0, NUL = SK_KEY_NULL, NO = 2, YES = 3, NEGATIVE = 4, ZERO = 5,
	POSITIVE = 6, STRING = SK_KEY_STRING, ARRAY = 8, OBJECT = 9,
};
#define BIAS 2048
#define NUMBER_BYTES 11
/* Finite numbers are sign * m * 2^exp with exp in [-1137, 960]. */
#define EXP_MIN (-1137)
#define EXP_MAX 960

/* ---- writing ---- */

static int put_inner(struct sk_buf *b, struct snek_value v, int depth);

static int put_number(struct sk_buf *b, struct snek_value v)
{
	struct sk_number x = sk_number_split(v);
	uint64_t flip = x.sign < 0 ? ~0ull : 0;
	uint8_t key[NUMBER_BYTES];
	uint16_t exp;

	if (!x.sign)
		return sk_buf_byte(b, ZERO) ? 0 : SNEK_ENOMEM;
	if (x.exp < EXP_MIN || x.exp > EXP_MAX)
		return SNEK_EINVAL;
	exp = __builtin_bswap16((uint16_t)((x.exp + BIAS) ^ flip));
	x.m = __builtin_bswap64(x.m ^ flip);
	key[0] = flip ? NEGATIVE : POSITIVE;
	memcpy(key + 1, &exp, 2);
	memcpy(key + 3, &x.m, 8);
	return sk_buf_put(b, key, sizeof(key)) ? 0 : SNEK_ENOMEM;
}

/* A string inside: zeroes escaped, two at the end. */
static int put_string(struct sk_buf *b, const char *s, size_t n)
{
	const char *end = s + n, *zero;
	bool ok = sk_buf_byte(b, STRING);

	while (ok && n && (zero = memchr(s, 0, (size_t)(end - s)))) {
		ok = sk_buf_put(b, s, (size_t)(zero - s)) &&
		    sk_buf_put(b, "\0\xff", 2);
		s = zero + 1;
	}
	ok = ok && sk_buf_put(b, s, (size_t)(end - s)) &&
	    sk_buf_put(b, "\0", 2);
	return ok ? 0 : SNEK_ENOMEM;
}

static int put_array(struct sk_buf *b, struct snek_value v, int depth)
{
	struct snek_cursor c;
	struct snek_value name, element;
	int rc = sk_iterate(v, &c);

	if (rc == 0 && !sk_buf_byte(b, ARRAY))
		return SNEK_ENOMEM;
	while (rc >= 0 && (rc = sk_next(&c, &name, &element)) > 0)
		rc = put_inner(b, element, depth + 1);
	if (rc == 0 && !sk_buf_byte(b, END))
		return SNEK_ENOMEM;
	return rc;
}

static int put_object(struct sk_buf *b, struct snek_value v, int depth)
{
	struct sk_members m;
	struct snek_value name, member;
	int rc = sk_members_sort(v, &m);

	if (rc == 0 && !sk_buf_byte(b, OBJECT))
		return SNEK_ENOMEM;
	while (rc >= 0 && (rc = sk_members_next(&m, &name, &member)) > 0) {
		rc = put_string(b, name.as.s, name.len);
		if (rc == 0)
			rc = put_inner(b, member, depth + 1);
	}
	if (rc == 0 && !sk_buf_byte(b, END))
		return SNEK_ENOMEM;
	return rc;
}

static int put_byte(struct sk_buf *b, uint8_t c)
{
	return sk_buf_byte(b, c) ? 0 : SNEK_ENOMEM;
}

static int put_inner(struct sk_buf *b, struct snek_value v, int depth)
{
	switch (v.type) {
	case SNEK_NULL:   return put_byte(b, NUL);
	case SNEK_BOOL:   return put_byte(b, v.as.b ? YES : NO);
	case SNEK_INT:
	case SNEK_UINT:
	case SNEK_DOUBLE: return put_number(b, v);
	case SNEK_STRING: return put_string(b, v.as.s, v.len);
	case SNEK_ARRAY:
	case SNEK_OBJECT:
		if (depth >= SK_MAX_DEPTH)
			return SNEK_ELIMIT;
		return v.type == SNEK_ARRAY ? put_array(b, v, depth) :
		    put_object(b, v, depth);
	default:          return SNEK_EINVAL;
	}
}

int sk_key_put(struct sk_buf *b, struct snek_value v)
{
	size_t was = b->n;
	int rc;

	if (v.type == SNEK_STRING) {
		if (!sk_buf_reserve(b, (size_t)v.len + 1))
			return SNEK_ENOMEM;
		b->p[b->n++] = STRING;
		return sk_buf_put(b, v.as.s, v.len) ? 0 : SNEK_ENOMEM;
	}
	rc = put_inner(b, v, 0);
	if (rc < 0)
		b->n = was;
	return rc;
}

/* ---- reading ---- */

struct read {
	const uint8_t *p, *end;
	struct sk_buf *out;             /* msgpack of what is nested */
	int depth;
};

static int get_packed(struct read *r);

static int get_number(struct read *r, bool minus, struct snek_value *out)
{
	uint64_t flip = minus ? ~0ull : 0;
	struct sk_number x;
	uint16_t exp;

	if (r->end - r->p < NUMBER_BYTES - 1)
		return SNEK_EFORMAT;
	memcpy(&exp, r->p, 2);
	memcpy(&x.m, r->p + 2, 8);
	r->p += NUMBER_BYTES - 1;
	x.sign = minus ? -1 : 1;
	x.exp = (uint16_t)(__builtin_bswap16(exp) ^ flip) - BIAS;
	x.m = __builtin_bswap64(x.m) ^ flip;
	return sk_number_join(x, out) ? 0 : SNEK_EFORMAT;
}

/* Anything but strings and what is nested, by its tag. */
static int get_scalar(struct read *r, uint8_t tag, struct snek_value *out)
{
	switch (tag) {
	case NUL:  *out = sk_null(); return 0;
	case NO:
	case YES:  *out = sk_bool(tag == YES); return 0;
	case ZERO: *out = sk_int(0); return 0;
	case NEGATIVE:
	case POSITIVE: return get_number(r, tag == NEGATIVE, out);
	default:   return SNEK_EFORMAT;
	}
}

/* The length of a string inside without its escapes; p ends behind it. */
static int string_length(struct read *r, size_t *n)
{
	const uint8_t *zero;

	for (*n = 0;; ++*n) {
		zero = memchr(r->p, 0, (size_t)(r->end - r->p));
		if (!zero || r->end - zero < 2 || (zero[1] && zero[1] != 0xff))
			return SNEK_EFORMAT;
		*n += (size_t)(zero - r->p);
		r->p = zero + 2;
		if (!zero[1])
			return 0;
	}
}

static int get_string(struct read *r)
{
	const uint8_t *from = r->p, *zero;
	size_t n, left;
	int rc = string_length(r, &n);
	char *to;

	if (rc < 0)
		return rc;
	/* The packed header of a string of n, then room for it. */
	if (!sk_buf_reserve(r->out, n + 8) ||
	    !sk_pack_string_head(r->out, (uint32_t)n))
		return SNEK_ENOMEM;
	to = r->out->p + r->out->n;
	r->out->n += n;
	for (left = n; left; from = zero + 2) {
		zero = memchr(from, 0, (size_t)(r->p - from));
		memcpy(to, from, (size_t)(zero - from));
		to += zero - from;
		left -= (size_t)(zero - from);
		if (left) {
			*to++ = '\0';
			left--;
		}
	}
	return 0;
}

/* 1: an element follows.  0: the end was passed over. */
static int more(struct read *r)
{
	if (r->p == r->end)
		return SNEK_EFORMAT;
	if (*r->p != END)
		return 1;
	r->p++;
	return 0;
}

static int get_nested(struct read *r, bool object)
{
	uint32_t n = 0;
	size_t at;
	int rc = 0;

	if (r->depth == SK_MAX_DEPTH)
		return SNEK_EFORMAT;
	if (!sk_pack_open(r->out, &at))
		return SNEK_ENOMEM;
	r->depth++;
	while (rc >= 0 && (rc = more(r)) > 0) {
		n++;
		if (object && *r->p++ != STRING)
			return SNEK_EFORMAT;
		rc = object ? get_string(r) : 0;
		if (rc == 0)
			rc = get_packed(r);
	}
	r->depth--;
	if (rc == 0 && !sk_pack_close(r->out, at, object, n))
		return SNEK_ENOMEM;
	return rc;
}

static int get_packed(struct read *r)
{
	struct snek_value v;
	uint8_t tag;
	int rc;

	if (r->p == r->end)
		return SNEK_EFORMAT;
	tag = *r->p++;
	if (tag == STRING)
		return get_string(r);
	if (tag == ARRAY || tag == OBJECT)
		return get_nested(r, tag == OBJECT);
	rc = get_scalar(r, tag, &v);
	if (rc == 0 && !sk_pack_value(r->out, v))
		rc = SNEK_ENOMEM;
	return rc;
}

int sk_key_get(const void *key, size_t n, struct sk_buf *scratch,
    struct snek_value *out)
{
	struct read r = { key, (const uint8_t *)key + n, scratch, 0 };
	size_t at = scratch->n;
	struct snek_value v;
	uint8_t tag;
	int rc;

	if (!n || n > UINT32_MAX)
		return SNEK_EFORMAT;
	tag = *r.p++;
	if (tag == STRING) {
		*out = sk_string((const char *)r.p, n - 1);
		return 0;
	}
	if (tag == ARRAY || tag == OBJECT) {
		rc = get_nested(&r, tag == OBJECT);
		v = (struct snek_value){ .type = tag == ARRAY ? SNEK_ARRAY :
		    SNEK_OBJECT, .len = (uint32_t)(scratch->n - at) };
		v.as.p = rc == 0 ? scratch->p + at : NULL;
	} else {
		rc = get_scalar(&r, tag, &v);
	}
	if (rc == 0 && r.p != r.end)
		rc = SNEK_EFORMAT;
	if (rc == 0)
		*out = v;
	else
		scratch->n = at;
	return rc;
}

int sk_key_compare(const void *a, size_t na, const void *b, size_t nb)
{
	return sk_bytes_compare(a, na, b, nb);
}
