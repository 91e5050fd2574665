/* SPDX-License-Identifier: MIT */
/*
 * kept.h - what attempts leave on shards for who comes next: runs too large for
 * an answer, and the partitions of a shuffle between functions.  It goes by
 * itself after some time, whoever forgets it; a cluster that is taken down takes
 * it along.  Keys are drawn in kept.c.
 */
#ifndef SK_STORE_KEPT_H
#define SK_STORE_KEPT_H
#include "base/kept.h"
#include "store/shard.h"

/* Any number of things to be put, got or dropped on shards of one loop, all at
 * once. */
typedef struct sk_keeper sk_keeper;
/* job: 32 hex digits. */
int sk_keeper_new(const char *job, sk_keeper **, struct snek_error *);
/* Whatever is under way is forgotten. */
void sk_keeper_free(sk_keeper *);

/* Told what is to be done; the memory is the caller's until the keeper is
 * freed.  SNEK_EINVAL: the shard is no server. */
int sk_keeper_put(sk_keeper *, struct sk_shard *, const struct sk_kept *,
    struct sk_span, uint32_t seconds, struct snek_error *);
int sk_keeper_get(sk_keeper *, struct sk_shard *, const struct sk_kept *,
    void *to, size_t n, struct snek_error *);
int sk_keeper_drop(sk_keeper *, struct sk_shard *, const struct sk_kept *,
    size_t n, struct snek_error *);
/* Do it, until all is done or one thing failed.  SNEK_ENOENT: what was to be
 * got is gone; SNEK_ECORRUPT; SNEK_ETIMEDOUT; what servers answer. */
int sk_keeper_run(sk_keeper *, int64_t deadline_ms, struct snek_error *);
#endif
