/* SPDX-License-Identifier: MIT */
/*
 * What a cluster remembers on a Redis or Valkey server, in keys that begin with
 * PREFIX:meta: (the prefix is the URL's).  Numbers are decimal and below 2^53,
 * ids of writes 16 bytes; what is "packed" is a record of meta_record.h.
 *
 *   cluster       hash    format, uuid (hex), shards, level, draw, next (id of
 *                         a category), settled (see meta_redis_cluster.c)
 *   shard         hash    shard id -> its address
 *   name          hash    name -> category id
 *   names         zset    the names, all of score 0: in order
 *   category:ID   hash    name, placement (u32 little-endian each), version,
 *                         epoch, writes, records, bytes
 *   manifest:ID   zset    by first version: its be64, then the packed entry
 *   request:ID    hash    request id -> packed request
 *   expiry        zset    "ID request-id" by seconds since 1970
 *   named         hash    write id -> "ID FIRST"; as good as absent when there
 *                         is no such category
 *   aborted       hash    write id -> seconds since 1970
 *   dead          set     ids of removed categories, whose manifest and names
 *                         are still to be purged
 *   function      hash    name -> packed function
 *   plugin:SHA256 hash    0, 1, ... -> 512 KiB each; size
 *   destroyed     hash    what was cluster, while the rest is being removed
 *   jobs, job:ID, items:ID        see journal_redis.c
 *
 * The least rights that a user needs, for PREFIX "snek" (without the last two
 * lines, to read only):
 *
 *   resetkeys ~snek:* -@all +ping +info +role +client|id +wait
 *   +select +evalsha +eval +time +type +exists +hget
 *   +hmget +hgetall +hexists +zcount +zrange +zrangebylex +zrangebyscore
 *   +srandmember
 *   +hset +hdel +zadd +zrem +zremrangebyrank +sadd +srem +unlink +rename +scan
 *   +expire +hkeys
 *
 * A write that came to a replica is refused there (READONLY).  A server out of
 * memory refuses a step before its first write, so no step is ever half done.
 */
#include "store/meta_redis.h"

#include <stdlib.h>

/* ---- the cluster ---- */

static bool take_uuid(struct sk_span s, uint8_t out[16])
{
	struct sk_write_id id;

	if (s.n != 32 || !sk_write_id_parse(&id, s.p))
		return false;
	memcpy(out, id.b, 16);
	return true;
}

