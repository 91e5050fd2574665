/* SPDX-License-Identifier: MIT */
/*
 * sched.h - tasks into attempts: a pure state machine.  Events in, actions
 * out; no I/O, no clock, no threads, no randomness but a seeded one inside.
 * The state table is drawn at the top of sched.c.
 *
 * It owns retries with backoff, throttling (waits, does not count as a try),
 * backup attempts for stragglers, tasks that become several, concurrency and
 * its ramp, the deadline, and the rule that exactly one attempt per task is
 * committed, or, in a job that keeps going, that the task is said to be missing.
 *
 * A missing task is not journaled: a coordinator that takes over tries it
 * again, and is not told of reduce tasks that were committed without it.  Nor
 * is a split: a job that may have some (most_map_tasks) has one coordinator.
 *
 * An event costs O(log tasks), but for the one that ends the job early.
 */
#ifndef SK_SCHED_H
#define SK_SCHED_H
#include "base/err.h"

/* Different types, so that nobody mixes them up. */
struct sk_task_id { uint32_t stage, n; };       /* stage 0 map, 1 reduce */
/* Unique in a scheduler, rising from 1.  A coordinator that takes over a job
 * counts from 1 again: across coordinators the fencing token tells. */
struct sk_attempt_id { uint64_t n; };

struct sk_sched_config {
	uint32_t map_tasks, reduce_tasks;       /* reduce_tasks 0: no such stage */
	uint32_t most_map_tasks;        /* that splitting may lead to; 0: none */
	uint32_t slots;                 /* attempts at once; at least 1 */
	uint32_t ramp;                  /* no more at first, and so many more
	                                 * after each ramp_ms; 0: all at once */
	int64_t ramp_ms;
	uint32_t attempts;              /* tries a task may have; 0: 4.  A
	                                 * backup is a try, being throttled not */
	bool backups;                   /* start backup attempts for stragglers */
	bool keep_going;                /* a task that fails for good is missing,
	                                 * and ends the job only with the last of
	                                 * its stage, when all are */
	int64_t now;                    /* the clock of the events at the start, ms;
	                                 * a TICK before the first sk_sched_next
	                                 * does as well */
	int64_t deadline;               /* in that clock; 0: none */
	uint64_t seed;                  /* of the backoff's jitter */
};

enum sk_event_kind {
	SK_EV_TICK,                     /* only time has passed */
	SK_EV_FINISHED,                 /* attempt ended well; wants to commit */
	SK_EV_FAILED,                   /* ended badly; code tells its fate */
	SK_EV_THROTTLED,                /* attempt was not let in (429, or start said
	                                 * SNEK_EAGAIN): a queue, no failure */
	SK_EV_COMMITTED,                /* the journal has taken the commit */
	SK_EV_LOST,                     /* the journal refused: another coordinator
	                                 * has it; the job ends */
	SK_EV_CANCEL,                   /* somebody wants the job to end */
	SK_EV_RESTORED,                 /* before the first sk_sched_next: task was
	                                 * committed by an earlier coordinator */
	SK_EV_SPLIT,                    /* a map attempt ended: what came of it is
	                                 * too much; parts of its task would do */
};
struct sk_event {
	uint32_t kind;
	int64_t now;                    /* ms, never going back */
	struct sk_attempt_id attempt;
	struct sk_task_id task;         /* RESTORED */
	int code;                       /* FAILED: SNEK_EAGAIN: another try; any
	                                 * other: the job fails, except those that
	                                 * the machine may cause (EIO, ENOMEM,
	                                 * ETIMEDOUT): another try.
	                                 * LOST: why, 0: SNEK_ECONFLICT */
	int64_t after;                  /* THROTTLED: the task is not to be tried
	                                 * for so many ms */
	uint32_t parts;                 /* SPLIT: 2 or more, and not more tasks
	                                 * in all than most_map_tasks */
};

enum sk_action_kind {
	SK_ACT_START,                   /* run this attempt */
	SK_ACT_COMMIT,                  /* journal this attempt's outcome, then say
	                                 * COMMITTED or LOST */
	SK_ACT_DROP,                    /* its outcome is not wanted; no event */
	SK_ACT_CANCEL,                  /* stop it; it still ends with an event */
	SK_ACT_WAIT,                    /* nothing to do until an event or, if not
	                                 * 0, the time until */
	SK_ACT_MISSING,                 /* this attempt's failure was its task's:
	                                 * no other one will be made; no event */
	SK_ACT_SPLIT,                   /* the task of this attempt keeps the first
	                                 * of parts; the others are the tasks from
	                                 * first on, new ones; no event */
	SK_ACT_STAGE,                   /* all map tasks are committed or missing,
	                                 * reduce begins; losers of map may still
	                                 * run */
	SK_ACT_DONE,                    /* all tasks committed or missing, nothing
	                                 * running */
	SK_ACT_FAIL,                    /* over, nothing running; code says why */
};
struct sk_action {
	uint32_t kind;
	struct sk_task_id task;
	struct sk_attempt_id attempt;
	uint32_t number;                /* 1, 2 ... among the task's attempts */
	int64_t until;
	uint32_t parts, first;          /* SPLIT */
	int code;                       /* FAIL: of the attempt that decided (the
	                                 * first of them, when all of a stage is
	                                 * missing) or the LOST commit, or
	                                 * SNEK_ETIMEDOUT, SNEK_ECANCELED */
};

typedef struct sk_sched sk_sched;
/* SNEK_EINVAL (no slots), SNEK_ENOMEM: only here, nothing later allocates. */
int sk_sched_new(const struct sk_sched_config *, sk_sched **);
void sk_sched_free(sk_sched *);
/* SNEK_EINTERNAL: an event that cannot be (unknown attempt, ended twice, a
 * clock going back, COMMITTED without COMMIT); nothing has changed then. */
int sk_sched_event(sk_sched *, const struct sk_event *);
/* The next thing to do; call until it says WAIT, DONE or FAIL. */
void sk_sched_next(sk_sched *, struct sk_action *);

struct sk_sched_stat {
	uint32_t tasks, done, missing;  /* of both stages; done: committed */
	uint32_t queued;                /* tasks that nothing is done for now */
	uint32_t running;               /* started, not ended */
	uint32_t cap;                   /* how many may run: slots, or fewer
	                                 * after throttling, or by the ramp */
	uint32_t retries, throttled, backups, splits;
};
void sk_sched_stat(const sk_sched *, struct sk_sched_stat *);
#endif
