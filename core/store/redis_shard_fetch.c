/* SPDX-License-Identifier: MIT */
/*
 * Chunks on their way from a server: SK_REDIS_WINDOW are asked for at once, so
 * that the server does not fill its memory with answers, and fewer where they
 * are large, so that what it copies stays in its cache; the others wait in the
 * shard.  What comes is checked and joined into the receiver's memory.
 */
#include "store/redis_shard.h"

#include <stdlib.h>

#include "base/clock.h"
#include "value/chunk_format.h"
#include "value/chunk_part.h"

#define SLACK (1u << 20)        /* a reply's bytes beyond the chunk's own */

struct sk_redis_fetching {
	struct sk_redis_shard *shard;
	struct sk_redis_fetching *next;
	struct sk_fetch fetch;
	struct sk_chunk_wish *wish;     /* NULL: everything */
	void *room;
	size_t n;
};

/* ---- what came ---- */

static int join_some(struct sk_redis_fetching *f, struct sk_chunk_join *j,
    const struct sk_reply *r, struct snek_error *e)
{
	struct sk_span *part;
	size_t i;
	int rc;

	if (r->items != f->wish->fields)
		return sk_fail(e, SNEK_ECORRUPT, "an answer of %zu parts",
		    r->items);
	part = calloc(r->items, sizeof(*part));
	if (!part)
		return sk_enomem(e);
	for (i = 0; i < r->items; i++)
		if (r->item[i].type == SK_REPLY_STRING)
			part[i] = r->item[i].text;
	rc = sk_chunk_join_wish(j, f->wish, part, f->fetch.rows,
	    sk_redis_shard_seed(f->fetch.write, f->fetch.number), e);
	free(part);
	return rc;
}

static int join_all(struct sk_redis_fetching *f, struct sk_chunk_join *j,
    const struct sk_reply *r, struct snek_error *e)
{
	size_t i, n = r->items / 2;
	struct sk_chunk_part *part = calloc(n + 1, sizeof(*part));
	int rc;

	if (!part)
		return sk_enomem(e);
	for (i = 0; i < n; i++)
		part[i] = (struct sk_chunk_part){ r->item[2 * i].text,
			r->item[2 * i + 1].text };
	rc = sk_chunk_join_all(j, part, n, f->fetch.rows,
	    sk_redis_shard_seed(f->fetch.write, f->fetch.number), e);
	free(part);
	return rc;
}

static int write_room(struct sk_redis_fetching *f, struct sk_chunk_join *j,
    struct snek_error *e)
{
	f->n = (size_t)j->bytes;
	f->room = f->fetch.room(f->fetch.arg, f->n);
	if (!f->room)
		return sk_enomem(e);
	sk_chunk_join_write(j, f->room);
	return 0;
}

static int take(struct sk_redis_fetching *f, const struct sk_reply *r,
    struct snek_error *e)
{
	struct sk_chunk_join j = { .bytes = 0 };
	char hex[33];
	int rc;

	if (r->type != SK_REPLY_ARRAY)
		rc = sk_fail(e, SNEK_ECORRUPT, "an answer of another type");
	else
		rc = f->wish ? join_some(f, &j, r, e) : join_all(f, &j, r, e);
	if (!rc)
		rc = write_room(f, &j, e);
	sk_chunk_join_free(&j);
	if (!rc || rc == SNEK_ENOENT)
		return rc;
	sk_write_id_hex(f->fetch.write, hex);
	return sk_fail_in(e, rc, "%s: shard %u: write %s, chunk %u",
	    sk_redis_name(f->shard->redis), f->shard->stamp.shard, hex,
	    f->fetch.number);
}

/* ---- sending ---- */

static void send_next(struct sk_redis_shard *);

static void end(struct sk_redis_fetching *f, int rc, const struct snek_error *e)
{
	f->fetch.done(f->fetch.arg, rc, f->n, e);
	sk_chunk_wish_free(f->wish);
	free(f);
}

static void done(void *arg, int rc, const struct sk_reply *r,
    const struct snek_error *e)
{
	struct sk_redis_fetching *f = arg;
	struct sk_redis_shard *s = f->shard;
	struct snek_error mine = { 0 };

	s->reading--;
	if (!rc) {
		rc = take(f, r, &mine);
		e = &mine;
		s->answer = f->n;
	}
	end(f, rc, e);
	send_next(s);
}

