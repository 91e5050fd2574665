/* SPDX-License-Identifier: MIT */
/*
 * snapshot.h - the chunks of a category as of one moment, opened: what a query
 * plans over and what a reader walks.  Holds its segments, so gc and
 * compaction never pull anything from under it; where segments are not mapped,
 * they go no earlier than gc's grace allows.
 *
 * A catalog may be used by any number of threads for this at once; a snapshot
 * is constant, so all of them may read one.
 */
#ifndef SK_SNAPSHOT_H
#define SK_SNAPSHOT_H
#include "category/catalog.h"
#include "category/ranges.h"

struct sk_snapshot_chunk {
	struct sk_span bytes;           /* mapped, or copied from the manifest;
	                                 * p NULL: to be fetched (load.h) */
	uint32_t shard, rows;
	struct sk_place base;           /* of its first row; see sk_chunk_place */
	struct sk_write_id write;       /* for messages */
	uint32_t number;                /* in its segment */
	uint64_t last_version;          /* not 0: it holds places of its own, of
	                                 * writes up to this one */
};

/* A segment that could not be opened, or several of one write: which of its
 * places were on which shard is not known then. */
struct sk_snapshot_loss {
	uint32_t shards, *shard;
	uint64_t version, last_version; /* of the writes that it is of */
	uint64_t records;
	struct sk_ranges ranges;        /* all of them, or none: where several
	                                 * writes were folded, it is not known */
	struct snek_error why;
};

struct sk_snapshot {
	uint64_t category;              /* its id: one made again has another */
	uint64_t version, records, bytes;
	uint32_t shards;                /* of the placement */
	size_t n;
	struct sk_snapshot_chunk *chunk;        /* by shard in the order of the
	                                         * placement, then by place */
	struct sk_snapshot_loss *loss;  /* sk_snapshot_open_rest; of lost of the
	                                 * records */
	size_t losses;
	uint64_t lost;
	void *owned;
};

/* Reads the manifest, opens all segments, checks the epoch, tries again if it
 * has moved (SNEK_EAGAIN after many times).  SNEK_ENOENT: no such category.
 * SNEK_ECORRUPT: a segment that the manifest names is missing or holds other
 * counts, by name. */
int sk_snapshot_open(struct sk_catalog *, const char *category,
    struct sk_snapshot **, struct snek_error *);
/* The same without what is missing or damaged, which is listed. */
int sk_snapshot_open_rest(struct sk_catalog *, const char *category,
    struct sk_snapshot **, struct snek_error *);
void sk_snapshot_close(struct sk_snapshot *);

/* A chunk that was to be fetched is not there: why (the caller says which, and
 * what it was about to do).  SNEK_EAGAIN: it has
 * been replaced and removed since; SNEK_ENOENT: so has the category;
 * SNEK_ECORRUPT: it is lost. */
int sk_snapshot_gone(struct sk_catalog *, const struct sk_snapshot *,
    const struct sk_snapshot_chunk *, struct snek_error *);

/* The segments that its chunks lie in (those in the manifest lie in none; no
 * bytes: not mapped), and
 * one of them as a descriptor, the caller's to close: SNEK_ENOENT when its file
 * has been deleted meanwhile; what is mapped stays. */
size_t sk_snapshot_segments(const struct sk_snapshot *);
struct sk_span sk_snapshot_segment(const struct sk_snapshot *, size_t i);
int sk_snapshot_segment_fd(const struct sk_snapshot *, size_t i);

/* Opens entries i .. i+n-1 of a manifest, which must outlive it.  A segment
 * that is missing may have been folded meanwhile: the caller knows. */
struct sk_manifest;
int sk_snapshot_of(struct sk_catalog *, const struct sk_manifest *, size_t i,
    size_t n, struct sk_snapshot **, struct snek_error *);
/* Has anything been deleted since the manifest was read?  1, 0 or an error;
 * SNEK_ENOENT: the category is gone. */
int sk_snapshot_moved(struct sk_catalog *, const struct sk_manifest *,
    struct snek_error *);
#endif
