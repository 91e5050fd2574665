/* SPDX-License-Identifier: MIT */
/* snek_copy.c - the front door to copies. */
#include "handle.h"

#include <stdio.h>

#include "category/copy.h"

static void report(const struct sk_copy_report *r, struct snek_copy_report *out)
{
	struct snek_copy_report own = { .records = r->records,
		.copied = r->copied, .writes = r->writes };

	snprintf(own.digest, sizeof(own.digest), "%016llx%016llx",
	    (unsigned long long)r->digest[0], (unsigned long long)r->digest[1]);
	sk_report(out, &own, sizeof(own));
}

int snek_category_copy(snek_cluster *from, const char *category,
    snek_cluster *to, const struct snek_copy_options *options,
    struct snek_copy_report *out, struct snek_error *e)
{
	struct snek_copy_options o;
	struct sk_copy_options mine;
	struct sk_copy_report r;
	int rc = sk_options_copy(&o, sizeof(o), options, e);

	if (!rc)
		rc = sk_need(from, "cluster to copy from", e);
	if (!rc)
		rc = sk_need(to, "cluster to copy to", e);
	if (!rc)
		rc = sk_report_check(out, e);
	if (!rc)
		rc = sk_name_check("category", category, e);
	if (!rc && o.as)
		rc = sk_name_check("category", o.as, e);
	if (rc)
		return rc;
	if (from->client || to->client)
		return sk_relay(from, category, to, &o, out, e);
	mine = (struct sk_copy_options){ o.as, o.part, o.progress,
	    o.progress_arg };
	rc = sk_copy(from->cat, category, to->cat, &mine, &r, e);
	if (!rc)
		report(&r, out);
	return rc;
}
