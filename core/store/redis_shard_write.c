/* SPDX-License-Identifier: MIT */
/*
 * Writing to a shard on a server.  begin and put only send; replies come in
 * later, each is looked at, and the first that is bad fails the writer.  All
 * that is sent is the same twice, so that the client may repeat it over a new
 * connection.
 */
#include "store/redis_shard_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define CLAIM 64u               /* chunk numbers that begin takes */
#define CLAIM_MAX 4096u         /* and the most that are taken at once */
#define TRIES 20u
#define PART_MAX (512u << 20)   /* bytes of a server's string */

/* ---- replies ---- */

enum kind { LEASE, OWNER, CLAIMED, PUT, CLOCK };

struct sent {
	struct sk_segment_writer *w;
	enum kind kind;
	size_t n;               /* PUT: bytes; CLAIMED: numbers */
};

static void forget(struct sk_segment_writer *w)
{
	if (--w->refs)
		return;
	sk_chunk_parts_free(&w->parts);
	sk_buf_free(&w->args);
	sk_buf_free(&w->index);
	free(w);
}

static void failed(struct sk_segment_writer *w, int rc,
    const struct snek_error *e)
{
	if (w->rc)
		return;
	w->rc = rc;
	w->error = *e;
}

int sk_redis_writer_given_up(const struct sk_segment_writer *w, struct snek_error *e)
{
	return sk_fail(e, SNEK_EAGAIN, "%s: shard %u: write %s was given up by "
	    "gc, or the server lost it; write again",
	    sk_redis_name(w->shard->redis), w->shard->stamp.shard, w->hex);
}

static void send_begin(struct sk_segment_writer *);

/* The owner may be missing when what set it was put off by the server and comes
 * again behind the question. */
static int look(struct sk_segment_writer *w, const struct sent *s,
    const struct sk_reply *r, struct snek_error *e)
{
	if (s->kind == CLOCK)
		return sk_redis_shard_hear_time(w->shard, r, e);
	if (s->kind == OWNER && r->type == SK_REPLY_NIL && w->tries++ < TRIES) {
		send_begin(w);
		return 0;
	}
	if (s->kind == OWNER) {
		if (r->type != SK_REPLY_STRING || r->text.n != 16 ||
		    memcmp(r->text.p, w->owner, 16))
			return sk_fail(e, SNEK_EEXIST, "%s: shard %u: write %s "
			    "exists already", sk_redis_name(w->shard->redis),
			    w->shard->stamp.shard, w->hex);
		w->claimed = w->claiming;
		w->owned = true;
		return 0;
	}
	if (r->type != SK_REPLY_INTEGER)
		return sk_redis_shard_fail(w->shard, e, SNEK_ECORRUPT,
		    "an answer of another type");
	if (s->kind == CLAIMED)
		w->claimed = (uint32_t)s->n;
	return 0;
}

static void done(void *arg, int rc, const struct sk_reply *r,
    const struct snek_error *e)
{
	struct sent *s = arg;
	struct sk_segment_writer *w = s->w;
	struct snek_error mine = { 0 };

	w->pending--;
	if (s->kind == PUT)
		w->flight -= s->n;
	if (SK_REDIS_FAULT("replies"))
		w->claimed = w->claiming;
	else if (rc)
		failed(w, rc, e);
	else if ((rc = look(w, s, r, &mine)))
		failed(w, rc, &mine);
	free(s);
	forget(w);
}

/* With the lock held. */
static void send(struct sk_segment_writer *w, enum kind kind, size_t n,
    const struct sk_span *arg, size_t args)
{
	struct sk_command c = { .arg = arg, .args = args, .again = true,
		.deadline_ms = sk_clock_ms() + SK_REDIS_REPLY_MS +
		    (int64_t)(w->flight / 1000) };
	struct snek_error e = { 0 };
	struct sent *s = malloc(sizeof(*s));
	int rc;

	if (!s) {
		failed(w, sk_enomem(&e), &e);
		return;
	}
	*s = (struct sent){ w, kind, n };
	rc = sk_redis_send(w->shard->redis, &c, done, s, &e);
	if (rc) {
		free(s);
		failed(w, rc, &e);
		return;
	}
	w->refs++;
	w->pending++;
}

/* ---- signs of life ---- */

struct sk_span sk_redis_writer_score(const struct sk_segment_writer *w, int64_t ms,
    char text[24])
{
	int n = snprintf(text, 24, "%" PRId64,
	    sk_redis_shard_now(w->shard) + ms);

	return (struct sk_span){ text, (size_t)n };
}

/* The clocks drift, and a server may be replaced by another. */
static void ask_time(struct sk_segment_writer *w)
{
	struct sk_span arg = sk_span_text("TIME");

	send(w, CLOCK, 0, &arg, 1);
}

/* If gc took the write meanwhile, seal will see it. */
static void renew(struct sk_segment_writer *w)
{
	char text[24];
	struct sk_span arg[] = {
		sk_span_text("ZADD"), w->w.span, sk_span_text("XX"),
		sk_redis_writer_score(w, SK_REDIS_LEASE, text),
		sk_span_text(w->hex),
	};

	send(w, LEASE, 0, arg, 5);
	ask_time(w);
}

