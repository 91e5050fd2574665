/* SPDX-License-Identifier: MIT */
/*
 * load.h - chunks of a snapshot in memory: as they are mapped, or fetched from
 * shards that map nothing, many at once.
 */
#ifndef SK_LOAD_H
#define SK_LOAD_H
#include "category/snapshot.h"

#define SK_AHEAD 8u                     /* chunks under way behind the one in use */
#define SK_AHEAD_BYTES (2u << 20)       /* and their bytes, but for one */

/* ---- chunks that are wanted together ---- */

typedef struct sk_load sk_load;

/* Begin to fetch n chunks of the snapshot, which must outlive it; want (it is
 * copied) NULL: all of their columns. */
int sk_load_begin(struct sk_catalog *, const struct sk_snapshot *,
    const struct sk_snapshot_chunk *const *chunk, size_t n,
    const struct sk_want *, sk_load **, struct snek_error *);
/* Until all are there, or stop (may be NULL) says a code.  A chunk that is gone
 * is told as sk_snapshot_gone does; which (or NULL) is set if it was one chunk
 * that failed. */
int sk_load_wait(sk_load *, int (*stop)(void *, struct snek_error *),
    void *arg, size_t *which, struct snek_error *);
/* After a wait that was 0.  8-aligned; checked by nobody yet. */
struct sk_span sk_load_bytes(const sk_load *, size_t i);
/* What is still under way is dropped when it comes. */
void sk_load_free(sk_load *);

/* ---- chunks one after the other, a few ahead ---- */

struct sk_ahead {                       /* zeroed, then the first four: */
	struct sk_catalog *catalog;
	const struct sk_snapshot *snapshot;
	size_t at, end;                 /* the chunk in use; behind the last */
	size_t step;                    /* 0: as 1 */
	size_t next;                    /* to be begun, once at has been taken */
	uint64_t bytes;                 /* under way */
	uint32_t n;
	sk_load *load[SK_AHEAD + 1];    /* from at on */
};
/* Begin what may be under way; sk_ahead_get does so too. */
int sk_ahead_start(struct sk_ahead *, struct snek_error *);
/* Chunk at, which must be below end; its bytes live until the next. */
int sk_ahead_get(struct sk_ahead *, struct sk_span *, struct snek_error *);
/* at moves on by a step; false at the end. */
bool sk_ahead_next(struct sk_ahead *);
void sk_ahead_end(struct sk_ahead *);
#endif
