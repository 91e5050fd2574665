/* SPDX-License-Identifier: MIT */
#include "host/answer.h"
#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- JSON ---- */

bool sk_put_string(struct sk_buf *b, const char *s)
{
	return sk_json_write(b, sk_cstring(s));
}

static bool put_name(struct sk_buf *b, const char *name)
{
	char last = b->n ? b->p[b->n - 1] : '{';

	return (last == '{' || last == '[' || sk_buf_byte(b, ',')) &&
	    sk_put_string(b, name) && sk_buf_byte(b, ':');
}

bool sk_put_member(struct sk_buf *b, const char *name, const char *text)
{
	return put_name(b, name) && sk_put_string(b, text);
}

bool sk_put_number(struct sk_buf *b, const char *name, uint64_t n)
{
	return put_name(b, name) &&
	    sk_buf_printf(b, "%llu", (unsigned long long)n);
}

/* ---- sending ---- */

struct sk_delayed {
	struct sk_delayed *next, *previous;
	struct sk_host *host;
	struct sk_timer timer;
	struct sk_request *request;
	struct sk_reply reply;
	char id[37];
	struct sk_buf text;             /* of the headers */
};

static void send_delayed(void *arg)
{
	struct sk_delayed *d = arg;

	if (d->previous)
		d->previous->next = d->next;
	else
		d->host->delayed = d->next;
	if (d->next)
		d->next->previous = d->previous;
	sk_loop_unset(d->host->loop, &d->timer);
	sk_request_reply(d->request, &d->reply);
	sk_buf_free(&d->text);
	free(d);
}

/* The values of headers are the caller's: copy them. */
static bool keep_headers(struct sk_delayed *d)
{
	size_t i, at[SK_REPLY_HEADERS];

	for (i = 0; i < d->reply.headers; i++) {
		at[i] = d->text.n;
		if (!sk_buf_put(&d->text, d->reply.header[i].value,
		    strlen(d->reply.header[i].value) + 1))
			return false;
	}
	for (i = 0; i < d->reply.headers; i++)
		d->reply.header[i].value = d->text.p + at[i];
	return true;
}

static void send_later(struct sk_host *h, struct sk_request *r,
    struct sk_reply *p, int64_t us)
{
	struct sk_delayed *d = calloc(1, sizeof(*d));

	if (!d) {
		sk_request_reply(r, p);
		return;
	}
	d->host = h;
	d->next = h->delayed;
	if (d->next)
		d->next->previous = d;
	h->delayed = d;
	d->request = r;
	d->reply = *p;
	memset(&p->body, 0, sizeof(p->body));
	d->timer.fire = send_delayed;
	d->timer.arg = d;
	if (!keep_headers(d) ||
	    sk_loop_set(h->loop, &d->timer, sk_clock_us() + us))
		send_delayed(d);
}

void sk_answer(struct sk_host *h, struct sk_request *r, struct sk_reply *p,
    int64_t late_us)
{
	int64_t us = h->closing ? 0 : h->o.rtt_ms * (int64_t)1000 + late_us;
	char id[37];

	sk_uuid(id);
	sk_reply_header(p, "x-amzn-RequestId", id);
	if (us > 0)
		send_later(h, r, p, us);
	else
		sk_request_reply(r, p);
}

void sk_answer_all(struct sk_host *h)
{
	while (h->delayed)
		send_delayed(h->delayed);
}

void sk_answer_json(struct sk_host *h, struct sk_request *r, unsigned status,
    struct sk_buf *body, bool complete)
{
	struct sk_reply p = { .status = status };

	if (!complete) {
		sk_buf_free(body);
		sk_request_drop(r);
		return;
	}
	p.body = *body;
	memset(body, 0, sizeof(*body));
	sk_reply_header(&p, "Content-Type", "application/json");
	sk_answer(h, r, &p, 0);
}

void sk_answer_nothing(struct sk_host *h, struct sk_request *r, unsigned status)
{
	struct sk_reply p = { .status = status };

	sk_answer(h, r, &p, 0);
}

/* ---- errors ---- */

static void send_error(struct sk_host *h, struct sk_request *r,
    unsigned status, const char *type, const char *reason, const char *text)
{
	struct sk_reply p = { .status = status };
	char seconds[16];
	bool ok;

	ok = sk_buf_byte(&p.body, '{') &&
	    sk_put_member(&p.body, "Type", status < 500 ? "User" : "Service") &&
	    sk_put_member(&p.body, "message", text) &&
	    sk_put_member(&p.body, "Message", text);
	if (reason)
		ok = ok && sk_put_member(&p.body, "Reason", reason);
	if (!ok || !sk_buf_byte(&p.body, '}')) {
		sk_buf_free(&p.body);
		sk_request_drop(r);
		return;
	}
	sk_reply_header(&p, "Content-Type", "application/json");
	sk_reply_header(&p, "x-amzn-ErrorType", type);
	if (status == 429) {
		snprintf(seconds, sizeof(seconds), "%u", h->o.retry_after_s);
		sk_reply_header(&p, "Retry-After", seconds);
	}
	sk_answer(h, r, &p, 0);
}

void sk_answer_error(struct sk_host *h, struct sk_request *r, unsigned status,
    const char *type, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	send_error(h, r, status, type, NULL, text);
}

void sk_answer_invalid(struct sk_host *h, struct sk_request *r,
    const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	send_error(h, r, 400, "InvalidParameterValueException", NULL, text);
}

void sk_answer_throttled(struct sk_host *h, struct sk_request *r,
    const char *reason)
{
	send_error(h, r, 429, "TooManyRequestsException", reason,
	    "Rate Exceeded.");
}

void sk_answer_failed(struct sk_host *h, struct sk_request *r,
    const struct snek_error *e)
{
	send_error(h, r, 500, "ServiceException", NULL, *e->text ? e->text :
	    sk_strerror(e->code));
}
