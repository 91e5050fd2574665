/* SPDX-License-Identifier: MIT */
#include "job/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "exec/parcel.h"
#include "job/job.h"

void sk_job_keep(struct snek_job *j, struct sk_journal *store, const char *id,
    uint64_t token)
{
	j->journal = (struct sk_job_journal){ .store = store, .token = token };
	snprintf(j->journal.id, sizeof(j->journal.id), "%s", id);
}

/* ---- which plan ---- */

static void add_number(struct sk_digest *d, uint64_t n)
{
	sk_digest_add(d, &n, sizeof(n));
}

/* Everything that says which records a task has, and what is done to them. */
static void digest_plan(const struct snek_job *j, char text[40])
{
	const struct sk_snapshot_chunk *c;
	struct sk_digest d;
	uint32_t t;
	size_t i;

	sk_digest_init(&d);
	for (i = 0; j->snap && i < j->snap->n; i++) {
		c = &j->snap->chunk[i];
		add_number(&d, c->shard);
		sk_digest_add(&d, c->write.b, sizeof(c->write.b));
		add_number(&d, c->number);
		add_number(&d, c->base.version);
		add_number(&d, c->base.record);
		add_number(&d, c->rows);
	}
	for (t = 0; t < j->plan.tasks; t++) {
		add_number(&d, j->plan.task[t].first);
		add_number(&d, j->plan.task[t].n);
	}
	add_number(&d, j->plan.partitions);
	sk_digest_add(&d, j->map_fn.sha256, strlen(j->map_fn.sha256));
	snprintf(text, 40, "%016" PRIx64 "%016" PRIx64, d.a, d.b);
}

static int newest_plan(void *arg, const char *item)
{
	uint64_t *newest = arg, n;
	int end = 0;

	if (sscanf(item, "plan%" SCNu64 "%n", &n, &end) == 1 && !item[end] &&
	    n > *newest)
		*newest = n;
	return 0;
}

static int find_plan(struct sk_job_journal *k, const char *digest,
    struct snek_error *e)
{
	const struct sk_journal_ops *ops = k->store->ops;
	struct sk_span mine = { digest, strlen(digest) };
	struct sk_buf b = { 0 };
	char item[SK_JOB_ITEM];
	int rc;

	k->plan = 0;
	rc = ops->items(k->store, k->id, newest_plan, &k->plan, e);
	snprintf(item, sizeof(item), "plan%" PRIu64, k->plan);
	if (!rc && k->plan)
		rc = ops->get(k->store, k->id, item, &b, e);
	if (rc || (k->plan && b.n == mine.n && !memcmp(b.p, mine.p, mine.n))) {
		sk_buf_free(&b);
		return rc;
	}
	sk_buf_free(&b);
	k->plan = k->token;
	snprintf(item, sizeof(item), "plan%" PRIu64, k->plan);
	return ops->put(k->store, k->id, k->token, item, mine, e);
}

/* ---- what tasks came to ---- */

static void name_task(const struct sk_job_journal *k, struct sk_task_id id,
    char item[SK_JOB_ITEM])
{
	snprintf(item, SK_JOB_ITEM, "%c%" PRIu64 "x%" PRIu32,
	    id.stage ? 'r' : 'm', k->plan, id.n);
}

int sk_job_record(struct snek_job *j, struct sk_task_id id,
    const struct sk_outcome *o, struct snek_error *e)
{
	struct sk_job_journal *k = &j->journal;
	struct sk_message m = { .kind = SK_MSG_DONE };
	struct sk_put put = { { 0 }, false };
	struct sk_buf b = { 0 };
	char item[SK_JOB_ITEM];
	size_t i;
	int rc;

	if (!k->store)
		return 0;
	name_task(k, id, item);
	rc = sk_put_outcome(&put, o, &m) && !put.nomem ? 0 : sk_enomem(e);
	m.body = put.buf;
	if (!rc)
		rc = sk_parcel_put(&b, &m, e);
	for (i = 0; i < m.fds; i++)
		m.fd[i] = -1;           /* the outcome's */
	sk_message_free(&m);
	if (!rc)
		rc = k->store->ops->put(k->store, k->id, k->token, item,
		    (struct sk_span){ b.p, b.n }, e);
	sk_buf_free(&b);
	return rc;
}

