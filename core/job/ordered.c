/* SPDX-License-Identifier: MIT */
/*
 * What is put off is a run of entries whose key is the rank, whose place is the
 * number they came in by, and whose value is
 *
 *   varint  length of the key
 *   key, value
 *
 * With the largest first, each byte of a rank is turned into what is left to
 * 255; a 255 that this makes is followed by 0, and the end is 255 255, so that
 * of two ranks one of which begins the other the longer one comes first.
 */
#include "job/ordered.h"

#include <stdlib.h>

#include "task/varint.h"
#include "value/key.h"
#include "value/pack.h"

/* Room for this many more than the limit before the surplus is dropped. */
#define SLACK 4096u

static int up(const void *a, const void *b)
{
	const struct sk_ordered_pair *x = a, *y = b;
	int c = sk_key_compare(x->rank.p, x->rank.n, y->rank.p, y->rank.n);

	return c ? c : (x->seq > y->seq) - (x->seq < y->seq);
}

static int down(const void *a, const void *b)
{
	const struct sk_ordered_pair *x = a, *y = b;
	int c = sk_key_compare(y->rank.p, y->rank.n, x->rank.p, x->rank.n);

	return c ? c : (x->seq > y->seq) - (x->seq < y->seq);
}

/* Those beyond the limit are not wanted by anyone. */
static void sort(struct sk_ordered *o)
{
	if (o->n)
		qsort(o->pair, o->n, sizeof(*o->pair), o->down ? down : up);
	if (o->limit && o->n > o->limit)
		o->n = (size_t)o->limit;
}

static bool keep(struct sk_arena *a, struct sk_span *s)
{
	s->p = sk_arena_copy(a, s->p, s->n);
	return s->p;
}

/* Drop what is beyond the limit, and the memory behind it. */
static int prune(struct sk_ordered *o)
{
	struct sk_arena old = o->arena;
	bool ok = true;
	size_t i;

	sort(o);
	memset(&o->arena, 0, sizeof(o->arena));
	for (i = 0; i < o->n && ok; i++)
		ok = keep(&o->arena, &o->pair[i].rank) &&
		    keep(&o->arena, &o->pair[i].key) &&
		    keep(&o->arena, &o->pair[i].value);
	sk_arena_free(&old);
	if (!ok)
		o->n = 0;
	return ok ? 0 : SNEK_ENOMEM;
}

static bool has_surplus(const struct sk_ordered *o)
{
	return o->limit && o->n >= SLACK && (o->n - SLACK) / 2 >= o->limit;
}

static int make_room(struct sk_ordered *o)
{
	size_t cap = o->cap ? 2 * o->cap : 256;
	struct sk_ordered_pair *p;

	if (has_surplus(o))
		return prune(o);
	if (o->n < o->cap)
		return 0;
	p = sk_pages_grow(o->pair, o->cap * sizeof(*p), cap * sizeof(*p));
	if (!p)
		return SNEK_ENOMEM;
	o->pair = p;
	o->cap = cap;
	return 0;
}

/* ---- putting off ---- */

static bool put_down(struct sk_buf *b, struct sk_span rank)
{
	const uint8_t *p = rank.p;
	size_t i;

	for (i = 0; i < rank.n; i++)
		if (!sk_buf_byte(b, (uint8_t)~p[i]) ||
		    (!p[i] && !sk_buf_byte(b, 0)))
			return false;
	return sk_buf_put(b, "\xff\xff", 2);
}

static bool put_rank(struct sk_ordered *o, struct sk_span rank)
{
	o->scratch.n = 0;
	return o->down ? put_down(&o->scratch, rank)
	    : sk_buf_put(&o->scratch, rank.p, rank.n);
}

static int put_pair(struct sk_ordered *o, const struct sk_ordered_pair *p,
    struct snek_error *e)
{
	struct sk_buf *b = &o->scratch;
	struct sk_entry n = { .place.record = p->seq };
	size_t rank;

	if (!put_rank(o, p->rank))
		return sk_enomem(e);
	rank = b->n;
	if (!sk_varint_add(b, p->key.n) || !sk_buf_put(b, p->key.p, p->key.n) ||
	    !sk_buf_put(b, p->value.p, p->value.n))
		return sk_enomem(e);
	n.key = (struct sk_span){ b->p, rank };
	n.value = (struct sk_span){ b->p + rank, b->n - rank };
	return sk_sorter_add(&o->sorter, &n, e);
}

static struct sk_sorter_options options(const struct sk_ordered *o)
{
	return (struct sk_sorter_options){ .tmp = o->tmp,
	    .memory = o->memory / 4 };
}

