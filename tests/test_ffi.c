/* SPDX-License-Identifier: MIT */
/* C functions as ops: signatures, what goes in, what comes out. */
#include "task_tool.h"
#include "check_main.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <snek/snek.h>

#include "task/call.h"
#include "task/signature.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define LIBRARY "tests/plugins/.libs/library.so"

/* ---- signatures ---- */

static const struct { const char *text, *letters, *optional; } signatures[] = {
	{ "d(dd)", "ddd", "00" }, { "b(s)", "bs", "0" },
	{ "s(biIlLfds)", "sbiIlLfds", "00000000" },
	{ "d(?d, ?s,d)", "ddsd", "110" }, { " d ( d d ) ", "ddd", "00" },
	{ "l(llllllllllllllll)", "lllllllllllllllll", "0000000000000000" },
};

START_TEST(signatures_are_read)
{
	struct sk_signature s;
	struct snek_error e = {0};

	ck_assert_msg(!sk_signature_parse(&s, signatures[_i].text, &e), "%s",
	    e.text);
	ck_assert_int_eq(s.result, signatures[_i].letters[0]);
	ck_assert_uint_eq(s.n, strlen(signatures[_i].optional));
	for (uint32_t i = 0; i < s.n; i++) {
		ck_assert_int_eq(s.arg[i], signatures[_i].letters[1 + i]);
		ck_assert_int_eq(s.optional[i], signatures[_i].optional[i] - '0');
	}
}
END_TEST

static const struct { const char *text, *why; } no_signatures[] = {
	{ "", "signature '': expected a type, one of biIlLfds at ''; say d(dd) "
	    "for double f(double, double)" },
	{ "dd", "( after the type of the result at 'd'" },
	{ "d", "( after the type of the result at ''" },
	{ "d(", "a type, one of biIlLfds at ''" },
	{ "d(d", "a type, one of biIlLfds at ''" },
	{ "d()", "an argument (a function without any learns nothing of a "
	    "record) at ')'" },
	{ "v(d)", "a type other than v (void) at 'v(d)'" },
	{ "d(v)", "a type other than v (void) at 'v)'" },
	{ "d(x)", "a type, one of biIlLfds at 'x)'" },
	{ "d(d)d", "the end at 'd'" },
	{ "?d(d)", "a type, one of biIlLfds at '?d(d)'" },
	{ "d(??d)", "a type, one of biIlLfds at '?d)'" },
	{ "d(?i)", "d or s after ? (no other type has a value for what is "
	    "missing) at 'i)'" },
	{ "d(?f)", "d or s after ?" }, { "d(?)", "a type, one of biIlLfds at ')'" },
	{ "l(lllllllllllllllll)", "no more than 16 arguments at 'l)'" },
	{ "\xff(d)", "a type, one of" },
};

START_TEST(what_is_no_signature_is_refused)
{
	struct sk_signature s = { .n = 77 };
	struct snek_error e = {0};

	ck_assert_int_eq(sk_signature_parse(&s, no_signatures[_i].text, &e),
	    SNEK_EINVAL);
	ck_assert_msg(strstr(e.text, no_signatures[_i].why) != NULL, "%s",
	    e.text);
	ck_assert_uint_eq(s.n, 77);
}
END_TEST

/* ---- calls from outside ---- */

static void begin(struct task_tool *t, const struct sk_call *c)
{
	struct sk_instance_options o = { .category = "things", .args = &t->args };

	memset(t, 0, sizeof(*t));
	t->partitions = 1;
	t->memory = 64 << 20;
	ck_assert_msg(!sk_call_open(c, &t->plugin, &t->error), "%s",
	    t->error.text);
	t->op = &t->plugin->op[0];
	o.plugin = t->plugin;
	o.op = t->op;
	ck_assert_msg(!sk_instance_open(&o, &t->instance, &t->error), "%s",
	    t->error.text);
	ck_assert_int_eq(sk_reducer_parse(&t->reducer, "none", NULL), 0);
}

