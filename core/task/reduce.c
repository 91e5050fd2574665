/* SPDX-License-Identifier: MIT */
#include "task/sink.h"
#include "task/aggregate.h"
#include "task/collate.h"
#include "task/group.h"
#include "task/order.h"
#include "task/pair.h"
#include "task/sorter.h"
#include "value/key.h"

#include <stdlib.h>

#define CHECK_EVERY 1024u       /* entries */
#define AHEAD 8u                /* slots fetched before their turn */
#define ROOM ((uint64_t)256 << 20)      /* of a file in memory */
#define LOOK (32u << 10)        /* keys at which it is asked whether ... */
#define WORTH 4u                /* ... entries have enough in common for a
                                 * table: so many a key */

struct reduction {
	const struct sk_reduce_options *o;
	struct sk_run *out;
	uint32_t count;
	struct sk_buf key, value;
	struct sk_totals totals;
	struct sk_sorter spilled;       /* states, or results of a reduce */
	uint64_t entries;               /* states that were added */
	bool looked, many;              /* many: a table is not worth it */
	size_t most;                    /* memory for what comes out */
};

static int check(struct reduction *r)
{
	int rc = 0;

	if (++r->count % CHECK_EVERY == 0 && r->o->check)
		rc = r->o->check(r->o->check_arg);
	return rc > 0 ? SNEK_ECANCELED : rc;
}

/* What comes out is in memory with what it is made of. */
static int give(struct reduction *r, const struct sk_entry *n, struct snek_error *e)
{
	int rc = sk_run_add(r->out, n, e);

	if (!rc && !r->out->fd && r->out->mem.n > r->most)
		rc = sk_run_spill(r->out, r->o->tmp, e);
	return rc;
}

static struct sk_merge_limits limits(const struct reduction *r)
{
	return (struct sk_merge_limits){ r->o->memory / 2, r->o->tmp,
	    r->o->check, r->o->check_arg };
}

static struct sk_sorter_options options(const struct reduction *r)
{
	return (struct sk_sorter_options){ .tmp = r->o->tmp,
	    .memory = r->o->memory / 2 };
}

static int give_merged(struct reduction *r, const struct sk_run *const *runs,
    size_t n, struct snek_error *e)
{
	const struct sk_merge_limits l = limits(r);
	struct sk_entry entry;
	sk_merge *m;
	int rc = sk_merge_within(&l, runs, n, &m, e);

	if (rc)
		return rc;
	while (!rc && (rc = sk_merge_next(m, &entry, e)) > 0) {
		rc = check(r);
		if (!rc)
			rc = give(r, &entry, e);
	}
	sk_merge_free(m);
	return rc;
}

/* ---- aggregates ---- */

static int give_total(struct reduction *r, const struct sk_slot *slot,
    struct snek_error *e)
{
	struct sk_entry n = { 0 };
	int rc;

	r->key.n = r->value.n = 0;
	if (!sk_slot_key(slot, &r->key))
		return sk_enomem(e);
	n.key = (struct sk_span){ r->key.p, r->key.n };
	rc = sk_totals_pack(&r->totals, slot, &r->value, e);
	if (rc)
		return rc == SNEK_ELIMIT ? sk_pair_name(n.key, rc, e) : rc;
	n.value = (struct sk_span){ r->value.p, r->value.n };
	rc = check(r);
	return rc ? rc : give(r, &n, e);
}

static int give_sorted(struct reduction *r, struct snek_error *e)
{
	struct sk_ordered *o = sk_table_order(&r->totals.table);
	uint32_t i, n = r->totals.table.n;
	int rc = o ? 0 : sk_enomem(e);

	for (i = 0; !rc && i < n; i++) {
		if (i + AHEAD < n)
			__builtin_prefetch(o[i + AHEAD].slot);
		rc = give_total(r, o[i].slot, e);
	}
	sk_table_order_free(&r->totals.table, o);
	return rc;
}

static int put_state(struct reduction *r, const struct sk_slot *slot,
    struct snek_error *e)
{
	struct sk_entry n = { 0 };
	int rc;

