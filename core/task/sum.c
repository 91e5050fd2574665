/* SPDX-License-Identifier: MIT */
/*
 * A sum as bytes: a head of flags, then what they name, in this order.
 *
 *   01  ints, zigzag varint         02  ints, 16 bytes
 *   04  doubles, varint; hi, lo     08  doubles, varint; the wide form
 */
#include "task/sum.h"
#include "task/varint.h"
#include "task/wide.h"

#include <stdlib.h>

enum { INTS = 1, INTS_LONG = 2, PAIR = 4, WIDE = 8 };

static int add_int(struct sk_sum *s, __int128 x)
{
	__int128 r;

	if (__builtin_add_overflow(s->ints, x, &r))
		return SNEK_ELIMIT;
	s->ints = r;
	return 0;
}

int sk_sum_add_int(struct sk_sum *s, int64_t x)
{
	return add_int(s, x);
}

int sk_sum_add_uint(struct sk_sum *s, uint64_t x)
{
	return add_int(s, x);
}

static int widen(struct sk_sum *s)
{
	struct sk_wide *w;

	if (s->wide)
		return 0;
	w = calloc(1, sizeof(*w));
	if (!w)
		return SNEK_ENOMEM;
	sk_wide_add(w, s->hi);
	sk_wide_add(w, s->lo);
	s->hi = s->lo = 0;
	s->wide = w;
	return 0;
}

static int add(struct sk_sum *s, double x)
{
	int rc;

	if (sk_sum_add_narrow(s, x))
		return 0;
	rc = widen(s);
	if (!rc)
		sk_wide_add(s->wide, x);
	return rc;
}

int sk_sum_add_double(struct sk_sum *s, double x)
{
	int rc = add(s, x);

	if (!rc)
		s->doubles++;
	return rc;
}

int sk_sum_merge(struct sk_sum *s, const struct sk_sum *o)
{
	int rc;

	if (o->wide) {
		rc = widen(s);
		if (rc)
			return rc;
		sk_wide_merge(s->wide, o->wide);
	} else if (o->doubles) {
		rc = add(s, o->hi);
		if (!rc)
			rc = add(s, o->lo);
		if (rc)
			return rc;
	}
	s->doubles += o->doubles;
	return add_int(s, o->ints);
}

void sk_sum_free(struct sk_sum *s)
{
	free(s->wide);
	memset(s, 0, sizeof(*s));
}

static void total(struct sk_wide *w, const struct sk_sum *s)
{
	if (s->wide) {
		*w = *s->wide;
	} else {
		memset(w, 0, sizeof(*w));
		sk_wide_add(w, s->hi);
		sk_wide_add(w, s->lo);
	}
	sk_wide_add_int(w, s->ints);
}

static int in_range(double d, struct snek_error *e)
{
	return isfinite(d) ? 0 : sk_fail(e, SNEK_ELIMIT,
	    "a sum beyond the largest double (1.8e308)");
}

static int int_value(__int128 n, struct snek_value *out, struct snek_error *e)
{
	if (n < INT64_MIN || n > UINT64_MAX)
		return sk_fail(e, SNEK_ELIMIT,
		    "a sum of integers outside [-2^63, 2^64)");
	out->len = 0;
	out->type = n > INT64_MAX ? SNEK_UINT : SNEK_INT;
	out->as.u = (uint64_t)n;
	return 0;
}

int sk_sum_value(const struct sk_sum *s, struct snek_value *out,
    struct snek_error *e)
{
	struct sk_wide w;
	double d;
	int rc;

	if (!s->doubles)
		return int_value(s->ints, out, e);
	if (s->wide || s->ints) {
		total(&w, s);
		d = sk_wide_quotient(&w, 1);
	} else {
		d = s->hi + s->lo;
	}
	rc = in_range(d, e);
	if (rc)
		return rc;
	out->type = SNEK_DOUBLE;
	out->len = 0;
	out->as.d = d + 0.0;            /* no negative zero */
	return 0;
}

