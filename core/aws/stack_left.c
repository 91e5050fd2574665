/* SPDX-License-Identifier: MIT */
/* stack_left.c - what belongs to a stack by its name or its tag. */
#include "aws/stack.h"

#include <snek/snek.h>
#include <stdio.h>

#include "aws/json.h"

enum { PAGES = 2000 };

/* ---- functions, by name ---- */

static int visit_page(const struct sk_json *j, const char *prefix,
    int (*visit)(void *, const char *, struct snek_error *), void *arg,
    struct snek_error *e)
{
	char path[64], name[160];
	unsigned i;
	int rc = 0;

	for (i = 0; !rc; i++) {
		snprintf(path, sizeof(path), "Functions[%u].FunctionName", i);
		if (!sk_json_text(j, path, name, sizeof(name)))
			return 0;
		if (!strncmp(name, prefix, strlen(prefix)))
			rc = visit(arg, name, e);
	}
	return rc;
}

static int put_encoded(struct sk_buf *b, const char *name, const char *value)
{
	struct sk_form f = { .nomem = false };
	bool ok;

	sk_form_put(&f, name, value);
	ok = !f.nomem && sk_buf_put(b, f.b.p, f.b.n) && sk_buf_byte(b, 0);
	sk_buf_free(&f.b);
	return ok;
}

static int list_page(struct sk_aws *aws, char marker[1100],
    struct sk_aws_reply *reply, struct snek_error *e)
{
	struct sk_aws_request r = { .service = "lambda",
		.action = "ListFunctions", .method = "GET",
		.path = "/2015-03-31/functions/" };
	struct sk_buf query = { 0 };
	int rc = !*marker || put_encoded(&query, "Marker", marker) ? 0 :
	    sk_enomem(e);

	r.query = query.p;
	if (!rc)
		rc = sk_aws_call(aws, &r, reply, e);
	sk_buf_free(&query);
	return rc;
}

int sk_stack_functions(struct sk_aws *aws, const char *name,
    int (*visit)(void *, const char *, struct snek_error *), void *arg,
    struct snek_error *e)
{
	char marker[1100] = "", prefix[64];
	struct sk_json *j;
	unsigned n = 0;
	int rc;

	snprintf(prefix, sizeof(prefix), "%.40s-fn-", name);
	do {
		struct sk_aws_reply reply = { 0 };

		rc = list_page(aws, marker, &reply, e);
		if (!rc)
			rc = sk_json_open(&reply.body, &j, e);
		if (!rc) {
			rc = visit_page(j, prefix, visit, arg, e);
			if (!sk_json_text(j, "NextMarker", marker, sizeof(marker)))
				*marker = '\0';
			sk_json_close(j);
		}
		sk_aws_reply_free(&reply);
	} while (!rc && *marker && ++n < PAGES);
	return rc;
}

/* ---- the rest, by tag ---- */

struct finder {
	struct sk_aws *aws;
	const char *stack;
	void (*found)(void *, const char *);
	void *arg;
};

/* One of another stack is not ours; one of none may be. */
static int find_function(void *arg, const char *name, struct snek_error *e)
{
	const struct finder *f = arg;
	char of[160];
	int rc = sk_lambda_stack(f->aws, name, of, e);

	if (!rc && (!*of || !strcmp(of, f->stack)))
		f->found(f->arg, name);
	return rc == SNEK_ENOENT ? 0 : rc;
}

/* The value of the nth resource's tag; "": it has none of the key. */
static void tag_of(const struct sk_json *j, unsigned n, const char *key,
    char *value, size_t room)
{
	char path[64], name[130];
	unsigned i;

	*value = '\0';
	for (i = 0; ; i++) {
		snprintf(path, sizeof(path), "ResourceTagMappingList[%u].Tags[%u]"
		    ".Key", n, i);
		if (!sk_json_text(j, path, name, sizeof(name)))
			return;
		if (strcmp(name, key))
			continue;
		snprintf(path, sizeof(path), "ResourceTagMappingList[%u].Tags[%u]"
		    ".Value", n, i);
		if (!sk_json_text(j, path, value, room))
			*value = '\0';
		return;
	}
}

