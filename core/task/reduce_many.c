/* SPDX-License-Identifier: MIT */
/*
 * States that come in the order of their keys need one slot.  So do those that
 * were sorted in memory, and those that were sorted in as many pieces as it took
 * and are merged: each step is linear in what there is.
 */
#include "task/reduce_parts.h"
#include "task/collate.h"
#include "task/pair.h"
#include "value/key.h"

#include <string.h>

#define MEMO 32u                /* bytes of a state that is remembered */
#define ROOM_LEAST ((uint64_t)1 << 20)
#define ROOM ((uint64_t)1 << 30)        /* of a file in memory, at most */

/* ---- one key after the other ---- */

/* The table's only slot, for the states of one key after the other. */
static int clear_slot(struct sk_reduction *r, struct snek_error *e)
{
	struct sk_table *t = &r->totals.table;

	if (r->slot && !r->totals.heap && t->arena.total == t->arena.left) {
		memset(r->slot->state, 0, t->slot_size - sizeof(*r->slot));
		return 0;
	}
	sk_totals_reset(&r->totals);
	r->slot = sk_table_at(t, SK_KEY_NULL, NULL, 0);
	return r->slot ? 0 : sk_enomem(e);
}

/* What becomes of a key when all of its states are added. */
typedef int end_key(struct sk_reduction *, struct sk_span key,
    const struct sk_slot *, struct snek_error *);

static int end_last(struct sk_reduction *r, end_key *end, struct snek_error *e)
{
	const struct sk_span key = { r->key.p, r->key.n };

	r->key.n = 0;
	return key.n ? end(r, key, r->slot, e) : 0;
}

static int begin_key(struct sk_reduction *r, struct sk_span key, end_key *end,
    struct snek_error *e)
{
	int rc = end_last(r, end, e);

	if (!rc)
		rc = clear_slot(r, e);
	if (!rc && !sk_buf_put(&r->key, key.p, key.n))
		rc = sk_enomem(e);
	return rc;
}

static int add(struct sk_reduction *r, const struct sk_entry *n, end_key *end,
    struct snek_error *e)
{
	int rc = sk_reduction_check(r);

	if (!rc && (n->key.n != r->key.n ||
	    memcmp(n->key.p, r->key.p, n->key.n)))
		rc = begin_key(r, n->key, end, e);
	if (!rc)
		rc = sk_totals_merge(&r->totals, r->slot, n->value, e);
	return rc == SNEK_ELIMIT ? sk_pair_name(n->key, rc, e) : rc;
}

static void begin(struct sk_reduction *r)
{
	sk_totals_reset(&r->totals);
	r->slot = NULL;
	r->key.n = 0;
}

/* ---- those that were sorted in memory ---- */

/* The state of the last key that had one, and what it came to: most of many keys
 * have the same. */
struct last {
	char state[MEMO];
	size_t n;
	struct sk_buf value;
};

static bool is_last(const struct last *l, struct sk_span state)
{
	return l->n && state.n == l->n &&
	    sk_same_bytes(l->state, state.p, state.n);
}

static int remember(struct sk_reduction *r, struct last *l,
    struct sk_span state, struct snek_error *e)
{
	l->n = 0;
	if (!state.n || state.n > sizeof(l->state))
		return 0;
	l->value.n = 0;
	if (!sk_buf_put(&l->value, r->value.p, r->value.n))
		return sk_enomem(e);
	memcpy(l->state, state.p, state.n);
	l->n = state.n;
	return 0;
}

/* The key has one state. */
static int end_single(struct sk_reduction *r, const struct sk_entry *n,
    struct last *l, end_key *end, struct snek_error *e)
{
	struct sk_entry out = { .key = n->key,
		.value = { l->value.p, l->value.n } };
	int rc = sk_reduction_check(r);

	if (rc)
		return rc;
	if (end == sk_reduction_give_slot && is_last(l, n->value))
		return sk_reduction_give(r, &out, e);
	rc = clear_slot(r, e);
	if (!rc)
		rc = sk_totals_merge(&r->totals, r->slot, n->value, e);
	if (rc)
		return rc == SNEK_ELIMIT ? sk_pair_name(n->key, rc, e) : rc;
	rc = end(r, n->key, r->slot, e);
	return rc ? rc : remember(r, l, n->value, e);
}

static bool same_key(const struct sk_entry *a, const struct sk_entry *b)
{
	return a->key.n == b->key.n &&
	    sk_same_bytes(a->key.p, b->key.p, a->key.n);
}

