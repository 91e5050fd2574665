/* SPDX-License-Identifier: MIT */
/* run.c - the loop between scheduler and executor. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/thread.h"
#include "job/account.h"
#include "job/job.h"

/* ---- outcomes between end and commit ---- */

static struct sk_pending *take_pending(struct snek_job *j, uint64_t attempt)
{
	struct sk_pending **p, *found;

	for (p = &j->pending; (found = *p); p = &found->next)
		if (found->attempt == attempt) {
			*p = found->next;
			return found;
		}
	return NULL;
}

static void drop(struct snek_job *j, uint64_t attempt)
{
	struct sk_pending *p = take_pending(j, attempt);

	if (!p)
		return;
	sk_outcome_free(&p->outcome);
	free(p);
}

/* An event that the scheduler refuses is a bug of ours, and ends the job. */
static void tell_event(struct snek_job *j, struct sk_event ev)
{
	ev.now = sk_clock_ms();
	if (sk_sched_event(j->sched, &ev))
		j->broken = sk_fail(&j->last, SNEK_EINTERNAL, "the scheduler got "
		    "an event that cannot be: please report this");
}

static void tell(struct snek_job *j, uint32_t kind, uint64_t attempt, int code)
{
	tell_event(j, (struct sk_event){ .kind = kind, .attempt = { attempt },
	    .code = code });
}

static int hold(struct snek_job *j, struct sk_task_id task, struct sk_outcome *o)
{
	return task.stage == 0 ? sk_hold_take(&j->hold, o, &j->last)
	    : sk_hold_count(&j->hold, &o->run, &j->last);
}

/* It was committed by an earlier coordinator. */
static void restore_task(struct snek_job *j, struct sk_task_id task,
    struct sk_outcome *o)
{
	struct sk_outcome *slot = task.stage == 0 ? &j->map_out[task.n]
	    : &j->reduce_out[task.n];

	*slot = *o;
	if (hold(j, task, slot)) {
		j->broken = j->last.code;
		return;
	}
	if (task.stage == 0)
		sk_account_add(j, slot);
	tell_event(j, (struct sk_event){ .kind = SK_EV_RESTORED, .task = task });
}

/*
 * The one place where an attempt's outcome becomes its task's: called once a
 * task, when the scheduler says so.  It is in the journal first, if the job has
 * one: what is not there never was.
 */
static void commit_task(struct snek_job *j, struct sk_task_id task,
    struct sk_attempt_id attempt)
{
	struct sk_pending *p = take_pending(j, attempt.n);
	struct sk_outcome *slot = task.stage == 0 ? &j->map_out[task.n]
	    : &j->reduce_out[task.n];
	int rc;

	if (!p) {
		tell(j, SK_EV_LOST, attempt.n, 0);
		return;
	}
	*slot = p->outcome;
	free(p);
	rc = sk_job_record(j, task, slot, &j->last);
	if (!rc)
		rc = j->decided && !j->set.keep_going ? 0 : hold(j, task, slot);
	if (rc) {
		j->decided = true;
		tell(j, SK_EV_LOST, attempt.n, rc);
		return;
	}
	if (task.stage == 0)
		sk_account_add(j, slot);
	tell(j, SK_EV_COMMITTED, attempt.n, 0);
}

/* ---- actions ---- */

/* The scheduler will end the job with it: an op's own failure, or the last
 * try's. */
static bool decides(const struct snek_job *j, int code, uint32_t number)
{
	uint32_t tries = j->set.attempts ? j->set.attempts : 4;

	return number >= tries || (code != SNEK_EAGAIN && code != SNEK_EIO &&
	    code != SNEK_ENOMEM && code != SNEK_ETIMEDOUT);
}

/* What the job says when it fails: the text of the failure that ended it (or
 * of the first for good, when it keeps going until nothing is left), not of one
 * that came after. */
static void remember(struct snek_job *j, struct sk_task_id task,
    const struct snek_error *why, uint32_t number)
{
	struct snek_error e = *why;

	if (why->code == SNEK_ECANCELED)
		return;
	if (number > 1)
		sk_fail_in(&e, why->code, "attempt %u", number);
	sk_missing_note(&j->missing, task, &e);
	if (j->decided)
		return;
	j->decided = decides(j, why->code, number);
	j->last = e;
}

static struct sk_task_id task_of(const struct sk_exec_event *ev)
{
	return (struct sk_task_id){ ev->attempt.stage, ev->attempt.task };
}

