/* SPDX-License-Identifier: MIT */
/* sched_parts.h - what sched.c (events in) and sched_next.c (actions out) of
 * the scheduler share. */
#ifndef SK_SCHED_PARTS_H
#define SK_SCHED_PARTS_H
#include "job/heap.h"
#include "job/live.h"
#include "job/pace.h"
#include "job/sched.h"

#ifndef SK_BUG
#define SK_BUG(name) 0
#endif

#define ATTEMPTS 4

enum task_state { WAITING, RUNNING, COMMITTING, DONE, MISSING };

struct task {
	struct sk_live *run[2];         /* that run */
	uint32_t tries, throttles, number;
	uint8_t state;
	bool backed;                    /* has had its backup */
};

struct sk_sched {
	struct sk_sched_config config;
	int64_t now;
	uint64_t rng;
	int code;                       /* not 0: the job is ending */
	int first;                      /* why the first missing task is */
	bool begun, say_stage;
	uint32_t stage, fresh;          /* fresh: next task never looked at */
	uint32_t tasks[2], done[2], missing[2];
	uint32_t most;                  /* map tasks that there can be */
	uint32_t queued, running, committing, backing;
	struct sk_pace pace;
	uint32_t retries, throttled, backups, splits;
	struct task *task;              /* as many maps, then reduces */
	struct sk_heap later;           /* tasks of the stage in backoff */
	struct sk_median took;          /* of the stage's finished tasks */
	struct sk_live_pool live;
	struct sk_link lone;            /* may get a backup, oldest first */
};

static inline struct task *task_of(sk_sched *s, struct sk_task_id id)
{
	return &s->task[id.stage ? (size_t)s->most + id.n : id.n];
}

/* Tasks of a stage that nothing more is to be done for. */
static inline uint32_t settled(const sk_sched *s, uint32_t stage)
{
	return s->done[stage] + s->missing[stage];
}

static inline bool complete(const sk_sched *s)
{
	return settled(s, 0) == s->tasks[0] && settled(s, 1) == s->tasks[1];
}

static inline uint32_t tries_allowed(const sk_sched *s)
{
	return s->config.attempts ? s->config.attempts : ATTEMPTS;
}

/* End the job with TIMEDOUT if its time is over. */
void sk_sched_watch_deadline(sk_sched *);
#endif
