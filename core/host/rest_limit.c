/* SPDX-License-Identifier: MIT */
/* rest_limit.c - concurrency of functions and the account; tags. */
#include "host/rest.h"
#include "host/admit.h"
#include "host/unzip.h"
#include "value/pack.h"

#include <stdio.h>

#define STORAGE 80530636800ull          /* bytes of code, of an account */

/* ---- concurrency ---- */

static void answer_concurrency(struct sk_call *c)
{
	struct sk_buf b = { 0 };
	bool ok = sk_buf_byte(&b, '{');

	if (c->function->reserved >= 0)
		ok = ok && sk_put_number(&b, "ReservedConcurrentExecutions",
		    (uint64_t)c->function->reserved);
	ok = ok && sk_buf_byte(&b, '}');
	sk_answer_json(c->host, c->request, 200, &b, ok);
}

void sk_rest_put_concurrency(struct sk_call *c)
{
	struct sk_function *f = c->function;
	int64_t old = f->reserved, n = -1;

	if (!sk_field_number(&c->body, "ReservedConcurrentExecutions", 0,
	    UINT32_MAX, &n))
		sk_fields_constraint(&c->body, "ReservedConcurrentExecutions",
		    "null", "not be null");
	if (sk_call_refused(c, &c->body))
		return;
	f->reserved = n;
	if (n > 0 && sk_admit_unreserved(&c->host->functions,
	    c->host->o.environments) < SK_ADMIT_UNRESERVED_MIN) {
		f->reserved = old;
		sk_answer_invalid(c->host, c->request, "Specified "
		    "ReservedConcurrentExecutions for function decreases "
		    "account's UnreservedConcurrentExecution below its minimum "
		    "value of [%u].", SK_ADMIT_UNRESERVED_MIN);
		return;
	}
	answer_concurrency(c);
}

void sk_rest_get_concurrency(struct sk_call *c)
{
	answer_concurrency(c);
}

void sk_rest_delete_concurrency(struct sk_call *c)
{
	c->function->reserved = -1;
	sk_answer_nothing(c->host, c->request, 204);
}

void sk_rest_account(struct sk_call *c)
{
	const struct sk_host *h = c->host;
	const struct sk_function *f;
	const struct sk_version *v;
	struct sk_buf b = { 0 };
	uint64_t size = 0;
	bool ok;

	for (f = h->functions.first; f; f = f->next) {
		size += f->latest->code->size;
		for (v = f->versions; v; v = v->next)
			size += v->code->size;
	}
	ok = sk_buf_printf(&b, "{\"AccountLimit\":{\"TotalCodeSize\":%llu,"
	    "\"CodeSizeUnzipped\":%llu,\"CodeSizeZipped\":%u,"
	    "\"ConcurrentExecutions\":%u,"
	    "\"UnreservedConcurrentExecutions\":%u},\"AccountUsage\":"
	    "{\"TotalCodeSize\":%llu,\"FunctionCount\":%zu}}", STORAGE,
	    (unsigned long long)SK_UNZIP_MAX, SK_HOST_ZIP, h->o.environments,
	    sk_admit_unreserved(&h->functions, h->o.environments),
	    (unsigned long long)size, h->functions.count);
	sk_answer_json(c->host, c->request, 200, &b, ok);
}

/* ---- tags: of the function whose ARN is the third part ---- */

bool sk_put_tags(struct sk_buf *b, const struct sk_function *f)
{
	const struct sk_tag *t;
	bool ok = sk_buf_printf(b, "\"Tags\":{");

	for (t = f->tags; ok && t; t = t->next)
		ok = sk_put_member(b, t->key, t->value);
	return ok && sk_buf_byte(b, '}');
}

void sk_take_tags(struct sk_fields *f, struct sk_function *function)
{
	struct snek_value name, value;
	struct snek_cursor at;
	struct sk_fields tags;
	char key[129], text[257];

	if (!sk_field_object(f, "Tags", &tags) || sk_iterate(tags.object, &at))
		return;
	while (!f->type && sk_next(&at, &name, &value) == 1) {
		if (value.type != SNEK_STRING || name.len >= sizeof(key) ||
		    value.len >= sizeof(text)) {
			sk_fields_fail(f, "ValidationException",
			    "a tag is no text, or too long");
			return;
		}
		snprintf(key, sizeof(key), "%.*s", (int)name.len, name.as.s);
		snprintf(text, sizeof(text), "%.*s", (int)value.len, value.as.s);
		if (sk_tag_set(function, key, text))
			sk_fields_fail(f, "ServiceException", "out of memory");
	}
}

void sk_rest_list_tags(struct sk_call *c)
{
	struct sk_buf b = { 0 };
	bool ok = sk_buf_byte(&b, '{') && sk_put_tags(&b, c->function) &&
	    sk_buf_byte(&b, '}');

	sk_answer_json(c->host, c->request, 200, &b, ok);
}

void sk_rest_tag(struct sk_call *c)
{
	sk_take_tags(&c->body, c->function);
	if (!sk_call_refused(c, &c->body))
		sk_answer_nothing(c->host, c->request, 204);
}

void sk_rest_untag(struct sk_call *c)
{
	char key[129];
	size_t i;
	int rc = 1;

	for (i = 0; rc == 1; i++) {
		rc = sk_uri_query_at(c->request->target, "tagKeys", i, key,
		    sizeof(key));
		if (rc == 1)
			sk_tag_set(c->function, key, NULL);
	}
	if (rc < 0)
		sk_answer_invalid(c->host, c->request, "a key of a tag cannot be "
		    "read");
	else
		sk_answer_nothing(c->host, c->request, 204);
}
