/* SPDX-License-Identifier: MIT */
/* client_functions.c - the functions behind a gateway, as it tells of them. */
#include <snek/lambda.h>

#include <stdlib.h>

#include "api/client.h"
#include "api/object.h"
#include "value/pack.h"

#define MEMBERS 32u             /* of an object in an answer */
#define TEXT 512u
#define ARGS 64u

struct function_text {                  /* of one function, while visited */
	char name[270], summary[TEXT], version[72], origin[24], reducer[270];
	char kind[16], url[2100], library[270], function[270];
	char signature[270], fields[1030];
	struct {
		char name[72], arn[270], version[24], region[72], arch[16];
		char code_sha256[48], plugin_sha256[72], endpoint[270];
	} lambda;
	struct {
		char name[130], type[16], value[TEXT], choices[TEXT], help[TEXT];
	} arg[ARGS];
};

static const char *text_or_null(const struct sk_record *r, const char *name,
    char *to, size_t room)
{
	sk_client_text(r, name, to, room);
	return sk_object_member(r, name).type == SNEK_STRING ? to : NULL;
}

static size_t get_args(const struct sk_record *r, struct function_text *t,
    struct snek_arg_info *arg)
{
	struct snek_value list = sk_object_member(r, "args"), name, value;
	struct sk_member m[8];
	struct sk_record a = { .object = true, .member = m };
	struct snek_cursor at;
	size_t n = 0;

	if (list.type != SNEK_ARRAY || sk_iterate(list, &at))
		return 0;
	while (n < ARGS && sk_next(&at, &name, &value) == 1) {
		a.n = sk_client_members(value, m, 8);
		arg[n] = (struct snek_arg_info){
		    text_or_null(&a, "name", t->arg[n].name, 130),
		    text_or_null(&a, "type", t->arg[n].type, 16),
		    text_or_null(&a, "default", t->arg[n].value, TEXT),
		    text_or_null(&a, "choices", t->arg[n].choices, TEXT),
		    text_or_null(&a, "help", t->arg[n].help, TEXT),
		    sk_client_flag(&a, "required") };
		n++;
	}
	return n;
}

static void get_kind(const struct sk_record *r, struct function_text *t,
    struct snek_function_info *i)
{
	i->kind = text_or_null(r, "function_kind", t->kind, sizeof(t->kind));
	i->url = text_or_null(r, "url", t->url, sizeof(t->url));
	i->library = text_or_null(r, "library", t->library, sizeof(t->library));
	i->function = text_or_null(r, "function", t->function,
	    sizeof(t->function));
	i->signature = text_or_null(r, "signature", t->signature,
	    sizeof(t->signature));
	i->fields = text_or_null(r, "fields", t->fields, sizeof(t->fields));
}

#define GET(field) \
	sk_client_text(&l, #field, t->lambda.field, sizeof(t->lambda.field)); \
	out->field = t->lambda.field

/* false: it has none. */
static bool get_lambda(const struct sk_record *r, struct function_text *t,
    struct snek_lambda_info *out)
{
	struct sk_member m[MEMBERS];
	struct sk_record l = { .object = true, .member = m };

	l.n = sk_client_members(sk_object_member(r, "lambda"), m, MEMBERS);
	*out = (struct snek_lambda_info){ .size = sizeof(*out) };
	GET(name);
	GET(arn);
	GET(version);
	GET(region);
	GET(arch);
	GET(code_sha256);
	GET(plugin_sha256);
	out->endpoint = text_or_null(&l, "endpoint", t->lambda.endpoint,
	    sizeof(t->lambda.endpoint));
	out->memory_mb = (uint32_t)sk_client_number(&l, "memory_mb");
	out->timeout_s = (uint32_t)sk_client_number(&l, "timeout_s");
	return l.n;
}

static int show_function(const struct sk_record *r,
    int (*visit)(void *, const struct snek_function_info *), void *arg,
    struct snek_error *e)
{
	struct function_text *t = calloc(1, sizeof(*t));
	struct snek_arg_info args[ARGS];
	struct snek_function_info i = { .size = sizeof(i), .arg = args };
	struct snek_lambda_info lambda;
	int rc;

	if (!t)
		return sk_enomem(e);
	i.name = text_or_null(r, "name", t->name, sizeof(t->name));
	i.summary = text_or_null(r, "summary", t->summary, TEXT);
	i.version = text_or_null(r, "version", t->version, sizeof(t->version));
	i.origin = text_or_null(r, "origin", t->origin, sizeof(t->origin));
	i.reducer = text_or_null(r, "reducer", t->reducer, sizeof(t->reducer));
	sk_client_text(r, "sha256", i.sha256, sizeof(i.sha256));
	i.generation = sk_client_number(r, "generation");
	i.combines = sk_client_flag(r, "combines");
	get_kind(r, t, &i);
	i.lambda = get_lambda(r, t, &lambda) ? &lambda : NULL;
	i.args = get_args(r, t, args);
	rc = i.name ? visit(arg, &i) : sk_fail(e, SNEK_EFORMAT, "the gateway "
	    "told of a function without a name");
	free(t);
	return rc;
}

static int show_functions(const struct sk_record *r,
    int (*visit)(void *, const struct snek_function_info *), void *arg,
    struct snek_error *e)
{
	struct snek_value list = sk_object_member(r, "functions"), name, value;
	struct sk_member m[MEMBERS];
	struct sk_record one = { .object = true, .member = m };
	struct snek_cursor at;
	int rc = 0;

	if (list.type != SNEK_ARRAY || sk_iterate(list, &at))
		return sk_fail(e, SNEK_EFORMAT, "the answer has no functions");
	while (!rc && sk_next(&at, &name, &value) == 1) {
		one.n = sk_client_members(value, m, MEMBERS);
		rc = show_function(&one, visit, arg, e);
	}
	return rc;
}

int sk_client_functions(struct sk_client *c, const char *name,
    int (*visit)(void *, const struct snek_function_info *), void *arg,
    struct snek_error *e)
{
	struct sk_client_object o;
	struct sk_client_reply r;
	int rc = sk_client_get(c, name ? "/v1/functions/" : "/v1/functions", name, &r, &o, e);

	if (!rc)
		rc = name ? show_function(&o.record, visit, arg, e) :
		    show_functions(&o.record, visit, arg, e);
	sk_client_object_free(&o);
	sk_client_reply_free(&r);
	return rc;
}
