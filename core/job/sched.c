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
 *    RUNNING --> WAITING, and new ones with it: SPLIT, its answer was too much
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
 *    RUNNING     SPLIT, task RUNNING, job going on       SPLIT, gone
 *    RUNNING     anything, its task was split meanwhile  DROP or nothing, gone
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
#include "job/sched_parts.h"

#include <stdlib.h>

#include "base/hash.h"

#define BACKOFF_FAILED 50               /* ms, doubled with every try */
#define BACKOFF_THROTTLED 1000
#define BACKOFF_MOST 20000

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
	a->state = SK_LIVE_ENDED;
	if (!SK_BUG(backup_of_committed_task))
		sk_link_del(&a->lone);
	if (a->stale)
		return NULL;
	t->run[i] = NULL;
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

void sk_sched_watch_deadline(sk_sched *s)
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

/* Full jitter: anything up to base * 2^times, and least before it. */
static void back_off(sk_sched *s, struct sk_task_id id, int64_t base,
    uint32_t times, int64_t least)
{
	uint64_t most = (uint64_t)base << (times < 16 ? times : 16);

	if (most > BACKOFF_MOST)
		most = BACKOFF_MOST;
	task_of(s, id)->state = WAITING;
	s->queued++;
	sk_heap_push(&s->later, s->now + 1 + (SK_BUG(retry_after_is_ignored) ?
	    0 : least) + (int64_t)(draw(s) % most), id.n);
}

static void finished(sk_sched *s, struct sk_live *a)
{
	struct task *t = task_of(s, a->task);
	struct sk_live *other = ended(s, a);
	bool decided = t->state != RUNNING && !SK_BUG(commit_both_attempts);
	bool over = s->code && !SK_BUG(cancelled_attempt_commits);

	sk_pace_went_well(&s->pace);
	if (over || decided || (a->stale && !SK_BUG(whole_task_commits_a_part))) {
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
		sk_sched_watch_deadline(s);
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
	bool decided = (t->state != RUNNING && !SK_BUG(loser_fails_the_job)) ||
	    a->stale;

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
	back_off(s, id, BACKOFF_FAILED, t->tries - 1, 0);
	if (SK_BUG(retry_forgets_try_count))
		t->tries = 0;
}

static void throttled(sk_sched *s, struct sk_live *a, int64_t after)
{
	struct task *t = task_of(s, a->task);
	struct sk_task_id id = a->task;
	struct sk_live *other = ended(s, a);
	bool stale = a->stale;

	s->throttled++;
	sk_pace_throttled(&s->pace, a->id, s->live.ids);
	sk_live_del(&s->live, a);
	if (stale)
		return;
	if (!SK_BUG(throttle_counts_as_failure))
		t->tries--;
	else if (t->tries >= tries_allowed(s))
		end_job(s, SNEK_EAGAIN);
	if (!s->code && !other && t->state == RUNNING)
		back_off(s, id, BACKOFF_THROTTLED, t->throttles++, after);
}

/* What else runs of the task is of all of it, which is no task any more. */
static void forsake(sk_sched *s, struct task *t, struct sk_live *other)
{
	if (!other)
		return;
	t->run[t->run[1] == other] = NULL;
	sk_link_del(&other->lone);
	other->stale = true;
	cancel(s, other);
}

static void split(sk_sched *s, struct sk_live *a, uint32_t parts)
{
	struct task *t = task_of(s, a->task);
	struct sk_live *other = ended(s, a);

	if (s->code || a->stale || t->state != RUNNING) {
		sk_live_del(&s->live, a);
		return;
	}
	forsake(s, t, other);
	s->splits++;
	if (!SK_BUG(splitting_counts_as_a_try))
		t->tries--;
	t->throttles = 0;
	t->backed = false;
	t->state = WAITING;
	s->queued += parts;
	sk_heap_push(&s->later, s->now, a->task.n);
	a->first = s->tasks[0];
	a->parts = parts;
	s->tasks[0] += parts - 1 - SK_BUG(last_part_is_forgotten);
	sk_live_say(&s->live, a, SK_ACT_SPLIT);
}

static bool may_split(sk_sched *s, const struct sk_live *a, uint32_t parts)
{
	return a->task.stage == 0 && parts > 1 && (s->stage || a->stale ||
	    task_of(s, a->task)->state != RUNNING ||
	    parts - 1 <= s->most - s->tasks[0]);
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
	s->queued--;
	s->done[id.stage]++;
	return 0;
}

static int attempt_over(sk_sched *s, const struct sk_event *e)
{
	struct sk_live *a = sk_live_find(&s->live, e->attempt);

	if (!a || a->state != SK_LIVE_RUNS)
		return SNEK_EINTERNAL;
	if ((e->kind == SK_EV_FAILED && e->code >= 0) ||
	    (e->kind == SK_EV_THROTTLED && e->after < 0) ||
	    (e->kind == SK_EV_SPLIT && !may_split(s, a, e->parts)))
		return SNEK_EINTERNAL;
	if (e->kind == SK_EV_FINISHED)
		finished(s, a);
	else if (e->kind == SK_EV_FAILED)
		failed(s, a, e->code);
	else if (e->kind == SK_EV_SPLIT)
		split(s, a, e->parts);
	else
		throttled(s, a, e->after);
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
	case SK_EV_SPLIT:
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
		sk_sched_watch_deadline(s);
	return 0;
}

void sk_sched_stat(const sk_sched *s, struct sk_sched_stat *out)
{
	out->tasks = s->tasks[0] + s->tasks[1];
	out->done = s->done[0] + s->done[1];
	out->missing = s->missing[0] + s->missing[1];
	out->queued = s->queued;
	out->running = s->running;
	out->cap = sk_pace_room(&s->pace, s->now);
	out->retries = s->retries;
	out->throttled = s->throttled;
	out->backups = s->backups;
	out->splits = s->splits;
}

static int memory(sk_sched *s)
{
	uint64_t all = (uint64_t)s->most + s->tasks[1];
	uint64_t larger = s->most > s->tasks[1] ? s->most : s->tasks[1];
	uint64_t running = s->config.slots < 3 * all ? s->config.slots : 3 * all;

	s->task = calloc(all + 1, sizeof(*s->task));
	if (!s->task || sk_heap_init(&s->later, larger) ||
	    sk_median_init(&s->took, larger))
		return SNEK_ENOMEM;
	/* At most two of every task run, and one of what it was before it was
	 * split, and one waits for the journal. */
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
	s->pace = (struct sk_pace){ .slots = config->slots,
		.cap = config->slots, .step = config->ramp,
		.step_ms = config->ramp_ms, .began = config->now };
	s->most = config->most_map_tasks > config->map_tasks
	    ? config->most_map_tasks : config->map_tasks;
	s->tasks[0] = config->map_tasks;
	s->tasks[1] = config->reduce_tasks;
	s->queued = config->map_tasks + config->reduce_tasks;
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
