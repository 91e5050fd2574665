/* SPDX-License-Identifier: MIT */
#include "category/survey.h"
#include "category/load.h"

#include <inttypes.h>
#include <stdlib.h>

#include "value/chunk_view.h"
#include "value/pack.h"

struct walk {                   /* through the bytes of packed values */
	struct sk_survey *survey;
	const uint8_t *p;
	size_t left;
	uint64_t record;        /* whose they are; from 1 */
};

/* Chunks come and go: what is shown is kept apart. */
static void show(struct sk_survey *s, struct sk_survey_node *n,
    struct snek_value v)
{
	if (n->example.type > SNEK_NULL || v.type >= SNEK_ARRAY)
		return;
	if (v.type == SNEK_STRING) {
		v.as.s = sk_arena_copy(&s->texts, v.as.s, v.len);
		s->nomem |= !v.as.s;
	}
	if (v.type != SNEK_STRING || v.as.s)
		n->example = v;
}

static void count(struct sk_survey *s, struct sk_survey_node *n,
    struct snek_value v, uint64_t record)
{
	n->count[v.type == SNEK_UINT ? SNEK_INT : v.type]++;
	n->records += n->seen != record;
	n->seen = record;
	show(s, n, v);
}

/* ---- packed values: a column checks them, and their depth, beforehand ---- */

static bool take_head(struct walk *w, struct snek_value *out)
{
	size_t used;

	if (sk_unpack_head(w->p, w->left, out, &used))
		return false;
	w->p += used;
	w->left -= used;
	return true;
}

static bool skip(struct walk *w)
{
	struct snek_value v;
	size_t used;

	if (sk_unpack(w->p, w->left, &v, &used))
		return false;
	w->survey->left_out++;
	w->p += used;
	w->left -= used;
	return true;
}

static bool walk(struct walk *, struct sk_survey_node *);

static bool walk_inside(struct walk *w, struct sk_survey_node *n,
    struct snek_value container)
{
	struct snek_value name = { .as.s = NULL };
	struct sk_survey_node *c;
	uint32_t i;

	for (i = 0; i < container.len; i++) {
		if (container.type == SNEK_OBJECT && (!take_head(w, &name) ||
		    name.type != SNEK_STRING))
			return false;
		c = sk_survey_child(w->survey, n, name.as.s, name.len);
		if (c ? !walk(w, c) : !skip(w))
			return false;
	}
	return true;
}

static bool walk(struct walk *w, struct sk_survey_node *n)
{
	struct snek_value v;

	if (!take_head(w, &v))
		return false;
	count(w->survey, n, v, w->record);
	return v.type < SNEK_ARRAY || walk_inside(w, n, v);
}

/* n NULL: maps of members of the root. */
static bool walk_slot(struct walk *w, struct sk_survey_node *n,
    const struct snek_column *c, uint32_t slot)
{
	struct snek_value v;

	if (c->nulls && snek_bit(c->nulls, slot)) {
		count(w->survey, n, sk_null(), w->record);
		return true;
	}
	w->p = (const uint8_t *)c->values + c->ends[slot];
	w->left = c->ends[slot + 1] - c->ends[slot];
	if (n)
		return walk(w, n);
	return take_head(w, &v) && v.type == SNEK_OBJECT &&
	    walk_inside(w, w->survey->node, v);
}

static bool is_present(const struct snek_column *c, uint32_t slot)
{
	return c->presence != SNEK_PRESENT_BITS || snek_bit(c->present, slot);
}

static int walk_column(struct sk_survey *s, struct sk_survey_node *n,
    const struct snek_column *c, struct snek_error *e)
{
	struct walk w = { .survey = s };
	uint32_t i, row;

	for (i = 0; i < c->slots; i++) {
		row = c->presence == SNEK_PRESENT_ROWS ? c->rows_of[i] : i;
		w.record = s->records + row + 1;
		if (is_present(c, i) && !walk_slot(&w, n, c, i))
			return sk_chunk_corrupt(e, "a packed value");
	}
	return 0;
}

/* ---- columns of one type ---- */