static int start_attempt(struct snek_job *j, const struct sk_action *a,
    struct snek_error *e)
{
	const struct sk_plan_task *t;
	struct sk_attempt at = {
		.id = a->attempt.n, .stage = a->task.stage, .task = a->task.n,
		.number = a->number,
	};

	if (a->task.stage == 0) {
		t = &j->plan.task[a->task.n];
		at.tasks = j->plan.tasks;
		at.chunk = j->chunk + t->first;
		at.chunks = t->n;
		at.skip = j->bad.task[a->task.n].skip;
		at.skips = j->bad.task[a->task.n].n;
	} else {
		at.tasks = j->plan.partitions;
		at.run = j->part[a->task.n];
		at.runs = j->part_runs[a->task.n];
	}
	return j->exec->ops->start(j->exec, &at, e);
}

static void start_or_fail(struct snek_job *j, const struct sk_action *a)
{
	struct snek_error why = { 0 };
	int rc = start_attempt(j, a, &why);

	if (!rc)
		return;
	if (rc != SNEK_EAGAIN)
		remember(j, a->task, &why, a->number);
	tell(j, rc == SNEK_EAGAIN ? SK_EV_THROTTLED : SK_EV_FAILED,
	    a->attempt.n, rc);
}

static int collect(struct snek_job *j, uint32_t p)
{
	const struct sk_runs *r = &j->hold.part[p];
	size_t i;

	j->part[p] = calloc(r->n + 1, sizeof(*j->part[p]));
	if (!j->part[p])
		return SNEK_ENOMEM;
	for (i = 0; i < r->n; i++)
		j->part[p][i] = &r->run[i];
	j->part_runs[p] = r->n;
	return 0;
}

static int begin_reduce(struct snek_job *j)
{
	uint32_t p;
	int rc = sk_account_conserve(j, &j->last);

	if (rc)
		return rc;
	j->part = calloc(j->plan.partitions, sizeof(*j->part));
	j->part_runs = calloc(j->plan.partitions, sizeof(*j->part_runs));
	rc = j->part && j->part_runs ? 0 : SNEK_ENOMEM;
	for (p = 0; p < j->plan.partitions && !rc; p++)
		rc = collect(j, p);
	return rc ? sk_enomem(&j->last) : 0;
}

static void keep_pending(struct snek_job *j, struct sk_exec_event *ev)
{
	struct sk_pending *p = malloc(sizeof(*p));
	struct snek_error why = { 0 };
	int rc = p ? sk_job_kept_take(j, ev->attempt.stage, &ev->outcome, &why)
	    : sk_enomem(&why);

	if (rc) {
		free(p);
		sk_outcome_free(&ev->outcome);
		remember(j, task_of(ev), &why, ev->number);
		tell(j, SK_EV_FAILED, ev->id, rc);
		return;
	}
	p->attempt = ev->id;
	p->outcome = ev->outcome;
	p->next = j->pending;
	j->pending = p;
	tell(j, SK_EV_FINISHED, ev->id, 0);
}

/* What an op left in its instance, or gave out twice, shows in the second
 * attempt. */
static void drop_first(struct snek_job *j, struct sk_exec_event *ev)
{
	if (!j->set.retry_first || ev->attempt.number != 1 || ev->outcome.code)
		return;
	sk_outcome_free(&ev->outcome);
	memset(&ev->outcome, 0, sizeof(ev->outcome));
	ev->outcome.code = sk_fail(&ev->outcome.error, SNEK_EAGAIN,
	    "the first attempt was not wanted (retry-first)");
}

/* The same attempt without the records that are bad: nothing of what it did
 * is kept, and for the scheduler it goes on. */
static int start_again(struct snek_job *j, struct sk_exec_event *ev)
{
	const struct sk_bad_list *l = &j->bad.task[ev->attempt.task];
	int rc;

	ev->attempt.skip = l->skip;
	ev->attempt.skips = l->n;
	rc = j->exec->ops->start(j->exec, &ev->attempt, &ev->outcome.error);
	if (rc)
		ev->outcome.code = rc;
	else
		sk_outcome_free(&ev->outcome);
	return rc;
}

/* A queue, or a task that is to be several: no failure. */
static bool hear_more(struct snek_job *j, const struct sk_exec_event *ev)
{
	struct sk_event out = { .attempt = { ev->id } };

	if (ev->throttled) {
		out.kind = SK_EV_THROTTLED;
		out.after = ev->after_ms;
	} else if (ev->too_large && (out.parts = sk_split_parts(j, ev))) {
		out.kind = SK_EV_SPLIT;
	} else {
		return false;
	}
	tell_event(j, out);
	return true;
}

