/* SPDX-License-Identifier: MIT */
/*
 * function.c - snek-api: the API as Lambda functions behind API Gateway.  One
 * program; $_HANDLER says which function it is: Write, Query and Find answer
 * events, Coordinator carries one job through.
 *
 * Where things are comes from its environment: SNEK_META and SNEK_SHARDS (the
 * servers' URLs, the latter with commas between), SNEK_LEVEL, SNEK_COORDINATOR
 * (the function that coordinates), SNEK_ON (executor of queries), SNEK_LEASE
 * (seconds after which a coordinator that says nothing is taken for dead; 30),
 * SNEK_CACHES or SNEK_TOKEN_SECRET (see login.h).  "snek-api login" only writes
 * the profile of the servers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <snek/plugin.h>
#include <snek/snek.h>

#include "api/event.h"
#include "api/login.h"
#include "api/kept.h"
#include "api/object.h"
#include "api/parts.h"
#include "api/stack.h"
#include "aws/aws.h"
#include "base/clock.h"
#include "value/json_read.h"
#include "worker/root.h"
#include "worker/runtime.h"

#define EVENT_MAX (SK_EVENT_BYTES + 65536)
#define NEVER_MS ((int64_t)1 << 40)
#define READY_MS 15000          /* for the coordinator; API Gateway waits 30 s */
#define COLD_MS 60000           /* for a task to connect, from its start on */
#define MOST_STRANGE 10u        /* invocations in a row that are none */

struct function {
	sk_runtime *runtime;
	struct sk_api *api;
	const struct sk_aws_ops *ops;
	struct sk_aws *aws;
	const char *coordinator;        /* function's name; NULL: not said */
	const char *cluster;            /* its name */
	int64_t behind_until;           /* when it is to get its new servers, ms;
					 * 0: it has them */
	bool coordinates;
	int64_t until;                  /* of this invocation, ms */
	char job[40];                   /* that is coordinated */
	struct sk_api_login login;
	struct sk_kept_options kept;
};

/* ---- the coordinator is another function ---- */

/* Who coordinates ends before its time does, or that of the passwords which
 * its tasks are told: what is begun last may start cold. */
static int64_t left(void *arg)
{
	const struct function *f = arg;
	int64_t ms = f->until - sk_clock_ms();
	int64_t login_ms = sk_api_login_left(&f->login) - COLD_MS;

	return login_ms < ms ? login_ms : ms;
}

static int open_aws(struct function *f, struct snek_error *e)
{
	const struct sk_aws_options o = { .connections = 16 };
	int rc = f->aws ? 0 : sk_aws_load(&f->ops, e);

	return rc || f->aws ? rc : f->ops->open(&o, &f->aws, e);
}

/* One that slept for weeks is woken by the first call, which is refused. */
static bool is_let_in_later(const struct sk_aws_reply *r)
{
	return !r->code && (r->status == 429 || r->status == 409 ||
	    strstr(r->type, "ResourceNotReady"));
}

static int invoke(struct function *f, const struct sk_aws_request *r,
    struct snek_error *e)
{
	const struct timespec pause = { 1, 0 };
	int64_t until = sk_clock_ms() + READY_MS;
	struct sk_aws_reply reply;
	bool again;
	int rc;

	do {
		memset(&reply, 0, sizeof(reply));
		rc = f->ops->call(f->aws, r, &reply, e);
		again = rc && is_let_in_later(&reply) &&
		    sk_clock_ms() < until;
		sk_aws_reply_free(&reply);
		if (again)
			nanosleep(&pause, NULL);
	} while (again);
	return rc;
}

