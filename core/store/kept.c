/* SPDX-License-Identifier: MIT */
/*
 * Beside the other keys of a shard (redis_shard.c), with a time to live each:
 *
 *   r:JOB:STAGE:TASK:ATTEMPT:NONCE:NUMBER:PIECE   string: u32 CRC32C of the
 *               piece, seeded with NUMBER and PIECE; then its bytes
 *
 * JOB and NONCE in hex, the others in decimal.  A piece is PIECE bytes of
 * what is kept, the last one fewer.
 */
#include "store/kept.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "store/redis_shard.h"

#define PIECE ((1u << 20) - 1024)       /* and a little stays below 1 MiB */
#define WINDOW 64u                      /* commands in flight */
#define FLIGHT ((size_t)8 << 20)        /* bytes of them, either way */

enum what { PUT, GET, DROP };

struct part {
	sk_keeper *keeper;
	struct sk_redis_shard *shard;
	struct sk_kept name;
	enum what what;
	uint32_t piece, seconds;
	const char *from;               /* PUT */
	char *to;                       /* GET */
	size_t n;
};

struct sk_keeper {
	char job[33];
	uint32_t refs;                  /* its owner's, and of each in flight */
	bool freed;
	struct part *part;
	size_t parts, cap, next;
	uint32_t pending;
	size_t flight;
	int rc;                         /* the first that failed */
	struct snek_error error;
};

/* ---- what there is to do ---- */

int sk_keeper_new(const char *job, sk_keeper **out, struct snek_error *e)
{
	sk_keeper *k = calloc(1, sizeof(*k));

	if (!k)
		return sk_enomem(e);
	snprintf(k->job, sizeof(k->job), "%.32s", job);
	k->refs = 1;
	*out = k;
	return 0;
}

static void let_go(sk_keeper *k)
{
	if (--k->refs)
		return;
	free(k->part);
	free(k);
}

static bool add(sk_keeper *k, const struct part *p)
{
	size_t cap = k->cap ? 2 * k->cap : 16;
	struct part *more;

	if (k->parts == k->cap) {
		more = realloc(k->part, cap * sizeof(*more));
		if (!more)
			return false;
		k->part = more;
		k->cap = cap;
	}
	k->part[k->parts++] = *p;
	return true;
}

/* An empty thing is one piece, too: it is there or it is not. */
static int add_pieces(sk_keeper *k, struct sk_shard *s, struct part p, size_t n,
    struct snek_error *e)
{
	size_t at = 0;

	if (s->ops->fetch != sk_redis_shard_fetch)
		return sk_fail(e, SNEK_EINVAL, "%s keeps nothing for attempts",
		    s->ops->location(s));
	p.keeper = k;
	p.shard = sk_redis_shard_of(s);
	do {
		p.n = n - at < PIECE ? n - at : PIECE;
		if (!add(k, &p))
			return sk_enomem(e);
		at += p.n;
		p.from = p.from ? p.from + p.n : NULL;
		p.to = p.to ? p.to + p.n : NULL;
		p.piece++;
	} while (at < n);
	return 0;
}

int sk_keeper_put(sk_keeper *k, struct sk_shard *s, const struct sk_kept *name,
    struct sk_span bytes, uint32_t seconds, struct snek_error *e)
{
	return add_pieces(k, s, (struct part){ .name = *name, .what = PUT,
	    .seconds = seconds, .from = bytes.p }, bytes.n, e);
}

int sk_keeper_get(sk_keeper *k, struct sk_shard *s, const struct sk_kept *name,
    void *to, size_t n, struct snek_error *e)
{
	return add_pieces(k, s, (struct part){ .name = *name, .what = GET,
	    .to = to }, n, e);
}

int sk_keeper_drop(sk_keeper *k, struct sk_shard *s, const struct sk_kept *name,
    size_t n, struct snek_error *e)
{
	return add_pieces(k, s, (struct part){ .name = *name, .what = DROP }, n,
	    e);
}

/* ---- replies ---- */

static void fail(sk_keeper *k, int rc, const struct snek_error *e)
{
	if (k->rc)
		return;
	k->rc = rc;
	k->error = *e;
}

static uint32_t sum(const struct part *p, const void *bytes)
{
	const uint32_t seed[2] = { p->name.number, p->piece };

	return sk_crc32c(sk_crc32c(0, seed, sizeof(seed)), bytes, p->n);
}

static int lost(const struct part *p, int rc, const char *how,
    struct snek_error *e)
{
	return sk_fail(e, rc, "%s: shard %u: what attempt %u of task %u left "
	    "there %s", sk_redis_name(p->shard->redis), p->shard->stamp.shard,
	    p->name.attempt, p->name.task, how);
}

static int take(const struct part *p, const struct sk_reply *r,
    struct snek_error *e)
{
	uint32_t crc;

