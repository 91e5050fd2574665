/* SPDX-License-Identifier: MIT */
/*
 * A table of totals, which go to the partitions' runs when it is given up.  Where
 * it has proved not worth its misses, the pairs that follow go there without it,
 * as long as they are whole numbers to be added up.
 */
#include "task/sink_parts.h"
#include "task/pair.h"
#include "task/sum.h"
#include "value/key.h"
#include "value/value.h"

#include <stdlib.h>

#define ROOM (64u << 20)        /* of a file in memory: the input of a task */
#define CACHED 8192u            /* keys whose table stays in a cache */
#define TRIED (4 * CACHED)      /* keys after which they may come again */
#define LARGE (256u << 10)
#define SOME 8u                 /* one of so many */
#define AGAIN 4u                /* tables that were given up, and one is larger */
#define PAST (32 * CACHED)      /* pairs that go past a table then, at first */
#define MOST_PAST (32 * PAST)
#define PASSED (64u << 10)      /* bytes of them after which memory is counted */
#define WORTH 4u                /* pairs a key, for which a table may leave it */

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

int sk_sink_prepare_totals(sk_sink *s, struct snek_error *e)
{
	uint32_t kind = s->reducer.aggregate[0].kind, i;

	s->fast = s->reducer.n == 1 &&
	    (kind == SNEK_SUM || kind == SNEK_COUNT);
	s->counting = kind == SNEK_COUNT;
	s->plain = only_sums(&s->reducer);
	s->past = s->o.past ? s->o.past : &s->own_past;
	s->look = s->past->last ? CACHED : TRIED;
	s->most_passed = s->o.memory / 16 < PASSED ? s->o.memory / 16 : PASSED;
	s->state = calloc(s->o.partitions, sizeof(*s->state));
	if (!s->state)
		return sk_enomem(e);
	for (i = 0; i < s->o.partitions; i++)
		s->state[i].window = window(s);
	return sk_totals_init(&s->totals, &s->reducer, e);
}

/* ---- to the partitions ---- */

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
	part = sk_sink_part(s, (uint8_t)slot->id, body.p, body.n);
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
	rc = sk_sink_partition(s, n.key, &part, e);
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

static bool is_over(const sk_sink *s)
{
	return sk_totals_bytes(&s->totals) + s->given > s->o.memory;
}

static int spill(sk_sink *s, struct snek_error *e)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; i < s->o.partitions && !rc; i++)
		rc = sk_run_spill(&s->state[i], s->o.tmp, e);
	return rc;
}

/* The table is over its bound: its totals go to the partitions' files, which
 * are there first, so that they take no more memory on the way. */
static int overflow(sk_sink *s, struct snek_error *e)
{
	int rc = spill(s, e);

	return rc ? rc : give_totals(s, e);
}

/* Where some of a not too large table came again, more of them will. */
static bool is_worth_it(uint64_t pairs, uint32_t n)
{
	return pairs >= WORTH * (uint64_t)n || (n < LARGE &&
	    pairs >= n + (uint64_t)n / SOME);
}

/* Each time in a row it is tried later. */
static int give_up(sk_sink *s, struct snek_error *e)
{
	struct sk_past *p = s->past;
	int rc = give_totals(s, e);

	if (rc || !s->plain || s->o.partition)
		return rc;
	p->last = !p->last ? PAST : p->last < MOST_PAST ? 2 * p->last : p->last;
	p->left = p->last;
	return 0;
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

	if (is_over(s))
		return overflow(s, e);
	if (n < s->look)
		return 0;
	if (!is_worth_it(s->emitted - s->looked, n))
		return give_up(s, e);
	s->past->last = 0;
	s->look *= 2;
	return 0;
}

int sk_sink_finish_totals(sk_sink *s, struct sk_runs *out, struct snek_error *e)
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