/* Up to four records; chunks of two. */
static const struct row {
	struct sk_call call;
	const char *record[5];
	const char *want;               /* or the end of the error */
	uint64_t skipped;
} rows[] = {
	{ { "libm.so.6", "hypot", "d(dd)", "x,y" },
	    { "{\"x\":3,\"y\":4}", "{\"x\":1.5,\"y\":2.0}", "{\"x\":5,\"y\":12.0}" },
	    "null 5.0\nnull 2.5\nnull 13.0\n", 0 },
	{ { "libm.so.6", "hypot", "d(dd)", "x,y" },
	    { "{\"x\":3,\"y\":null}", "{\"x\":3}", "{\"y\":3}", "7" }, "", 4 },
	{ { "libm.so.6", "sqrt", "d(d)", NULL }, { "4", "2.25", "null", "0" },
	    "null 2.0\nnull 1.5\nnull 0.0\n", 1 },
	{ { "libm.so.6", "sqrt", "d(d)", "" }, { "4", "\"4\"" },
	    "chunk 0, record 2: the record is \"4\"; argument 1 needs a number",
	    0 },
	{ { "libm.so.6", "sqrt", "d(d)", NULL }, { "-4" },
	    "record 1: it returned NaN, which JSON cannot hold", 0 },
	{ { LIBRARY, "quotient", "d(dd)", "[0],[1]" }, { "[1,4]", "[1]", "[1,0]" },
	    "chunk 1, record 3: it returned infinity, which JSON cannot hold", 0 },
	{ { LIBRARY, "quotient", "d(dd)", "[0],[1]" }, { "[-1,0]" },
	    "it returned -infinity, which JSON cannot hold", 0 },
	{ { LIBRARY, "quotient", "d(dd)", "a\\,b,a\\.b" },
	    { "{\"a,b\":1,\"a.b\":2}" }, "null 0.5\n", 0 },
	{ { LIBRARY, "quotient", "d(dd)", "a,a" }, { "{\"a\":18446744073709551615}" },
	    "null 1.0\n", 0 },
	{ { LIBRARY, "negative", "i(i)", "a" },
	    { "{\"a\":5}", "{\"a\":-2147483647}", "{\"a\":3.0}", "{\"a\":-0.0}" },
	    "null -5\nnull 2147483647\nnull -3\nnull 0\n", 0 },
	{ { LIBRARY, "negative", "i(i)", "a" }, { "{\"a\":2147483648}" },
	    "record 1: field 'a' is 2147483648; argument 1 needs a whole number "
	    "in [-2^31, 2^31)", 0 },
	{ { LIBRARY, "negative", "i(i)", "a" }, { "{\"a\":-2147483649.0}" },
	    "is -2147483649.0; argument 1 needs a whole number in [-2^31, 2^31)",
	    0 },
	{ { LIBRARY, "negative", "i(i)", "a" }, { "{\"a\":3.5}" },
	    "field 'a' is 3.5; argument 1 needs a whole number in [-2^31, 2^31)",
	    0 },
	{ { LIBRARY, "negative", "i(i)", "a" }, { "{\"a\":true}" },
	    "field 'a' is true; argument 1 needs a whole number in [-2^31, 2^31)",
	    0 },
	{ { LIBRARY, "minus", "i(il)", "a,b" }, { "{\"a\":1,\"b\":5}" },
	    "null -4\n", 0 },
	{ { LIBRARY, "low", "I(L)", "a" },
	    { "{\"a\":18446744073709551615}", "{\"a\":4294967296}" },
	    "null 4294967295\nnull 0\n", 0 },
	{ { LIBRARY, "low", "I(L)", "a" }, { "{\"a\":-1}" },
	    "is -1; argument 1 needs a whole number in [0, 2^64)", 0 },
	{ { LIBRARY, "low", "I(L)", "a" }, { "{\"a\":18446744073709551616.0}" },
	    "argument 1 needs a whole number in [0, 2^64)", 0 },
	{ { LIBRARY, "same", "L(L)", "a" },
	    { "{\"a\":18446744073709551615}", "{\"a\":1e19}", "{\"a\":7}" },
	    "null 18446744073709551615\nnull 10000000000000000000\nnull 7\n", 0 },
	{ { LIBRARY, "twice", "l(l)", "a" },
	    { "{\"a\":-4611686018427387904}", "{\"a\":4e0}" },
	    "null -9223372036854775808\nnull 8\n", 0 },
	{ { LIBRARY, "twice", "l(l)", "a" }, { "{\"a\":9223372036854775808}" },
	    "argument 1 needs a whole number in [-2^63, 2^63)", 0 },
	{ { LIBRARY, "twice", "l(l)", "a" }, { "{\"a\":9223372036854775808.0}" },
	    "argument 1 needs a whole number in [-2^63, 2^63)", 0 },
	{ { LIBRARY, "half", "f(f)", "a" },
	    { "{\"a\":5}", "{\"a\":0.2}", "{\"a\":1e-60}" },
	    "null 2.5\nnull 0.10000000149011612\nnull 0.0\n", 0 },
	{ { LIBRARY, "half", "f(f)", "a" }, { "{\"a\":3.5e38}" },
	    "is 3.5e+38; argument 1 needs a number within the range of float", 0 },
	{ { LIBRARY, "is_even", "b(l)", "a" },
	    { "{\"a\":2,\"b\":[1]}", "{\"a\":3}", "{\"b\":2}", "{\"a\":-4}" },
	    "null {\"a\":2,\"b\":[1]}\nnull {\"a\":-4}\n", 1 },
	{ { LIBRARY, "is_both", "b(bi)", "a,b" },
	    { "{\"a\":true,\"b\":256}", "{\"a\":true,\"b\":0}",
	      "{\"a\":false,\"b\":1}" }, "null {\"a\":true,\"b\":256}\n", 0 },
	{ { LIBRARY, "is_both", "b(bi)", "a,b" }, { "{\"a\":1,\"b\":1}" },
	    "field 'a' is 1; argument 1 needs true or false", 0 },
	{ { LIBRARY, "bytes", "L(s)", "a" },
	    { "{\"a\":\"\"}", "{\"a\":\"\\u00e9x\"}", "{\"a\":\"abc\"}", "{}" },
	    "null 0\nnull 3\nnull 3\n", 1 },
	{ { LIBRARY, "bytes", "L(?s)", "a" },
	    { "{\"a\":\"ab\"}", "{\"a\":null}", "{}" },
	    "null 2\nnull 99\nnull 99\n", 0 },
	{ { LIBRARY, "bytes", "L(s)", "a" }, { "{\"a\":\"x\\u0000y\"}" },
	    "field 'a' is \"x\\u0000y\"; argument 1 needs a string without NUL",
	    0 },
	{ { LIBRARY, "bytes", "L(s)", "a" }, { "{\"a\":7}" },
	    "field 'a' is 7; argument 1 needs a string without NUL", 0 },
	{ { LIBRARY, "bytes", "L(?s)", "a" }, { "{\"a\":[7]}" },
	    "field 'a' is [7]; argument 1 needs a string without NUL", 0 },
	{ { LIBRARY, "or_one", "d(?d)", "a" }, { "{\"a\":4}", "{\"a\":null}", "2" },
	    "null 4.0\nnull 1.0\nnull 1.0\n", 0 },
	{ { LIBRARY, "or_one", "d(?d)", "a" }, { "{\"a\":\"4\"}" },
	    "field 'a' is \"4\"; argument 1 needs a number", 0 },
	{ { LIBRARY, "word", "s(i)", "a" },
	    { "{\"a\":0}", "{\"a\":3}", "{\"a\":2}" },
	    "null \"none\"\nnull \"two\"\n", 1 },
	{ { LIBRARY, "broken", "s(i)", "a" }, { "{\"a\":0}", "{\"a\":1}" },
	    "record 2: the value is not UTF-8 at byte 0 of 1", 0 },
	{ { LIBRARY, "tail", "s(sI)", "a,b" },
	    { "{\"a\":\"abcdef\",\"b\":4}", "{\"a\":\"a\",\"b\":2}" },
	    "null \"ef\"\n", 1 },
	{ { LIBRARY, "each", "s(biIlLfds)", "b,i,I,l,L,f,d,s" },
	    { "{\"b\":true,\"i\":-2,\"I\":4294967295,\"l\":-9223372036854775808,"
	      "\"L\":18446744073709551615,\"f\":1.5,\"d\":2.25,\"s\":\"x y\"}" },
	    "null \"1 -2 4294967295 -9223372036854775808 18446744073709551615 "
	    "1.5 2.25 x y\"\n", 0 },
	{ { LIBRARY, "sixteen", "l(llll llll llll llll)", "[0],[1],[2],[0],[0],"
	      "[0],[0],[0],[0],[0],[0],[0],[0],[0],[0],[3]" },
	    { "[1,20,300,4000]" }, "null -3667\n", 0 },
	{ { LIBRARY, "crowd", "s(ldifLbIsidbIlsfi)", "[0],[1],[2],[3],[4],[5],"
	      "[6],[7],[2],[1],[5],[6],[0],[7],[3],[2]" },
	    { "[-9223372036854775808,0.5,-3,1.25,18446744073709551615,true,"
	      "4294967295,\"x y\"]" },
	    "null \"-9223372036854775808 0.5 -3 1.25 18446744073709551615 1 "
	    "4294967295 x y -3 0.5 1 4294967295 -9223372036854775808 x y 1.25 "
	    "-3\"\n", 0 },
	{ { LIBRARY, "reals", "d(dfdddddddillllll)", "[0],[1],[2],[0],[0],[0],"
	      "[0],[0],[3],[0],[1],[2],[0],[0],[0],[3]" },
	    { "[1,2,4,-8]" }, "null 83.0\n", 0 },
	{ { LIBRARY, "many_reals", "f(dfdbdddddidfd)", "[0],[1],[2],[4],[0],[0],"
	      "[0],[0],[0],[3],[0],[1],[2]" },
	    { "[1,2,3,-40,true]" }, "null 3181.5\n", 0 },
	{ { LIBRARY, "last", "f(dddddddf)", "[0],[1],[2],[3],[4],[5],[6],[7]" },
	    { "[1,2,3,4,5,6,7,0.25]", "[1,2,3,4,5,6,7,-8]" },
	    "null 0.25\nnull -8.0\n", 0 },
};

