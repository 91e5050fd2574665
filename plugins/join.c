/* SPDX-License-Identifier: MIT */
/* join.c - each record with the records of a side input that have the same
 * values. */
#include "fields.h"
#include "join_table.h"

enum kind { INNER, LEFT, WITH, WITHOUT };

struct join {
	uint32_t kind;
	struct snek_value as;           /* the member that the partner becomes */
	snek_path whole, partner;       /* of the record; of the side input */
	snek_path on[JOIN_MOST];
	struct table table;
	struct snek_value *name, *value;        /* room for rooms members */
	size_t rooms;
};

/* ---- opening ---- */

static int open_keys(snek_ctx *c, struct join *j, snek_side *side)
{
	struct snek_value list, none, path;
	struct snek_cursor at;
	uint32_t n = 0;
	int rc = snek_arg(c, "key", &list);

	if (rc >= 0 && list.type == SNEK_NONE)
		rc = snek_arg(c, "on", &list);
	if (rc >= 0)
		rc = snek_iterate(c, list, &at);
	while (rc >= 0 && (rc = snek_next(c, &at, &none, &path)) == 1 &&
	    n < JOIN_MOST)
		rc = c->api->side_field(c, side, path.as.s, path.len,
		    &j->table.key[n++]);
	j->table.keys = n;
	return rc < 0 ? rc : rc ? snek_fail(c, SNEK_ELIMIT, "over %u fields to "
	    "join on", JOIN_MOST) : 0;
}

static int open_on(snek_ctx *c, struct join *j)
{
	struct fields f;
	int rc = fields_open(c, "on", &f);

	if (rc < 0)
		return rc;
	if (!f.n)
		return snek_fail(c, SNEK_EINVAL, "argument 'on' names no field");
	if (f.n != j->table.keys)
		return snek_fail(c, SNEK_EINVAL, "arguments 'on' and 'key' name "
		    "%u and %u fields: there must be as many", f.n,
		    j->table.keys);
	for (uint32_t i = 0; i < f.n; i++)
		j->on[i] = f.field[i].path;
	return snek_field(c, "", &j->whole);
}

static uint32_t kind_of(struct snek_value v)
{
	if (v.len == 5)
		return INNER;
	return v.as.s[0] == 'l' ? LEFT : v.len == 4 ? WITH : WITHOUT;
}

static int open_side(snek_ctx *c, struct join *j)
{
	struct snek_value name, kind;
	snek_side *side;
	int rc;

	if (!SNEK_HAS(c, side_chunk))
		return snek_fail(c, SNEK_EABI, "this snek has no side inputs");
	if ((rc = snek_arg(c, "side", &name)) < 0 ||
	    (rc = snek_arg(c, "as", &j->as)) < 0 ||
	    (rc = snek_arg(c, "kind", &kind)) < 0 ||
	    (rc = c->api->side(c, name.as.s, name.len, &side)) < 0 ||
	    (rc = open_keys(c, j, side)) < 0 ||
	    (rc = snek_side_field(c, side, "", &j->partner)) < 0)
		return rc;
	if (j->as.type == SNEK_NONE)
		j->as = name;
	j->kind = kind_of(kind);
	rc = table_read(c, &j->table, side);
	return rc < 0 ? rc : table_index(&j->table);
}

static void drop(struct join *j)
{
	table_free(&j->table);
	free(j->name);
	free(j->value);
}

static int open_op(snek_ctx *c, void **self)
{
	struct join *j = snek_alloc(c, sizeof(*j));
	int rc;

	if (!j)
		return SNEK_ENOMEM;
	memset(j, 0, sizeof(*j));
	*self = j;
	rc = open_side(c, j);
	if (rc >= 0)
		rc = open_on(c, j);
	if (rc < 0)                     /* there will be no close */
		drop(j);
	return rc;
}

static void close_op(void *self)
{
	drop(self);
}

/* ---- mapping ---- */

static bool make_room(struct join *j, size_t n)
{
	struct snek_value *p;

	if (n <= j->rooms)
		return true;
	p = realloc(j->name, n * sizeof(*p));
	if (!p)
		return false;
	j->name = p;
	p = realloc(j->value, n * sizeof(*p));
	if (!p)
		return false;
	j->value = p;
	j->rooms = n;
	return true;
}

/* The record's members; how many, or less than 0. */
static int take_members(snek_ctx *c, struct join *j, struct snek_value record)
{
	struct snek_cursor at;
	uint32_t n = 0;
	int rc = record.type == SNEK_OBJECT ? snek_iterate(c, record, &at)
	    : SNEK_ETYPE;

	if (rc < 0)
		return snek_fail(c, rc, "the record is no object, and nothing "
		    "can be put into it");
	if (!make_room(j, (size_t)at.left + 1))
		return SNEK_ENOMEM;
	while ((rc = snek_next(c, &at, &j->name[n], &j->value[n])) == 1) {
		if (j->name[n].len == j->as.len &&
		    !memcmp(j->name[n].as.s, j->as.as.s, j->as.len))
			return snek_fail(c, SNEK_EINVAL, "the record has a '%.*s' "
			    "already: give another name with as=",
			    (int)j->as.len, j->as.as.s);
		n++;
	}
	return rc < 0 ? rc : (int)n;
}

static int emit_pair(snek_ctx *c, struct join *j, int n, const struct row *row)
{
	struct snek_value object;
	int rc;

	if (row) {
		j->name[n] = j->as;
		j->value[n++] = snek_get((struct snek_record){ row->chunk,
		    row->row }, j->partner);
	}
	rc = snek_pack(c, j->name, j->value, (size_t)n, &object);
	return rc < 0 ? rc : snek_emit(c, snek_null(), object);
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	struct join *j = self;
	struct part part[JOIN_MOST];
	const struct row *row = NULL;
	uint64_t hash;
	int rc, n;

	if (parts_of(r, j->on, j->table.keys, part, &hash))
		row = table_next(&j->table, NULL, part, hash);
	if (j->kind >= WITH)
		return !row == (j->kind == WITHOUT) ? snek_emit(c, snek_null(),
		    snek_get(r, j->whole)) : 0;
	if (!row && j->kind == INNER)
		return 0;
	n = take_members(c, j, snek_get(r, j->whole));
	if (n < 0)
		return n;
	do
		rc = emit_pair(c, j, n, row);
	while (rc >= 0 && row &&
	    (row = table_next(&j->table, row, part, hash)));
	return rc;
}

SNEK_PLUGIN("join", "0.1.0", SNEK_OP(
	.name = "join",
	.summary = "each record with those of a side input that match it",
	.args = (const struct snek_arg *const[]){
		SNEK_ARG(.name = "side", .type = SNEK_ARG_STRING, .required = 1,
		    .help = "the side input's name, as --side gives it"),
		SNEK_ARG(.name = "on", .type = SNEK_ARG_LIST, .required = 1,
		    .help = "fields of the record whose values must be the same; "
		    "null and absent are like nothing"),
		SNEK_ARG(.name = "key", .type = SNEK_ARG_LIST,
		    .help = "the fields of the side input, as many; default: as "
		    "on"),
		SNEK_ARG(.name = "as", .type = SNEK_ARG_STRING,
		    .help = "the member that the partner becomes; default: the "
		    "side input's name"),
		SNEK_ARG(.name = "kind", .type = SNEK_ARG_CHOICE,
		    .value = "inner", .choices = "inner|left|with|without",
		    .help = "left: also records without a partner; with, without: "
		    "those that have one or none, as they are"),
		NULL },
	.reducer = "none", .open = open_op, .close = close_op, .map = map));
