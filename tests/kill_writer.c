/* SPDX-License-Identifier: MIT */
/*
 * kill_writer DIR FIRST COUNT HOOK FAULT - writes, to be killed while at it.
 *
 * Writes FIRST .. FIRST+COUNT-1 of category cat, each with request id r<w>:
 * small ones and ones of many chunks, with a compaction now and then.  On
 * standard output, a line each:
 *
 *      try W           write W begins
 *      step NAME       (HOOK 1) about to take this step; goes on when it has
 *                      read a byte from standard input
 *      ack W           write W is committed
 *      end
 *
 * FAULT names a promise to break (see step.h), or is "none".  DIR may be the
 * URL of a cluster on servers, where nobody waits for a dead writer's lease.
 */
#include "category.h"
#include "category/compact.h"
#include "category/step.h"
#include "store/redis_shard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kill.h"

/* One write(2) a line, so that a kill leaves whole lines. */
static void say(const char *what, const char *name)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%s %s\n", what, name);

	if (write(1, line, (size_t)n) != n)
		_exit(2);
}

static void hook(const char *step)
{
	char go;

	say("step", step);
	if (read(0, &go, 1) != 1)
		_exit(2);
}

static void write_one(struct sk_catalog *c, uint64_t w)
{
	char number[24], request[24];
	struct job j = kill_job(w, request);

	snprintf(number, sizeof(number), "%" PRIu64, w);
	say("try", number);
	job_must(c, &j);
	say("ack", number);
}

int main(int argc, char **argv)
{
	struct snek_error e = { 0 };
	struct world world = { .dir = "" };
	uint64_t w, first, count;

	if (argc != 6)
		die("usage: kill_writer DIR FIRST COUNT HOOK FAULT");
	snprintf(world.dir, sizeof(world.dir), "%s", argv[1]);
	first = strtoull(argv[2], NULL, 10);
	count = strtoull(argv[3], NULL, 10);
	if (argv[4][0] == '1')
		sk_step_hook = hook;
	sk_fault = argv[5];
	sk_redis_lease_ms = 1;
	world_open(&world);
	for (w = first; w < first + count; w++) {
		write_one(world.catalog, w);
		if (w % 3 == 0 && sk_compact(world.catalog, "cat", true, &e))
			die("compact: %s", e.text);
	}
	world_shut(&world);
	say("end", "");
	return 0;
}
