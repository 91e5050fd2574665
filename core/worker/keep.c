/* SPDX-License-Identifier: MIT */
#include "worker/keep.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "store/kept.h"

#define SMALL 256u              /* bytes of a run that is not worth a key */
/* All runs of an answer: base64 of them, and some room for the rest. */
#define ANSWER_RUNS ((uint64_t)(SK_ANSWER_MAX / 4 * 3) - (256u << 10))

struct keep {
	struct sk_lambda *l;
	sk_keeper *keeper;
	struct sk_shard *shard;
	uint64_t nonce;
	struct sk_run **run;            /* all of the outcome's, largest first */
	void **map;                     /* of those in files; NULL: not mapped */
	size_t runs, kept;
};

/* ---- putting ---- */

static int by_bytes(const void *a, const void *b)
{
	uint64_t x = (*(struct sk_run *const *)a)->bytes;
	uint64_t y = (*(struct sk_run *const *)b)->bytes;

	return x < y ? 1 : -(x > y);
}

static bool list_runs(struct keep *k, struct sk_outcome *o)
{
	size_t n = 1, i;
	uint32_t p;

	for (p = 0; p < o->parts; p++)
		n += o->part[p].n;
	k->run = calloc(n, sizeof(struct sk_run *));
	k->map = calloc(n, sizeof(*k->map));
	if (!k->run || !k->map)
		return false;
	for (p = 0; p < o->parts; p++)
		for (i = 0; i < o->part[p].n; i++)
			k->run[k->runs++] = &o->part[p].run[i];
	k->run[k->runs++] = &o->run;
	qsort(k->run, k->runs, sizeof(struct sk_run *), by_bytes);
	return true;
}

/* How many of them have to go. */
static void choose(struct keep *k)
{
	bool all = k->l->event.keep.all;
	uint64_t left = 0;
	size_t i;

	for (i = 0; i < k->runs; i++)
		left += k->run[i]->bytes;
	while (k->kept < k->runs && k->run[k->kept]->bytes > SMALL &&
	    (all || left > ANSWER_RUNS))
		left -= k->run[k->kept++]->bytes;
}

static int bytes_of(struct keep *k, size_t i, struct sk_span *s,
    struct snek_error *e)
{
	const struct sk_run *r = k->run[i];

	*s = (struct sk_span){ r->mem.p, r->mem.n };
	if (!r->fd)
		return 0;
	k->map[i] = mmap(NULL, r->bytes, PROT_READ, MAP_SHARED, r->fd, 0);
	if (k->map[i] == MAP_FAILED) {
		k->map[i] = NULL;
		return sk_fail_errno(e, "read a temporary file");
	}
	*s = (struct sk_span){ k->map[i], r->bytes };
	return 0;
}

static struct sk_kept name_of(const struct keep *k, size_t number)
{
	const struct sk_event *v = &k->l->event;

	return (struct sk_kept){ .shard = v->keep.shard, .stage = v->id.stage,
		.task = v->id.task, .attempt = v->id.attempt,
		.number = (uint32_t)number, .nonce = k->nonce };
}

static int put_all(struct keep *k, struct snek_error *e)
{
	struct sk_kept name;
	struct sk_span s;
	size_t i;
	int rc = 0;

	for (i = 0; i < k->kept && !rc; i++) {
		name = name_of(k, i);
		rc = bytes_of(k, i, &s, e);
		if (!rc)
			rc = sk_keeper_put(k->keeper, k->shard, &name, s,
			    k->l->event.keep.seconds, e);
	}
	return rc ? rc : sk_keeper_run(k->keeper, k->l->until, e);
}

/* They are there: only their names stay here. */
static void leave(struct keep *k)
{
	struct sk_run was;
	size_t i;

	for (i = 0; i < k->kept; i++) {
		was = *k->run[i];
		*k->run[i] = (struct sk_run){ .fd = SK_RUN_KEPT,
			.entries = was.entries, .bytes = was.bytes,
			.kept = name_of(k, i) };
		sk_run_free(&was);
	}
}

