/* SPDX-License-Identifier: MIT */
#include "job/split.h"

#include <stdlib.h>
#include <string.h>

#include "job/job.h"

uint32_t sk_split_most(const struct snek_job *j)
{
	return j->splits ? (uint32_t)j->chunks : j->plan.tasks;
}

int sk_split_open(struct snek_job *j, struct snek_error *e)
{
	struct sk_plan_task *more;

	if (!j->splits)
		return 0;
	more = realloc(j->plan.task, (j->chunks + 1) * sizeof(*more));
	if (!more)
		return sk_enomem(e);
	j->plan.task = more;
	return 0;
}

bool sk_split_is_stale(const struct snek_job *j, const struct sk_attempt *a)
{
	return a->stage == 0 && a->chunks != j->plan.task[a->task].n;
}

/* What is too large by little is cut so that half of it would still fit. */
uint32_t sk_split_parts(const struct snek_job *j, const struct sk_exec_event *ev)
{
	uint64_t least = ev->carries ? ev->too_large / ev->carries + 1 : 2;
	uint64_t most = ev->attempt.chunks;

	if (ev->attempt.stage || most < 2 || !j->splits)
		return 0;
	return (uint32_t)(least < 2 ? 2 : least < most ? least : most);
}

static uint32_t rows_of(const struct snek_job *j, uint32_t chunk)
{
	return j->snap ? j->snap->chunk[chunk].rows
	    : j->spool->own.list.chunk[chunk].rows;
}

static void count(const struct snek_job *j, struct sk_plan_task *t)
{
	uint32_t i;

	t->bytes = t->records = 0;
	for (i = t->first; i < t->first + t->n; i++) {
		t->bytes += j->chunk[i].bytes.n;
		t->records += rows_of(j, i);
	}
}

/* Chunks of the first parts that hold their share of bytes, but one at least
 * for each part, before and after. */
static uint32_t share(const struct snek_job *j, const struct sk_plan_task *t,
    uint32_t parts)
{
	uint64_t want = t->bytes / parts, got = 0;
	uint32_t n = 0;

	while (n < t->n - (parts - 1) && (!n || got < want))
		got += j->chunk[t->first + n++].bytes.n;
	return n;
}

/* Records that are left out go with their chunk. */
static int move_bad(struct sk_bad_list *from, struct sk_bad_list *to,
    uint32_t chunk)
{
	size_t i, keep = 0;

	while (keep < from->n && from->skip[keep].chunk < chunk)
		keep++;
	if (keep == from->n)
		return 0;
	to->skip = calloc(from->n - keep, sizeof(*to->skip));
	if (!to->skip)
		return SNEK_ENOMEM;
	for (i = keep; i < from->n; i++)
		to->skip[to->n++] = (struct sk_skip){
			from->skip[i].chunk - chunk, from->skip[i].row };
	from->n = keep;
	return 0;
}

/* The task keeps its first share; what is left is the new one. */
static int cut(struct snek_job *j, uint32_t task, uint32_t new, uint32_t parts)
{
	struct sk_plan_task *t = &j->plan.task[task], *u = &j->plan.task[new];
	uint32_t n = share(j, t, parts);

	*u = *t;
	t->n = n;
	u->first += n;
	u->n -= n;
	count(j, t);
	count(j, u);
	return move_bad(&j->bad.task[task], &j->bad.task[new], n);
}

int sk_split_task(struct snek_job *j, const struct sk_action *a)
{
	uint32_t i, task = a->task.n;
	int rc = 0;

	for (i = 1; i < a->parts && !rc; i++) {
		rc = cut(j, task, a->first + i - 1, a->parts - i + 1);
		task = a->first + i - 1;
	}
	j->plan.tasks = a->first + a->parts - 1;
	return rc;
}
