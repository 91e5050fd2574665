/* SPDX-License-Identifier: MIT */
/* The model that every event and action of a scheduler is held against.  It
 * may look at everything as often as it likes; the scheduler may not. */
#include "sim_parts.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool sim_bad(struct sim *s, const char *check, const char *fmt, ...)
{
	va_list ap;

	if (!s->r->check) {
		s->r->check = check;
		va_start(ap, fmt);
		vsnprintf(s->r->text, sizeof(s->r->text), fmt, ap);
		va_end(ap);
	}
	return false;
}

static uint32_t stage_tasks(const struct sim *s, uint32_t stage)
{
	return stage ? s->reduces : s->maps;
}

static uint32_t settled(const struct sim_coord *c, uint32_t stage)
{
	return c->committed[stage] + c->missing[stage];
}

static bool complete(const struct sim *s, const struct sim_coord *c)
{
	return settled(c, 0) == stage_tasks(s, 0) &&
	    settled(c, 1) == stage_tasks(s, 1);
}

/* The stage that the coordinator is in. */
static uint32_t stage_of(const struct sim *s, const struct sim_coord *c)
{
	return settled(c, 0) == s->maps && s->reduces;
}

static void want_cancel(struct sim_coord *c, struct sim_attempt *a)
{
	if (!a->cancelled && !a->to_cancel) {
		a->to_cancel = true;
		c->to_cancel++;
	}
}

/* From here on the job must end so. */
static void must_end(struct sim *s, struct sim_coord *c, int code)
{
	size_t i;

	if (c->code || complete(s, c))
		return;
	c->code = code;
	for (i = 0; i < c->attempts; i++)
		if (s->attempt[c->attempt[i]].fate == RUNS)
			want_cancel(c, &s->attempt[c->attempt[i]]);
}

/* The other attempt of the task, if it runs. */
static struct sim_attempt *other_of(struct sim *s, struct sim_coord *c,
    struct sim_attempt *a)
{
	struct sim_attempt *b;
	size_t i;

	if (!c->task[a->task].running)
		return NULL;
	for (i = c->attempts; i-- > 0;) {
		b = &s->attempt[c->attempt[i]];
		if (b->task == a->task && b->fate == RUNS && !b->stale)
			return b;
	}
	return NULL;
}

static void cancel_other(struct sim *s, struct sim_coord *c, struct sim_attempt *a)
{
	struct sim_attempt *b = other_of(s, c, a);

	if (b)
		want_cancel(c, b);
}

static void model_finished(struct sim *s, struct sim_coord *c, struct sim_attempt *a)
{
	struct sim_task *t = &c->task[a->task];

	c->to_tell++;
	if (c->code || t->decided || a->stale) {
		a->fate = LOSES;
		return;
	}
	a->fate = WINS;
	t->decided = true;
	c->took[c->tooks++] = s->now - a->started;
	cancel_other(s, c, a);
}

static bool again(int code)
{
	return code == SNEK_EAGAIN || code == SNEK_EIO || code == SNEK_ENOMEM ||
	    code == SNEK_ETIMEDOUT;
}

static bool late(const struct sim *s)
{
	return s->c->deadline && s->now >= s->c->deadline;
}

/* A median is of one stage. */
static void stage_may_end(struct sim *s, struct sim_coord *c, uint32_t stage)
{
	if (!stage && settled(c, 0) == s->maps)
		c->tooks = 0;
}

/* Its task will not be: that is the end, or the list gets longer. */
static void model_missing(struct sim *s, struct sim_coord *c, struct sim_attempt *a,
    int code)
{
	uint32_t stage = !sim_is_map(s, a->task);

	if (late(s)) {
		must_end(s, c, SNEK_ETIMEDOUT);
		return;
	}
	c->first = c->first ? c->first : code;
	if (!s->c->keep_going || c->missing[stage] + 1 == stage_tasks(s, stage)) {
		must_end(s, c, c->first);
		return;
	}
	a->fate = FAILS;
	c->to_tell++;
	c->missing[stage]++;
	c->task[a->task].decided = true;
	cancel_other(s, c, a);
	stage_may_end(s, c, stage);
}

