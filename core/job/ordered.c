/* SPDX-License-Identifier: MIT */
#include "job/ordered.h"

#include <stdlib.h>

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

void sk_ordered_end(struct sk_ordered *o)
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

	sk_ordered_end(o);
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

static int make_room(struct sk_ordered *o)
{
	size_t cap = o->cap ? 2 * o->cap : 256;
	struct sk_ordered_pair *p;

	if (o->limit && o->n >= SLACK && (o->n - SLACK) / 2 >= o->limit)
		return prune(o);
	if (o->n < o->cap)
		return 0;
	p = realloc(o->pair, cap * sizeof(*p));
	if (!p)
		return SNEK_ENOMEM;
	o->pair = p;
	o->cap = cap;
	return 0;
}

static int rank(struct snek_value v, struct sk_ordered *o, struct sk_span *out)
{
	struct sk_buf b = { 0 };
	int rc = sk_key_put(&b, v);

	out->p = b.p;
	out->n = b.n;
	if (!rc && !keep(&o->arena, out))
		rc = SNEK_ENOMEM;
	sk_buf_free(&b);
	return rc;
}

int sk_ordered_add(struct sk_ordered *o, const struct sk_entry *en,
    struct snek_error *e)
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
		return sk_fail(e, rc, "ordering by value: %s", sk_strerror(rc));
	p.seq = o->seq++;
	o->pair[o->n++] = p;
	return 0;
}

void sk_ordered_free(struct sk_ordered *o)
{
	sk_arena_free(&o->arena);
	free(o->pair);
	memset(o, 0, sizeof(*o));
}
