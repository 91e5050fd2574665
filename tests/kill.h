/* SPDX-License-Identifier: MIT */
/* kill.h - which writes kill_writer makes, for it and for who checks them. */
#ifndef SK_TEST_KILL_H
#define SK_TEST_KILL_H
#include "category.h"

#include <inttypes.h>
#include <stdio.h>

/* Of two writes one is small and rests in the manifest, the other one has
 * chunks on every shard.  request is room for the request id. */
static inline struct job kill_job(uint64_t w, char request[24])
{
	struct job j = { .request = request, .w = w, .n = w % 2 ? 6 : 300,
	    .pad = w % 2 ? 40 : 200, .chunk_size = 8 << 10,
	    .no_compact = true };

	snprintf(request, 24, "r%" PRIu64, w);
	return j;
}

/* A cluster of three shards, not open: kill_dir.c, kill_redis.c. */
void kill_world_make(struct world *);
void kill_world_remove(struct world *);
int kill_world_skip(void);      /* 77 when there can be none, else 0 */
#endif