/* What is held becomes a run. */
static int put_off(struct sk_ordered *o, struct snek_error *e)
{
	const struct sk_sorter_options how = options(o);
	size_t i;
	int rc = 0;

	sort(o);
	o->put_off = true;
	for (i = 0; i < o->n && !rc; i++) {
		rc = put_pair(o, &o->pair[i], e);
		if (!rc && sk_sorter_held(&o->sorter, false) > SK_RUN_WINDOW)
			rc = sk_sorter_spill(&o->sorter, &how, e);
	}
	o->n = 0;
	sk_arena_reset(&o->arena);
	return rc ? rc : sk_sorter_cut(&o->sorter, &how, e);
}

/* Pruning copies, and sorting moves them: half of it stays free. */
static bool is_full(const struct sk_ordered *o)
{
	return o->memory && o->arena.total - o->arena.left +
	    o->n * (sizeof(*o->pair) + 2 * sizeof(void *)) > o->memory / 2;
}

/* ---- adding ---- */

static int rank(struct snek_value v, struct sk_ordered *o, struct sk_span *out)
{
	int rc;

	o->scratch.n = 0;
	rc = sk_key_put(&o->scratch, v);
	*out = (struct sk_span){ o->scratch.p, o->scratch.n };
	return !rc && !keep(&o->arena, out) ? SNEK_ENOMEM : rc;
}

static int add(struct sk_ordered *o, const struct sk_entry *en)
{
	struct sk_ordered_pair p = { .key = en->key, .value = en->value };
	struct snek_value v;
	size_t used;
	int rc = sk_unpack(en->value.p, en->value.n, &v, &used);

	if (!rc && o->path)
		v = sk_path_walk(o->path, 0, v);
	if (!rc && v.type == SNEK_NONE)
		v = sk_null();
	if (!rc)
		rc = make_room(o);
	if (!rc)
		rc = rank(v, o, &p.rank);
	if (!rc && !(keep(&o->arena, &p.key) && keep(&o->arena, &p.value)))
		rc = SNEK_ENOMEM;
	if (rc)
		return rc;
	p.seq = o->seq++;
	o->pair[o->n++] = p;
	return 0;
}

int sk_ordered_add(struct sk_ordered *o, const struct sk_entry *en,
    struct snek_error *e)
{
	int rc = add(o, en);

	if (rc)
		return sk_fail(e, rc, "ordering by value: %s", sk_strerror(rc));
	return is_full(o) ? put_off(o, e) : 0;
}

/* ---- giving out ---- */

static int start_merge(struct sk_ordered *o, struct snek_error *e)
{
	const struct sk_sorter_options how = options(o);
	const struct sk_merge_limits l = { o->memory / 2, o->tmp, NULL, NULL };
	size_t i;
	int rc = sk_sorter_finish(&o->sorter, &how, &o->runs, e);

	if (rc)
		return rc;
	o->run = calloc(o->runs.n + 1, sizeof(*o->run));
	if (!o->run)
		return sk_enomem(e);
	for (i = 0; i < o->runs.n; i++)
		o->run[i] = &o->runs.run[i];
	return sk_merge_within(&l, o->run, o->runs.n, &o->merge, e);
}

int sk_ordered_end(struct sk_ordered *o, struct snek_error *e)
{
	int rc;

	if (!o->put_off) {
		sort(o);
		return 0;
	}
	rc = put_off(o, e);
	sk_arena_free(&o->arena);
	return rc ? rc : start_merge(o, e);
}

static int next_merged(struct sk_ordered *o, struct sk_entry *out,
    struct snek_error *e)
{
	uint64_t key = 0;
	struct sk_entry n;
	const char *p;
	size_t head;
	int rc = sk_merge_next(o->merge, &n, e);

	if (rc != 1)
		return rc;
	p = n.value.p;
	head = sk_varint_get(n.value.p, n.value.n, &key);
	if (!head || key > n.value.n - head)
		return sk_fail(e, SNEK_EFORMAT, "a temporary file is damaged");
	out->key = (struct sk_span){ p + head, key };
	out->value = (struct sk_span){ p + head + key, n.value.n - head - key };
	return 1;
}

int sk_ordered_next(struct sk_ordered *o, struct sk_entry *out,
    struct snek_error *e)
{
	if (o->put_off)
		return next_merged(o, out, e);
	if (o->next == o->n)
		return 0;
	out->key = o->pair[o->next].key;
	out->value = o->pair[o->next++].value;
	return 1;
}

void sk_ordered_free(struct sk_ordered *o)
{
	sk_merge_free(o->merge);
	sk_runs_free(&o->runs);
	free(o->run);
	sk_sorter_free(&o->sorter);
	sk_arena_free(&o->arena);
	sk_buf_free(&o->scratch);
	sk_pages_free(o->pair, o->cap * sizeof(*o->pair));
	memset(o, 0, sizeof(*o));
}
