/* SPDX-License-Identifier: MIT */
/*
 * A shard on a Redis server.  Keys begin with PREFIX:SHARD: (SHARD in decimal),
 * ID is a write id in hex; numbers are little-endian.
 *
 *   stamp    string, 40 bytes
 *               0  magic "SNEKSHD\n"    8  u32 format (1)   12  u32 shard
 *              16  cluster uuid        32  u32 zero         36  u32 CRC32C
 *   w        sorted set of the IDs of all writes that have left anything; the
 *            score is the server's time, in ms, until which the writer says
 *            that it lives (60 s from its last sign of life; freed: the moment)
 *   o:ID     hash: "owner", a number drawn by the writer, tells a repeated
 *            begin from another writer's; "chunks": numbers from here on were
 *            never put.  It grows before they are, so that sweep finds all.
 *   c:ID:N   hash: chunk N in parts (value/chunk_part.c)
 *   i:ID     string, written by seal in one step with the check that all
 *            chunks are there
 *               0  magic "SNEKIDX\n"    8  u32 format (1)   12  u32 shard
 *              16  cluster uuid        32  write id
 *              48  u64 records         56  u32 chunks
 *              60  u32 CRC32C of bytes 0..59 and of the entries
 *              64  per chunk 32 bytes, as in segment.c; offsets are those of
 *                  the chunks one after the other, each at a multiple of 8
 *
 *   r:...    what attempts left (kept.c)
 *
 * Stamp and index keep size, magic, format and CRC in every format to come.
 * Nobody reads the chunks of a write before its index.  Removing takes the
 * index first, then the chunks, then "o" and the ID in "w".
 */
#include "store/redis_shard.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"

#ifdef SK_FAULTS
const char *sk_redis_fault;
int sk_redis_lease_ms = SK_REDIS_LEASE_MS;
#endif

struct stamp {
	char magic[8];
	uint32_t format, shard;
	uint8_t cluster[16];
	uint32_t zero, crc;
};
_Static_assert(sizeof(struct stamp) == 40, "drawn above");

static const char magic[] = "SNEKSHD\n";

/* ---- keys ---- */

void sk_redis_shard_name(const struct sk_redis_shard *s, const char *name,
    struct sk_redis_key *k)
{
	size_t n = strlen(name);

	memcpy(k->text, s->key, s->key_n);
	memcpy(k->text + s->key_n, name, n + 1);
	k->span = (struct sk_span){ k->text, s->key_n + n };
}

void sk_redis_shard_key(const struct sk_redis_shard *s, char kind,
    struct sk_write_id id, struct sk_redis_key *k)
{
	char name[2 + 33] = { kind, ':' };

	sk_write_id_hex(id, name + 2);
	sk_redis_shard_name(s, name, k);
}

void sk_redis_shard_chunk(const struct sk_redis_shard *s,
    struct sk_write_id id, uint32_t number, struct sk_redis_key *k)
{
	sk_redis_shard_key(s, 'c', id, k);
	k->span.n += (size_t)snprintf(k->text + k->span.n,
	    sizeof(k->text) - k->span.n, ":%u", number);
}

uint32_t sk_redis_shard_seed(struct sk_write_id id, uint32_t number)
{
	return sk_crc32c(sk_crc32c(0, &id, sizeof(id)), &number, 4);
}

static int name_keys(struct sk_redis_shard *s, struct snek_error *e)
{
	const char *prefix = sk_redis_prefix(s->redis);
	int n;

	if (strlen(prefix) > SK_REDIS_PREFIX_MAX - 16)
		return sk_fail(e, SNEK_ELIMIT, "%s: the prefix of its keys is "
		    "too long", sk_redis_name(s->redis));
	n = snprintf(s->key, sizeof(s->key), "%s:%u:", prefix, s->stamp.shard);
	s->key_n = (size_t)n;
	return 0;
}

/* ---- calls ---- */

int sk_redis_shard_fail(const struct sk_redis_shard *s, struct snek_error *e,
    int rc, const char *what)
{
	return sk_fail(e, rc, "%s: shard %u: %s", sk_redis_name(s->redis),
	    s->stamp.shard, what);
}

