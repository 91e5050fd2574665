/* SPDX-License-Identifier: MIT */
/* stack_change.c - change sets: what would be done, and doing it. */
#include "aws/stack.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

void sk_stack_plan_free(struct sk_stack_plan *p)
{
	free(p->change);
	memset(p, 0, sizeof(*p));
}

/* ---- making one ---- */

/* The same template and options give the same name, so that a repeat finds what
 * is under way instead of making another. */
static void name_set(const struct sk_stack_options *o, const char *text,
    bool creates, char name[64])
{
	uint64_t h = sk_hash64(text, strlen(text), creates);
	size_t i;

	for (i = 0; i < o->tags; i++) {
		h = sk_hash64(o->tag[i].name, strlen(o->tag[i].name), h);
		h = sk_hash64(o->tag[i].value, strlen(o->tag[i].value), h);
	}
	snprintf(name, 64, "snek-%016llx", (unsigned long long)h);
}

static void put_tags(struct sk_form *f, const struct sk_stack_options *o)
{
	char name[48];
	size_t i;

	sk_form_put(f, "Tags.member.1.Key", "snek:stack");
	sk_form_put(f, "Tags.member.1.Value", o->name);
	for (i = 0; i < o->tags; i++) {
		snprintf(name, sizeof(name), "Tags.member.%zu.Key", i + 2);
		sk_form_put(f, name, o->tag[i].name);
		snprintf(name, sizeof(name), "Tags.member.%zu.Value", i + 2);
		sk_form_put(f, name, o->tag[i].value);
	}
}

static int put_s3_list(struct sk_aws *aws, struct sk_form *f,
    struct snek_error *e)
{
	char id[SK_STACK_S3_LIST];
	int rc = sk_stack_s3_list(aws, id, e);

	if (rc)
		return rc;
	sk_form_put(f, "Parameters.member.1.ParameterKey", SK_TEMPLATE_S3_LIST);
	sk_form_put(f, "Parameters.member.1.ParameterValue", id);
	return 0;
}

static int make_set(struct sk_aws *aws, const struct sk_stack_options *o,
    const char *body, const char *url, const char *name,
    struct sk_stack_plan *p, bool *is_new, struct snek_error *e)
{
	struct sk_form f = { .nomem = false };
	struct snek_error why = { 0 };
	struct sk_xml *xml = NULL;
	char type[64], token[64];
	int rc = sk_stack_token(token, e);

	if (rc)
		return rc;
	sk_form_put(&f, "StackName", o->name);
	sk_form_put(&f, "ChangeSetName", name);
	sk_form_put(&f, "ChangeSetType", p->creates ? "CREATE" : "UPDATE");
	sk_form_put(&f, url ? "TemplateURL" : "TemplateBody", url ? url : body);
	sk_form_put(&f, "Capabilities.member.1", "CAPABILITY_IAM");
	sk_form_put(&f, "ClientToken", token);
	if (p->creates)         /* or else a failed one could not be gone on from */
		sk_form_put(&f, "OnStackFailure", "DELETE");
	put_tags(&f, o);
	if (o->bastion && o->code_key)
		rc = put_s3_list(aws, &f, e);
	if (rc) {
		sk_buf_free(&f.b);
		return rc;
	}
	rc = sk_stack_call(aws, "CreateChangeSet", &f, &xml, type, &why);
	if (rc && !strcmp(type, "AlreadyExistsException")) {
		snprintf(p->set, sizeof(p->set), "%s", name);
		*is_new = false;
		return 0;
	}
	/* Something is under way that was not told of yet. */
	if (rc == SNEK_EINVAL && strstr(why.text, "_IN_PROGRESS state"))
		rc = SNEK_ECONFLICT;
	if (rc && e)
		*e = why;
	if (rc)
		return rc;
	sk_stack_text(sk_xml_root(xml), "CreateChangeSetResult/Id", p->set,
	    sizeof(p->set));
	sk_xml_close(xml);
	*is_new = true;
	return *p->set ? 0 : sk_fail(e, SNEK_EFORMAT, "CloudFormation gave a "
	    "change set no id");
}

/* ---- reading one ---- */

static void form_of(const struct sk_stack_plan *p, struct sk_form *f)
{
	sk_form_put(f, "ChangeSetName", p->set);
	if (strncmp(p->set, "arn:", 4))
		sk_form_put(f, "StackName", p->stack);
}

/* One that may be replaced may be replaced by an empty one. */
static bool loses(const struct sk_stack_change *c)
{
	return !strcmp(c->type, "AWS::ElastiCache::ReplicationGroup") &&
	    (!strcmp(c->action, "Remove") || !strcmp(c->replacement, "True") ||
	    !strcmp(c->replacement, "Conditional"));
}

