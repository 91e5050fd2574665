/* SPDX-License-Identifier: MIT */
/* query.c - a query: its answer when it is short, else a job to ask about. */
#include "api/parts.h"

#include <stdio.h>

#include "api/asked.h"
#include "value/pack.h"

/* The cluster's handle is the job's while it runs, and goes with it. */
static int start(struct sk_api *a, const struct sk_api_asked *q,
    struct sk_api_job **out, struct snek_error *e)
{
	snek_cluster *cluster = NULL;
	snek_job *job = NULL;
	int rc = sk_api_take(a, &cluster, e);

	if (!rc)
		rc = sk_asked_job(a, cluster, q, &job, e);
	if (!rc)
		return sk_api_jobs_start(a, cluster, job, q, out, e);
	sk_api_give(a, cluster);
	return rc;
}

/* ---- answers ---- */

/* Page n, from 1. */
static int put_page(struct sk_api_call *c, const struct sk_api_job *j,
    uint64_t n, struct snek_error *e)
{
	const struct sk_page p = { .job = j->id, .stat = j->stat,
		.reduced = j->reduced, .results = j->results, .number = n,
		.keyed_from = j->keyed_from, .pages = j->pages,
		.missing = { j->missing.p, j->missing.n } };
	struct sk_object o;
	int rc = sk_page_begin(c, &o, &p, e);

	if (rc)
		return rc;
	rc = sk_api_jobs_page(j, (size_t)n - 1, &c->out->body, e);
	sk_page_end(&o);
	return rc ? rc : o.nomem ? sk_enomem(e) : 0;
}

static const char *state_name(enum sk_api_state s)
{
	static const char *const names[] = { "running", "done", "failed" };

	return names[s];
}

static void put_job(struct sk_object *o, struct sk_api_job *j)
{
	struct snek_job_stat s = { .size = sizeof(s) };

	if (j->job)
		snek_job_stat(j->job, &s);
	else
		s = j->stat;
	sk_object_text(o, "category", j->category);
	sk_object_text(o, "function", j->function);
	sk_figures_put(o, &s);
	if (j->state == SK_API_DONE && *j->into.category)
		sk_into_put(o, &j->into, &j->receipt);
	else if (j->state == SK_API_DONE)
		sk_object_number(o, "pages", j->pages);
	if (j->state == SK_API_DONE)
		sk_object_raw(o, "missing", (struct sk_span){ j->missing.p,
		    j->missing.n });
	if (j->state == SK_API_FAILED)
		sk_figures_put_error(o, j->error.code, j->error.text);
}

void sk_api_begin_job(struct sk_api_call *c, struct sk_object *o,
    const char *id, const char *state, int status)
{
	c->out->status = status;
	snprintf(c->out->location, sizeof(c->out->location), "/v1/jobs/%s", id);
	sk_object_begin(o, &c->out->body, "job");
	sk_object_text(o, "job", id);
	sk_object_text(o, "state", state);
}

/* How far it is; a running one's figures come from the job itself. */
static void answer_job(struct sk_api_call *c, struct sk_api_job *j, int status)
{
	struct sk_object o;

	pthread_mutex_lock(&j->api->jobs.lock);
	sk_api_begin_job(c, &o, j->id, state_name(j->state), status);
	put_job(&o, j);
	pthread_mutex_unlock(&j->api->jobs.lock);
	sk_object_end(&o);
}

/* What is answered about one that is done: a receipt, or page n. */
static int put_done(struct sk_api_call *c, const struct sk_api_job *j,
    uint64_t n, struct snek_error *e)
{
	struct sk_object o;

	if (!*j->into.category)
		return put_page(c, j, n, e);
	sk_object_begin(&o, &c->out->body, "written");
	sk_object_text(&o, "job", j->id);
	sk_figures_put(&o, &j->stat);
	sk_into_put(&o, &j->into, &j->receipt);
	sk_object_end(&o);
	return o.nomem ? sk_enomem(e) : 0;
}

