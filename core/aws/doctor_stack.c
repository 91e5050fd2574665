/* SPDX-License-Identifier: MIT */
/* doctor_stack.c - a stack: does it stand, is it what the profile says, and are
 * its functions and servers ready? */
#include "aws/doctor.h"

#include <stdio.h>
#include <stdlib.h>

#include "aws/json.h"

enum { PAGES = 100, SERVERS = 64 };

/* ---- outputs and profile ---- */

static void compare(struct sk_aws_doctor *d, const struct sk_stack_info *i,
    const char *key, const char *said, const char *output, unsigned *differ)
{
	const char *is = sk_stack_output(i, output);

	if (!said || (is && !strcmp(said, is)))
		return;
	++*differ;
	sk_aws_doctor_say(d, SNEK_CHECK_WARN, "profile", "snek-deploy --aws "
	    "writes it anew", "%s is %s, and the stack's %s %s", key, said,
	    output, is ? is : "is not there");
}

static void check_profile(struct sk_aws_doctor *d,
    const struct sk_stack_info *i)
{
	unsigned differ = 0;

	compare(d, i, "cluster", d->api, "Api", &differ);
	compare(d, i, "lambda-role", d->role, "MapperRole", &differ);
	compare(d, i, "lambda-subnets", d->subnets, "Subnets", &differ);
	compare(d, i, "lambda-security-groups", d->security_groups,
	    "MapperGroup", &differ);
	if (!differ && d->api)
		sk_aws_doctor_say(d, SNEK_CHECK_PASS, "profile", NULL, "it says "
		    "what the stack does");
}

/* ---- its state ---- */

static bool ends(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n >= k && !strcmp(s + n - k, end);
}

static bool check_state(struct sk_aws_doctor *d,
    const struct sk_stack_info *i)
{
	const char *s = i->status;

	if (!i->there || !strcmp(s, "DELETE_COMPLETE"))
		sk_aws_doctor_say(d, SNEK_CHECK_FAIL, "stack", "snek-deploy --aws "
		    "makes it; or name its region and account",
		    "there is no stack %s in %s", d->stack,
		    sk_aws_region(d->aws));
	else if (ends(s, "_IN_PROGRESS"))
		sk_aws_doctor_say(d, SNEK_CHECK_WARN, "stack", "wait, or say the "
		    "same snek-deploy --aws again, which waits", "%s: %s",
		    d->stack, s);
	else if (ends(s, "_FAILED") || strstr(s, "ROLLBACK"))
		sk_aws_doctor_say(d, strcmp(s, "UPDATE_ROLLBACK_COMPLETE") ?
		    SNEK_CHECK_FAIL : SNEK_CHECK_WARN, "stack", "snek-deploy "
		    "--aws goes on from here, and tells the first failure",
		    "%s: %s%s%s", d->stack, s, *i->reason ? ": " : "", i->reason);
	else
		sk_aws_doctor_say(d, SNEK_CHECK_PASS, "stack", NULL, "%s: %s",
		    d->stack, s);
	return i->there && sk_stack_output(i, "Api");
}

/* As it was when somebody compared it last. */
static void check_drift(struct sk_aws_doctor *d, const struct sk_stack_info *i)
{
	if (!strcmp(i->drift, "DRIFTED"))
		sk_aws_doctor_say(d, SNEK_CHECK_WARN, "drift", "snek-deploy --aws "
		    "--status --drift tells what; a change of the options puts "
		    "back what it touches", "%s was changed by hand, as of %s",
		    d->stack, *i->compared ? i->compared : "the last comparison");
	else if (!strcmp(i->drift, "IN_SYNC"))
		sk_aws_doctor_say(d, SNEK_CHECK_PASS, "drift", NULL, "nothing was "
		    "changed by hand, as of %s", i->compared);
}

/* ---- its functions ---- */

static void check_function(struct sk_aws_doctor *d, const char *id)
{
	char name[80], path[160], state[40] = "", last[40] = "", why[256] = "";
	struct snek_error e = { 0 };
	struct sk_aws_reply r;
	struct sk_json *j = NULL;
	bool well;
	int rc;

	snprintf(name, sizeof(name), "%s-%s", d->stack, id);
	snprintf(path, sizeof(path), "/2015-03-31/functions/%s/configuration",
	    name);
	rc = sk_aws_doctor_get(d, "lambda", "GetFunctionConfiguration", path, &r,
	    &e);
	if (!rc)
		rc = sk_json_open(&r.body, &j, &e);
	if (!rc) {
		sk_json_text(j, "State", state, sizeof(state));
		sk_json_text(j, "LastUpdateStatus", last, sizeof(last));
		if (!sk_json_text(j, "StateReason", why, sizeof(why)))
			sk_json_text(j, "LastUpdateStatusReason", why,
			    sizeof(why));
	}
	sk_json_close(j);
	sk_aws_reply_free(&r);
	well = (!strcmp(state, "Active") || !strcmp(state, "Inactive")) &&
	    (!*last || !strcmp(last, "Successful"));
	if (rc)
		sk_aws_doctor_say(d, rc == SNEK_EACCES ? SNEK_CHECK_WARN :
		    SNEK_CHECK_FAIL, "function", rc == SNEK_EACCES ? "to see it, "
		    "the caller needs lambda:GetFunctionConfiguration" :
		    "snek-deploy --aws puts back what is missing", "%s: %s", name,
		    e.text);
	else
		sk_aws_doctor_say(d, well ? SNEK_CHECK_PASS : SNEK_CHECK_FAIL,
		    "function", well ? NULL : "wait if it is Pending or "
		    "InProgress; else snek-deploy --aws again", "%s: %s%s%s%s%s",
		    name, state, *last && !well ? ", " : "", well ? "" : last,
		    *why && !well ? ": " : "", well ? "" : why);
}

