/* SPDX-License-Identifier: MIT */
/* snek_logs.c - the front door to what functions at AWS log: which log groups
 * are a cluster's, and what a line of theirs says. */
#include "handle.h"

#include <ctype.h>
#include <stdlib.h>
#include <time.h>

#include "aws/json.h"
#include "aws/logs.h"
#include "category/cluster.h"
#include "job/addition.h"
#include "snek_stack.h"

#define LAMBDA "/aws/lambda/"
#define LOOK_BACK_MS ((int64_t)30 * 60 * 1000)
enum { GROUPS = 1000, NAME = 160 };

struct logs {
	struct snek_log_options o;
	int (*visit)(void *, const struct snek_log_line *);
	char stack[40];                 /* "": none is known */
	char *group[GROUPS];
	size_t groups;
	const struct sk_aws_ops *ops;
	struct sk_aws *aws;
	struct sk_buf text;             /* of the line at hand, as values */
	struct snek_error *e;
};

/* ---- groups ---- */

static int add_group(struct logs *l, const char *prefix, const char *name)
{
	char *text;
	size_t i;

	if (asprintf(&text, "%s%s", prefix, name) < 0)
		return sk_enomem(l->e);
	for (i = 0; i < l->groups && strcmp(l->group[i], text); i++)
		;
	if (i < l->groups) {
		free(text);
		return 0;
	}
	if (l->groups == GROUPS) {
		free(text);
		return sk_fail(l->e, SNEK_ELIMIT, "more than %d log groups: name "
		    "a function", GROUPS);
	}
	l->group[l->groups++] = text;
	return 0;
}

/* ---- of a stack ---- */

