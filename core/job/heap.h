/* SPDX-License-Identifier: MIT */
/* heap.h - numbers by key, smallest first (of equal keys the smallest number),
 * and the median of a growing set. */
#ifndef SK_HEAP_H
#define SK_HEAP_H
#include "base/err.h"

struct sk_heap_item {
	int64_t key;
	uint32_t n;
};
/* The smallest is item[0].  A zeroed struct may be freed. */
struct sk_heap {
	struct sk_heap_item *item;
	size_t n, cap;
};
/* Room for cap items and no more, so that a push cannot fail. */
int sk_heap_init(struct sk_heap *, size_t cap);
void sk_heap_free(struct sk_heap *);
void sk_heap_push(struct sk_heap *, int64_t key, uint32_t n);
struct sk_heap_item sk_heap_pop(struct sk_heap *);

/* The smaller half, negated, and the larger half. */
struct sk_median {
	struct sk_heap low, high;
};
int sk_median_init(struct sk_median *, size_t cap);
void sk_median_free(struct sk_median *);
void sk_median_reset(struct sk_median *);
void sk_median_add(struct sk_median *, int64_t value);
/* The lower one of an even number; -1 of none. */
int64_t sk_median_get(const struct sk_median *);
#endif
