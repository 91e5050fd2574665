/* SPDX-License-Identifier: MIT */
/* stack_preview.c - what a deployment would change. */
#include "aws/stack.h"

#include <snek/snek.h>
#include <stdio.h>
#include <stdlib.h>

#include "aws/json.h"
#include "value/pack.h"

#define BODY_MAX 51200u         /* of a template that is no object of S3 */

static int add_one(struct sk_stack_plan *p, const char *action,
    struct sk_span name, struct sk_span type, struct snek_error *e)
{
	struct sk_stack_change *c = realloc(p->change, (p->changes + 1) *
	    sizeof(*c));

	if (!c)
		return sk_enomem(e);
	p->change = c;
	c += p->changes++;
	memset(c, 0, sizeof(*c));
	snprintf(c->action, sizeof(c->action), "%s", action);
	snprintf(c->logical, sizeof(c->logical), "%.*s", (int)name.n,
	    (const char *)name.p);
	snprintf(c->type, sizeof(c->type), "%.*s", (int)type.n,
	    (const char *)type.p);
	return 0;
}

static int type_of(struct snek_value resource, struct snek_value *out)
{
	struct snek_cursor c;
	struct snek_value name;
	int rc = sk_iterate(resource, &c);

	while (!rc && (rc = sk_next(&c, &name, out)) == 1)
		rc = name.len == 4 && !memcmp(name.as.s, "Type", 4) ? 2 : 0;
	return rc == 2 && out->type == SNEK_STRING ? 0 : SNEK_EFORMAT;
}

/* All that can be told: it is changed itself, and what comes after that can be
 * told then. */
static int add_stack(const struct sk_stack_deploy *d, struct sk_stack_plan *p,
    struct snek_error *e)
{
	static const char type[] = "AWS::CloudFormation::Stack";

	sk_stack_say(&d->watch, "%s is UPDATE_ROLLBACK_FAILED: taking back what "
	    "failed is gone on with first, and what is to change can be told "
	    "after that",
	    d->o.name);
	return add_one(p, "Modify", (struct sk_span){ d->o.name,
	    strlen(d->o.name) }, (struct sk_span){ type, sizeof(type) - 1 }, e);
}

/* There is none yet: all of it. */
static int add_all(const struct sk_buf *text, struct sk_stack_plan *p,
    struct snek_error *e)
{
	struct snek_value name, resource, type;
	struct snek_cursor c;
	struct sk_json *j;
	int rc = sk_json_open(text, &j, e);

	if (rc)
		return rc;
	p->creates = true;
	rc = sk_iterate(sk_json_at(j, "Resources"), &c);
	while (!rc && (rc = sk_next(&c, &name, &resource)) == 1) {
		rc = type_of(resource, &type);
		rc = rc ? sk_fail(e, rc, "a resource without a type") :
		    add_one(p, "Add", (struct sk_span){ name.as.s, name.len },
		    (struct sk_span){ type.as.s, type.len }, e);
	}
	sk_json_close(j);
	return rc;
}

/* A template that is too large for a request lies in the bucket. */
static int compare(struct sk_aws *aws, struct sk_stack_deploy *d,
    const struct sk_stack_info *i, const char *key, struct sk_stack_plan *p,
    struct snek_error *e)
{
	struct sk_buf b = { 0 };
	char bucket[256], version[128] = "", url[400];
	bool large, there;
	int rc = sk_stack_is_broken(i) ? SNEK_ENOENT :
	    sk_stack_bucket(aws, i, bucket, e);

	there = !rc;
	if (there)
		rc = sk_bucket_has(aws, bucket, key, version, e);
	d->o.code_version = !rc && *version ? version : NULL;
	rc = rc == SNEK_ENOENT ? 0 : rc;
	if (!rc)
		rc = sk_template_make(&d->o, &b, e);
	large = b.n > BODY_MAX;
	if (!rc && large && there)
		rc = sk_stack_put_template(aws, d, bucket, &b, url, e);
	if (!rc)
		rc = !there ? add_all(&b, p, e) : !sk_buf_byte(&b, 0) ?
		    sk_enomem(e) : sk_stack_plan(aws, &d->o, b.p,
		    large ? url : NULL, &d->watch, p, e);
	sk_buf_free(&b);
	d->o.code_version = NULL;
	return rc;
}

int sk_stack_preview(struct sk_aws *aws, struct sk_stack_deploy *d,
    struct sk_stack_plan *p, struct snek_error *e)
{
	struct sk_stack_info i;
	char key[96];
	int rc = sk_template_check(&d->o, e);

	memset(p, 0, sizeof(*p));
	if (!rc)
		rc = sk_stack_look(aws, d->o.name, &i, e);
	if (!rc)
		rc = sk_stack_settle(aws, d->o.name, &d->watch, &i, e);
	if (!rc && d->recovers)
		rc = sk_stack_go_back(aws, d, &i, e);
	if (rc)
		return rc;
	if (i.there && !strcmp(i.status, "UPDATE_ROLLBACK_FAILED"))
		return add_stack(d, p, e);
	if (sk_stack_is_broken(&i))
		sk_stack_say(&d->watch, "%s is %s, of which nothing can be made: "
		    "what is left of it is removed first, and all of it made "
		    "anew",
		    d->o.name, i.status);
	snprintf(key, sizeof(key), "snek-api-%.64s.zip", d->code_sha256);
	d->o.code_key = key;
	rc = compare(aws, d, &i, key, p, e);
	d->o.code_key = NULL;
	if (!rc && *p->set && p->changes)
		rc = sk_stack_plan_drop(aws, p, e);
	if (rc)
		sk_stack_plan_free(p);
	return rc;
}
