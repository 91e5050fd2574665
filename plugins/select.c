/* SPDX-License-Identifier: MIT */
/* select.c - some fields of every record. */
#include <snek/plugin.h>

#include "fields.h"

struct select {
	struct fields fields;
	struct snek_value *names, *values;      /* room for all of them */
};

static int check_twins(snek_ctx *c, const struct fields *f)
{
	for (uint32_t i = 1; i < f->n; i++)
		for (uint32_t j = 0; j < i; j++) {
			struct snek_value a = f->field[i].name;
			struct snek_value b = f->field[j].name;

			if (a.len == b.len && !memcmp(a.as.s, b.as.s, a.len))
				return snek_fail(c, SNEK_EINVAL, "argument "
				    "'fields' names '%.*s' twice", (int)a.len,
				    a.as.s);
		}
	return 0;
}

static int open_op(snek_ctx *c, void **self)
{
	struct select *s = snek_alloc(c, sizeof(*s));
	int rc;

	if (!s)
		return SNEK_ENOMEM;
	rc = fields_open(c, "fields", &s->fields);
	if (rc < 0 || (rc = check_twins(c, &s->fields)) < 0)
		return rc;
	s->names = snek_alloc(c, s->fields.n * sizeof(*s->names));
	s->values = snek_alloc(c, s->fields.n * sizeof(*s->values));
	if (!s->names || !s->values)
		return SNEK_ENOMEM;
	*self = s;
	return 0;
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	struct select *s = self;
	struct snek_value object;
	uint32_t n = 0;
	int rc;

	for (uint32_t i = 0; i < s->fields.n; i++) {
		s->values[n] = snek_get(r, s->fields.field[i].path);
		if (s->values[n].type == SNEK_NONE)
			continue;
		s->names[n++] = s->fields.field[i].name;
	}
	rc = snek_pack(c, s->names, s->values, n, &object);
	return rc < 0 ? rc : snek_emit(c, snek_null(), object);
}

SNEK_PLUGIN("select", "0.1.0", SNEK_OP(
	.name = "select",
	.summary = "some fields of every record",
	.args = (const struct snek_arg *const[]){
		SNEK_ARG(.name = "fields", .type = SNEK_ARG_LIST, .required = 1,
		    .help = "fields to keep, in this order, under the names given "
		    "here (a.b stays \"a.b\"); absent ones are left out"),
		NULL },
	.open = open_op, .map = map));
