/* SPDX-License-Identifier: MIT */
#include "api/asked.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/parts.h"
#include "job/job.h"
#include "value/pack.h"

/* ---- from a query's object to a job ---- */

/* Members that are a job's settings, by the same name. */
static const char *const settings[] = {
	"order", "limit", "timeout", "partitions", "workers", "attempts",
	"keep-going", "skip-bad", "memory", "batch", "call-timeout",
};

/* What is a string elsewhere ends at its first NUL. */
static int check_text(struct snek_value v, const char *name,
    struct snek_error *e)
{
	return v.type == SNEK_STRING && memchr(v.as.s, 0, v.len) ? sk_fail(e,
	    SNEK_EINVAL, "\"%s\": there is a NUL in it", name) : 0;
}

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
	rc = check_text(v, name, e);
	if (rc)
		return rc;
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

static bool is_named(const struct sk_member *m, const char *name)
{
	return strlen(name) == m->name_len && !memcmp(name, m->name, m->name_len);
}

/* category: what the first one is called. */
static bool is_known(const struct sk_member *m, const char *category)
{
	static const char *const others[] = {
		"function", "args", "arg", "reduce", "wait",
		"side", "into", "request_id", "durability",
	};
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (is_named(m, others[i]))
			return true;
	for (i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		if (is_named(m, settings[i]))
			return true;
	return is_named(m, category);
}

/* What is not understood is not passed over: it might have been meant. */
static int check_members(const struct sk_record *r, const char *category,
    struct snek_error *e)
{
	uint32_t i;

	for (i = 0; i < r->n; i++)
		if (!is_known(&r->member[i], category))
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
	rc = check_text(text[0], "arg", e);
	if (!rc)
		rc = check_text(text[1], "arg", e);
	if (rc)
		return rc;
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

/* ---- side inputs: {"NAME":"CATEGORY", "NAME":[RECORD, ...]} ---- */

/* A name with a slash would be a file of this machine. */
static int put_category(snek_job *job, const char *name, struct snek_value v,
    struct snek_error *e)
{
	char from[132];
	int rc;

	snprintf(from, sizeof(from), "%.*s", (int)v.len, v.as.s);
	if (strlen(from) != v.len)
		return sk_fail(e, SNEK_EINVAL, "side input %s: that is no "
		    "category", name);
	rc = sk_name_check("category", from, e);
	return rc ? rc : snek_job_side(job, name, from, e);
}

static int put_side(snek_job *job, struct snek_value name, struct snek_value v,
    struct snek_error *e)
{
	struct sk_buf b = { 0 };
	char text[68];
	int rc = check_text(name, "side", e);

	if (rc)
		return rc;
	snprintf(text, sizeof(text), "%.*s", (int)name.len, name.as.s);
	if (v.type == SNEK_STRING)
		return put_category(job, text, v, e);
	if (v.type != SNEK_ARRAY)
		return sk_fail(e, SNEK_EINVAL, "side input %s: give a category, "
		    "or a list of records", text);
	rc = sk_json_write(&b, v) ? sk_job_side_add_text(job, text,
	    (struct sk_span){ b.p, b.n }, e) : sk_enomem(e);
	sk_buf_free(&b);
	return rc;
}

static int put_sides(snek_job *job, struct snek_value all, struct snek_error *e)
{
	struct snek_value name, v;
	struct snek_cursor at;
	int rc = 0;

	if (all.type == SNEK_NONE || all.type == SNEK_NULL)
		return 0;
	if (all.type != SNEK_OBJECT || sk_iterate(all, &at))
		return sk_fail(e, SNEK_EINVAL, "\"side\" is to be an object");
	while (!rc && sk_next(&at, &name, &v) == 1)
		rc = put_side(job, name, v, e);
	return rc;
}

/* ---- all of it ---- */

static int fill(struct sk_api *a, snek_job *job, const struct sk_record *r,
    const char *function, struct snek_error *e)
{
	char *reduce = NULL;
	size_t i;
	int rc = map(job, function, sk_object_member(r, "args"), e);

	if (!rc)
		rc = put_args(job, sk_object_member(r, "arg"), e);
	if (!rc)
		rc = put_sides(job, sk_object_member(r, "side"), e);
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

int sk_asked_job(struct sk_api *a, snek_cluster *cluster,
    const struct sk_api_asked *q, snek_job **out, struct snek_error *e)
{
	snek_job *job = NULL;
	int rc = snek_job_new(cluster, q->category, &job, e);

	if (!rc)
		rc = fill(a, job, &q->said, q->function, e);
	if (rc)
		snek_job_free(job);
	else
		*out = job;
	return rc;
}

/* ---- the object ---- */

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

/* What is mapped over which; the first member is called otherwise by some. */
static int read_names(struct sk_api_asked *q, const char *member,
    struct snek_error *e)
{
	int rc = sk_api_text(&q->said, member, true, &q->category, e);

	return rc ? rc : sk_api_text(&q->said, "function", true, &q->function, e);
}

static int open_body(struct sk_span body, struct sk_api_asked *q,
    struct snek_error *e)
{
	const struct sk_api_request as = { .body = body };

	memset(q, 0, sizeof(*q));
	return sk_api_object(&as, &q->json, &q->said, e);
}

int sk_asked_read(struct sk_api *a, struct sk_span body,
    struct sk_api_asked *q, struct snek_error *e)
{
	int rc = open_body(body, q, e);

	if (!rc)
		rc = check_members(&q->said, "category", e);
	if (!rc)
		rc = read_names(q, "category", e);
	if (!rc)
		rc = sk_into_read(&q->said, &q->into, e);
	return rc ? rc : wait_of(a, &q->said, &q->ms, e);
}

/* Its answer is a list of results, and nothing beside. */
static int check_old(const struct sk_record *r, struct snek_error *e)
{
	static const char *const others[] = {
		"keep-going", "into", "request_id", "durability",
	};
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (sk_object_member(r, others[i]).type != SNEK_NONE)
			return sk_fail(e, SNEK_EINVAL, "this call has no word "
			    "for what came of \"%s\": ask /v1/query",
			    others[i]);
	return 0;
}

int sk_asked_read_old(struct sk_api *a, struct sk_span body,
    struct sk_api_asked *q, struct snek_error *e)
{
	int rc = open_body(body, q, e);

	q->ms = a->o.wait_ms;
	if (!rc)
		rc = check_members(&q->said, "name", e);
	if (!rc)
		rc = check_old(&q->said, e);
	if (!rc)
		rc = read_names(q, "name", e);
	return rc ? rc : wait_of(a, &q->said, &q->ms, e);
}

int sk_asked_from_old(struct sk_api *a, struct sk_span body,
    struct sk_buf *out, struct snek_error *e)
{
	struct sk_object o = { out, false, false };
	struct sk_api_asked q;
	const struct sk_member *m;
	char name[32];                  /* one that is known */
	uint32_t i;
	int rc = sk_asked_read_old(a, body, &q, e);

	sk_object_open(&o, NULL, '{');
	for (i = 0; i < q.said.n && !rc; i++) {
		m = &q.said.member[i];
		snprintf(name, sizeof(name), "%.*s", (int)m->name_len, m->name);
		sk_object_any(&o, is_named(m, "name") ? "category" : name,
		    m->value);
	}
	sk_object_close(&o, '}');
	sk_asked_free(&q);
	return rc ? rc : o.nomem ? sk_enomem(e) : 0;
}

void sk_asked_free(struct sk_api_asked *q)
{
	sk_json_reader_free(q->json);
	free(q->category);
	free(q->function);
}
