/* SPDX-License-Identifier: MIT */
/*
 * split.h - map tasks that become several, since the answer of one is more
 * than its executor can carry: the plan, and what is kept by task, follow.
 */
#ifndef SK_SPLIT_H
#define SK_SPLIT_H
#include "exec/exec.h"
#include "job/sched.h"

struct snek_job;
/* Map tasks that there may be at most. */
uint32_t sk_split_most(const struct snek_job *);
/* Room for them in the plan, if the executor may want it. */
int sk_split_open(struct snek_job *, struct snek_error *);
/* Was the attempt of what its task is no more? */
bool sk_split_is_stale(const struct snek_job *, const struct sk_attempt *);
/* Into how many parts its task is to be cut, so that each can be answered:
 * at most one a chunk; 0: one chunk's is too much. */
uint32_t sk_split_parts(const struct snek_job *, const struct sk_exec_event *);
/* Do it, as the scheduler says.  SNEK_ENOMEM. */
int sk_split_task(struct snek_job *, const struct sk_action *);
#endif
