/* SPDX-License-Identifier: MIT */
#include "job/away.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/thread.h"
#include "base/weburl.h"
#include "category/target.h"
#include "exec/http.h"
#include "exec/lambda.h"
#include "job/job.h"
#include "store/address.h"

/* Chunks that travel in an invocation: as base64 they, and what is said about
 * them, stay below what one may have. */
#define TASK_SHIPPED ((uint64_t)4500000)
#define TASK_FETCHED ((uint64_t)64 << 20)
#define TASK_LEAST ((uint64_t)1 << 20)  /* not worth an invocation */
#define TASK_HTTP SK_HTTP_BATCH         /* few calls each */
#define KEPT_S 86400                    /* what no answer carries, on servers */
#define RAMP 1000u                      /* environments of a function ... */
#define RAMP_MS 10000                   /* ... more in so long */
#define MOST_WORKERS 1024u              /* here */
#define FILES_KEPT 64u                  /* descriptors for everything else */
#define A_CALL 20480u                   /* bytes for one, most of them libcurl's */

bool sk_job_away_is(const struct snek_job *j)
{
	return j->on == SK_ON_LAMBDA || j->on == SK_ON_HTTP;
}

/* ---- whether it can ---- */

static const struct sk_meta_lambda *lambda_of(const struct snek_job *j)
{
	return &j->map_fn.record->lambda;
}

static int check_lambda(const struct snek_job *j, struct snek_error *e)
{
	const struct sk_meta_function *m = j->map_fn.record;

	if (j->call.lib)
		return sk_fail(e, SNEK_EINVAL, "--call runs here; to have it in a "
		    "Lambda, register it with snek-add-function --call");
	if (!m || !*m->lambda.arn)
		return sk_fail(e, SNEK_EINVAL, "%s has no Lambda; give it one "
		    "with snek-add-function --on lambda, or run it --on "
		    "processes", j->function);
	if (*m->sha256 && strcmp(m->sha256, m->lambda.plugin_sha256))
		return sk_fail(e, SNEK_EINVAL, "%s: its Lambda %s has other "
		    "bytes than what is registered here; add it again with "
		    "snek-add-function --on lambda", j->function,
		    m->lambda.name);
	return 0;
}

static int check_url(const struct snek_job *j, bool url, struct snek_error *e)
{
	if (url == (j->on == SK_ON_HTTP))
		return 0;
	return url ? sk_fail(e, SNEK_EINVAL, "%s is a URL: it runs --on http "
	    "only", j->function)
	    : sk_fail(e, SNEK_EINVAL, "%s is no URL, and only those run --on "
	    "http; snek-add-function --url registers one", j->function);
}

static bool is_url(const struct snek_job *j)
{
	const struct sk_meta_function *m = j->map_fn.record;

	return m && m->kind == SK_FUNCTION_URL;
}

/* Its plugin is not to be loaded here, or not to be had. */
static bool is_bare(const struct snek_job *j)
{
	const struct sk_meta_function *m = j->map_fn.record;

	return j->cat && (j->cat->bare || (m && m->kind == SK_FUNCTION_OP &&
	    !j->map_fn.path));
}

/* Where nothing of others is loaded, what ships runs in this process. */
static enum sk_on default_of(const struct snek_job *j)
{
	if (is_url(j))
		return SK_ON_HTTP;
	if (!is_bare(j))
		return SK_ON_PROCESSES;
	return j->map_fn.record ? SK_ON_LAMBDA : SK_ON_THREADS;
}

void sk_job_away_choose(struct snek_job *j)
{
	j->on = j->set.on ? j->set.on : default_of(j);
	j->splits = j->on == SK_ON_LAMBDA && !j->journal.store;
}

int sk_job_away_check(const struct snek_job *j, struct snek_error *e)
{
	int rc = check_url(j, is_url(j), e);

	if (!rc && !sk_job_away_is(j) && j->set.workers > MOST_WORKERS)
		rc = sk_fail(e, SNEK_EINVAL, "workers: %u are more than the %u "
		    "that run here", j->set.workers, MOST_WORKERS);
	if (!rc && is_bare(j) && (j->on == SK_ON_PROCESSES ||
	    (j->on == SK_ON_THREADS && j->map_fn.record)))
		rc = sk_fail(e, SNEK_EINVAL, "%s: what is registered runs in its "
		    "Lambda here, and nowhere else", j->function);
	return rc || j->on != SK_ON_LAMBDA ? rc : check_lambda(j, e);
}

