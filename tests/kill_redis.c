/* SPDX-License-Identifier: MIT */
/* Three servers, for test_kill; the first has the meta store too. */
#include "kill.h"
#include "category/cluster.h"
#include "redis.h"

enum { SERVERS = 3 };

static struct redis_world *server[SERVERS];

void kill_world_make(struct world *w)
{
	struct redis_options o = { .unix_socket = true };
	const char *url[SERVERS];
	struct sk_cluster_plan plan = { .server = url, .servers = SERVERS,
	    .level = SERVERS };
	struct snek_error e = { 0 };
	int i;

	for (i = 0; i < SERVERS; i++) {
		server[i] = redis_start(&o);
		url[i] = redis_url(server[i]);
	}
	plan.meta = url[0];
	if (sk_cluster_create(&plan, &e))
		die("create: %s", e.text);
	snprintf(w->dir, sizeof(w->dir), "%s", url[0]);
}

void kill_world_remove(struct world *w)
{
	int i;

	world_shut(w);
	for (i = 0; i < SERVERS; i++)
		redis_stop(server[i]);
}

int kill_world_skip(void)
{
	return redis_have() ? 0 : redis_skip("kills over Redis");
}
