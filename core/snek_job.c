/* SPDX-License-Identifier: MIT */
/* snek_job.c - the front door to jobs and results. */
#include "handle.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "job/account.h"
#include "job/result.h"

/* ---- jobs ---- */

/* Behind a gateway; without a category it runs here all the same. */
static int new_remote(struct sk_client *c, const char *category,
    snek_job **out, struct snek_error *e)
{
	snek_job *j = NULL;
	int rc = category ? sk_name_check("category", category, e) : 0;

	if (!rc)
		rc = sk_job_new(NULL, NULL, &j, e);
	if (!rc && category)
		rc = sk_client_job_new(c, category, &j->remote, e);
	if (rc)
		sk_job_free(j);
	else
		*out = j;
	return rc;
}

int snek_job_new(snek_cluster *c, const char *category, snek_job **out,
    struct snek_error *e)
{
	int rc = sk_need(out, "place for the job", e);

	if (rc)
		return rc;
	if (category && !c)
		return sk_fail(e, SNEK_EINVAL, "a category without a cluster");
	return c && c->client ? new_remote(c->client, category, out, e) :
	    sk_job_new(c ? c->cat : NULL, category, out, e);
}

static int check(struct snek_job *j, struct snek_error *e)
{
	int rc = sk_need(j, "job", e);

	return rc ? rc : sk_job_is_new(j, e);
}

static int check_read(struct snek_job *j, const char *name,
    enum snek_format format, struct snek_error *e)
{
	int rc = check(j, e);

	if (!rc)
		rc = sk_need(name, "name for messages", e);
	if (rc)
		return rc;
	if ((unsigned)format > SNEK_AUTO)
		return sk_fail(e, SNEK_EINVAL, "no such format: %d", (int)format);
	if (j->category || j->remote)
		return sk_fail(e, SNEK_EINVAL, "a job over a category reads no "
		    "files");
	return 0;
}

int snek_job_read(snek_job *j, int fd, const char *name,
    enum snek_format format, struct snek_error *e)
{
	int rc = check_read(j, name, format, e);

	return rc ? rc : sk_job_read(j, fd, name, format, e);
}

static int set_text(char **slot, const char *text, struct snek_error *e)
{
	char *copy;

	copy = text ? strdup(text) : NULL;
	if (text && !copy)
		return sk_enomem(e);
	free(*slot);
	*slot = copy;
	return 0;
}

int snek_job_map(snek_job *j, const char *function, const char *args,
    struct snek_error *e)
{
	int rc = check(j, e);

	if (!rc)
		rc = sk_need(function, "function", e);
	if (!rc && j->remote)
		return sk_client_job_map(j->remote, function, args, e);
	return rc ? rc : sk_job_map(j, function, args, e);
}

int snek_job_call(snek_job *j, const char *library, const char *function,
    const char *sig, const char *fields, struct snek_error *e)
{
	struct sk_call call = { library, function, sig, fields };
	int rc = check(j, e);

	if (!rc)
		rc = sk_need(library, "library", e);
	if (!rc)
		rc = sk_need(function, "function", e);
	if (!rc)
		rc = sk_need(sig, "signature", e);
	if (!rc && j->remote)
		rc = sk_fail(e, SNEK_EINVAL, "a plain C function is not called "
		    "through a gateway unless it is registered "
		    "(snek-add-function --call)");
	return rc ? rc : sk_job_call(j, &call, e);
}

int snek_job_arg(snek_job *j, const char *name, const char *value,
    struct snek_error *e)
{
	int rc = check(j, e);

	if (!rc)
		rc = sk_need(name, "argument", e);
	if (!rc)
		rc = sk_need(value, "value", e);
	if (!rc && j->remote)
		return sk_client_job_arg(j->remote, name, value, e);
	return rc ? rc : sk_job_arg(j, name, value, e);
}

int snek_job_side(snek_job *j, const char *name, const char *from,
    struct snek_error *e)
{
	int rc = check(j, e);

	if (!rc)
		rc = sk_need(name, "name of the side input", e);
	if (!rc)
		rc = sk_need(from, "category or file", e);
	if (rc)
		return rc;
	if (j->remote)
		return sk_client_job_side(j->remote, name, from, e);
	return sk_job_side_add(j, name, from, e);
}

int snek_job_reduce(snek_job *j, const char *reducer, struct snek_error *e)
{
	int rc = check(j, e);

	if (!rc && j->remote)
		return sk_client_job_reduce(j->remote, reducer, e);
	return rc ? rc : set_text(&j->reduce, reducer, e);
}

int snek_job_set(snek_job *j, const char *setting, const char *value,
    struct snek_error *e)
{
	int rc = check(j, e);

	if (!rc)
		rc = sk_need(setting, "setting", e);
	if (!rc)
		rc = sk_need(value, "value", e);
	if (!rc && j->remote)
		return sk_client_job_set(j->remote, setting, value, e);
	return rc ? rc : sk_job_set(j, setting, value, e);
}

