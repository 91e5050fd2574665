/* SPDX-License-Identifier: MIT */
/*
 * stack_deploy.c - a stack brought to what it is to be.
 *
 *   none, or a first creation that failed  -> the bucket alone
 *   bucket                                 -> code and template into it
 *   code                                   -> the whole, by a change set
 *
 * Every step looks first; whatever was interrupted goes on.
 */
#include "aws/stack.h"

#include <stdio.h>
#include <stdlib.h>

#include "aws/endpoint.h"
#include "base/hash.h"

static bool is(const struct sk_stack_info *i, const char *status)
{
	return i->there && !strcmp(i->status, status);
}

int sk_stack_settle(struct sk_aws *aws, const char *name,
    const struct sk_stack_watch *w, struct sk_stack_info *i,
    struct snek_error *e)
{
	const struct sk_stack_asked any = { "", "", false };
	struct snek_error why = { 0 };
	size_t n = strlen(i->status);
	int rc;

	if (!i->there || n < 12 || strcmp(i->status + n - 12, "_IN_PROGRESS") ||
	    is(i, "REVIEW_IN_PROGRESS"))
		return 0;
	sk_stack_say(w, "%s is %s already: waiting for it", name, i->status);
	rc = sk_stack_wait(aws, i->id, &any, false, w, i, &why);
	n = strlen(i->status);
	if (rc == SNEK_EIO && n > 12 && strcmp(i->status + n - 12,
	    "_IN_PROGRESS"))
		rc = 0;                 /* it came to rest; we go on from there */
	if (rc && e)
		*e = why;
	return rc ? rc : sk_stack_look(aws, name, i, e);
}

/* A stack that never came to be can only be deleted. */
static int clean_up(struct sk_aws *aws, struct sk_stack_deploy *d,
    struct sk_stack_info *i, struct snek_error *e)
{
	const struct sk_stack_destroy end = { .name = d->o.name,
		.watch = d->watch };
	int rc;

	if (!sk_stack_is_broken(i))
		return 0;
	sk_stack_say(&d->watch, "%s is %s, of which nothing can be made: "
	    "removing it", d->o.name, i->status);
	rc = sk_stack_destroy(aws, &end, e);
	return rc ? rc : sk_stack_look(aws, d->o.name, i, e);
}

static int make_template(const struct sk_stack_options *o, struct sk_buf *b,
    struct snek_error *e)
{
	int rc = sk_template_make(o, b, e);

	return rc ? rc : sk_buf_byte(b, 0) ? 0 : sk_enomem(e);
}

/* ---- the bucket ---- */

static int make_bucket(struct sk_aws *aws, struct sk_stack_deploy *d,
    struct sk_stack_info *i, char bucket[256], struct snek_error *e)
{
	struct sk_stack_options o = d->o;
	struct sk_stack_plan p = { 0 };
	struct sk_buf b = { 0 };
	int rc;

	o.code_key = NULL;
	sk_stack_say(&d->watch, "%s: making the bucket for code first", o.name);
	rc = make_template(&o, &b, e);
	if (!rc)
		rc = sk_stack_plan(aws, &o, b.p, NULL, &d->watch, &p, e);
	if (!rc && p.changes)
		rc = sk_stack_execute(aws, &p, &d->watch, i, e);
	if (!rc)
		rc = sk_stack_look(aws, o.name, i, e);
	if (!rc)
		rc = sk_stack_bucket(aws, i, bucket, e);
	if (rc == SNEK_ENOENT)
		rc = sk_fail(e, SNEK_EIO, "the stack %s (%s) has no bucket",
		    o.name, i->status);
	sk_stack_plan_free(&p);
	sk_buf_free(&b);
	return rc;
}

/* ---- code and template into it ---- */

static int upload(struct sk_aws *aws, const struct sk_stack_deploy *d,
    const char *bucket, const char *key, struct sk_span b, const char *type,
    char version[128], struct snek_error *e)
{
	int rc = sk_bucket_has(aws, bucket, key, version, e);

	if (rc != SNEK_ENOENT)
		return rc;
	sk_stack_say(&d->watch, "uploading %s (%zu bytes)", key, b.n);
	return sk_bucket_put(aws, bucket, key, b, type, version, e);
}

/* Objects are named by their content: what is there is the same. */
static void name_template(const struct sk_buf *b, char key[64])
{
	struct sk_digest h;

	sk_digest_init(&h);
	sk_digest_add(&h, b->p, b->n);
	snprintf(key, 64, "template-%016llx%016llx.json", (unsigned long long)h.a,
	    (unsigned long long)h.b);
}

/* ---- the whole ---- */

int sk_stack_put_template(struct sk_aws *aws, const struct sk_stack_deploy *d,
    const char *bucket, const struct sk_buf *b, char url[400],
    struct snek_error *e)
{
	const char *region = sk_aws_region(aws);
	char key[64], version[128];

