/* SPDX-License-Identifier: MIT */
/* Clusters on servers: made, grown, taken down. */
#include "category/cluster.h"

#include <stdlib.h>

#define GROW_TRIES 8u

/* ---- making ---- */

struct making {
	const struct sk_cluster_plan *plan;
	struct sk_servers servers;
	struct sk_meta_cluster cluster;
	const char *prefix;
	struct sk_redis *meta;          /* a client of our own */
	struct sk_redis **client;
	char **address;
	uint32_t from;                  /* the id of the plan's first server */
	struct snek_error *e;
};

static void unmake(struct making *m)
{
	uint32_t i;

	for (i = 0; m->client && i < m->plan->servers; i++)
		if (m->client[i])
			sk_redis_free(m->client[i]);
	for (i = 0; m->address && i < m->plan->servers; i++)
		free(m->address[i]);
	if (m->meta)
		sk_redis_free(m->meta);
	free(m->client);
	free(m->address);
	sk_servers_close(&m->servers);
}

static int same_twice(const struct making *m, uint32_t i)
{
	uint32_t j;

	for (j = 0; j < i; j++)
		if (!strcmp(m->address[i], m->address[j]))
			return sk_fail(m->e, SNEK_EINVAL, "%s is named twice: "
			    "each shard wants a server, or a database, of its "
			    "own", m->address[i]);
	return 0;
}

static int reach(struct making *m)
{
	uint32_t i, n = m->plan->servers;
	int rc = 0;

	m->client = calloc(n + 1, sizeof(*m->client));
	m->address = calloc(n + 1, sizeof(*m->address));
	if (!m->client || !m->address)
		return sk_enomem(m->e);
	for (i = 0; i < n && !rc; i++) {
		rc = sk_servers_address(m->plan->server[i], &m->address[i], m->e);
		if (!rc)
			rc = same_twice(m, i);
		if (!rc)
			rc = sk_servers_client(&m->servers, m->plan->server[i],
			    m->prefix, &m->client[i], m->e);
	}
	return rc;
}

static int fit(const struct making *m, struct sk_redis *client)
{
	struct sk_redis_info info;
	int rc = sk_redis_info(client, &info, m->e);

	if (rc)
		return rc;
	if (info.cluster_mode)
		return sk_fail(m->e, SNEK_EINVAL, "%s speaks the cluster "
		    "protocol, which snek does not: name nodes that stand "
		    "alone, or primaries of replication groups",
		    sk_redis_name(client));
	if (strcmp(info.role, "master"))
		return sk_fail(m->e, SNEK_EINVAL, "%s is a replica: name its "
		    "primary", sk_redis_name(client));
	if (!m->plan->allow_eviction && strcmp(info.eviction, "noeviction"))
		return sk_fail(m->e, SNEK_EINVAL, "%s throws data away when its "
		    "memory is full (maxmemory-policy %s): set it to noeviction, "
		    "or say --allow-eviction", sk_redis_name(client),
		    info.eviction);
	return 0;
}

static int all_fit(const struct making *m)
{
	uint32_t i;
	int rc = fit(m, m->meta);

	for (i = 0; i < m->plan->servers && !rc; i++)
		rc = fit(m, m->client[i]);
	return rc;
}

static int occupied(const struct making *m, uint32_t i)
{
	return sk_fail(m->e, SNEK_EINVAL, "%s: has shard %u of another cluster, "
	    "under the same prefix: name another server, or a database or "
	    "prefix of its own", sk_redis_name(m->client[i]), m->from + i);
}

/* Does the server carry the very stamp already? */
static bool is_stamped(struct making *m, uint32_t i, const struct sk_stamp *stamp)
{
	struct sk_redis *client;
	struct sk_shard *shard;

	if (sk_servers_client(&m->servers, m->plan->server[i], m->prefix,
	    &client, NULL))
		return false;
	if (sk_redis_shard_open(client, stamp, &shard, NULL)) {
		sk_redis_free(client);
		return false;
	}
	shard->ops->shut(shard);
	return true;
}

