/* SPDX-License-Identifier: MIT */
#include "lambda_there.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"

static char out[65536], headers[256];

static void answer(struct web_answer *a, unsigned status, const char *body)
{
	a->status = status;
	snprintf(out, sizeof(out), "%s", body);
	a->body = out;
}

static void refuse(struct web_answer *a, unsigned status, const char *type,
    const char *message)
{
	char body[1024];

	snprintf(headers, sizeof(headers), "x-amzn-ErrorType: %s\r\n"
	    "x-amzn-RequestId: request-1\r\n%s", type, status == 429 ?
	    "Retry-After: 0\r\n" : "");
	snprintf(body, sizeof(body), "{\"Type\":\"User\",\"message\":\"%s\"}",
	    message);
	answer(a, status, body);
	a->headers = headers;
}

/* ---- of a request's JSON ---- */

static const char *find(const char *body, const char *name)
{
	char key[64];
	const char *p;

	snprintf(key, sizeof(key), "\"%s\":", name);
	p = strstr(body, key);
	return p ? p + strlen(key) : NULL;
}

static bool text(const char *body, const char *name, char *to, size_t n)
{
	const char *p = find(body, name);

	if (!p || *p != '"')
		return false;
	snprintf(to, n, "%.*s", (int)strcspn(p + 1, "\""), p + 1);
	return true;
}

static void take_code(struct lambda_there *t, const char *body)
{
	struct lambda_config *c = &t->latest;
	struct sk_buf b = { 0 };
	const char *p = find(body, "ZipFile");
	char key[256];

	if (p && !sk_base64_get(&b, p + 1, strcspn(p + 1, "\"")))
		snprintf(c->sha, sizeof(c->sha), "sha-%.*s", (int)b.n, b.p);
	else if (text(body, "S3Key", key, sizeof(key)))
		snprintf(c->sha, sizeof(c->sha), "sha-big");
	sk_buf_free(&b);
	if (strstr(body, "\"Architectures\":[\"x86_64\"]"))
		strcpy(c->arch, "x86_64");
}

static void take_settings(struct lambda_there *t, const char *body)
{
	struct lambda_config *c = &t->latest;
	const char *env = find(body, "Variables");
	const char *vpc = find(body, "VpcConfig");

	text(body, "Role", c->role, sizeof(c->role));
	text(body, "Description", c->description, sizeof(c->description));
	if (find(body, "MemorySize"))
		c->memory = atoi(find(body, "MemorySize"));
	if (find(body, "Timeout"))
		c->timeout = atoi(find(body, "Timeout"));
	if (vpc)
		snprintf(c->network, sizeof(c->network), "%.*s",
		    (int)(strcspn(vpc, "}") + 1), vpc);
	if (env)
		snprintf(c->env, sizeof(c->env), "%.*s",
		    (int)(strcspn(env, "}") + 1), env);
}

/* ---- answers ---- */

static void put_config(const struct lambda_there *t,
    const struct lambda_config *c, const char *version, char *to, size_t n)
{
	bool latest = !strcmp(version, "$LATEST");

	snprintf(to, n, "{\"FunctionName\":\"f\",\"FunctionArn\":"
	    "\"arn:aws:lambda:eu-west-1:123456789012:function:f%s%s\","
	    "\"Runtime\":\"provided.al2023\",\"Role\":\"%s\",\"MemorySize\":%d,"
	    "\"Timeout\":%d,\"CodeSha256\":\"%s\",\"Version\":\"%s\","
	    "\"Description\":\"%s\",\"Environment\":{\"Variables\":%s},"
	    "\"VpcConfig\":%s,"
	    "\"RevisionId\":\"r%d\",\"State\":\"%s\",\"LastUpdateStatus\":"
	    "\"%s\",\"LastUpdateStatusReason\":\"the zip is odd\","
	    "\"LastUpdateStatusReasonCode\":\"InvalidZip\","
	    "\"Architectures\":[\"%s\"]}", latest ? "" : ":",
	    latest ? "" : version, c->role, c->memory, c->timeout, c->sha,
	    version, c->description, *c->env ? c->env : "{}",
	    *c->network ? c->network : "{}", t->revision,
	    t->busy && t->revision == 1 ? "Pending" : "Active",
	    t->busy && t->revision > 1 ? "InProgress" : t->failed ? "Failed" :
	    "Successful", c->arch);
}

static void changed(struct lambda_there *t)
{
	t->revision++;
	t->changes++;
	t->busy = t->settling;
	t->failed = t->fails;
}

static void tell(struct lambda_there *t, const struct lambda_config *c,
    const char *version, struct web_answer *a)
{
	char config[2048], body[4096];

	put_config(t, c, version, config, sizeof(config));
	snprintf(body, sizeof(body), "{\"Configuration\":%s,\"Code\":{"
	    "\"Location\":\"https://x/\"},\"Tags\":%s}", config, t->tags);
	answer(a, 200, body);
	if (t->busy)
		t->busy--;
}

