/* SPDX-License-Identifier: MIT */
/* stat.c - how much there is, and of it on each shard: what snek_cluster_stat
 * tells, but for where shards are, which is for who runs them. */
#include "api/counts.h"
#include "api/parts.h"

static int put_shard(void *arg, const struct snek_shard_stat *i)
{
	struct sk_object *o = arg;

	sk_object_open(o, NULL, '{');
	sk_object_number(o, "shard", i->shard);
	sk_counts_put(o, sk_count_shard, i);
	sk_object_close(o, '}');
	return o->nomem ? SNEK_ENOMEM : 0;
}

static int put(struct sk_api_call *c, snek_cluster *cluster,
    const char *category, struct snek_error *e)
{
	struct snek_cluster_stat all = { .size = sizeof(all) };
	struct sk_object o;
	int rc;

	sk_object_begin(&o, &c->out->body, "stat");
	sk_object_text(&o, "category", category);
	sk_object_open(&o, "shards", '[');
	rc = snek_cluster_stat(cluster, category, put_shard, &o, &all, e);
	sk_object_close(&o, ']');
	sk_counts_put(&o, sk_count_stat, &all);
	sk_object_end(&o);
	return !rc && o.nomem ? sk_enomem(e) : rc;
}

static void tell(struct sk_api_call *c, const char *category)
{
	struct snek_error e = { 0 };
	snek_cluster *cluster;
	int rc = sk_api_take_for_a_while(c->api, &cluster, &e);

	if (!rc)
		rc = put(c, cluster, category, &e);
	sk_api_give(c->api, cluster);
	sk_api_end(c, rc, &e);
}

void sk_api_stat(struct sk_api_call *c)
{
	tell(c, NULL);
}

void sk_api_category_stat(struct sk_api_call *c)
{
	tell(c, c->name[0]);
}
