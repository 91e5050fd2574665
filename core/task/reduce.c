/* SPDX-License-Identifier: MIT */
#include "task/aggregate.h"
#include "task/group.h"
#include "task/order.h"
#include "task/pair.h"
#include "task/reduce_parts.h"
#include "value/key.h"

#include <stdlib.h>

#define CHECK_EVERY 1024u       /* entries */
#define AHEAD 8u                /* slots fetched before their turn */
#define LOOK (32u << 10)        /* keys at which it is asked whether ... */
#define WORTH 4u                /* ... entries have enough in common for a
                                 * table: so many a key */

int sk_reduction_check(struct sk_reduction *r)
{
	int rc = 0;

	if (++r->count % CHECK_EVERY == 0 && r->o->check)
		rc = r->o->check(r->o->check_arg);
	return rc > 0 ? SNEK_ECANCELED : rc;
}

int sk_reduction_give(struct sk_reduction *r, const struct sk_entry *n,
    struct snek_error *e)
{
	int rc = sk_run_add(r->out, n, e);

	if (!rc && !r->out->fd && r->out->mem.n > r->most)
		rc = sk_run_spill(r->out, r->o->tmp, e);
	return rc;
}

static struct sk_merge_limits limits(const struct sk_reduction *r)
{
	return (struct sk_merge_limits){ r->o->memory / 2, r->o->tmp,
	    r->o->check, r->o->check_arg };
}

static struct sk_sorter_options options(const struct sk_reduction *r)
{
	return (struct sk_sorter_options){ .tmp = r->o->tmp,
	    .memory = r->o->memory / 2 };
}

static int give_merged(struct sk_reduction *r, const struct sk_run *const *runs,
    size_t n, struct snek_error *e)
{
	const struct sk_merge_limits l = limits(r);
	struct sk_entry entry;
	sk_merge *m;
	int rc = sk_merge_within(&l, runs, n, &m, e);

	if (rc)
		return rc;
	while (!rc && (rc = sk_merge_next(m, &entry, e)) > 0) {
		rc = sk_reduction_check(r);
		if (!rc)
			rc = sk_reduction_give(r, &entry, e);
	}
	sk_merge_free(m);
	return rc;
}

/* ---- aggregates ---- */

int sk_reduction_give_slot(struct sk_reduction *r, struct sk_span key,
    const struct sk_slot *slot, struct snek_error *e)
{
	struct sk_entry n = { .key = key };
	int rc;

	r->value.n = 0;
	rc = sk_totals_pack(&r->totals, slot, &r->value, e);
	if (rc)
		return rc == SNEK_ELIMIT ? sk_pair_name(key, rc, e) : rc;
	n.value = (struct sk_span){ r->value.p, r->value.n };
	rc = sk_reduction_check(r);
	return rc ? rc : sk_reduction_give(r, &n, e);
}

int sk_reduction_put_slot(struct sk_reduction *r, struct sk_span key,
    const struct sk_slot *slot, struct snek_error *e)
{
	const struct sk_sorter_options o = options(r);
	struct sk_entry n = { .key = key };
	int rc;

	r->value.n = 0;
	rc = sk_totals_put(&r->totals, slot, &r->value, e);
	n.value = (struct sk_span){ r->value.p, r->value.n };
	if (!rc)
		rc = sk_sorter_add(&r->spilled, &n, e);
	if (rc || sk_sorter_held(&r->spilled, false) <= SK_RUN_WINDOW)
		return rc;
	return sk_sorter_spill(&r->spilled, &o, e);
}

int sk_reduction_cut(struct sk_reduction *r, struct snek_error *e)
{
	const struct sk_sorter_options o = options(r);

	return sk_sorter_cut(&r->spilled, &o, e);
}

/* Of all slots in the order of their keys. */
static int each_slot(struct sk_reduction *r, int (*to)(struct sk_reduction *,
    struct sk_span, const struct sk_slot *, struct snek_error *),
    struct snek_error *e)
{
	struct sk_ordered *o = sk_table_order(&r->totals.table);
	uint32_t i, n = r->totals.table.n;
	int rc = o ? 0 : sk_enomem(e);