/* One of the stack's own: Write, Query ... */
static const char *own_function(const char *name)
{
	static const char *const own[] = { "Write", "Query", "Find",
		"Coordinator" };
	size_t i;

	for (i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (!strcasecmp(own[i], name))
			return own[i];
	return NULL;
}

/* The plugin's name as add-function gives it to AWS, which has no '.'; if it
 * had any, a dash and eight digits follow. */
static bool is_mapper(const char *name, const char *prefix,
    const char *function)
{
	const char *p = name + strlen(prefix);
	size_t i;

	for (i = 0; function[i] && p[i] == (function[i] == '.' ? '_' :
	    function[i]); i++)
		;
	if (function[i] && function[i] != '.')
		return false;
	return !p[i] || (p[i] == '-' && strlen(p + i) == 9 &&
	    strspn(p + i + 1, "0123456789abcdef") == 8);
}

struct search {
	struct logs *l;
	char prefix[64];
};

static int visit_mapper(void *arg, const char *name)
{
	const struct search *s = arg;

	return is_mapper(name, s->prefix, s->l->o.function) ?
	    add_group(s->l, "", name) : 0;
}

/* Another stack's name, or a cluster's, may begin with ours and a dash. */
static int visit_ours(void *arg, const char *name)
{
	const struct search *s = arg;
	const char *rest = name + strlen(s->prefix), *own = own_function(rest);

	return !strncmp(rest, "fn-", 3) || (own && !strcmp(own, rest)) ?
	    add_group(s->l, "", name) : 0;
}

static int all_of_stack(struct logs *l)
{
	struct search s = { .l = l };
	int rc;

	snprintf(s.prefix, sizeof(s.prefix), LAMBDA "%s-", l->stack);
	rc = l->ops->logs_groups(l->aws, s.prefix, visit_ours, &s, l->e);
	return rc ? rc : add_group(l, "/aws/apigateway/", l->stack);
}

static int mapper_of_stack(struct logs *l)
{
	struct search s = { .l = l };
	int rc;

	snprintf(s.prefix, sizeof(s.prefix), LAMBDA "%s-fn-", l->stack);
	rc = l->ops->logs_groups(l->aws, s.prefix, visit_mapper, &s, l->e);
	if (!rc && !l->groups)
		rc = sk_fail(l->e, SNEK_ENOENT, "the stack %s has no log of a "
		    "function %s; its own are write, query, find, coordinator "
		    "and api", l->stack, l->o.function);
	return rc;
}

static int of_stack(struct logs *l)
{
	const char *f = l->o.function, *own = f ? own_function(f) : NULL;
	char name[64];

	if (!f)
		return all_of_stack(l);
	if (!strcasecmp(f, "api"))
		return add_group(l, "/aws/apigateway/", l->stack);
	if (!own)
		return mapper_of_stack(l);
	snprintf(name, sizeof(name), "%s-%s", l->stack, own);
	return add_group(l, LAMBDA, name);
}

/* ---- of a cluster that is reached itself ---- */

struct records {
	struct logs *l;
	struct sk_meta_lambda known;    /* of the first */
	bool any;                       /* a function of the name */
	int rc;
};

static int visit_record(void *arg, const struct sk_meta_function *m)
{
	struct records *r = arg;
	const char *f = r->l->o.function;

	if (f && strcmp(m->plugin, f) && strcmp(m->name, f))
		return 0;
	r->any = true;
	if (!*m->lambda.arn)
		return 0;
	if (!*r->known.arn)
		r->known = m->lambda;
	r->rc = add_group(r->l, LAMBDA, m->lambda.name);
	return r->rc != 0;
}

static int none_has(const struct records *r)
{
	const char *f = r->l->o.function;

	if (f && !r->any)
		return sk_fail(r->l->e, SNEK_ENOENT, "no function %s is "
		    "registered; snek functions lists them", f);
	return sk_fail(r->l->e, SNEK_ENOENT, "%s has no Lambda, and so no log; "
	    "snek-add-function --on lambda gives it one", f ? f :
	    "no function of the cluster");
}

static int of_cluster(struct logs *l, struct sk_catalog *cat)
{
	const struct sk_lambda_want w = { .target = {
		.region = (char *)(uintptr_t)l->o.region,
		.endpoint = (char *)(uintptr_t)l->o.endpoint,
		.aws_profile = (char *)(uintptr_t)l->o.aws_profile } };
	struct records r = { .l = l };
	int rc = cat->meta->ops->function_list(cat->meta, visit_record, &r, l->e);

	if (r.rc)
		return r.rc;
	if (rc < 0)
		return rc;
	if (!l->groups)
		return none_has(&r);
	return sk_function_aws(cat, &w, &r.known, &l->ops, &l->aws, l->e);
}

/* ---- which it is ---- */

static int open_aws(struct logs *l, const struct sk_profile *p)
{
	struct sk_aws_options o = { .connections = 4,
		.region = l->o.region ? l->o.region : p->lambda_region,
		.profile = l->o.aws_profile ? l->o.aws_profile : p->aws_profile,
		.endpoint = l->o.endpoint ? l->o.endpoint : p->lambda_endpoint };
	int rc = sk_aws_load(&l->ops, l->e);

	return rc ? rc : l->ops->open(&o, &l->aws, l->e);
}

static int by_name(struct logs *l, const char *where)
{
	struct sk_profile p = { 0 };
	struct snek_error why = { 0 };
	struct sk_catalog *cat;
	int rc = sk_profile_is_name(where) ? sk_profile_find(where, &p, &why) : 0;

	if (rc == SNEK_ENOENT && (l->o.stack || (l->o.function &&
	    *l->o.function == '/')))
		rc = 0;                 /* no profile is needed for these */
	if (rc && l->e)
		*l->e = why;
	if (!rc)
		sk_stack_of(&p, where, l->o.stack, l->stack);
	if (!rc && l->o.function && *l->o.function == '/') {
		rc = open_aws(l, &p);
		if (!rc)
			rc = add_group(l, "", l->o.function);
	} else if (!rc && *l->stack) {
		rc = open_aws(l, &p);
		if (!rc)
			rc = of_stack(l);
	} else if (!rc && (sk_client_is_url(where) || (p.cluster &&
	    sk_client_is_url(p.cluster)))) {
		rc = sk_fail(l->e, SNEK_EINVAL, "%s is a gateway: say --stack if "
		    "it is that of one, or read the log of snek gateway", where);
	} else if (!rc) {
		rc = sk_cluster_open(where, NULL, &cat, l->e);
		if (!rc) {
			rc = of_cluster(l, cat);
			sk_catalog_close(cat);
		}
	}
	sk_profile_free(&p);
	return rc;
}

/* ---- lines ---- */

/* A text of the line's object, kept in text until the next line; NULL. */
static const char *text_at(struct logs *l, const struct sk_json *j,
    const char *path)
{
	char *at = l->text.p + l->text.n;

	if (!sk_json_text(j, path, at, l->text.cap - l->text.n))
		return NULL;
	l->text.n += strlen(at) + 1;
	return at;
}

static void read_line(struct logs *l, const struct sk_json *j,
    struct snek_log_line *out)
{
	out->level = text_at(l, j, "level");
	out->message = text_at(l, j, "message");
	if (!out->message)              /* of one that died */
		out->message = text_at(l, j, "errorMessage");
	out->request_id = text_at(l, j, "requestId");
	out->job = text_at(l, j, "job");
	sk_json_int(j, "stage", &out->stage);
	sk_json_int(j, "task", &out->task);
	sk_json_int(j, "attempt", &out->attempt);
}

static bool is_wanted(const struct logs *l, const struct snek_log_line *v)
{
	if (l->o.job && (!v->job || strncmp(v->job, l->o.job,
	    strlen(l->o.job))))
		return false;
	return !l->o.has_task || v->task == (int64_t)l->o.task;
}

static int take_event(void *arg, const struct sk_log_event *ev)
{
	struct logs *l = arg;
	const char *name = ev->group;
	const struct sk_buf text = { (char *)(uintptr_t)ev->text.p, ev->text.n,
		0 };
	struct snek_log_line v = { .size = sizeof(v), .ms = ev->ms,
		.stream = ev->stream, .id = ev->id, .text = ev->text.p,
		.stage = -1, .task = -1, .attempt = -1 };
	struct sk_json *j = NULL;
	int rc = 0;

	if (!strncmp(name, LAMBDA, strlen(LAMBDA)))
		name += strlen(LAMBDA);
	v.function = name;
	l->text.n = 0;
	if (!sk_buf_reserve(&l->text, text.n + 8))
		return sk_enomem(l->e);
	if (text.n && *text.p == '{' && !sk_json_open(&text, &j, NULL))
		read_line(l, j, &v);
	if (is_wanted(l, &v))
		rc = l->visit(l->o.arg, &v);
	sk_json_close(j);
	return rc;
}

static int waits(void *arg, const char *what)
{
	const struct logs *l = arg;

	(void)what;
	return l->o.waits ? l->o.waits(l->o.arg) : 0;
}

/* ---- all of it ---- */

static int check(struct logs *l, struct snek_error *e)
{
	const char *s = l->o.job;

	if (s && (!*s || strlen(s) > 32 || s[strspn(s, "0123456789abcdef")]))
		return sk_fail(e, SNEK_EINVAL, "\"%.40s\" is no id of a job, "
		    "which has 32 of 0-9 and a-f", s);
	if (l->o.function && !*l->o.function)
		return sk_fail(e, SNEK_EINVAL, "a function has a name");
	return 0;
}

static int tail(struct logs *l)
{
	char filter[40];
	struct sk_logs t = { .group = (const char *const *)l->group,
		.groups = l->groups, .since_ms = l->o.since_ms,
		.follow = l->o.follow, .watch = { .waits = waits, .arg = l },
		.event = take_event, .arg = l };

	if (!t.since_ms)
		t.since_ms = (int64_t)time(NULL) * 1000 - LOOK_BACK_MS;
	if (l->o.job && strlen(l->o.job) == 32) {
		snprintf(filter, sizeof(filter), "%s", l->o.job);
		t.filter = filter;
	}
	return l->ops->logs_tail(l->aws, &t, l->e);
}

int snek_logs(const char *where, const struct snek_log_options *options,
    int (*visit)(void *, const struct snek_log_line *), struct snek_error *e)
{
	struct logs l = { .visit = visit, .e = e };
	struct sk_buf b = { 0 };
	bool named = true;
	size_t i;
	int rc = sk_need((const void *)(uintptr_t)visit,
	    "function to visit with", e);

	if (!rc)
		rc = sk_options_copy(&l.o, sizeof(l.o), options, e);
	if (!rc)
		rc = check(&l, e);
	if (!rc && !where)
		rc = sk_cluster_default(&b, &named, e);
	if (!rc)
		rc = by_name(&l, where ? where : b.p);
	if (!rc)
		rc = tail(&l);
	for (i = 0; i < l.groups; i++)
		free(l.group[i]);
	if (l.aws)
		l.ops->close(l.aws);
	sk_buf_free(&l.text);
	sk_buf_free(&b);
	return rc;
}
