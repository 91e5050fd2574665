/* SPDX-License-Identifier: MIT */
#include "task/group.h"
#include "task/pair.h"
#include "value/key.h"
#include "value/pack.h"
#include "value/value.h"

#include <stdlib.h>

#define ARRAY_HEAD 5u           /* most bytes of an array's header */
#define ALLOCATED 16u           /* what an allocation takes besides its bytes */

/* A value as a key; the least of those kept is on top of the heap. */
struct sk_top_item {
	char *p;
	size_t n, cap;
};

void sk_builtin_free(struct sk_builtin *b)
{
	uint32_t i;

	for (i = 0; i < b->cap; i++)
		free(b->item[i].p);
	free(b->item);
	sk_buf_free(&b->buf);
	sk_buf_free(&b->out);
	memset(b, 0, sizeof(*b));
}

/*
 * An array of the n elements that lie in b->buf from ARRAY_HEAD on.  deep says
 * that one of them is nested, so that the depth has to be looked at.
 */
static int array(struct sk_builtin *b, uint64_t n, bool deep,
    struct snek_value *out, struct snek_error *e)
{
	size_t used;

	if (n > UINT32_MAX || b->buf.n > UINT32_MAX)
		return sk_fail(e, SNEK_ELIMIT, "the list of a key's values is "
		    "over 4 GiB");
	b->out.n = 0;
	if (!sk_pack_array(&b->out, (uint32_t)n))
		return sk_enomem(e);
	out->type = SNEK_ARRAY;
	out->as.p = b->buf.p + ARRAY_HEAD - b->out.n;
	out->len = (uint32_t)(b->buf.n - ARRAY_HEAD + b->out.n);
	memcpy(b->buf.p + ARRAY_HEAD - b->out.n, b->out.p, b->out.n);
	if (deep && sk_unpack(out->as.p, out->len, out, &used))
		return sk_fail(e, SNEK_ELIMIT, "the list of a key's values nests "
		    "deeper than %d", SK_MAX_DEPTH);
	return 0;
}

static int too_much(const struct sk_builtin *b, struct snek_error *e)
{
	return sk_fail(e, SNEK_ELIMIT, "its values take over %zu bytes: "
	    SK_MORE_MEMORY, b->most);
}

static int begin(struct sk_builtin *b, struct snek_error *e)
{
	b->buf.n = 0;
	return sk_buf_put(&b->buf, "\0\0\0\0\0", ARRAY_HEAD) ? 0 : sk_enomem(e);
}

int sk_list_group(void *arg, struct snek_value key, sk_group *g,
    int (*emit)(void *, struct snek_value, struct snek_value), void *emit_arg,
    struct snek_error *e)
{
	struct sk_builtin *b = arg;
	struct snek_value v;
	bool deep = false;
	uint64_t n = 0;
	int rc = begin(b, e);

	while (!rc && (rc = sk_group_next(g, &v, e)) > 0) {
		deep |= v.type >= SNEK_ARRAY;
		n++;
		rc = sk_pack_value(&b->buf, v) ? 0 : sk_enomem(e);
		if (!rc && b->most && b->buf.n > b->most)
			rc = too_much(b, e);
		if (b->buf.n > UINT32_MAX)
			break;
	}
	if (!rc)
		rc = array(b, n, deep, &v, e);
	return rc ? rc : emit(emit_arg, key, v);
}

/* ---- top ---- */

static bool less(const struct sk_top_item *a, const struct sk_top_item *b)
{
	return sk_key_compare(a->p, a->n, b->p, b->n) < 0;
}

static void swap(struct sk_top_item *a, struct sk_top_item *b)
{
	struct sk_top_item t = *a;

	*a = *b;
	*b = t;
}

static void settle_down(struct sk_top_item *item, uint32_t n)
{
	uint32_t i = 0, kid;

	while ((kid = 2 * i + 1) < n) {
		if (kid + 1 < n && less(&item[kid + 1], &item[kid]))
			kid++;
		if (!less(&item[kid], &item[i]))
			return;
		swap(&item[kid], &item[i]);
		i = kid;
	}
}

static void settle_up(struct sk_top_item *item, uint32_t i)
{
	uint32_t up;

	for (; i; i = up) {
		up = (i - 1) / 2;
		if (!less(&item[i], &item[up]))
			return;
		swap(&item[i], &item[up]);
	}
}

static bool set(struct sk_builtin *b, struct sk_top_item *t,
    const struct sk_buf *key)
{
	char *p;

	if (key->n > t->cap) {
		p = realloc(t->p, key->n);
		if (!p)
			return false;
		b->held += key->n - t->cap;
		t->p = p;
		t->cap = key->n;
	}
	memcpy(t->p, key->p, key->n);
	t->n = key->n;
	return true;
}

