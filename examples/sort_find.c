/* SPDX-License-Identifier: MIT */
/*
 * sort_find.c - sort the values of each record, then look one up.
 *
 * It teaches how to walk an array or object, and how to make an object to
 * emit.  Numbers come before texts; nested values, true, false and null are
 * left out.
 *
 *   [30,4,17] with find=17 gives {"found":true,"index":1}
 */
#include <snek/plugin.h>
#include <stdlib.h>

struct wanted {
	snek_path record;
	struct snek_value value;
};

static int open_op(snek_ctx *c, void **self)
{
	struct wanted *w = snek_alloc(c, sizeof(*w));
	int rc;
	char *end;
	double d;

	if (!w)
		return SNEK_ENOMEM;
	if ((rc = snek_arg(c, "find", &w->value)) < 0)
		return rc;
	d = strtod(w->value.as.s, &end);        /* arguments end in a NUL */
	if (w->value.len && !*end)
		w->value = snek_double(d);
	*self = w;
	return snek_field(c, "", &w->record);   /* "" is the whole record */
}

static int compare(const void *a, const void *b)
{
	struct snek_value x = *(const struct snek_value *)a;
	struct snek_value y = *(const struct snek_value *)b;
	double p, q;
	int rc;

	if (snek_to_double(x, &p))
		return snek_to_double(y, &q) ? (p > q) - (p < q) : -1;
	if (snek_to_double(y, &q))
		return 1;
	rc = memcmp(x.as.s, y.as.s, x.len < y.len ? x.len : y.len);
	return rc ? rc : (x.len > y.len) - (x.len < y.len);
}

static int report(snek_ctx *c, const struct snek_value *found, int64_t index)
{
	struct snek_value names[] = { snek_string("found"), snek_string("index") };
	struct snek_value values[] = { snek_bool(found), snek_int(index) };
	struct snek_value object;
	int rc = snek_pack(c, names, values, 2, &object);

	return rc < 0 ? rc : snek_emit(c, snek_null(), object);
}

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	const struct wanted *w = self;
	struct snek_value *all, name, v, *found;
	struct snek_cursor at;
	size_t n = 0;
	double d;
	int rc;

	if (snek_iterate(c, snek_get(r, w->record), &at) < 0)
		return SNEK_SKIP;               /* neither array nor object */
	all = snek_alloc(c, at.left * sizeof(*all));
	if (!all)
		return SNEK_ENOMEM;
	while ((rc = snek_next(c, &at, &name, &v)) > 0)
		if (v.type == SNEK_STRING || snek_to_double(v, &d))
			all[n++] = v;
	if (rc < 0)
		return rc;
	qsort(all, n, sizeof(*all), compare);
	found = bsearch(&w->value, all, n, sizeof(*all), compare);
	return report(c, found, found ? found - all : -1);
}

SNEK_PLUGIN("sort_find", "1.0", SNEK_OP(
	.name = "sort_find",
	.summary = "sort the values of each record and find one",
	.args = (const struct snek_arg *const[]){
		SNEK_ARG(.name = "find", .required = 1,
		    .help = "the value to look for: a number or a text"),
		NULL },
	.open = open_op, .map = map));