	if (r->type == SK_REPLY_NIL)
		return lost(p, SNEK_ENOENT, "is gone: its time was over, or the "
		    "server lost it", e);
	if (r->type != SK_REPLY_STRING || r->text.n != p->n + sizeof(crc))
		return lost(p, SNEK_ECORRUPT, "has another size", e);
	memcpy(&crc, r->text.p, sizeof(crc));
	if (crc != sum(p, (const char *)r->text.p + sizeof(crc)))
		return lost(p, SNEK_ECORRUPT, "is damaged", e);
	if (p->n)
		memcpy(p->to, (const char *)r->text.p + sizeof(crc), p->n);
	return 0;
}

static void send_more(sk_keeper *);

/* Who has freed its keeper has taken the memory back. */
static void done(void *arg, int rc, const struct sk_reply *r,
    const struct snek_error *e)
{
	struct part *p = arg;
	sk_keeper *k = p->keeper;
	struct snek_error mine = { 0 };

	k->pending--;
	k->flight -= p->n;
	if (!rc && p->what == GET && !k->freed) {
		rc = take(p, r, &mine);
		e = &mine;
	}
	if (rc)
		fail(k, rc, e);
	send_more(k);
	let_go(k);
}

/* ---- sending ---- */

static void name_key(const struct part *p, struct sk_redis_key *key)
{
	const struct sk_kept *n = &p->name;
	char text[112];

	snprintf(text, sizeof(text), "r:%s:%u:%u:%u:%016" PRIx64 ":%u:%u",
	    p->keeper->job, n->stage, n->task, n->attempt, n->nonce, n->number,
	    p->piece);
	sk_redis_shard_name(p->shard, text, key);
}

static int send_put(struct part *p, struct sk_span key, struct snek_error *e)
{
	char seconds[16], *value = malloc(p->n + sizeof(uint32_t));
	uint32_t crc = sum(p, p->from);
	struct sk_span arg[5] = { sk_span_text("SET"), key,
		{ value, p->n + sizeof(crc) }, sk_span_text("EX") };
	struct sk_command c = { .arg = arg, .args = 5, .again = true };
	int rc;

	if (!value)
		return sk_enomem(e);
	memcpy(value, &crc, sizeof(crc));
	if (p->n)
		memcpy(value + sizeof(crc), p->from, p->n);
	snprintf(seconds, sizeof(seconds), "%u", p->seconds);
	arg[4] = sk_span_text(seconds);
	rc = sk_redis_send(p->shard->redis, &c, done, p, e);
	free(value);
	return rc;
}

static int send_one(struct part *p, struct snek_error *e)
{
	struct sk_redis_key key;
	struct sk_span arg[2];
	struct sk_command c = { .arg = arg, .args = 2, .again = true,
		.reply_max = PIECE + 1024 };

	name_key(p, &key);
	if (p->what == PUT)
		return send_put(p, key.span, e);
	arg[0] = sk_span_text(p->what == GET ? "GET" : "UNLINK");
	arg[1] = key.span;
	return sk_redis_send(p->shard->redis, &c, done, p, e);
}

static void send_more(sk_keeper *k)
{
	struct snek_error e = { 0 };
	struct part *p;
	int rc;

	while (!k->rc && !k->freed && k->next < k->parts &&
	    k->pending < WINDOW && (!k->pending || k->flight < FLIGHT)) {
		p = &k->part[k->next++];
		rc = send_one(p, &e);
		if (rc) {
			fail(k, rc, &e);
			return;
		}
		k->refs++;
		k->pending++;
		k->flight += p->n;
	}
}

/* ---- running ---- */

static bool begin(void *arg)
{
	send_more(arg);
	return true;
}

static bool is_over(void *arg)
{
	const sk_keeper *k = arg;

	return !k->pending && (k->rc || k->next == k->parts);
}

static bool end(void *arg)
{
	sk_keeper *k = arg;

	k->freed = true;
	let_go(k);
	return true;
}

int sk_keeper_run(sk_keeper *k, int64_t deadline_ms, struct snek_error *e)
{
	struct sk_redis_shard *s = k->parts ? k->part[0].shard : NULL;
	int rc = s ? sk_redis_shard_locked(s, begin, k, e) : 0;

	if (!rc && s)
		rc = sk_redis_run(s->loop, is_over, k, deadline_ms, e);
	if (rc || !k->rc)
		return rc;
	if (e)
		*e = k->error;
	return k->rc;
}

/* What is in flight holds on to it until its shard has heard, or is shut. */
void sk_keeper_free(sk_keeper *k)
{
	if (k && k->parts)
		sk_redis_shard_locked(k->part[0].shard, end, k, NULL);
	else if (k)
		let_go(k);
}
