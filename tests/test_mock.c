/* SPDX-License-Identifier: MIT */
/* snek/test.h: ops of ours under the mock host, and what it refuses. */
#include <math.h>
#include <snek/test.h>

#include "check_main.h"
#include "../plugins/wordcount.c"

START_TEST(words_are_counted)
{
	struct snek_test *t = snek_test_new(&snek_plugin, "wordcount");

	snek_test_arg(t, "field", snek_string("text"));
	ck_assert_int_eq(snek_test_open(t), 0);
	snek_test_field(t, "text", snek_string("The cat, the"));
	snek_test_record(t);
	snek_test_field(t, "text", snek_string("hat"));
	ck_assert_int_eq(snek_test_map(t), 0);
	ck_assert_uint_eq(snek_test_emits(t), 4);
	ck_assert(snek_test_same(snek_test_key(t, 0), snek_string("the")));
	ck_assert(snek_test_same(snek_test_key(t, 3), snek_string("hat")));
	ck_assert(snek_test_same(snek_test_value(t, 3), snek_int(1)));
	snek_test_clear(t);
	snek_test_field(t, "text", snek_int(7));
	ck_assert_int_eq(snek_test_map(t), SNEK_SKIP);
	ck_assert_int_eq(snek_test_map(t), SNEK_SKIP);  /* a record without it */
	ck_assert_uint_eq(snek_test_emits(t), 0);
	snek_test_free(t);
}
END_TEST

/* ---- side inputs and places ---- */

struct beside {
	snek_path v;
	snek_side *side;
	snek_path deep, whole;
};

static int beside_open(snek_ctx *c, void **self)
{
	struct beside *b = snek_alloc(c, sizeof(*b));
	int rc;

	*self = b;
	if ((rc = snek_field(c, "v", &b->v)) < 0 ||
	    (rc = snek_side_open(c, "s", &b->side)) < 0 ||
	    (rc = snek_side_field(c, b->side, "a.b[1]", &b->deep)) < 0)
		return rc;
	return snek_side_field(c, b->side, "", &b->whole);
}

static int beside_map(snek_ctx *c, void *self, struct snek_record r)
{
	const struct beside *b = self;
	const struct snek_chunk *chunk;
	struct snek_place p;
	uint32_t n = 0, i;
	int rc = snek_record_place(c, r, &p);

	while (rc >= 0 && (rc = snek_side_chunk(c, b->side, n++, &chunk)) == 1)
		for (i = 0; i < chunk->rows && rc >= 0; i++) {
			struct snek_value v = snek_get((struct snek_record){
			    chunk, i }, b->deep);

			rc = snek_emit(c, snek_int((int64_t)p.record),
			    v.type == SNEK_NONE ? snek_get((struct snek_record){
			    chunk, i }, b->whole) : v);
		}
	return rc;
}

static const struct snek_plugin beside = { SNEK_ABI, sizeof(beside), "beside",
	"1", (const struct snek_op *const[]){ SNEK_OP(.name = "beside",
	    .open = beside_open, .map = beside_map), NULL } };

START_TEST(side_inputs_and_places_are_there)
{
	struct snek_test *t = snek_test_new(&beside, NULL);
	struct snek_value two[] = { snek_int(1), snek_int(2) }, b, v[2];
	struct snek_value name_a = snek_string("a"), name_b = snek_string("b");

	b = snek_test_array(t, two, 2);
	b = snek_test_object(t, &name_b, &b, 1);
	v[0] = snek_test_object(t, &name_a, &b, 1);
	v[1] = snek_string("whole");
	snek_test_side(t, "s", v, 2);
	ck_assert_int_eq(snek_test_open(t), 0);
	snek_test_field(t, "v", snek_int(1));
	snek_test_record(t);
	snek_test_field(t, "v", snek_int(2));
	ck_assert_int_eq(snek_test_map(t), 0);
	ck_assert_uint_eq(snek_test_emits(t), 4);
	ck_assert(snek_test_same(snek_test_key(t, 3), snek_int(1)));
	ck_assert(snek_test_same(snek_test_value(t, 2), snek_int(2)));
	ck_assert(snek_test_same(snek_test_value(t, 3), snek_string("whole")));
	snek_test_free(t);
	t = snek_test_new(&beside, NULL);
	ck_assert_int_eq(snek_test_open(t), SNEK_ENOENT);
	snek_test_free(t);
}
END_TEST

/* ---- an op that does as it is told ---- */

struct probe {
	snek_path how, whole, nested;
	int64_t most;
	struct snek_value list;
	int64_t rows;
};

