/* SPDX-License-Identifier: MIT */
#include "task/sink.h"
#include "base/hash.h"
#include "task/aggregate.h"
#include "task/group.h"
#include "task/pair.h"
#include "task/sorter.h"
#include "value/key.h"

#include <stdlib.h>

#define ROOM (64u << 20)        /* of a file in memory: the input of a task */
#define CACHED 8192u            /* keys whose table stays in a cache */
#define TRIED (4 * CACHED)      /* keys after which they may come again */
#define LARGE (256u << 10)
#define SOME 8u                 /* one of so many */
#define AGAIN 32u               /* tables that were given up, and one is tried */
#define WORTH 4u                /* pairs a key, for which a table may leave it */

struct sk_sink {
	struct sk_sink_options o;
	struct sk_reducer reducer;      /* names are the caller's */
	struct sk_totals totals;        /* AGGREGATED */
	uint32_t null;                  /* the number of its null key, from 1 */
	bool fast;                      /* one sum or count */
	bool counting;                  /* ... a count */
	bool plain;                     /* only sums and counts */
	struct sk_sorter *part;         /* LISTED, GROUPED: one a partition */
	struct sk_run *state;           /* AGGREGATED: what the table was too
	                                 * small for */
	size_t given;                   /* ... and the memory it takes */
	bool alone;                     /* nobody gives files in memory */
	uint32_t look;                  /* at so many keys it is asked whether
	                                 * the table is worth its misses */
	uint64_t looked;                /* emitted when it was last empty */
	uint32_t tables;                /* that were emptied */
	struct sk_builtin top;
	struct sk_place place;
	uint32_t emit;
	uint64_t emitted;
	size_t held;                    /* LISTED, GROUPED: bytes in memory */
	size_t most;                    /* of one pair */
	struct sk_buf key, value, scratch;
};

static bool aggregated(const sk_sink *s)
{
	return s->reducer.kind == SK_AGGREGATED;
}

static bool only_sums(const struct sk_reducer *r)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (r->aggregate[i].kind != SNEK_SUM &&
		    r->aggregate[i].kind != SNEK_COUNT)
			return false;
	return true;
}

/* What the partitions' files are written with at once. */
static size_t window(const sk_sink *s)
{
	size_t n = s->o.memory / 4 / s->o.partitions;

	return n > SK_RUN_WINDOW ? SK_RUN_WINDOW : n < 4096 ? 4096 : n;
}

static int prepare_totals(sk_sink *s, struct snek_error *e)
{
	uint32_t kind = s->reducer.aggregate[0].kind, i;

	s->fast = s->reducer.n == 1 &&
	    (kind == SNEK_SUM || kind == SNEK_COUNT);
	s->counting = kind == SNEK_COUNT;
	s->plain = only_sums(&s->reducer);
	s->look = TRIED;
	s->state = calloc(s->o.partitions, sizeof(*s->state));
	if (!s->state)
		return sk_enomem(e);
	for (i = 0; i < s->o.partitions; i++)
		s->state[i].window = window(s);
	return sk_totals_init(&s->totals, &s->reducer, e);
}

static int prepare(sk_sink *s, struct snek_error *e)
{

	if (aggregated(s))
		return prepare_totals(s, e);
	if (s->reducer.kind == SK_LISTED)
		s->o.combine.group = NULL;
	if (s->reducer.kind == SK_GROUPED && s->reducer.group == SK_GROUP_TOP) {
		s->top.top = s->reducer.top;
		s->top.partial = true;
		s->top.most = s->most;
		s->o.combine = (struct sk_grouper){ sk_top_group, &s->top };
	}
	s->part = calloc(s->o.partitions, sizeof(*s->part));
	return s->part ? 0 : sk_enomem(e);
}

int sk_sink_new(const struct sk_sink_options *o, sk_sink **out,
    struct snek_error *e)
{
	sk_sink *s;
	int rc;

