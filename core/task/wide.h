/* SPDX-License-Identifier: MIT */
/*
 * wide.h - a fixed-point number wide enough for any sum of doubles.
 *
 * 67 words of 32 bits, the lowest bit worth 2^-1075, each in 64 bits so that
 * carries can wait.  After the small superaccumulator of R. M. Neal, "Fast
 * exact summation using small and large superaccumulators" (2015).
 */
#ifndef SK_WIDE_H
#define SK_WIDE_H
#include "base/buf.h"

#define SK_WIDE_WORDS 67

struct sk_wide {                        /* zeroed: 0 */
	int64_t word[SK_WIDE_WORDS];
	uint32_t waiting;               /* additions since carries moved on */
};

void sk_wide_add(struct sk_wide *, double);     /* finite */
void sk_wide_add_int(struct sk_wide *, __int128);
void sk_wide_merge(struct sk_wide *, const struct sk_wide *);
/* Divided by n (not 0) and rounded once, ties to even; infinite when beyond
 * the largest double. */
double sk_wide_quotient(const struct sk_wide *, uint64_t n);

/* As bytes: sign, first word, number of words, words; and back: SNEK_EFORMAT. */
bool sk_wide_put(const struct sk_wide *, struct sk_buf *);
int sk_wide_get(struct sk_wide *, const uint8_t *, size_t n, size_t *used);
#endif
