/* SPDX-License-Identifier: MIT */
#include "aws/stack.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define SEEN 4096u              /* events of one operation that are told */
#define PATIENCE_MS 7200000
#define SILENCE_MS 300000
/* So long a look may fail in a row: networks come back, a laptop wakes up. */
#define DEAF_MS 300000

const char *sk_stack_output(const struct sk_stack_info *i, const char *name)
{
	size_t n;

	for (n = 0; n < i->outputs; n++)
		if (!strcmp(i->output[n].name, name))
			return i->output[n].value;
	return NULL;
}

static void take(const struct sk_xml_node *s, struct sk_stack_info *i)
{
	const struct sk_xml_node *o = sk_xml_find(s, "Outputs/member");
	const struct sk_xml_node *t = sk_xml_find(s, "Tags/member");
	const char *is_protected = sk_xml_text(s, "EnableTerminationProtection");

	i->is_protected = is_protected && !strcmp(is_protected, "true");
	i->there = true;
	sk_stack_text(s, "StackId", i->id, sizeof(i->id));
	sk_stack_text(s, "StackStatus", i->status, sizeof(i->status));
	sk_stack_text(s, "StackStatusReason", i->reason, sizeof(i->reason));
	sk_stack_text(s, "DriftInformation/StackDriftStatus", i->drift,
	    sizeof(i->drift));
	sk_stack_text(s, "DriftInformation/LastCheckTimestamp", i->compared,
	    sizeof(i->compared));
	for (; o && i->outputs < SK_STACK_OUTPUTS; o = sk_xml_next(o)) {
		sk_stack_text(o, "OutputKey", i->output[i->outputs].name, 64);
		sk_stack_text(o, "OutputValue", i->output[i->outputs++].value,
		    SK_TEMPLATE_OPTIONS);
	}
	for (; t && i->tags < SK_STACK_TAGS; t = sk_xml_next(t)) {
		sk_stack_text(t, "Key", i->tag[i->tags].name, 132);
		sk_stack_text(t, "Value", i->tag[i->tags++].value, 260);
	}
}

bool sk_stack_is_broken(const struct sk_stack_info *i)
{
	static const char *const broken[] = { "ROLLBACK_COMPLETE",
		"ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED" };
	size_t n;

	for (n = 0; n < sizeof(broken) / sizeof(*broken); n++)
		if (i->there && !strcmp(i->status, broken[n]))
			return true;
	return false;
}

int sk_stack_look(struct sk_aws *aws, const char *name,
    struct sk_stack_info *i, struct snek_error *e)
{
	struct sk_form f = { .nomem = false };
	struct snek_error why = { 0 };
	const struct sk_xml_node *s;
	struct sk_xml *xml = NULL;
	char type[64];
	int rc;

	memset(i, 0, sizeof(*i));
	sk_form_put(&f, "StackName", name);
	rc = sk_stack_call(aws, "DescribeStacks", &f, &xml, type, &why);
	/* There is none: AWS calls that a validation error. */
	if (rc && !strcmp(type, "ValidationError") &&
	    strstr(why.text, "does not exist"))
		return 0;
	s = rc ? NULL : sk_xml_find(sk_xml_root(xml),
	    "DescribeStacksResult/Stacks/member");
	if (s)
		take(s, i);
	else if (!rc)
		rc = sk_fail(&why, SNEK_EFORMAT, "CloudFormation described no "
		    "stack");
	sk_xml_close(xml);
	if (rc && e)
		*e = why;
	return rc;
}

/* ---- events ---- */

struct seen {                           /* ids, so that none is told twice */
	char (*id)[128];
	size_t n;
	const struct sk_stack_asked *asked;     /* whose events they are */
	bool failed;                    /* one has been, and is kept: */
	struct sk_stack_event first;
	bool ended;                     /* the stack's own last event was there */
};

static bool is_known(const struct seen *s, const char *id)
{
	size_t i;

	for (i = s->n; i--; )
		if (!strcmp(s->id[i], id))
			return true;
	return false;
}

