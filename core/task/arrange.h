/* SPDX-License-Identifier: MIT */
/* arrange.h - references to entries of a run, in the order of their keys. */
#ifndef SK_ARRANGE_H
#define SK_ARRANGE_H
#include "task/run.h"

struct sk_reference {
	uint64_t word;          /* of the key, big-endian, zeroes behind it */
	const uint8_t *at;      /* the entry, which was looked at */
};

#define SK_ARRANGE_SPARE (16u << 10)    /* references that are sorted in the
                                         * cache, beside as many others */

#define SK_ARRANGE_AHEAD 16u            /* entries fetched before their turn */

/* Of equal keys in any order.  The words are the first of their keys.  Behind the
 * last one are SK_ARRANGE_AHEAD references to nothing; spare has room for
 * SK_ARRANGE_SPARE. */
void sk_arrange(struct sk_reference *, size_t n, struct sk_reference *spare);
#endif