static void hear_failure(struct snek_job *j, struct sk_exec_event *ev)
{
	ev->outcome.error.code = ev->outcome.code;
	if (!sk_split_is_stale(j, &ev->attempt))
		remember(j, task_of(ev), &ev->outcome.error, ev->number);
	tell(j, SK_EV_FAILED, ev->id, ev->outcome.code);
}

static void hear(struct snek_job *j, struct sk_exec_event *ev)
{
	sk_account_check(j, ev);
	drop_first(j, ev);
	if (!ev->outcome.code) {
		keep_pending(j, ev);
		return;
	}
	if (!hear_more(j, ev)) {
		if (!sk_split_is_stale(j, &ev->attempt) && sk_bad_take(j, ev) &&
		    !start_again(j, ev))
			return;
		hear_failure(j, ev);
	}
	sk_outcome_free(&ev->outcome);
}

static int timeout_until(int64_t until)
{
	int64_t ms;

	if (!until)
		return -1;
	ms = until - sk_clock_ms();
	return ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

/* Both this and the waking after it come after the flag was set: a cancel is
 * seen here, or ends the wait. */
static void watch_cancel(struct snek_job *j, bool *told)
{
	if (*told || !__atomic_load_n(&j->cancelled, __ATOMIC_SEQ_CST))
		return;
	*told = true;
	tell(j, SK_EV_CANCEL, 0, 0);
}

static void wait_for(struct snek_job *j, int64_t until)
{
	struct sk_exec_event ev = { 0 };

	if (j->exec->ops->wait(j->exec, timeout_until(until), &ev) == 1)
		hear(j, &ev);
	else
		tell(j, SK_EV_TICK, 0, 0);
}

/* ---- the end ---- */

static void explain(struct snek_job *j, int code, struct snek_error *e)
{
	struct sk_sched_stat s;

	sk_sched_stat(j->sched, &s);
	if (code == SNEK_ECANCELED)
		sk_fail(e, code, "cancelled: %u of %u tasks were done", s.done,
		    s.tasks);
	else if (code == SNEK_ETIMEDOUT)
		sk_fail(e, code, "timed out after %g s: %u of %u tasks were done; "
		    "a longer --timeout lets it finish",
		    (double)j->set.timeout_ms / 1000, s.done, s.tasks);
	else if (j->last.code)
		*e = j->last;
	else
		sk_fail(e, code, "the job failed: %s", sk_strerror(code));
	e->code = code;
	sk_job_away_say_left(j, e);
}

static void look_away(struct snek_job *j)
{
	if (j->exec->ops->stat)
		j->exec->ops->stat(j->exec, &j->away.stat);
}

static void finish(struct snek_job *j, int code)
{
	struct snek_error e = { 0 };

	look_away(j);
	if (code)
		explain(j, code, &e);
	while (j->pending)
		drop(j, j->pending->attempt);
	if (!code || !j->journal.store)         /* or somebody goes on with it */
		sk_job_kept_drop(j);
	pthread_mutex_lock(&j->lock);
	j->error = e;
	j->state = code ? SK_JOB_FAILED : SK_JOB_DONE;
	j->ended_us = sk_clock_us();
	j->away.told = j->away.stat;
	sk_sched_stat(j->sched, &j->stat);
	pthread_cond_broadcast(&j->changed);
	pthread_mutex_unlock(&j->lock);
}

static void publish(struct snek_job *j)
{
	look_away(j);
	pthread_mutex_lock(&j->lock);
	j->away.told = j->away.stat;
	sk_sched_stat(j->sched, &j->stat);
	pthread_mutex_unlock(&j->lock);
}

static int split_task(struct snek_job *j, const struct sk_action *a)
{
	int rc = sk_split_task(j, a);

	return rc ? sk_enomem(&j->last) : 0;
}

/* 0 to go on, 1 done, or the code that the job fails with. */
static int act(struct snek_job *j, const struct sk_action *a)
{
	switch (a->kind) {
	case SK_ACT_START:
		start_or_fail(j, a);
		return 0;
	case SK_ACT_COMMIT:
		commit_task(j, a->task, a->attempt);
		return 0;
	case SK_ACT_DROP:
		drop(j, a->attempt.n);
		return 0;
	case SK_ACT_MISSING:
		sk_missing_take(j, a->task);
		return 0;
	case SK_ACT_SPLIT:
		return split_task(j, a);
	case SK_ACT_CANCEL:
		j->exec->ops->cancel(j->exec, a->attempt.n);
		return 0;
	case SK_ACT_STAGE:
		return begin_reduce(j);
	case SK_ACT_WAIT:
		publish(j);
		wait_for(j, a->until);
		return 0;
	case SK_ACT_DONE:
		return 1;
	default:
		return a->code ? a->code : SNEK_EINTERNAL;
	}
}

static void *coordinate(void *arg)
{
	struct snek_job *j = arg;
	struct sk_action a;
	bool told_cancel = false;
	int rc;

	sk_job_away_expect(j);
	rc = sk_job_recall(j, restore_task, &j->last);
	if (rc) {
		j->decided = true;
		finish(j, rc);
		return NULL;
	}
	tell(j, SK_EV_TICK, 0, 0);
	do {
		watch_cancel(j, &told_cancel);
		sk_sched_next(j->sched, &a);
		rc = act(j, &a);
		if (!rc)
			rc = j->broken;
	} while (!rc);
	if (rc == 1)
		rc = sk_account_conserve(j, &j->last);
	if (!rc && j->plan.records && !sk_missing_any(j))
		rc = sk_fields_check(&j->fields, j->category ? j->category
		    : "the input", j->exec_job.log, j->exec_job.log_arg, &j->last);
	finish(j, rc);
	return NULL;
}

/* It will not run: start says why, and wait says so again. */
static int give_up(struct snek_job *j, int code, const char *text,
    struct snek_error *e)
{
	j->state = SK_JOB_FAILED;
	sk_fail(&j->error, code, "%s", text);
	return sk_fail(e, code, "%s", text);
}

static int check_start(struct snek_job *j, struct snek_error *e)
{
	int rc = sk_job_is_new(j, e);

	if (rc)
		return rc;
	if (__atomic_load_n(&j->cancelled, __ATOMIC_SEQ_CST))
		return give_up(j, SNEK_ECANCELED, "cancelled before it began", e);
	if (j->unread)
		return sk_fail(e, j->unread, "not all of the input was read, so "
		    "the job cannot be over all of it");
	return 0;
}

int sk_job_start(struct snek_job *j, struct snek_error *e)
{
	int rc = check_start(j, e);

	if (rc)
		return rc;
	rc = sk_job_prepare(j, e);
	if (rc) {
		sk_job_unprepare(j);
		return rc;
	}
	j->state = SK_JOB_RUNNING;
	rc = sk_thread_start(&j->thread, coordinate, j);
	if (rc)
		return give_up(j, SNEK_EAGAIN, "cannot start a thread", e);
	j->joined = false;
	return 0;
}

static struct timespec in_ms(int ms)
{
	int64_t us = sk_clock_us() + (int64_t)ms * 1000;

	return (struct timespec){ us / 1000000, us % 1000000 * 1000 };
}

int sk_job_wait(struct snek_job *j, int timeout_ms, struct snek_error *e)
{
	struct timespec until = in_ms(timeout_ms < 0 ? 0 : timeout_ms);
	uint32_t state;
	int rc = 0;

	pthread_mutex_lock(&j->lock);
	while (j->state == SK_JOB_RUNNING && !rc)
		rc = timeout_ms < 0 ? pthread_cond_wait(&j->changed, &j->lock)
		    : pthread_cond_timedwait(&j->changed, &j->lock, &until);
	state = j->state;
	if (state == SK_JOB_FAILED && e)
		*e = j->error;
	pthread_mutex_unlock(&j->lock);
	if (state == SK_JOB_NEW)
		return sk_fail(e, SNEK_EINVAL, "the job has not begun");
	if (state == SK_JOB_FAILED)
		return j->error.code;
	return state == SK_JOB_DONE;
}

void sk_job_cancel(struct snek_job *j)
{
	struct sk_exec *exec;

	__atomic_store_n(&j->cancelled, 1, __ATOMIC_SEQ_CST);
	exec = __atomic_load_n(&j->exec, __ATOMIC_SEQ_CST);
	if (exec)
		exec->ops->wake(exec);
}

void sk_job_join(struct snek_job *j)
{
	if (!j->joined)
		pthread_join(j->thread, NULL);
	j->joined = true;
}

uint64_t sk_job_keys(const struct snek_job *j)
{
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; i < j->plan.partitions; i++)
		n += j->reduce_out[i].run.entries;
	return n;
}

/* ---- counters ---- */
