/* SPDX-License-Identifier: MIT */
/* doctor_rights.c - what we may do: as IAM's simulator says, else what can be
 * tried without changing anything. */
#include "aws/doctor.h"
#include "aws/logs.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAGES = 20 };

/* One of each kind that snek-deploy, snek-add-function and queries need. */
static const char *const actions[] = {
	"apigateway:POST", "cloudformation:CreateChangeSet",
	"cloudformation:DeleteStack", "cloudformation:DescribeStackEvents",
	"cloudformation:DescribeStacks", "cloudformation:ExecuteChangeSet",
	"cloudwatch:PutMetricAlarm", "ec2:CreateSecurityGroup",
	"ec2:CreateVpc", "ec2:CreateVpcEndpoint",
	"ec2:DescribeManagedPrefixLists", "ec2:DescribeNetworkInterfaces",
	"elasticache:CreateReplicationGroup", "elasticache:CreateUser",
	"execute-api:Invoke", "iam:CreateRole", "iam:PassRole",
	"iam:PutRolePolicy", "lambda:AddPermission", "lambda:CreateFunction",
	"lambda:DeleteFunction", "lambda:GetFunction", "lambda:InvokeFunction",
	"lambda:ListFunctions", "lambda:ListTags", "lambda:PublishVersion",
	"lambda:UpdateFunctionCode", "logs:CreateLogGroup",
	"logs:DescribeLogGroups", "logs:FilterLogEvents",
	"logs:PutRetentionPolicy", "s3:CreateBucket", "s3:PutObject",
	"tag:GetResources",
};

/* ---- the simulator ---- */

/* Sessions of a role are asked about by the role: its ARN is the session's
 * without a path, if it has one. */
static void put_source(const struct sk_aws_doctor *d, char to[340])
{
	const char *role = strstr(d->arn, ":assumed-role/"), *part;

	snprintf(to, 340, "%s", d->arn);
	part = strchr(d->arn, ':');
	if (!role || !part)
		return;
	part = strchr(part + 1, ':');   /* of the partition's end */
	role += strlen(":assumed-role/");
	if (part)
		snprintf(to, 340, "%.*s:iam::%s:role/%.*s",
		    (int)(part - d->arn), d->arn, d->account,
		    (int)strcspn(role, "/"), role);
}

struct missing {
	char text[800];
	unsigned n, seen;
};

static void take_page(const struct sk_xml_node *all, struct missing *m)
{
	const struct sk_xml_node *n;
	size_t at;

	for (n = sk_xml_find(all, "EvaluationResults/member"); n;
	    n = sk_xml_next(n)) {
		const char *action = sk_xml_text(n, "EvalActionName");
		const char *what = sk_xml_text(n, "EvalDecision");

		m->seen++;
		if (!action || (what && !strcmp(what, "allowed")))
			continue;
		at = strlen(m->text);
		snprintf(m->text + at, sizeof(m->text) - at, "%s%s",
		    m->n++ ? ", " : "", action);
	}
}

static int simulate_page(struct sk_aws_doctor *d, const char *source,
    char marker[400], struct missing *m, struct snek_error *e)
{
	struct sk_form f = { .nomem = false };
	struct sk_aws_reply r = { 0 };
	const struct sk_xml_node *all;
	struct sk_xml *x;
	char name[40];
	size_t i;
	int rc;

	sk_form_put(&f, "PolicySourceArn", source);
	for (i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		snprintf(name, sizeof(name), "ActionNames.member.%zu", i + 1);
		sk_form_put(&f, name, actions[i]);
	}
	if (*marker)
		sk_form_put(&f, "Marker", marker);
	rc = sk_aws_form(d->aws, "iam", "2010-05-08", "SimulatePrincipalPolicy",
	    &f, &r, &x, e);
	if (!rc) {
		all = sk_xml_find(sk_xml_root(x), "SimulatePrincipalPolicyResult");
		take_page(all, m);
		sk_stack_text(all, "Marker", marker, 400);
		sk_xml_close(x);
	}
	sk_aws_reply_free(&r);
	return rc;
}

