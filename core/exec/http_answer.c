/* SPDX-License-Identifier: MIT */
/* http_answer.c - what an endpoint answered, which may be anything. */
#include "exec/http_parts.h"
#include "value/pack.h"

static const char *const kinds[] = {
	[SNEK_NONE] = "nothing", [SNEK_NULL] = "null", [SNEK_BOOL] = "a bool",
	[SNEK_INT] = "a number", [SNEK_UINT] = "a number",
	[SNEK_DOUBLE] = "a number", [SNEK_STRING] = "a string",
	[SNEK_ARRAY] = "a list", [SNEK_OBJECT] = "an object",
};

static const char *kind_of(struct snek_value v)
{
	return v.type < sizeof(kinds) / sizeof(*kinds) && kinds[v.type]
	    ? kinds[v.type] : "a value";
}

/* A gateway's answer says its status once more, and it counts. */
static int judge(struct sk_away_item *it, struct snek_value status)
{
	if (status.type == SNEK_NONE || status.type == SNEK_NULL)
		return 0;
	if (status.type != SNEK_INT || status.as.i < 100 || status.as.i > 599)
		return !sk_away_fail(it, SNEK_EFORMAT, "the answer's "
		    "statusCode is no status");
	if (status.as.i >= 200 && status.as.i < 300)
		return 0;
	it->reply.status = (uint32_t)status.as.i;
	sk_away_refused(it, "the endpoint does not know it",
	    "the endpoint does not allow it");
	return 1;
}

static void members(struct snek_value object, struct snek_value *status,
    struct snek_value *body)
{
	struct snek_value name, v;
	struct snek_cursor at;

	if (sk_iterate(object, &at))
		return;
	while (sk_next(&at, &name, &v) == 1) {
		if (name.len == 4 && !memcmp(name.as.s, "body", 4))
			*body = v;
		else if (name.len == 10 && !memcmp(name.as.s, "statusCode", 10))
			*status = v;
	}
}

static int read_value(struct sk_away_item *it, struct sk_span text,
    struct snek_value *out)
{
	struct sk_http *x = (struct sk_http *)it->x;
	struct snek_error why = { 0 };
	int rc = sk_json_value(x->json, text.p, text.n, out, &why);

	return rc ? !sk_away_fail(it, rc, "the answer is no JSON: %s",
	    why.text) : 0;
}

/* The list as text, within the object's; the reader reads it next. */
static int read_body(struct sk_away_item *it, struct snek_value *v)
{
	struct sk_buf text = { 0 };
	int rc;

	if (v->type != SNEK_STRING)
		return 0;
	if (!sk_buf_put(&text, v->as.s, v->len))
		return !sk_away_fail(it, SNEK_ENOMEM, "out of memory");
	rc = read_value(it, (struct sk_span){ text.p, text.n }, v);
	sk_buf_free(&text);
	return rc;
}

int sk_http_list(struct sk_away_item *it, struct snek_value *list)
{
	const struct sk_buf *b = &it->reply.body;
	struct snek_value v, status = sk_none(), body = sk_none();
	int rc = read_value(it, (struct sk_span){ b->p, b->n }, &v);

	if (!rc && v.type == SNEK_OBJECT) {
		members(v, &status, &body);
		rc = judge(it, status);
		v = body;
		if (!rc)
			rc = read_body(it, &v);
	}
	if (rc)
		return rc;
	if (v.type != SNEK_ARRAY)
		return !sk_away_fail(it, SNEK_EFORMAT, "the answer is %s and "
		    "not a list (nor an object whose body is one)", kind_of(v));
	*list = v;
	return 0;
}

/* ---- emitting ---- */

static int count(struct snek_value list, uint32_t *n)
{
	struct snek_value name, v;
	struct snek_cursor at;
	int rc = sk_iterate(list, &at);

	for (*n = 0; !rc && (rc = sk_next(&at, &name, &v)) == 1; rc = 0)
		++*n;
	return rc;
}

int sk_http_emit(struct sk_http_task *t, struct snek_value list,
    struct snek_error *e)
{
	struct snek_value name, v;
	struct snek_cursor at;
	uint32_t n, i;
	int rc = count(list, &n);

	if (rc || sk_iterate(list, &at))
		return sk_fail(e, SNEK_EINTERNAL, "a list that cannot be read");
	for (i = 0; i < n && !rc && sk_next(&at, &name, &v) == 1; i++) {
		if (!i || n == t->n)
			sk_sink_at(t->sink, t->place[i]);
		rc = sk_sink_emit(t->sink, sk_null(), v, e);
	}
	return rc;
}
