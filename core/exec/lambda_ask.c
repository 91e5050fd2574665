/* SPDX-License-Identifier: MIT */
/* lambda_ask.c - an op asked what it says of itself by its own Lambda, where its
 * plugin is not loaded. */
#include <stdio.h>

#include "exec/event.h"
#include "exec/lambda.h"

#define PATIENCE_MS 60000       /* with one that starts cold in a network */

static int call(const struct sk_exec_lambda *o, struct sk_span event,
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

static int judge(const struct sk_exec_lambda *o, const char *op,
    const struct sk_answer_got *a, struct sk_opened *out, struct snek_error *e)
{
	struct sk_get r = { a->message.body.p, a->message.body.n, false };
	int rc;

	switch (a->kind) {
	case SK_ANSWER_DONE:
		rc = sk_get_error(&r, e);
		return rc ? rc : sk_opened_get(&r, op, out, e);
	case SK_ANSWER_DIED:
		return sk_worker_say_death(&a->death, op, "", e);
	case SK_ANSWER_REFUSED:
		return sk_fail(e, a->error.code, "%s", a->error.text);
	default:
		return sk_fail(e, SNEK_EPLUGIN, "Lambda %s, asked about %s, "
		    "answered: %s %.300s", o->name, op, a->type, a->said);
	}
}

static int hear(const struct sk_exec_lambda *o, const char *op,
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
		rc = judge(o, op, &a, out, e);
		sk_answer_got_free(&a);
	}
	sk_json_reader_free(json);
	return rc;
}

int sk_lambda_ask(const struct sk_exec_job *job, const struct sk_exec_lambda *o,
    struct sk_opened *out, struct snek_error *e)
{
	struct sk_aws_reply r = { 0 };
	struct sk_buf event = { 0 };
	int rc = sk_event_put_open(job, o->job, o->plugin_sha256, PATIENCE_MS,
	    &event, e);

	if (!rc)
		rc = call(o, (struct sk_span){ event.p, event.n }, &r, e);
	if (!rc)
		rc = hear(o, job->op->op.name, &r, out, e);
	sk_aws_reply_free(&r);
	sk_buf_free(&event);
	return rc;
}
