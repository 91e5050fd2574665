/* SPDX-License-Identifier: MIT */
/*
 * deal.h - the entries of runs in memory, copied to buckets by ranges of their
 * keys: all keys of a bucket are less than those of the next, and most buckets
 * fit the cache.
 */
#ifndef SK_DEAL_H
#define SK_DEAL_H
#include "task/run.h"

struct sk_bucket {
	size_t at, bytes;       /* of the dealt ones */
	uint64_t entries;
};

struct sk_dealt {
	uint8_t *bytes;         /* of all entries */
	size_t n;
	struct sk_bucket *bucket;
	uint32_t buckets;
};
/* SNEK_EFORMAT: a run is not what it says. */
int sk_deal(const struct sk_run *const *runs, const struct sk_run_view *view,
    size_t n, struct sk_dealt *, struct snek_error *);
void sk_dealt_free(struct sk_dealt *);
/* Beside the bytes of the entries, at most. */
uint64_t sk_deal_need(uint64_t entries);
#endif
