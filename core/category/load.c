/* SPDX-License-Identifier: MIT */
#include "category/load.h"

#include <inttypes.h>
#include <stdlib.h>

#define UNDER_WAY 256u          /* chunks of one load that are asked for at once */
#define LOOK_MS 50              /* how often stop is asked */
#define SLACK 4096u             /* more than a chunk has, of a chunk of its columns */

struct item {
	sk_load *load;
	const struct sk_snapshot_chunk *chunk;  /* the owner's, while it waits */
	size_t most;
	struct sk_span bytes;
	void *memory;
	int rc;
	struct snek_error error;
};

/* Held by its owner and by every read under way: a read that nobody waits for
 * any more still writes into it. */
struct sk_load {
	struct sk_catalog *catalog;
	const struct sk_snapshot *snapshot;
	struct sk_want want;
	char *names;
	size_t n, begun, turn;
	uint32_t pending;               /* with __atomic */
	uint32_t holders;               /* with __atomic */
	uint32_t low;                   /* pending that a wait ends at */
	struct item item[];
};

static void let_go(sk_load *l)
{
	size_t i;

	if (__atomic_sub_fetch(&l->holders, 1, __ATOMIC_ACQ_REL))
		return;
	for (i = 0; i < l->n; i++)
		free(l->item[i].memory);
	free((void *)(uintptr_t)l->want.name);
	free(l->names);
	free(l);
}

/* ---- within the shard's loop ---- */

static void *room(void *arg, size_t n)
{
	struct item *it = arg;

	if (it->memory || n > it->most)
		return NULL;
	it->memory = malloc(n ? n : 1);
	return it->memory;
}

static void done(void *arg, int rc, size_t n, const struct snek_error *e)
{
	struct item *it = arg;
	sk_load *l = it->load;

	it->rc = rc;
	it->bytes = (struct sk_span){ it->memory, n };
	if (rc && e)
		it->error = *e;
	__atomic_sub_fetch(&l->pending, 1, __ATOMIC_ACQ_REL);
	let_go(l);
}

/* ---- beginning ---- */

static struct sk_shard *shard_of(const sk_load *l, const struct item *it)
{
	return l->catalog->shard[it->chunk->shard];
}

static int begin(sk_load *l, struct item *it, struct snek_error *e)
{
	struct sk_shard *s = shard_of(l, it);
	struct sk_fetch f = { .write = it->chunk->write,
	    .number = it->chunk->number, .rows = it->chunk->rows,
	    .bytes = (uint32_t)it->chunk->bytes.n,
	    .want = &l->want, .room = room, .done = done, .arg = it };
	int rc;

	if (it->chunk->bytes.p) {
		it->bytes = it->chunk->bytes;
		return 0;
	}
	if (!s->ops->fetch)
		return sk_fail(e, SNEK_EINTERNAL, "shard %" PRIu32 " neither "
		    "maps nor fetches", it->chunk->shard);
	__atomic_add_fetch(&l->pending, 1, __ATOMIC_ACQ_REL);
	__atomic_add_fetch(&l->holders, 1, __ATOMIC_ACQ_REL);
	rc = s->ops->fetch(s, &f, e);
	if (rc) {
		__atomic_sub_fetch(&l->pending, 1, __ATOMIC_ACQ_REL);
		__atomic_sub_fetch(&l->holders, 1, __ATOMIC_ACQ_REL);
	}
	return rc;
}

static uint32_t pending(const sk_load *l)
{
	return __atomic_load_n(&l->pending, __ATOMIC_ACQUIRE);
}

static int begin_more(sk_load *l, struct snek_error *e)
{
	int rc = 0;

	while (!rc && l->begun < l->n && pending(l) < UNDER_WAY)
		rc = begin(l, &l->item[l->begun++], e);
	return rc;
}

static bool copy_want(sk_load *l, const struct sk_want *w)
{
	struct sk_span *name;
	size_t i, bytes = 0;
	char *p;

	l->want.all = !w || w->all || !w->name;
	if (l->want.all)
		return true;
	for (i = 0; i < w->names; i++)
		bytes += w->name[i].n;
	name = calloc(w->names + 1, sizeof(*name));
	p = l->names = malloc(bytes + 1);
	l->want.name = name;
	l->want.names = w->names;
	if (!name || !p)
		return false;
	for (i = 0; i < w->names; i++) {
		if (w->name[i].n)
			memcpy(p, w->name[i].p, w->name[i].n);
		name[i] = (struct sk_span){ p, w->name[i].n };
		p += w->name[i].n;
	}
	return true;
}

int sk_load_begin(struct sk_catalog *c, const struct sk_snapshot *s,
    const struct sk_snapshot_chunk *const *chunk, size_t n,
    const struct sk_want *want, sk_load **out, struct snek_error *e)
{
	sk_load *l = calloc(1, sizeof(*l) + n * sizeof(l->item[0]));
	size_t i;
	int rc;

	if (!l)
		return sk_enomem(e);
	l->catalog = c;
	l->snapshot = s;
	l->n = n;
	l->holders = 1;
	for (i = 0; i < n; i++) {
		l->item[i].load = l;
		l->item[i].chunk = chunk[i];
		l->item[i].most = chunk[i]->bytes.n + SLACK;
	}
	rc = copy_want(l, want) ? begin_more(l, e) : sk_enomem(e);
	if (rc)
		sk_load_free(l);
	else
		*out = l;
	return rc;
}

/* ---- waiting ---- */

static bool is_low(void *load)
{
	const sk_load *l = load;

	return pending(l) <= l->low;
}

/* The shards of what has been begun, in turn. */
static struct sk_shard *next_shard(sk_load *l)
{
	do
		l->turn = l->turn + 1 < l->begun ? l->turn + 1 : 0;
	while (l->item[l->turn].chunk->bytes.p);
	return shard_of(l, &l->item[l->turn]);
}

static int drive(sk_load *l, struct snek_error *e)
{
	struct snek_error mine = { 0 };
	struct sk_shard *s = next_shard(l);
	int rc = s->ops->settle(s, is_low, l, LOOK_MS, &mine);

	if (!rc || rc == SNEK_ETIMEDOUT)
		return 0;
	if (e)
		*e = mine;
	return rc;
}

static int check(sk_load *l, size_t *which, struct snek_error *e)
{
	struct item *it = l->item;

	while (it < l->item + l->n && !it->rc)
		it++;
	if (it == l->item + l->n)
		return 0;
	if (which)
		*which = (size_t)(it - l->item);
	if (it->rc == SNEK_ENOENT)
		return sk_snapshot_gone(l->catalog, l->snapshot, it->chunk, e);
	if (e) {
		*e = it->error;
		e->code = it->rc;
	}
	return it->rc;
}

int sk_load_wait(sk_load *l, int (*stop)(void *, struct snek_error *),
    void *arg, size_t *which, struct snek_error *e)
{
	int rc = 0;

	while (!rc && (l->begun < l->n || pending(l))) {
		l->low = l->begun < l->n ? UNDER_WAY / 2 : 0;
		if (!is_low(l))
			rc = drive(l, e);
		if (!rc && stop)
			rc = stop(arg, e);
		if (!rc)
			rc = begin_more(l, e);
	}
	return rc ? rc : check(l, which, e);
}

struct sk_span sk_load_bytes(const sk_load *l, size_t i)
{
	return l->item[i].bytes;
}

void sk_load_free(sk_load *l)
{
	if (l)
		let_go(l);
}
