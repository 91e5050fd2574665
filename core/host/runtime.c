/* SPDX-License-Identifier: MIT */
/*
 * runtime.c - the Runtime API of an environment, each on a port of its own:
 *
 *   GET  /2018-06-01/runtime/invocation/next
 *   POST /2018-06-01/runtime/invocation/ID/response
 *   POST /2018-06-01/runtime/invocation/ID/error
 *   POST /2018-06-01/runtime/init/error
 */
#include "host/invoke.h"
#include "base/base64.h"
#include "base/clock.h"

#include <stdio.h>
#include <strings.h>

#include "host/answer.h"
#include "host/uri.h"

enum { CHUNKED_ABOVE = 2048 };          /* bytes of an event */

static size_t limit(void *arg, struct sk_request *r)
{
	(void)arg;
	return strcmp(r->method, "POST") == 0 ? SK_HOST_RESPONSE : 0;
}

static void answer(struct sk_request *r, unsigned status, const char *type,
    const char *text)
{
	struct sk_reply p = { .status = status };
	bool ok = sk_buf_byte(&p.body, '{');

	if (type)
		ok = ok && sk_put_member(&p.body, "errorMessage", text) &&
		    sk_put_member(&p.body, "errorType", type);
	else
		ok = ok && sk_put_member(&p.body, "status", text);
	if (!ok || !sk_buf_byte(&p.body, '}')) {
		sk_buf_free(&p.body);
		sk_request_drop(r);
		return;
	}
	sk_reply_header(&p, "Content-Type", "application/json");
	sk_request_reply(r, &p);
}

/* ---- next ---- */

static bool take_event(struct sk_invocation *i, struct sk_buf *to)
{
	struct sk_payload *p = i->payload;

	if (p->refs > 1 || i->event)
		return sk_buf_put(to, p->bytes.p, p->bytes.n);
	*to = p->bytes;
	memset(&p->bytes, 0, sizeof(p->bytes));
	return true;
}

void sk_runtime_deliver(struct sk_environment *v)
{
	struct sk_invocation *i = v->invocation;
	struct sk_request *r = v->asking;
	struct sk_reply p = { .status = 200 };
	char deadline[24], arn[256];

	v->asking = NULL;
	if (!take_event(i, &p.body)) {
		sk_request_drop(r);
		sk_environment_kill(v, "ServiceException", "out of memory");
		return;
	}
	sk_invocation_begun(i);
	snprintf(deadline, sizeof(deadline), "%lld", (long long)i->deadline_ms);
	sk_invocation_arn(i, arn, sizeof(arn));
	p.chunked = p.body.n > CHUNKED_ABOVE;
	sk_reply_header(&p, "Content-Type", "application/json");
	sk_reply_header(&p, "Lambda-Runtime-Aws-Request-Id", i->id);
	sk_reply_header(&p, "Lambda-Runtime-Deadline-Ms", deadline);
	sk_reply_header(&p, "Lambda-Runtime-Invoked-Function-Arn", arn);
	sk_reply_header(&p, "Lambda-Runtime-Trace-Id", i->trace);
	if (i->context)
		sk_reply_header(&p, "Lambda-Runtime-Client-Context", i->context);
	if (v->host->o.freeze)
		sk_spawn_freeze(v->control.fd, false);
	sk_request_reply(r, &p);
}

static void begin_first(struct sk_environment *v)
{
	v->initialised = true;
	v->ready_us = sk_clock_us();
	sk_loop_unset(v->host->loop, &v->timer);
	if (v->invocation)
		sk_environment_give(v, v->invocation);
	else
		sk_environment_done(v);
}

static void on_next(struct sk_environment *v, struct sk_request *r)
{
	if (v->state == SK_BUSY && v->invocation->given_us) {
		answer(r, 403, "InvalidStateTransition",
		    "Transition from Running to Ready is not allowed");
		return;
	}
	if (v->asking)          /* of a connection that it gave up */
		sk_request_drop(v->asking);
	v->asking = r;
	if (v->state == SK_STARTING)
		begin_first(v);
	else if (v->state == SK_BUSY)
		sk_runtime_deliver(v);
	else if (v->host->o.freeze)
		sk_spawn_freeze(v->control.fd, true);
}

/* ---- answers ---- */

