/* SPDX-License-Identifier: MIT */
/* redis_waiting.c - a server that a command waits for, said once. */
#include "store/redis_parts.h"

#include <stdio.h>

enum { TELL_MS = 1000 };

void sk_redis_loop_waiting(sk_redis_loop *l, const struct sk_waiting *w)
{
	if (w)
		l->waiting = *w;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* When the first of its commands began to wait for the server itself, not for
 * its turn; INT64_MAX: none does. */
static int64_t since(const struct sk_redis *r)
{
	const struct sk_redis_command *c = r->wait.head;

	if (!c)
		return INT64_MAX;
	if (r->state == SK_REDIS_READY)         /* it is loading, for one */
		return r->why.code ? c->queued : INT64_MAX;
	return r->down_since ? later(c->queued, r->down_since) : INT64_MAX;
}

static int64_t until(const struct sk_redis *r)
{
	int64_t end = r->wait.head->deadline, given_up;

	if (r->state == SK_REDIS_READY)
		return end;
	given_up = since(r) + sk_redis_patience(r);
	if (r->state != SK_REDIS_DOWN)
		given_up = later(given_up, r->open_by);
	return given_up < end ? given_up : end;
}

int64_t sk_redis_tell_at(const struct sk_redis *r)
{
	int64_t at = r->told || !r->loop->waiting.say ? INT64_MAX : since(r);

	return at == INT64_MAX ? at : at + TELL_MS;
}

void sk_redis_tell(struct sk_redis *r, int64_t now)
{
	struct sk_redis_loop *l = r->loop;
	int64_t left = until(r) - now;
	char text[800];

	snprintf(text, sizeof(text), "%.190s: %s; waiting for %lld s more",
	    r->name, r->why.code ? r->why.text : sk_redis_stuck_in(r),
	    left > 1000 ? (long long)(left + 999) / 1000 : 1LL);
	r->told = true;
	l->calling++;
	l->waiting.say(l->waiting.arg, text);
	l->calling--;
}
