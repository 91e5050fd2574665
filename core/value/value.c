/* SPDX-License-Identifier: MIT */
#include "value/value.h"

#include <assert.h>

#include "value/members.h"
#include "value/number.h"
#include "value/pack.h"

struct snek_value sk_none(void)
{
	return (struct snek_value){ .type = SNEK_NONE };
}

struct snek_value sk_null(void)
{
	return (struct snek_value){ .type = SNEK_NULL };
}

struct snek_value sk_bool(bool b)
{
	struct snek_value v = { .type = SNEK_BOOL };

	v.as.u = b;             /* all of the union, so that values can be copied */
	return v;
}

struct snek_value sk_int(int64_t i)
{
	return (struct snek_value){ .type = SNEK_INT, .as.i = i };
}

struct snek_value sk_uint(uint64_t u)
{
	uint32_t type = u > INT64_MAX ? SNEK_UINT : SNEK_INT;

	return (struct snek_value){ .type = type, .as.u = u };
}

struct snek_value sk_double(double d)
{
	return (struct snek_value){ .type = SNEK_DOUBLE, .as.d = d };
}

struct snek_value sk_string(const char *s, size_t n)
{
	assert(n <= UINT32_MAX);
	return (struct snek_value){ .type = SNEK_STRING, .len = (uint32_t)n,
	    .as.s = s };
}

struct snek_value sk_cstring(const char *s)
{
	return sk_string(s, strlen(s));
}

/* ---- order ---- */

static int compare(struct snek_value a, struct snek_value b, int depth);

static int rank(struct snek_value v)
{
	switch (v.type) {
	case SNEK_NONE:   return 0;
	case SNEK_NULL:   return 1;
	case SNEK_BOOL:   return v.as.b ? 3 : 2;
	case SNEK_STRING: return 5;
	case SNEK_ARRAY:  return 6;
	case SNEK_OBJECT: return 7;
	default:          return 4;
	}
}

static int compare_arrays(struct snek_value a, struct snek_value b, int depth)
{
	struct snek_cursor ca, cb;
	struct snek_value name, va, vb;
	int c, more_a, more_b;

	if (sk_iterate(a, &ca) < 0 || sk_iterate(b, &cb) < 0)
		return 0;
	for (;;) {
		more_a = sk_next(&ca, &name, &va);
		more_b = sk_next(&cb, &name, &vb);
		if (more_a <= 0 || more_b <= 0)
			return more_a - more_b;
		c = compare(va, vb, depth + 1);
		if (c)
			return c;
	}
}

static int compare_objects(struct snek_value a, struct snek_value b, int depth)
{
	struct sk_members ma, mb;
	struct snek_value na, nb, va, vb;
	int c, more_a, more_b;

	if (sk_members_sort(a, &ma) < 0 || sk_members_sort(b, &mb) < 0)
		return 0;
	for (;;) {
		more_a = sk_members_next(&ma, &na, &va);
		more_b = sk_members_next(&mb, &nb, &vb);
		if (more_a <= 0 || more_b <= 0)
			return more_a - more_b;
		c = sk_bytes_compare(na.as.s, na.len, nb.as.s, nb.len);
		if (!c)
			c = compare(va, vb, depth + 1);
		if (c)
			return c;
	}
}

static int compare(struct snek_value a, struct snek_value b, int depth)
{
	int ra = rank(a), rb = rank(b);

	if (ra != rb || depth > SK_MAX_DEPTH)
		return ra - rb;
	switch (ra) {
	case 4:  return sk_number_compare(a, b);
	case 5:  return sk_bytes_compare(a.as.s, a.len, b.as.s, b.len);
	case 6:  return compare_arrays(a, b, depth);
	case 7:  return compare_objects(a, b, depth);
	default: return 0;
	}
}

int sk_value_compare(struct snek_value a, struct snek_value b)
{
	return compare(a, b, 0);
}
