/* SPDX-License-Identifier: MIT */
/* fetcher.h - the worker's side of the process that reads shards. */
#ifndef SK_WORKER_FETCHER_H
#define SK_WORKER_FETCHER_H
#include <sys/types.h>

#include "worker/slot.h"

struct sk_fetcher {                     /* zeroed: none */
	pid_t pid;
	struct sk_channel channel;
	struct sk_message source;       /* what it is told at its start */
	struct sk_worker_task *waiting;
};
/* Take over what the coordinator said; one that was at work before ends. */
int sk_fetcher_source(struct sk_fetcher *, struct sk_message *);
/* Have the task's chunks fetched; it is taken over, but for a failure. */
int sk_fetcher_give(struct sk_fetcher *, struct sk_worker_task *,
    struct snek_error *);
/* The descriptor that hear wants to be called for, or -1. */
int sk_fetcher_fd(const struct sk_fetcher *);
/* 1: a task has its chunks, or (death set) will not have them; 0: none now.  The
 * task is the caller's then. */
int sk_fetcher_hear(struct sk_fetcher *, struct sk_worker_task **,
    struct sk_wire_death *);
/* The task with this id, the caller's now; NULL: it is not here. */
struct sk_worker_task *sk_fetcher_cancel(struct sk_fetcher *, uint64_t id);
void sk_fetcher_end(struct sk_fetcher *);
#endif
