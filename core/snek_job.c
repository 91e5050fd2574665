/* SPDX-License-Identifier: MIT */
/* snek_job.c - the front door to functions, jobs and results. */
#include "handle.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "job/result.h"
#include "value/input.h"

/* ---- functions ---- */

int snek_function_add(snek_cluster *c, const char *path, bool replace,
    bool *out_changed, struct snek_error *e)
{
	return sk_function_add(c->cat, path, replace, out_changed, e);
}

struct removal {
	const char *name;
	char **match;
	size_t n;
};

/* The name itself, or ops of the plugin with that name. */
static int match_function(void *arg, const struct sk_meta_function *m)
{
	struct removal *r = arg;
	char **p;

	if (strcmp(m->name, r->name) && strcmp(m->plugin, r->name))
		return 0;
	p = realloc(r->match, (r->n + 1) * sizeof(*p));
	if (!p)
		return SNEK_ENOMEM;
	r->match = p;
	p[r->n] = strdup(m->name);
	return p[r->n++] ? 0 : SNEK_ENOMEM;
}

int snek_function_remove(snek_cluster *c, const char *name,
    struct snek_error *e)
{
	struct sk_meta *m = c->cat->meta;
	struct removal r = { name, NULL, 0 };
	size_t i;
	int rc = m->ops->function_list(m, match_function, &r, e);

	if (!rc && !r.n)
		rc = sk_fail(e, SNEK_ENOENT, "no function %s is registered; "
		    "snek functions lists them", name);
	for (i = 0; i < r.n && !rc; i++)
		rc = m->ops->function_remove(m, r.match[i], e);
	for (i = 0; i < r.n; i++)
		free(r.match[i]);
	free(r.match);
	return rc;
}

static const char *type_name(uint32_t type)
{
	static const char *const names[] = {
		"string", "int", "double", "bool", "choice", "list",
	};

	return type < sizeof(names) / sizeof(*names) ? names[type] : "?";
}

struct visit {
	struct sk_catalog *cat;
	int (*visit)(void *, const struct snek_function_info *);
	void *arg;
	struct snek_error *e;
};

static void describe_args(const struct sk_op *op, struct snek_arg_info *out)
{
	uint32_t i;

	for (i = 0; i < op->args; i++) {
		out[i].name = op->arg[i].name;
		out[i].type = type_name(op->arg[i].type);
		out[i].value = op->arg[i].value;
		out[i].choices = op->arg[i].choices;
		out[i].help = op->arg[i].help;
		out[i].required = op->arg[i].required;
	}
}

static int show(struct visit *v, const char *name, const struct sk_function *f,
    const struct sk_op *op)
{
	struct snek_arg_info *arg = calloc(op->args + 1, sizeof(*arg));
	struct snek_function_info info = {
		.size = sizeof(info), .name = name, .summary = op->op.summary,
		.version = f->plugin->version, .origin = f->origin,
		.path = f->path, .generation = f->generation,
		.reducer = op->op.reducer, .args = op->args, .arg = arg,
	};
	int rc;

	if (!arg)
		return sk_enomem(v->e);
	memcpy(info.sha256, f->sha256, sizeof(info.sha256));
	describe_args(op, arg);
	rc = v->visit(v->arg, &info);
	free(arg);
	return rc;
}

static int show_function(void *arg, const char *name)
{
	struct visit *v = arg;
	struct sk_function f;
	int rc = sk_function_find(v->cat, name, &f, v->e);

	if (rc)
		return rc;
	rc = show(v, name, &f, f.op);
	sk_function_free(&f);
	return rc;
}

int snek_function_list(snek_cluster *c,
    int (*visit)(void *, const struct snek_function_info *), void *arg,
    struct snek_error *e)
{
	struct visit v = { c ? c->cat : NULL, visit, arg, e };

	return sk_function_names(v.cat, show_function, &v, e);
}

int snek_function_find(snek_cluster *c, const char *name,
    int (*visit)(void *, const struct snek_function_info *), void *arg,
    struct snek_error *e)
{
	struct visit v = { c ? c->cat : NULL, visit, arg, e };

	return show_function(&v, name);
}

/* ---- jobs ---- */

int snek_job_new(snek_cluster *c, const char *category, snek_job **out,
    struct snek_error *e)
{
	if (category && !c)
		return sk_fail(e, SNEK_EINVAL, "a category without a cluster");
	return sk_job_new(c ? c->cat : NULL, category, out, e);
}

static int check(const struct snek_job *j, struct snek_error *e)
{
	return j->state == SK_JOB_NEW ? 0
	    : sk_fail(e, SNEK_EINVAL, "the job has begun");
}