static bool has_failed(const struct sk_stack_event *ev)
{
	size_t n = strlen(ev->status);

	return n > 7 && !strcmp(ev->status + n - 7, "_FAILED") &&
	    !strstr(ev->reason, "Resource creation cancelled") &&
	    !strstr(ev->reason, "Resource update cancelled");
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

static bool is_of_stack(const struct sk_stack_event *ev)
{
	return !strcmp(ev->type, "AWS::CloudFormation::Stack") &&
	    strstr(ev->physical, ":stack/");
}

/* Which is the first of an operation. */
static bool begins(const struct sk_stack_event *ev)
{
	return is_of_stack(ev) && !strcmp(ev->reason, "User Initiated");
}

static void tell(struct seen *s, const struct sk_stack_watch *w,
    const struct sk_stack_event *ev)
{
	if (s->n < SEEN)
		snprintf(s->id[s->n++], 128, "%s", ev->id);
	if (!s->failed && has_failed(ev)) {
		s->failed = true;
		s->first = *ev;
	}
	if (is_of_stack(ev) && !ends_with(ev->status, "_IN_PROGRESS"))
		s->ended = true;
	if (w && w->event)
		w->event(w->arg, ev);
}

static void take_event(const struct sk_xml_node *n, struct sk_stack_event *ev)
{
	sk_stack_text(n, "EventId", ev->id, sizeof(ev->id));
	sk_stack_text(n, "Timestamp", ev->time, sizeof(ev->time));
	sk_stack_text(n, "LogicalResourceId", ev->logical, sizeof(ev->logical));
	sk_stack_text(n, "PhysicalResourceId", ev->physical, sizeof(ev->physical));
	sk_stack_text(n, "ResourceType", ev->type, sizeof(ev->type));
	sk_stack_text(n, "ResourceStatus", ev->status, sizeof(ev->status));
	sk_stack_text(n, "ResourceStatusReason", ev->reason, sizeof(ev->reason));
}

static int ask_events(struct sk_aws *aws, const char *id, const char *next,
    struct sk_xml **xml, const struct sk_xml_node **first, struct snek_error *e)
{
	struct sk_form f = { .nomem = false };
	int rc;

	sk_form_put(&f, "StackName", id);
	if (*next)
		sk_form_put(&f, "NextToken", next);
	rc = sk_stack_call(aws, "DescribeStackEvents", &f, xml, NULL, e);
	*first = rc ? NULL : sk_xml_find(sk_xml_root(*xml),
	    "DescribeStackEventsResult/StackEvents/member");
	return rc;
}

int sk_stack_mark(struct sk_aws *aws, const char *id,
    struct sk_stack_asked *a, struct snek_error *e)
{
	const struct sk_xml_node *m;
	struct sk_xml *xml = NULL;
	int rc = ask_events(aws, id, "", &xml, &m, e);

	if (rc)
		return rc;
	sk_stack_text(m, "EventId", a->last, sizeof(a->last));
	a->marked = true;
	sk_xml_close(xml);
	return 0;
}

/* By its token.  Where a server tells none, ours are those that are newer than
 * what there was before. */
static bool is_ours(const struct sk_stack_asked *a, const char *token,
    bool newer)
{
	return !*a->token || (token ? !strcmp(token, a->token) :
	    a->marked && newer);
}

/* A page, newest first, of one operation's events.  more: older ones may be
 * new to us too. */
static int page(struct sk_aws *aws, const char *id, char next[1100],
    struct sk_stack_event *ev, size_t *n, size_t most, struct seen *s,
    bool *newer, bool *more, struct snek_error *e)
{
	const struct sk_xml_node *m;
	struct sk_xml *xml = NULL;
	int rc = ask_events(aws, id, next, &xml, &m, e);

	if (rc)
		return rc;
	*more = m != NULL;
	for (; m && *n < most && *more; m = sk_xml_next(m)) {
		take_event(m, &ev[*n]);
		*newer = *newer && strcmp(ev[*n].id, s->asked->last);
		*more = !is_known(s, ev[*n].id);
		if (*more && is_ours(s->asked, sk_xml_text(m,
		    "ClientRequestToken"), *newer)) {
			*more = !begins(&ev[*n]);
			++*n;
		}
	}
	sk_stack_text(sk_xml_root(xml), "DescribeStackEventsResult/NextToken",
	    next, 1100);
	*more = *more && *next;
	sk_xml_close(xml);
	return 0;
}

/* What happened since the last look, oldest first. */
static int hear(struct sk_aws *aws, const char *id, struct seen *s,
    const struct sk_stack_watch *w, struct snek_error *e)
{
	enum { MOST = SEEN };
	struct sk_stack_event *ev = calloc(MOST, sizeof(*ev));
	char next[1100] = "";
	bool more = true, newer = true;
	size_t n = 0;
	int rc = ev ? 0 : sk_enomem(e);

	while (!rc && more && n < MOST)
		rc = page(aws, id, next, ev, &n, MOST, s, &newer, &more, e);
	while (!rc && n)
		tell(s, w, &ev[--n]);
	free(ev);
	return rc;
}

/* 1: it ended well; 0: it goes on; else why not.  What is described may be
 * older than the operation: its own last event tells. */
static int judge(const struct sk_stack_info *i, const struct seen *s,
    bool deletes, struct snek_error *e)
{
	const char *st = i->status;

	if (ends_with(st, "_IN_PROGRESS") || (*s->asked->token && !s->ended))
		return 0;
	if (deletes ? !strcmp(st, "DELETE_COMPLETE") :
	    !strcmp(st, "CREATE_COMPLETE") || !strcmp(st, "UPDATE_COMPLETE"))
		return 1;
	if (s->failed)
		return sk_fail(e, SNEK_EIO, "%s (%s) failed first: %s; the stack "
		    "is %s", s->first.logical, s->first.type, *s->first.reason ?
		    s->first.reason : s->first.status, st);
	return sk_fail(e, SNEK_EIO, "the stack is %s: %s", st, *i->reason ?
	    i->reason : "CloudFormation does not say why");
}

static int look_again(struct sk_aws *aws, const char *id, struct seen *s,
    const struct sk_stack_watch *w, struct sk_stack_info *i,
    struct snek_error *e)
{
	struct sk_stack_info now;       /* i stays what was last seen */
	int rc = sk_stack_look(aws, id, &now, e);

	if (!rc && !now.there)
		rc = sk_fail(e, SNEK_ENOENT, "the stack %s is gone", id);
	if (!rc)
		rc = hear(aws, id, s, w, e);
	if (!rc)
		*i = now;
	return rc;
}

static int64_t patience(const struct sk_stack_watch *w)
{
	return w && w->patience_ms ? w->patience_ms : PATIENCE_MS;
}

int sk_stack_unheard(const struct sk_stack_watch *w, int rc, int64_t *heard,
    struct snek_error *e)
{
	int64_t now = sk_clock_ms(), most = patience(w);
	struct snek_error why;

	if (!rc || (rc != SNEK_EAGAIN && rc != SNEK_ETIMEDOUT)) {
		*heard = now;
		return rc;
	}
	if (now - *heard < (most < DEAF_MS ? most : DEAF_MS))
		return 0;
	why = *e;
	return sk_fail(e, rc, "no good answer for %lld s; AWS goes on, and the "
	    "same command waits again: %s", (long long)(now - *heard) / 1000,
	    why.text);
}

/* There is an end to patience; and what was accepted shows within minutes. */
static int check_time(const struct sk_stack_watch *w, int64_t began,
    const struct seen *s, const struct sk_stack_info *i, struct snek_error *e)
{
	int64_t ms = sk_clock_ms() - began;

	if (ms > patience(w) || (!s->n && ms > SILENCE_MS))
		return sk_fail(e, SNEK_ETIMEDOUT, "the stack is %s after %lld s, "
		    "%zu events; AWS goes on, and the same command waits again",
		    i->status, (long long)ms / 1000, s->n);
	return 0;
}

int sk_stack_wait(struct sk_aws *aws, const char *stack,
    const struct sk_stack_asked *asked, bool deletes,
    const struct sk_stack_watch *w, struct sk_stack_info *i,
    struct snek_error *e)
{
	char id[sizeof(i->id)];         /* a copy: it may be that of i */
	struct seen s = { .id = malloc(SEEN * sizeof(*s.id)), .asked = asked };
	int64_t began = sk_clock_ms(), heard = began;
	struct snek_error why = { 0 };
	unsigned n = 0;
	int rc = s.id ? 0 : sk_enomem(&why), end = 0;

	snprintf(id, sizeof(id), "%s", stack);
	memset(i, 0, sizeof(*i));
	while (!rc && !end) {
		rc = look_again(aws, id, &s, w, i, &why);
		if (!rc)
			end = judge(i, &s, deletes, &why);
		rc = sk_stack_unheard(w, rc, &heard, &why);
		if (!rc && !end)
			rc = check_time(w, began, &s, i, &why);
		if (!rc && !end)
			rc = sk_stack_pause(w, i->status, &n);
	}
	free(s.id);
	rc = rc ? rc : end < 0 ? end : 0;
	if (rc && e)
		*e = why;
	return rc;
}

/* A token of its own each time: what failed may be asked for anew. */
static int ask_delete(struct sk_aws *aws, const char *id,
    struct sk_stack_asked *a, struct snek_error *e)
{
	struct sk_form f = { .nomem = false };
	int rc = sk_stack_token(a->token, e);

	if (!rc)
		rc = sk_stack_mark(aws, id, a, e);
	if (rc)
		return rc;
	sk_form_put(&f, "StackName", id);
	sk_form_put(&f, "ClientRequestToken", a->token);
	return sk_stack_call(aws, "DeleteStack", &f, NULL, NULL, e);
}

int sk_stack_delete(struct sk_aws *aws, const char *id,
    const struct sk_stack_watch *w, struct snek_error *e)
{
	struct sk_stack_asked asked = { "", "", false };
	struct sk_stack_info i;
	int rc = sk_stack_look(aws, id, &i, e);
	bool made = !rc && !strcmp(i.status, "REVIEW_IN_PROGRESS");

	if (rc || !i.there || !strcmp(i.status, "DELETE_COMPLETE"))
		return rc;
	if (strcmp(i.status, "DELETE_IN_PROGRESS"))
		rc = ask_delete(aws, i.id, &asked, e);
	/* Of one that never was anything there are no events to wait for. */
	return rc || made ? rc : sk_stack_wait(aws, i.id, &asked, true, w, &i,
	    e);
}