/* Is there any stamp, whosever? */
static int refuse_stamp(struct making *m, uint32_t i)
{
	struct sk_span arg[2] = { sk_span_text("EXISTS") };
	struct sk_command c = { .arg = arg, .args = 2, .again = true };
	struct sk_buf key = { 0 };
	struct sk_answer a;
	int rc;

	if (!sk_buf_printf(&key, "%s:%u:stamp", m->prefix, m->from + i)) {
		sk_buf_free(&key);
		return sk_enomem(m->e);
	}
	arg[1] = (struct sk_span){ key.p, key.n };
	rc = sk_redis_call(m->client[i], &c, &a, m->e);
	sk_buf_free(&key);
	if (rc)
		return rc;
	if (a.reply.type != SK_REPLY_INTEGER || a.reply.integer)
		rc = occupied(m, i);
	sk_answer_free(&a);
	return rc;
}

/* Before anything is written: is there room for all shards? */
static int all_free(struct making *m)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; i < m->plan->servers && !rc; i++)
		rc = refuse_stamp(m, i);
	return rc;
}

/* The number of those that had none is added to *made. */
static int put_stamps(struct making *m, uint32_t *made)
{
	struct sk_stamp stamp;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < m->plan->servers && !rc; i++) {
		sk_catalog_stamp(&m->cluster, m->from + i, &stamp);
		if (is_stamped(m, i, &stamp))
			continue;
		rc = sk_redis_shard_create_with(m->client[i], &stamp,
		    m->plan->allow_eviction, m->e);
		*made += !rc;
		if (rc == SNEK_EEXIST && is_stamped(m, i, &stamp))
			rc = 0;         /* another does the same */
		if (rc == SNEK_EEXIST)
			rc = occupied(m, i);
	}
	return rc;
}

static int begin(struct making *m, struct sk_profile *p)
{
	int rc = sk_servers_open(&m->servers, p, &m->plan->login, m->e);

	if (!rc)
		sk_redis_loop_waiting(m->servers.loop, &m->plan->waiting);
	if (!rc)
		rc = sk_servers_client(&m->servers, m->plan->meta, NULL,
		    &m->meta, m->e);
	if (rc)
		return rc;
	m->prefix = sk_redis_prefix(m->meta);
	rc = reach(m);
	return rc ? rc : all_fit(m);
}

/* ---- making one anew ---- */

struct comparing {
	const struct making *m;
	uint32_t n;
	bool other;
};

static int compare(void *arg, uint32_t shard, const char *url)
{
	struct comparing *c = arg;

	c->n++;
	if (shard >= c->m->plan->servers || strcmp(url, c->m->address[shard]))
		c->other = true;
	return 0;
}

static int exists(const struct making *m)
{
	return sk_fail(m->e, SNEK_EEXIST, "%s: there is a cluster already",
	    sk_redis_name(m->meta));
}

/* What a killed create left: the meta store knows these very servers, and one
 * of them has no stamp. */
static int finish(struct making *m)
{
	struct comparing c = { m, 0, false };
	struct sk_redis *client;
	struct sk_meta *meta;
	uint32_t made = 0;
	int rc = sk_servers_meta(&m->servers, m->plan->meta, &meta, &client, m->e);

	if (rc)
		return rc;
	rc = meta->ops->cluster(meta, &m->cluster, m->e);
	if (!rc)
		rc = meta->ops->shards(meta, compare, &c, m->e);
	meta->ops->shut(meta);
	if (!rc && (c.other || c.n != m->plan->servers || m->cluster.draw))
		return exists(m);
	if (!rc)
		rc = put_stamps(m, &made);
	return rc || made ? rc : exists(m);
}

static int meta_is_there(struct making *m)
{
	struct sk_redis *client;
	struct sk_meta *meta;
	int rc = sk_servers_meta(&m->servers, m->plan->meta, &meta, &client, m->e);

	if (rc)
		return rc == SNEK_ENOENT ? 0 : rc;
	meta->ops->shut(meta);
	return SNEK_EEXIST;
}