static size_t reply_max(const struct sk_redis_fetching *f)
{
	uint64_t n = f->fetch.bytes ? f->fetch.bytes : UINT32_MAX;

	/* The head, its directory in parts, names twice: at most once more. */
	return (size_t)(2 * n + SLACK);
}

/* HMGET key part ..., or HGETALL key. */
static int send(struct sk_redis_fetching *f, struct snek_error *e)
{
	size_t args = f->wish ? f->wish->fields + 2 : 2, i;
	struct sk_span *arg = malloc(args * sizeof(*arg));
	struct sk_command c = { .arg = arg, .args = args, .again = true,
		.reply_max = reply_max(f), .items_max = f->wish
		    ? f->wish->fields : 2 * (SK_CHUNK_COLUMNS_MAX + 8) };
	struct sk_redis_key key;
	int rc;

	if (!arg)
		return sk_enomem(e);
	sk_redis_shard_chunk(f->shard, f->fetch.write, f->fetch.number, &key);
	arg[0] = sk_span_text(f->wish ? "HMGET" : "HGETALL");
	arg[1] = key.span;
	for (i = 2; i < args; i++)
		arg[i] = f->wish->field[i - 2];
	rc = sk_redis_send(f->shard->redis, &c, done, f, e);
	free(arg);
	return rc;
}

static struct sk_redis_fetching *pop(struct sk_redis_shard *s)
{
	struct sk_redis_fetching *f = s->first;

	s->first = f->next;
	if (!s->first)
		s->last = NULL;
	return f;
}

/* Before the first answer it may be of any size. */
static uint32_t window(const struct sk_redis_shard *s)
{
	size_t n = s->answer ? SK_REDIS_ANSWERS / s->answer : 0;

	return n < SK_REDIS_WINDOW_MIN ? SK_REDIS_WINDOW_MIN
	    : n < SK_REDIS_WINDOW ? (uint32_t)n : SK_REDIS_WINDOW;
}

static void send_next(struct sk_redis_shard *s)
{
	struct snek_error e = { 0 };
	struct sk_redis_fetching *f;
	int rc;

	while (s->first && (s->closing || s->reading < window(s))) {
		f = pop(s);
		rc = s->closing ? sk_fail(&e, SNEK_ECANCELED, "the shard was "
		    "closed") : send(f, &e);
		if (rc)
			end(f, rc, &e);
		else
			s->reading++;
	}
}

static bool append(void *arg)
{
	struct sk_redis_fetching *f = arg;
	struct sk_redis_shard *s = f->shard;

	if (s->last)
		s->last->next = f;
	else
		s->first = f;
	s->last = f;
	send_next(s);
	return true;
}

int sk_redis_shard_fetch(struct sk_shard *base, const struct sk_fetch *fetch,
    struct snek_error *e)
{
	struct sk_redis_fetching *f = calloc(1, sizeof(*f));
	const struct sk_want *w = fetch->want;
	int rc = 0;

	if (!f)
		return sk_enomem(e);
	f->shard = sk_redis_shard_of(base);
	f->fetch = *fetch;
	if (w && !w->all && w->name)
		rc = sk_chunk_wish_new(w->name, w->names, &f->wish, e);
	if (!rc)
		rc = sk_redis_shard_locked(f->shard, append, f, e);
	if (rc) {
		sk_chunk_wish_free(f->wish);
		free(f);
	}
	return rc;
}

static bool is_settled(void *arg)
{
	struct sk_redis_shard *s = arg;

	return !s->reading && !s->first;
}

/* Each command has its own deadline. */
int sk_redis_shard_settle(struct sk_shard *base, bool (*until)(void *),
    void *arg, int timeout_ms, struct snek_error *e)
{
	struct sk_redis_shard *s = sk_redis_shard_of(base);
	int64_t deadline = timeout_ms < 0 ? INT64_MAX
	    : sk_clock_ms() + timeout_ms;

	return sk_redis_run(s->loop, until ? until : is_settled,
	    until ? arg : s, deadline, e);
}
