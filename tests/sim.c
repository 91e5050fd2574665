/* SPDX-License-Identifier: MIT */
#include "sim_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum { ENDS, THROTTLED, LARGE, JOURNAL, ANSWER, REPLACE, CANCEL, TICK };

uint32_t sim_random(struct sim *s, uint32_t below)
{
	s->rng += SK_HASH_K0;
	return (uint32_t)(sk_mix(s->rng, s->rng ^ SK_HASH_K1) >> 16) % below;
}

bool sim_chance(struct sim *s, uint32_t of_10000)
{
	return sim_random(s, 10000) < of_10000;
}

void *sim_more(void *p, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	*cap = *cap ? *cap * 2 : 64;
	p = realloc(p, *cap * size);
	assert(p);
	return p;
}

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at < b->at || (a->at == b->at && a->seq < b->seq);
}

static uint32_t push(struct sim *s, struct sim_event e)
{
	size_t i;

	s->event = sim_more(s->event, s->events, &s->room, sizeof(e));
	e.seq = ++s->seq;
	for (i = s->events++; i && before(&e, &s->event[(i - 1) / 2]); i = (i - 1) / 2)
		s->event[i] = s->event[(i - 1) / 2];
	s->event[i] = e;
	return e.seq;
}

static struct sim_event pop(struct sim *s)
{
	struct sim_event top = s->event[0], last = s->event[--s->events];
	size_t i, kid;

	for (i = 0; (kid = 2 * i + 1) < s->events; i = kid) {
		if (kid + 1 < s->events && before(&s->event[kid + 1], &s->event[kid]))
			kid++;
		if (!before(&s->event[kid], &last))
			break;
		s->event[i] = s->event[kid];
	}
	s->event[i] = last;
	return top;
}

static int draw_code(struct sim *s)
{
	static const int now_and_then[] = { SNEK_EAGAIN, SNEK_EIO, SNEK_ENOMEM,
		SNEK_ETIMEDOUT };
	static const int for_good[] = { SNEK_EPLUGIN, SNEK_ELIMIT, SNEK_ECORRUPT };

	if (sim_chance(s, s->c->poison))
		return for_good[sim_random(s, 3)];
	if (sim_chance(s, s->c->fail))
		return now_and_then[sim_random(s, 4)];
	return 0;
}

/* An attempt knows the deadline too, and may be heard of before the clock. */
static void watch_deadline(struct sim *s, struct sim_event *e)
{
	int64_t at = s->c->deadline;

	if (e->kind != ENDS || s->now >= at || e->at < at || !sim_chance(s, 5000))
		return;
	e->at = at;
	e->code = SNEK_ETIMEDOUT;
}

/* Of several chunks, so that less would do. */
static bool is_large(struct sim *s, uint32_t task)
{
	return sim_is_map(s, task) && s->plan.task[task].n > 1 &&
	    sim_chance(s, s->c->large);
}

void sim_cut(struct sim *s, uint32_t task, uint32_t parts)
{
	struct sk_plan_task *t = &s->plan.task[task], *u;
	uint32_t i, k, end = t->first + t->n;

	for (i = 1; i < parts; i++) {
		u = &s->plan.task[s->maps++];
		*u = (struct sk_plan_task){ .shard = t->shard,
			.first = t->first + t->n * i / parts };
		u->n = t->first + t->n * (i + 1) / parts - u->first;
		for (k = u->first; k < u->first + u->n; k++) {
			assert(k < end);
			u->records += s->chunk[k].rows;
		}
	}
	t->n /= parts;
	t->records = 0;
	for (k = t->first; k < t->first + t->n; k++)
		t->records += s->chunk[k].rows;
}

/* Start an attempt: its end is drawn at once. */
bool sim_begin(struct sim *s, uint32_t coord, uint32_t attempt)
{
	struct sim_attempt *a = &s->attempt[attempt];
	struct sim_event e = { .kind = ENDS, .coord = coord, .attempt = attempt };
	int64_t took = s->c->usual_ms / 2 + sim_random(s, (uint32_t)s->c->usual_ms + 1);

	if ((s->c->room && s->in >= s->c->room) || sim_chance(s, s->c->throttle)) {
		e.kind = THROTTLED;
		took = sim_random(s, 10);
	} else {
		e.code = draw_code(s);
		if (e.code)
			took = took * sim_random(s, 100) / 100;
		else if (sim_chance(s, s->c->straggle))
			took *= 10 + sim_random(s, 50);
	}
	if (e.kind == ENDS && !e.code && is_large(s, a->task))
		e.kind = LARGE;
	if (e.kind == ENDS && sim_chance(s, s->c->vanish)) {
		e.code = SNEK_EAGAIN;
		took = 30000 + sim_random(s, 30000);
	}
	s->in++;
	e.at = s->now + took;
	watch_deadline(s, &e);
	a->ends = push(s, e);
	return true;
}

