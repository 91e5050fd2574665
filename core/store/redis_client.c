/* SPDX-License-Identifier: MIT */
/*
 * A client's life: down, opening, hello, ready, and down again.  What becomes
 * of its commands when the connection breaks:
 *
 *   not sent, or not wholly (then the server cannot have run it): it waits for
 *      the next connection; if none comes, SNEK_EAGAIN, at once unless `again`
 *   sent: an `again` command is sent again, before all others; else
 *      SNEK_EUNKNOWN
 */
#include "store/redis_parts.h"
#include "base/clock.h"

#include <stdlib.h>

enum { BACKOFF_MS = 25, BACKOFF_STEPS = 5, SILENT_MS = 5000 };

static void tell(sk_redis_loop *l, struct sk_redis_command *c, int rc,
    const struct sk_reply *reply, const struct snek_error *e)
{
	l->calls++;
	l->calling++;
	c->done(c->arg, rc, reply, rc ? e : NULL);
	l->calling--;
}

void sk_redis_end(struct sk_redis *r, struct sk_redis_command *c, int rc,
    const struct sk_reply *reply, const struct snek_error *e)
{
	if (!c->abandoned) {
		r->pending--;
		tell(r->loop, c, rc, reply, e);
	}
	sk_redis_command_free(c);
}

static bool is_wanted(const struct sk_redis *r)
{
	return r->wait.head || r->asked;
}

/* Doubling, and spread so that many clients do not come back at once. */
int64_t sk_redis_backoff(unsigned failures)
{
	unsigned step = failures < BACKOFF_STEPS ? failures : BACKOFF_STEPS;
	int64_t base = (int64_t)BACKOFF_MS << step;

	return base + sk_clock_us() % (base / 2);
}

int64_t sk_redis_patience(const struct sk_redis *r)
{
	return r->loop->waiting.impatient ? 0 : SK_REDIS_CONNECT_MS;
}

/* ---- the connection breaks ---- */

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void end_all(struct sk_redis *r, struct sk_redis_queue *q, int rc,
    const struct snek_error *e)
{
	struct sk_redis_command *c;

	while ((c = sk_redis_pop(q)))
		sk_redis_end(r, c, rc, NULL, e);
}

/* Those that were sent: again to the front, the others to unknown. */
static void sort_sent(struct sk_redis *r, struct sk_redis_queue *unknown)
{
	struct sk_redis_queue again = { NULL, NULL };
	struct sk_redis_command *c;

	while ((c = sk_redis_pop(&r->sent))) {
		if (c->hello || c->abandoned) {
			sk_redis_command_free(c);
		} else if (c->again) {
			r->queued += c->n;
			sk_redis_push(&again, c);
		} else {
			sk_redis_push(unknown, c);
		}
	}
	sk_redis_prepend(&r->wait, &again);
}

/* Of those that wait for a connection, the ones that shall wait no more. */
static void sort_wait(struct sk_redis *r, int64_t now, bool final,
    struct sk_redis_queue *failed)
{
	struct sk_redis_queue old = r->wait;
	struct sk_redis_command *c;

	r->wait.head = r->wait.tail = NULL;
	while ((c = sk_redis_pop(&old))) {
		if (final || !c->again ||
		    now - later(r->down_since, c->queued) >=
		    sk_redis_patience(r)) {
			r->queued -= c->n;
			sk_redis_push(failed, c);
		} else {
			sk_redis_push(&r->wait, c);
		}
	}
}

static void hang_up(struct sk_redis *r)
{
	struct sk_redis_command *c = r->wait.head;

	sk_transport_shut(&r->wire);
	sk_resp_free(r->resp);
	r->resp = NULL;
	while ((c = sk_redis_pop(&r->hello)))
		sk_redis_command_free(c);
	c = r->wait.head;
	if (r->written && c && c->abandoned) {
		r->queued -= c->n;
		sk_redis_command_free(sk_redis_pop(&r->wait));
	}
	r->written = 0;
	r->blocked = r->stale = r->more = r->asked = false;
	r->state = SK_REDIS_DOWN;
}

