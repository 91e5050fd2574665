/* SPDX-License-Identifier: MIT */
/* redis_pipe.c - bytes out and in: many commands a write, replies in order. */
#include "store/redis_parts.h"

#include <stdlib.h>

enum { VECTORS = 64, ROUNDS = 16 };

/* ---- out ---- */

static struct sk_redis_queue *queue_of(struct sk_redis *r)
{
	return r->state == SK_REDIS_HELLO ? &r->hello : &r->wait;
}

static int gather(struct sk_redis *r, struct iovec *v)
{
	struct sk_redis_command *c = queue_of(r)->head;
	size_t skip = r->written;
	int n;

	for (n = 0; c && n < VECTORS; c = c->next, n++) {
		v[n].iov_base = c->bytes + skip;
		v[n].iov_len = c->n - skip;
		skip = 0;
	}
	return n;
}

static void wrote(struct sk_redis *r, size_t n, int64_t now)
{
	struct sk_redis_queue *q = queue_of(r);
	struct sk_redis_command *c;

	if (!r->sent.head)
		r->heard = now;         /* silence counts from here */
	for (r->written += n; (c = q->head) && r->written >= c->n;) {
		r->written -= c->n;
		if (!c->hello)
			r->queued -= c->n;
		sk_redis_push(&r->sent, sk_redis_pop(q));
	}
}

/* The server may have hung up on a connection that was idle. */
static bool was_closed(struct sk_redis *r, int64_t now)
{
	if (r->state != SK_REDIS_READY || r->sent.head || r->written ||
	    !sk_transport_peek(&r->wire))
		return false;
	sk_redis_receive(r, now);
	return r->state != SK_REDIS_READY;
}

void sk_redis_flush(struct sk_redis *r, int64_t now)
{
	struct iovec v[VECTORS];
	struct snek_error e;
	ssize_t put = 1;
	int i, n = 0;

	if (was_closed(r, now))
		return;
	for (i = 0; i < ROUNDS; i++) {
		n = gather(r, v);
		if (!n && !sk_transport_has_staged(&r->wire))
			break;
		put = sk_transport_write(&r->wire, v, n, &e);
		if (put <= 0)
			break;
		wrote(r, (size_t)put, now);
	}
	r->blocked = (n > 0 && !put) || sk_transport_has_staged(&r->wire);
	if (put >= 0 && sk_transport_watch(&r->wire, r->blocked, &e) < 0)
		put = -1;
	if (put >= 0)
		return;
	sk_redis_receive(r, now);       /* it may have said why */
	if (r->state != SK_REDIS_DOWN)
		sk_redis_lost(r, now, false, &e);
}

/* ---- in ---- */

/* An error reply: the end of the command, or a later try. */
static void answer_error(struct sk_redis *r, struct sk_redis_command *c,
    const struct sk_reply *reply, int64_t now)
{
	struct sk_redis_verdict v;
	struct snek_error e;

	v = sk_redis_judge(r->name, reply->text, &e);
	r->stale |= v.stale;
	if (!v.retry || !c->again || now >= c->deadline) {
		if (c->raw)
			sk_redis_end(r, c, 0, reply, NULL);
		else
			sk_redis_end(r, c, v.rc, NULL, &e);
		return;
	}
	sk_redis_judge(NULL, reply->text, &r->why);
	if (now >= r->retry_at)
		r->retry_at = now + sk_redis_backoff(++r->failures);
	if (c->deadline < r->due)
		r->due = c->deadline;
	r->queued += c->n;
	sk_redis_push(&r->wait, c);
}

static void answer(struct sk_redis *r, const struct sk_reply *reply, int64_t now)
{
	struct sk_redis_command *c = sk_redis_pop(&r->sent);

	if (c->hello) {
		sk_redis_hello_reply(r, c->step, reply, now);
		sk_redis_command_free(c);
	} else if (c->abandoned) {
		sk_redis_command_free(c);
	} else if (reply->type == SK_REPLY_ERROR) {
		answer_error(r, c, reply, now);
	} else {
		r->failures = 0;
		r->why.code = 0;
		r->told = false;
		sk_redis_end(r, c, 0, reply, NULL);
	}
}

/* A reply that cannot be read.  Its command ends with it, for the same would
 * come again; what came behind it is sent again or unknown. */
static void refuse(struct sk_redis *r, int rc, struct snek_error *e, int64_t now)
{
	struct sk_redis_command *c = sk_redis_pop(&r->sent);
	bool hello = r->state == SK_REDIS_HELLO;
	struct snek_error said;
	int code = rc == SNEK_EFORMAT ? SNEK_EIO : rc;

	e->code = code;
	sk_redis_lost(r, now, hello, e);
	if (!c)
		return;
	if (c->hello) {
		sk_redis_command_free(c);
		return;
	}
	if (code != SNEK_ELIMIT && !c->again)
		code = SNEK_EUNKNOWN;
	sk_fail(&said, code, "%s: %s", r->name, e->text);
	sk_redis_end(r, c, code, NULL, &said);
}

/* false: the connection is gone. */
static bool digest(struct sk_redis *r, const char *p, size_t n, int64_t now)
{
	const struct sk_reply *reply;
	struct snek_error e;
	size_t used;
	int rc;

	for (; n; p += used, n -= used) {
		if (!r->sent.head) {
			sk_fail(&e, SNEK_EFORMAT, "it speaks without being asked");
			refuse(r, SNEK_EFORMAT, &e, now);
			return false;
		}
		rc = sk_resp_feed(r->resp, &r->sent.head->bounds, p, n, &used,
		    &reply, &e);
		if (rc < 0) {
			refuse(r, rc, &e, now);
			return false;
		}
		if (rc)
			answer(r, reply, now);
		if (r->state == SK_REDIS_DOWN)
			return false;
	}
	return true;
}

void sk_redis_receive(struct sk_redis *r, int64_t now)
{
	struct snek_error e;
	ssize_t got;
	int i;

	r->more = false;
	for (i = 0; i < ROUNDS; i++) {
		got = sk_transport_read(&r->wire, r->loop->in, SK_REDIS_READ, &e);
		if (got > 0) {
			r->heard = now;
			if (!digest(r, r->loop->in, (size_t)got, now))
				return;
		}
		if (got < 0)
			sk_redis_lost(r, now, r->state == SK_REDIS_HELLO &&
			    got == SNEK_EACCES, &e);
		if (got < SK_REDIS_READ)
			return;
	}
	r->more = true;         /* others first */
}
