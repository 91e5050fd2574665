/* SPDX-License-Identifier: MIT */
/* varint.h - whole numbers in as few bytes as they need: seven bits a byte,
 * the lowest first, the top bit set in all but the last. */
#ifndef SK_VARINT_H
#define SK_VARINT_H
#include "base/buf.h"

#define SK_VARINT_MAX 10

/* Writes to p, which has room; returns the end. */
static inline uint8_t *sk_varint_put(uint8_t *p, uint64_t v)
{
	for (; v >= 128; v >>= 7)
		*p++ = (uint8_t)(v | 128);
	*p++ = (uint8_t)v;
	return p;
}

static inline bool sk_varint_add(struct sk_buf *b, uint64_t v)
{
	uint8_t t[SK_VARINT_MAX];

	return sk_buf_put(b, t, (size_t)(sk_varint_put(t, v) - t));
}

/* The bytes taken; 0: cut short, or no number of 64 bits (then p has ten). */
static inline size_t sk_varint_get(const uint8_t *p, size_t n, uint64_t *out)
{
	uint64_t v = 0;
	size_t i;

	if (n && p[0] < 128) {
		*out = p[0];
		return 1;
	}
	for (i = 0; i < n && i < SK_VARINT_MAX; i++) {
		v |= (uint64_t)(p[i] & 127) << (7 * i);
		if (p[i] < 128) {
			*out = v;
			return i == 9 && p[i] > 1 ? 0 : i + 1;
		}
	}
	return 0;
}
#endif