/* Asynchronously: Lambda keeps the event and calls it, again if it dies. */
static int begin(void *arg, const char *id, struct snek_error *e)
{
	struct function *f = arg;
	struct sk_aws_header header = { "X-Amz-Invocation-Type", "Event" };
	char path[256], body[64];
	struct sk_aws_request r = { .service = "lambda", .action = "Invoke",
		.method = "POST", .path = path, .header = &header, .headers = 1 };
	int n, rc = f->coordinator ? open_aws(f, e) : sk_fail(e, SNEK_EINVAL,
	    "SNEK_COORDINATOR does not say which function coordinates");

	if (rc)
		return rc;
	snprintf(path, sizeof(path), "/2015-03-31/functions/%.128s/invocations",
	    f->coordinator);
	n = snprintf(body, sizeof(body), "{\"job\":\"%s\"}", id);
	r.body = (struct sk_span){ body, (size_t)n };
	return invoke(f, &r, e);
}

/* As the functions that map log. */
static void say(void *arg, int level, const char *text)
{
	static const char *const names[] = { "DEBUG", "INFO", "WARN", "ERROR" };
	const struct function *f = arg;
	struct sk_buf b = { 0 };
	struct sk_object o = { &b, false, false };

	sk_object_open(&o, NULL, '{');
	sk_object_text(&o, "level", names[level < SNEK_ERROR ? level :
	    SNEK_ERROR]);
	if (*f->job)
		sk_object_text(&o, "job", f->job);
	sk_object_text(&o, "message", text);
	sk_object_close(&o, '}');
	fprintf(stderr, "%.*s\n", (int)b.n, b.p ? b.p : "");
	sk_buf_free(&b);
}

/* ---- the cluster ---- */

/* 1: as somebody else than before; 0: as who we are. */
static int log_in(struct function *f, int64_t oldest_ms, struct snek_error *e)
{
	int rc = sk_api_login_is_wanted() ? open_aws(f, e) : 0;

	if (rc || !sk_api_login_is_wanted())
		return rc;
	rc = sk_api_login(&f->login, f->ops, f->aws, oldest_ms, e);
	if (rc > 0 && f->api)
		sk_api_renew(f->api);
	return rc;
}

/* A server took no password: the token may be another by now, or the password
 * has grown old unseen. */
static bool log_in_anew(void *arg)
{
	return log_in(arg, 0, NULL) > 0;
}

/* A job goes on for long with what it begins with. */
static int64_t oldest_of(const struct function *f)
{
	bool ages = sk_api_login_left(&f->login) <= SK_API_LOGIN_MS;

	return f->coordinates && ages ? SK_API_LOGIN_FRESH_MS :
	    SK_API_LOGIN_OLD_MS;
}

/* The stack's servers are a cluster from the first call on. */
static int make_anew(struct function *f, struct snek_error *e)
{
	char *urls, *shards;
	int rc;

	if (!f->login.is)
		return sk_api_stack_make(getenv("SNEK_META"),
		    getenv("SNEK_SHARDS"), e);
	shards = urls = strdup(f->login.urls.p);
	if (!urls)
		return sk_enomem(e);
	strsep(&shards, ",");
	rc = sk_api_stack_make(urls, shards, e);
	free(urls);
	return rc;
}

/* One that does not get its new servers has its old ones all the same, and is
 * tried again when it has cost a little: the rights to them may be on their way
 * through AWS. */
static void keep_up(struct function *f)
{
	int64_t began = sk_clock_ms(), now;
	struct snek_error why = { 0 };
	bool changed = false;
	snek_cluster *c;
	int rc = sk_api_take(f->api, &c, &why);

	if (!rc)
		rc = sk_api_stack_keep_up(c, f->cluster, &changed, &why);
	if (rc)
		say(f, SNEK_ERROR, why.text);
	sk_api_give(f->api, c);
	if (changed)
		sk_api_renew(f->api);
	now = sk_clock_ms();
	f->behind_until = rc ? now + 1000 + 9 * (now - began) : 0;
}