	name_template(b, key);
	snprintf(url, 400, "https://%s.s3.%s.%s/%s", bucket, region,
	    sk_endpoint_suffix(region), key);
	return upload(aws, d, bucket, key, (struct sk_span){ b->p, b->n },
	    "application/json", version, e);
}

static int change_all(struct sk_aws *aws, struct sk_stack_deploy *d,
    const char *bucket, struct sk_stack_info *i, bool *changed,
    struct snek_error *e)
{
	struct sk_stack_plan p = { 0 };
	struct sk_buf b = { 0 };
	char url[400];
	int rc = sk_template_make(&d->o, &b, e);

	if (!rc)
		rc = sk_stack_put_template(aws, d, bucket, &b, url, e);
	if (!rc && !sk_buf_byte(&b, 0))
		rc = sk_enomem(e);
	if (!rc)
		rc = sk_stack_plan(aws, &d->o, b.p, url, &d->watch, &p, e);
	if (!rc)
		rc = sk_stack_plan_guard(aws, &p, e);
	if (!rc && p.changes && d->agree)
		rc = d->agree(d->watch.arg, &p);
	if (!rc && p.changes)
		rc = sk_stack_execute(aws, &p, &d->watch, i, e);
	*changed |= !rc && p.changes;
	sk_stack_plan_free(&p);
	sk_buf_free(&b);
	return rc;
}

/* CloudFormation wants to be asked to go on with taking back. */
int sk_stack_go_back(struct sk_aws *aws, const struct sk_stack_deploy *d,
    struct sk_stack_info *i, struct snek_error *e)
{
	struct sk_form f = { .nomem = false };
	struct snek_error why = { 0 };
	struct sk_stack_asked asked = { "", "", false };
	int rc;

	if (!is(i, "UPDATE_ROLLBACK_FAILED"))
		return 0;
	sk_stack_say(&d->watch, "%s is %s: going on with taking back what "
	    "failed", d->o.name, i->status);
	rc = sk_stack_token(asked.token, e);
	if (!rc)
		rc = sk_stack_mark(aws, i->id, &asked, e);
	if (rc)
		return rc;
	sk_form_put(&f, "StackName", i->id);
	sk_form_put(&f, "ClientRequestToken", asked.token);
	rc = sk_stack_call(aws, "ContinueUpdateRollback", &f, NULL, NULL, &why);
	if (!rc)
		rc = sk_stack_wait(aws, i->id, &asked, false, &d->watch, i,
		    &why);
	if (rc == SNEK_EIO && is(i, "UPDATE_ROLLBACK_COMPLETE"))
		return 0;
	if (rc && e)
		*e = why;
	return rc;
}

/* Where what there is can be changed, and which bucket it has. */
static int prepare(struct sk_aws *aws, struct sk_stack_deploy *d,
    struct sk_stack_info *i, char bucket[256], bool *changed,
    struct snek_error *e)
{
	int rc = sk_stack_look(aws, d->o.name, i, e);

	if (!rc)
		rc = sk_stack_settle(aws, d->o.name, &d->watch, i, e);
	if (!rc)
		rc = sk_stack_go_back(aws, d, i, e);
	if (!rc)
		rc = clean_up(aws, d, i, e);
	if (!rc)
		rc = sk_stack_bucket(aws, i, bucket, e);
	if (rc == SNEK_ENOENT) {
		rc = make_bucket(aws, d, i, bucket, e);
		*changed = !rc;
	}
	return rc;
}

static int deploy_once(struct sk_aws *aws, struct sk_stack_deploy *d,
    struct sk_stack_info *i, bool *changed, struct snek_error *e)
{
	char bucket[256], key[96], version[128] = "";
	int rc = prepare(aws, d, i, bucket, changed, e);

	if (rc)
		return rc;
	snprintf(key, sizeof(key), "snek-api-%.64s.zip", d->code_sha256);
	rc = upload(aws, d, bucket, key, d->code, "application/zip", version, e);
	d->o.code_key = key;
	d->o.code_version = *version ? version : NULL;
	if (!rc)
		rc = change_all(aws, d, bucket, i, changed, e);
	d->o.code_key = d->o.code_version = NULL;
	return rc ? rc : sk_stack_look(aws, d->o.name, i, e);
}

int sk_stack_deploy(struct sk_aws *aws, struct sk_stack_deploy *d,
    struct sk_stack_info *i, bool *changed, struct snek_error *e)
{
	unsigned n = 0;
	int rc = sk_template_check(&d->o, e), wait = 0;

	*changed = false;
	if (!rc)
		rc = deploy_once(aws, d, i, changed, e);
	/* What is told of a stack may be older than what was begun with it. */
	while (rc == SNEK_ECONFLICT && n < 5 && !wait) {
		wait = sk_stack_pause(&d->watch, "what is under way", &n);
		if (!wait)
			rc = deploy_once(aws, d, i, changed, e);
	}
	return wait ? wait : rc;
}
