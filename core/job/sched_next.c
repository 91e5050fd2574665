/* SPDX-License-Identifier: MIT */
/* sched_next.c - what is to be done now: the scheduler's actions. */
#include "job/sched_parts.h"

#define STRAGGLER_MEDIANS 3
#define STRAGGLER_LEAST 1000            /* ms */

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
	} else if (out->kind != SK_ACT_CANCEL) {
		out->parts = a->parts;
		out->first = a->first;
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
	s->queued -= t->state == WAITING;
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

	if (s->running >= sk_pace_room(&s->pace, s->now) &&
	    !SK_BUG(over_the_slots))
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
	if (s->running >= sk_pace_room(&s->pace, s->now) && !SK_BUG(busy_wait)) {
		when = sk_pace_grows(&s->pace, s->now);
		if (when && !SK_BUG(ramp_wakes_nobody))
			earlier(&out->until, when);
		return;
	}
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
	if (!s->begun) {
		sk_sched_watch_deadline(s);
		s->pace.began = s->now;
	}
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
