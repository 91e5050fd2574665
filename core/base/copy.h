/* SPDX-License-Identifier: MIT */
/* copy.h - copies of a few bytes, for which a call costs more than the copy. */
#ifndef SK_COPY_H
#define SK_COPY_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline void sk_copy_16(uint8_t *to, const uint8_t *from, size_t n)
{
	memcpy(to, from, 16);
	if (n > 32) {
		memcpy(to + 16, from + 16, 16);
		memcpy(to + n - 32, from + n - 32, 16);
	}
	memcpy(to + n - 16, from + n - 16, 16);
}

/* The first bytes and the last ones, which may be the same. */
static inline void sk_copy_few(uint8_t *to, const uint8_t *from, size_t n)
{
	if (n >= 8) {
		memcpy(to, from, 8);
		memcpy(to + n - 8, from + n - 8, 8);
	} else if (n >= 4) {
		memcpy(to, from, 4);
		memcpy(to + n - 4, from + n - 4, 4);
	} else if (n) {
		to[n / 2] = from[n / 2];
		to[0] = from[0];
		to[n - 1] = from[n - 1];
	}
}

static inline void sk_copy(void *to, const void *from, size_t n)
{
	if (n > 64)
		memcpy(to, from, n);
	else if (n >= 16)
		sk_copy_16(to, from, n);
	else
		sk_copy_few(to, from, n);
}
#endif
