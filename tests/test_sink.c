/* SPDX-License-Identifier: MIT */
#include "pairs.h"

#include <check.h>
#include <math.h>

static sk_sink *make(struct sk_reducer *r, const char *name, uint32_t partitions,
    size_t memory)
{
	struct sk_sink_options o = {
		.reducer = r, .partitions = partitions, .memory = memory,
		.tmp = "/tmp",
	};
	sk_sink *s;

	ck_assert_int_eq(sk_reducer_parse(r, name, NULL), 0);
	ck_assert_int_eq(sk_sink_new(&o, &s, NULL), 0);
	return s;
}

static void finish(sk_sink *s, struct sk_runs *out)
{
	struct snek_error e = { 0 };

	ck_assert_msg(!sk_sink_finish(s, out, &e), "%s", e.text);
	sk_sink_free(s);
}

/* Reduced and printed: key=value, one after the other. */
static struct sk_buf text(const struct sk_reducer *r, struct sk_runs *runs)
{
	struct sk_reduce_options o = { .reducer = r, .memory = 1 << 20, .tmp = "/tmp" };
	struct sk_buf b = { 0 }, scratch = { 0 };
	const struct sk_run *p[64];
	struct sk_run out = { 0 };
	struct snek_value v;
	struct snek_error e = { 0 };
	struct sk_entry n;
	sk_run_reader *in;
	size_t i, used;

	for (i = 0; i < runs->n; i++)
		p[i] = &runs->run[i];
	ck_assert_msg(!sk_reduce(&o, p, runs->n, &out, &e), "%s", e.text);
	ck_assert_int_eq(sk_run_reader_new(&out, &in, NULL), 0);
	while (sk_run_reader_next(in, &n, NULL) == 1) {
		scratch.n = 0;
		ck_assert_int_eq(sk_key_get(n.key.p, n.key.n, &scratch, &v), 0);
		ck_assert(sk_json_write(&b, v));
		ck_assert(sk_buf_byte(&b, '='));
		ck_assert_int_eq(sk_unpack(n.value.p, n.value.n, &v, &used), 0);
		ck_assert_uint_eq(used, n.value.n);
		ck_assert(sk_json_write(&b, v));
		ck_assert(sk_buf_byte(&b, ' '));
	}
	ck_assert(sk_buf_byte(&b, '\0'));
	sk_run_reader_free(in);
	sk_run_free(&out);
	sk_buf_free(&scratch);
	sk_runs_free(runs);
	return b;
}

static void expect(const struct sk_reducer *r, struct sk_runs *runs, const char *want)
{
	struct sk_buf got = text(r, runs);

	ck_assert_str_eq(got.p, want);
	sk_buf_free(&got);
}

/* ---- what is refused ---- */

#define S(x) { .type = SNEK_STRING, .len = sizeof(x) - 1, .as.s = x }
#define I(x) { .type = SNEK_INT, .as.i = x }
#define D(x) { .type = SNEK_DOUBLE, .as.d = x }
#define B(x) { .type = SNEK_BOOL, .as.b = x }
#define NUL { .type = SNEK_NULL }
#define NONE { .type = SNEK_NONE }