static int read_task(struct snek_job *j, struct sk_task_id id,
    const char *item, struct sk_outcome *o, struct snek_error *e)
{
	struct sk_job_journal *k = &j->journal;
	struct sk_message m = { 0 };
	struct sk_buf b = { 0 };
	struct sk_get g;
	int rc = k->store->ops->get(k->store, k->id, item, &b, e);

	if (!rc)
		rc = sk_parcel_get((struct sk_span){ b.p, b.n }, &m, e);
	if (!rc) {
		g = (struct sk_get){ m.body.p, m.body.n, false };
		rc = sk_get_outcome(&g, &m, id.stage ? 0 : j->plan.partitions, o, e);
	}
	sk_message_free(&m);
	sk_buf_free(&b);
	return rc ? sk_fail_in(e, rc == SNEK_ENOMEM ? rc : SNEK_ECORRUPT, "job "
	    "%s, what was kept of task %s", k->id, item) : 0;
}

struct names {
	const struct snek_job *j;
	struct sk_task_id *id;
	size_t n, cap;
};

static int note_task(void *arg, const char *item)
{
	struct names *s = arg;
	struct sk_task_id id = { 0, 0 }, *more;
	uint64_t plan;
	char stage;
	int end = 0;

	if (sscanf(item, "%c%" SCNu64 "x%" SCNu32 "%n", &stage, &plan, &id.n,
	    &end) != 3 || item[end] || (stage != 'm' && stage != 'r') ||
	    plan != s->j->journal.plan)
		return 0;
	id.stage = stage == 'r';
	if (s->n == s->cap) {
		more = realloc(s->id, (2 * s->cap + 64) * sizeof(*more));
		if (!more)
			return SNEK_ENOMEM;
		s->id = more;
		s->cap = 2 * s->cap + 64;
	}
	s->id[s->n++] = id;
	return 0;
}

/* Map before reduce, in the order of tasks: as if they had been done so. */
static int in_order(const void *a, const void *b)
{
	const struct sk_task_id *x = a, *y = b;

	if (x->stage != y->stage)
		return x->stage < y->stage ? -1 : 1;
	return x->n < y->n ? -1 : x->n > y->n;
}

static int recall(struct snek_job *j, struct sk_task_id id,
    void (*restore)(struct snek_job *, struct sk_task_id, struct sk_outcome *),
    struct snek_error *e)
{
	uint32_t tasks = id.stage ? j->plan.partitions : j->plan.tasks;
	char item[SK_JOB_ITEM];
	struct sk_outcome o;
	int rc;

	if (id.n >= tasks)
		return sk_fail(e, SNEK_ECORRUPT, "job %s has %u tasks, and "
		    "something of task %u", j->journal.id, tasks, id.n);
	name_task(&j->journal, id, item);
	rc = read_task(j, id, item, &o, e);
	if (!rc)
		restore(j, id, &o);
	j->journal.recalled += !rc;
	return rc;
}

int sk_job_recall(struct snek_job *j, void (*restore)(struct snek_job *,
    struct sk_task_id, struct sk_outcome *), struct snek_error *e)
{
	struct sk_job_journal *k = &j->journal;
	struct names s = { .j = j };
	char digest[40];
	size_t i;
	int rc;

	if (!k->store)
		return 0;
	digest_plan(j, digest);
	rc = find_plan(k, digest, e);
	if (!rc)
		rc = k->store->ops->items(k->store, k->id, note_task, &s, e);
	if (!rc && s.n)
		qsort(s.id, s.n, sizeof(*s.id), in_order);
	for (i = 0; i < s.n && !rc; i++)
		rc = recall(j, s.id[i], restore, e);
	free(s.id);
	return rc;
}