static int make(struct making *m)
{
	struct sk_write_id uuid;
	uint32_t made = 0;
	int rc = meta_is_there(m);

	if (rc)
		return rc == SNEK_EEXIST ? finish(m) : rc;
	if (m->plan->level > m->plan->servers)
		return sk_fail(m->e, SNEK_EINVAL, "level %u over %u servers: the "
		    "level is at most the number of shards", m->plan->level,
		    m->plan->servers);
	rc = all_free(m);
	if (!rc)
		rc = sk_write_id_new(&uuid, m->e);
	if (rc)
		return rc;
	m->cluster = (struct sk_meta_cluster){ .format = SK_CLUSTER_FORMAT,
	    .shards = m->plan->servers, .level = m->plan->level ?
	    m->plan->level : m->plan->servers };
	memcpy(m->cluster.uuid, uuid.b, 16);
	rc = sk_meta_redis_create(m->meta, &m->cluster,
	    (const char *const *)m->address, m->e);
	if (rc == SNEK_EEXIST)
		return finish(m);
	return rc ? rc : put_stamps(m, &made);
}

int sk_cluster_create(const struct sk_cluster_plan *plan, struct snek_error *e)
{
	struct making m = { .plan = plan, .e = e };
	struct sk_profile named = { 0 };
	bool begun;
	int rc = sk_cluster_named(plan, &named, e), saved = 0;

	if (rc)
		return rc;
	rc = begin(&m, &named);
	begun = !rc;
	if (begun)
		rc = make(&m);
	unmake(&m);
	sk_profile_free(&named);
	if (begun && (!rc || rc == SNEK_EEXIST))
		saved = sk_cluster_name(plan, e);
	return saved ? saved : rc;
}

/* ---- growing ---- */

struct growing {
	const struct sk_cluster_plan *plan;
	bool *known;                    /* of the plan's servers */
	char **address;
};

static int is_known(void *arg, uint32_t shard, const char *url)
{
	struct growing *g = arg;
	uint32_t i;

	(void)shard;
	for (i = 0; i < g->plan->servers; i++)
		if (!strcmp(url, g->address[i]))
			g->known[i] = true;
	return 0;
}

static int addresses(const struct sk_cluster_plan *plan, char **out,
    struct snek_error *e)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; i < plan->servers && !rc; i++)
		rc = sk_servers_address(plan->server[i], &out[i], e);
	return rc;
}

/* The servers of the plan that the meta store does not know. */
static int find_new(struct sk_catalog *c, const struct sk_cluster_plan *plan,
    const char **url, uint32_t *n, struct snek_error *e)
{
	struct growing g = { .plan = plan };
	uint32_t i;
	int rc;

	*n = 0;
	g.known = calloc(plan->servers + 1, sizeof(*g.known));
	g.address = calloc(plan->servers + 1, sizeof(*g.address));
	rc = g.known && g.address ? addresses(plan, g.address, e) : sk_enomem(e);
	if (!rc)
		rc = c->meta->ops->shards(c->meta, is_known, &g, e);
	for (i = 0; i < plan->servers && !rc; i++)
		if (!g.known[i])
			url[(*n)++] = plan->server[i];
	for (i = 0; g.address && i < plan->servers; i++)
		free(g.address[i]);
	free(g.address);
	free(g.known);
	return rc;
}

/* Stamps first: nobody looks at a shard that the meta store does not know. */
static int add(struct sk_catalog *c, struct making *m)
{
	uint32_t made = 0;
	int rc = put_stamps(m, &made);

	return rc ? rc : c->meta->ops->grow(c->meta, (const char *const *)
	    m->address, m->plan->servers, m->plan->level, m->from, m->e);
}

static int grow(struct sk_catalog *c, const char *meta, struct sk_profile *p,
    const struct sk_cluster_plan *plan, uint32_t *added, struct snek_error *e)
{
	const char **url = calloc(plan->servers + 1, sizeof(*url));
	struct sk_cluster_plan more = *plan;
	struct making m = { .plan = &more, .from = c->cluster.shards,
		.cluster = c->cluster, .e = e };
	int rc = url ? find_new(c, plan, url, &more.servers, e) : sk_enomem(e);

	more.server = url;
	more.meta = meta;
	if (!rc && (more.servers || (plan->level &&
	    plan->level != c->cluster.level))) {
		rc = begin(&m, p);
		if (!rc)
			rc = add(c, &m);
		unmake(&m);
	}
	*added = rc ? 0 : more.servers;
	free(url);
	return rc;
}

