/* SPDX-License-Identifier: MIT */
#include "aws/logs.h"

#include <stdio.h>
#include <stdlib.h>

#include "aws/json.h"
#include "value/members.h"
#include "value/pack.h"
#include "value/value.h"

enum { PAGES = 100000, TRIES_MORE = 6, NAME = 520 };
#define REPLY_MAX ((size_t)24 << 20)    /* 1 MB of events, escaped */

/* ---- a call ---- */

static int call_once(struct sk_aws *aws, const char *action,
    const struct sk_buf *body, struct sk_aws_reply *reply,
    struct snek_error *e)
{
	char target[64];
	const struct sk_aws_header head[] = {
		{ "Content-Type", "application/x-amz-json-1.1" },
		{ "X-Amz-Target", target },
	};
	const struct sk_aws_request r = { .service = "logs", .action = action,
		.method = "POST", .path = "/", .header = head, .headers = 2,
		.body = { body->p, body->n }, .max_reply = REPLY_MAX };

	snprintf(target, sizeof(target), "Logs_20140328.%s", action);
	return sk_aws_call(aws, &r, reply, e);
}

/* Logs lets in few calls a second: who is throttled waits. */
static int call(struct sk_aws *aws, const struct sk_stack_watch *w,
    const char *action, const struct sk_buf *body, struct sk_aws_reply *reply,
    struct snek_error *e)
{
	struct snek_error why = { 0 };
	unsigned n = 0;
	int rc, stop = 0;

	for (;;) {
		memset(reply, 0, sizeof(*reply));
		rc = call_once(aws, action, body, reply, &why);
		if (rc != SNEK_EAGAIN || !reply->status || n == TRIES_MORE)
			break;
		sk_aws_reply_free(reply);
		stop = sk_stack_pause(w, "CloudWatch Logs", &n);
		if (stop)
			return sk_fail(e, stop, "cancelled");
	}
	if (rc && e)
		*e = why;
	if (rc)
		sk_aws_reply_free(reply);
	return rc;
}

static bool put_text(struct sk_buf *b, const char *name, const char *value)
{
	return sk_buf_printf(b, "%s\"%s\":", b->n > 1 ? "," : "", name) &&
	    sk_json_write(b, sk_cstring(value));
}

static bool put_number(struct sk_buf *b, const char *name, int64_t n)
{
	return sk_buf_printf(b, "%s\"%s\":%lld", b->n > 1 ? "," : "", name,
	    (long long)n);
}

/* The token of the next page; false: this was the last. */
static int next_page(const struct sk_json *j, struct sk_buf *token, bool *more,
    struct snek_error *e)
{
	struct snek_value v = sk_json_at(j, "nextToken");

	*more = v.type == SNEK_STRING && v.len;
	if (!*more)
		return 0;
	if (token->n == v.len + 1u && !memcmp(token->p, v.as.s, v.len))
		return sk_fail(e, SNEK_EFORMAT, "CloudWatch Logs gives the same "
		    "page again and again");
	token->n = 0;
	return sk_buf_put(token, v.as.s, v.len) && sk_buf_byte(token, 0) ? 0 :
	    sk_enomem(e);
}

/* ---- events ---- */

static void copy(struct snek_value v, char *to, size_t room)
{
	size_t n = v.type == SNEK_STRING && v.len < room &&
	    !memchr(v.as.s, 0, v.len) ? v.len : 0;

	if (n)
		memcpy(to, v.as.s, n);
	to[n] = '\0';
}

static int put_message(struct sk_buf *b, struct snek_value v,
    struct sk_span *out)
{
	size_t i;

	b->n = 0;
	if (!sk_buf_put(b, v.as.s, v.len) || !sk_buf_byte(b, 0))
		return SNEK_ENOMEM;
	b->n--;
	while (b->n && (b->p[b->n - 1] == '\n' || b->p[b->n - 1] == '\r'))
		b->p[--b->n] = '\0';
	for (i = 0; i < b->n; i++)
		if (!b->p[i])
			b->p[i] = '?';
	*out = (struct sk_span){ b->p, b->n };
	return 0;
}

static int visit_event(const char *group, struct snek_value event,
    struct sk_buf *text, int (*visit)(void *, const struct sk_log_event *),
    void *arg, struct snek_error *e)
{
	struct snek_value time = sk_members_find(event, "timestamp");
	struct snek_value message = sk_members_find(event, "message");
	char id[NAME], stream[NAME];
	struct sk_log_event l = { .group = group, .id = id, .stream = stream };

	copy(sk_members_find(event, "eventId"), id, sizeof(id));
	copy(sk_members_find(event, "logStreamName"), stream, sizeof(stream));
	if (time.type != SNEK_INT || message.type != SNEK_STRING || !*id)
		return sk_fail(e, SNEK_EFORMAT, "CloudWatch Logs gives an event "
		    "without id, time or message");
	l.ms = time.as.i;
	if (put_message(text, message, &l.text))
		return sk_enomem(e);
	return visit(arg, &l);
}

