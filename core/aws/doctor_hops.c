/* SPDX-License-Identifier: MIT */
/*
 * doctor_hops.c - from here to the API, to its function, to each server: what
 * the function says of the servers is told as it says it.  Where the API gives
 * no answer of ours, the function is asked itself, to see which of both it is.
 */
#include "aws/doctor.h"

#include <stdio.h>
#include <stdlib.h>

#include "aws/json.h"
#include "base/clock.h"
#include "value/members.h"
#include "value/pack.h"
#include "value/value.h"

enum { CALL_MS = 35000, SLOW_MS = 3000, TEXT = 700 };

/* What API Gateway would send. */
static const char event[] = "{\"version\":\"2.0\",\"rawPath\":\"/v1/health\","
    "\"rawQueryString\":\"\",\"headers\":{},\"requestContext\":{\"requestId\":"
    "\"snek-doctor\",\"stage\":\"$default\",\"http\":{\"method\":\"GET\"}},"
    "\"isBase64Encoded\":false}";

/* ---- what the function says ---- */

static void copy(struct snek_value v, char to[TEXT])
{
	int n = v.type == SNEK_STRING ? (int)(v.len < TEXT ? v.len : TEXT - 1) : 0;

	snprintf(to, TEXT, "%.*s", n, n ? v.as.s : "");
}

static void tell_check(struct sk_aws_doctor *d, struct snek_value v)
{
	static const char *const words[] = { "pass", "warn", "fail", "skip" };
	char verdict[TEXT], name[TEXT], text[TEXT], cure[TEXT];
	uint32_t i = 0;

	copy(sk_members_find(v, "verdict"), verdict);
	copy(sk_members_find(v, "name"), name);
	copy(sk_members_find(v, "text"), text);
	copy(sk_members_find(v, "cure"), cure);
	while (i < SNEK_CHECK_SKIP && strcmp(verdict, words[i]))
		i++;
	sk_aws_doctor_say(d, i, *name ? name : "health", *cure ? cure : NULL,
	    "%s", text);
}

static void tell_checks(struct sk_aws_doctor *d, struct snek_value all)
{
	struct snek_cursor at;
	struct snek_value name, v;

	if (sk_iterate(all, &at))
		return;
	while (sk_next(&at, &name, &v) == 1)
		tell_check(d, v);
}

/* ---- the function itself ---- */

static void tell_answer(struct sk_aws_doctor *d, const char *find,
    const struct sk_aws_reply *r)
{
	struct sk_json *j = NULL;
	char said[TEXT] = "";
	int64_t status = 0;
	bool ok = !sk_json_open(&r->body, &j, NULL);

	if (ok && *r->function_error)
		sk_json_text(j, "errorMessage", said, sizeof(said));
	else if (ok)
		sk_json_int(j, "statusCode", &status);
	if (*r->function_error)
		sk_aws_doctor_say(d, SNEK_CHECK_FAIL, "function", "snek logs find "
		    "has more of it", "%s: %s: %s", find, r->function_error,
		    *said ? said : "it says nothing");
	else
		sk_aws_doctor_say(d, SNEK_CHECK_PASS, "function", NULL, "%s, "
		    "invoked without the API, answers with status %lld", find,
		    (long long)status);
	sk_json_close(j);
}

static void ask_function(struct sk_aws_doctor *d, const char *find)
{
	struct snek_error e = { 0 };
	struct sk_aws_reply r = { 0 };
	char path[160];
	const struct sk_aws_request q = { .service = "lambda",
		.action = "Invoke", .method = "POST", .path = path,
		.body = { event, sizeof(event) - 1 }, .timeout_ms = CALL_MS,
		.tries = 1 };
	int rc;

	snprintf(path, sizeof(path), "/2015-03-31/functions/%s/invocations",
	    find);
	rc = sk_aws_call(d->aws, &q, &r, &e);
	if (rc)
		sk_aws_doctor_say(d, rc == SNEK_EACCES ? SNEK_CHECK_WARN :
		    SNEK_CHECK_FAIL, "function", rc == SNEK_EACCES ? "to ask it "
		    "itself, the caller needs lambda:InvokeFunction" :
		    "snek logs find may say why", "%s", e.text);
	else
		tell_answer(d, find, &r);
	sk_aws_reply_free(&r);
}

/* ---- through the API ---- */

static const char *cure_of(int rc)
{
	switch (rc) {
	case SNEK_EACCES:
		return "the caller needs execute-api:Invoke on it";
	case SNEK_ENOENT:
		return "its functions are of an older snek: snek-deploy --aws";
	case SNEK_EAGAIN:
	case SNEK_ETIMEDOUT:
		return "see the network, and the checks below";
	default:
		return NULL;
	}
}

void sk_aws_doctor_hops(struct sk_aws_doctor *d, const char *api,
    const char *find)
{
	struct snek_error e = { 0 };
	struct sk_aws_reply r = { 0 };
	char url[400];
	const struct sk_aws_request q = { .service = "execute-api",
		.action = "GET /v1/health", .method = "GET", .path = url,
		.timeout_ms = CALL_MS, .tries = 1 };
	struct sk_json *j = NULL;
	int64_t ms = sk_clock_ms();
	bool ours;
	int rc;

	snprintf(url, sizeof(url), "%s/v1/health", api);
	rc = sk_aws_call(d->aws, &q, &r, &e);
	ms = sk_clock_ms() - ms;
	ours = r.status && !sk_json_open(&r.body, &j, NULL) &&
	    sk_json_at(j, "checks").type == SNEK_ARRAY;
	if (ours)
		sk_aws_doctor_say(d, ms > SLOW_MS ? SNEK_CHECK_WARN :
		    SNEK_CHECK_PASS, "api", ms > SLOW_MS ? "the first call in a "
		    "while is slow; if others are, see snek logs find" : NULL,
		    "%s: %lld ms, and its function answers", api, (long long)ms);
	else
		sk_aws_doctor_say(d, SNEK_CHECK_FAIL, "api", cure_of(rc), "%s: "
		    "%s", api, rc ? e.text : "an answer that is not snek's");
	if (ours)
		tell_checks(d, sk_json_at(j, "checks"));
	else if (rc != SNEK_EACCES)
		ask_function(d, find);
	sk_json_close(j);
	sk_aws_reply_free(&r);
}