int sk_redis_shard_locked(struct sk_redis_shard *s, bool (*f)(void *),
    void *arg, struct snek_error *e)
{
	return sk_redis_run(s->loop, f, arg, sk_clock_ms(), e);
}

/* Of commands that are the same twice. */
int sk_redis_shard_call(struct sk_redis_shard *s, const struct sk_span *arg,
    size_t args, struct sk_answer *out, struct snek_error *e)
{
	struct sk_command c = { .arg = arg, .args = args, .again = true };

	return sk_redis_call(s->redis, &c, out, e);
}

int64_t sk_redis_shard_now(const struct sk_redis_shard *s)
{
	return sk_clock_ms() + s->clock;
}

static int refuse_eviction(const struct sk_redis_shard *s,
    const struct sk_redis_info *i, struct snek_error *e)
{
	if (s->any_eviction || !i->eviction[0] ||
	    !strcmp(i->eviction, "noeviction"))
		return 0;
	return sk_fail(e, SNEK_EINVAL, "%s: shard %u: the server's "
	    "maxmemory-policy is %s, so it may drop data: set it to noeviction",
	    sk_redis_name(s->redis), s->stamp.shard, i->eviction);
}

int sk_redis_shard_check(struct sk_redis_shard *s, struct snek_error *e)
{
	struct sk_redis_info i = { .loading = false };
	int rc;

	if (s->checked)
		return 0;
	rc = sk_redis_info(s->redis, &i, e);
	if (!rc)
		rc = refuse_eviction(s, &i, e);
	s->checked = !rc;
	return rc;
}

/* ---- stamps ---- */

static void fill_stamp(const struct sk_stamp *want, struct stamp *f)
{
	*f = (struct stamp){ .format = want->format, .shard = want->shard };
	memcpy(f->magic, magic, 8);
	memcpy(f->cluster, want->cluster, 16);
	f->crc = sk_crc32c(0, f, offsetof(struct stamp, crc));
}

static int check_stamp(const struct sk_redis_shard *s, struct sk_span got,
    struct snek_error *e)
{
	const char *name = sk_redis_name(s->redis);
	struct stamp f;

	if (got.n == sizeof(f))
		memcpy(&f, got.p, sizeof(f));
	if (got.n != sizeof(f) || memcmp(f.magic, magic, 8) ||
	    f.crc != sk_crc32c(0, &f, offsetof(struct stamp, crc)))
		return sk_fail(e, SNEK_ECORRUPT, "%s: %sstamp is damaged", name,
		    s->key);
	if (f.format > SK_REDIS_FORMAT)
		return sk_fail(e, SNEK_EVERSION, "%s: shard %u was written by a "
		    "newer snek (format %u; this one reads up to %u)", name,
		    s->stamp.shard, f.format, SK_REDIS_FORMAT);
	if (memcmp(f.cluster, s->stamp.cluster, 16))
		return sk_fail(e, SNEK_ECORRUPT, "%s: has shard %u of another "
		    "cluster; expected shard %u of this one", name, f.shard,
		    s->stamp.shard);
	if (f.shard != s->stamp.shard)
		return sk_fail(e, SNEK_ECORRUPT, "%s: is shard %u by its stamp; "
		    "expected shard %u", name, f.shard, s->stamp.shard);
	return 0;
}

/* SNEK_ENOENT without text: there is none. */
static int read_stamp(struct sk_redis_shard *s, struct snek_error *e)
{
	struct sk_redis_key key;
	struct sk_span arg[2] = { sk_span_text("GET") };
	struct sk_answer a;
	int rc;

	sk_redis_shard_name(s, "stamp", &key);
	arg[1] = key.span;
	rc = sk_redis_shard_call(s, arg, 2, &a, e);
	if (rc)
		return rc;
	rc = a.reply.type == SK_REPLY_NIL ? SNEK_ENOENT
	    : check_stamp(s, a.reply.text, e);
	sk_answer_free(&a);
	return rc;
}

