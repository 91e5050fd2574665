/* SPDX-License-Identifier: MIT */
/*
 * The column of a path: one of the chunk's own, or one made for it, whose
 * values are copied out of packed ones.
 */
#include "value/chunk_view.h"
#include "value/pack.h"

enum { ROWS, ENDS, VALUES };    /* the scratch buffers */

static struct snek_column absent(const struct sk_chunk *c)
{
	return (struct snek_column){
		.size = sizeof(struct snek_column), .type = SNEK_COLUMN_ABSENT,
		.presence = SNEK_PRESENT_ROWS, .rows = c->head->rows,
	};
}

/* ---- making ---- */

static struct snek_value member_of(struct snek_value map,
    const struct sk_path_step *s)
{
	struct snek_cursor at;
	struct snek_value name, v;

	if (sk_iterate(map, &at))
		return sk_none();
	while (sk_next(&at, &name, &v) == 1)
		if (name.type == SNEK_STRING && name.len == s->len &&
		    (!s->len || !memcmp(name.as.s, s->name, s->len)))
			return v;
	return sk_none();
}

static bool add_value(struct sk_chunk *c, uint32_t row, struct snek_value v)
{
	uint32_t end;

	if (v.type == SNEK_NONE)
		return true;
	if (!sk_pack_value(&c->scratch[VALUES], v))
		return false;
	end = (uint32_t)c->scratch[VALUES].n;
	return sk_buf_put(&c->scratch[ROWS], &row, 4) &&
	    sk_buf_put(&c->scratch[ENDS], &end, 4);
}

static uint32_t row_of(const struct snek_column *c, uint32_t slot)
{
	return c->presence == SNEK_PRESENT_ROWS ? c->rows_of[slot] : slot;
}

/* Walk from each value of a column; in_rest: the first step picks from it. */
static bool gather(struct sk_chunk *c, const struct snek_column *from,
    const struct sk_path *path, uint32_t first, bool in_rest)
{
	uint32_t i;

	for (i = 0; i < from->slots; i++) {
		struct snek_value v;

		if (from->presence == SNEK_PRESENT_BITS &&
		    !snek_bit(from->present, i))
			continue;
		v = sk_column_value(from, i);
		if (in_rest)
			v = member_of(v, path->step);
		if (first < path->n && v.type != SNEK_NONE)
			v = sk_path_walk(path, first, v);
		if (!add_value(c, row_of(from, i), v))
			return false;
	}
	return true;
}

static const void *keep(struct sk_chunk *c, const struct sk_buf *b)
{
	void *p = sk_arena_alloc(&c->arena, b->n + 1);

	if (p && b->n)
		memcpy(p, b->p, b->n);
	return p;
}

static bool take_column(struct sk_chunk *c, struct snek_column *out)
{
	out->slots = (uint32_t)(c->scratch[ROWS].n / 4);
	if (!out->slots)
		return true;
	out->type = SNEK_COLUMN_PACKED;
	out->rows_of = keep(c, &c->scratch[ROWS]);
	out->ends = keep(c, &c->scratch[ENDS]);
	out->values = keep(c, &c->scratch[VALUES]);
	if (!out->rows_of || !out->ends || !out->values)
		return false;
	if (out->slots == out->rows) {
		out->presence = SNEK_PRESENT_ALL;
		out->rows_of = NULL;
	}
	return true;
}

/* Does the name stand anywhere in the values?  Much faster than to look at
 * each member of each row. */
static bool mentions(const struct snek_column *c, const struct sk_path_step *s)
{
	return memmem(c->values, c->ends[c->slots], s->name, s->len);
}

static int make_from(struct sk_chunk *c, uint32_t column,
    const struct sk_path *path, uint32_t first, struct snek_column *out,
    struct snek_error *e)
{
	static const uint32_t zero;
	struct sk_view *v;
	int rc = sk_chunk_view(c, column, &v, e);

