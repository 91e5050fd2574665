/* SPDX-License-Identifier: MIT */
/*
 * A cluster on servers: the meta store knows the addresses of the shards, each
 * shard carries its stamp, and all keys begin with the prefix of the meta
 * store's URL.
 */
#include "category/cluster.h"

#include <stdlib.h>

/* ---- opening ---- */

struct listing {
	struct sk_catalog *c;
	struct snek_error *e;
};

static int note_address(void *arg, uint32_t shard, const char *url)
{
	struct listing *l = arg;

	if (shard >= l->c->cluster.shards)
		return sk_fail(l->e, SNEK_ECORRUPT, "%s: the meta store names a "
		    "shard %u of %u", l->c->where, shard, l->c->cluster.shards);
	l->c->address[shard] = strdup(url);
	return l->c->address[shard] ? 0 : sk_enomem(l->e);
}

static int read_addresses(struct sk_catalog *c, struct snek_error *e)
{
	struct listing l = { c, e };
	uint32_t i;
	int rc;

	c->address = calloc(c->cluster.shards, sizeof(*c->address));
	c->shard = calloc(c->cluster.shards, sizeof(*c->shard));
	if (!c->address || !c->shard)
		return sk_enomem(e);
	rc = c->meta->ops->shards(c->meta, note_address, &l, e);
	for (i = 0; i < c->cluster.shards && !rc; i++)
		if (!c->address[i])
			rc = sk_fail(e, SNEK_ECORRUPT, "%s: the meta store has "
			    "no address of shard %u", c->where, i);
	return rc;
}

/* All begin to connect before the first is waited for. */
static int open_shards(struct sk_catalog *c, const char *prefix,
    struct snek_error *e)
{
	struct sk_redis **client = calloc(c->cluster.shards, sizeof(*client));
	struct sk_stamp stamp;
	uint32_t i, n;
	int rc = client ? 0 : sk_enomem(e);

	for (n = 0; n < c->cluster.shards && !rc; n++)
		rc = sk_servers_client(c->servers, c->address[n], prefix,
		    &client[n], e);
	for (i = 0; i < n && !rc; i++) {
		sk_catalog_stamp(&c->cluster, i, &stamp);
		rc = sk_redis_shard_open(client[i], &stamp, &c->shard[i], e);
		if (!rc)
			client[i] = NULL;
	}
	for (i = 0; client && i < c->cluster.shards; i++)
		if (client[i])
			sk_redis_free(client[i]);
	free(client);
	return rc;
}

static int fill(struct sk_catalog *c, const char *url, struct sk_profile *p,
    struct snek_error *e)
{
	struct sk_redis *client;
	int rc;

	c->servers = calloc(1, sizeof(*c->servers));
	if (!c->servers)
		return sk_enomem(e);
	rc = sk_servers_open(c->servers, p, NULL, e);
	if (!rc)
		rc = sk_servers_meta(c->servers, url, &c->meta, &client, e);
	if (rc)
		return rc;
	c->where = strdup(sk_redis_name(client));
	if (!c->where)
		return sk_enomem(e);
	rc = c->meta->ops->cluster(c->meta, &c->cluster, e);
	if (!rc)
		rc = read_addresses(c, e);
	return rc ? rc : open_shards(c, sk_redis_prefix(client), e);
}

int sk_catalog_open_servers(const char *url, struct sk_profile *p,
    struct sk_catalog **out, struct snek_error *e)
{
	struct sk_catalog *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return sk_enomem(e);
	rc = fill(c, url, p, e);
	if (rc) {
		sk_catalog_close(c);
		return rc;
	}
	*out = c;
	return 0;
}
