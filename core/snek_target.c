/* SPDX-License-Identifier: MIT */
/* snek_target.c - the front door to where functions go at AWS. */
#include "handle.h"

#include <stdlib.h>

#include "category/target.h"

int snek_target_put(snek_cluster *c, const struct snek_target *target,
    struct snek_error *e)
{
	struct snek_target o;
	struct sk_target t;
	char *name = NULL;
	int rc = sk_need_cluster(c, e);

	if (!rc)
		rc = sk_need(target, "target", e);
	if (!rc)
		rc = sk_options_copy(&o, sizeof(o), target, e);
	if (rc)
		return rc;
	t = (struct sk_target){
		.profile = (char *)o.profile, .region = (char *)o.region,
		.role = (char *)o.role, .endpoint = (char *)o.endpoint,
		.bucket = (char *)o.bucket,
		.aws_profile = (char *)o.aws_profile,
		.memory_mb = o.memory_mb, .timeout_s = o.timeout_s,
		.subnets = (char *)o.subnets,
		.security_groups = (char *)o.security_groups,
		.stack = (char *)o.stack,
	};
	rc = sk_target_save(c->cat, &t, &name, e);
	free(name);
	return rc;
}

int snek_target_get(snek_cluster *c,
    int (*visit)(void *, const struct snek_target *), void *arg,
    struct snek_error *e)
{
	struct snek_target o = { .size = sizeof(o) };
	struct sk_catalog *cat, *own;
	struct sk_target t;
	int rc = sk_need((const void *)(uintptr_t)visit,
	    "function to visit with", e);

	if (!rc)
		rc = sk_function_catalog(c, &cat, &own, e);
	if (rc)
		return rc;
	rc = sk_target_find(cat, &t, e);
	if (rc == SNEK_ENOENT)
		sk_fail(e, rc, "%s has no target at AWS; snek-deploy "
		    "--lambda-region gives it one", cat->where);
	sk_catalog_close(own);
	if (rc)
		return rc;
	o.profile = t.profile;
	o.region = t.region;
	o.role = t.role;
	o.endpoint = t.endpoint;
	o.bucket = t.bucket;
	o.aws_profile = t.aws_profile;
	o.memory_mb = t.memory_mb;
	o.subnets = t.subnets;
	o.security_groups = t.security_groups;
	o.stack = t.stack;
	o.timeout_s = t.timeout_s;
	rc = visit(arg, &o);
	sk_target_free(&t);
	return rc;
}
