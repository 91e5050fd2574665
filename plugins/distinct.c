/* SPDX-License-Identifier: MIT */
/* distinct.c - the different values of a field, and how often each occurs. */
#include "key.h"

struct distinct {
	struct key key;
	bool each;
};

static int open_op(snek_ctx *c, void **self)
{
	struct distinct *d = snek_alloc(c, sizeof(*d));
	struct snek_value each;
	int rc;

	if (!d)
		return SNEK_ENOMEM;
	*self = d;
	if ((rc = key_required(c, "fields", &d->key)) < 0 ||
	    (rc = snek_arg(c, "each", &each)) < 0)
		return rc;
	d->each = each.as.b;
	if (d->each && d->key.by.n > 1)
		return snek_fail(c, SNEK_EINVAL, "argument 'each' goes with one "
		    "field");
	return 0;
}

static int emit(snek_ctx *c, struct snek_value v)
{
	return v.type == SNEK_STRING ? snek_emit_int(c, v.as.s, v.len, 1)
	    : snek_emit(c, v, snek_int(1));
}

static int emit_each(snek_ctx *c, struct snek_value array)
{
	struct snek_value name, v;
	struct snek_cursor at;
	int rc = snek_iterate(c, array, &at);

	while (rc >= 0 && (rc = snek_next(c, &at, &name, &v)) == 1)
		rc = emit(c, v);
	return rc;
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	struct distinct *d = self;
	struct snek_value v;
	int rc;

	if (!key_parts(&d->key, r))
		return SNEK_SKIP;
	rc = key_make(c, &d->key, d->key.by.n, &v);
	if (rc < 0)
		return rc;
	return d->each && v.type == SNEK_ARRAY ? emit_each(c, v) : emit(c, v);
}

SNEK_PLUGIN("distinct", "0.1.0", SNEK_OP(
	.name = "distinct",
	.summary = "the different values of a field, and how often each occurs",
	.args = (const struct snek_arg *const[]){
		SNEK_ARG(.name = "fields", .type = SNEK_ARG_LIST, .required = 1,
		    .help = "the field; of several, their values together as an "
		    "array; a record that has none of them is skipped"),
		SNEK_ARG(.name = "each", .type = SNEK_ARG_BOOL, .value = "no",
		    .help = "take each element of an array for itself"),
		NULL },
	.reducer = "count", .open = open_op, .map = map));