static void model_failed(struct sim *s, struct sim_coord *c, struct sim_attempt *a,
    int code)
{
	struct sim_task *t = &c->task[a->task];

	a->fate = GONE;
	if (c->code || t->decided || a->stale)
		return;
	if (!again(code) || (!t->running && t->tries >= SIM_LIMIT(s->c)))
		model_missing(s, c, a, code);
	else if (!t->running)
		c->waiting++;
}

static void model_throttled(struct sim *s, struct sim_coord *c,
    struct sim_attempt *a, int64_t after)
{
	struct sim_task *t = &c->task[a->task];

	a->fate = GONE;
	c->throttled++;
	if (a->stale)
		return;
	t->tries--;
	if (c->code || t->decided || t->running)
		return;
	t->not_before = s->now + after;
	c->waiting++;
}

/* Its task becomes several, and nobody waits for the other attempt. */
static void model_split(struct sim *s, struct sim_coord *c,
    struct sim_attempt *a, uint32_t parts)
{
	struct sim_task *t = &c->task[a->task];
	struct sim_attempt *b;

	a->fate = GONE;
	if (c->code || t->decided || a->stale)
		return;
	b = other_of(s, c, a);
	if (b) {
		want_cancel(c, b);
		b->stale = true;
		t->running--;
	}
	t->tries--;
	t->backed = false;
	t->not_before = 0;
	a->parts = parts;
	a->fate = SPLITS;
	c->to_tell++;
	c->waiting++;
	c->untouched[0] += parts - 1;
	sim_cut(s, a->task, parts);
}

static void model_ended(struct sim *s, struct sim_coord *c, struct sim_attempt *a,
    const struct sk_event *e)
{
	c->running--;
	c->backing -= a->backup;
	c->task[a->task].running -= !a->stale;
	if (a->to_cancel)
		c->to_cancel--;
	a->to_cancel = false;
	if (e->kind == SK_EV_FINISHED)
		model_finished(s, c, a);
	else if (e->kind == SK_EV_FAILED)
		model_failed(s, c, a, e->code);
	else if (e->kind == SK_EV_SPLIT)
		model_split(s, c, a, e->parts);
	else
		model_throttled(s, c, a, e->after);
}

static void model_committed(struct sim *s, struct sim_coord *c, struct sim_attempt *a)
{
	c->committing--;
	a->fate = GONE;
	c->task[a->task].committed = true;
	c->committed[!sim_is_map(s, a->task)]++;
	c->records[!sim_is_map(s, a->task)] += a->records;
	stage_may_end(s, c, !sim_is_map(s, a->task));
}

static void model(struct sim *s, struct sim_coord *c, struct sim_attempt *a,
    const struct sk_event *e)
{
	switch (e->kind) {
	case SK_EV_FINISHED:
	case SK_EV_FAILED:
	case SK_EV_THROTTLED:
	case SK_EV_SPLIT:
		model_ended(s, c, a, e);
		break;
	case SK_EV_COMMITTED:
		model_committed(s, c, a);
		break;
	case SK_EV_LOST:
		c->committing--;
		a->fate = GONE;
		must_end(s, c, SNEK_ECONFLICT);
		break;
	case SK_EV_CANCEL:
		must_end(s, c, SNEK_ECANCELED);
		break;
	}
	if (late(s))
		must_end(s, c, SNEK_ETIMEDOUT);
}

/* So many may run by the ramp. */
static uint64_t ramp(const struct sim *s, const struct sim_coord *c)
{
	return s->c->ramp ? s->c->ramp * (1 + (uint64_t)(s->now - c->began) /
	    (uint64_t)s->c->ramp_ms) : UINT64_MAX;
}