static int grow_once(const char *name, const struct sk_cluster_plan *plan,
    uint32_t *added, struct snek_error *e)
{
	struct sk_cluster_plan named = *plan;
	struct sk_catalog *c;
	struct sk_where w;
	int rc = sk_cluster_open(name, &plan->waiting, &c, e);

	if (rc)
		return rc;
	rc = sk_where_find(&w, name, e);
	if (!rc && !w.url)
		rc = sk_fail(e, SNEK_EINVAL, "%s is a directory: it cannot be "
		    "given servers", w.dir);
	if (!rc)
		rc = grow(c, w.url, &w.profile, plan, added, e);
	named.meta = w.url;
	if (!rc)
		rc = sk_cluster_name(&named, e);
	sk_where_free(&w);
	sk_catalog_close(c);
	return rc;
}

/* Who adds servers in the same moment was faster, perhaps with the same. */
int sk_cluster_grow(const char *name, const struct sk_cluster_plan *plan,
    uint32_t *added, struct snek_error *e)
{
	unsigned tries = 0;
	int rc;

	do
		rc = grow_once(name, plan, added, e);
	while ((rc == SNEK_ECONFLICT || rc == SNEK_EEXIST) &&
	    ++tries < GROW_TRIES);
	return rc;
}

int sk_cluster_lacks(struct sk_catalog *c, const struct sk_cluster_plan *plan,
    bool *lacks, struct snek_error *e)
{
	const char **url = calloc(plan->servers + 1, sizeof(*url));
	uint32_t n = 0;
	int rc = url ? find_new(c, plan, url, &n, e) : sk_enomem(e);

	free(url);
	*lacks = n || (plan->level && plan->level != c->cluster.level);
	return rc;
}

/* ---- taking down ---- */

struct destroying {
	struct sk_servers *servers;
	const struct sk_meta_cluster *cluster;
	const char *prefix;
	struct snek_error *e;
};

static int destroy_shard(void *arg, uint32_t shard, const char *url)
{
	struct destroying *d = arg;
	struct sk_stamp stamp;
	struct sk_redis *client;
	int rc = sk_servers_client(d->servers, url, d->prefix, &client, d->e);

	if (rc)
		return rc;
	sk_catalog_stamp(d->cluster, shard, &stamp);
	rc = sk_redis_shard_destroy(client, &stamp, d->e);
	sk_redis_free(client);
	return rc;
}

/* Shards first: as long as the meta store is there, a destroy that was broken
 * off can be repeated. */
static int destroy_shards(struct sk_servers *s, struct sk_meta *meta,
    const char *prefix, struct snek_error *e)
{
	struct sk_meta_cluster cluster;
	struct destroying d = { s, &cluster, prefix, e };
	int rc = meta->ops->cluster(meta, &cluster, e);

	return rc ? rc : meta->ops->shards(meta, destroy_shard, &d, e);
}

static int destroy(struct sk_servers *s, const char *url, struct snek_error *e)
{
	struct sk_redis *client;
	struct sk_meta *meta;
	int rc = sk_servers_meta(s, url, &meta, &client, e);

	if (rc)
		return rc;
	rc = destroy_shards(s, meta, sk_redis_prefix(client), e);
	meta->ops->shut(meta);
	if (!rc)
		rc = sk_servers_client(s, url, NULL, &client, e);
	if (rc)
		return rc;
	rc = sk_meta_redis_destroy(client, e);
	sk_redis_free(client);
	return rc;
}

int sk_cluster_destroy(const char *name, struct snek_error *e)
{
	struct sk_servers s;
	struct sk_where w;
	bool profile;
	int rc = sk_where_find(&w, name, e);

	if (rc)
		return rc;
	profile = w.profile.file;
	if (!w.url)
		rc = sk_fail(e, SNEK_EINVAL, "%s is a directory: remove it as "
		    "you would any other", w.dir);
	if (!rc)
		rc = sk_servers_open(&s, &w.profile, NULL, e);
	if (!rc) {
		rc = sk_servers_at(&s, w.url, e);
		if (!rc)
			rc = destroy(&s, w.url, e);
		sk_servers_close(&s);
	}
	if (!rc && profile)
		rc = sk_profile_remove(name, e);
	sk_where_free(&w);
	return rc;
}
