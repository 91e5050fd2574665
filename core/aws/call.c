/* SPDX-License-Identifier: MIT */
/*
 * call.c - one signed call, tried again as AWS asks; any number at once.
 *
 * A call is on its way (http), or waits for its next try (due), until it ends.
 * It is signed anew, once, when the clock was wrong or the keys have expired:
 * that is no try of its own.
 */
#include "aws/client.h"
#include "aws/module.h"
#include "aws/outcome.h"
#include "aws/request.h"
#include "base/clock.h"

#include <stdlib.h>
#include <sys/random.h>

enum {
	REPLY_MAX = 8 << 20, TRY_MS = 60000, CONNECT_MS = 10000,
};

struct sk_aws_call {
	struct sk_aws *aws;
	struct sk_aws_call *next, *prev;        /* of all */
	struct sk_aws_call *later, *sooner;     /* of those that wait */
	struct sk_aws_request request;
	struct sk_http_call *http;      /* NULL: it waits until due */
	int64_t due;
	uint32_t tries;
	enum sk_retry last;             /* why it was tried again */
	bool clocked, renewed;          /* it was signed anew for that */
	void (*done)(void *, struct sk_aws_reply *);
	void *arg;
};

/* ---- those that wait, soonest first ---- */

static void wait_until(struct sk_aws_call *c, int64_t due)
{
	struct sk_aws *a = c->aws;
	struct sk_aws_call *at = a->latest;

	c->due = due;
	while (at && at->due > due)
		at = at->sooner;
	c->sooner = at;
	c->later = at ? at->later : a->soonest;
	if (at)
		at->later = c;
	else
		a->soonest = c;
	if (c->later)
		c->later->sooner = c;
	else
		a->latest = c;
}

static void stop_waiting(struct sk_aws_call *c)
{
	struct sk_aws *a = c->aws;

	if (c->sooner)
		c->sooner->later = c->later;
	else
		a->soonest = c->later;
	if (c->later)
		c->later->sooner = c->sooner;
	else
		a->latest = c->sooner;
}

/* ---- one try ---- */

static void on_reply(void *, struct sk_http_reply *);

static int go(struct sk_aws_call *c, struct snek_error *e)
{
	const struct sk_aws_request *r = &c->request;
	struct sk_aws *a = c->aws;
	struct sk_http_request h = {
		.method = r->method, .body = r->body,
		.max_reply = r->max_reply ? r->max_reply : REPLY_MAX,
		.timeout_ms = r->timeout_ms ? r->timeout_ms : TRY_MS,
		.connect_ms = CONNECT_MS,
	};
	bool signs = r->service && !a->anonymous;
	struct sk_endpoint where;
	struct sk_wired w;
	int rc = sk_aws_where(a, r, &where, e);

	if (!rc && signs)
		rc = sk_aws_identify(a, e);
	if (!rc)
		rc = sk_wired_make(r, &where, signs ? &a->cred : NULL,
		    sk_aws_now(a), &w, e);
	if (rc)
		return rc;
	h.url = w.url;
	h.header = w.header;
	h.headers = w.headers;
	rc = sk_http_begin(a->http, &h, on_reply, c, &c->http, e);
	sk_wired_free(&w);
	c->tries += !rc;
	return rc;
}

/* ---- how it ended ---- */

static void unlink_call(struct sk_aws_call *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		c->aws->calls = c->next;
	if (c->next)
		c->next->prev = c->prev;
}

static void end(struct sk_aws_call *c, struct sk_aws_reply *r)
{
	void (*done)(void *, struct sk_aws_reply *) = c->done;
	void *arg = c->arg;

	if (!r->code && r->status < 300)
		sk_quota_give(&c->aws->quota, c->last);
	r->tries = c->tries;
	c->aws->ended++;
	unlink_call(c);
	free(c);
	done(arg, r);
}

static void fail(struct sk_aws_call *c, const struct snek_error *e)
{
	struct sk_aws_reply r = { .code = e->code, .error = *e,
		.retry_after_ms = -1 };

	end(c, &r);
}

static uint32_t chance(void)
{
	uint32_t v;

	return getrandom(&v, sizeof(v), 0) == sizeof(v) ? v :
	    (uint32_t)sk_clock_us() * 2654435761u;
}

