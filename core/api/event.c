/* SPDX-License-Identifier: MIT */
#include "api/event.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/object.h"
#include "base/base64.h"
#include "value/json_read.h"
#include "value/members.h"

#define PLAIN_MAX (1u << 20)    /* bytes of a body; a larger one goes in base64,
				 * since escapes might double it */
#define MEMBERS 64u

/* ---- in ---- */

/* Texts of the request lie behind each other in one piece of memory. */
static const char *keep(char **at, struct snek_value v)
{
	const char *begin = *at;

	if (v.type == SNEK_STRING && !memchr(v.as.s, 0, v.len)) {
		memcpy(*at, v.as.s, v.len);
		*at += v.len;
	}
	*(*at)++ = '\0';
	return begin;
}

static size_t length(struct snek_value v)
{
	return v.type == SNEK_STRING ? v.len + 1u : 1u;
}

/* A stage of its own name stands before the path. */
static const char *without_stage(const char *path, struct snek_value stage)
{
	if (stage.type != SNEK_STRING || *path != '/' || !stage.len ||
	    strncmp(path + 1, stage.as.s, stage.len))
		return path;
	path += 1 + stage.len;
	return *path == '/' ? path : *path ? path - 1 - stage.len : "/";
}

static int take_body(struct sk_event_call *c, const struct sk_record *r,
    struct snek_error *e)
{
	struct snek_value body = sk_object_member(r, "body");
	struct snek_value coded = sk_object_member(r, "isBase64Encoded");

	if (body.type == SNEK_NONE || body.type == SNEK_NULL)
		return 0;
	if (body.type != SNEK_STRING)
		return sk_fail(e, SNEK_EFORMAT, "the event's body is no string");
	c->request.body = (struct sk_span){ body.as.s, body.len };
	if (coded.type != SNEK_BOOL || !coded.as.b)
		return 0;
	if (sk_base64_get(&c->body, body.as.s, body.len))
		return sk_fail(e, SNEK_EFORMAT, "the event's body is no base64");
	c->request.body = (struct sk_span){ c->body.p, c->body.n };
	return 0;
}

static int take(struct sk_event_call *c, const struct sk_record *r,
    struct snek_error *e)
{
	struct snek_value context = sk_object_member(r, "requestContext");
	struct snek_value http = sk_members_find(context, "http");
	struct snek_value path = sk_object_member(r, "rawPath");
	struct snek_value query = sk_object_member(r, "rawQueryString");
	struct snek_value method = sk_members_find(http, "method");
	struct snek_value type = sk_members_find(
	    sk_object_member(r, "headers"), "content-type");
	struct snek_value coding = sk_members_find(
	    sk_object_member(r, "headers"), "content-encoding");
	struct snek_value id = sk_members_find(context, "requestId");
	char *at;

	if (path.type != SNEK_STRING || method.type != SNEK_STRING)
		return sk_fail(e, SNEK_EFORMAT, "this is no event of an HTTP API "
		    "in payload format 2.0");
	c->text = at = malloc(length(path) + length(query) + length(method) +
	    length(type) + length(coding));
	if (!at)
		return sk_enomem(e);
	c->request.path = without_stage(keep(&at, path),
	    sk_members_find(context, "stage"));
	c->request.query = keep(&at, query);
	c->request.method = keep(&at, method);
	c->request.type = keep(&at, type);
	c->coding = keep(&at, coding);
	if (id.type == SNEK_STRING && id.len < sizeof(c->id))
		memcpy(c->id, id.as.s, id.len);
	return take_body(c, r, e);
}

int sk_event_parse(struct sk_span json, struct sk_event_call *c,
    struct snek_error *e)
{
	struct sk_json_options o = { .last_duplicate = true };
	sk_json_reader *reader;
	struct sk_record r;
	int rc;

	memset(c, 0, sizeof(*c));
	if (sk_json_reader_new(&o, &reader))
		return sk_enomem(e);
	c->reader = reader;
	rc = sk_json_read(reader, json.p, json.n, &r, NULL, e);
	if (rc)
		return sk_fail_in(e, rc, "the event");
	return take(c, &r, e);
}

void sk_event_free(struct sk_event_call *c)
{
	sk_json_reader_free(c->reader);
	sk_buf_free(&c->body);
	free(c->text);
	memset(c, 0, sizeof(*c));
}

/* ---- out ---- */

static void put_headers(struct sk_object *o, const struct sk_api_response *r)
{
	char text[16];

	sk_object_open(o, "headers", '{');
	if (*r->type)
		sk_object_text(o, "content-type", r->type);
	sk_object_text(o, "cache-control", "no-store");
	if (*r->location)
		sk_object_text(o, "location", r->location);
	if (*r->next)
		sk_object_text(o, "snek-next", r->next);
	if (r->retry_after_s) {
		snprintf(text, sizeof(text), "%u", r->retry_after_s);
		sk_object_text(o, "retry-after", text);
	}
	if (*r->allow)
		sk_object_text(o, "allow", r->allow);
	sk_object_close(o, '}');
}

static void put_coded(struct sk_object *o, const struct sk_api_response *r)
{
	struct sk_buf b = { 0 };

	if (!sk_base64_put(&b, r->body.p, r->body.n))
		o->nomem = true;
	else
		sk_object_any(o, "body", sk_string(b.p, b.n));
	sk_buf_free(&b);
}

bool sk_event_answer(struct sk_buf *b, const struct sk_api_response *r)
{
	struct sk_object o = { b, false, false };
	bool coded = r->body.n > PLAIN_MAX;

	sk_object_open(&o, NULL, '{');
	sk_object_number(&o, "statusCode", (uint64_t)r->status);
	put_headers(&o, r);
	sk_object_flag(&o, "isBase64Encoded", coded);
	if (coded)
		put_coded(&o, r);
	else
		sk_object_any(&o, "body", sk_string(r->body.p ? r->body.p : "",
		    r->body.n));
	sk_object_close(&o, '}');
	return !o.nomem;
}
