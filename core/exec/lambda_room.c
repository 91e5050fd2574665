/* SPDX-License-Identifier: MIT */
/* lambda_room.c - how many invocations are let in at once. */
#include <stdio.h>

#include "exec/lambda.h"
#include "value/json_read.h"
#include "value/value.h"

#define LOOK_MS 100                     /* whether it was cancelled */
#define TRY_MS 10000

struct asked {
	struct sk_aws_call *call;
	struct sk_aws_reply reply;
	bool ended;
};

static void on_done(void *arg, struct sk_aws_reply *r)
{
	struct asked *a = arg;

	a->reply = *r;
	a->ended = true;
}

static int begin(const struct sk_aws_ops *aws, struct sk_aws *caller,
    const char *path, struct asked *a, struct snek_error *e)
{
	struct sk_aws_request q = { .service = "lambda", .method = "GET",
		.path = path, .max_reply = 65536, .timeout_ms = TRY_MS };

	return aws->begin(caller, &q, on_done, a, &a->call, e);
}

static int wait_for(const struct sk_aws_ops *aws, struct sk_aws *caller,
    const struct asked *a, size_t n, const int *cancelled,
    struct snek_error *e)
{
	size_t i = 0;

	while (i < n) {
		if (cancelled && __atomic_load_n(cancelled, __ATOMIC_SEQ_CST))
			return sk_fail(e, SNEK_ECANCELED, "cancelled");
		if (aws->step(caller, LOOK_MS, e) < 0)
			return e ? e->code : SNEK_EIO;
		while (i < n && a[i].ended)
			i++;
	}
	return 0;
}

/* A whole number at a path of the answer; false: it has none. */
static bool number_at(const struct sk_aws_reply *r, const char *path,
    uint32_t *out)
{
	const struct sk_json_options o = { .last_duplicate = true };
	struct snek_value all, v = sk_none();
	sk_json_reader *json;
	struct sk_path p;

	if (r->status != 200 || sk_json_reader_new(&o, &json))
		return false;
	if (!sk_json_value(json, r->body.p, r->body.n, &all, NULL) &&
	    !sk_path_parse(&p, path, NULL)) {
		v = sk_path_walk(&p, 0, all);
		sk_path_free(&p);
	}
	sk_json_reader_free(json);
	if (v.type != SNEK_INT || v.as.i < 0)
		return false;
	*out = v.as.i < UINT32_MAX ? (uint32_t)v.as.i : UINT32_MAX;
	return true;
}

/* It is taken for something, and that is to be known. */
static void take(const struct sk_aws_reply *r, const char *what, uint32_t n,
    const char *right, struct snek_error *doubt)
{
	sk_fail(doubt, SNEK_EACCES, "%s is not known (%u%s%s): %u at once are "
	    "tried; who queries needs to be allowed lambda:%s", what,
	    r->status, *r->type ? " " : "", r->type, n, right);
}

/* What is reserved for a function is nothing of the account's any more. */
static uint32_t count(const struct sk_aws_reply *account,
    const struct sk_aws_reply *function, struct snek_error *doubt)
{
	uint32_t n = SK_LAMBDA_ROOM;

	if (number_at(function, "ReservedConcurrentExecutions", &n))
		return n;
	if (!number_at(account, "AccountLimit.UnreservedConcurrentExecutions",
	    &n))
		take(account, "how many invocations the account lets in", n,
		    "GetAccountSettings", doubt);
	else if (function->status != 200)
		take(function, "how many invocations are reserved for it", n,
		    "GetFunctionConcurrency", doubt);
	return n;
}

/* No answer is no answer to invocations either. */
static int judge(const char *name, const struct asked *account,
    const struct asked *function, uint32_t *room, struct snek_error *doubt,
    struct snek_error *e)
{
	const struct sk_aws_reply *r = &function->reply;
	uint32_t n;

	if (r->code || account->reply.code) {
		r = r->code ? r : &account->reply;
		return sk_fail(e, r->code, "%s", r->error.text);
	}
	if (r->status == 404 && strstr(r->type, "ResourceNotFound"))
		return sk_fail(e, SNEK_ENOENT, "there is no Lambda %s any more; "
		    "add the function again with snek-add-function", name);
	n = count(&account->reply, r, doubt);
	if (!n)
		return sk_fail(e, SNEK_ELIMIT, "no invocation of %s is let in: "
		    "its reserved concurrency is 0, or the account has none "
		    "left; see aws lambda put-function-concurrency", name);
	*room = n;
	return 0;
}

int sk_lambda_room(const struct sk_aws_ops *aws, struct sk_aws *caller,
    const char *name, const int *cancelled, uint32_t *room,
    struct snek_error *doubt, struct snek_error *e)
{
	struct asked a[2] = { 0 };
	char path[256];
	size_t i;
	int rc;

	snprintf(path, sizeof(path), "/2019-09-30/functions/%s/concurrency",
	    name);
	rc = begin(aws, caller, "/2016-08-19/account-settings", &a[0], e);
	if (!rc)
		rc = begin(aws, caller, path, &a[1], e);
	if (!rc)
		rc = wait_for(aws, caller, a, 2, cancelled, e);
	if (!rc)
		rc = judge(name, &a[0], &a[1], room, doubt, e);
	for (i = 0; i < 2; i++) {
		if (a[i].call && !a[i].ended)
			aws->cancel(caller, a[i].call);
		sk_aws_reply_free(&a[i].reply);
	}
	return rc;
}
