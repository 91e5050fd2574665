/* SPDX-License-Identifier: MIT */
/*
 * key.h - a value as bytes that sort and compare as keys do: memcmp is the
 * order of sk_value_compare, and equal keys have equal bytes.  So tables,
 * sorting, spilling, merging and partitioning all work on plain bytes.
 *
 *   01                      null
 *   02, 03                  false, true
 *   04 ~E~E ~M*8            negative number -M * 2^E
 *   05                      zero
 *   06 EE M*8               positive number: E biased by 2048, big-endian;
 *                           M 64 bits big-endian with the top bit set
 *   07 bytes                a string that is the whole key
 *   07 bytes' 00 00         a string inside: 00 is written as 00 ff
 *   08 elements 00          an array
 *   09 (string' value)* 00  an object, members sorted by name
 *
 * A string that is the whole key has neither escapes nor an end: the common
 * key costs one byte more than itself.
 */
#ifndef SK_KEY_H
#define SK_KEY_H
#include "base/buf.h"
#include "base/hash.h"
#include <snek/types.h>

#define SK_KEY_STRING 0x07
#define SK_KEY_NULL 0x01

/* Append the key's bytes.  SNEK_EINVAL for NaN, infinity and SNEK_NONE,
 * SNEK_ELIMIT over SK_MAX_DEPTH, SNEK_ENOMEM; then nothing is appended. */
int sk_key_put(struct sk_buf *, struct snek_value);
/* Back to a value in canonical form (integral numbers in [-2^63, 2^64) as
 * integers).  A string is a view into the key; what is nested is appended to
 * scratch, which is grown and must outlive the value.  SNEK_EFORMAT for bytes
 * that are no key. */
int sk_key_get(const void *key, size_t n, struct sk_buf *scratch,
    struct snek_value *);
/* memcmp with the shorter first. */
int sk_key_compare(const void *, size_t, const void *, size_t);

/* Eight bytes of a key as a number that compares as they do, zeroes behind its
 * end. */
static inline uint64_t sk_key_word(const void *key, size_t n, size_t at)
{
	const uint8_t *p = (const uint8_t *)key;
	uint64_t v = 0;

	if (n >= at + 8)
		v = sk_load64(p + at);
	else if (n > at && n >= 8)              /* the last eight, but fewer */
		v = sk_load64(p + n - 8) >> (8 * (at + 8 - n));
	else if (n > at)
		memcpy(&v, p + at, n - at);
	return __builtin_bswap64(v);
}
#endif
