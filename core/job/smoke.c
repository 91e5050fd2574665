/* SPDX-License-Identifier: MIT */
#include "job/smoke.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base64.h"
#include "base/clock.h"
#include "exec/event.h"
#include "exec/lambda.h"
#include "exec/worker.h"

enum { TIMEOUT_MS = 120000, PATIENCE_MS = 60000, PAUSE_MS = 500,
	LOG_LINES = 12 };

__attribute__((format(printf, 2, 3)))
static void say(const struct sk_smoke *s, const char *fmt, ...)
{
	char text[1200];
	va_list ap;

	if (!s->said)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sk_wire_tame(text, false);
	s->said(s->said_arg, text);
}

/* ---- its log ---- */

static const char *last_lines(const struct sk_buf *b, int lines)
{
	const char *end = b->p + b->n, *p;

	for (p = end; p > b->p; p--)
		if (p[-1] == '\n' && p != end && !--lines)
			break;
	return p;
}

/* What a function that failed printed at the end, where AWS gives it. */
static void say_log(const struct sk_smoke *s, const struct sk_aws_reply *r)
{
	const char *text = sk_aws_reply_header(r, "x-amz-log-result"), *p, *nl;
	struct sk_buf b = { 0 };

	if (text && !sk_base64_get(&b, text, strlen(text)) && b.n) {
		for (p = last_lines(&b, LOG_LINES); p < b.p + b.n; p = nl + 1) {
			nl = memchr(p, '\n', (size_t)(b.p + b.n - p));
			nl = nl ? nl : b.p + b.n;
			if (nl > p)
				say(s, "log: %.*s", (int)(nl - p), p);
		}
	}
	sk_buf_free(&b);
}

/* ---- what it answered ---- */

static int died(const struct sk_smoke *s, const struct sk_wire_death *d,
    struct snek_error *e)
{
	int rc = sk_worker_say_death(d, s->record->plugin, "", e);

	return sk_fail_in(e, rc == SNEK_EAGAIN ? SNEK_EPLUGIN : rc,
	    "tried as lambda function %s", s->name);
}

static int foreign(const struct sk_smoke *s, const struct sk_answer_got *a,
    struct snek_error *e)
{
	return sk_fail(e, SNEK_EPLUGIN, "lambda function %s does not work: "
	    "%s%s%.300s; snek lint names what is missing there", s->name,
	    a->type, *a->type && *a->said ? ": " : "", a->said);
}

static void say_works(const struct sk_smoke *s, const struct sk_answer_got *a)
{
	const char *p = a->said;
	size_t n;
	int i;

	say(s, "it works: tried %s with %llu records", a->ops,
	    (unsigned long long)a->records);
	for (i = 0; i < 3 && *p; i++) {
		n = strcspn(p, "\n");
		say(s, "of one it said: %.*s", (int)n, p);
		p += n + (p[n] == '\n');
	}
}

static int judge(const struct sk_smoke *s, const struct sk_answer_got *a,
    struct snek_error *e)
{
	switch (a->kind) {
	case SK_ANSWER_SMOKE:
		say_works(s, a);
		return !s->about || sk_buf_put(s->about, a->about.p,
		    a->about.n) ? 0 : sk_enomem(e);
	case SK_ANSWER_DIED:
		return died(s, &a->death, e);
	case SK_ANSWER_REFUSED:
		if (e)
			*e = a->error;
		return sk_fail_in(e, a->error.code, "tried as lambda function "
		    "%s", s->name);
	case SK_ANSWER_FOREIGN:
		return foreign(s, a, e);
	default:
		return sk_fail(e, SNEK_EFORMAT, "lambda function %s gave an "
		    "answer to another question", s->name);
	}
}

/* An endpoint that runs no functions has answered by itself. */
static int unknown(const struct sk_smoke *s, const struct sk_aws_reply *r,
    const struct snek_error *why, struct snek_error *e)
{
	char text[200];

	snprintf(text, sizeof(text), "%.*s", r->body.n < sizeof(text) ?
	    (int)r->body.n : (int)sizeof(text) - 1, r->body.n ? r->body.p : "");
	sk_wire_tame(text, false);
	return sk_fail(e, SNEK_EFORMAT, "lambda function %s answers what no "
	    "worker of snek's does: \"%s\" (%s); does this endpoint run "
	    "functions?", s->name, text, why->text);
}

static int read_answer(const struct sk_smoke *s, const struct sk_aws_reply *r,
    struct snek_error *e)
{
	struct snek_error why = { 0 };
	struct sk_answer_got a;
	sk_json_reader *json;
	int rc = sk_json_reader_new(NULL, &json);

	if (rc)
		return sk_enomem(e);
	rc = sk_answer_get(json, (struct sk_span){ r->body.p, r->body.n }, &a,
	    &why);
	if (rc)
		rc = rc == SNEK_ENOMEM ? sk_enomem(e) : unknown(s, r, &why, e);
	if (!rc) {
		rc = judge(s, &a, e);
		sk_answer_got_free(&a);
	}
	sk_json_reader_free(json);
	return rc;
}

/* ---- the invocation ---- */

/* A function that was just changed, or slept, may need some time. */
static int invoke(const struct sk_smoke *s, struct sk_span event,
    struct sk_aws_reply *r, struct snek_error *e)
{
	static const struct sk_aws_header header[] = {
		{ "Content-Type", "application/json" },
		{ "X-Amz-Invocation-Type", "RequestResponse" },
		{ "X-Amz-Log-Type", "Tail" },
	};
	const struct timespec pause = { 0, PAUSE_MS * 1000000L };
	int64_t until = sk_clock_ms() + PATIENCE_MS;
	char path[1024];
	const struct sk_aws_request q = { .service = "lambda",
		.action = "Invoke", .method = "POST", .path = path,
		.header = header, .headers = 3, .body = event,
		.timeout_ms = TIMEOUT_MS };
	struct snek_error why = { 0 };
	int rc;

	if (!sk_lambda_path(s->arn ? s->arn : s->name, path, sizeof(path)))
		return sk_fail(e, SNEK_EINVAL, "%s: no ARN is so long", s->arn);
	for (;;) {
		rc = s->ops->call(s->aws, &q, r, &why);
		if ((rc != SNEK_EAGAIN && rc != SNEK_ECONFLICT) || !r->status ||
		    sk_clock_ms() >= until)
			break;
		sk_aws_reply_free(r);
		nanosleep(&pause, NULL);
	}
	if (rc && e)
		*e = why;
	return rc;
}

/* The record's C function, if it is one. */
static const struct sk_call *call_of(const struct sk_smoke *s,
    struct sk_call *c)
{
	const struct sk_meta_function *m = s->record;

	if (m->kind != SK_FUNCTION_CALL)
		return NULL;
	*c = (struct sk_call){ m->lib, m->op, m->signature,
		*m->fields ? m->fields : NULL };
	return c;
}

int sk_smoke_run(const struct sk_smoke *s, struct snek_error *e)
{
	struct sk_aws_reply r = { 0 };
	struct sk_buf event = { 0 };
	struct sk_call call;
	int rc = sk_event_put_smoke(s->sha256, call_of(s, &call), &event, e);

	if (!rc)
		rc = invoke(s, (struct sk_span){ event.p, event.n }, &r, e);
	if (!rc)
		rc = read_answer(s, &r, e);
	if (rc)
		say_log(s, &r);
	sk_aws_reply_free(&r);
	sk_buf_free(&event);
	return rc;
}
