/* SPDX-License-Identifier: MIT */
#include "job/job.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/ram.h"
#include "value/input.h"

#define MOST_CALLS 10000u               /* at once */

/* What a child may take, where the job does not say. */
#define CHILD_MEMORY ((uint64_t)4 << 30)

static int init_locks(struct snek_job *j)
{
	pthread_condattr_t attr;
	int rc = pthread_condattr_init(&attr);

	if (rc)
		return rc;
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&j->lock, NULL);
	pthread_mutex_init(&j->log_lock, NULL);
	rc = pthread_cond_init(&j->changed, &attr);
	pthread_condattr_destroy(&attr);
	return rc;
}

static char *default_tmp(void)
{
	const char *t = getenv("TMPDIR");

	return strdup(t && *t ? t : "/tmp");
}

int sk_job_new(struct sk_catalog *cat, const char *category,
    struct snek_job **out, struct snek_error *e)
{
	struct snek_job *j;
	int rc = category ? sk_name_check("category", category, e) : 0;

	if (rc)
		return rc;
	j = calloc(1, sizeof(*j));
	if (!j || init_locks(j)) {
		free(j);
		return sk_enomem(e);
	}
	j->cat = cat;
	j->joined = true;
	j->category = category ? strdup(category) : NULL;
	j->set.tmp = default_tmp();
	if ((category && !j->category) || !j->set.tmp) {
		sk_job_free(j);
		return sk_enomem(e);
	}
	*out = j;
	return 0;
}

static void free_call(struct sk_call *c)
{
	free((char *)c->lib);
	free((char *)c->function);
	free((char *)c->signature);
	free((char *)c->fields);
	memset(c, 0, sizeof(*c));
}

static void free_map(struct snek_job *j)
{
	free(j->function);
	free(j->args_json);
	free_call(&j->call);
	j->function = j->args_json = NULL;
}

static void free_description(struct snek_job *j)
{
	size_t i;

	for (i = 0; i < j->args; i++) {
		free((char *)j->arg[i].name);
		free((char *)j->arg[i].value);
	}
	free(j->arg);
	sk_job_side_forget(&j->sides);
	free(j->category);
	free_map(j);
	free(j->reduce);
	free(j->set.tmp);
	free(j->set.worker);
	free(j->set.bad);
	sk_path_free(&j->set.order_path);
	if (j->spool)
		sk_spool_close(j->spool);
	free(j->spool);
}

static void drop_outcomes(struct sk_outcome *o, uint32_t n)
{
	while (o && n--)
		sk_outcome_free(&o[n]);
	free(o);
}

/* Back to the description alone. */
void sk_job_unprepare(struct snek_job *j)
{
	uint32_t i;

	if (j->exec)
		j->exec->ops->close(j->exec);
	sk_job_away_close(j);
	sk_job_kept_close(&j->kept);
	sk_worker_close(j->worker);
	free(j->file);
	sk_sched_free(j->sched);
	drop_outcomes(j->map_out, j->plan.tasks);
	drop_outcomes(j->reduce_out, j->plan.partitions);
	for (i = 0; j->part && i < j->plan.partitions; i++)
		free(j->part[i]);
	free(j->part);
	free(j->part_runs);
	sk_hold_close(&j->hold);
	sk_job_side_close(&j->sides);
	sk_plan_free(&j->plan);
	sk_fields_free(&j->fields);
	sk_bad_close(&j->bad);
	sk_job_fetch_close(&j->fetch);
	sk_missing_close(&j->missing);
	free(j->chunk);
	sk_args_free(&j->map_args);
	sk_args_free(&j->reduce_args);
	sk_function_free(&j->map_fn);
	sk_function_free(&j->reduce_fn);
	sk_reducer_free(&j->reducer);
	sk_snapshot_close(j->snap);
	memset((char *)j + offsetof(struct snek_job, snap), 0,
	    offsetof(struct snek_job, thread) - offsetof(struct snek_job, snap));
}