void sk_redis_lost(struct sk_redis *r, int64_t now, bool final,
    const struct snek_error *why)
{
	struct sk_redis_queue unknown = { NULL, NULL }, failed = { NULL, NULL };
	bool was_ready = r->state == SK_REDIS_READY;
	bool idle = was_ready && !r->sent.head && !r->written;
	const char *hint = r->state == SK_REDIS_HELLO && !final && !r->url.tls &&
	    why->code == SNEK_EIO ? " (if it wants TLS, write rediss://)" : "";
	struct snek_error e, refusal;

	if (r->state == SK_REDIS_HELLO && r->refusal.code) {
		refusal = r->refusal;   /* said before it hung up */
		why = &refusal;
		final = refusal.code != SNEK_EAGAIN;
	}
	hang_up(r);
	sort_sent(r, &unknown);
	if (!idle) {
		r->why = *why;
		r->retry_at = was_ready && !r->failures ? now :
		    now + sk_redis_backoff(r->failures);
		r->failures++;
	}
	if (!was_ready)
		sort_wait(r, now, final, &failed);
	sk_fail(&e, SNEK_EUNKNOWN, "%s: the connection was lost before the reply "
	    "came (%s); it may have been done", r->name, why->text);
	end_all(r, &unknown, SNEK_EUNKNOWN, &e);
	sk_fail(&e, final ? why->code : SNEK_EAGAIN, "%s%s: %s%s", r->name,
	    final ? "" : " cannot be reached", why->text, hint);
	end_all(r, &failed, e.code, &e);
}

/* ---- deadlines ---- */

/* Call done now; the command stays where its reply will come. */
static void abandon(struct sk_redis *r, struct sk_redis_command *c)
{
	struct snek_error e;
	int rc = c->again ? SNEK_ETIMEDOUT : SNEK_EUNKNOWN;

	sk_fail(&e, rc, c->again ? "%s did not answer in time" : "%s did not "
	    "answer in time; it may have been done", r->name);
	c->abandoned = true;
	r->pending--;
	tell(r->loop, c, rc, NULL, &e);
}

static void keep_due(struct sk_redis *r, const struct sk_redis_command *c)
{
	if (!c->abandoned && c->deadline < r->due)
		r->due = c->deadline;
}

static bool is_late(const struct sk_redis_command *c, int64_t now)
{
	return !c->hello && !c->abandoned && c->deadline <= now;
}

static void expire_wait(struct sk_redis *r, int64_t now)
{
	struct sk_redis_queue old = r->wait, late = { NULL, NULL };
	struct sk_redis_command *c;
	struct snek_error e;
	bool partly = r->written && r->state == SK_REDIS_READY;

	r->wait.head = r->wait.tail = NULL;
	for (; (c = sk_redis_pop(&old)); partly = false) {
		if (!partly && is_late(c, now)) {
			r->queued -= c->n;
			sk_redis_push(&late, c);
			continue;
		}
		sk_redis_push(&r->wait, c);
		keep_due(r, c);
	}
	if (r->why.code)
		sk_fail(&e, SNEK_EAGAIN, "%s: the time is up: %s", r->name,
		    r->why.text);
	else
		sk_fail(&e, SNEK_ETIMEDOUT, "%s: the time was up before it could "
		    "be asked", r->name);
	end_all(r, &late, e.code, &e);
}

/* How many were abandoned. */
static unsigned expire_sent(struct sk_redis *r, int64_t now, bool *live)
{
	struct sk_redis_command *c;
	unsigned n = 0;

	for (c = r->sent.head; c; c = c->next) {
		if (is_late(c, now)) {
			abandon(r, c);
			n++;
		} else if (!c->abandoned) {
			keep_due(r, c);
			*live = true;
		}
	}
	return n;
}

/*
 * A server that does not answer keeps its connection while others still wait
 * on it with more patience; but not if all have given up, or nothing at all
 * has come from it for long: the next try may find another server there.
 */
static void expire(struct sk_redis *r, int64_t now)
{
	struct snek_error e;
	bool live = false;
	unsigned n = 0;

	r->due = INT64_MAX;
	if (r->written && r->state == SK_REDIS_READY &&
	    is_late(r->wait.head, now)) {
		abandon(r, r->wait.head);
		n++;
	}
	n += expire_sent(r, now, &live);
	expire_wait(r, now);
	if (n && r->state == SK_REDIS_READY &&
	    (!live || now - r->heard >= SILENT_MS)) {
		sk_fail(&e, SNEK_ETIMEDOUT, "it did not answer in time");
		sk_redis_lost(r, now, false, &e);
	}
}