/* False: it may not answer that now, and has been told. */
static bool may_answer(struct sk_environment *v, struct sk_request *r,
    const char *id)
{
	if (v->state == SK_BUSY && v->invocation->given_us &&
	    strcmp(v->invocation->id, id) == 0)
		return true;
	if (strcmp(v->last_id, id) == 0)
		answer(r, 403, "InvalidStateTransition",
		    "Transition from Ready to Responding is not allowed");
	else
		answer(r, 400, "InvalidRequestID", "Invalid request ID");
	return false;
}

/* "Handled" is what the runtime may call an error of the function's own. */
static const char *error_kind(const struct sk_request *r)
{
	const char *type = sk_request_header(r,
	    "Lambda-Runtime-Function-Error-Type");

	return type && strcasecmp(type, "Handled") == 0 ? "Handled" : "Unhandled";
}

/* A response that was streamed may end in an error, told behind it; the body
 * is then what is said of that. */
static const char *late_error(const struct sk_request *r, struct sk_buf *body)
{
	const char *type = sk_request_trailer(r,
	    "Lambda-Runtime-Function-Error-Type");
	const char *text = sk_request_trailer(r,
	    "Lambda-Runtime-Function-Error-Body");

	if (!type)
		return NULL;
	body->n = 0;
	if (text && sk_base64_get(body, text, strlen(text)))
		body->n = 0;
	return "Unhandled";
}

static void on_answer(struct sk_environment *v, struct sk_request *r,
    const char *id, const char *error)
{
	struct sk_invocation *i = v->invocation;
	bool large = r->too_large;
	const char *late;
	struct sk_buf body;

	if (!may_answer(v, r, id))
		return;
	body = r->body;
	memset(&r->body, 0, sizeof(r->body));
	late = late_error(r, &body);
	memcpy(v->last_id, i->id, sizeof(v->last_id));
	if (large)
		answer(r, 413, "RequestEntityTooLarge", "Exceeded maximum "
		    "allowed payload size (6291556 bytes).");
	else
		answer(r, 202, NULL, "OK");
	sk_environment_drain(v);
	if (i->fate.kill) {             /* it was to be killed midway */
		sk_buf_free(&body);
		sk_environment_kill(v, "Runtime.ExitError",
		    "Runtime exited with error: signal: killed");
		return;
	}
	v->invocation = NULL;
	if (large)
		sk_invocation_failed(i, "Function.ResponseSizeTooLarge",
		    "Response payload size exceeded maximum allowed payload "
		    "size (6291556 bytes).");
	else
		sk_invocation_ended(i, &body, error ? error : late);
	sk_environment_done(v);
}

static void on_init_error(struct sk_environment *v, struct sk_request *r)
{
	struct sk_invocation *i = v->invocation;
	struct sk_buf body = r->body;

	if (v->state != SK_STARTING) {
		answer(r, 403, "InvalidStateTransition",
		    "Transition from Ready to InitError is not allowed");
		return;
	}
	memset(&r->body, 0, sizeof(r->body));
	answer(r, 202, NULL, "OK");
	sk_environment_drain(v);
	v->invocation = NULL;
	if (i)
		sk_invocation_ended(i, &body, error_kind(r));
	sk_buf_free(&body);
	sk_environment_kill(v, "", "init failed");
}

static void take(void *arg, struct sk_request *r)
{
	struct sk_environment *v = arg;
	struct sk_uri t;
	bool get = strcmp(r->method, "GET") == 0, named;

	if (!sk_uri_split(&t, r->target, r->path_len, 6) || t.parts < 4 ||
	    strcmp(t.part[0], "2018-06-01") || strcmp(t.part[1], "runtime")) {
		answer(r, 404, "NotFound", "no such path of the Runtime API");
		return;
	}
	named = t.parts == 5 && !strcmp(t.part[2], "invocation") && !get;
	if (get && t.parts == 4 && !strcmp(t.part[2], "invocation") &&
	    !strcmp(t.part[3], "next"))
		on_next(v, r);
	else if (named && !strcmp(t.part[4], "response"))
		on_answer(v, r, t.part[3], NULL);
	else if (named && !strcmp(t.part[4], "error"))
		on_answer(v, r, t.part[3], error_kind(r));
	else if (!get && t.parts == 4 && !strcmp(t.part[2], "init") &&
	    !strcmp(t.part[3], "error"))
		on_init_error(v, r);
	else
		answer(r, 404, "NotFound", "no such path of the Runtime API");
}

const struct sk_port_ops sk_runtime_ops = { 0, limit, take };