void sk_job_free(struct snek_job *j)
{
	if (!j)
		return;
	sk_job_cancel(j);
	sk_job_join(j);
	sk_job_unprepare(j);
	free_description(j);
	pthread_cond_destroy(&j->changed);
	pthread_mutex_destroy(&j->log_lock);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

int sk_job_is_new(struct snek_job *j, struct snek_error *e)
{
	bool new;

	pthread_mutex_lock(&j->lock);
	new = j->state == SK_JOB_NEW;
	pthread_mutex_unlock(&j->lock);
	return new ? 0 : sk_fail(e, SNEK_EINVAL, "the job has begun");
}

/* ---- settings ---- */

static int number(const char *name, const char *text, uint64_t max,
    uint64_t *out, struct snek_error *e)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || *end || *text < '0' || *text > '9' || n > max)
		return sk_fail(e, SNEK_EINVAL, "%s: %s is not a whole number from "
		    "0 to %llu", name, text, (unsigned long long)max);
	*out = n;
	return 0;
}

static int number32(const char *name, const char *text, uint32_t max,
    uint32_t *out, struct snek_error *e)
{
	uint64_t n;
	int rc = number(name, text, max, &n, e);

	if (!rc)
		*out = (uint32_t)n;
	return rc;
}

/* Seconds with up to three decimals, whatever the locale. */
static int seconds(const char *name, const char *v, int64_t *out,
    struct snek_error *e)
{
	static const uint32_t scale[] = { 1000, 100, 10, 1 };
	const char *p = v;
	int64_t ms = 0;
	size_t i;

	while (*p >= '0' && *p <= '9' && ms < 1000000000)
		ms = ms * 10 + (*p++ - '0');
	ms *= 1000;
	if (p > v && *p == '.')
		for (p++, i = 1; i < 4 && *p >= '0' && *p <= '9'; i++)
			ms += (*p++ - '0') * (int64_t)scale[i];
	if (p == v || *p)
		return sk_fail(e, SNEK_EINVAL, "%s: %s is no number of seconds "
		    "(such as 30 or 0.5)", name, v);
	*out = ms;
	return 0;
}

static int set_order(struct snek_job *j, const char *v, struct snek_error *e)
{
	bool down = *v == '-';
	const char *p = v + down;
	struct sk_path path;
	int rc;

	if (!strcmp(v, "key")) {
		j->set.order = SK_ORDER_KEY;
		return 0;
	}
	if (strncmp(p, "value", 5) || (p[5] && p[5] != '.'))
		return sk_fail(e, SNEK_EINVAL, "order: %s is none of key, value, "
		    "-value, value.PATH, -value.PATH", v);
	rc = sk_path_parse(&path, p[5] ? p + 6 : "", e);
	if (rc)
		return rc;
	sk_path_free(&j->set.order_path);
	j->set.order_path = path;
	j->set.order = down ? SK_ORDER_VALUE_DOWN : SK_ORDER_VALUE;
	return 0;
}

static int set_executor(struct snek_job *j, const char *v, struct snek_error *e)
{
	static const struct { const char *name; enum sk_on on; } names[] = {
		{ "", SK_ON_DEFAULT }, { "local", SK_ON_PROCESSES },
		{ "processes", SK_ON_PROCESSES }, { "threads", SK_ON_THREADS },
		{ "lambda", SK_ON_LAMBDA }, { "http", SK_ON_HTTP },
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(v, names[i].name)) {
			j->set.on = names[i].on;
			return 0;
		}
	return sk_fail(e, SNEK_EINVAL, "no executor %s; there are processes "
	    "(or local), threads, lambda and http", v);
}

static int set_bool(const char *name, const char *v, bool *out,
    struct snek_error *e)
{
	if (strcmp(v, "yes") && strcmp(v, "no"))
		return sk_fail(e, SNEK_EINVAL, "%s: %s is none of yes, no", name, v);
	*out = v[0] == 'y';
	return 0;
}

static int set_text(char **out, const char *v, struct snek_error *e)
{
	char *copy = *v ? strdup(v) : NULL;

	if (*v && !copy)
		return sk_enomem(e);
	free(*out);
	*out = copy;
	return 0;
}

