/* SPDX-License-Identifier: MIT */
/*
 * words.h - where words begin and end.
 *
 * Bytes are judged 16 at a time into a bit each (part of a word or not); the
 * changes in a row of 64 such bits are the ends of words.  The last bytes are
 * read together with some that were read before, so nothing beyond the text is
 * touched.  A whole text of fewer than 16 bytes is copied first.
 */
#ifndef WORDS_H
#define WORDS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORDS_PAD 16            /* room that fold needs beyond the text */

enum words_split {
	WORDS_LETTERS,          /* runs of ASCII letters and bytes from 80 on */
	WORDS_SPACE,            /* runs of anything but ASCII white space */
};

/* A bit for each of 16 bytes at p, lowest first; to gets them in lower case. */
typedef uint32_t words_judge(const char *p, enum words_split, char *to);

static inline uint32_t words_judge_plain(const char *p, enum words_split split,
    char *to)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < 16; i++) {
		unsigned c = (unsigned char)p[i];
		unsigned low = c - 'A' < 26 ? c | 0x20 : c;
		bool in = split == WORDS_SPACE ? c != ' ' && c - '\t' >= 5
		    : low - 'a' < 26 || c >= 0x80;

		bits |= (uint32_t)in << i;
		to[i] = (char)low;
	}
	return bits;
}

#ifdef __SSE2__
#include <emmintrin.h>

/* Which bytes are first, first + 1 ... first + n - 1?  SSE2 compares signed
 * bytes only, so they are moved to begin at -128. */
static inline __m128i words_range(__m128i x, char first, int n)
{
	return _mm_cmplt_epi8(_mm_sub_epi8(x, _mm_set1_epi8((char)(first - 128))),
	    _mm_set1_epi8((char)(n - 128)));
}

static inline uint32_t words_judge_fast(const char *p, enum words_split split,
    char *to)
{
	__m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i up = words_range(x, 'A', 26), low;

	low = _mm_or_si128(x, _mm_and_si128(up, _mm_set1_epi8(0x20)));
	_mm_storeu_si128((__m128i *)(void *)to, low);
	if (split == WORDS_SPACE)
		return 0xffff & ~(uint32_t)_mm_movemask_epi8(_mm_or_si128(
		    words_range(x, '\t', 5),
		    _mm_cmpeq_epi8(x, _mm_set1_epi8(' '))));
	return (uint32_t)_mm_movemask_epi8(_mm_or_si128(x,
	    words_range(low, 'a', 26)));
}
#else
#define words_judge_fast words_judge_plain
#endif

/* The bits of up to 64 bytes from at on, of n in all; n is 16 or more. */
static inline uint64_t words_bits(const char *s, size_t n, size_t at,
    words_judge *judge, enum words_split split, char *fold)
{
	uint64_t bits = 0;
	size_t k;

	for (k = at; k < at + 64 && k + 16 <= n; k += 16)
		bits |= (uint64_t)judge(s + k, split, fold + k) << (k - at);
	if (k < at + 64 && k < n) {
		uint32_t last = judge(s + n - 16, split, fold + n - 16);

		/* The first k - (n - 16) of them are known. */
		bits |= (uint64_t)(last >> (k - (n - 16))) << (k - at);
	}
	return bits;
}

/*
 * Call word(arg, offset, length) for each word until one returns other than 0.
 * fold has room for the text and WORDS_PAD bytes more, and gets it in lower
 * case.
 */
static inline int words_each(const char *s, size_t n, words_judge *judge,
    enum words_split split, char *fold,
    int (*word)(void *, size_t, size_t), void *arg)
{
	size_t start = 0;
	uint64_t in = 0, bits, ends;
	char small[16] = {0};
	int rc;

	if (n < 16)
		s = memcpy(small, n ? s : "", n);
	for (size_t at = 0; at < n; at += 64) {
		bits = n >= 16 ? words_bits(s, n, at, judge, split, fold)
		    : judge(s, split, fold) & ((1u << n) - 1);
		ends = bits ^ (bits << 1 | in);
		for (; ends; ends &= ends - 1) {
			size_t i = at + (size_t)__builtin_ctzll(ends);

			in ^= 1;
			if (in)
				start = i;
			else if ((rc = word(arg, start, i - start)))
				return rc;
		}
	}
	/* In a word at the very end: only when n fills its last 64 bits. */
	return in ? word(arg, start, n - start) : 0;
}
#endif
