/* SPDX-License-Identifier: MIT */
/* group.c - count records by a field, and sum, compare or average others. */
#include <snek/plugin.h>

#include "fields.h"

enum { SUM, MIN, MAX, MEAN, KINDS };

static const struct { const char *name; uint32_t kind; } kinds[KINDS] = {
	[SUM] = { "sum", SNEK_SUM }, [MIN] = { "min", SNEK_MIN },
	[MAX] = { "max", SNEK_MAX }, [MEAN] = { "mean", SNEK_MEAN },
};

struct group {
	struct fields by, of[KINDS];
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

static int open_kind(snek_ctx *c, struct group *g, int k, uint32_t *columns)
{
	int rc = fields_open(c, kinds[k].name, &g->of[k]);

	for (uint32_t i = 0; rc >= 0 && i < g->of[k].n; i++)
		rc = add_aggregate(c, kinds[k].name, kinds[k].kind,
		    g->of[k].field[i].name);
	*columns += g->of[k].n;
	return rc;
}

static int open_op(snek_ctx *c, void **self)
{
	struct group *g = snek_alloc(c, sizeof(*g));
	uint32_t columns = 1;
	int rc;

	if (!g)
		return SNEK_ENOMEM;
	rc = fields_open(c, "by", &g->by);
	if (rc >= 0 && !g->by.n)
		rc = snek_fail(c, SNEK_EINVAL, "argument 'by' names no field");
	if (rc >= 0)
		rc = snek_aggregate(c, "count", SNEK_COUNT);
	for (int k = 0; rc >= 0 && k < KINDS; k++)
		rc = open_kind(c, g, k, &columns);
	if (rc < 0)
		return rc;
	g->key = snek_alloc(c, g->by.n * sizeof(*g->key));
	g->row = snek_alloc(c, columns * sizeof(*g->row));
	if (!g->key || !g->row)
		return SNEK_ENOMEM;
	*self = g;
	return 0;
}

static int make_key(snek_ctx *c, struct group *g, struct snek_record r,
    struct snek_value *key)
{
	for (uint32_t i = 0; i < g->by.n; i++) {
		g->key[i] = snek_get(r, g->by.field[i].path);
		if (g->key[i].type == SNEK_NONE)
			g->key[i] = snek_null();
	}
	*key = g->key[0];
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

static bool adds_up(int kind, struct snek_value v)
{
	double d;

	return kind == MIN || kind == MAX || v.type == SNEK_NONE ||
	    v.type == SNEK_NULL || snek_to_double(v, &d);
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	struct group *g = self;
	struct snek_value key;
	size_t n = 0;
	int rc;

	g->row[n++] = snek_int(1);
	for (int k = 0; k < KINDS; k++)
		for (uint32_t i = 0; i < g->of[k].n; i++) {
			const struct field *f = &g->of[k].field[i];
			struct snek_value v = snek_get(r, f->path);

			if (!adds_up(k, v))
				return snek_fail(c, SNEK_ETYPE, "cannot take the "
				    "%s of '%.*s': it is %s here, not a number",
				    kinds[k].name, (int)f->name.len,
				    f->name.as.s, type_name(v.type));
			g->row[n++] = v;
		}
	rc = make_key(c, g, r, &key);
	return rc < 0 ? rc : snek_emit_row(c, key, g->row, n);
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