/* Built-in reducers run no code of others. */
bool sk_job_away_wants_worker(const struct snek_job *j)
{
	struct sk_reducer r = { 0 };
	bool built_in = !j->reduce || !sk_reducer_parse(&r, j->reduce, NULL);

	sk_reducer_free(&r);
	if (is_bare(j))
		return false;
	return j->on == SK_ON_HTTP ? !built_in : j->on != SK_ON_THREADS;
}

/* ---- who calls ---- */

static bool env(const char *name)
{
	const char *v = getenv(name);

	return v && *v;
}

/* An emulator may have moved; then the profile or the environment says where it
 * is.  The record alone has nothing sent to other machines, for whoever may
 * write it could have credentials sent to him. */
static const char *endpoint_of(const struct sk_target *t,
    const struct sk_meta_lambda *l)
{
	if (t->endpoint)
		return t->endpoint;
	return !*l->endpoint || env("AWS_ENDPOINT_URL_LAMBDA") ||
	    env("AWS_ENDPOINT_URL") || strncmp(l->endpoint, "http://", 7) ||
	    sk_weburl_check(l->endpoint, NULL) ? NULL : l->endpoint;
}

static int open_caller(struct snek_job *j, struct snek_error *e)
{
	struct sk_aws_options o = { .connections = j->set.workers,
		.plain = j->on == SK_ON_HTTP };
	struct sk_target t = { 0 };
	int rc = 0;

	if (j->on == SK_ON_LAMBDA) {
		rc = sk_target_find(j->cat, &t, e);
		o.profile = t.aws_profile;
		o.region = lambda_of(j)->region;
		o.endpoint = endpoint_of(&t, lambda_of(j));
	}
	if (!rc || rc == SNEK_ENOENT)
		rc = j->away.aws->open(&o, &j->away.caller, e);
	sk_target_free(&t);
	return rc;
}

static uint32_t files_left(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur > UINT32_MAX)
		return UINT32_MAX;
	return l.rlim_cur > 2 * FILES_KEPT ? (uint32_t)l.rlim_cur - FILES_KEPT
	    : FILES_KEPT;
}

static void say_doubt(struct snek_job *j, const struct snek_error *doubt)
{
	char line[700];

	snprintf(line, sizeof(line), "Lambda %s: %s", lambda_of(j)->name,
	    doubt->text);
	sk_job_log(j, SNEK_WARN, line);
}

static int find_room(struct snek_job *j, uint32_t *room, struct snek_error *e)
{
	uint32_t files = files_left(), wanted = j->set.workers;
	struct snek_error doubt = { 0 };
	int rc = 0;

	*room = j->on == SK_ON_HTTP ? SK_HTTP_ROOM : SK_LAMBDA_ROOM;
	if (wanted)
		*room = wanted;
	if (j->on == SK_ON_LAMBDA)
		rc = sk_lambda_room(j->away.aws, j->away.caller,
		    lambda_of(j)->name, &j->cancelled, &wanted, &doubt, e);
	if (!rc && doubt.code)
		say_doubt(j, &doubt);
	if (j->on == SK_ON_LAMBDA && !rc && *room > wanted)
		*room = wanted;
	if (*room > files)
		*room = files;
	return rc;
}

/* What it cannot do is said when more is known of its function. */
int sk_job_away_begin(struct snek_job *j, struct snek_error *e)
{
	int rc;

	if (j->away.caller || !sk_job_away_is(j) || sk_job_away_check(j, NULL))
		return 0;
	rc = sk_aws_load(&j->away.aws, e);
	return rc ? rc : open_caller(j, e);
}

int sk_job_away_open(struct snek_job *j, struct snek_error *e)
{
	if (j->away.room)               /* it was asked already */
		return 0;
	return find_room(j, &j->away.room, e);
}

void sk_job_away_close(struct snek_job *j)
{
	struct sk_job_away *r = &j->away;

	if (r->caller)
		r->aws->close(r->caller);
	if (r->source.p)
		explicit_bzero(r->source.p, r->source.cap);
	sk_buf_free(&r->source);
	memset(r, 0, sizeof(*r));
}

/* ---- how much at once ---- */