static int probe_open(snek_ctx *c, void **self)
{
	struct probe *p = snek_alloc(c, sizeof(*p));
	struct snek_value v;
	int rc;

	*self = p;
	if ((rc = snek_arg(c, "most", &v)) < 0)
		return rc;
	p->most = v.as.i;
	if ((rc = snek_arg(c, "list", &p->list)) < 0 ||
	    (rc = snek_field(c, "how", &p->how)) < 0 ||
	    (rc = snek_field(c, "nested", &p->nested)) < 0)
		return rc;
	return snek_field(c, "", &p->whole);
}

/* Ignores what emit says, as ops should not. */
static int misbehave(snek_ctx *c, struct snek_record r, const struct probe *p,
    const char *how)
{
	struct snek_value none = snek_null();
	snek_path path;

	none.type = SNEK_NONE;
	if (!strcmp(how, "nan"))
		snek_emit(c, snek_null(), snek_double(NAN));
	else if (!strcmp(how, "none"))
		snek_emit(c, snek_null(), none);
	else if (!strcmp(how, "bytes"))
		snek_emit(c, snek_null(), snek_string("\xff"));
	else if (!strcmp(how, "late"))
		snek_field(c, "late", &path);
	else if (!strcmp(how, "row"))
		snek_emit_row(c, snek_null(), &none, 1);
	else if (!strcmp(how, "seven"))
		return 7;
	else if (!strcmp(how, "fail"))
		return snek_fail(c, SNEK_EAGAIN, "not %s", "now");
	else if (!strcmp(how, "whole"))
		return snek_emit(c, snek_null(), snek_get(r, p->whole));
	return 0;
}

static int probe_map(snek_ctx *c, void *self, struct snek_record r)
{
	struct probe *p = self;
	const char *how;
	size_t n;

	snek_count(c, "seen", 2);
	snek_log(c, SNEK_INFO, "most %lld", (long long)p->most);
	p->rows++;
	if (!snek_get_string(r, p->how, &how, &n))
		return SNEK_SKIP;
	return misbehave(c, r, p, how);
}

static int probe_finish(snek_ctx *c, void *self)
{
	struct probe *p = self;
	int64_t rows = p->rows;

	p->rows = 0;
	return snek_emit_int(c, "rows", 4, rows);
}

static int probe_sum(snek_ctx *c, void *self, struct snek_value key,
    snek_values *it)
{
	struct snek_value v;
	int64_t sum = 0;
	int rc;

	(void)self;
	while ((rc = snek_next_value(c, it, &v)) > 0)
		sum += v.as.i;
	if (rc < 0)
		return rc;
	return snek_emit(c, sum > 99 ? snek_null() : key, snek_int(sum));
}

static uint32_t probe_partition(snek_ctx *c, void *self, struct snek_value key,
    uint32_t n)
{
	(void)c;
	(void)self;
	return (uint32_t)key.as.i % n;
}

static int shard(snek_ctx *c, void *self, snek_chunks *it)
{
	const struct snek_chunk *k;
	struct probe *p = self;
	struct snek_record r;
	int rc = 0;

	while (p->rows < p->most && (rc = snek_next_chunk(c, it, &k)) > 0) {
		p->rows++;
		for (r.chunk = k, r.row = 0; r.row < k->rows; r.row++)
			if ((rc = snek_emit(c, snek_int(p->rows),
			    snek_get(r, p->nested))) < 0)
				return rc;
	}
	return rc;
}

static int rows_open(snek_ctx *c, void **self)
{
	snek_path *p = snek_alloc(c, sizeof(*p));

	*self = p;
	snek_aggregate(c, "count", SNEK_COUNT);
	snek_aggregate(c, "sum", SNEK_SUM);
	return snek_field(c, "n", p);
}

static int rows_map(snek_ctx *c, void *self, struct snek_record r)
{
	struct snek_value row[] = { snek_int(1), snek_get(r, *(snek_path *)self),
	    snek_null() };

	if (row[1].type == SNEK_STRING)
		return snek_emit_row(c, snek_null(), row, 3);
	if (row[1].type == SNEK_BOOL)
		return snek_emit(c, snek_null(), row[1]);
	return snek_emit_row(c, snek_string("k"), row, 2);
}

static const struct snek_arg *const args[] = {
	SNEK_ARG(.name = "most", .type = SNEK_ARG_INT, .value = "42"),
	SNEK_ARG(.name = "list", .type = SNEK_ARG_LIST, .value = "a,bc"), NULL };
static const struct snek_plugin probe_plugin = { SNEK_ABI,
	sizeof(struct snek_plugin), "probe", "1",
	(const struct snek_op *const[]){ SNEK_OP(.name = "probe", .args = args,
	.open = probe_open, .map = probe_map, .finish = probe_finish,
	.combine = probe_sum, .reduce = probe_sum,
	.partition = probe_partition),
	SNEK_OP(.name = "shard", .args = args, .open = probe_open,
	.map_shard = shard),
	SNEK_OP(.name = "rows", .open = rows_open, .map = rows_map), NULL } };