static int set_duplicates(struct snek_job *j, const char *v, struct snek_error *e)
{
	if (strcmp(v, "error") && strcmp(v, "last"))
		return sk_fail(e, SNEK_EINVAL, "duplicates: %s is none of error, "
		    "last", v);
	j->set.last_duplicate = v[0] == 'l';
	return 0;
}

static int set_combine(struct snek_job *j, const char *v, struct snek_error *e)
{
	static const char *const names[] = { "auto", "never", "once", "often" };
	uint32_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(v, names[i])) {
			j->set.combine = i;
			return 0;
		}
	return sk_fail(e, SNEK_EINVAL, "combine: %s is none of auto, never, "
	    "once, often", v);
}

static int set_retry_first(struct snek_job *j, const char *v,
    struct snek_error *e)
{
	if (strcmp(v, "yes") && strcmp(v, "no"))
		return sk_fail(e, SNEK_EINVAL, "retry-first: %s is none of yes, "
		    "no", v);
	j->set.retry_first = v[0] == 'y';
	return 0;
}

static int set_tmp(struct snek_job *j, const char *v, struct snek_error *e)
{
	char *tmp = *v ? strdup(v) : default_tmp();

	if (!tmp)
		return sk_enomem(e);
	free(j->set.tmp);
	j->set.tmp = tmp;
	return 0;
}

static int set_memory(struct snek_job *j, const char *v, struct snek_error *e)
{
	uint64_t n;
	int rc = number("memory", v, (uint64_t)1 << 46, &n, e);

	if (rc)
		return rc;
	if (n && n < SK_BUDGET_LEAST)
		return sk_fail(e, SNEK_EINVAL, "memory: %s is too little; %llu "
		    "bytes are the least", v, (unsigned long long)SK_BUDGET_LEAST);
	j->set.memory = n;
	return 0;
}

/* What nobody but a test of an op wants otherwise. */
static int set_for_test(struct snek_job *j, const char *name, const char *v,
    struct snek_error *e)
{
	if (!strcmp(name, "combine"))
		return set_combine(j, v, e);
	if (!strcmp(name, "retry-first"))
		return set_retry_first(j, v, e);
	if (!strcmp(name, "chunk-records"))
		return number32(name, v, UINT32_MAX, &j->set.chunk_records, e);
	return sk_fail(e, SNEK_EINVAL, "a job has no setting %s", name);
}

int sk_job_set(struct snek_job *j, const char *name, const char *v,
    struct snek_error *e)
{
	int rc = sk_job_is_new(j, e);

	if (rc)
		return rc;
	if (!strcmp(name, "workers"))
		return number32(name, v, MOST_CALLS, &j->set.workers, e);
	if (!strcmp(name, "partitions"))
		return number32(name, v, 4096, &j->set.partitions, e);
	if (!strcmp(name, "attempts"))
		return number32(name, v, 100, &j->set.attempts, e);
	if (!strcmp(name, "limit"))
		return number(name, v, UINT64_MAX, &j->set.limit, e);
	if (!strcmp(name, "max-record"))
		return number(name, v, UINT32_MAX, &j->set.max_record, e);
	if (!strcmp(name, "timeout"))
		return seconds(name, v, &j->set.timeout_ms, e);
	if (!strcmp(name, "order"))
		return set_order(j, v, e);
	if (!strcmp(name, "executor"))
		return set_executor(j, v, e);
	if (!strcmp(name, "trust"))
		return set_bool(name, v, &j->set.trust, e);
	if (!strcmp(name, "worker"))
		return set_text(&j->set.worker, v, e);
	if (!strcmp(name, "skip-bad"))
		return number(name, v, UINT32_MAX, &j->set.skip_bad, e);
	if (!strcmp(name, "bad"))
		return set_text(&j->set.bad, v, e);
	if (!strcmp(name, "keep-going"))
		return set_bool(name, v, &j->set.keep_going, e);
	if (!strcmp(name, "memory"))
		return set_memory(j, v, e);
	if (!strcmp(name, "worker-memory"))
		return number(name, v, (uint64_t)1 << 46, &j->set.worker_memory, e);
	if (!strcmp(name, "worker-cpu"))
		return seconds(name, v, &j->set.worker_cpu_ms, e);
	if (!strcmp(name, "batch"))
		return number32(name, v, UINT32_MAX, &j->set.batch, e);
	if (!strcmp(name, "call-timeout"))
		return seconds(name, v, &j->set.call_ms, e);
	if (!strcmp(name, "duplicates"))
		return set_duplicates(j, v, e);
	if (!strcmp(name, "tmp"))
		return set_tmp(j, v, e);
	return set_for_test(j, name, v, e);
}

