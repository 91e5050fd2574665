/* SPDX-License-Identifier: MIT */
/*
 * deploy_cost.c - what a stack costs while nobody uses it, by AWS's list prices
 * of us-east-1, on demand, in dollars; other regions differ, and what is used
 * comes on top.  Those of nodes are the price list's (AmazonElastiCache) of
 * 2 October 2026, as others have copied it; the rest is AWS's pricing pages'.
 */
#include "cli/deploy.h"

#include <string.h>

#define PRICES_OF "us-east-1, October 2026"
#define HOURS 730.0             /* of a month */

static const struct {
	const char *node;
	double redis;                   /* an hour; Valkey is a fifth less */
} nodes[] = {
	{ "cache.t3.micro", 0.017 },
	{ "cache.t3.small", 0.034 },
	{ "cache.t3.medium", 0.068 },
	{ "cache.t4g.micro", 0.016 },
	{ "cache.t4g.small", 0.032 },
	{ "cache.t4g.medium", 0.065 },
	{ "cache.m7g.large", 0.158 },
	{ "cache.m7g.xlarge", 0.315 },
	{ "cache.m7g.2xlarge", 0.629 },
	{ "cache.r6g.large", 0.206 },
	{ "cache.r6g.xlarge", 0.411 },
	{ "cache.r7g.large", 0.219 },
	{ "cache.r7g.xlarge", 0.437 },
	{ "cache.r7g.2xlarge", 0.873 },
	{ "cache.r7g.4xlarge", 1.745 },
};
#define VALKEY 0.8
#define ENDPOINT_HOUR 0.01      /* an interface endpoint, each zone */
#define BASTION_HOUR 0.0113     /* t3.micro with 8 GB of gp3 */
#define ALARM_MONTH 0.10
#define SECRET_MONTH 0.40
#define FUNCTIONS 4

static double node_hour(const struct snek_stack_options *o)
{
	bool is_redis = !strcmp(o->engine, "redis");
	size_t i;

	for (i = 0; i < sizeof(nodes) / sizeof(*nodes); i++)
		if (!strcmp(nodes[i].node, o->node))
			return nodes[i].redis * (is_redis ? 1 : VALKEY);
	return 0;
}

/* 0: the node's price is not known. */
double deploy_cost_hour(const struct snek_stack_options *o)
{
	bool token = !strcmp(o->auth, "token");
	unsigned servers = o->shards + 1;
	unsigned endpoints = 1 + (token ? 1 : 0) + (o->bastion ? 2 : 0);
	double node = node_hour(o);
	double hour = servers * (1 + o->replicas) * node +
	    endpoints * o->zones * ENDPOINT_HOUR +
	    (servers + FUNCTIONS) * ALARM_MONTH / HOURS;

	if (token)
		hour += SECRET_MONTH / HOURS;
	if (o->bastion)
		hour += BASTION_HOUR;
	return node > 0 ? hour : 0;
}

void deploy_shape_tell(const struct deploy *d,
    const struct snek_stack_options *o)
{
	cli_error_say(&d->c, "%s: %u shard%s at level %u and the meta store, %u "
	    "replica%s each, of %s with %s and %s; %u zone%s%s; logs of %u day%s",
	    o->name, o->shards, o->shards == 1 ? "" : "s", o->level, o->replicas,
	    o->replicas == 1 ? "" : "s", o->node, o->engine, o->auth, o->zones,
	    o->zones == 1 ? "" : "s", o->bastion ? "; a bastion" : "",
	    o->log_retention, o->log_retention == 1 ? "" : "s");
}

void deploy_cost_tell(const struct deploy *d,
    const struct snek_stack_options *o)
{
	double hour = deploy_cost_hour(o);
	char where[DEPLOY_WHERE];

	if (hour > 0)
		cli_error_say(&d->c, "standing cost: about $%.3f an hour, $%.0f a "
		    "month (list prices of " PRICES_OF "), and what is used on "
		    "top", hour, hour * HOURS);
	else
		cli_error_say(&d->c, "standing cost: the price of %s is not known "
		    "here; %u servers of it", o->node,
		    (o->shards + 1) * (1 + o->replicas));
	deploy_where(d, o->name, where);
	cli_error_say(&d->c, "to stop paying: snek-deploy --aws --destroy%s",
	    where);
}