static const uint8_t type_of[] = {
	[SNEK_COLUMN_INT] = SNEK_INT, [SNEK_COLUMN_UINT] = SNEK_INT,
	[SNEK_COLUMN_DOUBLE] = SNEK_DOUBLE, [SNEK_COLUMN_BOOL] = SNEK_BOOL,
	[SNEK_COLUMN_STRING] = SNEK_STRING, [SNEK_COLUMN_NUMBER] = SNEK_INT,
};

/* The first value that is not null; there is one. */
static struct snek_value first_of(const struct snek_column *c)
{
	uint32_t i = 0;

	while (i + 1 < c->slots && (!is_present(c, i) ||
	    (c->nulls && snek_bit(c->nulls, i))))
		i++;
	return sk_column_value(c, i);
}

static uint32_t doubles_in(const struct snek_column *c)
{
	uint32_t i, n = 0;

	for (i = 0; i < c->slots; i++)
		n += is_present(c, i) && snek_bit(c->doubles, i) &&
		    !(c->nulls && snek_bit(c->nulls, i));
	return n;
}

/* What the directory says of a column is enough, but for an example and for
 * which numbers are doubles. */
static int count_column(struct sk_survey *s, struct sk_chunk *k, uint32_t i,
    struct sk_survey_node *n, struct snek_error *e)
{
	const struct sk_chunk_field *f = &k->field[i];
	uint32_t values = f->count - f->nulls, doubles;
	struct sk_view *v;
	int rc = 0;

	n->records += f->count;
	n->count[SNEK_NULL] += f->nulls;
	n->count[type_of[f->type]] += values;
	if (!values)
		show(s, n, sk_null());
	if (!values || (f->type != SNEK_COLUMN_NUMBER &&
	    n->example.type > SNEK_NULL))
		return 0;
	rc = sk_chunk_view(k, i, &v, e);
	if (rc)
		return rc;
	show(s, n, first_of(&v->column));
	if (f->type == SNEK_COLUMN_NUMBER) {
		doubles = doubles_in(&v->column);
		n->count[SNEK_INT] -= doubles;
		n->count[SNEK_DOUBLE] += doubles;
	}
	return 0;
}

/* ---- chunks ---- */

static int look_at(struct sk_survey *s, struct sk_chunk *k, uint32_t i,
    struct snek_error *e)
{
	const struct sk_chunk_field *f = &k->field[i];
	struct sk_survey_node *n = f->kind == SK_COLUMN_VALUE ? s->node : NULL;
	const char *name;
	struct sk_view *v;
	uint32_t len;
	int rc;

	if (f->kind == SK_COLUMN_FIELD) {
		name = sk_chunk_name(k, i, &len);
		n = sk_survey_child(s, s->node, name, len);
		if (!n) {
			s->left_out += f->count;
			return 0;
		}
	}
	if (f->type != SNEK_COLUMN_PACKED)
		return count_column(s, k, i, n, e);
	rc = sk_chunk_view(k, i, &v, e);
	return rc ? rc : walk_column(s, n, &v->column, e);
}

static int look_into(struct sk_survey *s, struct sk_chunk *k,
    struct snek_error *e)
{
	uint64_t objects = k->head->rows;
	uint32_t i;
	int rc = 0;

	if (k->value < k->head->columns)
		objects -= k->field[k->value].count;
	s->node->records += objects;
	s->node->count[SNEK_OBJECT] += objects;
	for (i = 0; i < k->head->columns && !rc; i++)
		rc = look_at(s, k, i, e);
	s->records += k->head->rows;
	return rc;
}

/* Columns are sorted by name; people know their members in another order. */
static int order_members(struct sk_survey *s, struct sk_chunk *k,
    struct snek_error *e)
{
	struct sk_record r;
	uint32_t i;
	int rc = sk_chunk_record(k, 0, &r, e);

	for (i = 0; !rc && r.object && i < r.n; i++)
		sk_survey_child(s, s->node, r.member[i].name,
		    r.member[i].name_len);
	return rc;
}