	if (rc || (column == c->rest && !mentions(&v->column, path->step)))
		return rc;
	c->scratch[ROWS].n = c->scratch[ENDS].n = c->scratch[VALUES].n = 0;
	if (!sk_buf_put(&c->scratch[ENDS], &zero, 4) ||
	    !gather(c, &v->column, path, first, column == c->rest) ||
	    !take_column(c, out))
		return sk_enomem(e);
	return 0;
}

static int make(struct sk_chunk *c, const struct sk_path *path,
    struct snek_column *out, struct snek_error *e)
{
	const struct sk_path_step *s = path->step;
	uint32_t none = c->head->columns, i;

	*out = absent(c);
	if (!s->name)
		return c->value == none ? 0
		    : make_from(c, c->value, path, 0, out, e);
	i = sk_chunk_find(c, s->name, s->len);
	if (sk_chunk_has(c, i))
		return make_from(c, i, path, 1, out, e);
	return c->rest == none ? 0 : make_from(c, c->rest, path, 1, out, e);
}

/* ---- keeping ---- */

static bool same_step(const struct sk_path_step *a,
    const struct sk_path_step *b)
{
	if (!a->name || !b->name)
		return !a->name && !b->name && a->index == b->index;
	return a->len == b->len &&
	    (!a->len || !memcmp(a->name, b->name, a->len));
}

static bool same_path(const struct sk_path *a, const struct sk_path *b)
{
	uint32_t i;

	for (i = 0; i < a->n && a->n == b->n; i++)
		if (!same_step(&a->step[i], &b->step[i]))
			return false;
	return a->n == b->n;
}

static bool copy_path(struct sk_chunk *c, const struct sk_path *from,
    struct sk_path *to)
{
	uint32_t i;

	to->n = from->n;
	to->text = NULL;
	to->step = sk_arena_alloc(&c->arena, from->n * sizeof(*to->step));
	if (!to->step)
		return false;
	for (i = 0; i < from->n; i++) {
		to->step[i] = from->step[i];
		if (!from->step[i].name)
			continue;
		to->step[i].name = sk_arena_copy(&c->arena,
		    from->step[i].name, from->step[i].len);
		if (!to->step[i].name)
			return false;
	}
	return true;
}

int sk_chunk_make(struct sk_chunk *c, const struct sk_path *path,
    struct snek_column *out, struct snek_error *e)
{
	struct sk_made *m;
	int rc;

	for (m = c->made; m; m = m->next) {
		if (!same_path(&m->path, path))
			continue;
		*out = m->column;
		return 0;
	}
	m = sk_arena_alloc(&c->arena, sizeof(*m));
	if (!m || !copy_path(c, path, &m->path))
		return sk_enomem(e);
	rc = make(c, path, &m->column, e);
	if (rc)
		return rc;
	m->next = c->made;
	c->made = m;
	*out = m->column;
	return 0;
}

int sk_chunk_column(struct sk_chunk *c, const struct sk_path *path,
    struct snek_column *out, struct snek_error *e)
{
	struct sk_view *v;
	uint32_t i;
	int rc;

	if (!path->n) {
		*out = absent(c);
		out->type = SNEK_COLUMN_HOST;
		out->presence = SNEK_PRESENT_ALL;
		out->slots = out->rows;
		return 0;
	}
	i = path->step->name
	    ? sk_chunk_find(c, path->step->name, path->step->len)
	    : c->head->columns;
	if (c->some && path->step->name && i == c->head->columns)
		return sk_fail(e, SNEK_EINTERNAL, "column \"%.*s\" of a chunk "
		    "was not fetched", path->step->len < 99
		    ? (int)path->step->len : 99, path->step->name);
	if (path->n == 1 && sk_chunk_has(c, i)) {
		rc = sk_chunk_view(c, i, &v, e);
		if (!rc)
			*out = v->column;
		return rc;
	}
	if (path->n == 1 && path->step->name && c->rest == c->head->columns) {
		*out = absent(c);
		return 0;
	}
	return sk_chunk_make(c, path, out, e);
}
