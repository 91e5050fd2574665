/* SPDX-License-Identifier: MIT */
/* query.c - a query: its answer when it is short, else a job to ask about. */
#include "api/parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "value/pack.h"

/* ---- from the request's object to a job ---- */

/* Members that are a job's settings, by the same name. */
static const char *const settings[] = {
	"order", "limit", "timeout", "partitions", "workers", "attempts",
	"keep-going", "memory",
};

static int set(snek_job *job, const struct sk_record *r, const char *name,
    struct snek_error *e)
{
	struct snek_value v = sk_object_member(r, name);
	struct sk_buf b = { 0 };
	int rc;

	if (v.type == SNEK_NONE || v.type == SNEK_NULL)
		return 0;
	if (v.type == SNEK_BOOL)
		v = sk_cstring(v.as.b ? "yes" : "no");
	if (v.type != SNEK_STRING && !sk_json_write(&b, v))
		return sk_enomem(e);
	if (v.type == SNEK_STRING && !sk_buf_put(&b, v.as.s, v.len))
		return sk_enomem(e);
	if (!sk_buf_byte(&b, 0)) {
		sk_buf_free(&b);
		return sk_enomem(e);
	}
	rc = snek_job_set(job, name, b.p, e);
	sk_buf_free(&b);
	return rc;
}

