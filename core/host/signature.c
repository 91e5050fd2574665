/* SPDX-License-Identifier: MIT */
#include "host/signature.h"
#include "host/uri.h"
#include "base/clock.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#define ALGORITHM "AWS4-HMAC-SHA256"

enum { HEADERS = 64, SKEW_S = 300, PRESIGNED_S = 604800 };

/* ---- what it says ---- */

/* The text up to a byte that ends it. */
static bool until(const char **p, char end, char *to, size_t size)
{
	const char *stop = strchr(*p, end);
	size_t n = stop ? (size_t)(stop - *p) : size;

	if (!n || n >= size)
		return false;
	memcpy(to, *p, n);
	to[n] = '\0';
	*p += n + 1;
	return true;
}

static bool skip(const char **p, const char *what)
{
	*p += strspn(*p, ", ");
	if (strncmp(*p, what, strlen(what)) != 0)
		return false;
	*p += strlen(what);
	return true;
}

/* KEY/20260131/REGION/SERVICE/aws4_request */
static bool take_scope(struct sk_signature *s, const char *p)
{
	return until(&p, '/', s->key, sizeof(s->key)) &&
	    until(&p, '/', s->day, sizeof(s->day)) &&
	    until(&p, '/', s->region, sizeof(s->region)) &&
	    until(&p, '/', s->service, sizeof(s->service)) &&
	    !strcmp(p, "aws4_request") &&
	    sk_name_is_plain(s->region, sizeof(s->region)) &&
	    strspn(s->day, "0123456789") == 8;
}

static bool take_header(struct sk_signature *s, const char *p)
{
	char scope[256];
	const char *c = scope;

	if (!skip(&p, ALGORITHM " ") || !skip(&p, "Credential=") ||
	    !until(&p, ',', scope, sizeof(scope)) || !take_scope(s, c) ||
	    !skip(&p, "SignedHeaders=") ||
	    !until(&p, ',', s->headers, sizeof(s->headers)) ||
	    !skip(&p, "Signature=") || strlen(p) != 64)
		return false;
	memcpy(s->signature, p, 65);
	return true;
}

static bool query(const char *target, const char *name, char *to, size_t n)
{
	return sk_uri_query(target, name, to, n) == 1;
}

static bool take_query(struct sk_signature *s, const char *target)
{
	char scope[256], algorithm[32];

	s->presigned = true;
	return query(target, "X-Amz-Algorithm", algorithm, sizeof(algorithm)) &&
	    !strcmp(algorithm, ALGORITHM) &&
	    query(target, "X-Amz-Credential", scope, sizeof(scope)) &&
	    take_scope(s, scope) &&
	    query(target, "X-Amz-Date", s->time, sizeof(s->time)) &&
	    query(target, "X-Amz-SignedHeaders", s->headers,
	    sizeof(s->headers)) &&
	    query(target, "X-Amz-Signature", s->signature, sizeof(s->signature));
}

bool sk_signature_parse(struct sk_signature *s, const char *authorization,
    const char *date, const char *target)
{
	bool ok;

	memset(s, 0, sizeof(*s));
	if (authorization) {
		ok = date && strlen(date) < sizeof(s->time) &&
		    take_header(s, authorization);
		if (ok)
			strcpy(s->time, date);
	} else {
		ok = take_query(s, target);
	}
	return ok && strlen(s->time) == 16 && s->time[8] == 'T' &&
	    !strncmp(s->time, s->day, 8) &&
	    strspn(s->signature, "0123456789abcdef") == 64;
}

/* ---- whether it is right ---- */

static bool refuse(struct sk_refusal *why, const char *type, const char *text)
{
	why->type = type;
	snprintf(why->text, sizeof(why->text), "%s", text);
	return false;
}

static int64_t seconds_of(const char *text)
{
	struct tm tm = { 0 };

	return strptime(text, "%Y%m%dT%H%M%SZ", &tm) ? (int64_t)timegm(&tm) : 0;
}

