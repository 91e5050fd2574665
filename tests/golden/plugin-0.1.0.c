/* SPDX-License-Identifier: MIT */
/*
 * plugin-0.1.0.c - what plugin-0.1.0-x86_64.so was built from, with the
 * headers of 0.1.0:
 *
 *   gcc -std=c11 -O2 -fvisibility=hidden -shared -fPIC -s -I sdk \
 *       tests/golden/plugin-0.1.0.c -o tests/golden/plugin-0.1.0-x86_64.so
 *
 * The file is never built again: it must load for as long as there is ABI 1.
 * Between them the ops call everything in the table.
 */
#include <snek/plugin.h>

#define ARGS (const struct snek_arg *const[])

/* ---- count: emit_int ---- */

struct count {
	snek_path text;
	int64_t step;
};

static int count_open(snek_ctx *c, void **self)
{
	struct count *k = snek_alloc(c, sizeof(*k));
	struct snek_value field, step, real, yes, split;
	int rc;

	if (!k)
		return SNEK_ENOMEM;
	if ((rc = snek_arg(c, "field", &field)) < 0 ||
	    (rc = snek_arg(c, "step", &step)) < 0 ||
	    (rc = snek_arg(c, "real", &real)) < 0 ||
	    (rc = snek_arg(c, "yes", &yes)) < 0 ||
	    (rc = snek_arg(c, "kind", &split)) < 0)
		return rc;
	if (real.as.d != 1.5 || !yes.as.b || strcmp(split.as.s, "b"))
		return snek_fail(c, SNEK_EINVAL, "arguments: %g", real.as.d);
	k->step = step.as.i;
	*self = k;
	return snek_field_n(c, field.as.s, field.len, &k->text);
}

static int count_map(snek_ctx *c, void *self, struct snek_record r)
{
	struct count *k = self;
	const char *s;
	size_t n;

	if (!snek_get_string(r, k->text, &s, &n))
		return SNEK_SKIP;
	snek_count(c, "texts", 1);
	if (n == 4 && !memcmp(s, "fail", 4))
		return snek_fail(c, SNEK_EPLUGIN, "told to %s", "fail");
	return snek_emit_int(c, s, n, k->step);
}

/* ---- total: emit_row, and every getter ---- */

struct total {
	snek_path n, deep, b;
};

static int total_open(snek_ctx *c, void **self)
{
	struct total *t = snek_alloc(c, sizeof(*t));
	int rc;

	if (!t)
		return SNEK_ENOMEM;
	*self = t;
	if ((rc = snek_aggregate(c, "count", SNEK_COUNT)) < 0 ||
	    (rc = snek_aggregate(c, "sum", SNEK_SUM)) < 0 ||
	    (rc = snek_aggregate(c, "least", SNEK_MIN)) < 0 ||
	    (rc = snek_aggregate(c, "most", SNEK_MAX)) < 0 ||
	    (rc = snek_aggregate(c, "mean", SNEK_MEAN)) < 0 ||
	    (rc = snek_field(c, "o.a[1]", &t->deep)) < 0 ||
	    (rc = snek_field(c, "b", &t->b)) < 0)
		return rc;
	return snek_field(c, "n", &t->n);
}

static int total_map(snek_ctx *c, void *self, struct snek_record r)
{
	struct total *t = self;
	struct snek_value n = snek_get(r, t->n), row[5];
	double d = 0;
	int64_t deep = 0;

	if (!snek_get_double(r, t->n, &d))
		n = snek_null();
	snek_get_int(r, t->deep, &deep);
	row[0] = snek_int(1);
	row[1] = row[2] = row[3] = n;
	row[4] = snek_double(d + (double)deep);
	return snek_emit_row(c, snek_get(r, t->b).type == SNEK_BOOL
	    ? snek_get(r, t->b) : snek_null(), row, 5);
}

/* ---- turn: emit, iterate, pack, reduce ---- */

static int turn_open(snek_ctx *c, void **self)
{
	snek_path *p = snek_alloc(c, sizeof(*p));

	*self = p;
	return p ? snek_field(c, "", p) : SNEK_ENOMEM;
}

/* An object's members in reverse, under their number. */
static int turn_map(snek_ctx *c, void *self, struct snek_record r)
{
	struct snek_value v = snek_get(r, *(snek_path *)self), *names, *values;
	struct snek_cursor at;
	uint32_t n, i;
	int rc = snek_iterate(c, v, &at);

	if (rc < 0 || !at.is_object)
		return SNEK_SKIP;
	n = i = at.left;
	names = snek_alloc(c, n * sizeof(*names));
	values = snek_alloc(c, n * sizeof(*values));
	if (!names || !values)
		return SNEK_ENOMEM;
	while (i && (rc = snek_next(c, &at, &names[i - 1], &values[i - 1])) > 0)
		i--;
	if (rc < 0 || (rc = snek_pack(c, names, values, n, &v)) < 0)
		return rc;
	return snek_emit(c, snek_int(n), v);
}

static int turn_reduce(snek_ctx *c, void *self, struct snek_value key,
    snek_values *it)
{
	struct snek_value v;
	int64_t n = 0;
	int rc;

	(void)self;
	while ((rc = snek_next_value(c, it, &v)) > 0)
		n++;
	return rc < 0 ? rc : snek_emit(c, key, snek_int(n));
}

static uint32_t turn_partition(snek_ctx *c, void *self, struct snek_value key,
    uint32_t n)
{
	(void)c;
	(void)self;
	return (uint32_t)key.as.i % n;
}

/* ---- shard: map_shard, finish, and the rest of the table ---- */

static int shard_map(snek_ctx *c, void *self, snek_chunks *it)
{
	const struct snek_chunk *k;
	int rc;

	(void)self;
	while ((rc = snek_next_chunk(c, it, &k)) > 0)
		if ((rc = snek_emit_int(c, "rows", 4, k->rows)) < 0)
			return rc;
	return rc;
}

static int shard_finish(snek_ctx *c, void *self)
{
	const struct snek_task_info *info = snek_task_info(c);

	(void)self;
	if (snek_cancelled(c) || snek_time_left(c) <= 0)
		return SNEK_EAGAIN;
	snek_log(c, SNEK_INFO, "task %u of %u, attempt %u, category %s",
	    info->task, info->tasks, info->attempt, info->category);
	return snek_emit_int(c, SNEK_HAS(c, log) ? "has" : "lacks", 3, 1);
}

SNEK_PLUGIN("golden", "0.1.0",
	SNEK_OP(.name = "count", .summary = "count texts", .reducer = "sum",
	    .open = count_open, .map = count_map, .args = ARGS{
	    SNEK_ARG(.name = "field", .required = 1, .help = "the text"),
	    SNEK_ARG(.name = "step", .type = SNEK_ARG_INT, .value = "1"),
	    SNEK_ARG(.name = "real", .type = SNEK_ARG_DOUBLE, .value = "1.5"),
	    SNEK_ARG(.name = "yes", .type = SNEK_ARG_BOOL, .value = "yes"),
	    SNEK_ARG(.name = "kind", .type = SNEK_ARG_CHOICE, .value = "b",
	        .choices = "a|b"),
	    SNEK_ARG(.name = "list", .type = SNEK_ARG_LIST), NULL }),
	SNEK_OP(.name = "total", .open = total_open, .map = total_map),
	SNEK_OP(.name = "turn", .open = turn_open, .map = turn_map,
	    .combine = NULL, .reduce = turn_reduce, .partition = turn_partition),
	SNEK_OP(.name = "shard", .reducer = "sum", .map_shard = shard_map,
	    .finish = shard_finish));
