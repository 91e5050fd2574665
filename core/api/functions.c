/* SPDX-License-Identifier: MIT */
/* functions.c - what can be queried, with what it takes and where it runs. */
#include <snek/lambda.h>

#include "api/parts.h"

static void put_arguments(struct sk_object *j, const struct snek_function_info *i)
{
	const struct snek_arg_info *a;

	sk_object_open(j, "args", '[');
	for (a = i->arg; a < i->arg + i->args; a++) {
		sk_object_open(j, NULL, '{');
		sk_object_text(j, "name", a->name);
		sk_object_text(j, "type", a->type);
		sk_object_flag(j, "required", a->required);
		sk_object_text(j, "default", a->value);
		sk_object_text(j, "choices", a->choices);
		sk_object_text(j, "help", a->help);
		sk_object_close(j, '}');
	}
	sk_object_close(j, ']');
}

/* As it was put there; what it is like now, AWS alone knows. */
static void put_lambda(struct sk_object *j, const struct snek_lambda_info *l)
{
	sk_object_open(j, "lambda", '{');
	sk_object_text(j, "name", l->name);
	sk_object_text(j, "arn", l->arn);
	sk_object_text(j, "version", l->version);
	sk_object_text(j, "region", l->region);
	sk_object_text(j, "arch", l->arch);
	sk_object_text(j, "code_sha256", l->code_sha256);
	sk_object_text(j, "plugin_sha256", l->plugin_sha256);
	sk_object_text(j, "endpoint", l->endpoint);
	sk_object_number(j, "memory_mb", l->memory_mb);
	sk_object_number(j, "timeout_s", l->timeout_s);
	sk_object_close(j, '}');
}

/* Of what is no op of a plugin. */
static void put_kind(struct sk_object *j, const struct snek_function_info *i)
{
	sk_object_text(j, "function_kind", i->kind);
	if (i->url)
		sk_object_text(j, "url", i->url);
	if (!i->function)
		return;
	sk_object_text(j, "library", i->library);
	sk_object_text(j, "function", i->function);
	sk_object_text(j, "signature", i->signature);
	sk_object_text(j, "fields", i->fields);
}

/* Where a plugin's file lies on this machine is nobody's business elsewhere. */
static void put_function(struct sk_object *j, const struct snek_function_info *i)
{
	sk_object_text(j, "name", i->name);
	sk_object_text(j, "summary", i->summary);
	sk_object_text(j, "version", i->version);
	sk_object_text(j, "origin", i->origin);
	sk_object_text(j, "sha256", *i->sha256 ? i->sha256 : NULL);
	sk_object_number(j, "generation", i->generation);
	sk_object_text(j, "reducer", i->reducer);
	sk_object_flag(j, "combines", i->combines);
	put_kind(j, i);
	if (i->lambda)
		put_lambda(j, i->lambda);
	put_arguments(j, i);
}

static int visit_function(void *arg, const struct snek_function_info *i)
{
	struct sk_object *j = arg;

	sk_object_open(j, NULL, '{');
	put_function(j, i);
	sk_object_close(j, '}');
	return j->nomem ? SNEK_ENOMEM : 0;
}

void sk_api_functions(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct sk_object j;
	snek_cluster *cluster;
	int rc = sk_api_take(c->api, &cluster, &e);

	if (!rc) {
		sk_object_begin(&j, &c->out->body, "functions");
		sk_object_open(&j, "functions", '[');
		rc = snek_function_list(cluster, visit_function, &j, &e);
		sk_object_close(&j, ']');
		sk_object_end(&j);
	}
	sk_api_give(c->api, cluster);
	sk_api_end(c, rc, &e);
}

static int visit_single(void *arg, const struct snek_function_info *i)
{
	struct sk_api_call *c = arg;
	struct sk_object j;

	sk_object_begin(&j, &c->out->body, "function");
	put_function(&j, i);
	sk_object_end(&j);
	return j.nomem ? SNEK_ENOMEM : 0;
}

void sk_api_function(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	snek_cluster *cluster = NULL;
	int rc = 0;

	/* A name with a slash is a file of this machine: not from here. */
	if (strchr(c->name[0], '/'))
		rc = sk_fail(&e, SNEK_EINVAL, "a function's name has no slash");
	if (!rc)
		rc = sk_api_take(c->api, &cluster, &e);
	if (!rc)
		rc = snek_function_find(cluster, c->name[0], visit_single, c, &e);
	sk_api_give(c->api, cluster);
	sk_api_end(c, rc, &e);
}