static int write_stamp(struct sk_redis_shard *s, struct snek_error *e)
{
	struct sk_redis_key key;
	struct stamp f;
	struct sk_span arg[4] = { sk_span_text("SET") };
	struct sk_command c = { .arg = arg, .args = 4 };
	struct sk_answer a;
	int rc;

	fill_stamp(&s->stamp, &f);
	sk_redis_shard_name(s, "stamp", &key);
	arg[1] = key.span;
	arg[2] = (struct sk_span){ &f, sizeof(f) };
	arg[3] = sk_span_text("NX");
	rc = sk_redis_call(s->redis, &c, &a, e);
	if (rc)
		return rc;
	if (a.reply.type == SK_REPLY_NIL)
		rc = sk_redis_shard_fail(s, e, SNEK_EEXIST, "exists already");
	sk_answer_free(&a);
	return rc;
}

/* ---- create, open, destroy ---- */

static int init(struct sk_redis_shard *s, sk_redis *r,
    const struct sk_stamp *stamp, struct snek_error *e)
{
	*s = (struct sk_redis_shard){ .redis = r, .stamp = *stamp,
		.loop = sk_redis_loop_of(r), .durability = SK_DURABLE_MEMORY,
		.seal = { .name = "seal", .text = sk_redis_seal_text } };
	return name_keys(s, e);
}

static int check_empty(struct sk_redis_shard *s, struct snek_error *e)
{
	struct sk_redis_key stamp, w;
	struct sk_span arg[3] = { sk_span_text("EXISTS") };
	struct sk_answer a;
	int rc;

	sk_redis_shard_name(s, "stamp", &stamp);
	sk_redis_shard_name(s, "w", &w);
	arg[1] = stamp.span;
	arg[2] = w.span;
	rc = sk_redis_shard_call(s, arg, 3, &a, e);
	if (rc)
		return rc;
	if (a.reply.type != SK_REPLY_INTEGER || a.reply.integer)
		rc = sk_redis_shard_fail(s, e, SNEK_EEXIST, "exists already");
	sk_answer_free(&a);
	return rc;
}

int sk_redis_shard_create_with(sk_redis *r, const struct sk_stamp *stamp,
    bool any_eviction, struct snek_error *e)
{
	struct sk_redis_shard s;
	int rc = init(&s, r, stamp, e);

	s.any_eviction = any_eviction;
	if (!rc)
		rc = sk_redis_shard_check(&s, e);
	if (!rc)
		rc = check_empty(&s, e);
	return rc ? rc : write_stamp(&s, e);
}

int sk_redis_shard_create(sk_redis *r, const struct sk_stamp *stamp,
    struct snek_error *e)
{
	return sk_redis_shard_create_with(r, stamp, false, e);
}

int sk_redis_shard_destroy(sk_redis *r, const struct sk_stamp *stamp,
    struct snek_error *e)
{
	struct sk_redis_shard s;
	int rc = init(&s, r, stamp, e);

	if (!rc)
		rc = read_stamp(&s, e);
	return rc && rc != SNEK_ENOENT ? rc : sk_redis_shard_remove_all(&s, e);
}

static uint64_t number_in(struct sk_span s)
{
	char text[24] = "";

	if (s.n < sizeof(text))
		memcpy(text, s.p, s.n);
	return strtoull(text, NULL, 10);
}

int sk_redis_shard_read_time(const struct sk_redis_shard *s,
    const struct sk_reply *r, uint64_t *ms, struct snek_error *e)
{
	if (r->type != SK_REPLY_ARRAY || r->items != 2 ||
	    r->item[0].type != SK_REPLY_STRING ||
	    r->item[1].type != SK_REPLY_STRING)
		return sk_redis_shard_fail(s, e, SNEK_ECORRUPT, "has no time");
	*ms = number_in(r->item[0].text) * 1000 +
	    number_in(r->item[1].text) / 1000;
	return 0;
}

int sk_redis_shard_hear_time(struct sk_redis_shard *s,
    const struct sk_reply *r, struct snek_error *e)
{
	uint64_t ms;
	int rc = sk_redis_shard_read_time(s, r, &ms, e);

	if (!rc)
		s->clock = (int64_t)ms - sk_clock_ms();
	return rc;
}

static int read_clock(struct sk_redis_shard *s, struct snek_error *e)
{
	struct sk_span arg = sk_span_text("TIME");
	struct sk_answer a;
	int rc = sk_redis_shard_call(s, &arg, 1, &a, e);

	if (rc)
		return rc;
	rc = sk_redis_shard_hear_time(s, &a.reply, e);
	sk_answer_free(&a);
	return rc;
}