	for (i = 0; !rc && i < n; i++) {
		if (i + AHEAD < n)
			__builtin_prefetch(o[i + AHEAD].slot);
		r->key.n = 0;
		rc = sk_slot_key(o[i].slot, &r->key) ? to(r,
		    (struct sk_span){ r->key.p, r->key.n }, o[i].slot, e)
		    : sk_enomem(e);
	}
	sk_table_order_free(&r->totals.table, o);
	return rc;
}

/* The table's states go to a run of their own, in order. */
static int put_off(struct sk_reduction *r, struct snek_error *e)
{
	int rc = each_slot(r, sk_reduction_put_slot, e);

	sk_totals_reset(&r->totals);
	return rc ? rc : sk_reduction_cut(r, e);
}

static int add_state(struct sk_reduction *r, const struct sk_entry *n,
    struct snek_error *e)
{
	struct sk_slot *slot;
	int rc = sk_reduction_check(r);

	if (!rc)
		rc = sk_totals_at_bytes(&r->totals, n->key, &slot, e);
	if (!rc)
		rc = sk_totals_merge(&r->totals, slot, n->value, e);
	return rc == SNEK_ELIMIT ? sk_pair_name(n->key, rc, e) : rc;
}

/* Asked once: what differs so far will go on to. */
static void look(struct sk_reduction *r)
{
	uint32_t n = r->totals.table.n;

	if (n == LOOK && !r->looked) {
		r->looked = true;
		r->many = !r->spilled.spilled &&
		    r->entries < WORTH * (uint64_t)n;
	}
}

static int add_run(struct sk_reduction *r, const struct sk_run *run,
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

/* Sorted runs as one stream; *p gets the array that merging wants. */
static int merge_runs(struct sk_reduction *r, const struct sk_runs *runs,
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
static int drain(struct sk_reduction *r, int (*to)(struct sk_reduction *,
    sk_merge *, struct snek_error *), struct snek_error *e)
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

static int add_runs(struct sk_reduction *r, const struct sk_run *const *runs,
    size_t n, struct snek_error *e)
{
	size_t i;
	int rc = 0;

	r->many = false;
	for (i = 0; i < n && !rc && !r->many; i++)
		rc = add_run(r, runs[i], e);
	return rc;
}

static int reduce_totals(struct sk_reduction *r, const struct sk_run *const *runs,
    size_t n, struct snek_error *e)
{
	int rc = sk_totals_init(&r->totals, r->o->reducer, e);

	if (!rc)
		rc = add_runs(r, runs, n, e);
	if (!rc && r->many)
		rc = sk_reduction_many(r, runs, n, e);
	else if (!rc && !r->spilled.spilled)
		return each_slot(r, sk_reduction_give_slot, e);
	else if (!rc)
		rc = put_off(r, e);
	if (rc || !r->spilled.spilled)
		return rc;
	sk_totals_reset(&r->totals);
	return drain(r, sk_reduction_give_put_off, e);
}

/* ---- groups ---- */

static int add_result(void *arg, const struct sk_entry *n, struct snek_error *e)
{
	struct sk_reduction *r = arg;
	const struct sk_sorter_options o = options(r);
	int rc = sk_sorter_add(&r->spilled, n, e);

	if (rc || sk_sorter_held(&r->spilled, false) <= r->o->memory / 2)
		return rc;
	return sk_sorter_spill(&r->spilled, &o, e);
}

static int give_rest(struct sk_reduction *r, sk_merge *m, struct snek_error *e)
{
	struct sk_entry n;
	int rc;

	while ((rc = sk_merge_next(m, &n, e)) > 0) {
		rc = sk_reduction_check(r);
		if (!rc)
			rc = sk_reduction_give(r, &n, e);
		if (rc)
			return rc;
	}
	return rc;
}

/* Results that came in order are the run that is asked for. */
static int give_results(struct sk_reduction *r, struct snek_error *e)
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

static int reduce_groups(struct sk_reduction *r, const struct sk_run *const *runs,
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
	struct sk_reduction r = { .o = o, .out = &run, .most = o->memory / 4 };
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
