/* SPDX-License-Identifier: MIT */
/* snek_doctor_aws.c - the front door to checks of AWS. */
#include "snek_stack.h"

#include "aws/doctor.h"
#include "category/profile.h"

static const char *first(const char *a, const char *b)
{
	return a ? a : b;
}

static int check(const struct snek_doctor_options *o,
    const struct sk_profile *p, const char *where, struct sk_aws_doctor *d,
    struct snek_error *e)
{
	const struct sk_aws_options a = { .connections = 4,
		.region = first(o->region, p->lambda_region),
		.profile = first(o->aws_profile, p->aws_profile),
		.endpoint = first(o->endpoint, p->lambda_endpoint) };
	const struct sk_aws_ops *ops;
	char stack[40];
	struct sk_aws *aws;
	int rc = sk_aws_load(&ops, e);

	if (!rc)
		rc = ops->open(&a, &aws, e);
	if (rc)
		return rc;
	sk_stack_of(p, where, o->stack, stack);
	d->stack = *stack ? stack : NULL;
	if (d->stack && p->cluster && sk_client_is_url(p->cluster)) {
		d->api = p->cluster;
		d->role = p->lambda_role;
		d->subnets = p->lambda_subnets;
		d->security_groups = p->lambda_security_groups;
	}
	rc = ops->doctor(aws, d);
	ops->close(aws);
	return rc;
}

int snek_doctor_aws(const char *where,
    const struct snek_doctor_options *options,
    int (*visit)(void *, const struct snek_check *), void *arg,
    struct snek_error *e)
{
	struct sk_aws_doctor d = { .visit = visit, .arg = arg };
	struct snek_doctor_options o;
	struct sk_profile p = { 0 };
	struct snek_error why = { 0 };
	struct sk_buf b = { 0 };
	bool named = true;
	int rc = sk_need((const void *)(uintptr_t)visit,
	    "function to visit with", e);

	if (!rc)
		rc = sk_options_copy(&o, sizeof(o), options, e);
	if (!rc && !where)
		rc = sk_cluster_default(&b, &named, e);
	if (rc) {
		sk_buf_free(&b);
		return rc;
	}
	where = where ? where : b.p;
	if (sk_profile_is_name(where))
		rc = sk_profile_find(where, &p, &why);
	if (rc == SNEK_ENOENT && o.stack)
		rc = 0;                 /* it is named all the same */
	if (rc && e)
		*e = why;
	if (!rc)
		rc = check(&o, &p, where, &d, e);
	sk_profile_free(&p);
	sk_buf_free(&b);
	return rc;
}