/* One wave: a call costs more than an uneven end. */
void sk_job_away_limit_plan(const struct snek_job *j, struct sk_plan_limits *l)
{
	l->reducers = l->workers;
	l->workers = j->away.room / 4 + (j->away.room % 4 != 0);
	if (j->set.chunk_records) {
		l->max_bytes = 1;
		return;
	}
	if (j->on == SK_ON_HTTP) {
		l->max_bytes = TASK_HTTP;
		return;
	}
	l->max_bytes = sk_job_fetch_any(j) ? TASK_FETCHED : TASK_SHIPPED;
	if (!l->min_bytes)
		l->min_bytes = TASK_LEAST;
}

uint64_t sk_job_away_weight(const struct snek_job *j, uint64_t bytes)
{
	return bytes + (j->on == SK_ON_LAMBDA ? SK_LAMBDA_A_CHUNK : 0);
}

/* What a call takes here while it is under way: its input twice, for the answer
 * may be as much. */
static uint64_t bytes_of_calls(const struct snek_job *j)
{
	uint64_t most = 0;
	uint32_t i;

	if (j->on == SK_ON_LAMBDA && sk_job_fetch_any(j))
		return 65536;
	for (i = 0; i < j->plan.tasks; i++)
		most = j->plan.task[i].bytes > most ? j->plan.task[i].bytes
		    : most;
	return 65536 + most * 3;
}

void sk_job_away_limit_sched(const struct snek_job *j, struct sk_sched_config *c)
{
	uint64_t memory = (uint64_t)j->budget.attempt * j->budget.workers;
	uint64_t fit = memory / bytes_of_calls(j);

	c->slots = j->away.room;
	if (c->slots > fit)
		c->slots = fit ? (uint32_t)fit : 1;
	c->backups = true;
	if (j->on == SK_ON_LAMBDA) {
		c->ramp = RAMP;
		c->ramp_ms = RAMP_MS;
	}
}

/* A twentieth of what 1,000 calls took of the processor was the growing of the
 * heap. */
void sk_job_away_expect(const struct snek_job *j)
{
	uint32_t calls = j->plan.tasks < j->away.room ? j->plan.tasks
	    : j->away.room;

	if (sk_job_away_is(j))
		sk_thread_expect((size_t)calls * A_CALL);
}

/* ---- the executor ---- */

/* Names of files mean nothing elsewhere. */
static int bare_source(struct snek_job *j, struct sk_exec_job *x,
    struct snek_error *e)
{
	struct sk_buf *b = &j->away.source;
	struct sk_address a;
	uint32_t i;
	int rc = 0;

	for (i = 0; x->source.n && i < SK_MAX_SHARDS && !rc; i++) {
		rc = sk_address_find(x->source, i, &a);
		if (rc == SNEK_ENOENT) {
			rc = 0;
			continue;
		}
		a.ca_file = a.cert_file = a.key_file = NULL;
		if (!rc && !sk_address_put(b, &a))
			rc = SNEK_ENOMEM;
	}
	x->source = (struct sk_span){ b->p, b->n };
	return rc ? sk_fail(e, rc, "the addresses of shards: %s",
	    sk_strerror(rc)) : 0;
}

/* As the worker there is to see it: it has one plugin, and memory of its own.
 * An op of another one reduces here, and combines nothing there. */
static void describe_lambda(const struct snek_job *j, struct sk_exec_job *x)
{
	uint32_t mb = lambda_of(j)->memory_mb;

	if (x->reduce_op != x->op) {
		x->reduce_plugin = NULL;
		x->reduce_op = NULL;
		x->reduce_args = NULL;
	}
	if (j->set.combine == SK_COMBINE_AUTO)
		x->memory = (size_t)(mb > 128 ? mb - 64 : 64) << 20;
}

/* Whose servers take what is handed on. */
static bool has_shards(const struct snek_job *j)
{
	return sk_job_fetch_any(j) || (is_bare(j) && j->snap &&
	    j->cat->servers);
}

/* By those who asked for partitions, and by an op that is there; and always
 * where the op is not here. */
bool sk_job_away_reduces(const struct snek_job *j)
{
	const struct sk_exec_job *x = &j->exec_job;
	bool own = x->reduce_op && x->reduce_op == x->op;

	return j->on == SK_ON_LAMBDA && has_shards(j) &&
	    j->reducer.kind != SK_LISTED && (j->set.partitions > 1 ||
	    (own && is_bare(j))) && (!x->reduce_op || own);
}

