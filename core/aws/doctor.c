/* SPDX-License-Identifier: MIT */
#include "aws/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "aws/json.h"
#include "aws/when.h"

enum { SKEW_MUCH = 30, SKEW_TOO_MUCH = 300, SOON_S = 900, FEW = 100 };

#define DEPLOY "snek-deploy --aws"

/* Said alone, the command means the stack called snek. */
static const char *name_stack(const struct sk_aws_doctor *d, const char *cure,
    char b[500])
{
	const char *p = cure ? strstr(cure, DEPLOY) : NULL;
	size_t n = p ? (size_t)(p - cure) + strlen(DEPLOY) : 0;

	if (!p || !d->stack)
		return cure;
	snprintf(b, 500, "%.*s --stack %s%s", (int)n, cure, d->stack, cure + n);
	return b;
}

void sk_aws_doctor_say(struct sk_aws_doctor *d, enum snek_verdict verdict,
    const char *name, const char *cure, const char *fmt, ...)
{
	struct snek_check c = { .size = sizeof(c), .verdict = verdict,
		.name = name };
	char text[1024], full[500];
	va_list ap;

	if (d->rc)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c.text = text;
	c.cure = name_stack(d, cure, full);
	d->rc = d->visit(d->arg, &c);
}

int sk_aws_doctor_get(struct sk_aws_doctor *d, const char *service,
    const char *action, const char *path, struct sk_aws_reply *r,
    struct snek_error *e)
{
	const struct sk_aws_request q = { .service = service, .action = action,
		.method = "GET", .path = path };

	memset(r, 0, sizeof(*r));
	return sk_aws_call(d->aws, &q, r, e);
}

/* ---- who we are ---- */

/* "expires in 7 h 41 m" */
static void put_rest(int64_t seconds, char *to, size_t room)
{
	if (seconds >= 3600)
		snprintf(to, room, ", expires in %lld h %lld m",
		    (long long)(seconds / 3600), (long long)(seconds / 60 % 60));
	else
		snprintf(to, room, ", expires in %lld m",
		    (long long)(seconds / 60));
}

static bool check_credentials(struct sk_aws_doctor *d)
{
	struct sk_aws_identity who;
	struct snek_error e = { 0 };
	char rest[64] = "";
	int64_t left;

	if (sk_aws_who(d->aws, &who, &e)) {
		sk_aws_doctor_say(d, SNEK_CHECK_FAIL, "credentials", "log in "
		    "(aws sso login), set AWS_PROFILE or AWS_ACCESS_KEY_ID and "
		    "AWS_SECRET_ACCESS_KEY; see snek-aws(7)", "%s", e.text);
		return false;
	}
	left = who.expires ? who.expires - (int64_t)time(NULL) : SOON_S;
	if (who.expires)
		put_rest(left > 0 ? left : 0, rest, sizeof(rest));
	if (who.exposed)
		sk_aws_doctor_say(d, SNEK_CHECK_WARN, "credentials", "chmod 600 "
		    "the file", "key %s of %s%s: others can read the file",
		    who.key_id, who.source, rest);
	else if (left < SOON_S)
		sk_aws_doctor_say(d, SNEK_CHECK_WARN, "credentials", "log in "
		    "again before anything that takes its time", "key %s of "
		    "%s%s", who.key_id, who.source, rest);
	else
		sk_aws_doctor_say(d, SNEK_CHECK_PASS, "credentials", NULL,
		    "key %s of %s%s", who.key_id, who.source, rest);
	return true;
}

static void check_clock(struct sk_aws_doctor *d, const struct sk_aws_reply *r)
{
	const char *date = sk_aws_reply_header(r, "date");
	int64_t there = 0, skew;

	if (!date || !sk_when_http(date, &there)) {
		sk_aws_doctor_say(d, SNEK_CHECK_SKIP, "clock", NULL, "the answer "
		    "has no date");
		return;
	}
	skew = (int64_t)time(NULL) - there;
	if (llabs(skew) < SKEW_MUCH)
		sk_aws_doctor_say(d, SNEK_CHECK_PASS, "clock", NULL, "%lld s from "
		    "AWS's", llabs(skew));
	else
		sk_aws_doctor_say(d, llabs(skew) < SKEW_TOO_MUCH ?
		    SNEK_CHECK_WARN : SNEK_CHECK_FAIL, "clock", "set it "
		    "(timedatectl set-ntp true); over 5 minutes, AWS refuses what "
		    "other programs sign", "%lld s %s AWS's", llabs(skew),
		    skew < 0 ? "behind" : "ahead of");
}