static bool is_timely(const struct sk_signature *s, const char *target)
{
	int64_t now = sk_clock_wall(), then = seconds_of(s->time), last = SKEW_S;
	char text[16];

	if (s->presigned && query(target, "X-Amz-Expires", text, sizeof(text)))
		last = strtoll(text, NULL, 10);
	return now - then <= last && then - now <= SKEW_S && last <= PRESIGNED_S;
}

struct collection {
	struct sk_signed_header header[HEADERS];
	size_t n;
};

static void collect(void *arg, const char *name, const char *value)
{
	struct collection *c = arg;

	if (c->n < HEADERS)
		c->header[c->n++] = (struct sk_signed_header){ name, value };
}

/* What stands for the body; hash is room for it.  NULL: the request names
 * another body. */
static const char *payload_of(const struct sk_request *r,
    const struct sk_signature *s, char hash[65])
{
	const char *named = sk_request_header(r, "X-Amz-Content-Sha256");

	if (s->presigned || (named && !strcmp(named, "UNSIGNED-PAYLOAD")))
		return "UNSIGNED-PAYLOAD";
	sk_sha256_hex(r->body.p ? r->body.p : "", r->body.n, hash);
	return named && strcasecmp(named, hash) ? NULL : hash;
}

static bool verify(const struct sk_request *r, const struct sk_signature *s,
    const char *secret)
{
	struct collection c = { .n = 0 };
	char hash[65], right[65];
	struct sk_signed what = { .method = r->method, .target = r->target,
		.path_len = r->path_len, .payload = payload_of(r, s, hash),
		.header = c.header };

	sk_request_headers(r, collect, &c);
	what.headers = c.n;
	return what.payload && sk_signature_make(s, &what, secret, right) &&
	    !strcmp(right, s->signature);
}

static bool check_key(const struct sk_request *r, const struct sk_signature *s,
    const struct sk_host_options *o, struct sk_refusal *why)
{
	bool s3 = !strcmp(s->service, "s3");

	if (strcmp(s->key, o->key) != 0)
		return refuse(why, s3 ? "InvalidAccessKeyId" :
		    "UnrecognizedClientException",
		    "The security token included in the request is invalid.");
	if (!is_timely(s, r->target))
		return refuse(why, s3 ? "RequestTimeTooSkewed" :
		    "InvalidSignatureException", "Signature expired: the time of "
		    "the request differs too much from this machine's.");
	/* What is too large was not kept. */
	if (!r->too_large && !verify(r, s, o->secret))
		return refuse(why, s3 ? "SignatureDoesNotMatch" :
		    "InvalidSignatureException", "The request signature we "
		    "calculated does not match the signature you provided. Check "
		    "your AWS Secret Access Key and signing method.");
	return true;
}

bool sk_signature_check(const struct sk_request *r,
    const struct sk_host_options *o, const char *service, char region[33],
    struct sk_refusal *why)
{
	const char *text = sk_request_header(r, "Authorization");
	struct sk_signature s;
	bool s3 = !strcmp(service, "s3");

	if (!text && !strstr(r->target, "X-Amz-Signature="))
		return refuse(why, s3 ? "AccessDenied" :
		    "MissingAuthenticationTokenException",
		    "Missing Authentication Token");
	if (!sk_signature_parse(&s, text, sk_request_header(r, "X-Amz-Date"),
	    r->target))
		return refuse(why, s3 ? "AuthorizationHeaderMalformed" :
		    "IncompleteSignatureException", "the request is not signed "
		    "with AWS4-HMAC-SHA256, or not as it should be");
	if (strcmp(s.service, service) != 0)
		return refuse(why, s3 ? "AuthorizationHeaderMalformed" :
		    "InvalidSignatureException",
		    "Credential should be scoped to correct service.");
	memcpy(region, s.region, sizeof(s.region));
	return !o->key || check_key(r, &s, o, why);
}