static int failed(struct sk_api_job *j, struct snek_error *e)
{
	*e = j->error;
	return j->error.code;
}

/* Soon again, when we did not wait. */
static void answer_running(struct sk_api_call *c, struct sk_api_job *j,
    bool crowded)
{
	answer_job(c, j, 202);
	if (crowded)
		c->out->retry_after_s = 1;
}

/* Without a job it was refused, and may begin later. */
static void end_query(struct sk_api_call *c, const struct sk_api_job *j, int rc,
    const struct snek_error *e)
{
	if (rc == SNEK_EAGAIN && !j)
		sk_api_fail_as(c->out, 429, rc, e->text, NULL);
	else
		sk_api_end(c, rc, e);
}

/* What was answered whole is not asked about again. */
static bool is_answered(const struct sk_api_job *j, int rc)
{
	return rc || *j->into.category || j->pages == 1;
}

void sk_api_query(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct sk_api_job *j = NULL;
	struct sk_api_asked q;
	enum sk_api_state state = SK_API_RUNNING;
	bool crowded = false;
	int rc = sk_asked_read(c->api, c->request->body, &q, &e);

	if (!rc)
		rc = start(c->api, &q, &j, &e);
	sk_asked_free(&q);
	if (!rc)
		state = sk_api_jobs_wait(j, q.ms, &crowded);
	c->out->begun = !rc && state == SK_API_RUNNING;
	if (c->out->begun)
		answer_running(c, j, crowded);
	else if (!rc)
		rc = state == SK_API_DONE ? put_done(c, j, 1, &e) : failed(j, &e);
	if (j && state != SK_API_RUNNING && is_answered(j, rc))
		sk_api_jobs_drop(j);
	sk_api_jobs_release(j);
	end_query(c, j, rc, &e);
}

void sk_api_unheard(struct sk_api *a, const struct sk_api_response *out)
{
	const char *id = strrchr(out->location, '/');
	struct sk_api_job *j = out->begun && id ? sk_api_jobs_hold(a, id + 1,
	    NULL) : NULL;

	if (j)
		sk_api_jobs_drop(j);
	sk_api_jobs_release(j);
}

/* ---- jobs ---- */

void sk_api_job_list(struct sk_api_call *c)
{
	struct sk_api_jobs *t = &c->api->jobs;
	struct sk_api_job *j;
	struct sk_object o;

	sk_object_begin(&o, &c->out->body, "jobs");
	sk_object_open(&o, "jobs", '[');
	pthread_mutex_lock(&t->lock);
	for (j = t->first; j; j = j->next) {
		if (j->dropped)
			continue;
		sk_object_open(&o, NULL, '{');
		sk_object_text(&o, "job", j->id);
		sk_object_text(&o, "state", state_name(j->state));
		sk_object_text(&o, "category", j->category);
		sk_object_text(&o, "function", j->function);
		sk_object_close(&o, '}');
	}
	pthread_mutex_unlock(&t->lock);
	sk_object_close(&o, ']');
	sk_object_end(&o);
}

void sk_api_job(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct sk_api_job *j = sk_api_jobs_hold(c->api, c->name[0], &e);

	if (j)
		answer_job(c, j, 200);
	sk_api_jobs_release(j);
	sk_api_end(c, j ? 0 : e.code, &e);
}

void sk_api_end_drop(struct sk_api_call *c, int rc, const struct snek_error *e)
{
	struct sk_object o;

	sk_api_end(c, rc, e);
	if (rc)
		return;
	sk_object_begin(&o, &c->out->body, "dropped");
	sk_object_text(&o, "job", c->name[0]);
	sk_object_end(&o);
}

void sk_api_job_drop(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct sk_api_job *j = sk_api_jobs_hold(c->api, c->name[0], &e);

	if (j)
		sk_api_jobs_drop(j);
	sk_api_jobs_release(j);
	sk_api_end_drop(c, j ? 0 : e.code, &e);
}

int sk_api_page_asked(struct sk_api_call *c, uint64_t *page, unsigned *ms,
    struct snek_error *e)
{
	int rc = sk_api_number(c->request, "page", 1, page, e);

