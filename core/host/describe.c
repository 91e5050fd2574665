/* SPDX-License-Identifier: MIT */
/* describe.c - functions, versions and aliases as Lambda tells of them. */
#include "host/rest.h"

#include <stdio.h>

static bool put_raw(struct sk_buf *b, const char *name, const struct sk_buf *json)
{
	return !json->n || (sk_buf_printf(b, ",\"%s\":", name) &&
	    sk_buf_put(b, json->p, json->n));
}

static bool put_variables(struct sk_buf *b, const struct sk_buf *env)
{
	const char *p = env->p, *end = p + env->n;
	char name[1024];
	size_t n;
	bool ok = true;

	if (!env->n)
		return true;
	ok = sk_buf_printf(b, ",\"Environment\":{\"Variables\":{");
	for (; ok && p < end; p += strlen(p) + 1) {
		n = strcspn(p, "=");
		ok = n < sizeof(name);
		if (!ok)
			break;          /* configure.c let none in */
		memcpy(name, p, n);
		name[n] = '\0';
		ok = sk_put_member(b, name, p + n + 1);
	}
	return ok && sk_buf_printf(b, "}}");
}

static bool put_config(struct sk_buf *b, const struct sk_config *c)
{
	return sk_put_member(b, "Runtime", c->runtime) &&
	    sk_put_member(b, "Role", c->role) &&
	    sk_put_member(b, "Handler", c->handler) &&
	    sk_put_member(b, "Description", c->description) &&
	    sk_put_number(b, "Timeout", c->timeout_s) &&
	    sk_put_number(b, "MemorySize", c->memory_mb) &&
	    put_variables(b, &c->env) && put_raw(b, "VpcConfig", &c->vpc) &&
	    (c->tracing.n ? put_raw(b, "TracingConfig", &c->tracing) :
	    sk_buf_printf(b, ",\"TracingConfig\":{\"Mode\":\"PassThrough\"}")) &&
	    put_raw(b, "LoggingConfig", &c->logging) &&
	    sk_buf_printf(b, ",\"Architectures\":[\"%s\"],\"EphemeralStorage\":"
	    "{\"Size\":%u},\"PackageType\":\"Zip\"", c->arch, c->tmp_mb);
}

static bool put_state(struct sk_buf *b, const struct sk_function *f,
    const struct sk_version *v)
{
	bool pending = f->state == SK_PENDING;

	if (!sk_put_member(b, "State", pending ? "Pending" : "Active"))
		return false;
	if (pending && !(sk_put_member(b, "StateReason",
	    "The function is being created.") &&
	    sk_put_member(b, "StateReasonCode", "Creating")))
		return false;
	return sk_put_member(b, "LastUpdateStatus", !pending && f->updating &&
	    !v->number ? "InProgress" : "Successful");
}

bool sk_describe_version(struct sk_buf *b, const struct sk_function *f,
    const struct sk_version *v, bool qualified)
{
	char version[16];

	sk_version_text(v, version);
	return sk_buf_byte(b, '{') &&
	    sk_put_member(b, "FunctionName", f->name) &&
	    sk_buf_printf(b, ",\"FunctionArn\":\"arn:aws:lambda:%s:" SK_ACCOUNT
	    ":function:%s%s%s\"", f->region, f->name, qualified ? ":" : "",
	    qualified ? version : "") &&
	    put_config(b, &v->config) &&
	    sk_put_number(b, "CodeSize", v->code->size) &&
	    sk_put_member(b, "CodeSha256", v->code->sha256) &&
	    sk_put_member(b, "LastModified", v->modified) &&
	    sk_put_member(b, "Version", version) &&
	    sk_put_member(b, "RevisionId", v->revision) &&
	    put_state(b, f, v) && sk_buf_byte(b, '}');
}

static bool put_number_text(struct sk_buf *b, uint32_t number)
{
	return number ? sk_buf_printf(b, "\"%u\"", number) :
	    sk_buf_printf(b, "\"" SK_LATEST "\"");
}

bool sk_describe_alias(struct sk_buf *b, const struct sk_function *f,
    const struct sk_alias *a)
{
	bool ok = sk_buf_printf(b, "{\"AliasArn\":\"arn:aws:lambda:%s:" SK_ACCOUNT
	    ":function:%s:%s\"", f->region, f->name, a->name) &&
	    sk_put_member(b, "Name", a->name) &&
	    sk_buf_printf(b, ",\"FunctionVersion\":") &&
	    put_number_text(b, a->version) &&
	    sk_put_member(b, "Description", a->description) &&
	    sk_put_member(b, "RevisionId", a->revision);

	if (ok && a->weight > 0)
		ok = sk_buf_printf(b, ",\"RoutingConfig\":"
		    "{\"AdditionalVersionWeights\":{") &&
		    put_number_text(b, a->other) && sk_buf_byte(b, ':') &&
		    sk_json_write(b, sk_double(a->weight)) &&
		    sk_buf_printf(b, "}}");
	return ok && sk_buf_byte(b, '}');
}