static int add_all(struct sk_reduction *r, sk_collate *c, struct last *l,
    end_key *end, struct snek_error *e)
{
	struct sk_entry n, next;
	int more = sk_collate_next(c, &next, e), rc = 0;
	bool last;

	while (more > 0 && !rc) {
		n = next;
		more = sk_collate_next(c, &next, e);
		if (more < 0)
			break;
		last = !more || !same_key(&n, &next);
		if (last && !r->key.n) {
			rc = end_single(r, &n, l, end, e);
			continue;
		}
		rc = add(r, &n, end, e);
		if (!rc && last)
			rc = end_last(r, end, e);
	}
	return more < 0 ? more : rc;
}

static int add_collated(struct sk_reduction *r, sk_collate *c, end_key *end,
    struct snek_error *e)
{
	struct last last = { .n = 0 };
	int rc;

	begin(r);
	rc = add_all(r, c, &last, end, e);
	sk_buf_free(&last.value);
	return rc;
}

/* ---- those that are merged ---- */

int sk_reduction_give_put_off(struct sk_reduction *r, sk_merge *m,
    struct snek_error *e)
{
	struct sk_entry n;
	int rc;

	begin(r);
	while ((rc = sk_merge_next(m, &n, e)) > 0) {
		rc = add(r, &n, sk_reduction_give_slot, e);
		if (rc)
			return rc;
	}
	return rc ? rc : end_last(r, sk_reduction_give_slot, e);
}

/* ---- in pieces ---- */

/* Three quarters of the memory: what the sorted ones are written with takes
 * little. */
static size_t memory_of(const struct sk_reduction *r)
{
	return r->o->memory / 4 * 3;
}

/* The piece becomes a sorted run, and room for the next. */
static int put_piece(struct sk_reduction *r, struct sk_run *piece,
    struct snek_error *e)
{
	const struct sk_run *run = piece;
	sk_collate *c;
	int rc = sk_collate_new(&run, 1, SIZE_MAX / 2, &c, e);

	sk_run_free(piece);
	if (rc)
		return rc;
	rc = add_collated(r, c, sk_reduction_put_slot, e);
	sk_collate_free(c);
	return rc ? rc : sk_reduction_cut(r, e);
}

static bool fits(const struct sk_reduction *r, const struct sk_run *piece,
    const struct sk_entry *n)
{
	return !piece->entries || sk_collate_need(piece->bytes +
	    SK_ENTRY_HEAD + n->key.n + n->value.n, piece->entries + 1) <=
	    memory_of(r);
}

static int put_run(struct sk_reduction *r, const struct sk_run *run,
    struct sk_run *piece, struct snek_error *e)
{
	struct sk_entry n;
	sk_run_reader *in;
	int rc = sk_run_reader_new(run, &in, e);

	if (rc)
		return rc;
	while (!rc && (rc = sk_run_reader_next(in, &n, e)) > 0) {
		rc = sk_reduction_check(r);
		if (!rc && !fits(r, piece, &n))
			rc = put_piece(r, piece, e);
		if (!rc)
			rc = sk_run_add(piece, &n, e);
	}
	sk_run_reader_free(in);
	return rc;
}

static int put_runs(struct sk_reduction *r, const struct sk_run *const *runs,
    size_t n, struct snek_error *e)
{
	struct sk_run piece = { 0 };
	size_t i;
	int rc = 0;

	for (i = 0; i < n && !rc; i++)
		rc = put_run(r, runs[i], &piece, e);
	if (!rc)
		rc = put_piece(r, &piece, e);
	sk_run_free(&piece);
	return rc;
}

/* ---- all of it ---- */

/* What comes out is about as much as what went in, but for names. */
static uint64_t room_of(const struct sk_reduction *r,
    const struct sk_run *const *runs, size_t n)
{
	uint64_t room = ROOM_LEAST;
	size_t i;

	for (i = 0; i < n; i++)
		room += 2 * runs[i]->bytes;
	room = room < ROOM ? room : ROOM;
	return room < r->most ? room : r->most;
}

int sk_reduction_many(struct sk_reduction *r, const struct sk_run *const *runs,
    size_t n, struct snek_error *e)
{
	sk_collate *c = NULL;
	int rc = sk_collate_new(runs, n, memory_of(r), &c, e);
	bool pieces = rc == SNEK_ENOENT;

	if (!rc && r->o->memory - sk_collate_bytes(c) > r->most)
		r->most = r->o->memory - sk_collate_bytes(c);
	if (!rc || pieces)
		rc = sk_run_share(r->out, r->o->tmp, room_of(r, runs, n), e);
	if (rc >= 0)
		rc = pieces ? put_runs(r, runs, n, e) : add_collated(r, c,
		    sk_reduction_give_slot, e);
	sk_collate_free(c);
	return rc;
}