static int open_shard(struct keep *k, struct snek_error *e)
{
	int rc = sk_warm_source(&k->l->warm, &k->l->event, e);

	if (!rc)
		rc = sk_source_shard(k->l->warm.source,
		    k->l->event.keep.shard, &k->shard, e);
	if (!rc)
		rc = sk_keeper_new(k->l->event.id.job, &k->keeper, e);
	if (!rc && getrandom(&k->nonce, sizeof(k->nonce), 0) !=
	    sizeof(k->nonce))
		rc = sk_fail_errno(e, "random bytes");
	return rc;
}

static void close_keep(struct keep *k)
{
	size_t i;

	sk_keeper_free(k->keeper);
	for (i = 0; i < k->kept; i++)
		if (k->map[i])
			munmap(k->map[i], k->run[i]->bytes);
	free(k->run);
	free(k->map);
}

int sk_keep_outcome(struct sk_lambda *l, struct sk_outcome *o,
    struct snek_error *e)
{
	struct keep k = { .l = l };
	int rc = 0;

	if (l->event.keep.shard == SK_KEEP_NOWHERE || o->code)
		return 0;
	if (!list_runs(&k, o))
		rc = sk_enomem(e);
	else
		choose(&k);
	if (!rc && k.kept)
		rc = open_shard(&k, e);
	if (!rc && k.kept)
		rc = put_all(&k, e);
	if (!rc)
		leave(&k);
	close_keep(&k);
	return rc;
}

/* ---- getting ---- */

/* Many large ones go to files, each its own; small ones stay in memory. */
static const char *place_for(const struct sk_lambda *l, const struct sk_runs *s,
    const struct sk_run *r)
{
	size_t memory = l->warm.attempts.job.memory;
	uint64_t all = 0;
	size_t i;

	for (i = 0; i < s->n; i++)
		all += s->run[i].bytes;
	return all > memory / 2 && r->bytes > memory / 2 / s->n ? l->tmp : NULL;
}

static int get_one(struct sk_lambda *l, sk_keeper *k, const char *dir,
    struct sk_run *r, void **room, struct snek_error *e)
{
	struct sk_shard *shard;
	int rc = sk_source_shard(l->warm.source, r->kept.shard, &shard, e);

	if (rc)
		return rc;
	*room = sk_run_room(r, dir, e);
	return *room ? sk_keeper_get(k, shard, &r->kept, *room, r->bytes, e)
	    : e->code;
}

static int get_all(struct sk_lambda *l, sk_keeper *k, struct sk_runs *s,
    void **room, struct snek_error *e)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < s->n && !rc; i++)
		if (s->run[i].fd == SK_RUN_KEPT)
			rc = get_one(l, k, place_for(l, s, &s->run[i]),
			    &s->run[i], &room[i], e);
	return rc ? rc : sk_keeper_run(k, l->control.deadline_ms, e);
}

static bool any_kept(const struct sk_runs *s)
{
	size_t i = 0;

	while (i < s->n && s->run[i].fd != SK_RUN_KEPT)
		i++;
	return i < s->n;
}

int sk_keep_gather(void *lambda, struct sk_runs *s, struct snek_error *e)
{
	struct sk_lambda *l = lambda;
	sk_keeper *k = NULL;
	void **room;
	size_t i;
	int rc;

	if (!any_kept(s))
		return 0;
	room = calloc(s->n, sizeof(*room));
	rc = room ? sk_warm_source(&l->warm, &l->event, e) : sk_enomem(e);
	if (!rc)
		rc = sk_keeper_new(l->event.id.job, &k, e);
	if (!rc)
		rc = get_all(l, k, s, room, e);
	sk_keeper_free(k);              /* before the memory may go */
	for (i = 0; room && i < s->n; i++)
		if (room[i])
			sk_run_arrived(&s->run[i], room[i]);
	free(room);
	return rc;
}