static int simulate(struct sk_aws_doctor *d, struct missing *m,
    struct snek_error *e)
{
	char source[340], marker[400] = "";
	unsigned n = 0;
	int rc;

	put_source(d, source);
	do {
		rc = simulate_page(d, source, marker, m, e);
	} while (!rc && *marker && ++n < PAGES);
	if (!rc && m->seen < sizeof(actions) / sizeof(*actions))
		rc = sk_fail(e, SNEK_EFORMAT, "iam SimulatePrincipalPolicy says "
		    "nothing of some actions");
	return rc;
}

/* ---- trying ---- */

/* What is there or not is all the same: it was let in. */
static bool may_form(struct sk_aws_doctor *d, const char *service,
    const char *version, const char *action)
{
	struct sk_form f = { .nomem = false };
	struct sk_aws_reply r = { 0 };
	int rc = sk_aws_form(d->aws, service, version, action, &f, &r, NULL,
	    NULL);

	sk_aws_reply_free(&r);
	return rc != SNEK_EACCES;
}

static bool may_get(struct sk_aws_doctor *d, const char *action,
    const char *path)
{
	struct sk_aws_reply r;
	int rc = sk_aws_doctor_get(d, "lambda", action, path, &r, NULL);

	sk_aws_reply_free(&r);
	return rc != SNEK_EACCES;
}

static int stop(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return 1;
}

static void try_all(struct sk_aws_doctor *d, const char *why)
{
	const struct { const char *name; bool may; } tried[] = {
		{ "cloudformation:DescribeStacks", may_form(d,
		    "cloudformation", "2010-05-15", "DescribeStacks") },
		{ "elasticache:DescribeReplicationGroups", may_form(d,
		    "elasticache", "2015-02-02", "DescribeReplicationGroups") },
		{ "lambda:ListFunctions", may_get(d, "ListFunctions",
		    "/2015-03-31/functions/") },
		{ "logs:DescribeLogGroups", sk_logs_groups(d->aws, "/", stop,
		    NULL, NULL) != SNEK_EACCES },
	};
	char text[400] = "", *to = text;
	unsigned bad = 0;
	size_t i;

	for (i = 0; i < sizeof(tried) / sizeof(*tried); i++)
		if (!tried[i].may)
			to += snprintf(to, sizeof(text) - (size_t)(to - text),
			    "%s%s", bad++ ? ", " : "", tried[i].name);
	sk_aws_doctor_say(d, SNEK_CHECK_WARN, "permissions", bad ? "have them "
	    "allowed; a plan (snek-deploy --aws --dry-run) tries more" : "allow "
	    "iam:SimulatePrincipalPolicy to have all of them looked at", "%s; of "
	    "four that only look, %s%s%s", why, bad ? "" : "all are allowed",
	    bad ? "not allowed: " : "", text);
}

void sk_aws_doctor_rights(struct sk_aws_doctor *d)
{
	struct missing m = { .n = 0 };
	struct snek_error e = { 0 };
	size_t n = strlen(d->arn);

	if (n > 5 && !strcmp(d->arn + n - 5, ":root")) {
		sk_aws_doctor_say(d, SNEK_CHECK_WARN, "permissions", "use a role "
		    "or user that may do less", "the account's root may do "
		    "everything");
		return;
	}
	if (simulate(d, &m, &e))
		try_all(d, e.code == SNEK_EACCES ? "iam:SimulatePrincipalPolicy "
		    "is not allowed" : e.text);
	else if (m.n)
		sk_aws_doctor_say(d, SNEK_CHECK_WARN, "permissions", "have them "
		    "allowed; a policy that names resources may allow them all "
		    "the same", "%u of %zu are not allowed for every resource: "
		    "%s", m.n, sizeof(actions) / sizeof(*actions), m.text);
	else
		sk_aws_doctor_say(d, SNEK_CHECK_PASS, "permissions", NULL, "all "
		    "%zu that were simulated", sizeof(actions) / sizeof(*actions));
}