static int add_changes(struct sk_stack_plan *p, const struct sk_xml_node *m,
    struct snek_error *e)
{
	struct sk_stack_change *c;

	for (; m; m = sk_xml_next(m)) {
		c = realloc(p->change, (p->changes + 1) * sizeof(*c));
		if (!c)
			return sk_enomem(e);
		p->change = c;
		c += p->changes++;
		sk_stack_text(m, "ResourceChange/Action", c->action, 16);
		sk_stack_text(m, "ResourceChange/LogicalResourceId", c->logical, 130);
		sk_stack_text(m, "ResourceChange/ResourceType", c->type, 100);
		sk_stack_text(m, "ResourceChange/Replacement", c->replacement, 16);
		c->loses = loses(c);
	}
	return 0;
}

struct set {                            /* how it stands */
	char status[40], execution[40], reason[400];
};

/* One page of it. */
static int read_page(struct sk_aws *aws, struct sk_stack_plan *p,
    char next[1100], struct set *set, struct snek_error *e)
{
	struct sk_form f = { .nomem = false };
	const struct sk_xml_node *r;
	struct sk_xml *xml = NULL;
	int rc;

	form_of(p, &f);
	if (*next)
		sk_form_put(&f, "NextToken", next);
	rc = sk_stack_call(aws, "DescribeChangeSet", &f, &xml, NULL, e);
	if (rc)
		return rc;
	r = sk_xml_find(sk_xml_root(xml), "DescribeChangeSetResult");
	sk_stack_text(r, "Status", set->status, 40);
	sk_stack_text(r, "ExecutionStatus", set->execution, 40);
	sk_stack_text(r, "StatusReason", set->reason, 400);
	sk_stack_text(r, "NextToken", next, 1100);
	if (sk_xml_text(r, "ChangeSetId"))
		sk_stack_text(r, "ChangeSetId", p->set, sizeof(p->set));
	rc = add_changes(p, sk_xml_find(r, "Changes/member"), e);
	sk_xml_close(xml);
	return rc;
}

static bool is_empty(const char *reason)
{
	return strstr(reason, "didn't contain changes") ||
	    strstr(reason, "No updates are to be performed");
}

static void forget_changes(struct sk_stack_plan *p)
{
	free(p->change);
	p->change = NULL;
	p->changes = 0;
}

/* Until it is ready, or failed. */
static int read_set(struct sk_aws *aws, struct sk_stack_plan *p,
    const struct sk_stack_watch *w, struct set *set, struct snek_error *e)
{
	char next[1100] = "";
	unsigned n = 0;
	int rc = 0;

	while (!rc) {
		rc = read_page(aws, p, next, set, e);
		if (rc || !strcmp(set->status, "FAILED"))
			return rc;
		if (!strcmp(set->status, "CREATE_COMPLETE") && !*next)
			return 0;
		if (!strcmp(set->status, "CREATE_COMPLETE"))
			continue;
		forget_changes(p);      /* not ready: what there was is no plan */
		*next = '\0';
		rc = sk_stack_pause(w, "the change set", &n);
		if (!rc && n > 240)
			rc = sk_fail(e, SNEK_ETIMEDOUT, "the change set is still "
			    "%s", set->status);
	}
	return rc;
}

static int drop_set(struct sk_aws *aws, const struct sk_stack_plan *p,
    struct snek_error *e)
{
	struct sk_form f = { .nomem = false };

	form_of(p, &f);
	return sk_stack_call(aws, "DeleteChangeSet", &f, NULL, NULL, e);
}

static int check_set(const struct set *set, struct snek_error *e)
{
	return strcmp(set->status, "FAILED") || is_empty(set->reason) ? 0 :
	    sk_fail(e, SNEK_EINVAL, "CloudFormation refuses the change: %s",
	    set->reason);
}

/* One of an earlier run is of use while it can still be executed. */
static bool is_usable(const struct set *set)
{
	return !strcmp(set->status, "CREATE_COMPLETE") &&
	    !strcmp(set->execution, "AVAILABLE");
}

static int make_and_read(struct sk_aws *aws, const struct sk_stack_options *o,
    const char *body, const char *url, const struct sk_stack_watch *w,
    struct sk_stack_plan *p, struct snek_error *e)
{
	struct set set = { "", "", "" };
	bool is_new = false;
	char name[64];
	int rc;

