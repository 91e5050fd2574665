/* SPDX-License-Identifier: MIT */
#include "value/number.h"

#include <math.h>

#include "value/value.h"

#define BEYOND 4096     /* an exponent that no finite number has */

static struct sk_number whole(int sign, uint64_t m)
{
	int shift;

	if (!m)
		return (struct sk_number){ 0, 0, 0 };
	shift = __builtin_clzll(m);
	return (struct sk_number){ sign, -shift, m << shift };
}

static struct sk_number real(double d)
{
	int sign = signbit(d) ? -1 : 1, exp;
	double f;

	if (isnan(d))
		return (struct sk_number){ 1, BEYOND + 1, 1ull << 63 };
	if (isinf(d))
		return (struct sk_number){ sign, BEYOND, 1ull << 63 };
	if (d == 0)
		return (struct sk_number){ 0, 0, 0 };
	f = frexp(fabs(d), &exp);
	return (struct sk_number){ sign, exp - 64, (uint64_t)ldexp(f, 64) };
}

struct sk_number sk_number_split(struct snek_value v)
{
	if (v.type == SNEK_DOUBLE)
		return real(v.as.d);
	if (v.type == SNEK_INT && v.as.i < 0)
		return whole(-1, -(uint64_t)v.as.i);
	return whole(1, v.as.u);
}

static bool join_whole(struct sk_number x, struct snek_value *out)
{
	uint64_t m;

	if (x.exp > 0 || x.exp < -63 || __builtin_ctzll(x.m) < -x.exp)
		return false;
	m = x.m >> -x.exp;
	if (x.sign < 0 && m > 1ull << 63)
		return false;
	*out = x.sign < 0 ? sk_int((int64_t)-m) : sk_uint(m);
	return true;
}

bool sk_number_join(struct sk_number x, struct snek_value *out)
{
	struct sk_number back;
	double d;
	int zeros;

	if (!x.sign) {
		*out = sk_int(0);
		return true;
	}
	if (!(x.m >> 63) || x.exp < -BEYOND || x.exp > BEYOND)
		return false;
	if (join_whole(x, out))
		return true;
	zeros = __builtin_ctzll(x.m);
	if (zeros < 11)
		return false;
	d = ldexp((double)(x.m >> zeros), x.exp + zeros);
	back = real(d);
	if (back.m != x.m || back.exp != x.exp || !isfinite(d))
		return false;
	*out = sk_double(x.sign * d);
	return true;
}

static int split_compare(struct sk_number x, struct sk_number y)
{
	if (x.sign != y.sign)
		return x.sign < y.sign ? -1 : 1;
	if (x.exp != y.exp)
		return x.exp < y.exp ? -x.sign : x.sign;
	if (x.m != y.m)
		return x.m < y.m ? -x.sign : x.sign;
	return 0;
}

int sk_number_compare(struct snek_value a, struct snek_value b)
{
	if (a.type == SNEK_INT && b.type == SNEK_INT)
		return (a.as.i > b.as.i) - (a.as.i < b.as.i);
	return split_compare(sk_number_split(a), sk_number_split(b));
}