	r->key.n = r->value.n = 0;
	if (!sk_slot_key(slot, &r->key))
		return sk_enomem(e);
	rc = sk_totals_put(&r->totals, slot, &r->value, e);
	n.key = (struct sk_span){ r->key.p, r->key.n };
	n.value = (struct sk_span){ r->value.p, r->value.n };
	return rc ? rc : sk_sorter_add(&r->spilled, &n, e);
}

/* The table's states go to a run of their own, in order. */
static int put_off(struct reduction *r, struct snek_error *e)
{
	const struct sk_sorter_options o = options(r);
	struct sk_ordered *order = sk_table_order(&r->totals.table);
	uint32_t i, n = r->totals.table.n;
	int rc = order ? 0 : sk_enomem(e);

	for (i = 0; !rc && i < n; i++) {
		if (i + AHEAD < n)
			__builtin_prefetch(order[i + AHEAD].slot);
		rc = put_state(r, order[i].slot, e);
		if (!rc && sk_sorter_held(&r->spilled, false) > SK_RUN_WINDOW)
			rc = sk_sorter_spill(&r->spilled, &o, e);
	}
	sk_table_order_free(&r->totals.table, order);
	sk_totals_reset(&r->totals);
	return rc ? rc : sk_sorter_cut(&r->spilled, &o, e);
}

static int add_state(struct reduction *r, const struct sk_entry *n,
    struct snek_error *e)
{
	struct sk_slot *slot;
	int rc = check(r);

	if (!rc)
		rc = sk_totals_at_bytes(&r->totals, n->key, &slot, e);
	if (!rc)
		rc = sk_totals_merge(&r->totals, slot, n->value, e);
	return rc == SNEK_ELIMIT ? sk_pair_name(n->key, rc, e) : rc;
}

/* Asked once: what differs so far will go on to. */
static void look(struct reduction *r)
{
	uint32_t n = r->totals.table.n;

	if (n == LOOK && !r->looked) {
		r->looked = true;
		r->many = !r->spilled.spilled &&
		    r->entries < WORTH * (uint64_t)n;
	}
}

static int add_run(struct reduction *r, const struct sk_run *run,
    struct snek_error *e)
{
	struct sk_entry n;
	sk_run_reader *in;
	int rc = sk_run_reader_new(run, &in, e);

	if (rc)
		return rc;
	while (!rc && !r->many && (rc = sk_run_reader_next(in, &n, e)) > 0) {
		rc = add_state(r, &n, e);
		r->entries++;
		if (!rc && sk_totals_bytes(&r->totals) > r->o->memory)
			rc = put_off(r, e);
		look(r);
	}
	sk_run_reader_free(in);
	return rc;
}

static int give_in_order(struct reduction *r, struct snek_error *e)
{
	const struct sk_table *t = &r->totals.table;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < t->n && !rc; i++)
		rc = give_total(r, sk_table_slot(t, i), e);
	sk_totals_reset(&r->totals);
	return rc;
}

/* States come in order of keys, so slots are in order: the table is given out
 * between two keys when it is over the bound. */
static int give_put_off(struct reduction *r, sk_merge *m, struct snek_error *e)
{
	struct sk_table *t = &r->totals.table;
	struct sk_entry n;
	bool full = false;
	int rc;

	while ((rc = sk_merge_next(m, &n, e)) > 0) {
		if (full && sk_key_compare(n.key.p, n.key.n, r->key.p, r->key.n)) {
			rc = give_in_order(r, e);
			full = false;
		} else {
			rc = 0;
		}
		if (!rc)
			rc = add_state(r, &n, e);
		if (rc)
			return rc;
		full = full || sk_totals_bytes(&r->totals) > r->o->memory;
		if (!full)
			continue;
		r->key.n = 0;
		if (!sk_slot_key(sk_table_slot(t, t->n - 1), &r->key))
			return sk_enomem(e);
	}
	return rc ? rc : give_in_order(r, e);
}