/* Some hear it soon, some finish all the same, some do not listen. */
void sim_stop(struct sim *s, uint32_t attempt)
{
	struct sim_attempt *a = &s->attempt[attempt];
	struct sim_event e = { .kind = ENDS, .coord = a->coord, .attempt = attempt };

	if (sim_chance(s, 2500))
		return;
	e.at = s->now + sim_random(s, 50);
	e.code = sim_chance(s, 6500) ? SNEK_ECANCELED : 0;
	a->ends = push(s, e);
}

void sim_ask(struct sim *s, uint32_t coord, uint32_t attempt)
{
	struct sim_event e = { .kind = JOURNAL, .coord = coord,
		.attempt = attempt, .at = s->now + sim_random(s, 30) };

	push(s, e);
}

/* The journal takes what the token's owner says, and a task only once. */
static bool journal(struct sim *s, const struct sim_event *e)
{
	struct sim_attempt *a = &s->attempt[e->attempt];
	struct sim_event answer = { .kind = ANSWER, .coord = e->coord,
		.attempt = e->attempt, .at = s->now + sim_random(s, 30) };
	struct sim_journal *j = &s->journal[a->task];

	if (e->coord + 1 != s->coords) {
		answer.code = SNEK_ECONFLICT;
		s->r->lost++;
	} else if (j->taken) {
		return sim_bad(s, "one commit a task", "task %u", a->task);
	} else {
		*j = (struct sim_journal){ true, e->attempt };
	}
	push(s, answer);
	return true;
}

static bool answer(struct sim *s, const struct sim_event *e)
{
	struct sk_event ev = { .kind = e->code ? SK_EV_LOST : SK_EV_COMMITTED };

	if (!s->coord[e->coord].sched)
		return true;
	return sim_tell(s, e->coord, &ev, e->attempt);
}

static bool ends(struct sim *s, const struct sim_event *e)
{
	struct sim_attempt *a = &s->attempt[e->attempt];
	struct sk_event ev = { .kind = SK_EV_FINISHED, .code = e->code };

	if (a->ends != e->seq)
		return true;
	a->ends = 0;
	s->in--;
	ev.after = s->c->retry_after;
	ev.parts = 2;
	if (e->kind == LARGE && !a->stale)
		ev.parts = 2 + sim_random(s, s->plan.task[a->task].n - 1);
	if (e->kind == THROTTLED)
		ev.kind = SK_EV_THROTTLED;
	else if (e->kind == LARGE)
		ev.kind = SK_EV_SPLIT;
	else if (e->code)
		ev.kind = SK_EV_FAILED;
	if (s->coord[e->coord].sched)
		return sim_tell(s, e->coord, &ev, e->attempt);
	/* Nobody is left to ask: the attempt tries to commit by itself. */
	if (ev.kind == SK_EV_FINISHED)
		return journal(s, e);
	return true;
}

static bool coord_new(struct sim *s)
{
	struct sk_sched_config config = {
		.map_tasks = s->maps, .reduce_tasks = s->reduces,
		.most_map_tasks = s->base,
		.ramp = s->c->ramp, .ramp_ms = s->c->ramp_ms,
		.slots = s->c->slots, .attempts = s->c->attempts,
		.backups = s->c->backups, .keep_going = s->c->keep_going,
		.now = s->now,
		.deadline = s->c->deadline, .seed = s->c->seed + s->coords,
	};
	struct sim_coord *c = &s->coord[s->coords++];

	c->untouched[0] = config.map_tasks;
	c->untouched[1] = config.reduce_tasks;
	c->began = s->now;
	c->task = calloc(s->base + s->reduces + 1, sizeof(*c->task));
	c->took = calloc(s->base + s->reduces + 1, sizeof(*c->took));
	assert(c->task && c->took);
	if (sk_sched_new(&config, &c->sched))
		return sim_bad(s, "a scheduler begins", "no scheduler");
	return sim_restore(s, s->coords - 1) && sim_drain(s, s->coords - 1);
}

/* The old one is dead, or only believed to be. */
static bool replace(struct sim *s)
{
	struct sim_coord *old = &s->coord[s->coords - 1];

	if (old->over || s->coords == SIM_COORDS)
		return true;
	if (sim_chance(s, 5000)) {
		sk_sched_free(old->sched);
		old->sched = NULL;
		old->over = true;
		old->wake = 0;
	}
	return coord_new(s);
}

