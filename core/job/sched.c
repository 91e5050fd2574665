/* SPDX-License-Identifier: MIT */
/*
 * A task, while the job goes on:
 *
 *             START          FINISHED, COMMIT           COMMITTED
 *    WAITING --------> RUNNING --------> COMMITTING ----------> DONE
 *     |   ^               |                   |                  ^
 *     |   +--- backoff ---+                   +--> LOST: the job |
 *     |    FAILED for now (counts as a try)         ends         |
 *     |    or THROTTLED (does not), and no                       |
 *     |    other attempt of the task runs                        |
 *     +------------------------- RESTORED -----------------------+
 *
 *    RUNNING --> MISSING: FAILED for good, in a job that keeps going
 *
 * RUNNING has one attempt, or two when one is a backup.  The first to finish
 * decides the task; what the other one comes to has no say any more.
 *
 * An attempt, by what is said to it and what is heard of it:
 *
 *    RUNNING     FINISHED, task RUNNING, job going on    COMMIT, COMMITTING
 *    RUNNING     FINISHED else                           DROP, gone
 *    RUNNING     FAILED, and so its task for good        MISSING, gone
 *    RUNNING     FAILED else, THROTTLED                  gone
 *    RUNNING     its task is decided, or the job ends    CANCEL, RUNNING
 *    COMMITTING  COMMITTED, LOST                         gone
 *
 * A failure of an undecided task is for good if it is the op's own or spends
 * the last try.  The job ends early with the first of: such a failure (when it
 * keeps going, the one that leaves nothing of a stage), a LOST commit, CANCEL,
 * the deadline.  From then on nothing starts and what finishes is dropped; FAIL
 * is said once every attempt and every commit under way has ended.  With all
 * tasks committed or missing it is DONE, whatever comes after.
 *
 * SK_BUG(name) is 0; the simulator's own test compiles this file with mistakes
 * to be switched on, to see that they are found.
 */
#include "job/sched.h"

#include <stdlib.h>

#include "base/hash.h"
#include "job/heap.h"
#include "job/live.h"

#ifndef SK_BUG
#define SK_BUG(name) 0
#endif

#define ATTEMPTS 4
#define BACKOFF_FAILED 50               /* ms, doubled with every try */
#define BACKOFF_THROTTLED 1000
#define BACKOFF_MOST 20000
#define STRAGGLER_MEDIANS 3
#define STRAGGLER_LEAST 1000            /* ms */

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
	uint32_t running, committing, backing;
	uint32_t cap, credit;
	uint64_t cut;                   /* attempts up to this id are accounted for */
	uint32_t retries, throttled, backups;
	struct task *task;              /* maps, then reduces */
	struct sk_heap later;           /* tasks of the stage in backoff */
	struct sk_median took;          /* of the stage's finished tasks */
	struct sk_live_pool live;
	struct sk_link lone;            /* may get a backup, oldest first */
};

static struct task *task_of(sk_sched *s, struct sk_task_id id)
{
	return &s->task[id.stage ? (size_t)s->tasks[0] + id.n : id.n];
}

/* Tasks of a stage that nothing more is to be done for. */
static uint32_t settled(const sk_sched *s, uint32_t stage)
{
	return s->done[stage] + s->missing[stage];
}

static bool complete(const sk_sched *s)
{
	return settled(s, 0) == s->tasks[0] && settled(s, 1) == s->tasks[1];
}

static uint32_t tries_allowed(const sk_sched *s)
{
	return s->config.attempts ? s->config.attempts : ATTEMPTS;
}

static uint64_t draw(sk_sched *s)
{
	s->rng += SK_HASH_K0;
	return sk_mix(s->rng, s->rng ^ SK_HASH_K1);
}

static void cancel(sk_sched *s, struct sk_live *a)
{
	if (a && !a->cancelled) {
		a->cancelled = true;
		sk_live_say(&s->live, a, SK_ACT_CANCEL);
	}
}

