/* SPDX-License-Identifier: MIT */
#include "job/function_lambda_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- its records ---- */

static int collect(void *arg, const struct sk_meta_function *m)
{
	struct sk_function_records *r = arg;
	struct sk_meta_function *more;

	if (strcmp(m->plugin, r->name) != 0 && strcmp(m->name, r->name) != 0)
		return 0;
	more = reallocarray(r->record, r->n + 1, sizeof(*more));
	r->nomem |= !more;
	if (!more)
		return 1;
	r->record = more;
	r->record[r->n++] = *m;
	return 0;
}

/* All of the plugin, or the one; the first of them has the Lambda. */
int sk_function_records(struct sk_catalog *cat, const char *name,
    struct sk_function_records *r, struct snek_error *e)
{
	struct sk_meta *m = cat->meta;
	int rc;

	*r = (struct sk_function_records){ .name = name };
	rc = m->ops->function_list(m, collect, r, e);
	if (r->nomem)
		rc = sk_enomem(e);
	else if (rc >= 0 && !r->n)
		rc = sk_fail(e, SNEK_ENOENT, "no function %s is registered; "
		    "snek functions lists them", name);
	else if (rc >= 0 && !*r->record->lambda.arn)
		rc = sk_fail(e, SNEK_ENOENT, "%s has no Lambda; "
		    "snek-add-function --on lambda gives it one", name);
	if (rc < 0)
		free(r->record);
	return rc < 0 ? rc : 0;
}

/* ---- looking ---- */

static void compare(struct sk_lambda_there *t)
{
	const struct sk_meta_function *m = &t->record;
	const struct sk_meta_lambda *l = &m->lambda;

	if (!*t->state.version)
		snprintf(t->differs, sizeof(t->differs), "it is not at AWS any "
		    "more");
	else if (strcmp(m->sha256, l->plugin_sha256) != 0)
		snprintf(t->differs, sizeof(t->differs), "the Lambda has "
		    "%.12s, the cluster %.12s", l->plugin_sha256, m->sha256);
	else if (strcmp(t->state.version, l->version) != 0)
		snprintf(t->differs, sizeof(t->differs), "AWS is at version %s, "
		    "the cluster uses %s", t->state.version, l->version);
	else if (strcmp(t->state.code_sha256, l->code_sha256) != 0)
		snprintf(t->differs, sizeof(t->differs), "AWS has other code "
		    "than was put there");
}

int sk_function_lambda_look(struct sk_catalog *cat, const char *name,
    const struct sk_lambda_want *w, struct sk_lambda_there *out,
    struct snek_error *e)
{
	struct snek_error why = { 0 };
	const struct sk_aws_ops *ops;
	struct sk_aws *aws;
	struct sk_function_records r;
	int rc = sk_function_records(cat, name, &r, e);

	if (rc)
		return rc;
	memset(out, 0, sizeof(*out));
	out->record = *r.record;
	rc = sk_function_aws(cat, w, &r.record->lambda, &ops, &aws, e);
	if (!rc) {
		rc = ops->lambda_get(aws, out->record.lambda.name, &out->state,
		    &why);
		ops->close(aws);
		if (rc == SNEK_ENOENT)
			rc = 0;
		if (rc && e)
			*e = why;
	}
	if (!rc)
		compare(out);
	free(r.record);
	return rc;
}

/* ---- gone ---- */

static int forget(struct sk_catalog *cat, const char *plugin,
    struct snek_error *e)
{
	struct sk_function_records r;
	uint32_t i;
	int rc = sk_function_records(cat, plugin, &r, e);

	if (rc)
		return rc;
	for (i = 0; i < r.n; i++)
		memset(&r.record[i].lambda, 0, sizeof(r.record[i].lambda));
	rc = cat->meta->ops->function_put(cat->meta, r.record, r.n, plugin,
	    NULL, e);
	free(r.record);
	return rc;
}

static int check_alone(struct sk_catalog *cat, const char *name,
    const struct sk_function_records *r, struct snek_error *e)
{
	const char *plugin = r->record->plugin;
	struct sk_function_records all;
	int rc = strcmp(plugin, name) ? sk_function_records(cat, plugin, &all, e) : 1;

	if (rc)
		return rc < 0 ? rc : 0;
	if (all.n > 1)
		rc = sk_fail(e, SNEK_ECONFLICT, "%s: %u more function%s of %s "
		    "use%s the same Lambda", name, all.n - 1, all.n == 2 ? "" :
		    "s", plugin, all.n == 2 ? "s" : "");
	free(all.record);
	return rc;
}

static int remove_it(struct sk_catalog *cat, const struct sk_lambda_want *w,
    const struct sk_function_records *r, struct snek_error *e)
{
	const struct sk_aws_ops *ops;
	struct sk_aws *aws;
	int rc = sk_function_aws(cat, w, &r->record->lambda, &ops, &aws, e);

	if (rc)
		return rc;
	rc = ops->lambda_remove(aws, r->record->lambda.name, e);
	ops->close(aws);
	return rc ? rc : forget(cat, r->record->plugin, e);
}

static void say(const struct sk_lambda_want *w, const struct sk_function_records *r)
{
	const struct sk_meta_lambda *l = &r->record->lambda;
	char text[256];

	snprintf(text, sizeof(text), "%s the lambda function %s in %s, with all "
	    "its versions", w->dry_run ? "would remove" : "removed", l->name,
	    l->region);
	if (w->said)
		w->said(w->said_arg, text);
}

int sk_function_lambda_remove(struct sk_catalog *cat, const char *name,
    const struct sk_lambda_want *w, struct snek_error *e)
{
	struct sk_function_records r;
	int rc = sk_function_records(cat, name, &r, e);

	if (rc)
		return rc;
	rc = check_alone(cat, name, &r, e);
	if (!rc && !w->dry_run)
		rc = remove_it(cat, w, &r, e);
	if (!rc)
		say(w, &r);
	free(r.record);
	return rc;
}
