/* SPDX-License-Identifier: MIT */
/*
 * snapshot.h - the chunks of a category as of one moment, opened: what a query
 * plans over and what a reader walks.  Holds its segments, so gc and
 * compaction never pull anything from under it.
 */
#ifndef SK_SNAPSHOT_H
#define SK_SNAPSHOT_H
#include "category/catalog.h"

struct sk_snapshot_chunk {
	struct sk_span bytes;           /* mapped */
	uint32_t shard, rows;
	struct sk_place base;           /* of its first row; see sk_chunk_place */
	struct sk_write_id write;       /* for messages */
	uint32_t number;                /* in its segment */
};

struct sk_snapshot {
	uint64_t version, records, bytes;
	uint32_t shards;                /* of the placement */
	size_t n;
	struct sk_snapshot_chunk *chunk;        /* by shard in the order of the
	                                         * placement, then by place */
	void *owned;
};

/* Reads the manifest, opens all segments, checks the epoch, tries again if it
 * has moved.  SNEK_ENOENT: no such category.  SNEK_ECORRUPT: a segment that
 * the manifest names is missing or holds other counts, by name. */
int sk_snapshot_open(struct sk_catalog *, const char *category,
    struct sk_snapshot **, struct snek_error *);
void sk_snapshot_close(struct sk_snapshot *);
#endif