/* ---- what is to be done next ---- */

static void opened(struct sk_redis *r, int64_t now)
{
	struct snek_error e;
	int rc = sk_resp_new(&r->resp, &e);

	if (!rc)
		rc = sk_redis_hello(r, &e);
	r->state = SK_REDIS_HELLO;
	r->heard = now;
	if (rc)
		sk_redis_lost(r, now, rc != SNEK_EAGAIN, &e);
}

/* TLS and permissions do not mend themselves. */
static bool is_final(int rc)
{
	return rc != SNEK_EAGAIN && rc != SNEK_ETIMEDOUT;
}

static void open_connection(struct sk_redis *r, int64_t now, bool begin)
{
	struct snek_error e;
	int rc = 0;

	if (begin) {
		r->state = SK_REDIS_OPENING;
		r->open_by = now + SK_REDIS_CONNECT_MS;
		r->down_since = r->down_since ? r->down_since : now;
		rc = sk_redis_tls(r, &e);
	}
	if (!rc)
		rc = begin ? sk_transport_begin(&r->wire, r->open_by, &e) :
		    sk_transport_advance(&r->wire, now, &e);
	if (rc < 0)
		sk_redis_lost(r, now, is_final(rc), &e);
	else if (rc > 0)
		opened(r, now);
}

const char *sk_redis_stuck_in(const struct sk_redis *r)
{
	if (r->state == SK_REDIS_HELLO)
		return "it accepts connections, but does not answer";
	switch (r->wire.state) {
	case SK_TRANSPORT_NAMING:
		return "looking up its name takes too long";
	case SK_TRANSPORT_GREETING:
		return "it accepts connections, but does not answer in TLS";
	default:
		return "connecting takes too long";
	}
}

static bool may_send(const struct sk_redis *r, int64_t now)
{
	if (r->blocked)
		return false;
	if (sk_transport_has_staged(&r->wire))
		return true;
	return (r->state == SK_REDIS_HELLO && r->hello.head) ||
	    (r->state == SK_REDIS_READY && r->wait.head && now >= r->retry_at);
}

void sk_redis_tend(struct sk_redis *r, int64_t now)
{
	bool busy = r->state == SK_REDIS_OPENING || r->state == SK_REDIS_HELLO;
	struct snek_error e;

	if (now >= r->due)
		expire(r, now);
	if (busy && now >= r->open_by) {
		sk_fail(&e, SNEK_ETIMEDOUT, "%s", sk_redis_stuck_in(r));
		sk_redis_lost(r, now, false, &e);
	} else if (r->state == SK_REDIS_OPENING) {
		open_connection(r, now, false);
	}
	if (r->more)
		sk_redis_receive(r, now);
	if (r->stale && !r->sent.head && !r->written)
		hang_up(r);
	if (r->state == SK_REDIS_DOWN && is_wanted(r) && now >= r->retry_at)
		open_connection(r, now, true);
	if (may_send(r, now))
		sk_redis_flush(r, now);
	if (now >= sk_redis_tell_at(r))
		sk_redis_tell(r, now);
}

void sk_redis_on_event(struct sk_redis *r, uint32_t events, int64_t now)
{
	(void)events;
	r->blocked = false;     /* with TLS, reading may have been in the way */
	if (r->state == SK_REDIS_HELLO || r->state == SK_REDIS_READY)
		sk_redis_receive(r, now);
}

static int64_t next_try(const struct sk_redis *r)
{
	if (r->more || (r->state == SK_REDIS_HELLO && may_send(r, 0)) ||
	    (sk_transport_has_staged(&r->wire) && !r->blocked))
		return 0;
	switch (r->state) {
	case SK_REDIS_DOWN:
		return is_wanted(r) ? r->retry_at : INT64_MAX;
	case SK_REDIS_OPENING:
		return sk_transport_due(&r->wire) < r->open_by ?
		    sk_transport_due(&r->wire) : r->open_by;
	case SK_REDIS_HELLO:
		return r->open_by;
	default:
		return r->wait.head && !r->blocked ? r->retry_at : INT64_MAX;
	}
}

int64_t sk_redis_due(const struct sk_redis *r)
{
	int64_t next = next_try(r), tell = sk_redis_tell_at(r);

	next = next < tell ? next : tell;
	return next < r->due ? next : r->due;
}