static bool happens(struct sim *s, const struct sim_event *e)
{
	struct sk_event ev = { .kind = SK_EV_TICK };
	uint32_t now = s->coords - 1;

	switch (e->kind) {
	case ENDS:
	case THROTTLED:
	case LARGE:
		return ends(s, e);
	case JOURNAL:
		return journal(s, e);
	case ANSWER:
		return answer(s, e);
	case REPLACE:
		return replace(s);
	case CANCEL:
		ev.kind = SK_EV_CANCEL;
		/* fall through */
	default:
		return s->coord[now].over || sim_tell(s, now, &ev, 0);
	}
}

/* Who must be woken next, and when. */
static int64_t wake(const struct sim *s, uint32_t *who)
{
	int64_t at = 0;
	uint32_t i;

	for (i = 0; i < s->coords; i++)
		if (s->coord[i].wake && (!at || s->coord[i].wake < at)) {
			at = s->coord[i].wake;
			*who = i;
		}
	return at;
}

static bool step(struct sim *s)
{
	struct sk_event tick = { .kind = SK_EV_TICK };
	struct sim_event e;
	uint32_t who = 0;
	int64_t at = wake(s, &who);

	s->r->events++;
	if (at && (!s->events || at < s->event[0].at)) {
		s->now = at;
		return sim_tell(s, who, &tick, 0);
	}
	e = pop(s);
	s->now = e.at;
	return happens(s, &e);
}

/* All records once, in every stage, but for what the last one listed. */
static bool conserved(struct sim *s)
{
	const struct sim_coord *c = &s->coord[s->coords - 1];
	uint64_t map = 0, reduce = 0, all = s->plan.records;
	uint32_t i;

	for (i = sim_first(s); i < s->base + s->reduces; i = sim_after(s, i)) {
		if (!s->journal[i].taken && !c->task[i].listed)
			return sim_bad(s, "every task is committed", "task %u", i);
		if (s->journal[i].taken)
			*(sim_is_map(s, i) ? &map : &reduce) +=
			    s->attempt[s->journal[i].attempt].records;
	}
	if (map + c->records_missing != all || (!c->missing[0] &&
	    !c->missing[1] && reduce != all * s->reduces))
		return sim_bad(s, "records are conserved", "%ju, %ju of %ju",
		    (uintmax_t)map, (uintmax_t)reduce, (uintmax_t)s->plan.records);
	return true;
}

static bool loop(struct sim *s)
{
	uint64_t most = 20000 + ((uint64_t)s->base + s->reduces) * 200;
	uint32_t who, i;

	while (s->events || wake(s, &who)) {
		if (s->r->events > most)
			return sim_bad(s, "a job ends", "%ju events",
			    (uintmax_t)s->r->events);
		if (!step(s))
			return false;
	}
	for (i = 0; i < s->coords; i++)
		if (!s->coord[i].over)
			return sim_bad(s, "a job ends", "nothing happens any more");
	s->r->code = s->coord[s->coords - 1].code;
	return s->r->code || conserved(s);
}

static void draw_plan(struct sim *s)
{
	struct sk_plan_limits l = { .workers = s->c->workers, .min_bytes = 1,
		.partitions = s->c->partitions, .reduces = s->c->reduces };
	struct sk_plan_chunk *chunk = calloc(s->c->chunks + 1, sizeof(*chunk));
	struct sk_plan_task *more;
	uint32_t i, shard = 0;
	int rc;

	assert(chunk);
	for (i = 0; i < s->c->chunks; i++) {
		if (sim_random(s, s->c->chunks) < s->c->shards)
			shard++;
		chunk[i].shard = shard;
		chunk[i].rows = sim_random(s, 1000);
		chunk[i].bytes = sim_random(s, 262144);
	}
	rc = sk_plan_make(chunk, s->c->chunks, &l, &s->plan, NULL);
	assert(!rc);
	more = realloc(s->plan.task, (s->c->chunks + 1) * sizeof(*more));
	assert(more);
	s->plan.task = more;
	s->chunk = chunk;
	s->maps = s->plan.tasks;
	s->base = s->c->large ? s->c->chunks : s->maps;
	s->reduces = s->c->reduces ? s->plan.partitions : 0;
}

