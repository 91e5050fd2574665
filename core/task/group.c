/* SPDX-License-Identifier: MIT */
#include "task/group.h"
#include "task/pair.h"
#include "value/key.h"
#include "value/pack.h"

#define CHECK_EVERY 256u        /* entries */

struct sk_group {
	const struct sk_group_all *all;
	sk_merge *from;
	struct sk_entry next;           /* unless at the end */
	bool fresh;                     /* next was not given out yet */
	bool over;                      /* next has another key, or there is none */
	bool end;
	struct sk_buf key;              /* of the group */
	struct sk_place place;          /* of its first value */
	uint32_t emit;
	struct sk_buf key_out, value_out, scratch;
	struct snek_error *error;
	uint32_t count;
	int rc;                         /* the first failure, for those who ignore it */
};

static int fetch(sk_group *g, struct snek_error *e)
{
	int rc = 0;

	if (g->all->check && ++g->count % CHECK_EVERY == 0)
		rc = g->all->check(g->all->check_arg);
	if (rc)
		return rc > 0 ? SNEK_ECANCELED : rc;
	rc = sk_merge_next(g->from, &g->next, e);
	if (rc < 0)
		return rc;
	g->fresh = true;
	g->end = !rc;
	return 0;
}

static bool is_of(const sk_group *g)
{
	return !g->end && !sk_key_compare(g->next.key.p, g->next.key.n,
	    g->key.p, g->key.n);
}

static int advance(sk_group *g, struct snek_error *e)
{
	if (!g->fresh && !g->over) {
		g->rc = fetch(g, e);
		g->over = g->rc || !is_of(g);
	}
	return g->rc;
}

int sk_group_next(sk_group *g, struct snek_value *out, struct snek_error *e)
{
	size_t used;
	int rc = g->rc ? g->rc : advance(g, e);

	if (rc || g->over)
		return rc;
	rc = sk_unpack(g->next.value.p, g->next.value.n, out, &used);
	if (rc || used != g->next.value.n)
		return g->rc = sk_fail(e, SNEK_EFORMAT, "a value in a run is malformed");
	g->fresh = false;
	return 1;
}

static int check_size(const sk_group *g, struct snek_value key,
    struct snek_value value)
{
	size_t n = key.type >= SNEK_STRING ? key.len : 0;

	n += value.type >= SNEK_STRING ? value.len : 0;
	if (!g->all->most || n <= g->all->most)
		return 0;
	sk_pair_too_large(n, g->all->most, g->error);
	return sk_pair_name((struct sk_span){ g->key.p, g->key.n },
	    SNEK_ELIMIT, g->error);
}

static int emit(void *arg, struct snek_value key, struct snek_value value)
{
	sk_group *g = arg;
	struct sk_entry n = { .place = g->place, .emit = g->emit };
	int rc;

	if (g->rc)
		return g->rc;
	rc = check_size(g, key, value);
	if (rc)
		return g->rc = rc;
	rc = sk_pair_key(&g->key_out, key, g->error);
	if (rc)
		return g->rc = rc;
	if (g->all->same_key && sk_key_compare(g->key_out.p, g->key_out.n,
	    g->key.p, g->key.n))
		return g->rc = sk_fail(g->error, SNEK_EPLUGIN,
		    "combine emitted under another key than its own");
	rc = sk_pair_value(&g->value_out, value, g->error);
	if (rc)
		return g->rc = rc;
	n.key = (struct sk_span){ g->key_out.p, g->key_out.n };
	n.value = (struct sk_span){ g->value_out.p, g->value_out.n };
	return g->rc = g->all->add(g->all->add_arg, &n, g->error);
}

static int one(sk_group *g, struct snek_error *e)
{
	const struct sk_grouper *u = g->all->grouper;
	struct snek_value key;
	int rc;

	g->key.n = g->scratch.n = 0;
	if (!sk_buf_put(&g->key, g->next.key.p, g->next.key.n))
		return sk_enomem(e);
	g->place = g->next.place;
	g->emit = g->next.emit;
	g->over = false;
	rc = sk_key_get(g->key.p, g->key.n, &g->scratch, &key);
	if (rc)
		return rc == SNEK_ENOMEM ? sk_enomem(e) :
		    sk_fail(e, rc, "a key in a run is malformed");
	rc = u->group(u->arg, key, g, emit, g, e);
	if (g->rc || rc < 0)
		return g->rc ? g->rc : rc == SNEK_ELIMIT ? sk_pair_name(
		    (struct sk_span){ g->key.p, g->key.n }, rc, e) : rc;
	while (!g->over && !g->rc) {
		g->fresh = false;
		advance(g, e);
	}
	return g->rc;
}

int sk_group_all(const struct sk_group_all *all, sk_merge *from, struct snek_error *e)
{
	struct sk_group g = { .all = all, .from = from, .error = e };
	int rc = fetch(&g, e);

	while (!rc && !g.end)
		rc = one(&g, e);
	sk_buf_free(&g.key);
	sk_buf_free(&g.key_out);
	sk_buf_free(&g.value_out);
	sk_buf_free(&g.scratch);
	return rc;
}