static int open_spool(struct snek_job *j, struct snek_error *e)
{
	int rc = check(j, e);

	if (!rc && j->category)
		rc = sk_fail(e, SNEK_EINVAL, "a job over a category reads no files");
	if (rc || j->spool)
		return rc;
	j->spool = calloc(1, sizeof(*j->spool));
	if (!j->spool)
		return sk_enomem(e);
	return sk_spool_open(j->spool, j->set.tmp, e);
}

static int read_all(struct snek_job *j, sk_input *in, struct snek_error *e)
{
	struct sk_record r;
	struct sk_span text;
	bool again;
	int rc;

	while ((rc = sk_input_next(in, &r, &text, &again, e)) == 1) {
		rc = sk_spool_add(j->spool, &r, e);
		if (!rc && __atomic_load_n(&j->cancelled, __ATOMIC_RELAXED))
			rc = sk_fail(e, SNEK_ECANCELED, "cancelled");
		if (rc)
			return rc;
	}
	return rc;
}

int snek_job_read(snek_job *j, int fd, const char *name,
    enum snek_format format, struct snek_error *e)
{
	struct sk_input_options o = {
		.max_record = j->set.max_record,
		.last_duplicate = j->set.last_duplicate,
	};
	sk_input *in;
	int rc = open_spool(j, e);

	if (!rc)
		rc = sk_input_open(fd, name, format, &o, &in, e);
	if (rc)
		return rc;
	rc = read_all(j, in, e);
	sk_input_close(in);
	return rc;
}

static int set_text(struct snek_job *j, char **slot, const char *text,
    struct snek_error *e)
{
	char *copy;
	int rc = check(j, e);

	if (rc)
		return rc;
	copy = text ? strdup(text) : NULL;
	if (text && !copy)
		return sk_enomem(e);
	free(*slot);
	*slot = copy;
	return 0;
}

int snek_job_map(snek_job *j, const char *function, const char *args,
    struct snek_error *e)
{
	int rc = set_text(j, &j->function, function, e);

	return rc ? rc : set_text(j, &j->args_json, args, e);
}

int snek_job_arg(snek_job *j, const char *name, const char *value,
    struct snek_error *e)
{
	int rc = check(j, e);

	return rc ? rc : sk_job_arg(j, name, value, e);
}

int snek_job_reduce(snek_job *j, const char *reducer, struct snek_error *e)
{
	return set_text(j, &j->reduce, reducer, e);
}

int snek_job_set(snek_job *j, const char *setting, const char *value,
    struct snek_error *e)
{
	return sk_job_set(j, setting, value, e);
}

int snek_job_on_log(snek_job *j, void (*log)(void *, int, const char *),
    void *arg)
{
	j->log = log;
	j->log_arg = arg;
	return 0;
}

int snek_job_start(snek_job *j, struct snek_error *e)
{
	return sk_job_start(j, e);
}

int snek_job_wait(snek_job *j, int timeout_ms, struct snek_error *e)
{
	return sk_job_wait(j, timeout_ms, e);
}

void snek_job_cancel(snek_job *j)
{
	sk_job_cancel(j);
}

int snek_job_stat(snek_job *j, struct snek_job_stat *out)
{
	struct snek_job_stat s = { 0 };
	int64_t end;

	pthread_mutex_lock(&j->lock);
	end = j->ended_us ? j->ended_us : sk_clock_us();
	s.tasks = j->stat.tasks;
	s.running = j->stat.running;
	s.done = j->stat.done;
	s.retries = j->stat.retries;
	s.records_total = j->plan.records;
	s.records_in = j->records_in;
	s.records_skipped = j->skipped;
	s.records_out = j->emitted;
	s.bytes_in = j->bytes_in;
	s.seconds = j->started_us ? (double)(end - j->started_us) / 1e6 : 0;
	if (j->state == SK_JOB_DONE && j->reducer.kind != SK_LISTED)
		s.keys = sk_job_keys(j);
	pthread_mutex_unlock(&j->lock);
	sk_report(out, &s, sizeof(s));
	return 0;
}

int snek_job_counters(snek_job *j,
    int (*visit)(void *, const char *, int64_t), void *arg)
{
	return sk_job_counters(j, visit, arg);
}

void snek_job_free(snek_job *j)
{
	sk_job_free(j);
}

/* ---- results ---- */

int snek_result_open(snek_job *j, snek_result **out, struct snek_error *e)
{
	return sk_result_open(j, out, e);
}

int snek_result_next(snek_result *r, struct snek_value *key,
    struct snek_value *value, struct snek_error *e)
{
	return sk_result_next(r, key, value, e);
}

void snek_result_close(snek_result *r)
{
	sk_result_close(r);
}

bool snek_result_is_reduced(const snek_result *r)
{
	return sk_result_is_reduced(r);
}