static void disturb(struct sim *s)
{
	uint32_t tasks = s->maps + s->reduces;
	int64_t span = s->c->usual_ms * 2 *
	    (1 + tasks / (s->c->slots < tasks ? s->c->slots : tasks + 1));
	struct sim_event e = { .kind = CANCEL, .at = s->c->cancel_at };
	uint32_t i;

	if (span > 100000000)
		span = 100000000;
	if (e.at)
		push(s, e);
	for (i = 0; i < s->c->replace; i++) {
		e.kind = REPLACE;
		e.at = s->now + sim_random(s, (uint32_t)span);
		push(s, e);
	}
	for (i = 0; i < 3; i++) {
		e.kind = TICK;
		e.at = s->now + sim_random(s, (uint32_t)span);
		push(s, e);
	}
}

static void put_away(struct sim *s)
{
	uint32_t i;

	for (i = 0; i < s->coords; i++) {
		struct sk_sched_stat st;

		if (s->coord[i].sched) {
			sk_sched_stat(s->coord[i].sched, &st);
			s->r->retries += st.retries;
			s->r->backups += st.backups;
			s->r->throttled += st.throttled;
			s->r->splits += st.splits;
		}
		sk_sched_free(s->coord[i].sched);
		free(s->coord[i].task);
		free(s->coord[i].took);
		free(s->coord[i].attempt);
	}
	free(s->attempt);
	free(s->event);
	free(s->journal);
	free(s->chunk);
	sk_plan_free(&s->plan);
}

bool sim_run(const struct sim_config *c, struct sim_result *r)
{
	struct sim s = { .c = c, .r = r, .rng = c->seed, .now = SIM_START };
	bool ok;

	memset(r, 0, sizeof(*r));
	draw_plan(&s);
	s.journal = calloc(s.base + s.reduces + 1, sizeof(*s.journal));
	assert(s.journal);
	disturb(&s);
	ok = coord_new(&s) && loop(&s);
	r->tasks = s.maps + s.reduces;
	r->attempts = s.attempts;
	r->ms = s.now - SIM_START;
	put_away(&s);
	return ok;
}

/* Often nothing of a trouble, sometimes a little, now and then much. */
static uint32_t trouble(struct sim *s, uint32_t most)
{
	switch (sim_random(s, 4)) {
	case 0:
	case 1:  return 0;
	case 2:  return sim_random(s, most / 10 + 1);
	default: return sim_random(s, most + 1);
	}
}

void sim_draw(struct sim_config *c, uint64_t seed, uint32_t tasks)
{
	struct sim s = { .rng = seed * 2 + 1 };
	uint32_t want = sim_random(&s, 20) ? 1 + sim_random(&s, tasks) : 0;

	*c = (struct sim_config){
		.seed = seed,
		.chunks = want * (1 + sim_random(&s, 3)),
		.shards = 1 + sim_random(&s, 8),
		.workers = want / 4 + 1,
		.slots = 1 + sim_random(&s, sim_random(&s, 2) ? 4 : 64),
		.attempts = sim_random(&s, 6),
		.partitions = sim_random(&s, 12),
		.reduces = sim_random(&s, 2),
		.backups = sim_random(&s, 2),
		.usual_ms = 1 + sim_random(&s, sim_random(&s, 2) ? 50 : 3000),
		.straggle = trouble(&s, 1000),
		.vanish = trouble(&s, 200),
		.fail = trouble(&s, 2000),
		.poison = sim_random(&s, 4) ? 0 : 20000 / (tasks + 1),
		.throttle = trouble(&s, 3000),
		.replace = sim_random(&s, 3) ? 0 : 1 + sim_random(&s, 3),
	};
	c->keep_going = sim_random(&s, 3) == 0;
	if (c->keep_going && sim_random(&s, 2))
		c->poison = sim_random(&s, 1000);
	if (c->backups && sim_random(&s, 2)) {
		c->straggle = sim_random(&s, 3000);
		c->slots += 20;
	}
	if (!sim_random(&s, 4))
		c->room = 1 + sim_random(&s, c->slots);
	if (!sim_random(&s, 3))
		c->retry_after = sim_random(&s, 5000);
	if (!sim_random(&s, 4)) {
		c->ramp = 1 + sim_random(&s, c->slots);
		c->ramp_ms = 1 + sim_random(&s, 5000);
	}
	if (!c->replace && !sim_random(&s, 3))
		c->large = sim_random(&s, 8000);
	if (!sim_random(&s, 6))
		c->deadline = SIM_START + 1 + sim_random(&s, 60000);
	if (!sim_random(&s, 8))
		c->cancel_at = SIM_START + 1 + sim_random(&s, 30000);
}