	if (!o->partitions)
		return sk_fail(e, SNEK_EINVAL, "a job has at least one partition");
	s = calloc(1, sizeof(*s));
	if (!s)
		return sk_enomem(e);
	s->o = *o;
	s->reducer = *o->reducer;
	s->most = sk_pair_most(o->memory);
	rc = prepare(s, e);
	if (rc) {
		sk_sink_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void sk_sink_free(sk_sink *s)
{
	uint32_t i;

	if (!s)
		return;
	for (i = 0; s->part && i < s->o.partitions; i++)
		sk_sorter_free(&s->part[i]);
	for (i = 0; s->state && i < s->o.partitions; i++)
		sk_run_free(&s->state[i]);
	free(s->part);
	free(s->state);
	if (s->totals.reducer)
		sk_totals_free(&s->totals);
	sk_builtin_free(&s->top);
	sk_buf_free(&s->key);
	sk_buf_free(&s->value);
	sk_buf_free(&s->scratch);
	free(s);
}

void sk_sink_at(sk_sink *s, struct sk_place place)
{
	s->place = place;
	s->emit = 0;
}

uint64_t sk_sink_emitted(const sk_sink *s)
{
	return s->emitted;
}

/* ---- partitions ---- */

static uint32_t partition_of(const sk_sink *s, uint8_t tag, const char *body,
    size_t n)
{
	return s->o.partitions == 1 ? 0 :
	    (uint32_t)(sk_hash64(body, n, tag) % s->o.partitions);
}

static int partition(sk_sink *s, struct sk_span key, uint32_t *out,
    struct snek_error *e)
{
	const char *p = key.p;
	struct snek_value v;
	int rc;

	if (!s->o.partition) {
		*out = partition_of(s, (uint8_t)*p, p + 1, key.n - 1);
		return 0;
	}
	s->scratch.n = 0;
	rc = sk_key_get(key.p, key.n, &s->scratch, &v);
	if (rc)
		return rc == SNEK_ENOMEM ? sk_enomem(e) :
		    sk_fail(e, rc, "a key is malformed");
	*out = s->o.partition(s->o.partition_arg, v, s->o.partitions);
	if (*out < s->o.partitions)
		return 0;
	return sk_fail(e, SNEK_EPLUGIN, "partition gave %u, but there are %u",
	    *out, s->o.partitions);
}

/* ---- aggregates ---- */

/* The key's bytes are not put together first, which would cost a copy that is
 * read before it has arrived. */
static int give_quickly(sk_sink *s, const struct sk_slot *slot,
    struct snek_error *e)
{
	struct sk_span body;
	char few[8];
	uint32_t part;
	int rc;

	body = (struct sk_span){ sk_slot_body(slot, few), slot->id >> 8 };
	part = partition_of(s, (uint8_t)slot->id, body.p, body.n);
	s->value.n = 0;
	rc = sk_totals_put(&s->totals, slot, &s->value, e);
	return rc ? rc : sk_run_add_tagged(&s->state[part], (uint8_t)slot->id,
	    body, (struct sk_span){ s->value.p, s->value.n }, e);
}

static int give_slot(sk_sink *s, const struct sk_slot *slot, struct snek_error *e)
{
	struct sk_entry n = { 0 };
	uint32_t part;
	int rc;

	if ((uint8_t)slot->id != SK_TAG_INT && !s->o.partition)
		return give_quickly(s, slot, e);
	s->key.n = 0;
	if (!sk_slot_key(slot, &s->key))
		return sk_enomem(e);
	n.key = (struct sk_span){ s->key.p, s->key.n };
	rc = partition(s, n.key, &part, e);
	s->value.n = 0;
	if (!rc)
		rc = sk_totals_put(&s->totals, slot, &s->value, e);
	n.value = (struct sk_span){ s->value.p, s->value.n };
	return rc ? rc : sk_run_add(&s->state[part], &n, e);
}

static uint64_t room(const sk_sink *s)
{
	uint64_t n = s->o.memory / s->o.partitions;

	return n < ROOM ? n : ROOM;
}

/* Runs that have become large go to files in memory, if they are to be had. */
static int count_given(sk_sink *s, struct snek_error *e)
{
	struct sk_run *r;
	uint32_t i;
	int rc;

	for (s->given = 0, i = 0; i < s->o.partitions; i++) {
		r = &s->state[i];
		if (!s->alone && !r->fd && r->mem.n >= SK_RUN_WINDOW) {
			rc = sk_run_share(r, s->o.tmp, room(s), e);
			s->alone = !rc;
			if (rc < 0)
				return rc;
		}
		s->given += r->mem.cap + (r->in_memory ? r->bytes : 0);
	}
	return 0;
}

/* All totals become entries of the partitions' runs. */
static int give_totals(sk_sink *s, struct snek_error *e)
{
	struct sk_table *t = &s->totals.table;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < t->n && !rc; i++)
		rc = give_slot(s, sk_table_slot(t, i), e);
	sk_totals_reset(&s->totals);
	s->null = 0;
	s->looked = s->emitted;
	s->look = ++s->tables % AGAIN ? CACHED : TRIED;
	return rc ? rc : count_given(s, e);
}

/* The table is over its bound: its totals go to the partitions' files, which
 * are there first, so that they take no more memory on the way. */
static int overflow(sk_sink *s, struct snek_error *e)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; i < s->o.partitions && !rc; i++)
		rc = sk_run_spill(&s->state[i], s->o.tmp, e);
	return rc ? rc : give_totals(s, e);
}

