/* SPDX-License-Identifier: MIT */
/* lambda_look.c - what a function is like at AWS, and whether it is ready. */
#include "aws/lambda.h"

#include <stdio.h>
#include <stdlib.h>

#include "value/pack.h"

void sk_lambda_function_free(struct sk_lambda_function *f)
{
	sk_buf_free(&f->env);
	sk_buf_free(&f->subnets);
	sk_buf_free(&f->groups);
	memset(f, 0, sizeof(*f));
}

#define TEXT(member, path) sk_lambda_text(v, path, f->member, sizeof(f->member))

static int read_env(struct snek_value v, struct sk_buf *out,
    struct snek_error *e)
{
	struct snek_value env = sk_lambda_at(v,
	    "Configuration.Environment.Variables");

	if (env.type != SNEK_OBJECT)
		return sk_buf_put(out, "{}", 2) ? 0 : sk_enomem(e);
	return sk_json_write(out, env) ? 0 : sk_enomem(e);
}

static int read_parts(struct snek_value v, struct sk_lambda_function *f,
    struct snek_error *e)
{
	int rc = read_env(v, &f->env, e);

	if (!rc)
		rc = sk_lambda_read_ids(sk_lambda_at(v,
		    "Configuration.VpcConfig.SubnetIds"), &f->subnets, e);
	return rc ? rc : sk_lambda_read_ids(sk_lambda_at(v,
	    "Configuration.VpcConfig.SecurityGroupIds"), &f->groups, e);
}

static int fill(struct snek_value v, struct sk_lambda_function *f,
    struct snek_error *e)
{
	f->there = true;
	TEXT(arn, "Configuration.FunctionArn");
	TEXT(description, "Configuration.Description");
	TEXT(revision, "Configuration.RevisionId");
	TEXT(state, "Configuration.State");
	TEXT(reason, "Configuration.StateReason");
	TEXT(reason_code, "Configuration.StateReasonCode");
	TEXT(update, "Configuration.LastUpdateStatus");
	TEXT(update_reason, "Configuration.LastUpdateStatusReason");
	TEXT(update_code, "Configuration.LastUpdateStatusReasonCode");
	TEXT(version, "Configuration.Version");
	TEXT(code_sha256, "Configuration.CodeSha256");
	TEXT(role, "Configuration.Role");
	TEXT(runtime, "Configuration.Runtime");
	TEXT(arch, "Configuration.Architectures[0]");
	f->memory_mb = sk_lambda_number(v, "Configuration.MemorySize");
	f->timeout_s = sk_lambda_number(v, "Configuration.Timeout");
	TEXT(tag_version, "Tags.snek:version");
	TEXT(tag_cluster, "Tags.snek:cluster");
	TEXT(tag_stack, "Tags.snek:stack");
	TEXT(tag_error, "TagsError.Message");
	f->tagged = *f->tag_version || *f->tag_cluster;
	if (strncmp(f->arn, "arn:", 4) || !*f->code_sha256)
		return sk_fail(e, SNEK_EFORMAT, "lambda GetFunction: an answer "
		    "without FunctionArn or CodeSha256; is the endpoint right?");
	return read_parts(v, f, e);
}

int sk_lambda_look(struct sk_lambda *l, const char *qualifier,
    struct sk_lambda_function *f, struct snek_error *e)
{
	char query[96];
	const struct sk_lambda_ask q = { .action = "GetFunction",
		.method = "GET", .query = qualifier ? query : NULL };
	struct snek_error why = { 0 };
	struct snek_value v = sk_none();
	int rc;

	sk_lambda_function_free(f);
	snprintf(query, sizeof(query), "Qualifier=%.64s", qualifier ?
	    qualifier : "");
	rc = sk_lambda_ask(l, &q, &v, &why);
	if (rc == SNEK_ENOENT && !strcmp(l->type, "ResourceNotFoundException"))
		return 0;
	if (!rc)
		rc = fill(v, f, &why);
	if (rc && e)
		*e = why;
	if (rc)
		sk_lambda_function_free(f);
	return rc;
}

int sk_lambda_stack(struct sk_aws *aws, const char *name, char stack[160],
    struct snek_error *e)
{
	struct sk_lambda l;
	int rc = sk_lambda_open(&l, aws, name, NULL, e);