static const struct {
	const char *reducer;
	struct snek_value key, value;
	int rc;
	const char *text;
} refused[] = {
	{ "none", NONE, I(1), SNEK_EINVAL, "SNEK_NONE" },
	{ "none", NUL, NONE, SNEK_EINVAL, "SNEK_NONE" },
	{ "none", NUL, D(NAN), SNEK_EINVAL, "NaN" },
	{ "none", NUL, D(-INFINITY), SNEK_EINVAL, "infinity" },
	{ "none", D(NAN), I(1), SNEK_EINVAL, "finite" },
	{ "list", D(INFINITY), I(1), SNEK_EINVAL, "finite" },
	{ "sum", D(INFINITY), I(1), SNEK_EINVAL, "finite" },
	{ "sum", NONE, I(1), SNEK_EINVAL, "SNEK_NONE" },
	{ "sum", NUL, NONE, SNEK_EINVAL, "SNEK_NONE" },
	{ "sum", NUL, D(NAN), SNEK_EINVAL, "NaN" },
	{ "sum", NUL, NUL, SNEK_ETYPE, "null" },
	{ "sum", NUL, S("12"), SNEK_ETYPE, "a string" },
	{ "mean", NUL, B(true), SNEK_ETYPE, "a boolean" },
	{ "mean", NUL, D(INFINITY), SNEK_EINVAL, "infinity" },
	{ "count", NUL, NONE, SNEK_EINVAL, "SNEK_NONE" },
	{ "count", NUL, D(NAN), SNEK_EINVAL, "NaN" },
	{ "min", NUL, NONE, SNEK_EINVAL, "SNEK_NONE" },
	{ "max", NUL, D(NAN), SNEK_EINVAL, "NaN" },
	{ "top", NUL, D(NAN), SNEK_EINVAL, "NaN" },
};

START_TEST(what_cannot_be_emitted_is_refused)
{
	struct snek_error e = { 0 };
	struct sk_runs out = { 0 };
	struct sk_reducer r;
	sk_sink *s = make(&r, refused[_i].reducer, 1, 1 << 20);

	ck_assert_int_eq(sk_sink_emit(s, refused[_i].key, refused[_i].value, &e),
	    refused[_i].rc);
	ck_assert_int_eq(e.code, refused[_i].rc);
	ck_assert_msg(strstr(e.text, refused[_i].text), "%s", e.text);
	ck_assert_uint_eq(sk_sink_emitted(s), 0);
	finish(s, &out);
	ck_assert_uint_eq(out.n, 0);
	sk_runs_free(&out);
}
END_TEST

/* ---- what comes of it ---- */

static const struct {
	const char *reducer, *want;
} results[] = {
	{ "none", "null=true null=null true=\"x\" 1=2 1=3 2.5=-1 \"a\"=1.0 \"a\"=1 "
	    "\"b\"=2 " },
	{ "count", "null=2 true=1 1=2 2.5=1 \"a\"=2 \"b\"=1 " },
	{ "min", "null=null true=\"x\" 1=2 2.5=-1 \"a\"=1 \"b\"=2 " },
	{ "max", "null=true true=\"x\" 1=3 2.5=-1 \"a\"=1 \"b\"=2 " },
	{ "list", "null=[true,null] true=[\"x\"] 1=[2,3] 2.5=[-1] \"a\"=[1.0,1] "
	    "\"b\"=[2] " },
	{ "top=1", "null=[true] true=[\"x\"] 1=[3] 2.5=[-1] \"a\"=[1] \"b\"=[2] " },
	{ "top=2", "null=[true,null] true=[\"x\"] 1=[3,2] 2.5=[-1] \"a\"=[1,1] "
	    "\"b\"=[2] " },
};
static const struct snek_value mixed[][2] = {
	{ S("b"), I(2) }, { NUL, B(true) }, { I(1), I(2) }, { S("a"), D(1) },
	{ D(2.5), I(-1) }, { S("a"), I(1) }, { D(1), I(3) }, { NUL, NUL },
	{ B(true), S("x") },
};

START_TEST(each_reducer_gives_its_result)
{
	struct sk_runs out = { 0 };
	struct sk_reducer r;
	sk_sink *s = make(&r, results[_i].reducer, 1, 1 << 20);
	size_t i;

	for (i = 0; i < sizeof(mixed) / sizeof(*mixed); i++) {
		sk_sink_at(s, (struct sk_place){ 1, i });
		ck_assert_int_eq(sk_sink_emit(s, mixed[i][0], mixed[i][1], NULL), 0);
	}
	ck_assert_uint_eq(sk_sink_emitted(s), i);
	finish(s, &out);
	expect(&r, &out, results[_i].want);
}
END_TEST