/* "arn:aws:ec2:eu-west-1:1:instance/i-1" is that of i-1. */
static bool is_arn_of(const char *arn, const char *id)
{
	size_t n = strlen(arn), m = strlen(id);

	return n >= m && !strcmp(arn + n - m, id) &&
	    (n == m || strchr(":/", arn[n - m - 1]));
}

/* AWS lists what had a tag for a while after its end, a terminated instance for
 * an hour: CloudFormation, by its own tags, knows better. */
static bool is_deleted(const struct finder *f, const struct sk_json *j,
    unsigned n, const char *arn)
{
	char stack[300], logical[260];
	struct sk_stack_resource r;
	struct sk_stack_info i;

	if (strstr(arn, ":cloudformation:"))
		return !sk_stack_look(f->aws, arn, &i, NULL) &&
		    (!i.there || !strcmp(i.status, "DELETE_COMPLETE"));
	tag_of(j, n, "aws:cloudformation:stack-id", stack, sizeof(stack));
	tag_of(j, n, "aws:cloudformation:logical-id", logical, sizeof(logical));
	return *stack && *logical &&
	    !sk_stack_resource(f->aws, stack, logical, &r, NULL) &&
	    !strcmp(r.status, "DELETE_COMPLETE") && is_arn_of(arn, r.id);
}

static void take_arns(const struct sk_json *j, const struct finder *f)
{
	char path[64], arn[600], function[80];
	unsigned i;

	snprintf(function, sizeof(function), ":function:%.40s-fn-", f->stack);
	for (i = 0; ; i++) {
		snprintf(path, sizeof(path), "ResourceTagMappingList[%u]."
		    "ResourceARN", i);
		if (!sk_json_text(j, path, arn, sizeof(arn)))
			return;
		/* Functions were found by their names, if they are there. */
		if (!strstr(arn, function) && !is_deleted(f, j, i, arn))
			f->found(f->arg, arn);
	}
}

/* The stack's name and the token are of letters that JSON leaves alone. */
static int tag_page(struct sk_aws *aws, const char *name, char token[2100],
    const struct finder *f, struct snek_error *e)
{
	const struct sk_aws_header head[] = {
		{ "Content-Type", "application/x-amz-json-1.1" },
		{ "X-Amz-Target",
		    "ResourceGroupsTaggingAPI_20170126.GetResources" },
	};
	struct sk_aws_request r = { .service = "tagging",
		.action = "GetResources", .method = "POST", .path = "/",
		.header = head, .headers = 2 };
	struct sk_aws_reply reply = { 0 };
	struct sk_buf body = { 0 };
	struct sk_json *j;
	int rc = sk_buf_printf(&body, "{\"PaginationToken\":\"%s\",\"TagFilters\":"
	    "[{\"Key\":\"snek:stack\",\"Values\":[\"%s\"]}]}", token, name) ? 0 :
	    sk_enomem(e);

	r.body = (struct sk_span){ body.p, body.n };
	if (!rc)
		rc = sk_aws_call(aws, &r, &reply, e);
	if (!rc)
		rc = sk_json_open(&reply.body, &j, e);
	if (!rc) {
		take_arns(j, f);
		if (!sk_json_text(j, "PaginationToken", token, 2100) ||
		    strpbrk(token, "\"\\"))
			*token = '\0';
		sk_json_close(j);
	}
	sk_aws_reply_free(&reply);
	sk_buf_free(&body);
	return rc;
}

int sk_stack_left(struct sk_aws *aws, const char *name,
    void (*found)(void *, const char *arn), void *arg, struct snek_error *e)
{
	struct finder f = { aws, name, found, arg };
	char token[2100] = "";
	unsigned n = 0;
	int rc = sk_stack_functions(aws, name, find_function, &f, e);

	while (!rc) {
		rc = tag_page(aws, name, token, &f, e);
		if (!*token || ++n == PAGES)
			break;
	}
	return rc;
}