static uint32_t keep_s(const struct snek_job *j)
{
	int64_t left = (j->deadline_ms - sk_clock_ms()) / 1000 + 60;

	if (!has_shards(j))
		return 0;
	return j->deadline_ms && left < KEPT_S ? (uint32_t)(left > 60 ? left
	    : 60) : KEPT_S;
}

static int name_job(struct snek_job *j, struct snek_error *e)
{
	struct sk_write_id id;
	int rc = 0;

	if (j->journal.store)
		memcpy(j->kept.job, j->journal.id, sizeof(j->kept.job));
	else
		rc = sk_write_id_new(&id, e);
	if (!rc && !j->journal.store)
		sk_write_id_hex(id, j->kept.job);
	return rc;
}

static int open_lambda(struct snek_job *j, struct sk_exec *local,
    struct sk_exec **out, struct snek_error *e)
{
	const struct sk_meta_lambda *l = lambda_of(j);
	struct sk_exec_job x = j->exec_job;
	struct sk_exec_lambda o = { .aws = j->away.aws,
		.caller = j->away.caller, .local = local, .name = l->name,
		.arn = l->arn, .arch = l->arch,
		.plugin_sha256 = l->plugin_sha256, .job = j->kept.job,
		.memory_mb = l->memory_mb, .timeout_s = l->timeout_s,
		.keep_s = keep_s(j), .keep_all = sk_job_away_reduces(j),
		.quiet = j->journal.store != NULL };
	int rc = name_job(j, e);

	if (!rc)
		rc = bare_source(j, &x, e);
	if (rc) {
		if (local)
			local->ops->close(local);
		return rc;
	}
	j->kept.hand_on = o.keep_all;
	describe_lambda(j, &x);
	j->away.caller = NULL;
	return sk_exec_lambda(&x, &o, out, e);
}

/* As much of the job as there is by now. */
int sk_job_away_ask(struct snek_job *j, struct sk_opened *out,
    struct snek_error *e)
{
	const struct sk_reducer none = { 0 };
	const struct sk_exec_job x = { .call = sk_job_called(j),
		.plugin = j->map_fn.plugin, .op = j->map_fn.op,
		.args = &j->map_args, .reducer = &none,
		.category = j->exec_job.category, .sides = j->exec_job.sides,
		.partitions = 1, .deadline_ms = j->deadline_ms,
		.map_file = { 0, SK_AWAY_PLUGIN, sk_job_called(j) } };
	const struct sk_meta_lambda *l = lambda_of(j);
	struct sk_exec_lambda o = { .name = l->name, .arn = l->arn,
		.plugin_sha256 = l->plugin_sha256, .job = j->kept.job,
		.cancelled = &j->cancelled };
	int rc = name_job(j, e);

	if (!rc)
		rc = sk_job_away_open(j, e);
	o.aws = j->away.aws;
	o.caller = j->away.caller;
	return rc ? rc : sk_lambda_ask(&x, &o, j->cat->told, out, e);
}

static int open_http(struct snek_job *j, struct sk_exec *local,
    struct sk_exec **out, struct snek_error *e)
{
	const struct sk_exec_http o = { .aws = j->away.aws,
		.caller = j->away.caller, .local = local,
		.name = j->function, .url = j->map_fn.record->url,
		.batch = j->set.batch, .call_ms = j->set.call_ms };

	j->away.caller = NULL;
	return sk_exec_http(&j->exec_job, &o, out, e);
}

int sk_job_away_exec(struct snek_job *j, struct sk_exec *local,
    struct sk_exec **out, struct snek_error *e)
{
	return j->on == SK_ON_LAMBDA ? open_lambda(j, local, out, e)
	    : open_http(j, local, out, e);
}

/* ---- the end ---- */

void sk_job_away_say_left(const struct snek_job *j, struct snek_error *e)
{
	const struct sk_exec_stat *s = &j->away.stat;
	struct snek_error was = *e;

	if (s->left)
		sk_fail(e, was.code, "%.400s; %u %s%s may still be running, for "
		    "%" PRId64 " s at most", was.text, s->left,
		    j->on == SK_ON_LAMBDA ? "invocation" : "call",
		    s->left == 1 ? "" : "s", (s->left_ms + 999) / 1000);
}