	name_set(o, body, p->creates, name);
	rc = make_set(aws, o, body, url, name, p, &is_new, e);
	if (!rc)
		rc = read_set(aws, p, w, &set, e);
	if (!rc && !is_new && !is_usable(&set)) {
		forget_changes(p);
		rc = drop_set(aws, p, e);
		if (!rc)
			rc = make_set(aws, o, body, url, name, p, &is_new, e);
		if (!rc)
			rc = read_set(aws, p, w, &set, e);
	}
	return rc ? rc : check_set(&set, e);
}

int sk_stack_plan(struct sk_aws *aws, const struct sk_stack_options *o,
    const char *body, const char *url, const struct sk_stack_watch *w,
    struct sk_stack_plan *p, struct snek_error *e)
{
	struct sk_stack_info i;
	int rc;

	memset(p, 0, sizeof(*p));
	snprintf(p->stack, sizeof(p->stack), "%s", o->name);
	rc = sk_stack_look(aws, o->name, &i, e);
	if (rc)
		return rc;
	p->creates = !i.there || !strcmp(i.status, "REVIEW_IN_PROGRESS");
	rc = make_and_read(aws, o, body, url, w, p, e);
	if (!rc && !p->changes)
		rc = drop_set(aws, p, e);
	if (rc)
		sk_stack_plan_free(p);
	return rc;
}

int sk_stack_plan_drop(struct sk_aws *aws, const struct sk_stack_plan *p,
    struct snek_error *e)
{
	struct sk_stack_info i;
	int rc = p->changes ? drop_set(aws, p, e) : 0;

	if (!rc)
		rc = sk_stack_look(aws, p->stack, &i, e);
	if (!rc && i.there && !strcmp(i.status, "REVIEW_IN_PROGRESS"))
		rc = sk_stack_delete(aws, i.id, NULL, e);
	return rc;
}

int sk_stack_plan_guard(struct sk_aws *aws, const struct sk_stack_plan *p,
    struct snek_error *e)
{
	char names[200] = "";
	size_t i, n = 0;
	int rc;

	for (i = 0; i < p->changes && n < sizeof(names); i++)
		if (p->change[i].loses)
			n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s",
			    n ? ", " : "", p->change[i].logical);
	if (!n)
		return 0;
	rc = sk_stack_plan_drop(aws, p, e);
	return rc ? rc : sk_fail(e, SNEK_EEXIST, "the stack %s would lose servers "
	    "with their data, or have empty ones in their place: %s", p->stack,
	    names);
}

/* Of one that is refused: was it executed before, by a request whose reply was
 * lost?  One that is gone was, for AWS removes them all then. */
static int was_executed(struct sk_aws *aws, const struct sk_stack_plan *p,
    struct snek_error *e)
{
	struct sk_stack_plan again = *p;
	struct set set = { "", "", "" };
	char next[1100] = "";
	int rc;

	again.change = NULL;
	again.changes = 0;
	rc = read_page(aws, &again, next, &set, e);
	sk_stack_plan_free(&again);
	if (rc == SNEK_ENOENT)
		return 0;
	if (!rc && strncmp(set.execution, "EXECUTE_", 8))
		rc = sk_fail(e, SNEK_EAGAIN, "the change set is %s: the stack "
		    "changed meanwhile; the same command looks again",
		    set.execution);
	return rc;
}

int sk_stack_execute(struct sk_aws *aws, const struct sk_stack_plan *p,
    const struct sk_stack_watch *w, struct sk_stack_info *i,
    struct snek_error *e)
{
	struct sk_form f = { .nomem = false };
	struct snek_error why = { 0 };
	struct sk_stack_asked asked = { "", "", false };
	const char *id = p->stack;
	char type[64];
	int rc = sk_stack_look(aws, p->stack, i, e);

	if (!rc && *i->id)
		id = i->id;
	if (!rc)
		rc = sk_stack_mark(aws, id, &asked, e);
	if (rc)
		return rc;
	snprintf(asked.token, sizeof(asked.token), "snek-%016llx", (unsigned long long)
	    sk_hash64(p->set, strlen(p->set), 0));
	form_of(p, &f);
	sk_form_put(&f, "ClientRequestToken", asked.token);
	rc = sk_stack_call(aws, "ExecuteChangeSet", &f, NULL, type, &why);
	if (rc && (!strcmp(type, "InvalidChangeSetStatus") ||
	    !strcmp(type, "ChangeSetNotFound"))) {
		rc = was_executed(aws, p, &why);
		asked.marked = false;   /* it was before the mark */
	}
	if (rc && e)
		*e = why;
	return rc ? rc : sk_stack_wait(aws, id, &asked, false, w, i, e);
}