static struct snek_test *probe(const char *op)
{
	struct snek_test *t = snek_test_new(&probe_plugin, op);

	ck_assert_int_eq(snek_test_open(t), 0);
	return t;
}

static const struct {
	const char *how;
	int rc;
	const char *text;
} misuses[] = {
	{ "nan", SNEK_EINVAL, "not finite" },
	{ "none", SNEK_EINVAL, "no type" },
	{ "bytes", SNEK_EINVAL, "not UTF-8" },
	{ "late", SNEK_EINVAL, "not allowed" },
	{ "row", SNEK_EINVAL, "aggregates" },
	{ "seven", SNEK_EPLUGIN, "means nothing" },
	{ "fail", SNEK_EAGAIN, "not now" },
};

START_TEST(a_misuse_fails_whatever_the_op_returns)
{
	struct snek_test *t = probe("probe");

	snek_test_field(t, "how", snek_string(misuses[_i].how));
	ck_assert_int_eq(snek_test_map(t), misuses[_i].rc);
	ck_assert_ptr_nonnull(strstr(snek_test_text(t), misuses[_i].text));
	ck_assert_uint_eq(snek_test_emits(t), 0);
	snek_test_field(t, "how", snek_string("well"));
	ck_assert_int_eq(snek_test_map(t), 0);
	ck_assert_str_eq(snek_test_text(t), "");
	snek_test_free(t);
}
END_TEST

START_TEST(defaults_counters_and_logs_are_there)
{
	struct snek_test *t = probe(NULL);
	struct snek_value list, name, v;
	struct snek_cursor at;

	ck_assert_int_eq(snek_test_map(t), SNEK_SKIP);
	ck_assert_int_eq(snek_test_map(t), SNEK_SKIP);
	ck_assert_int_eq(snek_test_counter(t, "seen"), 4);
	ck_assert_int_eq(snek_test_counter(t, "unseen"), 0);
	ck_assert_str_eq(snek_test_logged(t), "most 42");
	ck_assert_int_eq(snek_test_finish(t), 0);
	ck_assert(snek_test_same(snek_test_value(t, 0), snek_int(2)));
	ck_assert_int_eq(snek_test_finish(t), 0);
	ck_assert(snek_test_same(snek_test_value(t, 1), snek_int(0)));
	list = ((struct probe *)t->self)->list;
	ck_assert_int_eq(snek_iterate(&t->ctx, list, &at), 0);
	ck_assert_int_eq(snek_next(&t->ctx, &at, &name, &v), 1);
	ck_assert(snek_test_same(v, snek_string("a")));
	ck_assert_int_eq(snek_next(&t->ctx, &at, &name, &v), 1);
	ck_assert(snek_test_same(v, snek_string("bc")));
	ck_assert_int_eq(snek_next(&t->ctx, &at, &name, &v), 0);
	snek_test_free(t);
}
END_TEST

START_TEST(a_whole_record_is_its_fields)
{
	const struct snek_value names[] = { snek_string("how"), snek_string("n") };
	const struct snek_value values[] = { snek_string("whole"), snek_int(-5) };
	struct snek_test *t = probe("probe");

	snek_test_field(t, "how", values[0]);
	snek_test_field(t, "n", values[1]);
	snek_test_field(t, "a.b", snek_int(1));
	ck_assert_int_eq(snek_test_map(t), 0);
	ck_assert(snek_test_same(snek_test_value(t, 0),
	    snek_test_object(t, names, values, 2)));
	snek_test_field(t, "how", values[0]);
	snek_test_field(t, "", snek_string("itself"));
	ck_assert_int_eq(snek_test_map(t), 0);
	ck_assert(snek_test_same(snek_test_value(t, 1), snek_string("itself")));
	snek_test_free(t);
}
END_TEST

START_TEST(keys_are_combined_reduced_and_cut)
{
	const struct snek_value v[] = { snek_int(1), snek_int(2), snek_int(97) };
	struct snek_test *t = probe("probe");

	ck_assert_int_eq(snek_test_combine(t, snek_string("k"), v, 2), 0);
	ck_assert(snek_test_same(snek_test_key(t, 0), snek_string("k")));
	ck_assert(snek_test_same(snek_test_value(t, 0), snek_int(3)));
	ck_assert_int_eq(snek_test_combine(t, snek_string("k"), v, 3),
	    SNEK_EPLUGIN);
	ck_assert_ptr_nonnull(strstr(snek_test_text(t), "another key"));
	ck_assert_int_eq(snek_test_reduce(t, snek_string("k"), v, 3), 0);
	ck_assert(snek_test_same(snek_test_key(t, 1), snek_null()));
	ck_assert_int_eq(snek_test_reduce(t, snek_string("k"), v, 0), 0);
	ck_assert_uint_eq(snek_test_partition(t, snek_int(7), 4), 3);
	snek_test_free(t);
}
END_TEST