/* It runs no more.  Returns the other one of its task, if that runs. */
static struct sk_live *ended(sk_sched *s, struct sk_live *a)
{
	struct task *t = task_of(s, a->task);
	int i = t->run[1] == a;

	if (!SK_BUG(slots_leak) || !a->cancelled)
		s->running--;
	if (a->backup)
		s->backing--;
	t->run[i] = NULL;
	a->state = SK_LIVE_ENDED;
	if (!SK_BUG(backup_of_committed_task))
		sk_link_del(&a->lone);
	return t->run[!i];
}

static void end_job(sk_sched *s, int code)
{
	struct sk_live_pool *p = &s->live;
	size_t i;

	if (s->code || complete(s))
		return;
	s->code = code;
	for (i = 0; i < p->n && !SK_BUG(end_without_cancel); i++)
		if (p->slot[i].state == SK_LIVE_RUNS)
			cancel(s, &p->slot[i]);
}

static void advance(sk_sched *s)
{
	uint32_t left = s->tasks[0] - settled(s, 0);

	if (s->stage == 0 && s->tasks[1] &&
	    left <= (SK_BUG(reduce_starts_early) ? 1 : 0)) {
		s->stage = 1;
		s->say_stage = true;
		s->fresh = 0;
		sk_median_reset(&s->took);
	}
}

static void watch_deadline(sk_sched *s)
{
	if (s->config.deadline && s->now >= s->config.deadline)
		end_job(s, SNEK_ETIMEDOUT);
}

/* Another try may do better, for the op is not to blame. */
static bool transient(int code)
{
	return code == SNEK_EAGAIN || code == SNEK_EIO || code == SNEK_ENOMEM ||
	    code == SNEK_ETIMEDOUT || SK_BUG(own_failure_is_retried);
}

/* Full jitter: anything up to base * 2^times. */
static void back_off(sk_sched *s, struct sk_task_id id, int64_t base,
    uint32_t times)
{
	uint64_t most = (uint64_t)base << (times < 16 ? times : 16);

	if (most > BACKOFF_MOST)
		most = BACKOFF_MOST;
	task_of(s, id)->state = WAITING;
	sk_heap_push(&s->later, s->now + 1 + (int64_t)(draw(s) % most), id.n);
}

static void finished(sk_sched *s, struct sk_live *a)
{
	struct task *t = task_of(s, a->task);
	struct sk_live *other = ended(s, a);
	bool decided = t->state != RUNNING && !SK_BUG(commit_both_attempts);
	bool over = s->code && !SK_BUG(cancelled_attempt_commits);

	if (s->cap < s->config.slots && ++s->credit >= s->cap) {
		s->cap++;
		s->credit = 0;
	}
	if (over || decided) {
		sk_live_say(&s->live, a, SK_ACT_DROP);
		return;
	}
	t->state = COMMITTING;
	s->committing++;
	sk_median_add(&s->took, s->now - a->started);
	sk_live_say(&s->live, a, SK_ACT_COMMIT);
	cancel(s, other);
}

static bool spent(const sk_sched *s, const struct task *t)
{
	return t->tries >= tries_allowed(s) + SK_BUG(one_try_too_many);
}

/* The task fails for good: with it the job, or all that is left of it, or it
 * is missing.  A deadline that has passed may be why, and goes first. */
static bool give_up(sk_sched *s, struct sk_live *a, struct sk_live *other,
    int code)
{
	uint32_t stage = a->task.stage, *missing = &s->missing[stage];

	if (!SK_BUG(deadline_comes_second))
		watch_deadline(s);
	if (s->code)
		return false;
	s->first = s->first ? s->first : code;
	if (!s->config.keep_going || (*missing + 1 == s->tasks[stage] &&
	    !SK_BUG(nothing_left_is_done))) {
		end_job(s, s->first);
		return false;
	}
	task_of(s, a->task)->state = MISSING;
	++*missing;
	if (SK_BUG(missing_task_counts_as_done)) {
		s->done[stage]++;
		--*missing;
	}
	if (!SK_BUG(missing_task_keeps_its_backup))
		cancel(s, other);
	return !SK_BUG(missing_task_not_said);
}