static bool is_known(const struct sk_member *m)
{
	static const char *const others[] = {
		"category", "function", "args", "arg", "reduce", "wait",
	};
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (strlen(others[i]) == m->name_len &&
		    !memcmp(others[i], m->name, m->name_len))
			return true;
	for (i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		if (strlen(settings[i]) == m->name_len &&
		    !memcmp(settings[i], m->name, m->name_len))
			return true;
	return false;
}

/* What is not understood is not passed over: it might have been meant. */
static int check_members(const struct sk_record *r, struct snek_error *e)
{
	uint32_t i;

	for (i = 0; i < r->n; i++)
		if (!is_known(&r->member[i]))
			return sk_fail(e, SNEK_EINVAL, "a query has no member "
			    "\"%.*s\"", (int)(r->member[i].name_len < 100 ?
			    r->member[i].name_len : 100), r->member[i].name);
	return 0;
}

static int map(snek_job *job, const char *function, struct snek_value args,
    struct snek_error *e)
{
	struct sk_buf b = { 0 };
	int rc;

	if (strchr(function, '/'))
		return sk_fail(e, SNEK_EINVAL, "a function's name has no slash; "
		    "plugins are put into the cluster by snek-add-function");
	if (args.type == SNEK_NONE || args.type == SNEK_NULL)
		return snek_job_map(job, function, NULL, e);
	if (args.type != SNEK_OBJECT)
		return sk_fail(e, SNEK_EINVAL, "\"args\" is to be an object");
	rc = sk_json_write(&b, args) && sk_buf_byte(&b, 0) ?
	    snek_job_map(job, function, b.p, e) : sk_enomem(e);
	sk_buf_free(&b);
	return rc;
}

/* Arguments as text, as on a command line: [["name","text"], ...]. */
static int put_arg(snek_job *job, struct snek_value pair, struct snek_error *e)
{
	struct snek_value name, text[2];
	struct snek_cursor at;
	struct sk_buf b = { 0 };
	int n = 0, rc;

	if (pair.type != SNEK_ARRAY || sk_iterate(pair, &at))
		n = 3;
	while (n < 2 && sk_next(&at, &name, &text[n]) == 1)
		n += text[n].type == SNEK_STRING ? 1 : 3;
	if (n != 2)
		return sk_fail(e, SNEK_EINVAL, "\"arg\" is a list of [name, "
		    "text]");
	rc = sk_buf_printf(&b, "%.*s", (int)text[0].len, text[0].as.s) &&
	    sk_buf_byte(&b, 0) && sk_buf_put(&b, text[1].as.s, text[1].len) &&
	    sk_buf_byte(&b, 0) ? 0 : sk_enomem(e);
	if (!rc)
		rc = snek_job_arg(job, b.p, b.p + strlen(b.p) + 1, e);
	sk_buf_free(&b);
	return rc;
}

static int put_args(snek_job *job, struct snek_value list, struct snek_error *e)
{
	struct snek_value name, pair;
	struct snek_cursor at;
	int rc = 0;

	if (list.type == SNEK_NONE)
		return 0;
	if (list.type != SNEK_ARRAY || sk_iterate(list, &at))
		return sk_fail(e, SNEK_EINVAL, "\"arg\" is a list of [name, "
		    "text]");
	while (!rc && sk_next(&at, &name, &pair) == 1)
		rc = put_arg(job, pair, e);
	return rc;
}

static int fill(struct sk_api *a, snek_job *job, const struct sk_record *r,
    const char *function, struct snek_error *e)
{
	char *reduce = NULL;
	size_t i;
	int rc = map(job, function, sk_object_member(r, "args"), e);

	if (!rc)
		rc = put_args(job, sk_object_member(r, "arg"), e);
	if (!rc)
		rc = sk_api_text(r, "reduce", false, &reduce, e);
	if (!rc && reduce)
		rc = snek_job_reduce(job, reduce, e);
	if (!rc && a->on)
		rc = snek_job_set(job, "executor", a->on, e);
	if (!rc)
		rc = snek_job_set(job, "tmp", a->tmp, e);
	for (i = 0; i < sizeof(settings) / sizeof(*settings) && !rc; i++)
		rc = set(job, r, settings[i], e);
	free(reduce);
	return rc;
}

static int describe(struct sk_api *a, snek_cluster *cluster,
    const struct sk_record *r, const char *category, const char *function,
    snek_job **out, struct snek_error *e)
{
	snek_job *job = NULL;
	int rc = snek_job_new(cluster, category, &job, e);

	if (!rc)
		rc = fill(a, job, r, function, e);
	if (rc)
		snek_job_free(job);
	else
		*out = job;
	return rc;
}

/* What is mapped over which; the first member is called otherwise by some. */
static int read_names(const struct sk_record *r, const char *member,
    char **category, char **function, struct snek_error *e)
{
	int rc = sk_api_text(r, member, true, category, e);

	return rc ? rc : sk_api_text(r, "function", true, function, e);
}

int sk_api_describe(struct sk_api *a, snek_cluster *cluster,
    struct sk_span body, snek_job **out, char **name, struct snek_error *e)
{
	const struct sk_api_request as = { .body = body };
	char *category = NULL, *function = NULL;
	sk_json_reader *json;
	struct sk_record r;
	int rc = sk_api_object(&as, &json, &r, e);

	if (!rc)
		rc = check_members(&r, e);
	if (!rc)
		rc = read_names(&r, "category", &category, &function, e);
	if (!rc)
		rc = describe(a, cluster, &r, category, function, out, e);
	sk_json_reader_free(json);
	free(category);
	if (rc || !name)
		free(function);
	else
		*name = function;
	return rc;
}

/* The cluster's handle is the job's while it runs, and goes with it. */
static int start(struct sk_api *a, const struct sk_record *r,
    const char *category, const char *function, struct sk_api_job **out,
    struct snek_error *e)
{
	snek_cluster *cluster = NULL;
	snek_job *job = NULL;
	int rc = sk_api_take(a, &cluster, e);

	if (!rc)
		rc = describe(a, cluster, r, category, function, &job, e);
	if (!rc)
		return sk_api_jobs_start(a, cluster, job, category, function,
		    out, e);
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
		.pages = j->pages };
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
	if (j->state == SK_API_DONE)
		sk_object_number(o, "pages", j->pages);
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

/* Milliseconds to wait; "wait" is in seconds. */
static int wait_of(struct sk_api *a, const struct sk_record *r, unsigned *ms,
    struct snek_error *e)
{
	struct snek_value v = sk_object_member(r, "wait");
	double s = v.type == SNEK_INT ? (double)v.as.i : v.type == SNEK_DOUBLE ?
	    v.as.d : -1;

	*ms = a->o.wait_ms;
	if (v.type == SNEK_NONE)
		return 0;
	if (s < 0)
		return sk_fail(e, SNEK_EINVAL, "\"wait\" is a number of seconds");
	if (s * 1000 < a->o.wait_ms)
		*ms = (unsigned)(s * 1000);
	return 0;
}

int sk_api_wait_of(struct sk_api *a, struct sk_span body, unsigned *ms,
    struct snek_error *e)
{
	const struct sk_api_request as = { .body = body };
	sk_json_reader *json;
	struct sk_record r;
	int rc = sk_api_object(&as, &json, &r, e);

	if (!rc)
		rc = wait_of(a, &r, ms, e);
	sk_json_reader_free(json);
	return rc;
}

static int failed(struct sk_api_job *j, struct snek_error *e)
{
	*e = j->error;
	return j->error.code;
}

void sk_api_query(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct sk_api_job *j = NULL;
	sk_json_reader *json;
	struct sk_record r;
	char *category = NULL, *function = NULL;
	enum sk_api_state state = SK_API_RUNNING;
	unsigned ms = 0;
	int rc = sk_api_object(c->request, &json, &r, &e);

	if (!rc)
		rc = check_members(&r, &e);
	if (!rc)
		rc = read_names(&r, "category", &category, &function, &e);
	if (!rc)
		rc = wait_of(c->api, &r, &ms, &e);
	if (!rc)
		rc = start(c->api, &r, category, function, &j, &e);
	sk_json_reader_free(json);
	free(category);
	free(function);
	if (!rc)
		state = sk_api_jobs_wait(j, ms);
	if (!rc && state == SK_API_RUNNING)
		answer_job(c, j, 202);
	else if (!rc)
		rc = state == SK_API_DONE ? put_page(c, j, 1, &e) : failed(j, &e);
	/* What was answered whole is not asked about again. */
	if (j && state != SK_API_RUNNING && (rc || j->pages == 1))
		sk_api_jobs_drop(j);
	sk_api_jobs_release(j);
	if (rc == SNEK_EAGAIN && !j)
		sk_api_fail_as(c->out, 429, rc, e.text, NULL);
	else
		sk_api_end(c, rc, &e);
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
	uint64_t s;
	int rc = sk_api_number(c->request, "page", 1, page, e);

	if (!rc)
		rc = sk_api_number(c->request, "wait", 0, &s, e);
	if (!rc)
		*ms = s < c->api->o.wait_ms / 1000 ? (unsigned)s * 1000 :
		    c->api->o.wait_ms;
	return rc;
}

void sk_api_job_results(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct sk_api_job *j = sk_api_jobs_hold(c->api, c->name[0], &e);
	uint64_t n = 1;
	unsigned ms = 0;
	int rc = j ? sk_api_page_asked(c, &n, &ms, &e) : e.code;

	if (!rc && sk_api_jobs_wait(j, ms) == SK_API_RUNNING) {
		answer_job(c, j, 202);
		sk_api_jobs_release(j);
		return;
	}
	if (!rc && j->state == SK_API_FAILED)
		rc = failed(j, &e);
	if (!rc)
		rc = put_page(c, j, n, &e);
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
	sk_json_reader *json;
	struct sk_record r;
	char *category = NULL, *function = NULL;
	enum sk_api_state state;
	int rc = sk_api_object(c->request, &json, &r, &e);

	if (!rc)
		rc = read_names(&r, "name", &category, &function, &e);
	if (!rc)
		rc = start(c->api, &r, category, function, &j, &e);
	sk_json_reader_free(json);
	free(category);
	free(function);
	if (!rc) {
		state = sk_api_jobs_wait(j, c->api->o.wait_ms);
		rc = state == SK_API_DONE ? sk_api_put_old(c, j->pages,
		    get_page, j, &e) : state == SK_API_FAILED ? failed(j, &e) :
		    sk_api_old_late(&e);
		sk_api_jobs_drop(j);
	}
	sk_api_jobs_release(j);
	sk_api_end(c, rc, &e);
}
