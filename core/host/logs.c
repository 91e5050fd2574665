/* SPDX-License-Identifier: MIT */
#include "host/logs.h"
#include "host/answer.h"
#include "host/fields.h"
#include "host/signature.h"
#include "value/pack.h"
#include "value/utf8.h"

#include <stdio.h>
#include <stdlib.h>

#define GROUP "/aws/lambda/"

enum { EVENTS = 10000, BYTES = 1 << 20, WORDS = 16 };

struct filter {
	struct sk_function *function;
	int64_t start, end, limit, token;       /* token: the first line's number */
	char prefix[513];               /* of the stream */
	char pattern[1025];
	char *word[WORDS];              /* of the pattern: all are in a line */
	size_t words;
};

static void answer(struct sk_host *h, struct sk_request *r, unsigned status,
    struct sk_buf *body, bool ok)
{
	struct sk_reply p = { .status = status };

	if (!ok) {
		sk_buf_free(body);
		sk_request_drop(r);
		return;
	}
	p.body = *body;
	sk_reply_header(&p, "Content-Type", "application/x-amz-json-1.1");
	sk_answer(h, r, &p, 0);
}

static void refuse(struct sk_host *h, struct sk_request *r, unsigned status,
    const char *type, const char *text)
{
	struct sk_buf b = { 0 };
	bool ok = sk_buf_byte(&b, '{') && sk_put_member(&b, "__type", type) &&
	    sk_put_member(&b, "message", text) && sk_buf_byte(&b, '}');

	answer(h, r, status, &b, ok);
}

/* ---- what is asked for ---- */

static void take_words(struct sk_fields *f, struct filter *q)
{
	char *p = q->pattern, *rest = NULL;

	if (strpbrk(p, "{[%\"?")) {
		sk_fields_fail(f, "InvalidParameterException", "the local host "
		    "finds plain words alone");
		return;
	}
	for (p = strtok_r(p, " ", &rest); p && q->words < WORDS;
	    p = strtok_r(NULL, " ", &rest))
		q->word[q->words++] = p;
}

static void take_filter(struct sk_host *h, struct sk_fields *f,
    struct filter *q)
{
	char group[513], token[24];

	q->limit = EVENTS;
	q->end = INT64_MAX;
	sk_field_number(f, "startTime", 0, INT64_MAX, &q->start);
	sk_field_number(f, "endTime", 0, INT64_MAX, &q->end);
	sk_field_number(f, "limit", 1, EVENTS, &q->limit);
	sk_field_text(f, "logStreamNamePrefix", q->prefix, sizeof(q->prefix));
	if (sk_field_text(f, "nextToken", token, sizeof(token)))
		q->token = strtoll(token, NULL, 10);
	if (sk_field_text(f, "filterPattern", q->pattern, sizeof(q->pattern)))
		take_words(f, q);
	if (!sk_field_text(f, "logGroupName", group, sizeof(group)))
		sk_fields_fail(f, "InvalidParameterException",
		    "logGroupName is missing");
	if (f->type)
		return;
	if (strncmp(group, GROUP, strlen(GROUP)) == 0)
		q->function = sk_function_find(&h->functions,
		    group + strlen(GROUP));
	if (!q->function)
		sk_fields_fail(f, "ResourceNotFoundException",
		    "The specified log group does not exist.");
}

/* ---- what there is ---- */

static bool matches(const struct filter *q, const struct sk_log_line *l)
{
	size_t i;

	if (l->ms < q->start || l->ms >= q->end ||
	    strncmp(l->stream, q->prefix, strlen(q->prefix)) != 0)
		return false;
	for (i = 0; i < q->words; i++)
		if (!memmem(l->text, l->n, q->word[i], strlen(q->word[i])))
			return false;
	return true;
}

/* Bytes that are no UTF-8 cannot be told. */
static bool put_message(struct sk_buf *b, const struct sk_log_line *l)
{
	if (sk_utf8_check(l->text, l->n) == l->n)
		return sk_json_write(b, sk_string(l->text, l->n));
	return sk_put_string(b, "(not UTF-8)");
}

static bool put_event(struct sk_buf *b, const struct sk_log_line *l)
{
	return (b->p[b->n - 1] == '[' || sk_buf_byte(b, ',')) &&
	    sk_buf_byte(b, '{') && sk_put_member(b, "logStreamName", l->stream) &&
	    sk_buf_printf(b, ",\"timestamp\":%lld,\"ingestionTime\":%lld,"
	    "\"eventId\":\"%llu\",\"message\":", (long long)l->ms,
	    (long long)l->ms, (unsigned long long)l->number) &&
	    put_message(b, l) && sk_buf_byte(b, '}');
}

static bool put_events(struct sk_buf *b, const struct filter *q)
{
	struct sk_log_line l;
	int64_t put = 0;
	uint64_t next = 0;
	bool ok = sk_buf_printf(b, "{\"events\":[");
	size_t i;

	for (i = 0; ok && sk_log_line(q->function->log, i, &l); i++) {
		if ((int64_t)l.number < q->token || !matches(q, &l))
			continue;
		if (put == q->limit || b->n > BYTES) {
			next = l.number;
			break;
		}
		ok = put_event(b, &l);
		put++;
	}
	ok = ok && sk_buf_printf(b, "],\"searchedLogStreams\":[]");
	if (next)
		ok = ok && sk_buf_printf(b, ",\"nextToken\":\"%llu\"",
		    (unsigned long long)next);
	return ok && sk_buf_byte(b, '}');
}

void sk_logs_take(struct sk_host *h, struct sk_request *r)
{
	const char *target = sk_request_header(r, "X-Amz-Target");
	struct filter q = { .start = 0 };
	struct sk_buf b = { 0 };
	struct sk_refusal why;
	struct sk_fields f;
	char region[33];
	bool ok;

	if (!sk_signature_check(r, &h->o, "logs", region, &why)) {
		refuse(h, r, 400, why.type, why.text);
		return;
	}
	if (r->too_large || strcmp(target, "Logs_20140328.FilterLogEvents")) {
		refuse(h, r, 400, "UnknownOperationException",
		    "the local host has no such operation");
		return;
	}
	sk_fields_read(&f, h->json, (struct sk_span){ r->body.p, r->body.n });
	take_filter(h, &f, &q);
	if (f.type) {
		refuse(h, r, 400, f.type, f.text);
		return;
	}
	ok = put_events(&b, &q);
	answer(h, r, 200, &b, ok);
}