static int open_api(struct function *f, struct snek_error *e)
{
	const char *lease = getenv("SNEK_LEASE");
	struct sk_api_options o = { .kept = &f->kept, .bare = true,
		.max_body = SK_EVENT_BODY,
		.on = getenv("SNEK_ON") };
	int rc;

	f->cluster = o.cluster = sk_api_login_is_wanted() ?
	    SK_API_LOGIN_PROFILE : getenv("SNEK_META");
	if (!f->cluster || !*f->cluster)
		return sk_fail(e, SNEK_EINVAL, "SNEK_META does not say where the "
		    "meta store is");
	f->coordinator = getenv("SNEK_COORDINATOR");
	f->kept = (struct sk_kept_options){ .begin = begin, .left = left,
	    .log_in = log_in_anew, .log = say, .arg = f, .lease_ms = lease ?
	    (uint32_t)strtoul(lease, NULL, 10) * 1000 : 0 };
	rc = log_in(f, SK_API_LOGIN_OLD_MS, e);
	if (rc < 0)
		return rc;
	rc = sk_api_open(&o, &f->api, e);
	if (rc == SNEK_ENOENT) {
		rc = make_anew(f, e);
		if (!rc)
			rc = sk_api_open(&o, &f->api, e);
	}
	if (!rc)
		keep_up(f);
	return rc;
}

/* ---- events ---- */

static int job_of(struct sk_span event, char id[40], struct snek_error *e)
{
	struct sk_json_options o = { 0 };
	struct snek_value v;
	sk_json_reader *json;
	struct sk_record r;
	int rc;

	if (sk_json_reader_new(&o, &json))
		return sk_enomem(e);
	rc = sk_json_read(json, event.p, event.n, &r, NULL, e);
	v = rc ? sk_none() : sk_object_member(&r, "job");
	if (!rc && (v.type != SNEK_STRING || v.len != 32))
		rc = sk_fail(e, SNEK_EFORMAT, "the event names no job");
	if (!rc)
		snprintf(id, 40, "%.*s", (int)v.len, v.as.s);
	sk_json_reader_free(json);
	return rc;
}

static int coordinate(struct function *f, struct sk_span event,
    struct sk_buf *out, struct snek_error *e)
{
	int rc = job_of(event, f->job, e);

	if (!rc)
		rc = sk_kept_coordinate(f->api, f->job, e);
	if (!rc && !sk_buf_printf(out, "{\"job\":\"%s\"}", f->job))
		rc = sk_enomem(e);
	return rc;
}

/* What a password that has grown too old made fail is asked once more: nothing
 * of it was done. */
static void answer_call(struct function *f, const struct sk_event_call *c,
    struct sk_api_response *r)
{
	sk_api_answer(f->api, &c->request, r);
	if (!r->locked_out || !log_in_anew(f))
		return;
	sk_api_response_free(r);
	memset(r, 0, sizeof(*r));
	sk_api_answer(f->api, &c->request, r);
}

static int answer(struct function *f, struct sk_span event,
    struct sk_buf *out, struct snek_error *e)
{
	struct sk_api_response r = { 0 };
	struct sk_event_call c;
	int rc = sk_event_parse(event, &c, e);

	if (!rc) {
		if (sk_api_reads(c.coding))
			answer_call(f, &c, &r);
		else
			sk_api_fail_as(&r, 415, SNEK_EINVAL, SK_API_CODINGS, NULL);
		fprintf(stderr, "{\"request\":\"%s\",\"method\":\"%s\","
		    "\"status\":%d,\"bytes\":%zu}\n", c.id, c.request.method,
		    r.status, r.body.n);
		if (!strcmp(c.request.method, "HEAD"))
			r.body.n = 0;
		rc = sk_event_answer(out, &r) ? 0 : sk_enomem(e);
	}
	sk_api_response_free(&r);
	sk_event_free(&c);
	return rc;
}

static void put_error(struct sk_buf *b, const struct snek_error *e)
{
	struct sk_object o = { b, false, false };

	b->n = 0;
	sk_object_open(&o, NULL, '{');
	sk_object_text(&o, "errorType", sk_error_name(e->code));
	sk_object_text(&o, "errorMessage", e->text);
	sk_object_close(&o, '}');
}

