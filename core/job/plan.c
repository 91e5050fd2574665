/* SPDX-License-Identifier: MIT */
#include "job/plan.h"

#include <stdlib.h>
#include <string.h>

#define TASKS_PER_WORKER 4
#define MIN_BYTES ((uint64_t)128 << 10)
#define MAX_BYTES ((uint64_t)64 << 20)
/* Input worth one more partition. */
#define PARTITION_BYTES ((uint64_t)8 << 20)

/* The chunks of one shard, and into how many tasks they go. */
struct group {
	const struct sk_plan_chunk *chunk;
	uint32_t first, n;
	uint64_t bytes, parts;
};

struct sizes {
	uint64_t min, aim, max;
};

static int total(const struct sk_plan_chunk *chunk, size_t n,
    struct sk_plan *p, struct snek_error *e)
{
	size_t i;

	if (n > UINT32_MAX)
		return sk_fail(e, SNEK_ELIMIT, "%zu chunks are too many", n);
	for (i = 0; i < n; i++) {
		if (__builtin_add_overflow(p->bytes, chunk[i].bytes, &p->bytes))
			return sk_fail(e, SNEK_ELIMIT, "input over 2^64 bytes");
		p->records += chunk[i].rows;
	}
	return 0;
}

static struct sizes sizes_of(const struct sk_plan_limits *l, uint64_t bytes)
{
	uint64_t workers = l->workers ? l->workers : 1;
	uint64_t want = workers * TASKS_PER_WORKER;
	struct sizes z = {
		.min = l->min_bytes ? l->min_bytes : MIN_BYTES,
		.aim = bytes / want + (bytes % want != 0),
		.max = l->max_bytes ? l->max_bytes : MAX_BYTES,
	};

	if (z.min > z.max)
		z.min = z.max;
	if (z.aim < z.min)
		z.aim = z.min;
	if (z.aim > z.max)
		z.aim = z.max;
	return z;
}

static struct group group_at(const struct sk_plan_chunk *chunk, uint32_t first,
    uint32_t n)
{
	struct group g = { .chunk = chunk, .first = first };
	uint32_t i;

	for (i = first; i < n && chunk[i].shard == chunk[first].shard; i++)
		g.bytes += chunk[i].bytes;
	g.n = i - first;
	return g;
}

/* Bytes over aim, rounded; but no smaller than min, no larger than max. */
static uint64_t parts_of(uint64_t bytes, const struct sizes *z)
{
	uint64_t n = bytes / z->aim + (bytes % z->aim > z->aim / 2);
	uint64_t most = bytes / z->min, least = bytes / z->max;

	least += bytes % z->max != 0;
	if (n > most)
		n = most;
	if (n < least)
		n = least;
	if (n > UINT32_MAX)
		n = UINT32_MAX;
	return n ? n : 1;
}

/* The part, from 1, in which the middle of the chunk lies. */
static uint64_t part_of(const struct group *g, uint64_t before, uint64_t bytes)
{
	unsigned __int128 middle = (unsigned __int128)before * 2 + bytes;
	unsigned __int128 all = (unsigned __int128)g->bytes * 2;

	if (!middle)
		return 1;
	return (uint64_t)((middle * g->parts + all - 1) / all);
}

static void cut(const struct group *g, const struct sizes *z, struct sk_plan *p)
{
	struct sk_plan_task *t = NULL;
	uint64_t before = 0, part = 0, now;
	uint32_t i;

	for (i = g->first; i < g->first + g->n; i++) {
		const struct sk_plan_chunk *c = &g->chunk[i];

		now = part_of(g, before, c->bytes);
		if (!t || now != part || t->bytes > z->max ||
		    c->bytes > z->max - t->bytes) {
			t = &p->task[p->tasks++];
			*t = (struct sk_plan_task){ .shard = c->shard,
				.first = i };
			part = now;
		}
		t->n++;
		t->bytes += c->bytes;
		t->records += c->rows;
		before += c->bytes;
	}
}

static uint32_t partitions_of(const struct sk_plan_limits *l, uint64_t bytes)
{
	uint64_t n = bytes / PARTITION_BYTES, most;

	if (l->partitions)
		return l->partitions;
	if (!l->reduces || !n)
		return 1;
	most = l->reducers ? l->reducers : l->workers;
	if (n > most)
		n = most;
	return n ? (uint32_t)n : 1;
}

int sk_plan_make(const struct sk_plan_chunk *chunk, size_t n,
    const struct sk_plan_limits *l, struct sk_plan *out, struct snek_error *e)
{
	struct sk_plan p = { 0 };
	struct sk_plan_task *less;
	struct sizes z;
	uint32_t i;
	int rc;

	rc = total(chunk, n, &p, e);
	if (rc)
		return rc;
	z = sizes_of(l, p.bytes);
	p.partitions = partitions_of(l, p.bytes);
	p.task = calloc(n ? n : 1, sizeof(*p.task));
	if (!p.task)
		return sk_enomem(e);
	for (i = 0; i < n;) {
		struct group g = group_at(chunk, i, (uint32_t)n);

		g.parts = parts_of(g.bytes, &z);
		cut(&g, &z, &p);
		i += g.n;
	}
	less = realloc(p.task, (p.tasks ? p.tasks : 1) * sizeof(*p.task));
	if (less)
		p.task = less;
	*out = p;
	return 0;
}

void sk_plan_free(struct sk_plan *p)
{
	free(p->task);
	memset(p, 0, sizeof(*p));
}
