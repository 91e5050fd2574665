/* SPDX-License-Identifier: MIT */
/* lambda_ask.c - an op asked what it says of itself by its own Lambda, where its
 * plugin is not loaded. */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "exec/event.h"
#include "exec/lambda.h"

#define PATIENCE_MS 60000       /* with one that starts cold in a network */
#define PAUSE_MS 1000           /* while it is not ready */
#define LOOK_MS 100             /* whether it was cancelled */

struct question {
	const struct sk_exec_lambda *o;
	struct sk_told *told;           /* NULL: nobody remembers */
	char question[65];
};

/* All that decides the answer, and not which job asks. */
static int name(const struct sk_exec_job *job, struct question *q,
    struct snek_error *e)
{
	static const char nobody[] = "00000000000000000000000000000000";
	struct sk_buf b = { 0 };
	int rc = sk_event_put_open(job, nobody, q->o->plugin_sha256,
	    PATIENCE_MS, &b, e);

	if (!rc && !sk_buf_printf(&b, "%s", q->o->arn))
		rc = sk_enomem(e);
	if (!rc)
		sk_sha256_hex(b.p, b.n, q->question);
	sk_buf_free(&b);
	return rc;
}

static bool is_known(const struct question *q, const char *op,
    struct sk_opened *out)
{
	struct sk_buf b = { 0 };
	struct sk_get r;
	bool known = q->told && sk_told_get(q->told, q->question, &b);

	r = (struct sk_get){ b.p, b.n, false };
	known = known && !sk_opened_get(&r, op, out, NULL);
	sk_buf_free(&b);
	return known;
}

static bool is_cancelled(const struct sk_exec_lambda *o)
{
	return o->cancelled && __atomic_load_n(o->cancelled, __ATOMIC_SEQ_CST);
}

/* False: nobody waits any more. */
static bool pause_for(const struct sk_exec_lambda *o, int64_t until)
{
	const struct timespec look = { 0, LOOK_MS * 1000000L };
	int64_t next = sk_clock_ms() + PAUSE_MS;

	while (sk_clock_ms() < next && next < until && !is_cancelled(o))
		nanosleep(&look, NULL);
	return next < until && !is_cancelled(o);
}

static int call_once(const struct sk_exec_lambda *o, struct sk_span event,
    struct sk_aws_reply *r, struct snek_error *e)
{
	static const struct sk_aws_header header = { "Content-Type",
		"application/json" };
	char path[1024];
	const struct sk_aws_request q = { .service = "lambda",
		.action = "Invoke", .method = "POST", .path = path,
		.header = &header, .headers = 1, .body = event,
		.max_reply = SK_ANSWER_MAX + 1, .timeout_ms = PATIENCE_MS };

	if (!sk_lambda_path(o->arn, path, sizeof(path)))
		return sk_fail(e, SNEK_EINVAL, "%s: no ARN is so long", o->arn);
	return o->aws->call(o->caller, &q, r, e);
}

static int failed(const struct sk_exec_lambda *o, const struct sk_aws_reply *r,
    int rc, const struct snek_error *why, struct snek_error *e)
{
	const struct sk_lambda_refused *refused = sk_lambda_refused(r);

	if (is_cancelled(o))
		return sk_fail(e, SNEK_ECANCELED, "cancelled");
	if (!refused || !refused->code)
		return sk_fail(e, rc, "%s", why->text);
	return sk_fail_in(e, sk_lambda_say_refused(refused, r, e), "Lambda %s",
	    o->name);
}

/* One that slept for weeks is woken by the first call, which is refused. */
static int call(const struct sk_exec_job *job, const struct sk_exec_lambda *o,
    struct sk_span event, struct sk_aws_reply *r, struct snek_error *e)
{
	int64_t until = sk_clock_ms() + SK_LAMBDA_READY_MS;
	struct snek_error why = { 0 };
	int rc;

	if (job->deadline_ms && job->deadline_ms < until)
		until = job->deadline_ms;
	for (;;) {
		rc = call_once(o, event, r, &why);
		if (!rc || !sk_lambda_is_waited_for(r) || !pause_for(o, until))
			break;
		sk_aws_reply_free(r);
		memset(r, 0, sizeof(*r));
	}
	return rc ? failed(o, r, rc, &why, e) : 0;
}

static int judge(const struct question *q, const char *op,
    const struct sk_answer_got *a, struct sk_opened *out, struct snek_error *e)
{
	struct sk_get r = { a->message.body.p, a->message.body.n, false };
	struct sk_span answer;
	int rc;

	switch (a->kind) {
	case SK_ANSWER_DONE:
		rc = sk_get_error(&r, e);
		answer = (struct sk_span){ r.p, r.n };
		rc = rc ? rc : sk_opened_get(&r, op, out, e);
		if (!rc && q->told)
			sk_told_put(q->told, q->question, answer);
		return rc;
	case SK_ANSWER_DIED:
		return sk_worker_say_death(&a->death, op, "", e);
	case SK_ANSWER_REFUSED:
		return sk_fail(e, a->error.code, "%s", a->error.text);
	default:
		return sk_fail(e, SNEK_EPLUGIN, "Lambda %s, asked about %s, "
		    "answered: %s %.300s", q->o->name, op, a->type, a->said);
	}
}

static int hear(const struct question *q, const char *op,
    const struct sk_aws_reply *r, struct sk_opened *out, struct snek_error *e)
{
	struct sk_answer_got a;
	sk_json_reader *json;
	int rc = sk_json_reader_new(NULL, &json);

	if (rc)
		return sk_enomem(e);
	rc = sk_answer_get(json, (struct sk_span){ r->body.p, r->body.n }, &a,
	    e);
	if (!rc) {
		rc = judge(q, op, &a, out, e);
		sk_answer_got_free(&a);
	}
	sk_json_reader_free(json);
	return rc;
}

static int ask(const struct sk_exec_job *job, const struct question *q,
    struct sk_opened *out, struct snek_error *e)
{
	const struct sk_exec_lambda *o = q->o;
	struct sk_aws_reply r = { 0 };
	struct sk_buf event = { 0 };
	int rc = sk_event_put_open(job, o->job, o->plugin_sha256, PATIENCE_MS,
	    &event, e);

	if (!rc)
		rc = call(job, o, (struct sk_span){ event.p, event.n }, &r, e);
	if (!rc)
		rc = hear(q, job->op->op.name, &r, out, e);
	sk_aws_reply_free(&r);
	sk_buf_free(&event);
	return rc;
}

int sk_lambda_ask(const struct sk_exec_job *job, const struct sk_exec_lambda *o,
    struct sk_told *told, struct sk_opened *out, struct snek_error *e)
{
	struct question q = { .o = o, .told = told };
	int rc = told ? name(job, &q, e) : 0;

	if (rc || is_known(&q, job->op->op.name, out))
		return rc;
	return ask(job, &q, out, e);
}