int snek_job_on_log(snek_job *j, void (*log)(void *, int, const char *),
    void *arg)
{
	int rc = check(j, NULL);        /* threads of a job that runs look at it */

	if (rc)
		return rc;
	j->log = log;
	j->log_arg = arg;
	return 0;
}

int snek_job_start(snek_job *j, struct snek_error *e)
{
	int rc = sk_need(j, "job", e);

	if (!rc && j->remote)
		return sk_client_job_start(j->remote, e);
	return rc ? rc : sk_job_start(j, e);
}

int snek_job_wait(snek_job *j, int timeout_ms, struct snek_error *e)
{
	int rc = sk_need(j, "job", e);

	if (!rc && j->remote)
		return sk_client_job_wait(j->remote, timeout_ms, e);
	return rc ? rc : sk_job_wait(j, timeout_ms, e);
}

void snek_job_cancel(snek_job *j)
{
	if (j && j->remote)
		sk_client_job_cancel(j->remote);
	else if (j)
		sk_job_cancel(j);
}

static void put_away(struct snek_job_stat *s, const struct sk_exec_stat *a)
{
	s->calls = a->calls;
	s->billed_ms = a->billed_ms;
	s->dollars = a->dollars;
	s->guessed = a->guessed;
	s->calls_left = a->left;
	s->seconds_left = (double)a->left_ms / 1000;
}

int snek_job_stat(snek_job *j, struct snek_job_stat *out)
{
	struct snek_job_stat s = { 0 };
	int64_t end;

	if (!j || sk_report_check(out, NULL))
		return SNEK_EINVAL;
	if (j->remote) {
		sk_client_job_stat(j->remote, &s);
		sk_report(out, &s, sizeof(s));
		return 0;
	}
	pthread_mutex_lock(&j->lock);
	end = j->ended_us ? j->ended_us : sk_clock_us();
	s.tasks = j->stat.tasks;
	s.running = j->stat.running;
	s.done = j->stat.done;
	s.retries = j->stat.retries;
	s.queued = j->stat.queued;
	s.throttled = j->stat.throttled;
	put_away(&s, &j->away.told);
	s.records_total = sk_account_total(j);
	s.records_missing = sk_account_missing(j);
	s.records_in = j->records_in;
	s.records_skipped = j->skipped;
	s.records_out = j->emitted;
	s.bytes_in = j->bytes_in;
	s.seconds = j->started_us ? (double)(end - j->started_us) / 1e6 : 0;
	if (j->state == SK_JOB_DONE && j->reducer.kind != SK_LISTED)
		s.keys = sk_job_keys(j);
	pthread_mutex_unlock(&j->lock);
	sk_report(out, &s, sizeof(s));
	return 0;
}

int snek_job_counters(snek_job *j,
    int (*visit)(void *, const char *, int64_t), void *arg)
{
	if (j && visit && j->remote)
		return 0;               /* a gateway does not tell them */
	return j && visit ? sk_job_counters(j, visit, arg) : SNEK_EINVAL;
}

int snek_job_missing(snek_job *j,
    int (*visit)(void *, const struct snek_missing *), void *arg)
{
	if (j && visit && j->remote)
		return sk_client_job_missing(j->remote, visit, arg);
	return j && visit ? sk_job_missing(j, visit, arg) : SNEK_EINVAL;
}

void snek_job_free(snek_job *j)
{
	if (j)
		sk_client_job_free(j->remote);
	sk_job_free(j);
}

/* ---- results ---- */

struct snek_result {                    /* one of both */
	struct sk_result *own;
	struct sk_client_job *remote;
};

int snek_result_open(snek_job *j, snek_result **out, struct snek_error *e)
{
	struct snek_result *r;
	int rc = sk_need(j, "job", e);

	if (!rc)
		rc = sk_need(out, "place for the result", e);
	if (rc)
		return rc;
	r = calloc(1, sizeof(*r));
	if (!r)
		return sk_enomem(e);
	r->remote = j->remote;
	rc = r->remote ? sk_client_result_open(r->remote, e) :
	    sk_result_open(j, &r->own, e);
	if (rc)
		free(r);
	else
		*out = r;
	return rc;
}

int snek_result_next(snek_result *r, struct snek_value *key,
    struct snek_value *value, struct snek_error *e)
{
	struct snek_value k, v;
	int rc = sk_need(r, "result", e);

	if (rc)
		return rc;
	return r->remote ? sk_client_result_next(r->remote, key ? key : &k,
	    value ? value : &v, e) :
	    sk_result_next(r->own, key ? key : &k, value ? value : &v, e);
}

void snek_result_close(snek_result *r)
{
	if (!r)
		return;
	sk_result_close(r->own);
	free(r);
}

bool snek_result_is_reduced(const snek_result *r)
{
	if (!r)
		return false;
	return r->remote ? sk_client_result_is_reduced(r->remote) :
	    sk_result_is_reduced(r->own);
}
