/* SPDX-License-Identifier: MIT */
#include "job/account.h"

#include <inttypes.h>

#include "job/job.h"

uint64_t sk_account_total(const struct snek_job *j)
{
	return j->snap ? j->snap->records : j->plan.records;
}

uint64_t sk_account_missing(const struct snek_job *j)
{
	return j->missing.records + (j->snap ? j->snap->lost : 0);
}

/* ---- of an attempt ---- */

/* The chunks themselves agree with what the plan was told of them; those that
 * are fetched were held against it when they came. */
static bool plan_is_true(const struct snek_job *j, const struct sk_plan_task *t)
{
	uint64_t rows = 0;
	struct sk_chunk *k;
	uint32_t i;

	for (i = t->first; i < t->first + t->n; i++) {
		if (!j->chunk[i].bytes.p) {
			rows += j->chunk[i].ref.rows;
			continue;
		}
		if (sk_chunk_open(j->chunk[i].bytes.p, j->chunk[i].bytes.n, &k,
		    NULL))
			return false;
		rows += sk_chunk_rows(k);
		sk_chunk_close(k);
	}
	return rows == t->records;
}

static void refuse(struct snek_job *j, struct sk_outcome *o, uint64_t records)
{
	struct sk_outcome lie = *o;

	memset(o, 0, sizeof(*o));
	o->code = sk_fail(&o->error, SNEK_EPLUGIN, "%s: its process says that "
	    "it was given %" PRIu64 " records and skipped %" PRIu64 ", and it "
	    "was given %" PRIu64, j->map_fn.op->op.name, lie.records_in,
	    lie.skipped, records);
	sk_outcome_free(&lie);
}

void sk_account_check(struct snek_job *j, struct sk_exec_event *ev)
{
	const struct sk_plan_task *t;
	struct sk_outcome *o = &ev->outcome;

	if (o->code || ev->attempt.stage || !j->worker ||
	    sk_split_is_stale(j, &ev->attempt))
		return;
	t = &j->plan.task[ev->attempt.task];
	if (o->records_in == t->records && o->skipped <= o->records_in &&
	    o->skipped >= ev->attempt.skips)
		return;
	if (plan_is_true(j, t))
		refuse(j, o, t->records);
}

/* ---- of the job ---- */

void sk_account_add(struct snek_job *j, const struct sk_outcome *o)
{
	pthread_mutex_lock(&j->lock);
	j->records_in += o->records_in;
	j->skipped += o->skipped;
	j->emitted += o->emitted;
	j->bytes_in += o->bytes_in;
	pthread_mutex_unlock(&j->lock);
	sk_fields_see(&j->fields, o);
}

int sk_account_conserve(struct snek_job *j, struct snek_error *e)
{
	uint64_t missing = sk_account_missing(j), all = sk_account_total(j);

	if (j->records_in + missing == all)
		return 0;
	return sk_fail(e, SNEK_EINTERNAL, "%" PRIu64 " records went into a job "
	    "over %" PRIu64 ", and %" PRIu64 " are missing: no result is "
	    "given; please report this", j->records_in, all, missing);
}