/* Sorted runs as one stream; *p gets the array that merging wants. */
static int merge_runs(struct reduction *r, const struct sk_runs *runs,
    const struct sk_run ***p, sk_merge **m, struct snek_error *e)
{
	const struct sk_merge_limits l = limits(r);
	size_t i;

	*p = calloc(runs->n + 1, sizeof(**p));
	if (!*p)
		return sk_enomem(e);
	for (i = 0; i < runs->n; i++)
		(*p)[i] = &runs->run[i];
	return sk_merge_within(&l, *p, runs->n, m, e);
}

/* Finish the sorter and hand its merged runs to give. */
static int drain(struct reduction *r, int (*to)(struct reduction *, sk_merge *,
    struct snek_error *), struct snek_error *e)
{
	const struct sk_sorter_options o = options(r);
	const struct sk_run **p = NULL;
	struct sk_runs runs = { 0 };
	sk_merge *m = NULL;
	int rc = sk_sorter_finish(&r->spilled, &o, &runs, e);

	if (!rc)
		rc = merge_runs(r, &runs, &p, &m, e);
	if (!rc)
		rc = to(r, m, e);
	sk_merge_free(m);
	free(p);
	sk_runs_free(&runs);
	return rc;
}

/* ---- aggregates of keys that have little in common ---- */

/* The table's only slot, for the states of one key after the other. */
static int clear_slot(struct reduction *r, struct sk_slot **slot,
    struct snek_error *e)
{
	struct sk_table *t = &r->totals.table;

	if (*slot && !r->totals.heap && t->arena.total == t->arena.left) {
		memset((*slot)->state, 0, t->slot_size - sizeof(**slot));
		return 0;
	}
	sk_totals_reset(&r->totals);
	*slot = sk_table_at(t, SK_KEY_NULL, NULL, 0);
	return *slot ? 0 : sk_enomem(e);
}

static int give_slot(struct reduction *r, struct sk_span key,
    const struct sk_slot *slot, struct snek_error *e)
{
	struct sk_entry n = { .key = key };
	int rc;

	r->value.n = 0;
	rc = sk_totals_pack(&r->totals, slot, &r->value, e);
	if (rc)
		return rc == SNEK_ELIMIT ? sk_pair_name(key, rc, e) : rc;
	n.value = (struct sk_span){ r->value.p, r->value.n };
	rc = check(r);
	return rc ? rc : give(r, &n, e);
}

static int give_collated(struct reduction *r, sk_collate *c,
    struct snek_error *e)
{
	struct sk_span key = { NULL, 0 };
	struct sk_slot *slot = NULL;
	struct sk_entry n;
	int rc = 0;

	while (!rc && sk_collate_next(c, &n)) {
		if (n.key.n != key.n || memcmp(n.key.p, key.p, key.n)) {
			if (key.n)
				rc = give_slot(r, key, slot, e);
			key = n.key;
			if (!rc)
				rc = clear_slot(r, &slot, e);
		}
		if (!rc)
			rc = sk_totals_merge(&r->totals, slot, n.value, e);
		if (rc == SNEK_ELIMIT)
			sk_pair_name(key, rc, e);
	}
	return rc || !key.n ? rc : give_slot(r, key, slot, e);
}

static int reduce_many(struct reduction *r, const struct sk_run *const *runs,
    size_t n, struct snek_error *e)
{
	sk_collate *c;
	int rc;

	sk_totals_reset(&r->totals);
	rc = sk_collate_new(runs, n, r->o->memory / 4 * 3, &c, e);
	if (rc)
		return rc;
	if (r->o->memory - sk_collate_bytes(c) > r->most)
		r->most = r->o->memory - sk_collate_bytes(c);
	rc = sk_run_share(r->out, r->o->tmp, r->most < ROOM ? r->most : ROOM, e);
	if (rc >= 0)
		rc = give_collated(r, c, e);
	sk_collate_free(c);
	return rc;
}

static int add_runs(struct reduction *r, const struct sk_run *const *runs,
    size_t n, struct snek_error *e)
{
	size_t i;
	int rc = 0;

	r->many = false;
	for (i = 0; i < n && !rc && !r->many; i++)
		rc = add_run(r, runs[i], e);
	return rc;
}