/* Events that cannot be change nothing. */
static bool lie(struct sim *s, struct sim_coord *c, const struct sk_event *truth)
{
	static const uint32_t of_runs[] = { SK_EV_COMMITTED, SK_EV_LOST };
	static const uint32_t of_gone[] = { SK_EV_FINISHED, SK_EV_FAILED,
		SK_EV_THROTTLED, SK_EV_COMMITTED, SK_EV_LOST, SK_EV_SPLIT };
	struct sk_event e = { .now = s->now, .code = -1, .parts = 2 };
	struct sim_attempt *a;
	uint32_t i;

	if (!c->attempts || !sim_chance(s, 300))
		return true;
	i = sim_random(s, (uint32_t)c->attempts);
	a = &s->attempt[c->attempt[i]];
	e.attempt.n = i + 1;
	if (truth->attempt.n == e.attempt.n)
		return true;
	if (a->fate == GONE)
		e.kind = of_gone[sim_random(s, 6)];
	else if (a->fate == RUNS)
		e.kind = of_runs[sim_random(s, 2)];
	else
		e.kind = of_gone[sim_random(s, 3)];
	if (sk_sched_event(c->sched, &e) != SNEK_EINTERNAL)
		return sim_bad(s, "an impossible event is refused",
		    "kind %u of attempt %u", e.kind, i + 1);
	return true;
}

/* Now and then the coordinator is slow, and more events come before it asks
 * what to do. */
bool sim_tell(struct sim *s, uint32_t coord, struct sk_event *e, uint32_t attempt)
{
	struct sim_coord *c = &s->coord[coord];
	struct sim_attempt *a = NULL;
	struct sk_sched_stat st;
	size_t i;

	e->now = s->now;
	if (e->kind != SK_EV_TICK && e->kind != SK_EV_CANCEL) {
		a = &s->attempt[attempt];
		for (i = c->attempts; c->attempt[i - 1] != attempt; i--)
			;
		e->attempt.n = i;
	}
	if (!lie(s, c, e))
		return false;
	if (c->over)
		return sim_bad(s, "nothing is under way at the end", "event %u", e->kind);
	if (sk_sched_event(c->sched, e))
		return sim_bad(s, "a true event is taken", "kind %u of attempt %ju",
		    e->kind, (uintmax_t)e->attempt.n);
	model(s, c, a, e);
	sk_sched_stat(c->sched, &st);
	if (e->kind == SK_EV_THROTTLED && c->throttled == 1 && s->c->slots > 1 &&
	    st.cap != s->c->slots / 2 && st.cap != ramp(s, c))
		return sim_bad(s, "throttling lowers the cap", "%u", st.cap);
	if (sim_chance(s, 1000)) {
		c->wake = s->now + 1 + sim_random(s, 5);
		return true;
	}
	return sim_drain(s, coord);
}

/* What was reduced without a map that was missing then: that one is tried
 * again, so this is, too. */
static bool outdated(struct sim *s, uint32_t task)
{
	struct sim_journal *j = &s->journal[task];

	if (sim_is_map(s, task) ||
	    s->attempt[j->attempt].records == s->plan.records)
		return false;
	j->taken = false;
	return true;
}