START_TEST(sums_are_exact_and_keep_their_kind)
{
	static const struct snek_value v[][2] = {
		{ S("big"), I(INT64_MAX) }, { S("big"), I(INT64_MAX) },
		{ S("big"), I(1) }, { S("kind"), D(1) }, { S("kind"), I(2) },
		{ S("cancel"), D(1e308) }, { S("cancel"), D(1e308) },
		{ S("cancel"), D(-1e308) }, { S("none"), D(1e100) },
		{ S("none"), I(3) }, { S("none"), D(-1e100) },
	};
	struct sk_runs out = { 0 };
	struct sk_reducer r;
	sk_sink *s = make(&r, "sum", 1, 1 << 20);
	size_t i;

	for (i = 0; i < sizeof(v) / sizeof(*v); i++)
		ck_assert_int_eq(sk_sink_emit(s, v[i][0], v[i][1], NULL), 0);
	finish(s, &out);
	expect(&r, &out, "\"big\"=18446744073709551615 \"cancel\"=1e+308 "
	    "\"kind\"=3.0 \"none\"=3.0 ");
}
END_TEST

START_TEST(the_fast_way_counts_like_the_slow_one)
{
	static const char *const name[] = { "sum", "count", "mean", "none" };
	static const char *const want[] = {
		"\"\"=5 \"k\"=9223372036854775808 \"nine chars\"=-1 ",
		"\"\"=1 \"k\"=2 \"nine chars\"=1 ",
		"\"\"=5.0 \"k\"=4.611686018427388e+18 \"nine chars\"=-1.0 ",
		"\"\"=5 \"k\"=9223372036854775807 \"k\"=1 \"nine chars\"=-1 ",
	};
	struct sk_runs out = { 0 };
	struct sk_reducer r;
	sk_sink *s = make(&r, name[_i], 1, 1 << 20);

	ck_assert_int_eq(sk_sink_emit_int(s, "k", 1, INT64_MAX, NULL), 0);
	ck_assert_int_eq(sk_sink_emit_int(s, "k", 1, 1, NULL), 0);
	ck_assert_int_eq(sk_sink_emit_int(s, "", 0, 5, NULL), 0);
	ck_assert_int_eq(sk_sink_emit_int(s, "nine chars", 10, -1, NULL), 0);
	ck_assert_uint_eq(sk_sink_emitted(s), 4);
	finish(s, &out);
	expect(&r, &out, want[_i]);
}
END_TEST

/* One key, null, over and over: what is refused between leaves no trace. */
START_TEST(a_sum_without_a_key_takes_all_that_a_sum_takes)
{
	static const struct snek_value v[] = {
		I(INT64_MAX), D(0.5), D(NAN), I(INT64_MAX), NUL, D(1e308),
		D(1e308), D(-INFINITY), D(-1e308), S("1"), D(-1e308), I(2), D(0.25),
	};
	static const char *const want[] = {
		"null=1.8446744073709552e+19 ", "null=11 ",
	};
	struct sk_reducer r;
	sk_sink *s = make(&r, _i ? "count" : "sum", 1, 1 << 20);
	struct sk_runs out = { 0 };
	uint64_t taken;

	for (int task = 0; task < 2; task++) {
		taken = sk_sink_emitted(s);
		for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
			sk_sink_emit(s, (struct snek_value)NUL, v[i], NULL);
		taken = sk_sink_emitted(s) - taken;
		ck_assert_uint_eq(taken, _i ? 11 : 9);
		ck_assert_int_eq(sk_sink_finish(s, &out, NULL), 0);
		expect(&r, &out, want[_i]);
	}
	sk_sink_free(s);
}
END_TEST

