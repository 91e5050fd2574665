/* SPDX-License-Identifier: MIT */
/*
 * source.h - the shards that chunks are fetched from, opened when they are
 * first asked for.  A test has one of its own.
 */
#ifndef SK_WORKER_SOURCE_H
#define SK_WORKER_SOURCE_H
#include "store/address.h"

struct sk_source;
/* The bytes are those of address.h; they must outlive it. */
int sk_source_open(struct sk_span, struct sk_source **, struct snek_error *);
/* What is under way ends with an error. */
void sk_source_close(struct sk_source *);
int sk_source_shard(struct sk_source *, uint32_t id, struct sk_shard **,
    struct snek_error *);

/* For a loop: a descriptor that is readable when step has work (-1: none), and
 * when step wants to be called at the latest (INT64_MAX: never). */
int sk_source_fd(const struct sk_source *);
int64_t sk_source_due(const struct sk_source *);
int sk_source_step(struct sk_source *);
#endif