static void gone(struct web_answer *a)
{
	refuse(a, 404, "ResourceNotFoundException", "Function not found: f");
}

static int which(const struct lambda_there *t, const char *qualifier)
{
	int v = !strcmp(qualifier, "snek") ? t->alias : atoi(qualifier);

	return v > 0 && v <= t->versions && *t->version[v].sha ? v : 0;
}

static void look(struct lambda_there *t, const char *query,
    struct web_answer *a)
{
	const char *q = strstr(query, "Qualifier=");
	int v = q ? which(t, q + 10) : 0;
	char name[16];

	snprintf(name, sizeof(name), "%d", v);
	if (!t->exists || (q && !v))
		gone(a);
	else
		tell(t, q ? &t->version[v] : &t->latest, q ? name : "$LATEST",
		    a);
}

static void create(struct lambda_there *t, const char *body,
    struct web_answer *a)
{
	const char *tags = find(body, "Tags");

	if (t->exists) {
		refuse(a, 409, "ResourceConflictException",
		    "Function already exist: f");
		return;
	}
	if (t->role_unknown) {
		t->role_unknown--;
		refuse(a, 400, "InvalidParameterValueException", "The role "
		    "defined for the function cannot be assumed by Lambda.");
		return;
	}
	memset(&t->latest, 0, sizeof(t->latest));
	t->exists = true;
	t->creations++;
	t->revision = 0;
	take_code(t, body);
	take_settings(t, body);
	if (tags)
		snprintf(t->tags, sizeof(t->tags), "%.*s",
		    (int)(strcspn(tags, "}") + 1), tags);
	changed(t);
	answer(a, 201, "{}");
}

static bool may_change(struct lambda_there *t, const char *body,
    struct web_answer *a)
{
	char revision[32] = "", is[32];

	snprintf(is, sizeof(is), "r%d", t->revision);
	if (!t->exists)
		gone(a);
	else if (t->busy)
		refuse(a, 409, "ResourceConflictException", "The operation "
		    "cannot be performed at this time. An update is in progress");
	else if (!text(body, "RevisionId", revision, sizeof(revision)) ||
	    strcmp(revision, is))
		refuse(a, 412, "PreconditionFailedException",
		    "The Revision Id provided does not match");
	else
		return true;
	return false;
}

static void change_code(struct lambda_there *t, const char *body,
    struct web_answer *a)
{
	if (t->vanishes)
		t->exists = t->vanishes = false;
	if (!may_change(t, body, a))
		return;
	take_code(t, body);
	t->code_changes++;
	changed(t);
	answer(a, 200, "{}");
}

static void change_settings(struct lambda_there *t, const char *body,
    struct web_answer *a)
{
	if (!may_change(t, body, a))
		return;
	take_settings(t, body);
	changed(t);
	answer(a, 200, "{}");
}

static bool same(const struct lambda_config *a, const struct lambda_config *b)
{
	return !strcmp(a->sha, b->sha) && !strcmp(a->role, b->role) &&
	    !strcmp(a->env, b->env) && a->memory == b->memory &&
	    a->timeout == b->timeout;
}

static void publish(struct lambda_there *t, const char *body,
    struct web_answer *a)
{
	char sha[64] = "", text_[64];

	if (!may_change(t, body, a))
		return;
	text(body, "CodeSha256", sha, sizeof(sha));
	if (strcmp(sha, t->latest.sha)) {
		refuse(a, 400, "InvalidParameterValueException",
		    "CodeSHA256 (x) is different from current CodeSHA256");
		return;
	}
	if (!t->versions || !same(&t->version[t->versions], &t->latest)) {
		t->version[++t->versions] = t->latest;
		text(body, "Description", t->version[t->versions].description,
		    sizeof(t->latest.description));
	}
	snprintf(text_, sizeof(text_), "{\"Version\":\"%d\"}", t->versions);
	answer(a, 201, text_);
}

static void list(const struct lambda_there *t, const char *query,
    struct web_answer *a)
{
	const char *marker = strstr(query, "Marker=m%2F");
	int from = marker ? atoi(marker + 11) : 1, v, n = 0;
	char body[2048] = "{\"Versions\":[{\"Version\":\"$LATEST\"}";

	for (v = from; v <= t->versions && n < 2; v++) {
		if (!*t->version[v].sha)
			continue;
		n++;
		snprintf(body + strlen(body), sizeof(body) - strlen(body),
		    ",{\"Version\":\"%d\"}", v);
	}
	snprintf(body + strlen(body), sizeof(body) - strlen(body), "]");
	if (v <= t->versions)
		snprintf(body + strlen(body), sizeof(body) - strlen(body),
		    ",\"NextMarker\":\"m/%d\"", v);
	strcat(body, "}");
	answer(a, 200, body);
}