/* True: what it was signed with was wrong, and is so no more. */
static bool is_mended(struct sk_aws_call *c, const struct sk_aws_reply *r)
{
	struct sk_aws *a = c->aws;
	int64_t ahead;

	if (!c->request.service || a->anonymous)
		return false;
	if (!c->clocked && sk_retry_skew(r, sk_aws_now(a), &ahead)) {
		a->skew += ahead;
		return c->clocked = true;
	}
	if (c->renewed || !sk_retry_expired(r))
		return false;
	c->renewed = true;
	return sk_aws_renew(a);
}

static bool try_again(struct sk_aws_call *c, const struct sk_aws_reply *r)
{
	uint32_t tries = c->request.tries ? c->request.tries : c->aws->tries;
	enum sk_retry kind = sk_retry_kind(r);

	if (is_mended(c, r)) {
		c->tries--;
		wait_until(c, 0);
		return true;
	}
	if (kind == SK_RETRY_NO || c->tries >= tries ||
	    !sk_quota_take(&c->aws->quota, kind))
		return false;
	c->last = kind;
	wait_until(c, sk_clock_ms() + sk_retry_delay(kind, c->tries,
	    r->retry_after_ms, chance()));
	return true;
}

static void on_reply(void *arg, struct sk_http_reply *h)
{
	struct sk_aws_call *c = arg;
	struct sk_aws_reply r;

	c->http = NULL;
	sk_aws_outcome_read(h, &r);
	if (try_again(c, &r))
		sk_aws_reply_free(&r);
	else
		end(c, &r);
}

static void go_due(struct sk_aws *a)
{
	struct sk_aws_call *c;
	struct snek_error e;

	while ((c = a->soonest) && c->due <= sk_clock_ms()) {
		stop_waiting(c);
		if (go(c, &e))
			fail(c, &e);
	}
}

/* ---- the module's calls ---- */

int sk_aws_begin(struct sk_aws *a, const struct sk_aws_request *r,
    void (*done)(void *arg, struct sk_aws_reply *), void *arg,
    struct sk_aws_call **out, struct snek_error *e)
{
	struct sk_aws_call *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return sk_enomem(e);
	c->aws = a;
	c->request = *r;
	c->done = done;
	c->arg = arg;
	rc = go(c, e);
	if (rc) {
		free(c);
		return rc;
	}
	c->next = a->calls;
	if (c->next)
		c->next->prev = c;
	a->calls = c;
	*out = c;
	return 0;
}

void sk_aws_cancel(struct sk_aws *a, struct sk_aws_call *c)
{
	if (c->http)
		sk_http_cancel(a->http, c->http);
	else
		stop_waiting(c);
	unlink_call(c);
	free(c);
}

int sk_aws_step(struct sk_aws *a, int timeout_ms, struct snek_error *e)
{
	int64_t until = timeout_ms < 0 ? INT64_MAX : sk_clock_ms() + timeout_ms;
	int64_t due;
	bool woken = false;
	int rc;

	a->ended = 0;
	do {
		go_due(a);
		due = a->soonest && a->soonest->due < until ? a->soonest->due :
		    until;
		rc = sk_http_step(a->http, a->ended ? 0 : due, &woken, e);
		if (rc < 0)
			return rc;
	} while (!a->ended && !woken && sk_clock_ms() < until);
	return a->ended;
}

void sk_aws_drop_calls(struct sk_aws *a)
{
	while (a->calls)
		sk_aws_cancel(a, a->calls);
}

void sk_aws_wake(struct sk_aws *a)
{
	sk_http_wake(a->http);
}

struct one {
	struct sk_aws_reply *reply;
	bool ended;
};

static void on_one(void *arg, struct sk_aws_reply *r)
{
	struct one *o = arg;

	*o->reply = *r;
	o->ended = true;
}

int sk_aws_call(struct sk_aws *a, const struct sk_aws_request *r,
    struct sk_aws_reply *reply, struct snek_error *e)
{
	struct one one = { .reply = reply };
	struct sk_aws_call *c;
	int rc;

	memset(reply, 0, sizeof(*reply));
	rc = sk_aws_begin(a, r, on_one, &one, &c, e);
	while (!rc && !one.ended) {
		rc = sk_aws_step(a, -1, e);
		if (rc < 0 && !one.ended)
			sk_aws_cancel(a, c);
		rc = rc < 0 ? rc : 0;
	}
	return rc ? rc : sk_aws_outcome_judge(r, reply, e);
}
