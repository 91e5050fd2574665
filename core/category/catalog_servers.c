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
	const char *prefix;
	uint32_t n;                     /* shards that are named */
	struct snek_error *e;
};

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

/* What another process needs to know to read the shard: who maps may be
 * somebody else than who we are. */
static int note_address(struct listing *l, struct sk_address *a,
    const struct sk_redis_url *u, const struct sk_redis_url *mapper)
{
	const struct sk_login *in = &l->c->servers->login;
	struct sk_buf b = { 0 };

	if (sk_redis_url_print(u, &b)) {
		sk_buf_free(&b);
		return sk_enomem(l->e);
	}
	a->url = b.p;
	a->user = copy(mapper->user);
	a->password = copy(mapper->password);
	a->ca_file = in->ca_file;
	a->cert_file = in->cert_file;
	a->key_file = in->key_file;
	a->server_name = in->server_name;
	return (mapper->user && !a->user) || (mapper->password &&
	    !a->password) ? sk_enomem(l->e) : 0;
}

static int visit_address(void *arg, uint32_t shard, const char *url)
{
	struct listing *l = arg;
	struct sk_redis_url u, mapper;
	struct sk_address *a;
	int rc;

	l->n++;
	if (shard >= l->c->cluster.shards)
		return 0;
	a = &l->c->address[shard];
	sk_catalog_stamp(&l->c->cluster, shard, &a->stamp);
	rc = sk_servers_resolve(l->c->servers, url, l->prefix, &u, l->e);
	if (rc)
		return rc;
	rc = sk_servers_mapper(l->c->servers, url, l->prefix, &mapper, l->e);
	if (!rc) {
		rc = note_address(l, a, &u, &mapper);
		sk_redis_url_free(&mapper);
	}
	sk_redis_url_free(&u);
	return rc;
}

/* More shards than there were a moment ago may be, not more than there are. */
static int check_number(struct sk_catalog *c, uint32_t named,
    struct snek_error *e)
{
	struct sk_meta_cluster now;
	int rc = named > c->cluster.shards ? c->meta->ops->cluster(c->meta, &now,
	    e) : 0;

	if (rc || named <= c->cluster.shards || named <= now.shards)
		return rc;
	return sk_fail(e, SNEK_ECORRUPT, "%s: the meta store names %u shards "
	    "of %u", c->where, named, now.shards);
}

static int read_addresses(struct sk_catalog *c, const char *prefix,
    struct snek_error *e)
{
	struct listing l = { c, prefix, 0, e };
	uint32_t i;
	int rc;

	c->address = calloc(c->cluster.shards, sizeof(*c->address));
	c->shard = calloc(c->cluster.shards, sizeof(struct sk_shard *));
	if (!c->address || !c->shard)
		return sk_enomem(e);
	rc = c->meta->ops->shards(c->meta, visit_address, &l, e);
	if (!rc)
		rc = check_number(c, l.n, e);
	for (i = 0; i < c->cluster.shards && !rc; i++)
		if (!c->address[i].url)
			rc = sk_fail(e, SNEK_ECORRUPT, "%s: the meta store has "
			    "no address of shard %u", c->where, i);
	return rc;
}

/* All begin to connect before the first is waited for. */
static int open_shards(struct sk_catalog *c, struct snek_error *e)
{
	struct sk_redis **client = calloc(c->cluster.shards, sizeof(*client));
	struct sk_redis **keep = c->servers->client + 1;
	uint32_t i, n;
	int rc = client ? 0 : sk_enomem(e);

	for (n = 0; n < c->cluster.shards && !rc; n++)
		rc = sk_servers_client(c->servers, c->address[n].url, NULL,
		    &client[n], e);
	for (i = 0; i < n && !rc; i++) {
		rc = sk_redis_shard_open(client[i], &c->address[i].stamp,
		    &c->shard[i], e);
		if (rc)
			break;
		keep[i] = client[i];
		client[i] = NULL;
		if (sk_servers_may_evict(c->servers))
			sk_redis_shard_any_eviction(c->shard[i]);
	}
	for (i = 0; client && i < c->cluster.shards; i++)
		if (client[i])
			sk_redis_free(client[i]);
	free(client);
	return rc;
}

static int keep_clients(struct sk_catalog *c, struct sk_redis *meta,
    struct snek_error *e)
{
	struct sk_servers *s = c->servers;

	s->clients = c->cluster.shards + 1;
	s->client = calloc(s->clients, sizeof(*s->client));
	if (!s->client)
		return sk_enomem(e);
	s->client[0] = meta;
	return 0;
}

static int fill(struct sk_catalog *c, const char *url, struct sk_profile *p,
    const struct sk_waiting *waiting, struct snek_error *e)
{
	struct sk_redis *client;
	int rc;

	c->servers = calloc(1, sizeof(*c->servers));
	if (!c->servers)
		return sk_enomem(e);
	rc = sk_servers_open(c->servers, p, NULL, e);
	if (!rc)
		sk_redis_loop_waiting(c->servers->loop, waiting);
	if (!rc)
		rc = sk_servers_at(c->servers, url, e);
	if (!rc)
		rc = sk_servers_meta(c->servers, url, &c->meta, &client, e);
	if (rc)
		return rc;
	c->where = strdup(sk_redis_name(client));
	if (!c->where)
		return sk_enomem(e);
	rc = c->meta->ops->cluster(c->meta, &c->cluster, e);
	if (!rc)
		rc = keep_clients(c, client, e);
	if (!rc)
		rc = read_addresses(c, sk_redis_prefix(client), e);
	return rc ? rc : open_shards(c, e);
}

int sk_catalog_open_servers(const char *url, struct sk_profile *p,
    const struct sk_waiting *waiting, struct sk_catalog **out,
    struct snek_error *e)
{
	struct sk_catalog *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return sk_enomem(e);
	rc = fill(c, url, p, waiting, e);
	if (rc) {
		sk_catalog_close(c);
		return rc;
	}
	*out = c;
	return 0;
}
