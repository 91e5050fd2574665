/* SPDX-License-Identifier: MIT */
#include "job/missing.h"

#include <stdlib.h>

#include "job/job.h"

int sk_missing_open(struct snek_job *j, struct snek_error *e)
{
	struct sk_missing *m = &j->missing;
	size_t n = (size_t)sk_split_most(j) + j->plan.partitions + 1;

	if (!j->set.keep_going)
		return 0;
	m->maps = sk_split_most(j);
	m->why = calloc(n, sizeof(*m->why));    /* pages, when they are needed */
	m->gone = calloc(n, sizeof(*m->gone));
	return m->why && m->gone ? 0 : sk_enomem(e);
}

void sk_missing_close(struct sk_missing *m)
{
	free(m->why);
	free(m->gone);
	memset(m, 0, sizeof(*m));
}

static size_t index_of(const struct sk_missing *m, struct sk_task_id task)
{
	return task.stage ? (size_t)m->maps + task.n : task.n;
}

void sk_missing_note(struct sk_missing *m, struct sk_task_id task,
    const struct snek_error *why)
{
	if (m->why)
		m->why[index_of(m, task)] = *why;
}

void sk_missing_take(struct snek_job *j, struct sk_task_id task)
{
	struct sk_missing *m = &j->missing;

	pthread_mutex_lock(&j->lock);
	m->gone[index_of(m, task)] = true;
	m->tasks++;
	if (!task.stage)
		m->records += j->plan.task[task.n].records;
	pthread_mutex_unlock(&j->lock);
}

bool sk_missing_any(const struct snek_job *j)
{
	return j->missing.tasks || (j->snap && j->snap->losses);
}

/* ---- the list ---- */

struct visitor {
	int (*visit)(void *, const struct snek_missing *);
	void *arg;
};

/* Records are counted from 1 for people, as lines are. */
static int say_range(const struct visitor *v, struct snek_missing one,
    const struct sk_range *r)
{
	one.exact = true;
	one.records = r->n;
	one.version = one.last_version = r->first.version;
	one.first = r->first.record + 1;
	one.last = r->first.record + r->n;
	return v->visit(v->arg, &one);
}

static int say_ranges(const struct visitor *v, struct snek_missing one,
    const struct sk_ranges *r)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < r->n && !rc; i++)
		rc = say_range(v, one, &r->range[i]);
	return rc;
}

static int say_loss(const struct visitor *v, const struct sk_snapshot_loss *l)
{
	struct snek_missing one = { .size = sizeof(one), .shards = l->shards,
		.shard = l->shard, .records = l->records,
		.version = l->version, .first = 1,
		.last_version = l->last_version, .code = l->why.code,
		.reason = l->why.text };

	if (!l->records)
		return 0;
	return l->ranges.n ? say_ranges(v, one, &l->ranges)
	    : v->visit(v->arg, &one);
}

/* ---- the places of a task ---- */

static bool add_rows(struct sk_chunk *k, struct sk_place base,
    struct sk_ranges *r, int *rc)
{
	uint32_t i, rows = sk_chunk_rows(k);
	struct sk_place at;

	for (i = 0; i < rows; i++) {
		if (sk_chunk_place(k, base, i, &at, NULL))
			return false;
		if (!sk_ranges_add(r, at, 1)) {
			*rc = SNEK_ENOMEM;
			return false;
		}
	}
	return true;
}

/* A chunk that holds the places of its records itself: 1, or 0 where it is
 * damaged so that nobody can tell them, or less. */
static int places_in(const struct sk_snapshot_chunk *c, struct sk_span bytes,
    struct sk_ranges *to)
{
	struct sk_ranges r = { 0 };
	struct sk_chunk *k;
	bool ok;
	size_t i;
	int rc = 0;

	if (sk_chunk_open(bytes.p, bytes.n, &k, NULL))
		return 0;
	ok = add_rows(k, c->base, &r, &rc) && r.records == c->rows;
	for (i = 0; i < r.n && ok && !rc; i++)
		if (!sk_ranges_add(to, r.range[i].first, r.range[i].n))
			rc = SNEK_ENOMEM;
	sk_ranges_free(&r);
	sk_chunk_close(k);
	return rc ? rc : ok;
}

static int read_places(struct snek_job *j, size_t i, struct sk_ranges *to)
{
	struct sk_span bytes;
	void *held;
	int rc;

	if (sk_job_fetch_whole(j, &j->chunk[i], &bytes, &held, NULL))
		return 0;
	rc = places_in(&j->snap->chunk[i], bytes, to);
	if (held)
		sk_job_fetch_release(held);
	return rc;
}

static int say_damaged(const struct visitor *v, struct snek_missing one,
    const struct sk_snapshot_chunk *c)
{
	one.records = c->rows;
	one.version = c->base.version;
	one.first = c->base.record + 1;
	one.last_version = c->last_version;
	return v->visit(v->arg, &one);
}

static int add_chunk(struct snek_job *j, size_t i,
    const struct visitor *v, const struct snek_missing *one,
    struct sk_ranges *r)
{
	const struct sk_snapshot_chunk *c = j->snap ? &j->snap->chunk[i] : NULL;
	uint32_t rows = c ? c->rows : j->spool->own.list.chunk[i].rows;
	int rc;

	if (!c || !c->last_version)
		return sk_ranges_add(r, j->chunk[i].base, rows) ? 0
		    : SNEK_ENOMEM;
	rc = read_places(j, i, r);
	return rc > 0 ? 0 : rc ? rc : say_damaged(v, *one, c);
}

static int say_task(struct snek_job *j, uint32_t n, const struct visitor *v)
{
	const struct sk_plan_task *t = &j->plan.task[n];
	const struct snek_error *why = &j->missing.why[n];
	struct snek_missing one = { .size = sizeof(one), .code = why->code,
		.shards = j->snap != NULL, .shard = &t->shard,
		.reason = why->text };
	struct sk_ranges r = { 0 };
	uint32_t i;
	int rc = 0;

	for (i = t->first; i < t->first + t->n && !rc; i++)
		rc = add_chunk(j, i, v, &one, &r);
	if (!rc)
		rc = say_ranges(v, one, &r);
	sk_ranges_free(&r);
	return rc;
}

static int say_partition(struct snek_job *j, uint32_t n,
    const struct visitor *v)
{
	const struct snek_error *why = &j->missing.why[j->missing.maps + n];
	struct snek_missing one = { .size = sizeof(one), .code = why->code,
		.partition = n + 1,
		.partitions = j->plan.partitions, .reason = why->text };

	return v->visit(v->arg, &one);
}

int sk_job_missing(struct snek_job *j,
    int (*visit)(void *, const struct snek_missing *), void *arg)
{
	const struct visitor v = { visit, arg };
	const bool *gone = j->missing.gone;
	uint32_t i;
	size_t l;
	int rc = 0;

	if (sk_job_wait(j, 0, NULL) != 1)
		return SNEK_EINVAL;
	for (l = 0; j->snap && l < j->snap->losses && !rc; l++)
		rc = say_loss(&v, &j->snap->loss[l]);
	for (i = 0; gone && i < j->plan.tasks && !rc; i++)
		rc = gone[i] ? say_task(j, i, &v) : 0;
	for (i = 0; gone && i < j->plan.partitions && !rc; i++)
		rc = gone[j->missing.maps + i] ? say_partition(j, i, &v) : 0;
	return rc;
}