/* Keys of every length whose short forms are alike. */
START_TEST(keys_that_look_alike_stay_apart)
{
	struct sk_runs out = { 0 };
	struct sk_reducer r;
	sk_sink *s = make(&r, "count", 1, 1 << 20);
	struct sk_buf got;
	char key[40];
	int len, i, n = 0;
	char *p;

	memset(key, 'x', sizeof(key));
	for (len = 0; len <= 40; len++) {
		ck_assert_int_eq(sk_sink_emit_int(s, key, (size_t)len, 1, NULL), 0);
		for (i = 0; i < len; i++) {
			key[i] = '\0';
			ck_assert_int_eq(sk_sink_emit_int(s, key, (size_t)len, 1,
			    NULL), 0);
			key[i] = 'x';
		}
	}
	finish(s, &out);
	got = text(&r, &out);
	for (p = got.p; (p = strstr(p, "=1 ")); p++)
		n++;
	ck_assert_int_eq(n, 41 + 40 * 41 / 2);
	ck_assert_ptr_null(strstr(got.p, "=2 "));
	sk_buf_free(&got);
}
END_TEST

/* ---- rows ---- */

static void make_rows(struct sk_reducer *r)
{
	static char *const name[] = { "sum", "count", "min", "max", "mean" };
	uint32_t i;

	memset(r, 0, sizeof(*r));
	r->kind = SK_AGGREGATED;
	r->n = 5;
	for (i = 0; i < 5; i++)
		r->aggregate[i] = (struct sk_aggregate_spec){ name[i], i };
}

START_TEST(rows_of_whole_numbers_add_up_as_all_rows_do)
{
	static const struct snek_value row[][3] = {
		{ I(7), I(INT64_MAX), I(1) }, { I(7), I(INT64_MAX), I(-1) },
		{ I(7), I(1), I(2) }, { NUL, D(0), NONE }, { NONE, I(0), I(3) },
		{ I(0), I(0), I(INT64_MIN) },
	};
	struct sk_sink_options o = { .partitions = 1, .memory = 1 << 20, .tmp = "/tmp" };
	struct sk_runs out = { 0 };
	struct sk_reducer r = { .kind = SK_AGGREGATED, .n = 3, .aggregate = {
		{ "n", SNEK_COUNT }, { "a", SNEK_SUM }, { "b", SNEK_SUM } } };
	sk_sink *s;

	o.reducer = &r;
	ck_assert_int_eq(sk_sink_new(&o, &s, NULL), 0);
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(sk_sink_emit_row(s, sk_cstring("k"), row[i], 3,
		    NULL), 0);
	for (size_t i = 2; i < 6; i++)
		ck_assert_int_eq(sk_sink_emit_row(s, sk_cstring("another key"),
		    row[i], 3, NULL), 0);
	ck_assert_uint_eq(sk_sink_emitted(s), 7);
	finish(s, &out);
	expect(&r, &out, "\"another key\"={\"n\":3,\"a\":1.0,"
	    "\"b\":-9223372036854775803} "
	    "\"k\"={\"n\":3,\"a\":18446744073709551615,\"b\":2} ");
}
END_TEST