/* ---- its servers ---- */

struct servers {
	const struct sk_stack_info *i;
	bool seen[SERVERS];             /* by output: Meta, Shard0, ... */
};

/* Which of them has this address; -1: none. */
static int number_of(const struct servers *s, const char *address)
{
	char name[24];
	const char *is;
	int n;

	for (n = 0; n < SERVERS; n++) {
		if (n)
			snprintf(name, sizeof(name), "Shard%d", n - 1);
		else
			snprintf(name, sizeof(name), "Meta");
		is = sk_stack_output(s->i, name);
		if (is && !strcmp(is, address))
			return n;
	}
	return -1;
}

static void put_server(int n, char name[24])
{
	if (n)
		snprintf(name, 24, "shard %d", n - 1);
	else
		snprintf(name, 24, "meta");
}

static void take_group(struct sk_aws_doctor *d, struct servers *s,
    const struct sk_xml_node *g)
{
	const char *address = sk_xml_text(g,
	    "NodeGroups/NodeGroup/PrimaryEndpoint/Address");
	const char *status = sk_xml_text(g, "Status");
	const char *id = sk_xml_text(g, "ReplicationGroupId");
	int n = address ? number_of(s, address) : -1;
	char name[24];
	bool well;

	if (n < 0)
		return;
	s->seen[n] = true;
	put_server(n, name);
	well = status && !strcmp(status, "available");
	sk_aws_doctor_say(d, well ? SNEK_CHECK_PASS : SNEK_CHECK_WARN, "server",
	    well ? NULL : "wait until it is available; see the cache's events "
	    "in ElastiCache", "%s, %s: %s", name, id ? id : "?",
	    status ? status : "no status");
}

static int read_groups(struct sk_aws_doctor *d, struct servers *s,
    char marker[1100], struct snek_error *e)
{
	struct sk_form f = { .nomem = false };
	const struct sk_xml_node *all, *g;
	struct sk_aws_reply r;
	struct sk_xml *x;
	int rc;

	if (*marker)
		sk_form_put(&f, "Marker", marker);
	rc = sk_aws_form(d->aws, "elasticache", "2015-02-02",
	    "DescribeReplicationGroups", &f, &r, &x, e);
	if (!rc) {
		all = sk_xml_find(sk_xml_root(x),
		    "DescribeReplicationGroupsResult");
		for (g = sk_xml_find(all, "ReplicationGroups/ReplicationGroup");
		    g; g = sk_xml_next(g))
			take_group(d, s, g);
		sk_stack_text(all, "Marker", marker, 1100);
		sk_xml_close(x);
	}
	sk_aws_reply_free(&r);
	return rc;
}

static void tell_unseen(struct sk_aws_doctor *d, const struct servers *s)
{
	char output[24], name[24];
	int n;

	for (n = 0; n < SERVERS; n++) {
		put_server(n, name);
		if (n)
			snprintf(output, sizeof(output), "Shard%d", n - 1);
		else
			snprintf(output, sizeof(output), "Meta");
		if (!s->seen[n] && sk_stack_output(s->i, output))
			sk_aws_doctor_say(d, SNEK_CHECK_FAIL, "server", "its data "
			    "is gone if somebody removed it; snek-deploy --aws "
			    "does not bring it back", "%s: ElastiCache has no "
			    "%s", name, sk_stack_output(s->i, output));
	}
}

static void check_servers(struct sk_aws_doctor *d,
    const struct sk_stack_info *i)
{
	struct servers s = { .i = i };
	struct snek_error e = { 0 };
	char marker[1100] = "";
	unsigned n = 0;
	int rc;

	do {
		rc = read_groups(d, &s, marker, &e);
	} while (!rc && *marker && ++n < PAGES);
	if (rc)
		sk_aws_doctor_say(d, rc == SNEK_EACCES ? SNEK_CHECK_WARN :
		    SNEK_CHECK_FAIL, "server", rc == SNEK_EACCES ? "to see them, "
		    "the caller needs elasticache:DescribeReplicationGroups" :
		    NULL, "%s", e.text);
	else
		tell_unseen(d, &s);
}

void sk_aws_doctor_stack(struct sk_aws_doctor *d)
{
	struct sk_stack_info *i = calloc(1, sizeof(*i));
	struct snek_error e = { 0 };
	char find[80];
	size_t n;
	int rc = i ? sk_stack_look(d->aws, d->stack, i, &e) : sk_enomem(&e);

	if (rc) {
		sk_aws_doctor_say(d, SNEK_CHECK_FAIL, "stack", rc == SNEK_EACCES ?
		    "the caller needs cloudformation:DescribeStacks" : NULL, "%s",
		    e.text);
	} else if (check_state(d, i)) {
		check_drift(d, i);
		check_profile(d, i);
		for (n = 0; n < sk_template_functions; n++)
			check_function(d, sk_template_function[n].id);
		check_servers(d, i);
		snprintf(find, sizeof(find), "%s-Find", d->stack);
		sk_aws_doctor_hops(d, sk_stack_output(i, "Api"), find);
	}
	free(i);
}