START_TEST(functions_are_called_with_fields)
{
	const struct row *r = &rows[_i / 2];
	struct task_tool t;
	const char *got;
	size_t n = 0;

	while (r->record[n])
		n++;
	begin(&t, &r->call);
	task_tool_chunks(&t, r->record, n, _i % 2 ? 2 : n);
	for (int again = 0; again < 2; again++) {
		got = task_tool_run(&t);
		if (!t.map.code) {
			ck_assert_str_eq(got, r->want);
			ck_assert_uint_eq(t.map.skipped, r->skipped);
			continue;
		}
		/* Where the error is depends on how chunks are cut. */
		got = strstr(got, _i % 2 ? r->want : strstr(r->want, "record") ?
		    strstr(r->want, "record") : r->want);
		ck_assert_msg(got, "%s: %s", r->call.function, t.map.error.text);
		ck_assert_msg(!strncmp(t.map.error.text, r->call.function,
		    strlen(r->call.function)), "%s", t.map.error.text);
	}
	task_tool_close(&t);
}
END_TEST

/* ---- in threads ---- */

struct racer {
	const struct task_tool *shared;
	struct sk_outcome out;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	const struct task_tool *t = r->shared;
	struct sk_instance_options o = { .plugin = t->plugin, .op = t->op,
	    .args = &t->args };
	struct sk_map_task m = { .chunk = t->chunk, .chunks = t->chunks,
	    .reducer = &t->reducer, .partitions = 1, .memory = 1 << 20,
	    .tmp = "/tmp" };
	sk_instance *in = NULL;