static void failed(sk_sched *s, struct sk_live *a, int code)
{
	struct task *t = task_of(s, a->task);
	struct sk_task_id id = a->task;
	struct sk_live *other = ended(s, a);
	bool decided = t->state != RUNNING && !SK_BUG(loser_fails_the_job);

	t->throttles = 0;
	if (!s->code && !decided &&
	    (!transient(code) || (!other && spent(s, t)))) {
		if (give_up(s, a, other, code))
			sk_live_say(&s->live, a, SK_ACT_MISSING);
		else
			sk_live_del(&s->live, a);
		return;
	}
	sk_live_del(&s->live, a);
	if (s->code || decided || other)
		return;
	s->retries++;
	back_off(s, id, BACKOFF_FAILED, t->tries - 1);
	if (SK_BUG(retry_forgets_try_count))
		t->tries = 0;
}

/* The cap is halved once for all attempts that were started under it. */
static void cut_cap(sk_sched *s, uint64_t id)
{
	s->throttled++;
	if (id <= s->cut || SK_BUG(throttle_keeps_cap))
		return;
	s->cut = s->live.ids;
	s->cap = s->cap > 1 ? s->cap / 2 : 1;
	s->credit = 0;
}

static void throttled(sk_sched *s, struct sk_live *a)
{
	struct task *t = task_of(s, a->task);
	struct sk_task_id id = a->task;
	struct sk_live *other = ended(s, a);

	cut_cap(s, a->id);
	sk_live_del(&s->live, a);
	if (!SK_BUG(throttle_counts_as_failure))
		t->tries--;
	else if (t->tries >= tries_allowed(s))
		end_job(s, SNEK_EAGAIN);
	if (!s->code && !other && t->state == RUNNING)
		back_off(s, id, BACKOFF_THROTTLED, t->throttles++);
}

static int restored(sk_sched *s, struct sk_task_id id)
{
	struct task *t;

	if (s->begun || id.stage > 1 || id.n >= s->tasks[id.stage])
		return SNEK_EINTERNAL;
	t = task_of(s, id);
	if (t->state == DONE)
		return SNEK_EINTERNAL;
	t->state = DONE;
	s->done[id.stage]++;
	return 0;
}

static int attempt_over(sk_sched *s, const struct sk_event *e)
{
	struct sk_live *a = sk_live_find(&s->live, e->attempt);

	if (!a || a->state != SK_LIVE_RUNS)
		return SNEK_EINTERNAL;
	if (e->kind == SK_EV_FAILED && e->code >= 0)
		return SNEK_EINTERNAL;
	if (e->kind == SK_EV_FINISHED)
		finished(s, a);
	else if (e->kind == SK_EV_FAILED)
		failed(s, a, e->code);
	else
		throttled(s, a);
	return 0;
}

static int commit_over(sk_sched *s, const struct sk_event *e)
{
	struct sk_live *a = sk_live_find(&s->live, e->attempt);

	if (!a || (a->state != SK_LIVE_ASKED && !SK_BUG(commit_unasked)) ||
	    e->code > 0)
		return SNEK_EINTERNAL;
	s->committing--;
	if (e->kind == SK_EV_COMMITTED || SK_BUG(lost_commit_counts)) {
		task_of(s, a->task)->state = DONE;
		s->done[a->task.stage]++;
	} else {
		end_job(s, e->code ? e->code : SNEK_ECONFLICT);
	}
	sk_live_del(&s->live, a);
	return 0;
}