int sk_sink_emit_total(sk_sink *s, struct snek_value key, struct snek_value v,
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
	if (sk_sink_is_large(s, key, v, &n))
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

/* ---- past the table ---- */

/* Some went past, and took memory. */
static int went_past(sk_sink *s, struct snek_error *e)
{
	int rc = count_given(s, e);

	s->passed = 0;
	if (rc || !is_over(s))
		return rc;
	rc = spill(s, e);
	return rc ? rc : count_given(s, e);
}

static int add_past(sk_sink *s, uint8_t tag, struct sk_span body,
    struct sk_span states, struct snek_error *e)
{
	uint32_t part = sk_sink_part(s, tag, body.p, body.n);
	int rc = sk_run_add_tagged(&s->state[part], tag, body, states, e);

	s->emitted++;
	s->looked++;
	s->past->left--;
	s->passed += body.n + states.n;
	return rc || s->passed < s->most_passed ? rc : went_past(s, e);
}

/* The states of a key that a row of whole numbers is all there is of.  (Within
 * the common way it would take registers from it.) */
__attribute__((noinline))
static int go_past(sk_sink *s, struct snek_value key,
    const struct snek_value *row, struct snek_error *e)
{
	uint8_t state[SK_MAX_AGGREGATES * SK_SUM_INT], *p = state;
	struct sk_span states = { state, 0 };
	uint32_t i;

	for (i = 0; i < s->reducer.n; i++) {
		if (s->reducer.aggregate[i].kind == SNEK_COUNT)
			*p++ = 1;
		else
			p = sk_sum_put_int(p, row[i].as.i);
	}
	states.n = (size_t)(p - state);
	if (key.type == SNEK_STRING)
		return add_past(s, SK_KEY_STRING,
		    (struct sk_span){ key.as.s, key.len }, states, e);
	s->key.n = 0;
	if (sk_key_put(&s->key, key))
		return sk_enomem(e);
	return add_past(s, (uint8_t)s->key.p[0],
	    (struct sk_span){ s->key.p + 1, s->key.n - 1 }, states, e);
}

static int int_goes_past(sk_sink *s, struct snek_value key, int64_t v,
    struct snek_error *e)
{
	const struct snek_value row = sk_int(v);

	return go_past(s, key, &row, e);
}

/* ---- rows ---- */

static bool adds(const sk_sink *s, uint32_t i, struct snek_value v)
{
	return v.type > SNEK_NULL || (v.type == SNEK_NULL &&
	    s->reducer.aggregate[i].kind == SNEK_COUNT);
}

/* Whether a row may go the short way: all whole numbers, all to be added up. */
static bool is_plain(const sk_sink *s, struct snek_value key,
    const struct snek_value *v, size_t n)
{
	uint32_t other = key.type == SNEK_INT ? 0 : key.type ^ SNEK_STRING;

	for (size_t i = 0; i < n; i++)
		other |= v[i].type ^ SNEK_INT;
	return s->plain && !other;
}

static struct sk_slot *plain_slot(struct sk_table *t, struct snek_value key)
{
	return key.type == SNEK_STRING ? sk_table_at(t, SK_KEY_STRING, key.as.s,
	    key.len) : sk_table_at(t, SK_TAG_INT, (const char *)&key.as.i, 8);
}

static int emit_plain_row(sk_sink *s, struct snek_value key,
    const struct snek_value *v, size_t n, struct snek_error *e)
{
	struct sk_table *t = &s->totals.table;
	uint32_t had = t->n, i;
	struct sk_slot *slot;
	int rc = 0;

	if (s->past->left)
		return go_past(s, key, v, e);
	slot = plain_slot(t, key);
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

	if (!sk_sink_aggregates(s) || n != s->reducer.n)
		return sk_fail(e, SNEK_EINVAL, "a row of %zu values, but %u "
		    "aggregates were declared", n,
		    sk_sink_aggregates(s) ? s->reducer.n : 0);
	if (is_plain(s, key, v, n))
		return key.type == SNEK_STRING && key.len > s->most
		    ? sk_pair_too_large(key.len, s->most, e)
		    : emit_plain_row(s, key, v, n, e);
	for (i = 0; i < n && !rc; i++)
		if (sk_sink_is_large(s, key, v[i], &bytes))
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
	if (s->counting)
		v = 1;
	if (s->past->left)
		return int_goes_past(s, k, v, e);
	slot = sk_table_at(t, SK_KEY_STRING, key, n);
	if (!slot)
		return sk_enomem(e);
	if (__builtin_add_overflow((int64_t)slot->state[0], v, &sum))
		return sk_sink_emit_total(s, k,
		    (struct snek_value){ .type = SNEK_INT, .as.i = v }, e);
	slot->state[0] = (uint64_t)sum;
	s->emitted++;
	return t->n != had ? grown(s, e) : 0;
}