static int which(const struct sk_snapshot_chunk *c, int rc,
    struct snek_error *e)
{
	char hex[33];

	sk_write_id_hex(c->write, hex);
	return sk_fail_in(e, rc, "shard %" PRIu32 ", segment %s, chunk %" PRIu32,
	    c->shard, hex, c->number);
}

/* The chunk of the first record: examples are best from what people know. */
static size_t first_chunk(const struct sk_snapshot *s)
{
	size_t i, first = 0;

	for (i = 1; i < s->n; i++)
		if (s->chunk[i].base.version < s->chunk[first].base.version ||
		    (s->chunk[i].base.version ==
		    s->chunk[first].base.version &&
		    s->chunk[i].base.record < s->chunk[first].base.record))
			first = i;
	return first;
}

static int survey_bytes(struct sk_survey *s, struct sk_ahead *a,
    struct sk_chunk **k, struct snek_error *e)
{
	struct sk_span b;
	int rc = sk_ahead_get(a, &b, e);

	if (!rc)
		rc = *k ? sk_chunk_reopen(*k, b.p, b.n, e) :
		    sk_chunk_open(b.p, b.n, k, e);
	if (!rc && !s->records)
		rc = order_members(s, *k, e);
	if (!rc)
		rc = look_into(s, *k, e);
	return rc;
}

static int late(const struct sk_survey *s, struct snek_error *e)
{
	return sk_fail(e, SNEK_ELIMIT, "in the time that an answer has, %" PRIu64
	    " of %" PRIu64 " records were looked at; ask for about so many "
	    "(--records), or where the cluster itself is reached", s->records,
	    s->snapshot->records);
}

static int survey_next(struct sk_survey *s, struct sk_ahead *a,
    struct sk_chunk **k, struct snek_error *e)
{
	int rc;

	if (sk_catalog_is_late(a->catalog))
		return late(s, e);
	rc = survey_bytes(s, a, k, e);
	return rc ? which(&s->snapshot->chunk[a->at], rc, e) : 0;
}

/* Chunks of a walk, but for one that has been looked at. */
static int survey_walk(struct sk_survey *s, struct sk_ahead *a, size_t but,
    struct snek_error *e)
{
	struct sk_chunk *k = NULL;
	int rc = 0;

	for (; a->at < a->end && !rc; sk_ahead_next(a))
		if (a->at != but)
			rc = survey_next(s, a, &k, e);
	sk_chunk_close(k);
	sk_ahead_end(a);
	return rc;
}

static int survey(struct sk_survey *s, struct sk_catalog *c, uint64_t step,
    struct snek_error *e)
{
	size_t n = s->snapshot->n, first = first_chunk(s->snapshot);
	struct sk_ahead one = { .catalog = c, .snapshot = s->snapshot,
	    .at = first, .end = n ? first + 1 : 0 };
	struct sk_ahead all = { .catalog = c, .snapshot = s->snapshot,
	    .end = n, .step = step < n ? step : n };
	int rc = survey_walk(s, &one, n, e);

	if (!rc)
		rc = survey_walk(s, &all, first, e);
	return !rc && s->nomem ? sk_enomem(e) : rc;
}

int sk_survey_open(struct sk_catalog *cat, const char *category,
    uint64_t records, uint32_t limit, struct sk_survey **out,
    struct snek_error *e)
{
	struct sk_survey *s = calloc(1, sizeof(*s));
	uint64_t all;
	int rc;

	if (!s || sk_survey_nodes_new(s, limit)) {
		sk_survey_close(s);
		return sk_enomem(e);
	}
	rc = sk_snapshot_open(cat, category, &s->snapshot, e);
	if (!rc) {
		all = s->snapshot->records;
		rc = survey(s, cat, all <= records ? 1 : (all - 1) / records + 1, e);
	}
	if (rc) {
		sk_survey_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void sk_survey_close(struct sk_survey *s)
{
	if (!s)
		return;
	sk_snapshot_close(s->snapshot);
	sk_arena_free(&s->texts);
	free(s->node);
	free(s->table);
	free(s);
}
