/* SPDX-License-Identifier: MIT */
/* group.c - count records by a field, and sum, compare or average others. */
#include <snek/plugin.h>

#include "fields.h"

static const struct { const char *name; uint32_t kind; } kinds[] = {
	{ "sum", SNEK_SUM }, { "min", SNEK_MIN }, { "max", SNEK_MAX },
	{ "mean", SNEK_MEAN },
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

struct column {
	snek_path path;
	uint32_t kind;                  /* in kinds */
	struct snek_value name;
};

struct group {
	struct fields by;
	struct column *column;
	uint32_t columns;
	struct snek_value *key;         /* room for the parts of one */
	struct snek_value *row;         /* count first */
};

/* The aggregate "sum_price", and room for its value. */
static int add_aggregate(snek_ctx *c, const char *kind, uint32_t number,
    struct snek_value field)
{
	size_t n = strlen(kind);
	char *name = snek_alloc(c, n + field.len + 2);

	if (!name)
		return SNEK_ENOMEM;
	memcpy(name, kind, n);
	name[n] = '_';
	memcpy(name + n + 1, field.as.s, field.len);
	name[n + 1 + field.len] = '\0';
	return snek_aggregate(c, name, number);
}

static int add_columns(snek_ctx *c, struct group *g, uint32_t kind,
    const struct fields *f)
{
	int rc = 0;

	for (uint32_t i = 0; rc >= 0 && i < f->n; i++) {
		g->column[g->columns++] = (struct column){ f->field[i].path, kind,
		    f->field[i].name };
		rc = add_aggregate(c, kinds[kind].name, kinds[kind].kind,
		    f->field[i].name);
	}
	return rc;
}

static int open_columns(snek_ctx *c, struct group *g)
{
	struct fields f[KINDS];
	uint32_t n = 0;
	int rc = snek_aggregate(c, "count", SNEK_COUNT);

	for (uint32_t k = 0; rc >= 0 && k < KINDS; k++) {
		rc = fields_open(c, kinds[k].name, &f[k]);
		n += f[k].n;
	}
	if (rc < 0)
		return rc;
	g->column = snek_alloc(c, n * sizeof(*g->column));
	g->row = snek_alloc(c, (n + 1) * sizeof(*g->row));
	if (!g->column || !g->row)
		return SNEK_ENOMEM;
	g->columns = 0;
	for (uint32_t k = 0; rc >= 0 && k < KINDS; k++)
		rc = add_columns(c, g, k, &f[k]);
	g->row[0] = snek_int(1);
	return rc;
}

static int open_op(snek_ctx *c, void **self)
{
	struct group *g = snek_alloc(c, sizeof(*g));
	int rc;

	if (!g)
		return SNEK_ENOMEM;
	*self = g;
	rc = fields_open(c, "by", &g->by);
	if (rc < 0)
		return rc;
	if (!g->by.n)
		return snek_fail(c, SNEK_EINVAL, "argument 'by' names no field");
	g->key = snek_alloc(c, g->by.n * sizeof(*g->key));
	return g->key ? open_columns(c, g) : SNEK_ENOMEM;
}

static int make_key(snek_ctx *c, struct group *g, struct snek_record r,
    struct snek_value *key)
{
	for (uint32_t i = 0; i < g->by.n; i++) {
		*key = snek_get(r, g->by.field[i].path);
		if (key->type == SNEK_NONE)
			*key = snek_null();
		if (g->by.n > 1)
			g->key[i] = *key;
	}
	return g->by.n == 1 ? 0 : snek_pack(c, NULL, g->key, g->by.n, key);
}

static const char *type_name(uint32_t type)
{
	switch (type) {
	case SNEK_BOOL:   return "true or false";
	case SNEK_STRING: return "a string";
	case SNEK_ARRAY:  return "an array";
	default:          return "an object";
	}
}

static bool adds_up(uint32_t kind, struct snek_value v)
{
	return kinds[kind].kind == SNEK_MIN || kinds[kind].kind == SNEK_MAX ||
	    v.type < SNEK_BOOL || (v.type > SNEK_BOOL && v.type < SNEK_STRING);
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	struct group *g = self;
	struct snek_value key;
	int rc;

	for (uint32_t i = 0; i < g->columns; i++) {
		const struct column *f = &g->column[i];
		struct snek_value v = snek_get(r, f->path);

		if (!adds_up(f->kind, v))
			return snek_fail(c, SNEK_ETYPE, "cannot take the %s of "
			    "'%.*s': it is %s here, not a number",
			    kinds[f->kind].name, (int)f->name.len, f->name.as.s,
			    type_name(v.type));
		g->row[i + 1] = v;
	}
	rc = make_key(c, g, r, &key);
	return rc < 0 ? rc : snek_emit_row(c, key, g->row, g->columns + 1);
}

SNEK_PLUGIN("group", "0.1.0", SNEK_OP(
	.name = "group",
	.summary = "count records by a field; sum, compare or average others",
	.args = (const struct snek_arg *const[]){
		SNEK_ARG(.name = "by", .type = SNEK_ARG_LIST, .required = 1,
		    .help = "the field to group by; of several the key is an "
		    "array; an absent field counts as null"),
		SNEK_ARG(.name = "sum", .type = SNEK_ARG_LIST,
		    .help = "fields to add up, as sum_FIELD; absent and null add "
		    "nothing, what is no number is an error"),
		SNEK_ARG(.name = "min", .type = SNEK_ARG_LIST,
		    .help = "fields whose least value is wanted, of any type"),
		SNEK_ARG(.name = "max", .type = SNEK_ARG_LIST,
		    .help = "fields whose greatest value is wanted"),
		SNEK_ARG(.name = "mean", .type = SNEK_ARG_LIST,
		    .help = "fields to average, as for sum"),
		NULL },
	.open = open_op, .map = map));