/* Where some of a not too large table came again, more of them will. */
static bool is_worth_it(uint64_t pairs, uint32_t n)
{
	return pairs >= WORTH * (uint64_t)n || (n < LARGE &&
	    pairs >= n + (uint64_t)n / SOME);
}

/*
 * A key may have been new.  A table that is larger than the cache misses it for
 * each pair; where most keys are new, that is more than it costs to have the
 * same key in several entries, which reduce adds up anyway.  At first, and now and
 * then, a larger one is tried: the same keys may come again after some more.
 */
static int grown(sk_sink *s, struct snek_error *e)
{
	uint32_t n = s->totals.table.n;

	if (sk_totals_bytes(&s->totals) + s->given > s->o.memory)
		return overflow(s, e);
	if (n < s->look)
		return 0;
	if (!is_worth_it(s->emitted - s->looked, n))
		return give_totals(s, e);
	s->look *= 2;
	return 0;
}

static int finish_totals(sk_sink *s, struct sk_runs *out, struct snek_error *e)
{
	bool large = 2 * sk_totals_bytes(&s->totals) + s->given > s->o.memory;
	uint32_t i;
	int rc = large ? overflow(s, e) : give_totals(s, e);

	for (i = 0; i < s->o.partitions && !rc; i++) {
		if (!s->state[i].entries)
			continue;
		rc = sk_run_end(&s->state[i], e);
		if (!rc && !sk_runs_add(&out[i], &s->state[i]))
			rc = sk_enomem(e);
	}
	s->given = 0;
	return rc;
}

static bool is_large(const sk_sink *s, struct snek_value key,
    struct snek_value v, size_t *n)
{
	*n = key.type >= SNEK_STRING ? key.len : 0;
	*n += v.type >= SNEK_STRING ? v.len : 0;
	return *n > s->most;
}

static int emit_total(sk_sink *s, struct snek_value key, struct snek_value v,
    struct snek_error *e)
{
	struct sk_table *t = &s->totals.table;
	uint32_t had = t->n;
	struct sk_slot *slot;
	size_t n;
	int rc;

	if (key.type == SNEK_NULL && s->null && sk_totals_add_quickly(&s->totals,
	    sk_table_slot(t, s->null - 1), v)) {
		s->emitted++;
		return 0;
	}
	if (s->reducer.n != 1)
		return sk_fail(e, SNEK_EINVAL, "the op declared %u aggregates: "
		    "it must emit rows of %u values", s->reducer.n, s->reducer.n);
	if (is_large(s, key, v, &n))
		return sk_pair_too_large(n, s->most, e);
	rc = sk_totals_check(&s->totals, 0, v, e);
	if (!rc)
		rc = sk_totals_at(&s->totals, key, &slot, e);
	if (!rc)
		rc = sk_totals_add(&s->totals, slot, 0, v, e);
	if (rc)
		return rc;
	s->emitted++;
	if (key.type == SNEK_NULL && t->n != had && s->fast && !s->counting)
		s->null = t->n;
	return grown(s, e);
}

static bool adds(const sk_sink *s, uint32_t i, struct snek_value v)
{
	return v.type > SNEK_NULL || (v.type == SNEK_NULL &&
	    s->reducer.aggregate[i].kind == SNEK_COUNT);
}

/* Whether a row may go the short way: all whole numbers, all to be added up. */
static bool is_plain(const sk_sink *s, struct snek_value key,
    const struct snek_value *v, size_t n)
{
	uint32_t other = key.type ^ SNEK_STRING;

	for (size_t i = 0; i < n; i++)
		other |= v[i].type ^ SNEK_INT;
	return s->plain && !other;
}

static int emit_plain_row(sk_sink *s, struct snek_value key,
    const struct snek_value *v, size_t n, struct snek_error *e)
{
	struct sk_table *t = &s->totals.table;
	uint32_t had = t->n, i;
	struct sk_slot *slot = sk_table_at(t, SK_KEY_STRING, key.as.s, key.len);
	int rc = 0;

	if (!slot)
		return sk_enomem(e);
	for (i = 0; i < n && !rc; i++) {
		uint64_t *state = slot->state + s->totals.offset[i];
		bool counts = s->reducer.aggregate[i].kind == SNEK_COUNT;
		int64_t more = counts ? 1 : v[i].as.i, sum;

		if (!__builtin_add_overflow((int64_t)*state, more, &sum)) {
			*state = (uint64_t)sum;
			continue;
		}
		rc = sk_totals_add(&s->totals, slot, i, v[i], e);
		had = UINT32_MAX;               /* it may have taken memory */
	}
	if (rc)
		return rc;
	s->emitted++;
	return t->n != had ? grown(s, e) : 0;
}

