/* SPDX-License-Identifier: MIT */
/* pairs.h - random pairs, and their way through sinks and the reduce stage. */
#ifndef PAIRS_H
#define PAIRS_H
#include "task/sink.h"
#include "value/key.h"
#include "value/pack.h"
#include "value/value.h"

#include <stdio.h>
#include <stdlib.h>

struct pair {
	struct sk_place place;
	bool first;             /* of its place */
	struct snek_value key, value;
	char text[2][24];
};

static inline uint64_t draw(uint64_t *seed)
{
	uint64_t x = *seed += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static inline struct snek_value draw_number(uint64_t *seed)
{
	uint64_t x = draw(seed), bits;
	double d;

	switch (x % 6) {
	case 0:
		return sk_double((double)(int64_t)draw(seed) / 100);
	case 1:
		bits = draw(seed) & ~(1ull << 62);
		memcpy(&d, &bits, 8);
		return sk_double(d);
	case 2:
		return sk_uint(draw(seed) >> 12);
	default:
		return sk_int((int64_t)(x >> 8 & 1023) - 500);
	}
}

static inline struct snek_value draw_key(uint64_t *seed, char *text, unsigned keys)
{
	unsigned k = (unsigned)(draw(seed) % keys);
	int n;

	switch (k % 8) {
	case 0: return sk_int((int)k - 40);
	case 1: return draw(seed) & 1 ? sk_double(k) : sk_int(k);
	case 2: return k > 40 ? sk_double(k / 7.0) : sk_null();
	case 3: return k & 16 ? sk_uint(UINT64_MAX - k / 32) : sk_bool(k & 8);
	default:
		n = snprintf(text, 24, k % 3 ? "k%u" : "a key of words %u", k);
		return sk_string(text, (size_t)n);
	}
}
#endif
