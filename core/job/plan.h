/* SPDX-License-Identifier: MIT */
/*
 * plan.h - chunks into tasks.  Pure: the same input gives the same plan.
 *
 * A task is a run of consecutive chunks of one shard.  Tasks are balanced by
 * bytes, not by count, never cross a shard, and cover every chunk once.
 */
#ifndef SK_PLAN_H
#define SK_PLAN_H
#include "base/err.h"

struct sk_plan_chunk {
	uint32_t shard, rows;
	uint64_t bytes;
};
struct sk_plan_limits {
	uint32_t workers;               /* 0: 1 */
	uint64_t min_bytes, max_bytes;  /* of a task, as far as chunks allow; 0:
	                                 * 128 KiB and 64 MiB; max wins */
	uint32_t partitions;            /* asked for; 0: chosen, no more than */
	uint32_t reducers;              /* reduce; 0: as many as workers */
	bool reduces;                   /* the job has a reduce stage with keys */
};
struct sk_plan_task {
	uint32_t shard;
	uint32_t first, n;              /* chunks, by number in the input */
	uint64_t bytes, records;
};
struct sk_plan {
	uint32_t tasks;                 /* 0 if there are no chunks */
	struct sk_plan_task *task;      /* in the order of their first chunk */
	uint32_t partitions;            /* at least 1 */
	uint64_t records, bytes;
};
/*
 * chunks: grouped by shard.  About four tasks a worker, so that the last ones
 * even out: what is aimed at is total / 4 workers, within the limits.  No task
 * of several chunks is over max_bytes; no task is over twice the aim plus the
 * largest chunk.  SNEK_ELIMIT: more than 2^32-1 chunks or 2^64-1 bytes.
 */
int sk_plan_make(const struct sk_plan_chunk *, size_t n,
    const struct sk_plan_limits *, struct sk_plan *, struct snek_error *);
void sk_plan_free(struct sk_plan *);
#endif