static int take(sk_sched *s, const struct sk_event *e)
{
	switch (e->kind) {
	case SK_EV_TICK:
		return 0;
	case SK_EV_FINISHED:
	case SK_EV_FAILED:
	case SK_EV_THROTTLED:
		return attempt_over(s, e);
	case SK_EV_COMMITTED:
	case SK_EV_LOST:
		return commit_over(s, e);
	case SK_EV_CANCEL:
		end_job(s, SNEK_ECANCELED);
		return 0;
	case SK_EV_RESTORED:
		return restored(s, e->task);
	default:
		return SNEK_EINTERNAL;
	}
}

int sk_sched_event(sk_sched *s, const struct sk_event *e)
{
	int64_t was = s->now;
	int rc;

	if (e->now < was)
		return SNEK_EINTERNAL;
	s->now = e->now;
	rc = take(s, e);
	if (rc) {
		s->now = was;
		return rc;
	}
	advance(s);
	if (s->begun)
		watch_deadline(s);
	return 0;
}

static void give(sk_sched *s, struct sk_live *a, struct sk_action *out)
{
	out->kind = a->action;
	out->task = a->task;
	out->number = a->number;
	out->attempt.n = a->id;
	sk_link_del(&a->pend);
	if (out->kind == SK_ACT_COMMIT) {
		a->state = SK_LIVE_ASKED;
		if (SK_BUG(mixes_attempt_number_and_id))
			out->attempt.n = a->number;
	} else if (out->kind == SK_ACT_DROP || out->kind == SK_ACT_MISSING) {
		sk_live_del(&s->live, a);
	}
}

static void start(sk_sched *s, struct sk_task_id id, struct sk_action *out)
{
	struct task *t = task_of(s, id);
	struct sk_live *a = sk_live_add(&s->live, id);

	a->number = ++t->number;
	a->started = s->now;
	a->backup = t->run[0] || t->run[1];
	t->run[t->run[0] != NULL] = a;
	t->state = RUNNING;
	t->tries++;
	s->running++;
	if (a->backup) {
		t->backed = !SK_BUG(backups_without_end);
		s->backing++;
		s->backups++;
	}
	if (!t->backed && t->tries < tries_allowed(s))
		sk_link_add(&s->lone, &a->lone);
	out->kind = SK_ACT_START;
	out->task = id;
	out->attempt.n = a->id;
	out->number = a->number;
}

/* The task that waits longest for another try, else the next fresh one. */
static bool next_task(sk_sched *s, uint32_t *n)
{
	struct sk_task_id id = { s->stage, 0 };

	if (s->later.n && s->later.item[0].key <= s->now) {
		*n = sk_heap_pop(&s->later).n;
		return true;
	}
	while (s->fresh < s->tasks[s->stage]) {
		id.n = s->fresh++;
		if (SK_BUG(task_forgotten) && id.n == 7)
			continue;
		*n = id.n;
		if (task_of(s, id)->state == WAITING ||
		    SK_BUG(restored_task_runs_again))
			return true;
	}
	return false;
}

/* The attempt that gets a backup at the time when, if nothing changes. */
static struct sk_live *straggler(const sk_sched *s, int64_t *when)
{
	uint32_t most = s->config.slots / 10 ? s->config.slots / 10 : 1;
	int64_t limit = sk_median_get(&s->took) * STRAGGLER_MEDIANS;
	struct sk_live *a;

	if (!s->config.backups || s->backing >= most || limit < 0 ||
	    (uint64_t)settled(s, s->stage) * 4 <
	    (uint64_t)s->tasks[s->stage] * 3 ||
	    s->lone.next == &s->lone)
		return NULL;
	a = SK_LIVE_OF(s->lone.next, lone);
	if (limit < STRAGGLER_LEAST && !SK_BUG(hasty_backups))
		limit = STRAGGLER_LEAST;
	*when = a->started + limit + 1;
	return a;
}