static int reduce_totals(struct reduction *r, const struct sk_run *const *runs,
    size_t n, struct snek_error *e)
{
	int rc = sk_totals_init(&r->totals, r->o->reducer, e);

	if (!rc)
		rc = add_runs(r, runs, n, e);
	if (!rc && r->many) {
		rc = reduce_many(r, runs, n, e);
		if (rc != SNEK_ENOENT)
			return rc;
		rc = add_runs(r, runs, n, e);
	}
	if (rc)
		return rc;
	if (!r->spilled.spilled)
		return give_sorted(r, e);
	rc = put_off(r, e);
	return rc ? rc : drain(r, give_put_off, e);
}

/* ---- groups ---- */

static int add_result(void *arg, const struct sk_entry *n, struct snek_error *e)
{
	struct reduction *r = arg;
	const struct sk_sorter_options o = options(r);
	int rc = sk_sorter_add(&r->spilled, n, e);

	if (rc || sk_sorter_held(&r->spilled, false) <= r->o->memory / 2)
		return rc;
	return sk_sorter_spill(&r->spilled, &o, e);
}

static int give_rest(struct reduction *r, sk_merge *m, struct snek_error *e)
{
	struct sk_entry n;
	int rc;

	while ((rc = sk_merge_next(m, &n, e)) > 0) {
		rc = check(r);
		if (!rc)
			rc = give(r, &n, e);
		if (rc)
			return rc;
	}
	return rc;
}

/* Results that came in order are the run that is asked for. */
static int give_results(struct reduction *r, struct snek_error *e)
{
	const struct sk_sorter_options o = options(r);
	struct sk_sorter *s = &r->spilled;
	int rc;

	if (s->spilled || s->unsorted)
		return drain(r, give_rest, e);
	if (s->file.fd && s->mem.entries) {
		rc = sk_sorter_spill(s, &o, e);
		if (rc)
			return rc;
	}
	*r->out = s->file.fd ? s->file : s->mem;
	memset(s->file.fd ? &s->file : &s->mem, 0, sizeof(s->mem));
	return 0;
}

static int reduce_groups(struct reduction *r, const struct sk_run *const *runs,
    size_t n, struct snek_error *e)
{
	const struct sk_reduce_options *o = r->o;
	const struct sk_merge_limits l = limits(r);
	struct sk_builtin builtin = { .top = o->reducer->top,
		.most = sk_pair_most(o->memory) };
	struct sk_grouper g = o->reduce;
	struct sk_group_all all = {
		.grouper = &g, .add = add_result, .add_arg = r,
		.most = sk_pair_most(o->memory),
		.check = o->check, .check_arg = o->check_arg,
	};
	sk_merge *m;
	int rc;

	if (o->reducer->group < SK_GROUP_OP)
		g = (struct sk_grouper){ o->reducer->group == SK_GROUP_TOP
		    ? sk_top_group : sk_list_group, &builtin };
	if (!g.group)
		return sk_fail(e, SNEK_EINVAL, "the op has no reduce");
	rc = sk_merge_within(&l, runs, n, &m, e);
	if (rc)
		return rc;
	rc = sk_group_all(&all, m, e);
	sk_merge_free(m);
	sk_builtin_free(&builtin);
	return rc ? rc : give_results(r, e);
}

int sk_reduce(const struct sk_reduce_options *o, const struct sk_run *const *runs,
    size_t n, struct sk_run *out, struct snek_error *e)
{
	struct sk_run run = { 0 };
	struct reduction r = { .o = o, .out = &run, .most = o->memory / 4 };
	int rc;

	if (o->reducer->kind == SK_AGGREGATED)
		rc = reduce_totals(&r, runs, n, e);
	else if (o->reducer->kind == SK_GROUPED)
		rc = reduce_groups(&r, runs, n, e);
	else
		rc = give_merged(&r, runs, n, e);
	if (!rc)
		rc = sk_run_end(&run, e);
	if (r.totals.reducer)
		sk_totals_free(&r.totals);
	sk_sorter_free(&r.spilled);
	sk_buf_free(&r.key);
	sk_buf_free(&r.value);
	if (rc) {
		sk_run_free(&run);
		return rc;
	}
	*out = run;
	return 0;
}
