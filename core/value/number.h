/* SPDX-License-Identifier: MIT */
/* number.h - integers and doubles as one kind of number, exactly. */
#ifndef SK_NUMBER_H
#define SK_NUMBER_H
#include <snek/types.h>

/* sign * m * 2^exp, where m has its top bit set; sign 0 is zero. */
struct sk_number {
	int sign, exp;
	uint64_t m;
};

/* INT, UINT or DOUBLE.  Infinity and NaN lie beyond all finite numbers. */
struct sk_number sk_number_split(struct snek_value);
/* Back, integral numbers in [-2^63, 2^64) as integers.  False when neither an
 * integer nor a double is that number. */
bool sk_number_join(struct sk_number, struct snek_value *);
int sk_number_compare(struct snek_value, struct snek_value);
#endif
