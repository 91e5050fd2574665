/* SPDX-License-Identifier: MIT */
/* keep.h - runs between an invocation and shards: what no answer can carry goes
 * there, and what the stage before left there comes. */
#ifndef SK_WORKER_KEEP_H
#define SK_WORKER_KEEP_H
#include "worker/lambda.h"

/* Put runs of an outcome on the shard that the event names: all of them, if it
 * says so, else the largest until an answer has room for the rest.  Nothing
 * happens where no shard is named. */
int sk_keep_outcome(struct sk_lambda *, struct sk_outcome *,
    struct snek_error *);
/* For struct sk_attempts. */
int sk_keep_gather(void *lambda, struct sk_runs *, struct snek_error *);
#endif