int sk_job_arg(struct snek_job *j, const char *name, const char *value,
    struct snek_error *e)
{
	struct sk_arg_text *p, *a;
	int rc = sk_job_is_new(j, e);

	if (rc)
		return rc;
	p = realloc(j->arg, (j->args + 1) * sizeof(*p));
	if (!p)
		return sk_enomem(e);
	j->arg = p;
	a = &p[j->args];
	a->name = strdup(name);
	a->value = strdup(value);
	if (!a->name || !a->value) {
		free((char *)a->name);
		free((char *)a->value);
		return sk_enomem(e);
	}
	j->args++;
	return 0;
}

/* ---- what that comes to ---- */

static uint32_t processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return (uint32_t)CPU_COUNT(&set);
}

void sk_job_budget(const struct snek_job *j, struct sk_budget *b)
{
	const struct sk_job_settings *s = &j->set;
	uint64_t limit = s->worker_memory ? s->worker_memory : CHILD_MEMORY;
	uint64_t all = s->memory, there = sk_ram("");

	if (!all || all > there)
		all = all ? there : there / 2;
	if (all < SK_BUDGET_LEAST)
		all = SK_BUDGET_LEAST;
	sk_budget_make(b, all, s->workers && !sk_job_away_is(j) ? s->workers
	    : processors(), s->on != SK_ON_THREADS, s->trust ? 0 : limit);
}

/* A record is in memory several times while it is read. */
int sk_job_limit_record(const struct snek_job *j, uint64_t *most,
    struct snek_error *e)
{
	struct sk_budget b;

	sk_job_budget(j, &b);
	*most = j->set.max_record ? j->set.max_record : SK_MAX_RECORD;
	if (*most <= b.record)
		return 0;
	if (j->set.max_record)
		return sk_fail(e, SNEK_EINVAL, "to read records of %llu bytes "
		    "(max-record) takes %llu bytes of memory, and the job may "
		    "take %llu (memory)", (unsigned long long)*most,
		    (unsigned long long)sk_budget_for_record(*most),
		    (unsigned long long)sk_budget_for_record(b.record));
	*most = b.record;
	return 0;
}

/* ---- what to map ---- */

int sk_job_map(struct snek_job *j, const char *function, const char *args_json,
    struct snek_error *e)
{
	char *name = strdup(function);
	char *args = args_json ? strdup(args_json) : NULL;

	if (!name || (args_json && !args)) {
		free(name);
		free(args);
		return sk_enomem(e);
	}
	free_map(j);
	j->function = name;
	j->args_json = args;
	return 0;
}

static bool copy_call(struct sk_call *to, const struct sk_call *from)
{
	to->lib = strdup(from->lib);
	to->function = strdup(from->function);
	to->signature = strdup(from->signature);
	to->fields = from->fields ? strdup(from->fields) : NULL;
	return to->lib && to->function && to->signature &&
	    (to->fields || !from->fields);
}

int sk_job_call(struct snek_job *j, const struct sk_call *call,
    struct snek_error *e)
{
	struct sk_call copy = { 0 };
	struct sk_plugin *p;
	int rc = sk_call_describe(call, &p, e);

	if (rc)
		return rc;
	sk_plugin_close(p);
	if (!copy_call(&copy, call) || sk_job_map(j, call->function, NULL, NULL)) {
		free_call(&copy);
		return sk_enomem(e);
	}
	j->call = copy;
	return 0;
}