static bool take_u32(struct sk_span s, uint32_t *out)
{
	uint64_t v;

	if (!sk_rmeta_number(s, &v) || v > UINT32_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

static int unpack(const struct sk_rmeta *m, const struct sk_answer *a,
    struct sk_meta_cluster *c, struct snek_error *e)
{
	uint64_t next;

	if (!take_u32(sk_rmeta_item(a, 1), &c->format))
		return sk_rmeta_damaged(m, "cluster", e);
	if (c->format > SK_META_FORMAT)
		return sk_fail(e, SNEK_EVERSION, "%s: written by a newer snek "
		    "(format %u; this one reads up to %u)",
		    sk_redis_name(m->redis), c->format, SK_META_FORMAT);
	if (!take_uuid(sk_rmeta_item(a, 2), c->uuid) ||
	    !take_u32(sk_rmeta_item(a, 3), &c->shards) ||
	    !take_u32(sk_rmeta_item(a, 4), &c->level) ||
	    !sk_rmeta_number(sk_rmeta_item(a, 5), &c->draw) ||
	    !sk_rmeta_number(sk_rmeta_item(a, 6), &next) || !c->format ||
	    !c->shards || c->shards > SK_MAX_SHARDS || !c->level ||
	    c->level > c->shards || !next)
		return sk_rmeta_damaged(m, "cluster", e);
	return 0;
}

static int lost(const struct sk_rmeta *m, struct sk_span key,
    struct snek_error *e)
{
	return sk_fail(e, SNEK_ECORRUPT, "%s has no meta record of a cluster, "
	    "but there is the key %.*s of one: the record was lost or is "
	    "elsewhere, and nothing is guessed", sk_redis_name(m->redis),
	    (int)key.n, (const char *)key.p);
}

static int read_cluster(struct sk_rmeta *m, struct sk_meta_cluster *out,
    struct snek_error *e)
{
	const char *prefix = sk_redis_prefix(m->redis);
	struct sk_rmeta_args args = { 0 };
	struct sk_meta_cluster c;
	struct sk_buf b = { 0 };
	struct sk_answer a;
	int rc;

	if (!sk_buf_printf(&b, "%s:", prefix))
		args.bad = true;
	sk_rmeta_arg(&args, b.p, b.n);
	sk_rmeta_arg_number(&args, SK_MAX_SHARDS);
	rc = sk_rmeta_call(m, STEP_CLUSTER, &args, &a, e);
	sk_buf_free(&b);
	if (rc)
		return rc;
	if (sk_rmeta_says(&a, "none"))
		rc = sk_fail(e, SNEK_ENOENT, "no cluster at %s",
		    sk_redis_name(m->redis));
	else if (sk_rmeta_says(&a, "lost"))
		rc = lost(m, sk_rmeta_item(&a, 1), e);
	else
		rc = unpack(m, &a, &c, e);
	sk_answer_free(&a);
	if (rc)
		return rc;
	*out = c;
	if (!m->shards)
		m->shards = c.shards;
	return 0;
}

static int cluster(struct sk_meta *m, struct sk_meta_cluster *out,
    struct snek_error *e)
{
	return read_cluster((struct sk_rmeta *)m, out, e);
}

/* ---- opening ---- */

static bool is_read_only(const struct sk_meta *m)
{
	return ((const struct sk_rmeta *)m)->read_only;
}

static void shut(struct sk_meta *meta)
{
	struct sk_rmeta *m = (struct sk_rmeta *)meta;

	if (!m)
		return;
	sk_redis_free(m->redis);
	sk_rmeta_fini(m);
	free(m);
}

static const struct sk_meta_ops ops = {
	.cluster = cluster,
	.category_get_or_create = sk_rmeta_category_get_or_create,
	.category_get = sk_rmeta_category_get,
	.category_list = sk_rmeta_category_list,
	.category_remove = sk_rmeta_category_remove,
	.request = sk_rmeta_request, .commit = sk_rmeta_commit,
	.snapshot = sk_rmeta_snapshot, .fold = sk_rmeta_fold,
	.is_named = sk_rmeta_is_named, .abort = sk_rmeta_abort,
	.forget = sk_rmeta_forget, .expire_requests = sk_rmeta_expire_requests,
	.function_put = sk_rmeta_function_put,
	.function_get = sk_rmeta_function_get,
	.function_list = sk_rmeta_function_list,
	.function_remove = sk_rmeta_function_remove,
	.shards = sk_rmeta_shards, .grow = sk_rmeta_grow,
	.plugin_put = sk_rmeta_plugin_put, .plugin_get = sk_rmeta_plugin_get,
	.settle = sk_rmeta_settle,
	.read_only = is_read_only, .shut = shut,
};

/* Who may not ask finds out when a change is refused. */
static bool is_replica(struct sk_redis *redis)
{
	const struct sk_span role = sk_span_text("ROLE");
	const struct sk_command c = { .arg = &role, .args = 1, .again = true };
	struct sk_answer a;
	struct sk_span is;
	bool yes;

	if (sk_redis_call(redis, &c, &a, NULL))
		return false;
	is = sk_rmeta_item(&a, 0);
	yes = is.n == 5 && !memcmp(is.p, "slave", 5);
	sk_answer_free(&a);
	return yes;
}

int sk_meta_redis_open(struct sk_redis *redis, struct sk_meta **out,
    struct snek_error *e)
{
	struct sk_rmeta *m = malloc(sizeof(*m));
	struct sk_meta_cluster c;
	struct sk_write_id uuid;
	int rc = m ? sk_rmeta_init(m, redis, e) : sk_enomem(e);

	if (rc) {
		free(m);
		return rc;
	}
	rc = read_cluster(m, &c, e);
	if (rc) {
		sk_rmeta_fini(m);
		free(m);
		return rc;
	}
	memcpy(uuid.b, c.uuid, 16);
	sk_write_id_hex(uuid, m->uuid);
	m->read_only = is_replica(redis);
	m->base.ops = &ops;
	*out = &m->base;
	return 0;
}

/* ---- creating ---- */

static int judge_create(struct sk_rmeta *m, const struct sk_answer *a,
    struct snek_error *e)
{
	if (sk_rmeta_says(a, "exists"))
		return sk_fail(e, SNEK_EEXIST, "there is a cluster at %s "
		    "already", sk_redis_name(m->redis));
	return sk_rmeta_says(a, "lost") ? lost(m, sk_rmeta_item(a, 1), e) : 0;
}

static int send_create(struct sk_rmeta *m, const struct sk_meta_cluster *c,
    const char *const *address, struct sk_answer *a, struct snek_error *e)
{
	struct sk_rmeta_args args = { 0 };
	struct sk_write_id uuid;
	char hex[33];
	uint32_t i;

	memcpy(uuid.b, c->uuid, 16);
	sk_write_id_hex(uuid, hex);
	sk_rmeta_arg_number(&args, c->format);
	sk_rmeta_arg_text(&args, hex);
	sk_rmeta_arg_number(&args, c->shards);
	sk_rmeta_arg_number(&args, c->level);
	sk_rmeta_arg_number(&args, c->draw);
	for (i = 0; address && i < c->shards; i++)
		sk_rmeta_arg_text(&args, address[i]);
	return sk_rmeta_call(m, STEP_CREATE, &args, a, e);
}

/* After a lost answer: is the cluster that is there now this one? */
static bool is_made(struct sk_rmeta *m, const struct sk_meta_cluster *c)
{
	struct sk_meta_cluster is;

	return !read_cluster(m, &is, NULL) && !memcmp(is.uuid, c->uuid, 16);
}

int sk_meta_redis_create(struct sk_redis *redis,
    const struct sk_meta_cluster *c, const char *const *address,
    struct snek_error *e)
{
	struct snek_error why = { 0 };
	struct sk_rmeta m;
	struct sk_answer a;
	int rc = sk_rmeta_init(&m, redis, e);

	if (rc)
		return rc;
	rc = send_create(&m, c, address, &a, &why);
	if (!rc) {
		rc = judge_create(&m, &a, &why);
		sk_answer_free(&a);
	} else if (rc == SNEK_EUNKNOWN && is_made(&m, c)) {
		rc = 0;
	}
	if (rc && e)
		*e = why;
	sk_rmeta_fini(&m);
	return rc;
}