void sk_redis_writer_renew(struct sk_redis_shard *s)
{
	struct sk_segment_writer *w;

	for (w = s->writers; w; w = w->next)
		if (!w->rc && w->owned)
			renew(w);
}

bool sk_redis_writers_quiet(const struct sk_redis_shard *s)
{
	const struct sk_segment_writer *w = s->writers;

	while (w && !w->pending)
		w = w->next;
	return !w;
}

static void ignore(void *arg, int rc, const struct sk_reply *r,
    const struct snek_error *e)
{
	(void)arg;
	(void)rc;
	(void)r;
	(void)e;
}

static bool release(void *arg)
{
	struct sk_segment_writer *w = arg, **at = &w->shard->writers;
	char text[24];
	struct sk_span a[] = {
		sk_span_text("ZADD"), w->w.span, sk_span_text("XX"),
		sk_redis_writer_score(w, -1000, text), sk_span_text(w->hex),
	};
	struct sk_command c = { .arg = a, .args = 5, .again = true };

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	sk_redis_send(w->shard->redis, &c, ignore, NULL, NULL);
	forget(w);
	return true;
}

void sk_redis_shard_free(struct sk_segment_writer *w)
{
	struct sk_redis_shard *s;

	if (!w)
		return;
	s = w->shard;
	sk_redis_shard_locked(s, release, w, NULL);
	sk_redis_step(s->loop, 0);
}

/* ---- begin ---- */

static void send_begin(struct sk_segment_writer *w)
{
	char text[24], chunks[12];
	struct sk_span lease[] = {
		sk_span_text("ZADD"), w->w.span, sk_span_text("NX"),
		sk_redis_writer_score(w, SK_REDIS_LEASE, text), sk_span_text(w->hex),
	}, owner[] = {
		sk_span_text("HSETNX"), w->o.span, sk_span_text("owner"),
		sk_span_text(w->owner),
	}, claim[] = {
		sk_span_text("HSETNX"), w->o.span, sk_span_text("chunks"),
		{ chunks, (size_t)snprintf(chunks, sizeof(chunks), "%u", CLAIM) },
	}, ask[] = {
		sk_span_text("HGET"), w->o.span, sk_span_text("owner"),
	};

	w->claiming = CLAIM;
	send(w, LEASE, 0, lease, 5);
	send(w, LEASE, 0, owner, 4);
	send(w, LEASE, 0, claim, 4);
	send(w, OWNER, 0, ask, 3);
	ask_time(w);
}

static bool begin(void *arg)
{
	struct sk_segment_writer *w = arg;

	w->next = w->shard->writers;
	w->shard->writers = w;
	send_begin(w);
	return true;
}

static int init(struct sk_segment_writer *w, struct sk_redis_shard *s,
    struct sk_write_id id, struct snek_error *e)
{
	struct sk_write_id nonce;
	char hex[33];
	int rc = sk_write_id_new(&nonce, e);

	if (rc)
		return rc;
	w->shard = s;
	w->id = id;
	w->refs = 1;
	sk_write_id_hex(id, w->hex);
	sk_write_id_hex(nonce, hex);
	memcpy(w->owner, hex, 16);
	sk_redis_shard_name(s, "w", &w->w);
	sk_redis_shard_key(s, 'o', id, &w->o);
	if (!sk_buf_reserve(&w->index, sizeof(struct sk_redis_head)))
		return sk_enomem(e);
	w->index.n = sizeof(struct sk_redis_head);
	return 0;
}

int sk_redis_shard_begin(struct sk_shard *base, struct sk_write_id id,
    struct sk_segment_writer **out, struct snek_error *e)
{
	struct sk_redis_shard *s = sk_redis_shard_of(base);
	struct sk_segment_writer *w;
	int rc = sk_redis_shard_check(s, e);

	if (!rc)
		rc = sk_redis_beat_start(s, e);
	if (rc)
		return rc;
	w = calloc(1, sizeof(*w));
	if (!w)
		return sk_enomem(e);
	rc = init(w, s, id, e);
	if (!rc)
		rc = sk_redis_shard_locked(s, begin, w, e);
	if (rc) {
		sk_buf_free(&w->index);
		free(w);
		return rc;
	}
	sk_redis_step(s->loop, 0);
	*out = w;
	return 0;
}

/* ---- put ---- */

static bool push(struct sk_segment_writer *w, struct sk_span s)
{
	return sk_buf_put(&w->args, &s, sizeof(s));
}