static bool room(struct sk_builtin *b)
{
	struct sk_top_item *p;
	uint32_t cap = b->cap ? 2 * b->cap : 16;

	if (b->n < b->cap)
		return true;
	p = realloc(b->item, cap * sizeof(*p));
	if (!p)
		return false;
	memset(p + b->cap, 0, (cap - b->cap) * sizeof(*p));
	b->held += (cap - b->cap) * (sizeof(*p) + ALLOCATED);
	b->item = p;
	b->cap = cap;
	return true;
}

static int offer(struct sk_builtin *b, struct snek_value v, struct snek_error *e)
{
	int rc;

	b->buf.n = 0;
	rc = sk_key_put(&b->buf, v);
	if (rc)
		return rc == SNEK_ENOMEM ? sk_enomem(e) :
		    sk_fail(e, rc, "a value is malformed");
	if (b->n < b->top) {
		if (!room(b) || !set(b, &b->item[b->n], &b->buf))
			return sk_enomem(e);
		settle_up(b->item, b->n++);
		return 0;
	}
	if (sk_key_compare(b->buf.p, b->buf.n, b->item[0].p, b->item[0].n) <= 0)
		return 0;
	if (!set(b, &b->item[0], &b->buf))
		return sk_enomem(e);
	settle_down(b->item, b->n);
	return 0;
}

/* Heap sort: the greatest first. */
static void order(struct sk_builtin *b)
{
	uint32_t n;

	for (n = b->n; n > 1; n--) {
		swap(&b->item[0], &b->item[n - 1]);
		settle_down(b->item, n - 1);
	}
}

static int item_value(struct sk_builtin *b, uint32_t i, struct snek_value *v,
    struct snek_error *e)
{
	int rc;

	b->out.n = 0;
	rc = sk_key_get(b->item[i].p, b->item[i].n, &b->out, v);
	return !rc ? 0 : rc == SNEK_ENOMEM ? sk_enomem(e) :
	    sk_fail(e, rc, "a value is malformed");
}

static int give_all(struct sk_builtin *b, struct snek_value *out,
    struct snek_error *e)
{
	struct snek_value v;
	bool deep = false;
	uint32_t i;
	int rc = begin(b, e);

	for (i = 0; i < b->n && !rc; i++) {
		rc = item_value(b, i, &v, e);
		deep |= !rc && v.type >= SNEK_ARRAY;
		if (!rc && !sk_pack_value(&b->buf, v))
			rc = sk_enomem(e);
	}
	return rc ? rc : array(b, b->n, deep, out, e);
}

/* What the key's items held goes before the next one's. */
static void forget(struct sk_builtin *b)
{
	uint32_t i;

	b->n = 0;
	if (!b->most || b->held <= b->most / 2)
		return;
	for (i = 0; i < b->cap; i++)
		free(b->item[i].p);
	free(b->item);
	b->item = NULL;
	b->cap = 0;
	b->held = 0;
}

static int give_items(struct sk_builtin *b, struct snek_value key,
    int (*emit)(void *, struct snek_value, struct snek_value), void *emit_arg,
    struct snek_error *e)
{
	struct snek_value v;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < b->n && !rc; i++) {
		rc = item_value(b, i, &v, e);
		if (!rc)
			rc = emit(emit_arg, key, v);
	}
	return rc;
}

/* No room for choosing: the rest is for whoever comes after. */
static int pass_on(struct sk_builtin *b, struct snek_value key, sk_group *g,
    int (*emit)(void *, struct snek_value, struct snek_value), void *emit_arg,
    struct snek_error *e)
{
	struct snek_value v;
	int rc = give_items(b, key, emit, emit_arg, e);

	while (!rc && (rc = sk_group_next(g, &v, e)) > 0)
		rc = emit(emit_arg, key, v);
	return rc;
}

int sk_top_group(void *arg, struct snek_value key, sk_group *g,
    int (*emit)(void *, struct snek_value, struct snek_value), void *emit_arg,
    struct snek_error *e)
{
	struct sk_builtin *b = arg;
	struct snek_value v;
	int rc;

	forget(b);
	while ((rc = sk_group_next(g, &v, e)) > 0) {
		rc = offer(b, v, e);
		if (rc)
			return rc;
		if (b->most && b->held > b->most)
			return b->partial ? pass_on(b, key, g, emit, emit_arg, e)
			    : too_much(b, e);
	}
	if (rc)
		return rc;
	order(b);
	if (b->partial)
		return give_items(b, key, emit, emit_arg, e);
	rc = give_all(b, &v, e);
	return rc ? rc : emit(emit_arg, key, v);
}
