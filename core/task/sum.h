/* SPDX-License-Identifier: MIT */
/*
 * sum.h - exact sums: the same bits whatever the order and the cuts.
 *
 * Integers are summed in 128 bits.  Doubles are two doubles updated by
 * error-free additions (Knuth's TwoSum), and from the first error that does
 * not fit, a wide accumulator (R. M. Neal, "Fast exact summation using small
 * and large superaccumulators", 2015).  The result is rounded once.
 */
#ifndef SK_SUM_H
#define SK_SUM_H
#include <math.h>

#include "base/buf.h"
#include "base/err.h"

struct sk_wide;                 /* the wide accumulator, on the heap */

struct sk_sum {                 /* zeroed: the sum of nothing */
	__int128 ints;
	double hi, lo;          /* exact sum of the doubles while wide is NULL */
	struct sk_wide *wide;
	uint64_t doubles;       /* how many were added: any makes the result one */
};

/* a + b as the nearest double and its exact error (Knuth).  Where a step
 * overflows, the error is not finite. */
static inline double sk_two_sum(double a, double b, double *error)
{
	double s = a + b, t = s - a;

	*error = (a - (s - t)) + (b - t);
	return s;
}

/* Add a double in two doubles; false: they do not hold the sum, or it is not
 * finite, and nothing was added. */
static inline bool sk_sum_add_narrow(struct sk_sum *s, double x)
{
	double error, rest, hi = sk_two_sum(s->hi, x, &error);
	double lo = sk_two_sum(s->lo, error, &rest);

	if (s->wide || rest != 0 || !isfinite(hi) || !isfinite(lo))
		return false;
	s->hi = hi;
	s->lo = lo;
	return true;
}

/* SNEK_ELIMIT (128 bits full: not in this life), SNEK_ENOMEM. */
int sk_sum_add_int(struct sk_sum *, int64_t);
int sk_sum_add_uint(struct sk_sum *, uint64_t);
int sk_sum_add_double(struct sk_sum *, double);         /* finite */
int sk_sum_merge(struct sk_sum *, const struct sk_sum *);
void sk_sum_free(struct sk_sum *);
/* An integer in [-2^63, 2^64), else SNEK_ELIMIT; or, if a double was ever
 * added, the exact sum rounded once (SNEK_ELIMIT beyond the largest double). */
int sk_sum_value(const struct sk_sum *, struct snek_value *, struct snek_error *);
/* The exact sum divided by n, correctly rounded, always a double. */
int sk_sum_mean(const struct sk_sum *, uint64_t n, double *, struct snek_error *);
/* As bytes, and back (bounded): attempts travel. */
bool sk_sum_put(const struct sk_sum *, struct sk_buf *);
/* The same of one whole number, to p, which has SK_SUM_INT bytes of room; returns
 * the end. */
#define SK_SUM_INT 11u
uint8_t *sk_sum_put_int(uint8_t *p, int64_t);
int sk_sum_get(struct sk_sum *, const void *, size_t n, size_t *used);
#endif
