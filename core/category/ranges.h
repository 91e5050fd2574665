/* SPDX-License-Identifier: MIT */
/* ranges.h - sets of places, as runs of records of one write each. */
#ifndef SK_RANGES_H
#define SK_RANGES_H
#include "value/chunk.h"        /* struct sk_place */

struct sk_range {
	struct sk_place first;
	uint64_t n;
};
struct sk_ranges {                      /* zeroed: empty */
	struct sk_range *range;
	size_t n, cap;
	uint64_t records;
};

/* What follows on the last range makes it longer.  False: no memory. */
bool sk_ranges_add(struct sk_ranges *, struct sk_place first, uint64_t n);
/* The records of a write of so many that are not in the set, whose ranges are
 * all of that write; they are sorted by it. */
bool sk_ranges_rest(struct sk_ranges *, uint64_t version, uint64_t records,
    struct sk_ranges *out);
void sk_ranges_free(struct sk_ranges *);
#endif
