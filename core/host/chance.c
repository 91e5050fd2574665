/* SPDX-License-Identifier: MIT */
#include "host/chance.h"

#include <stdlib.h>
#include <string.h>

void sk_random_seed(struct sk_random *r, uint64_t seed)
{
	r->state = seed;
}

/* SplitMix64. */
static uint64_t next(struct sk_random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

double sk_random_unit(struct sk_random *r)
{
	return (double)(next(r) >> 11) * 0x1p-53;
}

bool sk_chance_parse(const char *s, double *out)
{
	size_t n = strspn(s, "0123456789.");
	char *end;
	double x;

	if (!n || n > 32)
		return false;
	x = strtod(s, &end);
	if (end != s + n)
		return false;
	if (*end == '%') {
		x /= 100;
		end++;
	}
	if (*end || !(x >= 0 && x <= 1))
		return false;
	*out = x;
	return true;
}

struct sk_fate sk_chance_draw(struct sk_random *r, const struct sk_chances *c)
{
	struct sk_fate f;

	f.fail = sk_random_unit(r) < c->fail;
	f.throttle = sk_random_unit(r) < c->throttle;
	f.kill = sk_random_unit(r) < c->kill;
	f.duplicate = sk_random_unit(r) < c->duplicate;
	f.lose = sk_random_unit(r) < c->lose;
	f.late = sk_random_unit(r) < c->late;
	f.when = sk_random_unit(r);
	return f;
}