static bool start_next(sk_sched *s, struct sk_action *out)
{
	struct sk_task_id id = { .stage = s->stage };
	struct sk_live *a;
	int64_t when;

	if (s->running >= s->cap && !SK_BUG(over_the_slots))
		return false;
	if (next_task(s, &id.n)) {
		start(s, id, out);
		return true;
	}
	a = straggler(s, &when);
	if (!a || when > s->now)
		return false;
	sk_link_del(&a->lone);
	start(s, a->task, out);
	return true;
}

static void earlier(int64_t *until, int64_t t)
{
	if (!*until || t < *until)
		*until = t;
}

static void wait_until(sk_sched *s, struct sk_action *out)
{
	int64_t when;

	out->kind = SK_ACT_WAIT;
	if (s->code || complete(s))
		return;
	if (s->config.deadline && !SK_BUG(wait_forgets_deadline))
		earlier(&out->until, s->config.deadline);
	if (s->running >= s->cap && !SK_BUG(busy_wait))
		return;
	if (s->later.n && !SK_BUG(lost_wakeup))
		earlier(&out->until, s->later.item[0].key);
	if (straggler(s, &when))
		earlier(&out->until, when);
}

void sk_sched_next(sk_sched *s, struct sk_action *out)
{
	struct sk_link *pend = &s->live.pend;
	bool idle = !s->running && !s->committing;

	*out = (struct sk_action){ 0 };
	if (!s->begun)
		watch_deadline(s);
	s->begun = true;
	if (pend->next != pend) {
		give(s, SK_LIVE_OF(pend->next, pend), out);
	} else if (s->say_stage && !s->code) {
		s->say_stage = false;
		out->kind = SK_ACT_STAGE;
	} else if (!s->code && start_next(s, out)) {
		return;
	} else if (s->code && (idle || SK_BUG(fails_before_all_ended))) {
		out->kind = SK_ACT_FAIL;
		out->code = s->code;
	} else if (complete(s) && !s->code &&
	    (idle || SK_BUG(done_before_losers_end))) {
		out->kind = SK_ACT_DONE;
	} else {
		wait_until(s, out);
	}
}

void sk_sched_stat(const sk_sched *s, struct sk_sched_stat *out)
{
	out->tasks = s->tasks[0] + s->tasks[1];
	out->done = s->done[0] + s->done[1];
	out->missing = s->missing[0] + s->missing[1];
	out->running = s->running;
	out->cap = s->cap;
	out->retries = s->retries;
	out->throttled = s->throttled;
	out->backups = s->backups;
}

static int memory(sk_sched *s)
{
	uint64_t all = (uint64_t)s->tasks[0] + s->tasks[1];
	uint64_t larger = s->tasks[s->tasks[1] > s->tasks[0]];
	uint64_t running = s->config.slots < 2 * all ? s->config.slots : 2 * all;

	s->task = calloc(all + 1, sizeof(*s->task));
	if (!s->task || sk_heap_init(&s->later, larger) ||
	    sk_median_init(&s->took, larger))
		return SNEK_ENOMEM;
	/* At most two of every task run, and one waits for the journal. */
	return sk_live_init(&s->live, running + larger);
}

int sk_sched_new(const struct sk_sched_config *config, sk_sched **out)
{
	sk_sched *s;

	if (!config->slots)
		return SNEK_EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return SNEK_ENOMEM;
	s->config = *config;
	s->now = config->now;
	s->rng = config->seed;
	s->cap = config->slots;
	s->tasks[0] = config->map_tasks;
	s->tasks[1] = config->reduce_tasks;
	sk_link_init(&s->lone);
	if (memory(s)) {
		sk_sched_free(s);
		return SNEK_ENOMEM;
	}
	advance(s);
	*out = s;
	return 0;
}

void sk_sched_free(sk_sched *s)
{
	if (!s)
		return;
	free(s->task);
	sk_live_free(&s->live);
	sk_heap_free(&s->later);
	sk_median_free(&s->took);
	free(s);
}