static const char *location(const struct sk_shard *s)
{
	return sk_redis_name(((const struct sk_redis_shard *)s)->redis);
}

static bool close_reads(void *arg)
{
	((struct sk_redis_shard *)arg)->closing = true;
	return true;
}

/* The client ends what is still on its way, as long as there is a shard. */
static void shut(struct sk_shard *base)
{
	struct sk_redis_shard *s = sk_redis_shard_of(base);

	if (!s)
		return;
	sk_redis_beat_end(&s->beat);
	sk_redis_shard_locked(s, close_reads, s, NULL);
	sk_redis_free(s->redis);
	sk_redis_index_drop(s);
	free(s);
}

static const struct sk_shard_ops ops = {
	.begin = sk_redis_shard_begin, .put = sk_redis_shard_put,
	.seal = sk_redis_shard_seal, .abandon = sk_redis_shard_abandon,
	.free = sk_redis_shard_free, .open = sk_redis_shard_open_segment,
	.close = sk_redis_shard_close, .prefetch = sk_redis_shard_prefetch,
	.fetch = sk_redis_shard_fetch, .settle = sk_redis_shard_settle,
	.list = sk_redis_shard_list, .sweep = sk_redis_shard_sweep,
	.retire = sk_redis_shard_retire,
	.location = location, .shut = shut,
};

int sk_redis_shard_attach(sk_redis *r, const struct sk_stamp *stamp,
    struct sk_shard **out, struct snek_error *e)
{
	struct sk_redis_shard *s = malloc(sizeof(*s));
	int rc = s ? init(s, r, stamp, e) : sk_enomem(e);

	if (rc) {
		free(s);
		return rc;
	}
	s->base.ops = &ops;
	*out = &s->base;
	return 0;
}

int sk_redis_shard_open(sk_redis *r, const struct sk_stamp *stamp,
    struct sk_shard **out, struct snek_error *e)
{
	struct sk_redis_shard *s = malloc(sizeof(*s));
	int rc = s ? init(s, r, stamp, e) : sk_enomem(e);

	if (!rc)
		rc = read_stamp(s, e);
	if (rc == SNEK_ENOENT)
		rc = sk_fail(e, SNEK_ECORRUPT, "%s: %sstamp is missing; expected "
		    "shard %u", sk_redis_name(r), s->key, stamp->shard);
	if (!rc)
		rc = read_clock(s, e);
	if (rc) {
		free(s);
		return rc;
	}
	s->base.ops = &ops;
	sk_redis_beat_init(&s->beat);
	*out = &s->base;
	return 0;
}

/* ---- settings ---- */

void sk_redis_shard_any_eviction(struct sk_shard *s)
{
	sk_redis_shard_of(s)->any_eviction = true;
}

static int refuse_level(const struct sk_redis_shard *s,
    const struct sk_redis_info *i, int level, uint32_t replicas,
    struct snek_error *e)
{
	if (level == SK_DURABLE_REPLICATED && i->replicas < replicas)
		return sk_fail(e, SNEK_EINVAL, "%s: %u replicas are wanted, the "
		    "server has %u", sk_redis_name(s->redis), replicas,
		    i->replicas);
	if (level < SK_DURABLE_REPLICATED && (int)i->alone < level)
		return sk_fail(e, SNEK_EINVAL, "%s: what it is sent would not "
		    "survive a crash: %s", sk_redis_name(s->redis), i->why);
	return 0;
}

int sk_redis_shard_durability(struct sk_shard *base, int level,
    uint32_t replicas, struct snek_error *e)
{
	struct sk_redis_shard *s = sk_redis_shard_of(base);
	struct sk_redis_info i = { .loading = false };
	int rc = 0;

	if (level > SK_DURABLE_MEMORY)
		rc = sk_redis_info(s->redis, &i, e);
	if (!rc && level > SK_DURABLE_MEMORY)
		rc = refuse_level(s, &i, level, replicas, e);
	if (rc)
		return rc;
	s->durability = level;
	s->replicas = replicas;
	return 0;
}
