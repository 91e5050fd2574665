/* SPDX-License-Identifier: MIT */
/* snek_into.c - what came of a job as one write, so that jobs chain. */
#include "handle.h"

#include "job/job.h"
#include "value/value.h"

#define TICK_EVERY 1024u                /* records */

struct into {
	snek_job *job;
	snek_writer *w;
	int (*tick)(void *, struct snek_error *);       /* or NULL */
	void *arg;
	uint64_t records;
};

/* ---- one record ---- */

/* As it is printed: a value alone, or with the key that it came under. */
static bool put_record(struct sk_buf *b, bool reduced, struct snek_value key,
    struct snek_value value)
{
	if (!reduced && key.type <= SNEK_NULL)
		return sk_json_write(b, value);
	return sk_buf_printf(b, "{\"key\":") && sk_json_write(b, key) &&
	    sk_buf_printf(b, ",\"value\":") && sk_json_write(b, value) &&
	    sk_buf_byte(b, '}');
}

/* Between two records, and before the commit. */
static int look_up(const struct into *i, struct snek_error *e)
{
	if (__atomic_load_n(&i->job->cancelled, __ATOMIC_RELAXED))
		return sk_fail(e, SNEK_ECANCELED, "cancelled: nothing was "
		    "written");
	return i->tick && i->records % TICK_EVERY == 0 ? i->tick(i->arg, e) : 0;
}

static int put_all(struct into *i, snek_result *r, struct sk_buf *b,
    struct snek_error *e)
{
	bool reduced = snek_result_is_reduced(r);
	struct snek_value key, value;
	int rc;

	while ((rc = snek_result_next(r, &key, &value, e)) == 1) {
		b->n = 0;
		if (!put_record(b, reduced, key, value))
			return sk_enomem(e);
		rc = snek_writer_put(i->w, b->p, b->n, e);
		if (!rc)
			rc = look_up(i, e);
		if (rc)
			return rc;
		i->records++;
	}
	return rc;
}

/* ---- the write ---- */

static int count_missing(void *arg, const struct snek_missing *m)
{
	uint64_t *n = arg;

	*n += m->records ? m->records : 1;
	return 0;
}

static int check_whole(snek_job *j, struct snek_error *e)
{
	uint64_t missing = 0;

	if (snek_job_missing(j, count_missing, &missing) < 0 || !missing)
		return 0;
	return sk_fail(e, SNEK_EINVAL, "what is missing (keep-going) would be "
	    "missing for ever: nothing was written");
}

static int write_all(struct into *i, struct snek_receipt *out,
    struct snek_error *e)
{
	struct sk_buf b = { 0 };
	snek_result *r;
	int rc = snek_result_open(i->job, &r, e);

	if (rc)
		return rc;
	rc = check_whole(i->job, e);
	if (!rc)
		rc = put_all(i, r, &b, e);
	snek_result_close(r);
	sk_buf_free(&b);
	i->records = 0;
	if (!rc)
		rc = look_up(i, e);
	return rc ? rc : snek_writer_commit(i->w, out, e);
}

int sk_result_write(snek_job *j, snek_cluster *to, const char *category,
    const struct snek_writer_options *o,
    int (*tick)(void *, struct snek_error *), void *arg,
    struct snek_receipt *out, struct snek_error *e)
{
	struct into i = { .job = j, .tick = tick, .arg = arg };
	int rc = snek_job_wait(j, -1, e);       /* nothing is begun before */

	if (rc < 0)
		return rc;
	rc = snek_writer_open(to, category, o, &i.w, e);
	if (rc)
		return rc;
	rc = write_all(&i, out, e);
	snek_writer_free(i.w);
	return rc;
}

/* Behind a gateway it was told where, and has done it by now. */
static int ask_receipt(snek_job *j, const snek_cluster *to,
    const char *category, struct snek_receipt *out, struct snek_error *e)
{
	struct snek_receipt r = { 0 };
	int rc = snek_job_wait(j, -1, e);

	if (rc < 0)
		return rc;
	rc = sk_client_job_receipt(j->remote, to->client, category, &r, e);
	if (!rc)
		sk_report(out, &r, sizeof(r));
	return rc;
}

int snek_result_write(snek_job *j, snek_cluster *to, const char *category,
    const struct snek_writer_options *o, struct snek_receipt *out,
    struct snek_error *e)
{
	int rc = sk_need(j, "job", e);

	if (!rc)
		rc = sk_need(to, "cluster", e);
	if (!rc)
		rc = sk_report_check(out, e);
	if (rc)
		return rc;
	if (j->remote && sk_client_job_is_into(j->remote))
		return ask_receipt(j, to, category, out, e);
	return sk_result_write(j, to, category, o, NULL, NULL, out, e);
}

int snek_job_into(snek_job *j, const char *category,
    const struct snek_writer_options *options, struct snek_error *e)
{
	struct snek_writer_options o;
	int rc = sk_need(j, "job", e);

	if (!rc)
		rc = sk_job_is_new(j, e);
	if (!rc)
		rc = sk_name_check("category", category, e);
	if (!rc)
		rc = sk_options_copy(&o, sizeof(o), options, e);
	if (rc || !j->remote)
		return rc;
	return sk_client_job_into(j->remote, category, o.request_id,
	    o.durability, e);
}