static int visit_events(const struct sk_json *j, const char *group,
    int (*visit)(void *, const struct sk_log_event *), void *arg,
    struct snek_error *e)
{
	struct snek_value all = sk_json_at(j, "events"), name, v;
	struct sk_buf text = { 0 };
	struct snek_cursor at;
	int rc = 0;

	if (all.type != SNEK_ARRAY || sk_iterate(all, &at))
		return sk_fail(e, SNEK_EFORMAT, "CloudWatch Logs gives no list "
		    "of events");
	while (!rc && sk_next(&at, &name, &v) == 1)
		rc = visit_event(group, v, &text, visit, arg, e);
	sk_buf_free(&text);
	return rc;
}

static int ask_events(struct sk_aws *aws, const struct sk_logs *o,
    const char *group, int64_t since_ms, const struct sk_buf *token,
    struct sk_aws_reply *reply, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	bool ok = sk_buf_byte(&b, '{') && put_text(&b, "logGroupName", group) &&
	    put_number(&b, "startTime", since_ms) &&
	    (!o->filter || put_text(&b, "filterPattern", o->filter)) &&
	    (!token->n || put_text(&b, "nextToken", token->p)) &&
	    sk_buf_byte(&b, '}');
	int rc = ok ? call(aws, &o->watch, "FilterLogEvents", &b, reply, e) :
	    sk_enomem(e);

	sk_buf_free(&b);
	return rc;
}

int sk_logs_read(struct sk_aws *aws, const struct sk_logs *o,
    const char *group, int64_t since_ms,
    int (*visit)(void *, const struct sk_log_event *), void *arg,
    struct snek_error *e)
{
	struct sk_buf token = { 0 };
	struct sk_aws_reply reply;
	struct sk_json *j;
	unsigned n = 0;
	bool more = true;
	int rc = 0;

	while (!rc && more && n++ < PAGES) {
		rc = ask_events(aws, o, group, since_ms, &token, &reply, e);
		if (rc)
			break;
		rc = sk_json_open(&reply.body, &j, e);
		if (!rc) {
			rc = visit_events(j, group, visit, arg, e);
			if (!rc)        /* an empty page is not the last */
				rc = next_page(j, &token, &more, e);
			sk_json_close(j);
		}
		sk_aws_reply_free(&reply);
	}
	sk_buf_free(&token);
	return rc;
}

/* ---- groups ---- */

static int visit_groups(const struct sk_json *j, const char *prefix,
    int (*visit)(void *, const char *), void *arg)
{
	struct snek_value all = sk_json_at(j, "logGroups"), name, v;
	struct snek_cursor at;
	char text[NAME];
	int rc = 0;

	if (all.type != SNEK_ARRAY || sk_iterate(all, &at))
		return 0;
	while (!rc && sk_next(&at, &name, &v) == 1) {
		copy(sk_members_find(v, "logGroupName"), text, sizeof(text));
		rc = *text && !strncmp(text, prefix, strlen(prefix)) ?
		    visit(arg, text) : 0;
	}
	return rc;
}

int sk_logs_groups(struct sk_aws *aws, const char *prefix,
    int (*visit)(void *, const char *), void *arg, struct snek_error *e)
{
	struct sk_buf token = { 0 }, b = { 0 };
	struct sk_aws_reply reply;
	struct sk_json *j;
	unsigned n = 0;
	bool more = true;
	int rc = 0;

	while (!rc && more && n++ < PAGES) {
		b.n = 0;
		if (!sk_buf_byte(&b, '{') ||
		    !put_text(&b, "logGroupNamePrefix", prefix) || (token.n &&
		    !put_text(&b, "nextToken", token.p)) || !sk_buf_byte(&b, '}'))
			rc = sk_enomem(e);
		if (!rc)
			rc = call(aws, NULL, "DescribeLogGroups", &b, &reply, e);
		if (rc)
			break;
		rc = sk_json_open(&reply.body, &j, e);
		if (!rc) {
			rc = visit_groups(j, prefix, visit, arg);
			if (!rc)
				rc = next_page(j, &token, &more, e);
			sk_json_close(j);
		}
		sk_aws_reply_free(&reply);
	}
	sk_buf_free(&token);
	sk_buf_free(&b);
	return rc;
}
