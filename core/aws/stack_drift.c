/* SPDX-License-Identifier: MIT */
/* stack_drift.c - what somebody changed of a stack by hand: CloudFormation
 * compares each resource that it can with what it made. */
#include "aws/stack.h"

enum { PATIENCE = 240, PAGES = 100 };   /* pauses: some quarter of an hour */

static int begin(struct sk_aws *aws, const char *name, char id[64],
    char type[64], struct snek_error *e)
{
	struct sk_form f = { .nomem = false };
	struct sk_xml *xml = NULL;
	int rc;

	sk_form_put(&f, "StackName", name);
	rc = sk_stack_call(aws, "DetectStackDrift", &f, &xml, type, e);
	if (rc)
		return rc;
	sk_stack_text(sk_xml_root(xml), "DetectStackDriftResult/"
	    "StackDriftDetectionId", id, 64);
	sk_xml_close(xml);
	return *id ? 0 : sk_fail(e, SNEK_EFORMAT, "CloudFormation compares the "
	    "stack, and gave that no id");
}

/* One that is under way, maybe our own whose reply was lost, has to end first. */
static int begin_once_possible(struct sk_aws *aws, const char *name,
    const struct sk_stack_watch *w, unsigned *n, char id[64],
    struct snek_error *e)
{
	struct snek_error why = { 0 };
	char type[64];
	int rc, stop = 0;

	for (;;) {
		rc = begin(aws, name, id, type, &why);
		if (rc != SNEK_EINVAL || !strstr(why.text, "in progress") ||
		    *n > PATIENCE)
			break;
		stop = sk_stack_pause(w, "another comparison", n);
		if (stop)
			return stop;
	}
	if (rc && e)
		*e = why;
	return rc;
}

struct found {
	char detection[40], status[24], reason[400];
};

static int look(struct sk_aws *aws, const char *id, struct found *f,
    struct snek_error *e)
{
	struct sk_form form = { .nomem = false };
	const struct sk_xml_node *r;
	struct sk_xml *xml = NULL;
	int rc;

	sk_form_put(&form, "StackDriftDetectionId", id);
	rc = sk_stack_call(aws, "DescribeStackDriftDetectionStatus", &form, &xml,
	    NULL, e);
	if (rc)
		return rc;
	r = sk_xml_find(sk_xml_root(xml),
	    "DescribeStackDriftDetectionStatusResult");
	sk_stack_text(r, "DetectionStatus", f->detection, 40);
	sk_stack_text(r, "StackDriftStatus", f->status, 24);
	sk_stack_text(r, "DetectionStatusReason", f->reason, 400);
	sk_xml_close(xml);
	return 0;
}

/* Of one that failed, too, there are results: of the resources that could be
 * compared. */
static int wait(struct sk_aws *aws, const char *id,
    const struct sk_stack_watch *w, unsigned *n, struct found *f,
    struct snek_error *e)
{
	int rc;

	for (;;) {
		rc = look(aws, id, f, e);
		if (rc || !strcmp(f->detection, "DETECTION_COMPLETE"))
			return rc;
		if (!strcmp(f->detection, "DETECTION_FAILED"))
			return sk_fail(e, SNEK_EIO, "not all of the stack could be "
			    "compared: %s", f->reason);
		if (*n > PATIENCE)
			return sk_fail(e, SNEK_ETIMEDOUT, "the comparison is "
			    "still %s; the same command begins anew",
			    f->detection);
		rc = sk_stack_pause(w, "the comparison", n);
		if (rc)
			return rc;
	}
}

/* ---- what differs ---- */

static int visit_one(const struct sk_xml_node *m, struct sk_stack_drifts *d)
{
	const struct sk_xml_node *p = sk_xml_find(m, "PropertyDifferences/member");
	const char *name = sk_xml_text(m, "LogicalResourceId");
	const char *type = sk_xml_text(m, "ResourceType"), *path;
	int rc = 0;

	name = name ? name : "?";
	type = type ? type : "?";
	if (!p)
		return d->visit(d->arg, name, type, NULL);
	for (; p && !rc; p = sk_xml_next(p)) {
		path = sk_xml_text(p, "PropertyPath");
		rc = d->visit(d->arg, name, type, path ? path : "?");
	}
	return rc;
}

static int page(struct sk_aws *aws, const char *name, char next[1100],
    struct sk_stack_drifts *d, struct snek_error *e)
{
	struct sk_form f = { .nomem = false };
	const struct sk_xml_node *r, *m;
	struct sk_xml *xml = NULL;
	int rc;

	sk_form_put(&f, "StackName", name);
	sk_form_put(&f, "StackResourceDriftStatusFilters.member.1", "MODIFIED");
	sk_form_put(&f, "StackResourceDriftStatusFilters.member.2", "DELETED");
	if (*next)
		sk_form_put(&f, "NextToken", next);
	rc = sk_stack_call(aws, "DescribeStackResourceDrifts", &f, &xml, NULL, e);
	if (rc)
		return rc;
	r = sk_xml_find(sk_xml_root(xml), "DescribeStackResourceDriftsResult");
	for (m = sk_xml_find(r, "StackResourceDrifts/member"); m && !rc;
	    m = sk_xml_next(m))
		rc = visit_one(m, d);
	sk_stack_text(r, "NextToken", next, 1100);
	sk_xml_close(xml);
	return rc;
}

int sk_stack_drift(struct sk_aws *aws, const char *name,
    const struct sk_stack_watch *w, struct sk_stack_drifts *d,
    struct snek_error *e)
{
	struct found f = { "", "", "" };
	char id[64] = "", next[1100] = "";
	unsigned n = 0, pages = 0;
	int rc = begin_once_possible(aws, name, w, &n, id, e);

	if (!rc)
		rc = wait(aws, id, w, &n, &f, e);
	if (rc || !strcmp(f.status, "IN_SYNC"))
		return rc;
	if (strcmp(f.status, "DRIFTED"))
		return sk_fail(e, SNEK_EFORMAT, "CloudFormation says of the "
		    "comparison: %s", *f.status ? f.status : "nothing");
	do {
		rc = page(aws, name, next, d, e);
	} while (!rc && *next && ++pages < PAGES);
	return rc ? rc : 1;
}
