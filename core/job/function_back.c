/* SPDX-License-Identifier: MIT */
/* function_back.c - a function back to the version of its Lambda before. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/wire.h"
#include "job/function_lambda_parts.h"
#include "job/smoke.h"

struct back {
	struct sk_function_records r;
	const struct sk_aws_ops *ops;
	struct sk_aws *aws;
	struct sk_lambda_state state;   /* of the version before */
};

static int stored(struct sk_catalog *cat, const char *name,
    const struct sk_lambda_state *s, struct sk_buf *path, struct snek_error *e)
{
	struct snek_error why = { 0 };
	int rc = *s->plugin_sha256 ? sk_catalog_plugin_path(cat,
	    s->plugin_sha256, path, &why) : SNEK_ENOENT;

	if (rc == SNEK_ENOENT || rc == SNEK_ECORRUPT)
		return sk_fail(e, SNEK_ENOENT, "%s: the cluster has no longer "
		    "the bytes of version %s; add them with snek-add-function",
		    name, s->version);
	if (rc && e)
		*e = why;
	return rc;
}

static int describe(struct sk_catalog *cat, sk_worker *w,
    const struct sk_meta_function *m, const char *path, struct sk_addition *a,
    struct snek_error *e)
{
	const struct sk_call c = { path, m->op, m->signature,
		*m->fields ? m->fields : NULL };
	int rc;

	if (m->kind != SK_FUNCTION_CALL)
		return sk_addition_plugin(cat, w, path, true, a, e);
	rc = sk_addition_call(cat, m->name, &c, true, false, a, e);
	if (!rc)                /* not that of the stored copy */
		memcpy(a->record->lib, m->lib, sizeof(m->lib));
	return rc;
}

/* Where plugins are not kept, the version itself says what its is. */
static int ask(const struct sk_lambda_want *w, const struct back *b,
    struct sk_buf *about, struct snek_error *e)
{
	const struct sk_smoke s = { b->ops, b->aws, b->r.record->lambda.name,
		b->state.plugin_sha256, b->r.record, w->said, w->said_arg,
		b->state.arn, about };
	int rc = *b->state.plugin_sha256 ? sk_smoke_run(&s, e) : sk_fail(e,
	    SNEK_ENOENT, "%s: version %s does not say which plugin it was made "
	    "of; add that with snek-add-function", b->r.name,
	    b->state.version);

	return rc || about->n || b->r.record->kind != SK_FUNCTION_OP ? rc :
	    sk_fail(e, SNEK_EVERSION, "%s: version %s is of a release that does "
	    "not describe its plugin; add that with snek-add-function",
	    b->r.name, b->state.version);
}

static int take_plugin(const struct back *b, const struct sk_buf *about,
    struct sk_addition *a, struct snek_error *e)
{
	const struct sk_meta_function *m = b->r.record;
	struct sk_get g = { about->p, about->n, false };
	struct sk_plugin *p;
	int rc = sk_get_plugin(&g, &p, e);

	if (!rc && strcmp(p->name, m->plugin) != 0) {
		rc = sk_fail(e, SNEK_ECONFLICT, "version %s of lambda function "
		    "%s is of plugin %s, not %s", b->state.version,
		    m->lambda.name, p->name, m->plugin);
		sk_plugin_close(p);
	}
	return rc ? rc : sk_addition_described(p, b->state.plugin_sha256, a, e);
}

/* A C function is what its record says, of another library. */
static int take_call(const struct back *b, struct sk_addition *a,
    struct snek_error *e)
{
	memset(a, 0, sizeof(*a));
	a->record = malloc(sizeof(*a->record));
	if (!a->record)
		return sk_enomem(e);
	a->records = 1;
	*a->record = *b->r.record;
	snprintf(a->name, sizeof(a->name), "%s", a->record->plugin);
	snprintf(a->record->sha256, sizeof(a->record->sha256), "%s",
	    b->state.plugin_sha256);
	return 0;
}

static int describe_there(const struct sk_lambda_want *w,
    const struct back *b, struct sk_addition *a, struct snek_error *e)
{
	struct sk_buf about = { 0 };
	int rc = ask(w, b, &about, e);

	if (!rc)
		rc = b->r.record->kind == SK_FUNCTION_CALL ?
		    take_call(b, a, e) : take_plugin(b, &about, a, e);
	sk_buf_free(&about);
	return rc;
}

static int describe_here(struct sk_catalog *cat, sk_worker *w,
    const struct back *b, struct sk_addition *a, struct snek_error *e)
{
	struct sk_buf path = { 0 };
	int rc = stored(cat, b->r.name, &b->state, &path, e);

	if (!rc)
		rc = describe(cat, w, b->r.record, path.p, a, e);
	sk_buf_free(&path);
	return rc;
}

static void note(struct sk_addition *a, const struct sk_meta_lambda *was,
    const struct sk_lambda_state *s)
{
	struct sk_meta_lambda l = *was;
	uint32_t i;

	snprintf(l.arn, sizeof(l.arn), "%s", s->arn);
	snprintf(l.version, sizeof(l.version), "%s", s->version);
	snprintf(l.arch, sizeof(l.arch), "%s", s->arch);
	snprintf(l.code_sha256, sizeof(l.code_sha256), "%s", s->code_sha256);
	snprintf(l.plugin_sha256, sizeof(l.plugin_sha256), "%s",
	    s->plugin_sha256);
	l.memory_mb = s->memory_mb;
	l.timeout_s = s->timeout_s;
	for (i = 0; i < a->records; i++)
		a->record[i].lambda = l;
}

/* Registered is what is proved, or was when it was added. */
static int go_back(struct sk_catalog *cat, sk_worker *worker,
    const struct sk_lambda_want *w, struct back *b, struct sk_addition *a,
    struct snek_error *e)
{
	const struct sk_meta_lambda *l = &b->r.record->lambda;
	int rc = b->ops->lambda_rollback(b->aws, l->name, l->version,
	    &b->state, e);

	if (!rc)
		rc = cat->bare ? describe_there(w, b, a, e) :
		    describe_here(cat, worker, b, a, e);
	if (rc)
		return rc;
	note(a, l, &b->state);
	rc = sk_addition_commit(cat, a, NULL, e);
	if (rc)
		sk_addition_free(a);
	return rc;
}

int sk_function_lambda_back(struct sk_catalog *cat, sk_worker *worker,
    const char *name, const struct sk_lambda_want *w, struct sk_addition *a,
    struct snek_error *e)
{
	struct back b;
	int rc = sk_function_records(cat, name, &b.r, e);

	if (rc)
		return rc;
	rc = sk_function_aws(cat, w, &b.r.record->lambda, &b.ops, &b.aws, e);
	if (!rc) {
		rc = go_back(cat, worker, w, &b, a, e);
		b.ops->close(b.aws);
	}
	free(b.r.record);
	return rc;
}