static bool check_identity(struct sk_aws_doctor *d)
{
	struct snek_error e = { 0 };
	struct sk_aws_reply r = { 0 };
	const char *region = sk_aws_region(d->aws);
	int rc;

	if (!region) {
		sk_aws_doctor_say(d, SNEK_CHECK_FAIL, "region", "say --region, or "
		    "set AWS_REGION", "no region of AWS is said");
		return false;
	}
	rc = sk_aws_ask_identity(d->aws, d->arn, d->account, &r, &e);
	if (rc)
		sk_aws_doctor_say(d, SNEK_CHECK_FAIL, "identity", rc ==
		    SNEK_EACCES ? "these credentials are not, or no longer, good: "
		    "log in again" : "see the network, proxies (HTTPS_PROXY) and "
		    "AWS_ENDPOINT_URL", "%s", e.text);
	else
		sk_aws_doctor_say(d, SNEK_CHECK_PASS, "identity", NULL, "%s, "
		    "account %s, %s", d->arn, d->account, region);
	if (r.status)
		check_clock(d, &r);
	sk_aws_reply_free(&r);
	return !rc;
}

/* ---- what the account lets in ---- */

static void tell_quotas(struct sk_aws_doctor *d, const struct sk_json *j)
{
	int64_t all = 0, left = 0, used = 0, room = 0;

	if (!sk_json_int(j, "AccountLimit.ConcurrentExecutions", &all) ||
	    !sk_json_int(j, "AccountLimit.UnreservedConcurrentExecutions",
	    &left)) {
		sk_aws_doctor_say(d, SNEK_CHECK_FAIL, "quotas", "is the endpoint "
		    "right?", "lambda GetAccountSettings: an answer without "
		    "limits");
		return;
	}
	sk_aws_doctor_say(d, left < FEW ? SNEK_CHECK_WARN : SNEK_CHECK_PASS,
	    "concurrency", left < FEW ? "queries will queue; to raise it: "
	    "Service Quotas, Lambda, Concurrent executions" : NULL, "%lld "
	    "invocations at once, %lld of them reserved for nobody",
	    (long long)all, (long long)left);
	if (!sk_json_int(j, "AccountUsage.TotalCodeSize", &used) ||
	    !sk_json_int(j, "AccountLimit.TotalCodeSize", &room) || room <= 0)
		return;
	sk_aws_doctor_say(d, used > room / 10 * 9 ? SNEK_CHECK_WARN :
	    SNEK_CHECK_PASS, "code", used > room / 10 * 9 ? "remove functions, "
	    "or versions of them, that nobody needs" : NULL, "%lld MB of %lld "
	    "for functions' code are used", (long long)(used >> 20),
	    (long long)(room >> 20));
}

static void check_quotas(struct sk_aws_doctor *d)
{
	struct snek_error e = { 0 };
	struct sk_aws_reply r;
	struct sk_json *j = NULL;
	int rc = sk_aws_doctor_get(d, "lambda", "GetAccountSettings",
	    "/2016-08-19/account-settings", &r, &e);

	if (!rc)
		rc = sk_json_open(&r.body, &j, &e);
	if (rc)
		sk_aws_doctor_say(d, rc == SNEK_EACCES ? SNEK_CHECK_WARN :
		    SNEK_CHECK_FAIL, "quotas", rc == SNEK_EACCES ? "to see them, "
		    "the caller needs lambda:GetAccountSettings" : NULL, "%s",
		    e.text);
	else
		tell_quotas(d, j);
	sk_json_close(j);
	sk_aws_reply_free(&r);
}

int sk_aws_doctor(struct sk_aws *aws, struct sk_aws_doctor *d)
{
	d->aws = aws;
	d->rc = 0;
	*d->arn = *d->account = '\0';
	if (!check_credentials(d) || !check_identity(d))
		return d->rc;
	sk_aws_doctor_rights(d);
	check_quotas(d);
	if (d->stack)
		sk_aws_doctor_stack(d);
	else
		sk_aws_doctor_say(d, SNEK_CHECK_SKIP, "stack", NULL, "the cluster "
		    "is no stack; --stack names one");
	return d->rc;
}
