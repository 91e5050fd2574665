/* SPDX-License-Identifier: MIT */
/* snek_function.c - the front door to functions. */
#include "handle.h"

#include <stdlib.h>
#include <string.h>

#include "snek_lambda.h"

/* Plugins are looked at in a process of their own. */
static int open_worker(bool trust, sk_worker **out, struct snek_error *e)
{
	const struct sk_worker_options o = { .workers = 1, .trust = trust };

	return sk_worker_open(&o, out, e);
}

int sk_function_catalog(const snek_cluster *c, struct sk_catalog **out,
    struct sk_catalog **own, struct snek_error *e)
{
	int rc = sk_need(c, "cluster", e);

	*own = NULL;
	if (!rc && c->client)
		rc = sk_client_catalog(c->client, c->profile, own, e);
	if (!rc)
		*out = *own ? *own : c->cat;
	return rc;
}

int sk_function_catalog_to_change(const snek_cluster *c,
    struct sk_catalog **out, struct sk_catalog **own, struct snek_error *e)
{
	int rc = sk_function_catalog(c, out, own, e);

	if (rc || !(*out)->meta->ops->read_only((*out)->meta))
		return rc;
	rc = sk_fail(e, SNEK_EACCES, *own ? "%s: functions are added and "
	    "removed where the cluster itself is reached, which loads them" :
	    "%s is read-only", (*out)->where);
	sk_catalog_close(*own);
	return rc;
}

int snek_function_remove(snek_cluster *c, const char *name,
    struct snek_error *e)
{
	struct snek_error why = { 0 };
	struct sk_catalog *cat, *own;
	int rc = sk_need(name, "function", e);

	if (!rc)
		rc = sk_function_catalog_to_change(c, &cat, &own, e);
	if (rc)
		return rc;
	rc = cat->meta->ops->function_remove(cat->meta, name, &why);
	sk_catalog_close(own);
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

static void describe_kind(const struct sk_meta_function *m,
    struct snek_function_info *out)
{
	out->kind = "op";
	if (m && m->kind == SK_FUNCTION_URL) {
		out->kind = "url";
		out->url = m->url;
	} else if (m && m->kind == SK_FUNCTION_CALL) {
		out->kind = "call";
		out->library = m->lib;
		out->function = m->op;
		out->signature = m->signature;
		out->fields = *m->fields ? m->fields : NULL;
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
	struct snek_lambda_info lambda;
	int rc = arg ? sk_function_digest(f, v->e) : sk_enomem(v->e);

	if (f->record && *f->record->lambda.arn) {
		sk_lambda_tell(&f->record->lambda, &lambda);
		info.lambda = &lambda;
	}
	if (!rc) {
		memcpy(info.sha256, f->sha256, sizeof(info.sha256));
		describe_args(op, arg);
		describe_kind(f->record, &info);
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
	if (!rc && c && c->client)
		return sk_client_functions(c->client, name, visit, arg, e);
	if (!rc && !(c && c->cat->bare))
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

/* ---- adding ---- */

static int add_plugin(struct sk_catalog *cat, const char *path,
    const struct snek_function_options *o, struct sk_addition *a,
    struct snek_error *e)
{
	sk_worker *w;
	int rc = open_worker(o->trust, &w, e);

	if (rc)
		return rc;
	rc = sk_addition_plugin(cat, w, path, o->replace, a, e);
	sk_worker_close(w);
	return rc;
}

/* Which of the three is it? */
static int add(struct sk_catalog *cat, const char *path,
    const struct snek_function_options *o, struct sk_addition *a,
    struct snek_error *e)
{
	const struct sk_call call = { path, o->function, o->signature,
		o->fields };

	if (!o->name && !o->function && !o->signature && !o->fields)
		return add_plugin(cat, path, o, a, e);
	if (!o->name)
		return sk_fail(e, SNEK_EINVAL, "what is no plugin needs a name");
	if (o->function)
		return sk_addition_call(cat, o->name, &call, o->replace,
		    o->trust, a, e);
	if (o->signature || o->fields)
		return sk_fail(e, SNEK_EINVAL, "a signature, or fields, but no "
		    "function");
	return sk_addition_url(cat, o->name, path, o->replace, a, e);
}

int sk_function_tell(struct sk_catalog *cat, const struct sk_addition *a,
    const struct snek_function_options *o, struct snek_error *e)
{
	struct visit v = { cat, NULL, o->added, o->added_arg, e, { 0 } };
	int rc = cat->bare ? 0 : open_worker(o->trust, &v.worker, e);
	uint32_t i;

	for (i = 0; i < a->records && !rc; i++)
		rc = find(&v, a->record[i].name);
	sk_worker_close(v.worker);
	return rc;
}

struct dry { bool run, changes; };

static int put_lambda(struct sk_catalog *cat, struct sk_addition *a,
    const struct snek_lambda_options *options, struct dry *dry,
    struct snek_error *e)
{
	struct sk_lambda_state state = { 0 };
	struct sk_lambda_want w;
	int rc = sk_lambda_want_make(options, &w, e);

	if (rc)
		return rc;
	w.state = &state;
	rc = sk_addition_lambda(cat, a, &w, e);
	dry->run = w.dry_run;
	dry->changes = state.changed;
	sk_lambda_want_free(&w);
	return rc;
}

static int put(struct sk_catalog *cat, const char *path,
    const struct snek_function_options *o, bool *out_changed,
    struct snek_error *e)
{
	struct dry dry = { false, false };
	struct sk_addition a;
	int rc = add(cat, path, o, &a, e);

	if (rc)
		return rc;
	if (cat->bare && !o->lambda && a.record->kind != SK_FUNCTION_URL)
		rc = sk_fail(e, SNEK_EINVAL, "functions of this cluster run in "
		    "their Lambdas: add %s with --on lambda", a.name);
	if (!rc && o->lambda)
		rc = put_lambda(cat, &a, o->lambda, &dry, e);
	if (!rc && !dry.run)
		rc = sk_addition_commit(cat, &a, out_changed, e);
	else if (!rc && out_changed)
		*out_changed = dry.changes;
	if (!rc && !dry.run && o->added)
		rc = sk_function_tell(cat, &a, o, e);
	sk_addition_free(&a);
	return rc;
}

int snek_function_put(snek_cluster *c, const char *path,
    const struct snek_function_options *options, bool *out_changed,
    struct snek_error *e)
{
	struct snek_function_options o;
	struct sk_catalog *cat, *own;
	int rc = sk_need(path, "plugin file", e);

	if (!rc)
		rc = sk_options_copy(&o, sizeof(o), options, e);
	if (!rc)
		rc = sk_function_catalog_to_change(c, &cat, &own, e);
	if (rc)
		return rc;
	rc = put(cat, path, &o, out_changed, e);
	sk_catalog_close(own);
	return rc;
}

int snek_function_add(snek_cluster *c, const char *path, bool replace,
    bool *out_changed, struct snek_error *e)
{
	const struct snek_function_options o = { .size = sizeof(o),
		.replace = replace };

	return snek_function_put(c, path, &o, out_changed, e);
}