	r->out.code = sk_instance_open(&o, &in, &r->out.error);
	for (int i = 0; !r->out.code && i < 200; i++) {
		sk_outcome_free(&r->out);
		sk_task_map(in, &m, &r->out);
	}
	sk_instance_close(in);
	return NULL;
}

START_TEST(threads_share_a_function)
{
	static const char *const texts[] = { "{\"a\":\"abcdef\",\"b\":4}",
		"{\"a\":\"a\",\"b\":2}", "{\"a\":\"xyz\",\"b\":0}" };
	struct sk_call c = { LIBRARY, "tail", "s(sI)", "a,b" };
	struct task_tool t;
	struct racer r[4];
	pthread_t thread[4];

	begin(&t, &c);
	task_tool_chunks(&t, texts, 3, 2);
	memset(r, 0, sizeof(r));
	for (int i = 0; i < 4; i++) {
		r[i].shared = &t;
		ck_assert_int_eq(pthread_create(&thread[i], NULL, race, &r[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		ck_assert_msg(!r[i].out.code, "%s", r[i].out.error.text);
		ck_assert_uint_eq(r[i].out.emitted, 2);
		ck_assert_uint_eq(r[i].out.skipped, 1);
		sk_outcome_free(&r[i].out);
	}
	task_tool_close(&t);
}
END_TEST

/* ---- calls that cannot be ---- */

static const struct { struct sk_call call; int code; const char *why; } bad[] = {
	{ { "", "f", "d(d)", "a" }, SNEK_EINVAL, "the library has no name" },
	{ { "l", "", "d(d)", "a" }, SNEK_EINVAL, "'' cannot be the name of a C "
	    "function" },
	{ { "l", "1f", "d(d)", "a" }, SNEK_EINVAL, "'1f' cannot be the name" },
	{ { "l", "f()", "d(d)", "a" }, SNEK_EINVAL, "'f()' cannot be the name" },
	{ { "l", "f", "d(d", "a" }, SNEK_EINVAL, "signature 'd(d': expected" },
	{ { "l", "f", "d(dd)", "a" }, SNEK_EINVAL, "f takes 2 arguments, and 'a' "
	    "names 1 field" },
	{ { "l", "f", "d(d)", "a,b" }, SNEK_EINVAL, "f takes 1 argument, and "
	    "'a,b' names 2 fields" },
	{ { "l", "f", "d(d)", "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a" },
	    SNEK_EINVAL, "names 20 fields" },
	{ { "l", "f", "d(dd)", NULL }, SNEK_EINVAL, "f takes 2 arguments: say "
	    "which fields they are" },
	{ { "l", "f", "d(dd)", "a,b[" }, SNEK_EINVAL, "path 'b['" },
	{ { "libno-such.so.9", "f", "d(d)", "a" }, SNEK_ENOENT,
	    "libno-such.so.9 is not found: give its path" },
	{ { "./no-such.so", "f", "d(d)", "a" }, SNEK_ENOENT, "./no-such.so" },
	{ { "/dev/null", "f", "d(d)", "a" }, SNEK_EABI, "/dev/null" },
	{ { "libm.so.6", "hypoo", "d(d)", "a" }, SNEK_ENOENT, "libm.so.6 has no "
	    "function hypoo" },
	{ { LIBRARY, "some_data", "d(d)", "a" }, SNEK_EABI, "some_data of "
	    LIBRARY " is data, no function" },
};

START_TEST(calls_that_cannot_be_are_refused)
{
	struct sk_plugin *p = NULL;
	struct snek_error e = {0};

	ck_assert_int_eq(sk_call_open(&bad[_i].call, &p, &e), bad[_i].code);
	ck_assert_int_eq(e.code, bad[_i].code);
	ck_assert_msg(strstr(e.text, bad[_i].why) != NULL, "%s", e.text);
	ck_assert_ptr_null(p);
	ck_assert_int_eq(sk_call_describe(&bad[_i].call, &p, NULL),
	    bad[_i].code == SNEK_EINVAL ? SNEK_EINVAL : 0);
	sk_plugin_close(p);
}
END_TEST

START_TEST(a_described_call_reads_its_fields_and_does_not_map)
{
	struct sk_call c = { "libno-such.so.9", "f", "b(ds)", "a.b,c" };
	static const char *const texts[] = { "{\"a\":{\"b\":1},\"c\":\"\"}" };
	struct sk_instance_options o = { .category = "things" };
	const struct sk_path *path;
	struct task_tool t = { .partitions = 1, .memory = 1 << 20 };

	ck_assert_int_eq(sk_call_describe(&c, &t.plugin, &t.error), 0);
	ck_assert_str_eq(t.plugin->name, "libno-such.so.9");
	t.op = o.op = &t.plugin->op[0];
	o.plugin = t.plugin;
	o.args = &t.args;
	ck_assert_str_eq(o.op->op.name, "f");
	ck_assert_int_eq(sk_instance_open(&o, &t.instance, &t.error), 0);
	ck_assert_uint_eq(sk_instance_paths(t.instance, &path), 3);
	ck_assert_uint_eq(path[0].step[1].len, 1);
	ck_assert_int_eq(path[0].step[1].name[0], 'b');
	ck_assert_int_eq(sk_reducer_parse(&t.reducer, "none", NULL), 0);
	task_tool_chunks(&t, texts, 1, 1);
	ck_assert_ptr_nonnull(strstr(task_tool_run(&t),
	    "its library is not loaded"));
	task_tool_close(&t);
}
END_TEST

/* ---- declared in a plugin ---- */

static const char *const sizes[] = {
	"{\"w\":2,\"size\":{\"h\":3},\"unit\":\"cm\",\"yes\":true}",
	"{\"w\":0.5,\"size\":{\"h\":0.25},\"yes\":false}", "{\"unit\":\"mm\"}", "{}",
};

static const struct { const char *op, *want; uint64_t skipped; } declared[] = {
	{ "area", "null 6.0\nnull 0.125\n", 2 },
	{ "total", "null 6.125\n", 2 },
	{ "is_wide", "null {\"w\":0.5,\"size\":{\"h\":0.25},\"yes\":false}\n", 2 },
	{ "unit", "null \"cm\"\nnull \"none\"\nnull \"mm\"\nnull \"neither\"\n",
	    0 },
	{ "sum", "sum failed at category things, write 5, chunk 0, record 2: "
	    "field 'w' is 0.5; argument 1 needs a whole number in [-2^31, 2^31)",
	    0 },
	{ "ordinary", "null 1\nnull 1\nnull 1\nnull 1\n", 0 },
};

START_TEST(functions_of_a_plugin_are_ops)
{
	struct task_tool t;

	ck_assert_msg(!task_tool_open(&t, "tests/plugins/called",
	    declared[_i].op, NULL), "%s", t.error.text);
	task_tool_chunks(&t, sizes, COUNT(sizes), 3);
	ck_assert_str_eq(task_tool_run(&t), declared[_i].want);
	if (!t.map.code)
		ck_assert_uint_eq(t.map.skipped, declared[_i].skipped);
	task_tool_close(&t);
}
END_TEST

START_TEST(a_function_without_a_summary_is_given_one)
{
	struct snek_error e;
	struct sk_plugin *p;

	ck_assert_int_eq(sk_plugin_open("tests/plugins/.libs/called.so", &p, &e),
	    0);
	ck_assert_str_eq(sk_plugin_op(p, "area", &e)->op.summary,
	    "calls a function with w, size.h");
	ck_assert_str_eq(sk_plugin_op(p, "is_wide", &e)->op.summary,
	    "calls a filter with w, size.h");
	ck_assert_str_eq(sk_plugin_op(p, "total", &e)->op.summary,
	    "all of the areas");
	sk_plugin_close(p);
}
END_TEST

START_TEST(sums_of_arguments_agree)
{
	struct task_tool t;

	ck_assert_int_eq(task_tool_open(&t, "tests/plugins/called", "sum", NULL),
	    0);
	task_tool_chunks(&t, sizes, 1, 1);
	ck_assert_str_eq(task_tool_run(&t), "null 9\n");
	task_tool_close(&t);
}
END_TEST

START_TEST(the_example_measures_the_earth)
{
	static const char *const trips[] = {
		"{\"from\":{\"lat\":0,\"lon\":0},\"to\":{\"lat\":0,\"lon\":180}}",
		"{\"from\":{\"lat\":52.52,\"lon\":13.405},"
		"\"to\":{\"lat\":48.8566,\"lon\":2.3522}}",
	};
	double pi = 0, paris = 0;
	struct task_tool t;

	ck_assert_int_eq(task_tool_open(&t, "examples/distance", NULL, NULL), 0);
	task_tool_chunks(&t, trips, 2, 1);
	ck_assert_int_eq(sscanf(task_tool_run(&t), "null %lf\nnull %lf", &pi,
	    &paris), 2);
	ck_assert(fabs(pi - 20015.1) < 0.1 && fabs(paris - 877.5) < 0.5);
	task_tool_close(&t);
}
END_TEST

static double id(double x)
{
	return x;
}

#define CALL(...) { .size = sizeof(struct snek_function), \
	.call = (void (*)(void))id, __VA_ARGS__ }
#define FIELDS(...) .fields = (const char *const[]){ __VA_ARGS__ }

static const struct { struct snek_function f; const char *why; } lies[] = {
	{ CALL(.signature = "d(d)", FIELDS("a", NULL)), NULL },
	{ CALL(.signature = "d(d)", FIELDS("a", "b", NULL)), "op 'f': its "
	    "function takes 1 argument and names more fields" },
	{ CALL(.signature = "d(dd)", FIELDS("a", NULL)), "op 'f': its function "
	    "takes 2 arguments and names fewer fields" },
	{ CALL(.signature = "d(d)"), "op 'f': its function takes 1 argument and "
	    "names fewer fields" },
	{ CALL(.signature = "d"), "op 'f': signature 'd': expected (" },
	{ CALL(FIELDS("a", NULL)), "op 'f': its function has no signature" },
	{ { .size = sizeof(struct snek_function), .signature = "d(d)",
	    FIELDS("a", NULL) }, "op 'f': its function has no address" },
	{ { .size = 12 }, "op 'f': its function has an impossible size of 12" },
	{ { .size = 8000 }, "op 'f': its function has an impossible size" },
};

static void read_op(const struct snek_op *op, const char *why)
{
	const struct snek_op *const ops[] = { op, NULL };
	struct snek_plugin said = { SNEK_ABI, sizeof(said), "p", "1", ops };
	struct sk_plugin *p = calloc(1, sizeof(*p));
	struct snek_error e = {0};
	int rc = sk_plugin_read(p, &said, sizeof(said), &e);

	ck_assert_int_eq(rc, why ? SNEK_EABI : 0);
	ck_assert_msg(!why || !strncmp(e.text, why, strlen(why)), "%s", e.text);
	sk_plugin_close(p);
}

START_TEST(what_a_plugin_says_of_a_function_is_checked)
{
	read_op(SNEK_OP(.name = "f", .function = &lies[_i].f), lies[_i].why);
}
END_TEST

static int finish(snek_ctx *c, void *self)
{
	(void)c, (void)self;
	return 0;
}

START_TEST(a_function_goes_without_callbacks)
{
	static const struct snek_arg *const none[] = { NULL };
	const char *why = "op 'f' has a function, which goes without callbacks "
	    "and arguments of its own";

	read_op(SNEK_OP(.name = "f", .function = &lies[0].f, .finish = finish),
	    why);
	read_op(SNEK_OP(.name = "f", .function = &lies[0].f, .args = none), why);
	read_op(SNEK_OP(.name = "f", .function = (const void *)(uintptr_t)24),
	    "op 'f': its function is at no address that can hold it (0x18)");
}
END_TEST

/* ---- the front door ---- */

static void read_points(snek_job *j)
{
	static const char text[] = "{\"x\":3,\"y\":4}{\"x\":-4,\"y\":3}{}";
	int pipes[2];

	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert_int_eq(write(pipes[1], text, sizeof(text) - 1),
	    sizeof(text) - 1);
	close(pipes[1]);
	ck_assert_int_eq(snek_job_read(j, pipes[0], "points", SNEK_JSONL, NULL),
	    0);
	close(pipes[0]);
}

/* What the job comes to, as text with blanks between. */
static void finish_job(snek_job *j, char *text, size_t size)
{
	struct snek_value v;
	snek_result *r;
	FILE *f = fmemopen(text, size, "w");

	ck_assert_int_eq(snek_job_start(j, NULL), 0);
	ck_assert_int_eq(snek_job_wait(j, -1, NULL), 1);
	ck_assert_int_eq(snek_result_open(j, &r, NULL), 0);
	while (snek_result_next(r, NULL, &v, NULL) == 1) {
		ck_assert_int_eq(snek_value_json(v, f), 0);
		putc(' ', f);
	}
	fclose(f);
	snek_result_close(r);
}

START_TEST(a_job_maps_what_was_said_last)
{
	struct snek_error e = {0};
	char got[200];
	snek_job *j;

	ck_assert_int_eq(snek_job_new(NULL, NULL, &j, NULL), 0);
	read_points(j);
	if (_i) {
		ck_assert_int_eq(snek_job_call(j, "libm.so.6", "hypot", "d(dd)",
		    "x,y", NULL), 0);
		ck_assert_int_eq(snek_job_map(j, "plugins/.libs/select.so",
		    "{\"fields\":[\"x\"]}", NULL), 0);
	} else {
		ck_assert_int_eq(snek_job_map(j, "no-such", "{\"a\":1}", NULL),
		    0);
		ck_assert_int_eq(snek_job_call(j, "libm.so.6", "fabs", "d(d)",
		    "x", NULL), 0);
		ck_assert_int_eq(snek_job_call(j, "libm.so.6", "hypot", "d(dd)",
		    "x,y", NULL), 0);
		/* A mistake leaves what was said before. */
		ck_assert_int_eq(snek_job_call(j, "libm.so.6", "hypot", "d(d",
		    "x", &e), SNEK_EINVAL);
	}
	finish_job(j, got, sizeof(got));
	ck_assert_str_eq(got, _i ? "{\"x\":3} {\"x\":-4} {} " : "5.0 5.0 ");
	ck_assert_int_eq(snek_job_call(j, "libm.so.6", "hypot", "d(dd)", "x,y",
	    &e), SNEK_EINVAL);
	ck_assert_str_eq(e.text, "the job has begun");
	snek_job_free(j);
}
END_TEST

static const struct { const char *lib, *function, *sig; int code; } starts[] = {
	{ NULL, "f", "d(d)", SNEK_EINVAL }, { "l", NULL, "d(d)", SNEK_EINVAL },
	{ "l", "f", NULL, SNEK_EINVAL }, { "l", "f", "d(dd)", SNEK_EINVAL },
	{ "libno-such.so.9", "f", "d(d)", SNEK_ENOENT },
	{ "libm.so.6", "no_such", "d(d)", SNEK_ENOENT },
};

START_TEST(words_fail_at_once_and_libraries_at_the_start)
{
	struct snek_error e = {0};
	snek_job *j;
	int rc;

	ck_assert_int_eq(snek_job_new(NULL, NULL, &j, NULL), 0);
	rc = snek_job_call(j, starts[_i].lib, starts[_i].function,
	    starts[_i].sig, NULL, &e);
	ck_assert_int_eq(rc, starts[_i].code == SNEK_ENOENT ? 0 : SNEK_EINVAL);
	if (!rc)
		ck_assert_int_eq(snek_job_start(j, &e), starts[_i].code);
	ck_assert_int_eq(e.code, starts[_i].code);
	ck_assert_int_ne(e.text[0], 0);
	snek_job_free(j);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_loop_test(c, signatures_are_read, 0, COUNT(signatures));
	tcase_add_loop_test(c, what_is_no_signature_is_refused, 0,
	    COUNT(no_signatures));
	tcase_add_loop_test(c, functions_are_called_with_fields, 0,
	    2 * COUNT(rows));
	tcase_add_test(c, threads_share_a_function);
	tcase_add_loop_test(c, calls_that_cannot_be_are_refused, 0, COUNT(bad));
	tcase_add_test(c, a_described_call_reads_its_fields_and_does_not_map);
	tcase_add_loop_test(c, functions_of_a_plugin_are_ops, 0,
	    COUNT(declared));
	tcase_add_test(c, a_function_without_a_summary_is_given_one);
	tcase_add_test(c, sums_of_arguments_agree);
	tcase_add_test(c, the_example_measures_the_earth);
	tcase_add_loop_test(c, what_a_plugin_says_of_a_function_is_checked, 0,
	    COUNT(lies));
	tcase_add_loop_test(c, a_job_maps_what_was_said_last, 0, 2);
	tcase_add_loop_test(c, words_fail_at_once_and_libraries_at_the_start, 0,
	    COUNT(starts));
	tcase_add_test(c, a_function_goes_without_callbacks);
}

int main(void)
{
	return check_main("ffi", add_tests);
}
