/* SPDX-License-Identifier: MIT */
/* The end of a write: all replies are in, the index is written in one step with
 * the check that every chunk is there, and is as durable as is wanted. */
#include "store/redis_shard_write.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"

#define SEAL_MS 60000
#ifdef SK_FAULTS
int sk_redis_wait_ms = SK_REDIS_WAIT_MS;
#define WAIT_MS sk_redis_wait_ms
#else
#define WAIT_MS (int)SK_REDIS_WAIT_MS
#endif

const char sk_redis_seal_text[] =
    "if redis.call('HGET', KEYS[3], 'owner') ~= ARGV[2] or\n"
    "    not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return -1 end\n"
    "for i = 0, tonumber(ARGV[4]) - 1 do\n"
    "  if redis.call('EXISTS', ARGV[3] .. i) == 0 then return i end\n"
    "end\n"
    "redis.call('SET', KEYS[2], ARGV[6])\n"
    "redis.call('ZADD', KEYS[1], ARGV[5], ARGV[1])\n"
    "return -2\n";

static bool is_quiet(void *arg)
{
	struct sk_segment_writer *w = arg;

	return !w->pending;
}

static bool is_answered(void *arg)
{
	struct sk_segment_writer *w = arg;

	return w->rc || is_quiet(w);
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static int seal_once(struct sk_segment_writer *w, int64_t *answer,
    struct snek_error *e)
{
	struct sk_redis_key chunk, index;
	char count[12], lease[24];
	struct sk_span arg[9];
	struct sk_answer a;
	int rc;

	sk_redis_shard_key(w->shard, 'i', w->id, &index);
	sk_redis_shard_key(w->shard, 'c', w->id, &chunk);
	chunk.text[chunk.span.n++] = ':';
	arg[0] = w->w.span;
	arg[1] = index.span;
	arg[2] = w->o.span;
	arg[3] = sk_span_text(w->hex);
	arg[4] = sk_span_text(w->owner);
	arg[5] = chunk.span;
	arg[6] = (struct sk_span){ count, (size_t)snprintf(count, sizeof(count),
	    "%u", w->chunks) };
	arg[7] = sk_redis_writer_score(w, SK_REDIS_LEASE, lease);
	arg[8] = (struct sk_span){ w->index.p, w->index.n };
	rc = sk_redis_script(w->shard->redis, &w->shard->seal, 3, arg, 9, &a, e);
	if (rc)
		return rc;
	*answer = a.reply.type == SK_REPLY_INTEGER ? a.reply.integer : -3;
	sk_answer_free(&a);
	return 0;
}

/* The script is the same twice. */
static int write_index(struct sk_segment_writer *w, struct snek_error *e)
{
	int64_t until = sk_clock_ms() + SEAL_MS, answer = -3;
	int rc;

	while ((rc = seal_once(w, &answer, e)) == SNEK_EUNKNOWN ||
	    rc == SNEK_EAGAIN) {
		if (sk_clock_ms() >= until)
			return rc;
		sk_redis_run(w->shard->loop, never, NULL, sk_clock_ms() + 100,
		    NULL);
	}
	if (SK_REDIS_FAULT("replies"))
		return 0;
	if (rc || answer == -2)
		return rc;
	if (answer == -1)
		return sk_redis_writer_given_up(w, e);
	return sk_fail(e, SNEK_EIO, "%s: shard %u: write %s: chunk %" PRId64
	    " was put and is not there: the server lost it",
	    sk_redis_name(w->shard->redis), w->shard->stamp.shard, w->hex,
	    answer);
}

struct waiting {                /* for replicas */
	struct sk_redis_shard *shard;
	const char *hex;                /* of the write */
	uint32_t want;
	int left, rc;
	int64_t replicas;
	struct snek_error error;
};

static void answered(void *arg, int rc, const struct sk_reply *r,
    const struct snek_error *e)
{
	struct waiting *k = arg;

	k->left--;
	if (rc && !k->rc) {
		k->rc = rc;
		k->error = *e;
	}
	if (!rc && r->type == SK_REPLY_INTEGER)
		k->replicas = r->integer;
}

/* WAIT is about what its connection wrote, so a write goes before it; neither
 * is repeated over another connection. */
static bool send_wait(void *arg)
{
	struct waiting *k = arg;
	struct sk_redis_key w;
	char lease[24], n[12], ms[12];
	struct sk_span zadd[] = {
		sk_span_text("ZADD"), { NULL, 0 }, sk_span_text("XX"),
		{ lease, (size_t)snprintf(lease, sizeof(lease), "%" PRId64,
		    sk_redis_shard_now(k->shard) + SK_REDIS_LEASE) },
		sk_span_text(k->hex),
	}, wait[] = {
		sk_span_text("WAIT"),
		{ n, (size_t)snprintf(n, sizeof(n), "%u", k->want) },
		{ ms, (size_t)snprintf(ms, sizeof(ms), "%d", WAIT_MS) },
	};
	struct sk_command a = { .arg = zadd, .args = 5 };
	struct sk_command b = { .arg = wait, .args = 3 };

	sk_redis_shard_name(k->shard, "w", &w);
	zadd[1] = w.span;
	k->rc = sk_redis_send(k->shard->redis, &a, answered, k, &k->error);
	k->left += !k->rc;
	if (k->rc)
		return true;
	k->rc = sk_redis_send(k->shard->redis, &b, answered, k, &k->error);
	k->left += !k->rc;
	return true;
}

static bool all_answered(void *arg)
{
	return !((struct waiting *)arg)->left;
}

static int wait_for_replicas(struct sk_redis_shard *s, const char *hex,
    uint32_t want, struct snek_error *e)
{
	struct waiting k = { .shard = s, .hex = hex, .want = want };
	int rc = sk_redis_shard_locked(s, send_wait, &k, e);

	if (rc)
		return rc;
	/* Each command has its deadline, and k must outlive both. */
	sk_redis_run(s->loop, all_answered, &k, INT64_MAX, e);
	if (k.rc) {
		if (e)
			*e = k.error;
		return k.rc;
	}
	if (k.replicas >= (int64_t)want)
		return 0;
	return sk_fail(e, SNEK_EIO, "%s: shard %u: only %" PRId64 " of %u "
	    "replicas have write %s", sk_redis_name(s->redis),
	    s->stamp.shard, k.replicas, want, hex);
}

int sk_redis_shard_replicate(struct sk_shard *s, struct sk_write_id id,
    uint32_t replicas, struct snek_error *e)
{
	char hex[33];

	sk_write_id_hex(id, hex);
	return wait_for_replicas(sk_redis_shard_of(s), hex, replicas, e);
}

void sk_redis_writer_replicas(struct sk_segment_writer *w, uint32_t n)
{
	w->replicas = n;
}

static uint32_t replicas_of(const struct sk_segment_writer *w)
{
	if (w->replicas)
		return w->replicas;
	return w->shard->durability == SK_DURABLE_REPLICATED ?
	    w->shard->replicas : 0;
}

int sk_redis_shard_seal(struct sk_segment_writer *w, struct snek_error *e)
{
	int rc = sk_redis_writer_usable(w, e);

	if (rc)
		return rc;
	rc = sk_redis_run(w->shard->loop, is_answered, w, sk_clock_ms() +
	    2 * SK_REDIS_REPLY_MS, e);
	if (!rc)
		rc = sk_redis_writer_outcome(w, e);
	if (rc)
		return sk_redis_writer_refuse(w, rc);
	sk_redis_index_seal(w->shard, w->id, w->records, w->chunks, w->index.p);
	rc = write_index(w, e);
	if (!rc && replicas_of(w))
		rc = wait_for_replicas(w->shard, w->hex, replicas_of(w), e);
	if (rc)
		return sk_redis_writer_refuse(w, rc);
	w->sealed = true;
	return 0;
}

struct claim {
	struct sk_segment_writer *w;
	bool owned;
};

/* What is on its way comes first, or it would come after. */
static bool is_over(void *arg)
{
	struct claim *c = arg;

	c->owned = c->w->owned;
	return is_quiet(c->w);
}

/* What is not ours, or not known to be, is left to gc. */
void sk_redis_shard_abandon(struct sk_segment_writer *w)
{
	struct claim c = { .w = w };

	if (!w)
		return;
	w->told = true;
	sk_redis_run(w->shard->loop, is_over, &c, sk_clock_ms() +
	    2 * SK_REDIS_REPLY_MS, NULL);
	if (c.owned)
		sk_redis_shard_sweep_all(w->shard, w->id, w->chunks + 1, NULL);
}