static int serve(struct function *f, const struct sk_invocation *in,
    struct snek_error *e)
{
	struct sk_buf out = { 0 };
	struct snek_error why = { 0 };
	int rc;

	f->until = sk_clock_ms() + (in->left_ms < 0 ? NEVER_MS : in->left_ms);
	rc = log_in(f, oldest_of(f), &why);
	if (rc >= 0 && f->behind_until && sk_clock_ms() >= f->behind_until)
		keep_up(f);
	if (rc >= 0)
		rc = f->coordinates ? coordinate(f, in->event, &out, &why) :
		    answer(f, in->event, &out, &why);
	if (rc) {
		put_error(&out, &why);
		fprintf(stderr, "{\"level\":\"error\",\"request\":\"%s\","
		    "\"error\":%.*s}\n", in->id, (int)out.n, out.p);
	}
	rc = sk_runtime_answer(f->runtime, in->id, rc, (struct sk_span){ out.p,
	    out.n }, e);
	sk_buf_free(&out);
	return rc == SNEK_EINVAL ? 0 : rc;      /* refused: that ends nothing */
}

static int serve_all(struct function *f, struct snek_error *e)
{
	struct sk_invocation in;
	unsigned strange = 0;
	int rc = 0;

	while (!rc && strange < MOST_STRANGE) {
		memset(&in, 0, sizeof(in));
		rc = sk_runtime_next(f->runtime, &in, e);
		if (rc == SNEK_ELIMIT || rc == SNEK_EFORMAT) {
			strange++;
			rc = 0;
			continue;
		}
		strange = 0;
		if (!rc)
			rc = serve(f, &in, e);
	}
	return rc;
}

static int fail_init(struct function *f, const struct snek_error *e)
{
	struct sk_buf b = { 0 };

	put_error(&b, e);
	fprintf(stderr, "snek-api: %s\n", e->text);
	if (f->runtime)
		sk_runtime_never(f->runtime, (struct sk_span){ b.p, b.n }, NULL);
	sk_buf_free(&b);
	return 1;
}

/* On a machine of the stack: a profile of its servers, for the command. */
static int only_log_in(struct function *f)
{
	struct snek_error e = { 0 };
	int rc = sk_api_login_is_wanted() ? log_in(f, 0, &e) : sk_fail(&e,
	    SNEK_EINVAL, "neither SNEK_CACHES nor SNEK_TOKEN_SECRET is set");

	if (rc < 0)
		fprintf(stderr, "snek-api: %s\n", e.text);
	if (f->aws)
		f->ops->close(f->aws);
	sk_buf_free(&f->login.urls);
	return rc < 0;
}

int main(int argc, char **argv)
{
	char root[2048];
	const char *api = getenv("AWS_LAMBDA_RUNTIME_API");
	const char *handler = getenv("_HANDLER");
	struct function f = { .coordinates = handler &&
		!strcmp(handler, "Coordinator") };
	struct snek_error e = { 0 };
	int rc;

	if (!api && argc == 2 && !strcmp(argv[1], "login"))
		return only_log_in(&f);
	if (!api) {
		fputs("snek-api is a program for AWS Lambda; on a machine, snek "
		    "gateway serves the same\n", stderr);
		return 2;
	}
	sk_root_find(argc ? argv[0] : "", "/snek/snek-api", root, sizeof(root));
	sk_root_environment(root);
	rc = sk_runtime_open(api, EVENT_MAX, &f.runtime, &e);
	if (!rc)
		rc = open_api(&f, &e);
	if (rc)
		return fail_init(&f, &e);
	rc = serve_all(&f, &e);
	sk_api_close(f.api);
	sk_runtime_close(f.runtime);
	return rc ? 1 : 0;
}