int sk_sink_emit_row(sk_sink *s, struct snek_value key,
    const struct snek_value *v, size_t n, struct snek_error *e)
{
	struct sk_slot *slot;
	size_t bytes;
	uint32_t i;
	int rc = 0;

	if (!aggregated(s) || n != s->reducer.n)
		return sk_fail(e, SNEK_EINVAL, "a row of %zu values, but %u "
		    "aggregates were declared", n, aggregated(s) ? s->reducer.n : 0);
	if (is_plain(s, key, v, n))
		return key.len > s->most ? sk_pair_too_large(key.len, s->most, e)
		    : emit_plain_row(s, key, v, n, e);
	for (i = 0; i < n && !rc; i++)
		if (is_large(s, key, v[i], &bytes))
			return sk_pair_too_large(bytes, s->most, e);
	for (i = 0; i < n && !rc; i++)
		if (adds(s, i, v[i]))
			rc = sk_totals_check(&s->totals, i, v[i], e);
	if (!rc)
		rc = sk_totals_at(&s->totals, key, &slot, e);
	for (i = 0; i < n && !rc; i++)
		if (adds(s, i, v[i]))
			rc = sk_totals_add(&s->totals, slot, i, v[i], e);
	if (rc)
		return rc;
	s->emitted++;
	return grown(s, e);
}

int sk_sink_emit_int(sk_sink *s, const char *key, size_t n, int64_t v,
    struct snek_error *e)
{
	struct sk_table *t = &s->totals.table;
	struct snek_value k = { .type = SNEK_STRING, .len = (uint32_t)n, .as.s = key };
	struct sk_slot *slot;
	uint32_t had = t->n;
	int64_t sum;

	if (n > s->most || n > UINT32_MAX)
		return sk_pair_too_large(n, s->most, e);
	if (!s->fast)
		return sk_sink_emit(s, k,
		    (struct snek_value){ .type = SNEK_INT, .as.i = v }, e);
	slot = sk_table_at(t, SK_KEY_STRING, key, n);
	if (!slot)
		return sk_enomem(e);
	if (s->counting)
		v = 1;
	if (__builtin_add_overflow((int64_t)slot->state[0], v, &sum))
		return emit_total(s, k,
		    (struct snek_value){ .type = SNEK_INT, .as.i = v }, e);
	slot->state[0] = (uint64_t)sum;
	s->emitted++;
	return t->n != had ? grown(s, e) : 0;
}

/* ---- lists and groups ---- */

static struct sk_sorter_options options(const sk_sink *s)
{
	return (struct sk_sorter_options){ s->o.tmp, &s->o.combine,
	    s->o.memory / 2 };
}

static int spill(sk_sink *s, struct snek_error *e)
{
	struct sk_sorter_options o = options(s);
	uint32_t i;
	int rc = 0;

	for (i = 0; i < s->o.partitions && !rc; i++)
		rc = sk_sorter_spill(&s->part[i], &o, e);
	s->held = 0;
	return rc;
}

static int emit_entry(sk_sink *s, struct snek_value key, struct snek_value v,
    struct snek_error *e)
{
	struct sk_entry n = { .place = s->place, .emit = s->emit };
	bool combines = s->o.combine.group;
	struct sk_sorter *p;
	uint32_t part;
	size_t before;
	int rc;

	if (s->emit == UINT32_MAX)
		return sk_fail(e, SNEK_ELIMIT, "a record emitted 2^32 - 1 pairs");
	if (is_large(s, key, v, &before))
		return sk_pair_too_large(before, s->most, e);
	rc = sk_pair_key(&s->key, key, e);
	if (!rc)
		rc = sk_pair_value(&s->value, v, e);
	if (rc)
		return rc;
	n.key = (struct sk_span){ s->key.p, s->key.n };
	rc = partition(s, n.key, &part, e);
	if (rc)
		return rc;
	n.value = (struct sk_span){ s->value.p, s->value.n };
	p = &s->part[part];
	before = sk_sorter_held(p, combines);
	rc = sk_sorter_add(p, &n, e);
	if (rc)
		return rc;
	s->held += sk_sorter_held(p, combines) - before;
	s->emit++;
	s->emitted++;
	return s->held > s->o.memory ? spill(s, e) : 0;
}

int sk_sink_emit(sk_sink *s, struct snek_value key, struct snek_value v,
    struct snek_error *e)
{
	return aggregated(s) ? emit_total(s, key, v, e) : emit_entry(s, key, v, e);
}

int sk_sink_finish(sk_sink *s, struct sk_runs *out, struct snek_error *e)
{
	struct sk_sorter_options o = options(s);
	uint32_t i;
	int rc = 0;

	s->held = 0;
	if (aggregated(s))
		return finish_totals(s, out, e);
	for (i = 0; i < s->o.partitions && !rc; i++)
		rc = sk_sorter_finish(&s->part[i], &o, &out[i], e);
	return rc;
}