static void alias(struct lambda_there *t, const struct web_request *r,
    struct web_answer *a)
{
	char version[16] = "", body[64];

	if (!strcmp(r->method, "GET") && !t->alias) {
		gone(a);
		return;
	}
	if (!strcmp(r->method, "POST") && t->alias) {
		refuse(a, 409, "ResourceConflictException", "Alias exists");
		return;
	}
	if (strcmp(r->method, "GET") != 0) {
		text(r->body, "FunctionVersion", version, sizeof(version));
		t->alias = atoi(version);
	}
	snprintf(body, sizeof(body), "{\"Name\":\"snek\",\"FunctionVersion\":"
	    "\"%d\"}", t->alias);
	answer(a, 200, body);
}

static void drop(struct lambda_there *t, const char *query,
    struct web_answer *a)
{
	const char *q = strstr(query, "Qualifier=");
	int v = q ? atoi(q + 10) : 0;

	if (!t->exists) {
		gone(a);
		return;
	}
	if (v)
		t->version[v].sha[0] = '\0';
	else
		t->exists = false;
	if (!v)
		t->alias = t->versions = 0;
	answer(a, 204, "");
}

static void s3(struct lambda_there *t, const struct web_request *r,
    struct web_answer *a)
{
	bool object = strchr(r->target + 1, '/');
	const char *owner = web_header(r, "x-amz-expected-bucket-owner");

	if (object && t->foreign_bucket && owner)
		refuse(a, 403, "AccessDenied", "not yours");
	else if (!object && t->bucket)
		refuse(a, 409, "BucketAlreadyOwnedByYou", "there is one");
	else if (object && !t->bucket)
		refuse(a, 404, "NoSuchBucket", "no bucket");
	else if (!object)
		t->bucket = true;
	else
		t->object = !strcmp(r->method, "PUT");
	t->uploads += object && t->object && a->status == 0;
}

static void logs(struct lambda_there *t, const struct web_request *r,
    const char *target, struct web_answer *a)
{
	const char *days = strstr(r->body, "\"retentionInDays\":");

	if (!strstr(r->body, "\"/aws/lambda/f\""))
		refuse(a, 400, "ResourceNotFoundException", "another's");
	else if (strstr(target, ".CreateLogGroup") && t->logged)
		refuse(a, 400, "ResourceAlreadyExistsException", "there is one");
	else if (strstr(target, ".CreateLogGroup"))
		t->logged = true;
	else if (days)
		t->log_days = atoi(strchr(days, ':') + 1);
}

static void serve(struct lambda_there *t, const struct web_request *r,
    struct web_answer *a)
{
	static const char path[] = "/2015-03-31/functions";
	const char *rest = r->target + strlen(path);
	const char *target = web_header(r, "X-Amz-Target");
	const char *tags = find(r->body, "Tags");

	if (target) {
		logs(t, r, target, a);
	} else if (!strncmp(r->target, "/2017-03-31/tags/arn%3A", 23) && tags) {
		snprintf(t->tags, sizeof(t->tags), "%.*s",
		    (int)(strcspn(tags, "}") + 1), tags);
		answer(a, 204, "");
	} else if (strncmp(r->target, path, strlen(path)) != 0) {
		s3(t, r, a);
	} else if (!*rest) {
		create(t, r->body, a);
	} else if (!strcmp(rest, "/f/code")) {
		change_code(t, r->body, a);
	} else if (!strcmp(rest, "/f/configuration")) {
		change_settings(t, r->body, a);
	} else if (!strncmp(rest, "/f/versions", 11)) {
		if (!strcmp(r->method, "POST"))
			publish(t, r->body, a);
		else
			list(t, rest, a);
	} else if (!strncmp(rest, "/f/aliases", 10)) {
		alias(t, r, a);
	} else if (!strcmp(r->method, "DELETE")) {
		drop(t, rest, a);
	} else {
		look(t, rest, a);
	}
}

static bool is_faulty(struct lambda_there *t)
{
	int i = t->asked++;

	return t->fault.kind && i >= t->fault.at &&
	    i < t->fault.at + t->fault.times;
}

void lambda_there(void *arg, const struct web_request *r, struct web_answer *a)
{
	struct lambda_there *t = arg;
	bool faulty = is_faulty(t);
	size_t n = strlen(t->log);

	snprintf(t->log + n, sizeof(t->log) - n, "%s %s\n", r->method,
	    r->target);
	if (faulty && t->fault.kind == FAULT_STATUS) {
		refuse(a, t->fault.status, t->fault.type, t->fault.message);
		return;
	}
	if (!faulty || t->fault.kind != FAULT_DROP)
		serve(t, r, a);
	if (faulty && t->fault.kind == FAULT_BODY)
		answer(a, 200, t->fault.body);
	else if (faulty)
		*a = (struct web_answer){ .raw = true, .drop = true,
			.body = "" };
}
