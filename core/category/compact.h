/* SPDX-License-Identifier: MIT */
/*
 * compact.h - folding small writes; sweeping what nothing names any more.
 *
 * Folding goes by windows of versions: 64 of them, 512, 4096 ... each window
 * begins where the one before ended and is folded once, when its last version
 * has been committed.  So every byte is rewritten at most once a size of
 * window, O(log n) times, and a tail of at most 63 small writes stays.
 */
#ifndef SK_COMPACT_H
#define SK_COMPACT_H
#include "category/catalog.h"

/* Fold runs of small entries into larger segments on their own shards; places
 * stay, and so do open snapshots.  all: everything that can be folded, else
 * only what is due.  Losing a race is not an error. */
int sk_compact(struct sk_catalog *, const char *category, bool all,
    struct snek_error *);
/* What the commit of this version makes due: the windows that end with it.
 * Nothing at all, without a look, for 63 of 64 versions. */
int sk_compact_due(struct sk_catalog *, const char *category, uint64_t version,
    struct snek_error *);

struct sk_gc_report {
	uint64_t writes, segments, bytes, waiting;
};
/* For each write id found on a shard that no manifest names, not alive, and
 * silent for grace seconds: abort it, then sweep it, then forget the mark once
 * nothing is found under it. */
int sk_gc(struct sk_catalog *, int64_t grace, struct sk_gc_report *,
    struct snek_error *);
#endif
