/* SPDX-License-Identifier: MIT */
/* gc.c - free what nobody needs any more. */
#include "api/counts.h"
#include "api/parts.h"

#define GRACE 3600u                     /* seconds; as snek_cluster_gc has it */

static int asked(struct sk_api_call *c, uint64_t *grace, struct snek_error *e)
{
	int rc = sk_api_number(c->request, "grace", GRACE, grace, e);

	return rc || (*grace && *grace <= UINT32_MAX) ? rc : sk_fail(e,
	    SNEK_EINVAL, "grace is at least 1 and at most %u seconds", UINT32_MAX);
}

void sk_api_gc(struct sk_api_call *c)
{
	struct snek_gc_report r = { .size = sizeof(r) };
	struct snek_error e = { 0 };
	snek_cluster *cluster = NULL;
	struct sk_object o;
	uint64_t grace;
	int rc = asked(c, &grace, &e);

	if (!rc)
		rc = sk_api_take_for_a_while(c->api, &cluster, &e);
	if (!rc)
		rc = snek_cluster_gc(cluster, (uint32_t)grace, &r, &e);
	sk_api_give(c->api, cluster);
	sk_api_end(c, rc, &e);
	if (rc)
		return;
	sk_object_begin(&o, &c->out->body, "gc");
	sk_counts_put(&o, sk_count_swept, &r);
	sk_object_end(&o);
}