START_TEST(rows_have_a_result_for_each_aggregate)
{
	const struct snek_value full[5] = { I(2), I(1), S("b"), S("b"), D(0.5) };
	const struct snek_value more[5] = { D(0.5), NUL, S("a"), S("a"), I(1) };
	const struct snek_value nulls[5] = { NUL, NUL, NUL, NUL, NUL };
	const struct snek_value nones[5] = { NONE, NONE, NONE, NONE, NONE };
	const struct snek_value wrong[5] = { I(1), I(1), I(1), I(1), S("x") };
	struct sk_sink_options o = { .partitions = 1, .memory = 1 << 20, .tmp = "/tmp" };
	struct snek_error e = { 0 };
	struct sk_runs out = { 0 };
	struct sk_reducer r;
	sk_sink *s;

	make_rows(&r);
	o.reducer = &r;
	ck_assert_int_eq(sk_sink_new(&o, &s, NULL), 0);
	ck_assert_int_eq(sk_sink_emit_row(s, sk_int(1), full, 5, NULL), 0);
	ck_assert_int_eq(sk_sink_emit_row(s, sk_double(1), more, 5, NULL), 0);
	ck_assert_int_eq(sk_sink_emit_row(s, sk_int(2), nulls, 5, NULL), 0);
	ck_assert_int_eq(sk_sink_emit_row(s, sk_int(3), nones, 5, NULL), 0);
	ck_assert_int_eq(sk_sink_emit_row(s, sk_int(1), wrong, 5, &e), SNEK_ETYPE);
	ck_assert_ptr_nonnull(strstr(e.text, "mean"));
	ck_assert_int_eq(sk_sink_emit_row(s, sk_int(1), full, 4, NULL), SNEK_EINVAL);
	ck_assert_int_eq(sk_sink_emit(s, sk_int(1), sk_int(1), NULL), SNEK_EINVAL);
	finish(s, &out);
	expect(&r, &out, "1={\"sum\":2.5,\"count\":2,\"min\":\"a\",\"max\":\"b\","
	    "\"mean\":0.75} 2={\"sum\":0,\"count\":1} 3={\"sum\":0,\"count\":0} ");
}
END_TEST

START_TEST(rows_need_declared_aggregates)
{
	struct snek_value v = sk_int(1);
	struct sk_runs out = { 0 };
	struct sk_reducer r;
	sk_sink *s = make(&r, "list", 1, 1 << 20);

	ck_assert_int_eq(sk_sink_emit_row(s, v, &v, 1, NULL), SNEK_EINVAL);
	finish(s, &out);
}
END_TEST

/* ---- memory ---- */

static void list_many(sk_sink *s, int n, int (*order)(int))
{
	char key[16];
	int i, len;

	for (i = 0; i < n; i++) {
		sk_sink_at(s, (struct sk_place){ 1, (uint64_t)i });
		len = snprintf(key, sizeof(key), "%07d", order(i));
		ck_assert_int_eq(sk_sink_emit(s, sk_string(key, (size_t)len),
		    sk_int(i), NULL), 0);
	}
}

static int rising(int i)
{
	return i;
}

static int mixed_up(int i)
{
	return (int)((unsigned)i * 2654435761u % 50021);
}

static int falls_at_end(int i)
{
	return i < 49990 ? i : 60000 - i;
}

static uint64_t check_sorted(const struct sk_runs *runs)
{
	struct sk_entry n;
	sk_run_reader *in;
	struct sk_buf last = { 0 };
	uint64_t entries = 0;
	size_t i;

	for (i = 0; i < runs->n; i++) {
		last.n = 0;
		ck_assert_int_eq(sk_run_reader_new(&runs->run[i], &in, NULL), 0);
		while (sk_run_reader_next(in, &n, NULL) == 1) {
			ck_assert_int_le(sk_key_compare(last.p, last.n, n.key.p,
			    n.key.n), 0);
			last.n = 0;
			ck_assert(sk_buf_put(&last, n.key.p, n.key.n));
			entries++;
		}
		sk_run_reader_free(in);
	}
	sk_buf_free(&last);
	return entries;
}

START_TEST(pairs_in_order_make_one_file_however_many)
{
	struct sk_runs out = { 0 };
	struct sk_reducer r;
	sk_sink *s = make(&r, "none", 1, 10000);

	list_many(s, 50000, rising);
	finish(s, &out);
	ck_assert_uint_eq(out.n, 1);
	ck_assert_int_gt(out.run[0].fd, 2);
	ck_assert_uint_eq(out.run[0].mem.cap, 0);
	ck_assert_uint_eq(check_sorted(&out), 50000);
	sk_runs_free(&out);
}
END_TEST

