/* SPDX-License-Identifier: MIT */
/*
 * lcs.c - for each text the other one that it has most in common with.
 *
 * All pairs of records: each is compared with every one of a side input, which
 * is the same category, so it does not matter which records lie together on a
 * shard, or on how many.  It teaches: side inputs, of which what was read once
 * (in open) stays until close.
 *
 *   cc -shared -fPIC lcs.c -o lcs.so $(pkg-config --cflags snek-plugin)
 *   snek query texts ./lcs.so --side all=texts
 */
#include <stdlib.h>
#include <snek/plugin.h>

struct text {
	struct snek_value id;
	const char *s;
	size_t n;
};

struct lcs {
	snek_path id, text;             /* of the record */
	snek_path side_id, side_text;   /* of the side input */
	struct text *all;
	size_t texts;
	uint32_t *row;                  /* of the table below */
	size_t rows;
};

/* ---- opening ---- */

static int add_text(struct lcs *l, struct snek_record r)
{
	struct text *p = realloc(l->all, (l->texts + 1) * sizeof(*p));

	if (!p)
		return SNEK_ENOMEM;
	l->all = p;
	p += l->texts;
	p->id = snek_get(r, l->side_id);
	if (snek_get_string(r, l->side_text, &p->s, &p->n) &&
	    p->id.type == SNEK_INT)
		l->texts++;
	return 0;
}

static int read_all(snek_ctx *c, struct lcs *l, snek_side *side)
{
	const struct snek_chunk *chunk;
	uint32_t number = 0, i;
	int rc;

	while ((rc = snek_side_chunk(c, side, number++, &chunk)) == 1)
		for (i = 0; i < chunk->rows; i++)
			if (add_text(l, (struct snek_record){ chunk, i }) < 0)
				return SNEK_ENOMEM;
	return rc;
}

static void drop(void *self)
{
	struct lcs *l = self;

	free(l->all);
	free(l->row);
}

static int open_op(snek_ctx *c, void **self)
{
	struct lcs *l = snek_alloc(c, sizeof(*l));
	snek_side *side;
	int rc;

	if (!l)
		return SNEK_ENOMEM;
	memset(l, 0, sizeof(*l));
	*self = l;
	if ((rc = snek_field(c, "id", &l->id)) < 0 ||
	    (rc = snek_field(c, "text", &l->text)) < 0 ||
	    (rc = snek_side_open(c, "all", &side)) < 0 ||
	    (rc = snek_side_field(c, side, "id", &l->side_id)) < 0 ||
	    (rc = snek_side_field(c, side, "text", &l->side_text)) < 0)
		return rc;
	rc = read_all(c, l, side);
	if (rc < 0)
		drop(l);                /* close is not called then */
	return rc;
}

/* ---- the longest common subsequence ---- */

/* One row of the table at a time: row[j] is the answer for what of a was seen
 * and b up to its byte j; left is the one before it. */
static size_t common(const struct text *a, const struct text *b, uint32_t *row)
{
	uint32_t left, left_above, above;
	size_t i, j;
	char next;

	memset(row, 0, (b->n + 1) * sizeof(*row));
	for (i = 0; i < a->n; i++) {
		next = a->s[i];
		for (j = 0, left = left_above = 0; j < b->n; j++) {
			above = row[j];
			row[j] = left = next == b->s[j] ? left_above + 1 :
			    left > above ? left : above;
			left_above = above;
		}
	}
	return b->n ? row[b->n - 1] : 0;
}

static bool make_room(struct lcs *l, size_t n)
{
	uint32_t *p;

	if (n <= l->rows)
		return true;
	p = realloc(l->row, n * sizeof(*p));
	if (!p)
		return false;
	l->row = p;
	l->rows = n;
	return true;
}

/* The longest wins, and of several the one with the greatest id: arrays are
 * compared by their first elements first, so max does the same where a text is
 * in several records. */
static int emit(snek_ctx *c, struct snek_value id, size_t n,
    struct snek_value other)
{
	struct snek_value pair[2], v;
	int rc;

	pair[0] = snek_int((int64_t)n);
	pair[1] = other;
	rc = snek_pack(c, NULL, pair, 2, &v);
	return rc < 0 ? rc : snek_emit(c, id, v);
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	struct lcs *l = self;
	struct text a = { .id = snek_get(r, l->id) };
	const struct text *b, *best = NULL;
	size_t n, longest = 0;

	if (!snek_get_string(r, l->text, &a.s, &a.n) || a.id.type != SNEK_INT)
		return SNEK_SKIP;
	for (b = l->all; b < l->all + l->texts; b++) {
		if (a.id.as.i == b->id.as.i)
			continue;
		if (!make_room(l, b->n + 1))
			return SNEK_ENOMEM;
		n = common(&a, b, l->row);
		if (best && (n < longest || (n == longest &&
		    b->id.as.i < best->id.as.i)))
			continue;
		longest = n;
		best = b;
	}
	return best ? emit(c, a.id, longest, best->id) : 0;
}

SNEK_PLUGIN("lcs", "1.0", SNEK_OP(
	.name = "lcs",
	.summary = "for each text the one that it has most in common with",
	.reducer = "max", .open = open_op, .close = drop, .map = map));