bool sim_restore(struct sim *s, uint32_t coord)
{
	struct sim_coord *c = &s->coord[coord];
	uint32_t i;

	for (i = sim_first(s); i < s->base + s->reduces; i = sim_after(s, i)) {
		struct sk_event e = { .kind = SK_EV_RESTORED, .now = s->now };

		if (!s->journal[i].taken || outdated(s, i))
			continue;
		e.task.stage = !sim_is_map(s, i);
		e.task.n = e.task.stage ? i - s->base : i;
		if (sk_sched_event(c->sched, &e))
			return sim_bad(s, "a true event is taken", "restored %u", i);
		if (sk_sched_event(c->sched, &e) != SNEK_EINTERNAL)
			return sim_bad(s, "an impossible event is refused",
			    "restored %u twice", i);
		c->task[i].restored = c->task[i].committed = true;
		c->task[i].decided = true;
		c->committed[e.task.stage]++;
		c->untouched[e.task.stage]--;
		c->records[e.task.stage] +=
		    s->attempt[s->journal[i].attempt].records;
	}
	if (late(s))
		must_end(s, c, SNEK_ETIMEDOUT);
	return true;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static bool backup_is_due(struct sim *s, struct sim_coord *c, uint32_t task)
{
	struct sim_attempt *a = &s->attempt[c->task[task].last];
	uint32_t stage = stage_of(s, c);
	uint32_t most = s->c->slots / 10 ? s->c->slots / 10 : 1;
	int64_t limit;

	if (!s->c->backups || c->task[task].backed || c->backing >= most)
		return sim_bad(s, "backups are few", "task %u", task);
	if (!c->tooks || (uint64_t)settled(c, stage) * 4 <
	    (uint64_t)stage_tasks(s, stage) * 3)
		return sim_bad(s, "backups are for stragglers", "task %u, too early", task);
	qsort(c->took, c->tooks, sizeof(*c->took), by_size);
	limit = 3 * c->took[(c->tooks - 1) / 2];
	if (limit < 1000)
		limit = 1000;
	if (s->now - a->started <= limit)
		return sim_bad(s, "backups are for stragglers", "task %u after %jd ms",
		    task, (intmax_t)(s->now - a->started));
	return true;
}

static uint32_t task_of(const struct sim *s, const struct sk_action *o)
{
	return o->task.stage ? s->base + o->task.n : o->task.n;
}

static bool may_start(struct sim *s, struct sim_coord *c, const struct sk_action *o)
{
	uint32_t task = task_of(s, o);
	struct sim_task *t = &c->task[task];
	struct sk_sched_stat st;

	if (o->task.stage > 1 || o->task.n >= stage_tasks(s, o->task.stage))
		return sim_bad(s, "a started task exists", "task %u", task);
	if (c->code)
		return sim_bad(s, "nothing starts in a job that ends", "task %u", task);
	if (o->task.stage && settled(c, 0) < s->maps)
		return sim_bad(s, "reduce begins after all maps", "%u of %u settled",
		    settled(c, 0), s->maps);
	if (o->task.stage && !c->staged)
		return sim_bad(s, "the stage is said first", "task %u", task);
	if (t->restored)
		return sim_bad(s, "a restored task does not run", "task %u", task);
	if (t->decided || t->running > 1)
		return sim_bad(s, "a decided task does not run", "task %u", task);
	sk_sched_stat(c->sched, &st);
	if (c->running >= s->c->slots || c->running >= st.cap)
		return sim_bad(s, "slots are the limit", "%u run", c->running);
	if (c->running >= ramp(s, c))
		return sim_bad(s, "the ramp is the limit", "%u run", c->running);
	if (!t->running && s->now < t->not_before)
		return sim_bad(s, "who is told to wait waits", "task %u, %jd ms",
		    task, (intmax_t)(t->not_before - s->now));
	if (t->tries >= SIM_LIMIT(s->c))
		return sim_bad(s, "tries are limited", "task %u, try %u", task,
		    t->tries + 1);
	if (o->attempt.n != c->attempts + 1 || o->number != t->number + 1)
		return sim_bad(s, "attempts are told apart", "task %u", task);
	return !t->running || backup_is_due(s, c, task);
}

static bool started(struct sim *s, struct sim_coord *c, const struct sk_action *o)
{
	uint32_t task = task_of(s, o);
	struct sim_task *t = &c->task[task];
	struct sim_attempt *a;

	if (!may_start(s, c, o))
		return false;
	s->attempt = sim_more(s->attempt, s->attempts, &s->cap, sizeof(*a));
	c->attempt = sim_more(c->attempt, c->attempts, &c->cap, sizeof(*c->attempt));
	a = &s->attempt[s->attempts];
	*a = (struct sim_attempt){ .coord = (uint32_t)(c - s->coord), .task = task,
		.number = o->number, .started = s->now, .backup = t->running };
	a->records = o->task.stage ? c->records[0] : s->plan.task[task].records;
	c->attempt[c->attempts++] = (uint32_t)s->attempts;
	t->backed |= a->backup;
	c->backing += a->backup;
	if (!t->touched)
		c->untouched[o->task.stage]--;
	else if (!t->running)
		c->waiting--;
	t->touched = true;
	t->running++;
	t->tries++;
	t->number++;
	t->last = (uint32_t)s->attempts;
	c->running++;
	return sim_begin(s, a->coord, (uint32_t)s->attempts++);
}

static bool listed(struct sim *s, struct sim_coord *c, const struct sim_attempt *a)
{
	struct sim_task *t = &c->task[a->task];

	if (t->listed || t->committed)
		return sim_bad(s, "a task is counted or listed, once", "task %u",
		    a->task);
	t->listed = true;
	if (sim_is_map(s, a->task))
		c->records_missing += s->plan.task[a->task].records;
	s->r->missing++;
	return true;
}

static bool split(struct sim *s, const struct sim_attempt *a,
    const struct sk_action *o)
{
	if (o->parts != a->parts || o->task.stage || o->task.n != a->task ||
	    o->first + o->parts - 1 > s->maps || !o->first)
		return sim_bad(s, "a split is told as it is", "%u of %u from %u",
		    o->parts, a->parts, o->first);
	return true;
}

/* COMMIT, DROP, MISSING, SPLIT, CANCEL of an attempt that waits for it. */
static bool told(struct sim *s, struct sim_coord *c, const struct sk_action *o)
{
	struct sim_attempt *a;
	uint32_t i;

	if (!o->attempt.n || o->attempt.n > c->attempts)
		return sim_bad(s, "an action is about an attempt", "no %ju",
		    (uintmax_t)o->attempt.n);
	i = c->attempt[o->attempt.n - 1];
	a = &s->attempt[i];
	if (o->kind == SK_ACT_CANCEL) {
		if (!a->to_cancel)
			return sim_bad(s, "losers only are cancelled", "attempt %u", i);
		a->to_cancel = false;
		a->cancelled = true;
		c->to_cancel--;
		sim_stop(s, i);
		return true;
	}
	c->to_tell--;
	if (a->fate != (o->kind == SK_ACT_COMMIT ? WINS :
	    o->kind == SK_ACT_MISSING ? FAILS :
	    o->kind == SK_ACT_SPLIT ? SPLITS : LOSES))
		return sim_bad(s, "the winner only is committed",
		    "attempt %u, action %u, fate %u", i, o->kind, a->fate);
	a->fate = GONE;
	if (o->kind == SK_ACT_MISSING)
		return listed(s, c, a);
	if (o->kind == SK_ACT_SPLIT)
		return split(s, a, o);
	if (o->kind == SK_ACT_COMMIT) {
		a->fate = ASKS;
		c->committing++;
		sim_ask(s, a->coord, i);
	}
	return true;
}

static bool may_wait(struct sim *s, struct sim_coord *c, int64_t until)
{
	bool goes_on = !c->code && !complete(s, c);
	struct sk_sched_stat st;

	sk_sched_stat(c->sched, &st);
	if (c->to_cancel || c->to_tell)
		return sim_bad(s, "all is said before a wait", "%u, %u", c->to_cancel,
		    c->to_tell);
	if (st.done != c->committed[0] + c->committed[1] ||
	    st.missing != c->missing[0] + c->missing[1])
		return sim_bad(s, "a task is counted or listed, once",
		    "%u and %u", st.done, st.missing);
	if (goes_on && st.queued != c->waiting + c->untouched[0] +
	    c->untouched[1])
		return sim_bad(s, "what waits is counted", "%u, not %u",
		    st.queued, c->waiting + c->untouched[0] + c->untouched[1]);
	if (st.running != c->running || !st.cap || st.cap > s->c->slots)
		return sim_bad(s, "running attempts are counted", "%u, not %u",
		    st.running, c->running);
	if (until && until <= s->now)
		return sim_bad(s, "a wait is for later", "%jd", (intmax_t)until);
	if (goes_on && s->c->deadline && (!until || until > s->c->deadline))
		return sim_bad(s, "the deadline wakes", "%jd", (intmax_t)until);
	if (goes_on && !c->throttled && c->running >= ramp(s, c) &&
	    ramp(s, c) < s->c->slots &&
	    (!until || until > s->now + s->c->ramp_ms))
		return sim_bad(s, "the ramp wakes", "%jd", (intmax_t)until);
	if (!goes_on || c->running >= st.cap)
		return c->running || c->committing ||
		    sim_bad(s, "a job ends", "waits for nothing");
	if (c->untouched[stage_of(s, c)])
		return sim_bad(s, "no slot idles", "%u of %u run", c->running, st.cap);
	if (c->waiting && (!until || until > s->now + 20000 + s->c->retry_after))
		return sim_bad(s, "a task in backoff wakes", "%u wait", c->waiting);
	return until || c->running || c->committing ||
	    sim_bad(s, "a job ends", "waits for nothing");
}

/* Each task is committed or listed, and of each stage something is there. */
static bool all_said(struct sim *s, struct sim_coord *c)
{
	uint32_t i, stage;

	for (i = sim_first(s); i < s->base + s->reduces; i = sim_after(s, i))
		if (c->task[i].committed == c->task[i].listed)
			return sim_bad(s, "a task is counted or listed, once",
			    "task %u", i);
	for (stage = 0; stage < 2; stage++)
		if (stage_tasks(s, stage) && !c->committed[stage])
			return sim_bad(s, "nothing is no result", "stage %u", stage);
	return true;
}

static bool may_end(struct sim *s, struct sim_coord *c, const struct sk_action *o)
{
	if (c->running || c->committing || c->to_tell)
		return sim_bad(s, "nothing is under way at the end", "%u, %u, %u",
		    c->running, c->committing, c->to_tell);
	if (o->code != c->code || (o->kind == SK_ACT_DONE) != !c->code)
		return sim_bad(s, "the cause is told", "%d, not %d", o->code, c->code);
	if (!c->code && !complete(s, c))
		return sim_bad(s, "every task is committed", "done too early");
	if (!c->code && c->records[0] + c->records_missing != s->plan.records)
		return sim_bad(s, "records are conserved", "%ju and %ju",
		    (uintmax_t)c->records[0], (uintmax_t)c->records_missing);
	if (!c->code && !all_said(s, c))
		return false;
	if (s->c->deadline && c->attempts &&
	    s->now > s->c->deadline + SIM_LONGEST(s->c))
		return sim_bad(s, "a deadline is kept", "%jd ms late",
		    (intmax_t)(s->now - s->c->deadline));
	if (s->now - SIM_START > (int64_t)(s->attempts + 4) *
	    (SIM_LONGEST(s->c) + 20000 + s->c->retry_after))
		return sim_bad(s, "a job ends", "after %jd ms",
		    (intmax_t)(s->now - SIM_START));
	c->over = true;
	c->wake = 0;
	return true;
}

static bool act(struct sim *s, struct sim_coord *c, const struct sk_action *o)
{
	switch (o->kind) {
	case SK_ACT_START:
		return started(s, c, o);
	case SK_ACT_COMMIT:
	case SK_ACT_DROP:
	case SK_ACT_MISSING:
	case SK_ACT_SPLIT:
	case SK_ACT_CANCEL:
		return told(s, c, o);
	case SK_ACT_STAGE:
		if (c->staged || !stage_of(s, c))
			return sim_bad(s, "reduce begins after all maps",
			    "%u of %u settled", settled(c, 0), s->maps);
		c->staged = true;
		return true;
	case SK_ACT_WAIT:
		c->wake = o->until;
		return may_wait(s, c, o->until);
	default:
		return may_end(s, c, o);
	}
}

bool sim_drain(struct sim *s, uint32_t coord)
{
	struct sim_coord *c = &s->coord[coord];
	struct sk_action o;
	uint64_t n = 0;

	do {
		sk_sched_next(c->sched, &o);
		if (!act(s, c, &o))
			return false;
		if (n++ > ((uint64_t)s->base + s->reduces) * 4 + 100)
			return sim_bad(s, "actions come to an end", "%ju", (uintmax_t)n);
	} while (o.kind != SK_ACT_WAIT && o.kind != SK_ACT_DONE &&
	    o.kind != SK_ACT_FAIL);
	return true;
}