START_TEST(pairs_out_of_order_make_few_sorted_files)
{
	struct sk_runs out = { 0 };
	struct sk_reducer r;
	sk_sink *s = make(&r, "none", 1, _i ? 10000 : 20000);

	list_many(s, 50000, _i ? mixed_up : falls_at_end);
	finish(s, &out);
	ck_assert_uint_gt(out.n, 1);
	ck_assert_uint_lt(out.n, 48);
	ck_assert_uint_eq(check_sorted(&out), 50000);
	sk_runs_free(&out);
}
END_TEST

START_TEST(a_table_over_its_bound_goes_to_a_file)
{
	struct sk_runs out[3] = { 0 };
	struct sk_reducer r;
	sk_sink *s = make(&r, "sum", 3, 100000);
	uint64_t entries = 0, i;
	char key[16];
	int len;

	for (i = 0; i < 30000; i++) {
		len = snprintf(key, sizeof(key), "%d", (int)(i % 10000));
		ck_assert_int_eq(sk_sink_emit_int(s, key, (size_t)len, 1, NULL), 0);
	}
	finish(s, out);
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(out[i].n, 1);
		ck_assert_int_gt(out[i].run[0].fd, 2);
		entries += out[i].run[0].entries;
		sk_runs_free(&out[i]);
	}
	ck_assert_uint_ge(entries, 10000);
	ck_assert_uint_le(entries, 30000);
}
END_TEST

START_TEST(a_sink_serves_task_after_task)
{
	static const char *const name[] = { "sum", "none", "top" };
	struct sk_runs out = { 0 };
	struct sk_reducer r;
	sk_sink *s = make(&r, name[_i], 1, 1 << 20);
	int i;

	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(sk_sink_emit(s, sk_null(), sk_int(i), NULL), 0);
		ck_assert_int_eq(sk_sink_finish(s, &out, NULL), 0);
		ck_assert_uint_eq(out.n, 1);
		ck_assert_uint_eq(out.run[0].entries, 1);
		sk_runs_free(&out);
		ck_assert_int_eq(sk_sink_finish(s, &out, NULL), 0);
		ck_assert_uint_eq(out.n, 0);
	}
	sk_sink_free(s);
}
END_TEST

START_TEST(a_missing_directory_for_spills_is_an_error)
{
	struct sk_reducer r;
	struct sk_sink_options o = {
		.reducer = &r, .partitions = 1, .memory = 1000, .tmp = "/nowhere",
	};
	struct snek_error e = { 0 };
	sk_sink *s;
	int i, rc = 0;

	ck_assert_int_eq(sk_reducer_parse(&r, _i ? "sum" : "none", NULL), 0);
	ck_assert_int_eq(sk_sink_new(&o, &s, NULL), 0);
	for (i = 0; i < 1000 && !rc; i++)
		rc = sk_sink_emit(s, sk_int(i), sk_int(1), &e);
	ck_assert_int_eq(rc, SNEK_ENOENT);
	ck_assert_ptr_nonnull(strstr(e.text, "/nowhere"));
	sk_sink_free(s);
}
END_TEST

/* ---- functions of the job ---- */

static uint32_t by_value(void *arg, struct snek_value key, uint32_t n)
{
	(void)arg;
	return key.as.i == 9 ? n : (uint32_t)key.as.i % n;
}

START_TEST(a_partition_function_decides)
{
	struct sk_reducer r;
	struct sk_sink_options o = {
		.reducer = &r, .partitions = 3, .memory = 1 << 20, .tmp = "/tmp",
		.partition = by_value,
	};
	struct sk_runs out[3] = { 0 };
	struct snek_error e = { 0 };
	sk_sink *s;
	int i, rc;

	ck_assert_int_eq(sk_reducer_parse(&r, _i ? "sum" : "none", NULL), 0);
	ck_assert_int_eq(sk_sink_new(&o, &s, NULL), 0);
	for (i = 0; i < 7; i++)
		ck_assert_int_eq(sk_sink_emit(s, sk_int(i), sk_int(1), NULL), 0);
	ck_assert_int_eq(sk_sink_finish(s, out, NULL), 0);
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(out[i].run[0].entries, i ? 2 : 3);
		sk_runs_free(&out[i]);
	}
	rc = sk_sink_emit(s, sk_int(9), sk_int(1), &e);
	if (!rc)
		rc = sk_sink_finish(s, out, &e);
	ck_assert_int_eq(rc, SNEK_EPLUGIN);
	sk_sink_free(s);
}
END_TEST

