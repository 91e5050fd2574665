/* SPDX-License-Identifier: MIT */
/*
 * index.c - an inverted index: for each word the records that it occurs in.
 *
 * It teaches: a reduce of one's own, and a combine that does the same to some
 * of a key's values ahead of it, so that less has to be sorted and sent.  What
 * either sees may be numbers, as map emits them, or arrays of them, as combine
 * does.
 *
 *   cc -shared -fPIC index.c -o index.so $(pkg-config --cflags snek-plugin)
 */
#include <stdlib.h>
#include <snek/plugin.h>

struct index {
	snek_path id, text;
	struct snek_value *id_of;       /* of one key, as they come */
	size_t n, room;
};

static int open_op(snek_ctx *c, void **self)
{
	struct index *x = snek_alloc(c, sizeof(*x));
	int rc;

	if (!x)
		return SNEK_ENOMEM;
	memset(x, 0, sizeof(*x));
	*self = x;
	rc = snek_field(c, "id", &x->id);
	return rc < 0 ? rc : snek_field(c, "text", &x->text);
}

static void close_op(void *self)
{
	free(((struct index *)self)->id_of);
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c & 0x80;
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	const struct index *x = self;
	struct snek_value id = snek_get(r, x->id);
	const char *s;
	size_t n, i, from;
	int rc = 0;

	if (id.type != SNEK_INT || !snek_get_string(r, x->text, &s, &n))
		return SNEK_SKIP;
	for (i = 0; i < n && rc >= 0; i++) {
		for (from = i; i < n && is_letter(s[i]); i++)
			;
		if (i > from)
			rc = snek_emit(c, snek_string_n(s + from, i - from), id);
	}
	return rc;
}

/* ---- the values of a key ---- */

static int add(struct index *x, struct snek_value id)
{
	struct snek_value *p;

	if (x->n == x->room) {
		x->room = x->room ? 2 * x->room : 64;
		p = realloc(x->id_of, x->room * sizeof(*p));
		if (!p)
			return SNEK_ENOMEM;
		x->id_of = p;
	}
	x->id_of[x->n++] = id;
	return 0;
}

static int add_all(snek_ctx *c, struct index *x, struct snek_value array)
{
	struct snek_value none, id;
	struct snek_cursor at;
	int rc = snek_iterate(c, array, &at);

	while (rc >= 0 && (rc = snek_next(c, &at, &none, &id)) == 1)
		rc = add(x, id);
	return rc;
}

static int by_number(const void *a, const void *b)
{
	const struct snek_value *x = a, *y = b;

	return x->as.i < y->as.i ? -1 : x->as.i > y->as.i;
}

/* Each once, in order. */
static void tidy(struct index *x)
{
	size_t i, n = 0;

	if (x->n)
		qsort(x->id_of, x->n, sizeof(*x->id_of), by_number);
	for (i = 0; i < x->n; i++)
		if (!n || x->id_of[n - 1].as.i != x->id_of[i].as.i)
			x->id_of[n++] = x->id_of[i];
	x->n = n;
}

static int gather(snek_ctx *c, void *self, struct snek_value key,
    snek_values *values)
{
	struct index *x = self;
	struct snek_value v;
	int rc;

	x->n = 0;
	while ((rc = snek_next_value(c, values, &v)) == 1) {
		rc = v.type == SNEK_ARRAY ? add_all(c, x, v) : add(x, v);
		if (rc < 0)
			return rc;
	}
	if (rc < 0)
		return rc;
	tidy(x);
	rc = snek_pack(c, NULL, x->id_of, x->n, &v);
	return rc < 0 ? rc : snek_emit(c, key, v);
}

SNEK_PLUGIN("index", "1.0", SNEK_OP(
	.name = "index",
	.summary = "for each word the ids of the records that it occurs in",
	.open = open_op, .close = close_op, .map = map, .combine = gather,
	.reduce = gather));
