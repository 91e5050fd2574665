/* SPDX-License-Identifier: MIT */
/* snek_into.c - what came of a job as one write, so that jobs chain. */
#include "handle.h"

#include "job/job.h"
#include "value/value.h"

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

static int put_all(snek_job *j, snek_result *r, snek_writer *w,
    struct sk_buf *b, struct snek_error *e)
{
	bool reduced = snek_result_is_reduced(r);
	struct snek_value key, value;
	int rc;

	while ((rc = snek_result_next(r, &key, &value, e)) == 1) {
		b->n = 0;
		if (!put_record(b, reduced, key, value))
			return sk_enomem(e);
		rc = snek_writer_put(w, b->p, b->n, e);
		if (rc)
			return rc;
		if (__atomic_load_n(&j->cancelled, __ATOMIC_RELAXED))
			return sk_fail(e, SNEK_ECANCELED, "cancelled: nothing "
			    "was written");
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

static int write_all(snek_job *j, snek_writer *w, struct snek_receipt *out,
    struct snek_error *e)
{
	struct sk_buf b = { 0 };
	snek_result *r;
	int rc = snek_result_open(j, &r, e);

	if (rc)
		return rc;
	rc = check_whole(j, e);
	if (!rc)
		rc = put_all(j, r, w, &b, e);
	snek_result_close(r);
	sk_buf_free(&b);
	return rc ? rc : snek_writer_commit(w, out, e);
}

int snek_result_write(snek_job *j, snek_cluster *to, const char *category,
    const struct snek_writer_options *o, struct snek_receipt *out,
    struct snek_error *e)
{
	snek_writer *w;
	int rc = sk_need(j, "job", e);

	if (!rc)
		rc = sk_need(to, "cluster", e);
	if (!rc)
		rc = sk_report_check(out, e);
	if (!rc)
		rc = snek_job_wait(j, -1, e);   /* nothing is begun before */
	if (rc < 0)
		return rc;
	rc = snek_writer_open(to, category, o, &w, e);
	if (rc)
		return rc;
	rc = write_all(j, w, out, e);
	snek_writer_free(w);
	return rc;
}