static int other_key(void *arg, struct snek_value key, sk_group *g,
    int (*emit)(void *, struct snek_value, struct snek_value), void *emit_arg,
    struct snek_error *e)
{
	(void)arg;
	(void)key;
	(void)g;
	(void)e;
	emit(emit_arg, sk_cstring("elsewhere"), sk_null());
	return 0;               /* does not pass the failure on */
}

START_TEST(combine_may_not_change_the_key)
{
	struct sk_reducer r = { .kind = SK_GROUPED, .group = SK_GROUP_OP };
	struct sk_sink_options o = {
		.reducer = &r, .partitions = 1, .memory = 1 << 20, .tmp = "/tmp",
		.combine.group = other_key,
	};
	struct sk_runs out = { 0 };
	struct snek_error e = { 0 };
	sk_sink *s;

	ck_assert_int_eq(sk_sink_new(&o, &s, NULL), 0);
	ck_assert_int_eq(sk_sink_emit(s, sk_int(9), sk_int(1), &e), 0);
	ck_assert_int_eq(sk_sink_finish(s, &out, &e), SNEK_EPLUGIN);
	ck_assert_ptr_nonnull(strstr(e.text, "another key"));
	sk_runs_free(&out);
	sk_sink_free(s);
}
END_TEST

START_TEST(top_keeps_few_in_the_sink)
{
	struct sk_runs out = { 0 };
	struct sk_reducer r;
	sk_sink *s = make(&r, "top=3", 1, 1 << 20);
	int i;

	for (i = 0; i < 1000; i++)
		ck_assert_int_eq(sk_sink_emit(s, sk_null(),
		    sk_int(i * 7919 % 1000), NULL), 0);
	finish(s, &out);
	ck_assert_uint_eq(out.n, 1);
	ck_assert_uint_eq(out.run[0].entries, 3);
	expect(&r, &out, "null=[999,998,997] ");
}
END_TEST

static void add_all(TCase *t)
{
	tcase_add_loop_test(t, what_cannot_be_emitted_is_refused, 0,
	    sizeof(refused) / sizeof(*refused));
	tcase_add_loop_test(t, each_reducer_gives_its_result, 0,
	    sizeof(results) / sizeof(*results));
	tcase_add_test(t, sums_are_exact_and_keep_their_kind);
	tcase_add_loop_test(t, the_fast_way_counts_like_the_slow_one, 0, 4);
	tcase_add_loop_test(t, a_sum_without_a_key_takes_all_that_a_sum_takes,
	    0, 2);
	tcase_add_test(t, keys_that_look_alike_stay_apart);
	tcase_add_test(t, rows_of_whole_numbers_add_up_as_all_rows_do);
	tcase_add_test(t, rows_have_a_result_for_each_aggregate);
	tcase_add_test(t, rows_need_declared_aggregates);
	tcase_add_test(t, pairs_in_order_make_one_file_however_many);
	tcase_add_loop_test(t, pairs_out_of_order_make_few_sorted_files, 0, 2);
	tcase_add_test(t, a_table_over_its_bound_goes_to_a_file);
	tcase_add_loop_test(t, a_sink_serves_task_after_task, 0, 3);
	tcase_add_loop_test(t, a_missing_directory_for_spills_is_an_error, 0, 2);
	tcase_add_loop_test(t, a_partition_function_decides, 0, 2);
	tcase_add_test(t, combine_may_not_change_the_key);
	tcase_add_test(t, top_keeps_few_in_the_sink);
}

int main(void)
{
	Suite *s = suite_create("sink");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	add_all(t);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