	if (!rc && !*page)
		rc = sk_fail(e, SNEK_EINVAL, "the first page is page 1");
	return rc ? rc : sk_api_seconds(c->request, "wait", c->api->o.wait_ms, ms,
	    e);
}

void sk_api_job_results(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct sk_api_job *j = sk_api_jobs_hold(c->api, c->name[0], &e);
	uint64_t n = 1;
	unsigned ms = 0;
	bool crowded;
	int rc = j ? sk_api_page_asked(c, &n, &ms, &e) : e.code;

	if (!rc && sk_api_jobs_wait(j, ms, &crowded) == SK_API_RUNNING) {
		answer_running(c, j, crowded);
		sk_api_jobs_release(j);
		return;
	}
	if (!rc && j->state == SK_API_FAILED)
		rc = failed(j, &e);
	if (!rc)
		rc = put_done(c, j, n, &e);
	sk_api_jobs_release(j);
	sk_api_end(c, rc, &e);
}

/* ---- as Snekboop's clients query: {"name":CATEGORY,"function":NAME} ---- */

/* The list, as text in the body of an object, as its function answered. */
static int put_old(struct sk_api_call *c, const struct sk_buf *list,
    struct snek_error *e)
{
	struct sk_object o = { &c->out->body, false, false };

	sk_object_open(&o, NULL, '{');
	sk_object_number(&o, "statusCode", 200);
	sk_object_open(&o, "headers", '{');
	sk_object_text(&o, "Content-Type", "application/json");
	sk_object_close(&o, '}');
	sk_object_any(&o, "body", sk_string(list->p, list->n));
	sk_object_end(&o);
	return o.nomem ? sk_enomem(e) : 0;
}

int sk_api_put_old(struct sk_api_call *c, uint64_t pages,
    int (*get)(void *, uint64_t n, struct sk_buf *, struct snek_error *),
    void *arg, struct snek_error *e)
{
	struct sk_buf list = { 0 };
	uint64_t n;
	int rc = sk_buf_byte(&list, '[') ? 0 : sk_enomem(e);

	for (n = 0; n < pages && !rc; n++) {
		if (n && !sk_buf_byte(&list, ','))
			rc = sk_enomem(e);
		if (!rc)
			rc = get(arg, n, &list, e);
		if (!rc && list.n > c->api->o.max_reply)
			rc = sk_fail(e, SNEK_ELIMIT, "a result of more than %zu "
			    "bytes: ask /v1/query for it", c->api->o.max_reply);
	}
	if (!rc && !sk_buf_byte(&list, ']'))
		rc = sk_enomem(e);
	if (!rc)
		rc = put_old(c, &list, e);
	sk_buf_free(&list);
	return rc;
}

static int get_page(void *job, uint64_t n, struct sk_buf *b,
    struct snek_error *e)
{
	return sk_api_jobs_page(job, (size_t)n, b, e);
}

int sk_api_old_late(struct snek_error *e)
{
	return sk_fail(e, SNEK_ETIMEDOUT, "longer than this call may wait: ask "
	    "/v1/query");
}

void sk_api_old_query(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct sk_api_job *j = NULL;
	struct sk_api_asked q;
	enum sk_api_state state;
	bool crowded = false;
	int rc = sk_asked_read_old(c->api, c->request->body, &q, &e);

	if (!rc)
		rc = start(c->api, &q, &j, &e);
	sk_asked_free(&q);
	if (!rc) {
		state = sk_api_jobs_wait(j, q.ms, &crowded);
		rc = state == SK_API_DONE ? sk_api_put_old(c, j->pages,
		    get_page, j, &e) : state == SK_API_FAILED ? failed(j, &e) :
		    crowded ? sk_fail(&e, SNEK_EAGAIN, "too many wait for an "
		    "answer already") : sk_api_old_late(&e);
		sk_api_jobs_drop(j);
	}
	sk_api_jobs_release(j);
	end_query(c, crowded ? NULL : j, rc, &e);
}
