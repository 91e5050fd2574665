/* SPDX-License-Identifier: MIT */
/*
 * search.h - is a text within another?
 *
 * memmem makes a table for each search, which costs more than to look through
 * a short field.  Here 16 places at once are asked for the text's first byte
 * and, behind it, its last; the last 16 places may have been asked before, so
 * nothing beyond the field is touched.
 */
#ifndef SEARCH_H
#define SEARCH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A bit for each of 16 places from s on: are first and last where they belong
 * (last is len - 1 bytes behind first)? */
#ifdef __SSE2__
#include <emmintrin.h>

static inline uint32_t search_look(const char *s, const char *text, size_t len)
{
	const __m128i a = _mm_loadu_si128((const __m128i *)(const void *)s);
	const __m128i b = _mm_loadu_si128(
	    (const __m128i *)(const void *)(s + len - 1));

	return (uint32_t)_mm_movemask_epi8(_mm_and_si128(
	    _mm_cmpeq_epi8(a, _mm_set1_epi8(text[0])),
	    _mm_cmpeq_epi8(b, _mm_set1_epi8(text[len - 1]))));
}
#else
static inline uint32_t search_look(const char *s, const char *text, size_t len)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < 16; i++)
		bits |= (uint32_t)(s[i] == text[0] &&
		    s[i + len - 1] == text[len - 1]) << i;
	return bits;
}
#endif

static inline bool search_few(const char *s, size_t places, const char *text,
    size_t len)
{
	for (size_t i = 0; i < places; i++)
		if (s[i] == text[0] && !memcmp(s + i, text, len))
			return true;
	return false;
}

/* len is 1 or more. */
static inline bool search_has(const char *s, size_t n, const char *text,
    size_t len)
{
	size_t places = n - len + 1, at = 0;
	uint32_t bits;

	if (n < len)
		return false;
	if (places < 16)
		return search_few(s, places, text, len);
	for (;;) {
		bits = search_look(s + at, text, len);
		for (; bits; bits &= bits - 1)
			if (!memcmp(s + at + __builtin_ctz(bits), text, len))
				return true;
		if (at + 16 == places)
			return false;
		at = at + 32 <= places ? at + 16 : places - 16;
	}
}
#endif