START_TEST(rows_go_by_the_names_of_aggregates)
{
	struct snek_test *t = probe("rows");

	snek_test_field(t, "n", snek_double(2.5));
	snek_test_record(t);
	ck_assert_int_eq(snek_test_map(t), 0);
	ck_assert_uint_eq(snek_test_emits(t), 2);
	ck_assert(snek_test_same(snek_test_row(t, 0, "count"), snek_int(1)));
	ck_assert(snek_test_same(snek_test_row(t, 0, "sum"), snek_double(2.5)));
	ck_assert_uint_eq(snek_test_row(t, 1, "sum").type, SNEK_NONE);
	snek_test_field(t, "n", snek_string("three values"));
	ck_assert_int_eq(snek_test_map(t), SNEK_EINVAL);
	snek_test_field(t, "n", snek_bool(true));
	ck_assert_int_eq(snek_test_map(t), SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(snek_test_text(t), "emit a row"));
	snek_test_free(t);
}
END_TEST

START_TEST(chunks_come_one_after_the_other)
{
	const struct snek_value in[] = { snek_null(), snek_int(-1),
	    snek_double(0.5), snek_string("s") };
	struct snek_test *t = probe("shard");
	struct snek_value deep = snek_test_array(t, in, 4);

	deep = snek_test_object(t, &in[3], &deep, 1);
	snek_test_field(t, "nested", deep);
	snek_test_record(t);
	snek_test_field(t, "nested", snek_int(2));
	snek_test_chunk(t);
	snek_test_field(t, "nested", snek_int(3));
	ck_assert_int_eq(snek_test_map(t), 0);
	ck_assert_uint_eq(snek_test_emits(t), 3);
	ck_assert(snek_test_same(snek_test_value(t, 0), deep));
	ck_assert(snek_test_same(snek_test_key(t, 1), snek_int(1)));
	ck_assert(snek_test_same(snek_test_key(t, 2), snek_int(2)));
	ck_assert(snek_test_same(snek_test_value(t, 2), snek_int(3)));
	((struct probe *)t->self)->rows = 41;   /* one more, and no more */
	snek_test_chunk(t);
	ck_assert_int_lt(snek_test_map(t), 0);
	snek_test_free(t);
}
END_TEST

START_TEST(nested_values_are_walked)
{
	const struct snek_value in[] = { snek_null(), snek_bool(true),
	    snek_bool(false), snek_int(INT64_MIN), snek_double(-0.5),
	    snek_string(""), snek_string("text") };
	struct snek_value all[9], v, name;
	struct snek_test *t = probe("probe");
	struct snek_cursor at;
	int i;

	memcpy(all, in, sizeof(in));
	all[7] = snek_test_array(t, in, 7);
	all[8] = snek_test_object(t, &in[6], &all[7], 1);
	ck_assert_int_eq(snek_iterate(&t->ctx, snek_test_array(t, all, 9), &at), 0);
	for (i = 0; i < 9; i++) {
		ck_assert_int_eq(snek_next(&t->ctx, &at, &name, &v), 1);
		ck_assert(snek_test_same(v, all[i]));
	}
	ck_assert_int_eq(snek_next(&t->ctx, &at, &name, &v), 0);
	ck_assert_int_eq(snek_iterate(&t->ctx, all[8], &at), 0);
	ck_assert_int_eq(snek_next(&t->ctx, &at, &name, &v), 1);
	ck_assert(snek_test_same(name, snek_string("text")));
	ck_assert_int_eq(snek_iterate(&t->ctx, snek_int(1), &at), SNEK_ETYPE);
	snek_test_free(t);
}
END_TEST

START_TEST(what_is_no_matter_of_the_op_ends_the_program)
{
	struct snek_test *t = snek_test_new(&probe_plugin, _i ? NULL : "nope");

	snek_test_map(t);               /* not open */
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_test(t, words_are_counted);
	tcase_add_test(t, side_inputs_and_places_are_there);
	tcase_add_test(t, rows_go_by_the_names_of_aggregates);
	tcase_add_loop_test(t, a_misuse_fails_whatever_the_op_returns, 0,
	    sizeof(misuses) / sizeof(*misuses));
	tcase_add_test(t, defaults_counters_and_logs_are_there);
	tcase_add_test(t, a_whole_record_is_its_fields);
	tcase_add_test(t, keys_are_combined_reduced_and_cut);
	tcase_add_test(t, chunks_come_one_after_the_other);
	tcase_add_test(t, nested_values_are_walked);
	tcase_add_loop_test_raise_signal(t,
	    what_is_no_matter_of_the_op_ends_the_program, 6, 0, 2);
}

int main(void)
{
	return check_main("mock", setup);
}
