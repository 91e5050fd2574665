/* SPDX-License-Identifier: MIT */
/* snek_function.c - the front door to functions. */
#include "handle.h"

#include <stdlib.h>
#include <string.h>

#include "job/function.h"

/* Plugins are looked at in a process of their own. */
static int open_worker(bool trust, sk_worker **out, struct snek_error *e)
{
	const struct sk_worker_options o = { .workers = 1, .trust = trust };

	return sk_worker_open(&o, out, e);
}

int snek_function_put(snek_cluster *c, const char *path,
    const struct snek_function_options *options, bool *out_changed,
    struct snek_error *e)
{
	struct snek_function_options o;
	sk_worker *w;
	int rc = sk_need(c, "cluster", e);

	if (!rc)
		rc = sk_need(path, "plugin file", e);
	if (!rc)
		rc = sk_options_copy(&o, sizeof(o), options, e);
	if (!rc)
		rc = open_worker(o.trust, &w, e);
	if (rc)
		return rc;
	rc = sk_function_add(c->cat, w, path, o.replace, out_changed, e);
	sk_worker_close(w);
	return rc;
}

int snek_function_add(snek_cluster *c, const char *path, bool replace,
    bool *out_changed, struct snek_error *e)
{
	const struct snek_function_options o = { .size = sizeof(o),
		.replace = replace };

	return snek_function_put(c, path, &o, out_changed, e);
}

int snek_function_remove(snek_cluster *c, const char *name,
    struct snek_error *e)
{
	struct snek_error why = { 0 };
	struct sk_meta *m;
	int rc = sk_need(c, "cluster", e);

	if (!rc)
		rc = sk_need(name, "function", e);
	if (rc)
		return rc;
	m = c->cat->meta;
	rc = m->ops->function_remove(m, name, &why);
	if (rc == SNEK_ENOENT)
		return sk_fail(e, SNEK_ENOENT, "no function %s is registered; "
		    "snek functions lists them", name);
	if (rc && e)
		*e = why;
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
	sk_worker *worker;
	int (*visit)(void *, const struct snek_function_info *);
	void *arg;
	struct snek_error *e;
	struct snek_error bad;          /* of the first that is damaged */
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

static int show(struct visit *v, const char *name, struct sk_function *f)
{
	const struct sk_op *op = f->op;
	struct snek_arg_info *arg = calloc(op->args + 1, sizeof(*arg));
	struct snek_function_info info = {
		.size = sizeof(info), .name = name, .summary = op->op.summary,
		.version = f->plugin->version, .origin = f->origin,
		.path = f->path, .generation = f->generation,
		.reducer = op->op.reducer, .args = op->args, .arg = arg,
		.combines = op->op.combine && op->op.reduce,
	};
	int rc = arg ? sk_function_digest(f, v->e) : sk_enomem(v->e);

	if (!rc) {
		memcpy(info.sha256, f->sha256, sizeof(info.sha256));
		describe_args(op, arg);
		rc = v->visit(v->arg, &info);
	}
	free(arg);
	return rc;
}

/* One that is damaged hides no other; one that is gone by now was removed. */
static int show_listed(void *arg, const char *name)
{
	struct snek_error why = { 0 };
	struct visit *v = arg;
	struct sk_function f;
	int rc = sk_function_find(v->cat, v->worker, name, &f, &why);

	if (rc) {
		if (rc != SNEK_ENOENT && !v->bad.code)
			v->bad = why;
		return 0;
	}
	rc = show(v, name, &f);
	sk_function_free(&f);
	return rc;
}

static int list(struct visit *v)
{
	int rc = sk_function_names(v->cat, v->worker, show_listed, v, v->e);

	if (rc || !v->bad.code)
		return rc;
	if (v->e)
		*v->e = v->bad;
	return v->bad.code;
}

static int find(struct visit *v, const char *name)
{
	struct sk_function f;
	int rc = sk_function_find(v->cat, v->worker, name, &f, v->e);

	if (rc)
		return rc;
	rc = show(v, name, &f);
	sk_function_free(&f);
	return rc;
}

int snek_function_visit(snek_cluster *c, const char *name,
    const struct snek_function_options *options,
    int (*visit)(void *, const struct snek_function_info *), void *arg,
    struct snek_error *e)
{
	struct visit v = { c ? c->cat : NULL, NULL, visit, arg, e, { 0 } };
	struct snek_function_options o;
	int rc = sk_need((const void *)(uintptr_t)visit, "function to visit with", e);

	if (!rc)
		rc = sk_options_copy(&o, sizeof(o), options, e);
	if (!rc)
		rc = open_worker(o.trust, &v.worker, e);
	if (!rc)
		rc = name ? find(&v, name) : list(&v);
	sk_worker_close(v.worker);
	return rc;
}

int snek_function_list(snek_cluster *c,
    int (*visit)(void *, const struct snek_function_info *), void *arg,
    struct snek_error *e)
{
	return snek_function_visit(c, NULL, NULL, visit, arg, e);
}

int snek_function_find(snek_cluster *c, const char *name,
    int (*visit)(void *, const struct snek_function_info *), void *arg,
    struct snek_error *e)
{
	int rc = sk_need(name, "function", e);

	return rc ? rc : snek_function_visit(c, name, NULL, visit, arg, e);
}