	if (!rc)
		rc = sk_lambda_look(&l, NULL, &l.f, e);
	if (!rc && !l.f.there)
		rc = SNEK_ENOENT;
	if (!rc && *l.f.tag_error && !*l.f.tag_stack)
		rc = sk_fail(e, SNEK_EACCES, "the tags of the function %s cannot "
		    "be read: %s; the policy needs lambda:ListTags", name,
		    l.f.tag_error);
	if (!rc)
		snprintf(stack, 160, "%s", l.f.tag_stack);
	sk_lambda_close(&l);
	return rc;
}

/* ---- is it ready ---- */

static int never(const struct sk_lambda *l, const char *what, const char *code,
    const char *reason, struct snek_error *e)
{
	return sk_fail(e, SNEK_EIO, "lambda function %s: %s failed: %s%s%s",
	    l->name, what, code, *code && *reason ? ": " : "", reason);
}

int sk_lambda_is_ready(const struct sk_lambda *l,
    const struct sk_lambda_function *f, struct snek_error *e)
{
	if (!f->there)
		return sk_fail(e, SNEK_ENOENT, "lambda function %s: somebody "
		    "deleted it meanwhile; the same command makes it anew",
		    l->name);
	if (!strcmp(f->state, "Pending") || !strcmp(f->update, "InProgress"))
		return 0;
	if (!strcmp(f->state, "Failed"))
		return never(l, "making it", f->reason_code, f->reason, e);
	if (!strcmp(f->update, "Failed"))
		return never(l, "changing it", f->update_code, f->update_reason,
		    e);
	return 1;
}

int sk_lambda_wait(struct sk_lambda *l, const char *qualifier,
    struct sk_lambda_function *f, struct snek_error *e)
{
	bool said = false;
	int rc;

	sk_lambda_patient(l);
	for (;;) {
		rc = sk_lambda_look(l, qualifier, f, e);
		if (!rc)
			rc = sk_lambda_is_ready(l, f, e);
		if (rc)
			return rc < 0 ? rc : 0;
		if (!said)
			sk_lambda_say(l, "waiting until it is %s",
			    strcmp(f->state, "Pending") ? "changed" : "active");
		said = true;
		rc = sk_lambda_pause(l, strcmp(f->state, "Pending") ?
		    "InProgress" : "Pending", e);
		if (rc)
			return rc;
	}
}

/* ---- variables ---- */

static const struct sk_aws_header *given(const struct sk_lambda_spec *s,
    struct snek_value name)
{
	size_t i;

	for (i = 0; i < s->envs; i++)
		if (strlen(s->env[i].name) == name.len &&
		    !memcmp(s->env[i].name, name.as.s, name.len))
			return &s->env[i];
	return NULL;
}

static bool put_one(struct sk_buf *b, struct snek_value name,
    struct snek_value value)
{
	return (b->p[b->n - 1] == '{' || sk_buf_byte(b, ',')) &&
	    sk_json_write(b, name) && sk_buf_byte(b, ':') &&
	    sk_json_write(b, value);
}

/* Those that are there, in their order; noted: which of the given ones. */
static bool put_old(const struct sk_lambda_spec *s, struct snek_value env,
    bool *noted, struct sk_buf *b)
{
	const struct sk_aws_header *new;
	struct snek_value name, value;
	struct snek_cursor c;
	bool ok = !sk_iterate(env, &c);

	while (ok && sk_next(&c, &name, &value) == 1) {
		new = given(s, name);
		if (new)
			noted[new - s->env] = true;
		if (new && *new->value)
			ok = put_one(b, name, sk_cstring(new->value));
		else if (!new)
			ok = put_one(b, name, value);
	}
	return ok;
}

static bool put_new(const struct sk_lambda_spec *s, const bool *noted,
    struct sk_buf *b)
{
	bool ok = true;
	size_t i;

	for (i = 0; i < s->envs && ok; i++)
		if (!noted[i] && *s->env[i].value)
			ok = put_one(b, sk_cstring(s->env[i].name),
			    sk_cstring(s->env[i].value));
	return ok;
}

int sk_lambda_env(const struct sk_lambda *l, struct sk_buf *b,
    struct snek_error *e)
{
	const struct sk_lambda_spec *s = l->spec;
	const char *old = l->f.env.n ? l->f.env.p : "{}";
	bool *noted = calloc(s->envs + 1, sizeof(*noted));
	struct snek_value env;
	bool ok = noted && sk_buf_byte(b, '{');
	int rc = ok ? sk_json_value(l->json, old, l->f.env.n ? l->f.env.n : 2,
	    &env, e) : 0;

	ok = ok && !rc && put_old(s, env, noted, b) && put_new(s, noted, b) &&
	    sk_buf_byte(b, '}');
	free(noted);
	return rc ? rc : ok ? 0 : sk_enomem(e);
}
