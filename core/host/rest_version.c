/* SPDX-License-Identifier: MIT */
/* rest_version.c - versions that were published, and aliases to them. */
#include "host/rest.h"
#include "value/pack.h"

#include <stdio.h>
#include <stdlib.h>

#define CONFLICT "ResourceConflictException"

/* ---- versions ---- */

static void answer_version(struct sk_call *c, const struct sk_version *v)
{
	struct sk_buf b = { 0 };
	bool ok = sk_describe_version(&b, c->function, v, true);

	sk_answer_json(c->host, c->request, 201, &b, ok);
}

void sk_rest_publish(struct sk_call *c)
{
	struct sk_function *f = c->function;
	char sha256[64], description[257];
	struct sk_version *v;
	bool described;

	described = sk_field_text(&c->body, "Description", description,
	    sizeof(description));
	if (sk_field_text(&c->body, "CodeSha256", sha256, sizeof(sha256)) &&
	    *sha256 && strcmp(sha256, f->latest->code->sha256) != 0)
		sk_fields_fail(&c->body, "InvalidParameterValueException",
		    "CodeSHA256 (%s) is different from current CodeSHA256 in "
		    "$LATEST (%s). Please try again with the CodeSHA256 in "
		    "$LATEST.", sha256, f->latest->code->sha256);
	if (sk_call_busy(c))
		return;
	if (sk_function_publish(f, described ? description : NULL, &v))
		sk_answer_failed(c->host, c->request,
		    &(struct snek_error){ .code = SNEK_ENOMEM });
	else
		answer_version(c, v);
}

void sk_rest_list_versions(struct sk_call *c)
{
	struct sk_function *f = c->function;
	struct sk_page page;
	uint32_t number;
	struct sk_version *v;
	bool ok;

	if (!sk_page_begin(c, &page, "Versions"))
		return;
	ok = sk_page_wants(&page) &&
	    sk_describe_version(&page.body, f, f->latest, true);
	for (number = 1; number <= f->last_number; number++) {
		v = sk_function_version(f, number);
		if (v && sk_page_wants(&page))
			ok = sk_describe_version(&page.body, f, v, true) && ok;
	}
	sk_page_end(c, &page, ok || !page.put);
}

/* ---- aliases ---- */

static void answer_alias(struct sk_call *c, unsigned status,
    const struct sk_alias *a)
{
	struct sk_buf b = { 0 };
	bool ok = sk_describe_alias(&b, c->function, a);

	sk_answer_json(c->host, c->request, status, &b, ok);
}

static struct sk_alias *find_alias(struct sk_call *c)
{
	struct sk_alias *a = sk_alias_find(c->function, c->uri.part[4]);

	if (!a)
		sk_answer_error(c->host, c->request, 404,
		    "ResourceNotFoundException", "Cannot find alias arn: "
		    "arn:aws:lambda:%s:" SK_ACCOUNT ":function:%s:%.128s",
		    c->function->region, c->name, c->uri.part[4]);
	return a;
}

/* The number of a version that there is; or what is wrong. */
static void take_number(struct sk_call *c, struct sk_fields *f,
    const char *text, uint32_t *out)
{
	if (strcmp(text, SK_LATEST) == 0)
		*out = 0;
	else if (!sk_name_is_number(text) ||
	    !sk_function_version(c->function, (uint32_t)atoi(text)) ||
	    !atoi(text))
		sk_fields_fail(f, "ResourceNotFoundException", "Function not "
		    "found: arn:aws:lambda:%s:" SK_ACCOUNT ":function:%s:%.32s",
		    c->function->region, c->name, text);
	else
		*out = (uint32_t)atoi(text);
}

static void take_routing(struct sk_call *c, struct sk_alias *a)
{
	struct sk_fields *f = &c->body, routing, weights;
	struct snek_value name, value;
	struct snek_cursor at;
	char text[33];

	if (!sk_field_object(f, "RoutingConfig", &routing))
		return;
	a->weight = 0;
	if (!sk_field_object(&routing, "AdditionalVersionWeights", &weights) ||
	    sk_iterate(weights.object, &at) || sk_next(&at, &name, &value) != 1)
		return;
	snprintf(text, sizeof(text), "%.*s", (int)(name.len < 32 ? name.len : 32),
	    name.as.s);
	take_number(c, f, text, &a->other);
	if (value.type == SNEK_DOUBLE)
		a->weight = value.as.d;
	else if (value.type == SNEK_INT)
		a->weight = (double)value.as.i;
	if (!(a->weight >= 0 && a->weight <= 1))
		sk_fields_constraint(f, "RoutingConfig", "...",
		    "have weights from 0 to 1");
}

static void take_alias(struct sk_call *c, struct sk_alias *a)
{
	char version[33];

	if (sk_field_text(&c->body, "FunctionVersion", version, sizeof(version)))
		take_number(c, &c->body, version, &a->version);
	sk_field_text(&c->body, "Description", a->description,
	    sizeof(a->description));
	take_routing(c, a);
}

void sk_rest_create_alias(struct sk_call *c)
{
	struct sk_alias new = { .version = 0 }, *a;
	struct snek_value v;
	char name[129] = "";

	if (!sk_field_text(&c->body, "Name", name, sizeof(name)) ||
	    !sk_name_is_plain(name, 128) || sk_name_is_number(name))
		sk_fields_constraint(&c->body, "Name", name, "be a name of "
		    "letters, digits, - and _, and no number");
	if (!sk_field(&c->body, "FunctionVersion", &v))
		sk_fields_constraint(&c->body, "FunctionVersion", "null",
		    "not be null");
	take_alias(c, &new);
	if (sk_call_refused(c, &c->body))
		return;
	if (sk_alias_find(c->function, name)) {
		sk_answer_error(c->host, c->request, 409, CONFLICT,
		    "Alias already exists: arn:aws:lambda:%s:" SK_ACCOUNT
		    ":function:%s:%s", c->function->region, c->name, name);
		return;
	}
	a = sk_alias_add(c->function, name);
	if (!a) {
		sk_answer_failed(c->host, c->request,
		    &(struct snek_error){ .code = SNEK_ENOMEM });
		return;
	}
	sk_alias_set(a, &new);
	answer_alias(c, 201, a);
}

void sk_rest_update_alias(struct sk_call *c)
{
	struct sk_alias *a = find_alias(c), new;

	if (!a)
		return;
	new = *a;
	take_alias(c, &new);
	if (sk_call_outdated(c, a->revision) || sk_call_refused(c, &c->body))
		return;
	sk_alias_set(a, &new);
	answer_alias(c, 200, a);
}

void sk_rest_get_alias(struct sk_call *c)
{
	struct sk_alias *a = find_alias(c);

	if (a)
		answer_alias(c, 200, a);
}

void sk_rest_delete_alias(struct sk_call *c)
{
	struct sk_alias *a = sk_alias_find(c->function, c->uri.part[4]);

	if (a)                  /* no error when there is none */
		sk_alias_remove(c->function, a);
	sk_answer_nothing(c->host, c->request, 204);
}

void sk_rest_list_aliases(struct sk_call *c)
{
	const struct sk_alias *a = c->function->aliases;
	struct sk_page page;
	bool ok = true;

	if (!sk_page_begin(c, &page, "Aliases"))
		return;
	for (; ok && a; a = a->next)
		if (sk_page_wants(&page))
			ok = sk_describe_alias(&page.body, c->function, a);
	sk_page_end(c, &page, ok);
}