/* HSET key part bytes ...; how many bytes. */
static int make_put(struct sk_segment_writer *w, struct sk_span chunk,
    const struct sk_redis_key *key, size_t *bytes, struct snek_error *e)
{
	const struct sk_chunk_part *p;
	uint32_t i;
	bool ok;
	int rc = sk_chunk_split(chunk, sk_redis_shard_seed(w->id, w->chunks),
	    &w->parts, e);

	if (rc)
		return rc;
	*bytes = 0;
	w->args.n = 0;
	ok = push(w, sk_span_text("HSET")) && push(w, key->span);
	for (i = 0; ok && i < w->parts.n; i++) {
		p = &w->parts.part[i];
		ok = push(w, p->name) && push(w, p->bytes);
		*bytes += p->name.n + p->bytes.n;
		if (p->name.n > PART_MAX || p->bytes.n > PART_MAX)
			return sk_redis_shard_fail(w->shard, e, SNEK_ELIMIT,
			    "a column of more than 512 MiB");
	}
	return ok ? 0 : sk_enomem(e);
}

static void claim(struct sk_segment_writer *w)
{
	uint32_t more = w->claiming < CLAIM_MAX ? w->claiming : CLAIM_MAX;
	char text[12];
	struct sk_span arg[] = {
		sk_span_text("HSET"), w->o.span, sk_span_text("chunks"),
		{ text, 0 },
	};

	if (w->chunks + CLAIM / 2 < w->claiming || w->claiming != w->claimed)
		return;
	w->claiming += more;
	arg[3].n = (size_t)snprintf(text, sizeof(text), "%u", w->claiming);
	send(w, CLAIMED, w->claiming, arg, 4);
}

/* Puts wait for begin's answers and for room. */
static bool has_room(void *arg)
{
	struct sk_segment_writer *w = arg;

	return w->rc || (w->chunks < w->claimed &&
	    w->pending < SK_REDIS_WINDOW && w->flight < SK_REDIS_FLIGHT);
}

struct put {
	struct sk_segment_writer *w;
	size_t bytes;
};

static bool send_put(void *arg)
{
	struct put *p = arg;
	struct sk_segment_writer *w = p->w;

	if (w->rc)
		return true;
	w->flight += p->bytes;
	send(w, PUT, p->bytes, (const void *)w->args.p,
	    w->args.n / sizeof(struct sk_span));
	if (w->rc)
		w->flight -= p->bytes;
	else
		claim(w);
	return true;
}

struct outcome {
	struct sk_segment_writer *w;
	int rc;
	struct snek_error error;
};

static bool read_outcome(void *arg)
{
	struct outcome *o = arg;

	o->rc = o->w->rc;
	o->error = o->w->error;
	return true;
}

int sk_redis_writer_outcome(struct sk_segment_writer *w, struct snek_error *e)
{
	struct outcome o = { .w = w };
	int rc = sk_redis_shard_locked(w->shard, read_outcome, &o, e);

	if (rc || !o.rc)
		return rc;
	w->told = true;
	if (e)
		*e = o.error;
	return o.rc;
}

int sk_redis_writer_usable(const struct sk_segment_writer *w, struct snek_error *e)
{
	if (!w->told && !w->sealed)
		return 0;
	return sk_fail(e, SNEK_EINTERNAL, "%s: shard %u: write %s: written to "
	    "after %s", sk_redis_name(w->shard->redis), w->shard->stamp.shard,
	    w->hex, w->sealed ? "seal" : "a failure");
}

int sk_redis_writer_refuse(struct sk_segment_writer *w, int rc)
{
	w->told = true;
	return rc;
}

static int put(struct sk_segment_writer *w, struct sk_span chunk,
    struct snek_error *e)
{
	struct sk_redis_shard *s = w->shard;
	struct put p = { w, 0 };
	struct sk_redis_key key;
	int rc;

	sk_redis_shard_chunk(s, w->id, w->chunks, &key);
	rc = make_put(w, chunk, &key, &p.bytes, e);
	if (!rc)
		rc = sk_redis_run(s->loop, has_room, w, sk_clock_ms() +
		    2 * SK_REDIS_REPLY_MS, e);
	if (!rc)
		rc = sk_redis_shard_locked(s, send_put, &p, e);
	if (rc)
		return sk_redis_writer_refuse(w, rc);
	sk_redis_step(s->loop, 0);
	return sk_redis_writer_outcome(w, e);
}

int sk_redis_shard_put(struct sk_segment_writer *w, struct sk_span chunk,
    uint32_t rows, struct sk_place first, struct snek_error *e)
{
	struct sk_chunk_entry entry = { w->at, (uint32_t)chunk.n, rows, first };
	int rc = sk_redis_writer_usable(w, e);

	if (rc)
		return rc;
	if (chunk.n > UINT32_MAX || w->chunks >= UINT32_MAX - CLAIM_MAX)
		return sk_redis_writer_refuse(w, sk_redis_shard_fail(w->shard, e, SNEK_ELIMIT,
		    "a chunk is too large, or there are too many"));
	if (!sk_buf_reserve(&w->index, sizeof(entry)))
		return sk_redis_writer_refuse(w, sk_enomem(e));
	rc = put(w, chunk, e);
	if (rc)
		return rc;
	sk_buf_put(&w->index, &entry, sizeof(entry));
	w->at += (chunk.n + 7) & ~(uint64_t)7;
	w->chunks++;
	w->records += rows;
	return 0;
}
