/* SPDX-License-Identifier: MIT */
/*
 * Shards on servers.  No word is said to a server before the first chunk is
 * asked of it, so that connections are made beside each other.
 */
#include "worker/source.h"

#include <stdlib.h>

#include "store/meta.h"
#include "store/redis.h"

struct sk_source {
	struct sk_span addresses;
	sk_redis_loop *loop;
	struct sk_shard *shard[SK_MAX_SHARDS];  /* by id; NULL: not yet */
};

int sk_source_open(struct sk_span addresses, struct sk_source **out,
    struct snek_error *e)
{
	struct sk_source *s = calloc(1, sizeof(*s));
	int rc = s ? sk_redis_loop_new(&s->loop, e) : sk_enomem(e);

	if (rc) {
		free(s);
		return rc;
	}
	s->addresses = addresses;
	*out = s;
	return 0;
}

void sk_source_close(struct sk_source *s)
{
	uint32_t i;

	if (!s)
		return;
	for (i = 0; i < SK_MAX_SHARDS; i++)
		if (s->shard[i])
			s->shard[i]->ops->shut(s->shard[i]);
	sk_redis_loop_free(s->loop);
	free(s);
}

static int attach(struct sk_source *s, const struct sk_address *a,
    struct sk_shard **out, struct snek_error *e)
{
	const struct sk_redis_auth auth = { .user = a->user,
		.password = a->password, .ca_file = a->ca_file,
		.cert_file = a->cert_file, .key_file = a->key_file,
		.server_name = a->server_name };
	struct sk_redis_url url;
	sk_redis *r;
	int rc = sk_redis_url_parse(&url, a->url, e);

	if (rc)
		return rc;
	rc = sk_redis_new(s->loop, &url, &auth, &r, e);
	sk_redis_url_free(&url);
	if (rc)
		return rc;
	rc = sk_redis_shard_attach(r, &a->stamp, out, e);
	if (rc)
		sk_redis_free(r);
	return rc;
}

int sk_source_shard(struct sk_source *s, uint32_t id, struct sk_shard **out,
    struct snek_error *e)
{
	struct sk_address a;
	int rc = 0;

	if (id >= SK_MAX_SHARDS || (!s->shard[id] &&
	    sk_address_find(s->addresses, id, &a)))
		return sk_fail(e, SNEK_EINTERNAL, "the address of shard %u was "
		    "not told", id);
	if (!s->shard[id])
		rc = attach(s, &a, &s->shard[id], e);
	if (!rc)
		*out = s->shard[id];
	return rc;
}

int sk_source_fd(const struct sk_source *s)
{
	return sk_redis_loop_fd(s->loop);
}

int64_t sk_source_due(const struct sk_source *s)
{
	return sk_redis_loop_due(s->loop);
}

int sk_source_step(struct sk_source *s)
{
	return sk_redis_step(s->loop, 0);
}