int sk_sum_mean(const struct sk_sum *s, uint64_t n, double *out,
    struct snek_error *e)
{
	struct sk_wide w;
	double d;
	int rc;

	if (!n)
		return sk_fail(e, SNEK_EINVAL, "a mean of nothing");
	total(&w, s);
	d = sk_wide_quotient(&w, n);
	rc = in_range(d, e);
	if (!rc)
		*out = d + 0.0;
	return rc;
}

static uint64_t zigzag(int64_t i)
{
	return (uint64_t)i << 1 ^ (uint64_t)(i >> 63);
}

uint8_t *sk_sum_put_int(uint8_t *p, int64_t i)
{
	*p++ = INTS;
	return sk_varint_put(p, zigzag(i));
}

bool sk_sum_put(const struct sk_sum *s, struct sk_buf *b)
{
	int64_t i = (int64_t)s->ints;
	bool small = s->ints == i, ok;
	uint8_t head = small ? INTS : INTS_LONG;

	if (s->doubles)
		head |= s->wide ? WIDE : PAIR;
	ok = sk_buf_byte(b, head);
	ok = ok && (small
	    ? sk_varint_add(b, zigzag(i))
	    : sk_buf_put(b, &s->ints, 16));
	if (head & (PAIR | WIDE))
		ok = ok && sk_varint_add(b, s->doubles);
	if (head & PAIR)
		ok = ok && sk_buf_put(b, &s->hi, 8) && sk_buf_put(b, &s->lo, 8);
	if (head & WIDE)
		ok = ok && sk_wide_put(s->wide, b);
	return ok;
}

static size_t get_ints(struct sk_sum *s, uint8_t head, const uint8_t *p, size_t n)
{
	uint64_t z;
	size_t k;

	if (head & INTS_LONG) {
		if (n < 16)
			return 0;
		memcpy(&s->ints, p, 16);
		return 16;
	}
	k = sk_varint_get(p, n, &z);
	if (k)
		s->ints = (int64_t)(z >> 1 ^ -(z & 1));
	return k;
}

static int get_doubles(struct sk_sum *s, uint8_t head, const uint8_t *p,
    size_t n, size_t *used)
{
	size_t k = sk_varint_get(p, n, &s->doubles), m = 16;
	int rc = 0;

	if (!k || !s->doubles)
		return SNEK_EFORMAT;
	p += k;
	n -= k;
	if (head & WIDE) {
		s->wide = calloc(1, sizeof(*s->wide));
		if (!s->wide)
			return SNEK_ENOMEM;
		rc = sk_wide_get(s->wide, p, n, &m);
	} else if (n < 16) {
		return SNEK_EFORMAT;
	} else {
		memcpy(&s->hi, p, 8);
		memcpy(&s->lo, p + 8, 8);
		if (!isfinite(s->hi) || !isfinite(s->lo))
			return SNEK_EFORMAT;
	}
	*used = k + m;
	return rc;
}

int sk_sum_get(struct sk_sum *out, const void *bytes, size_t n, size_t *used)
{
	const uint8_t *p = bytes;
	struct sk_sum s = { 0 };
	size_t k, m = 0;
	uint8_t head;
	int rc = 0;

	if (!n)
		return SNEK_EFORMAT;
	head = p[0];
	if (head >= 16 || !(head & INTS) == !(head & INTS_LONG) ||
	    (head & (PAIR | WIDE)) == (PAIR | WIDE))
		return SNEK_EFORMAT;
	k = get_ints(&s, head, p + 1, n - 1);
	if (!k)
		return SNEK_EFORMAT;
	k++;
	if (head & (PAIR | WIDE))
		rc = get_doubles(&s, head, p + k, n - k, &m);
	if (rc) {
		sk_sum_free(&s);
		return rc;
	}
	*out = s;
	*used = k + m;
	return 0;
}
