/* SPDX-License-Identifier: MIT */
/*
 * away.h - jobs whose attempts run elsewhere: whether the function can, how
 * many at once, what one may carry, and the executor for it.
 */
#ifndef SK_JOB_AWAY_H
#define SK_JOB_AWAY_H
#include "aws/aws.h"
#include "exec/exec.h"
#include "job/plan.h"
#include "job/sched.h"

/* What one that is not here is called; its worker knows where it is. */
#define SK_AWAY_PLUGIN "plugin.so"

enum sk_on { SK_ON_DEFAULT, SK_ON_PROCESSES, SK_ON_THREADS, SK_ON_LAMBDA,
	SK_ON_HTTP };

struct sk_job_away {                  /* zeroed: all runs here */
	const struct sk_aws_ops *aws;
	struct sk_aws *caller;          /* until the executor has it */
	uint32_t room;                  /* calls at once */
	struct sk_buf source;           /* as it travels */
	struct sk_exec_stat stat;       /* by the coordinator alone; as it was */
	struct sk_exec_stat told;       /* told others, with the job's lock */
};

struct snek_job;
/* Where it runs: as the job says, or where its function can.  check: whether it
 * can, once it is found. */
void sk_job_away_choose(struct snek_job *);
int sk_job_away_check(const struct snek_job *, struct snek_error *);
bool sk_job_away_is(const struct snek_job *);
/* Does it need a worker, for what is asked of plugins and for the reduce
 * stage? */
bool sk_job_away_wants_worker(const struct snek_job *);
/* begin: who calls, while the worker starts.  open: how many calls are let in,
 * before the plan. */
int sk_job_away_begin(struct snek_job *, struct snek_error *);
int sk_job_away_open(struct snek_job *, struct snek_error *);
void sk_job_away_close(struct snek_job *);
void sk_job_away_limit_plan(const struct snek_job *, struct sk_plan_limits *);
/* Have the op opened by its own Lambda, and say what it says of itself: the
 * out is to be freed.  Where no worker can be asked. */
struct sk_opened;
int sk_job_away_ask(struct snek_job *, struct sk_opened *, struct snek_error *);
/* Bytes that a chunk counts for in the plan. */
uint64_t sk_job_away_weight(const struct snek_job *, uint64_t bytes);
void sk_job_away_limit_sched(const struct snek_job *, struct sk_sched_config *);
/* In the thread that calls: what that will take. */
void sk_job_away_expect(const struct snek_job *);
/* Does the reduce stage run elsewhere, too?  Its input is on servers then. */
bool sk_job_away_reduces(const struct snek_job *);
/* local: of the reduce stage, NULL where that is elsewhere, too; taken over,
 * also on failure. */
int sk_job_away_exec(struct snek_job *, struct sk_exec *local, struct sk_exec **,
    struct snek_error *);
/* What goes on there although the job has ended, in words behind its own. */
void sk_job_away_say_left(const struct snek_job *, struct snek_error *);
#endif
