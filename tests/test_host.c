/* SPDX-License-Identifier: MIT */
/* What an op must not do, how attempts fail, and what is said of it. */
#include "task_tool.h"
#include "check_main.h"

#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "task/host.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define AT3 "misuse failed at category things, write 5, chunk 1, record 3: "

static const char *const five[] = {
	"{\"n\":1}", "{\"n\":2}", "{\"n\":3}", "{\"n\":4}", "{\"n\":5}",
};

/* ---- what an op must not do ---- */

static const struct bad {
	const char *how;
	int code;
	const char *text;               /* NULL: it is fine */
} bads[] = {
	{ "nan", SNEK_EPLUGIN, "emitted NaN" },
	{ "none", SNEK_EPLUGIN, "the value is SNEK_NONE: there is nothing to "
	    "emit (say snek_null())" },
	{ "type", SNEK_EPLUGIN, "the value is of no type that there is (99)" },
	{ "utf8", SNEK_EPLUGIN, "the key is not UTF-8 at byte 3 of 4" },
	{ "utf8_value", SNEK_EPLUGIN, "the value is not UTF-8 at byte 25 of 26" },
	{ "forged", SNEK_EPLUGIN, "the value says that it is an array or object "
	    "but does not hold one" },
	{ "null_string", SNEK_EPLUGIN, "the value is a string at NULL" },
	{ "deep", SNEK_ELIMIT, "is nested deeper than 64" },
	{ "twins", SNEK_EPLUGIN, "packed two members of one name" },
	{ "pack_nan", SNEK_EPLUGIN, "packed a number that is not finite, which "
	    "JSON cannot hold" },
	{ "row", SNEK_EPLUGIN, "emitted a row of 1 values with 0 aggregates "
	    "declared" },
	{ "field", SNEK_EPLUGIN, "called snek_field, which is not allowed in "
	    "map" },
	{ "arg", SNEK_EPLUGIN, "called snek_arg, which is not allowed in map" },
	{ "aggregate", SNEK_EPLUGIN, "called snek_aggregate, which is not "
	    "allowed in map" },
	{ "chunk", SNEK_EPLUGIN, "called snek_next_chunk, which is not allowed "
	    "in map" },
	{ "values", SNEK_EPLUGIN, "called snek_next_value, which is not allowed "
	    "in map" },
	{ "ignore", SNEK_EPLUGIN, "emitted NaN" },
	{ "counter", SNEK_EPLUGIN, "a counter's name has 1 to 128 bytes" },
	{ "counters", SNEK_ELIMIT, "over 256 counters" },
	{ "seven", SNEK_EPLUGIN, "map returned 7, which means nothing" },
	{ "minus", SNEK_EPLUGIN, "map returned -1 without saying why (invalid "
	    "argument)" },
	{ "far", SNEK_EPLUGIN, "map returned -1000 without saying why" },
	{ "fail", SNEK_EPLUGIN, "the answer is 42" },
	{ "long", SNEK_EPLUGIN, "        " },
	{ "again", SNEK_EAGAIN, "later" },
	{ "corrupt", SNEK_EPLUGIN, "the store is at fault" },
	{ "swallow", 0, NULL },
	{ "memory", SNEK_ENOMEM, "map returned -2 without saying why (out of "
	    "memory)" },
};

static int open_misuse(struct task_tool *t, const char *how)
{
	char args[64];
	int rc;

	snprintf(args, sizeof(args), "{\"how\":\"%s\"}", how);
	rc = task_tool_open(t, "tests/plugins/misuse", NULL, args);
	if (!rc)
		task_tool_chunks(t, five, COUNT(five), 2);
	return rc;
}

START_TEST(misuse_fails_the_attempt_and_names_the_record)
{
	const struct bad *b = &bads[_i];
	struct task_tool t;

	ck_assert_int_eq(open_misuse(&t, b->how), 0);
	ck_assert_int_eq(task_tool_map(&t), b->code);
	if (b->text) {
		ck_assert_msg(!strncmp(t.map.error.text, AT3, sizeof(AT3) - 1),
		    "%s", t.map.error.text);
		ck_assert_msg(strstr(t.map.error.text, b->text), "%s",
		    t.map.error.text);
		ck_assert_int_eq(t.map.error.code, b->code);
		ck_assert_uint_eq(t.map.records_in, 3);
		ck_assert_uint_eq(t.map.parts, 0);
	}
	task_tool_close(&t);
}
END_TEST

static const struct bad open_bads[] = {
	{ "open_emit", SNEK_EINVAL, "misuse: called snek_emit_int, which is not "
	    "allowed in open" },
	{ "open_fail", SNEK_EINVAL, "misuse: not these arguments" },
	{ "open_path", SNEK_EINVAL, "a[" },
	{ "open_arg", SNEK_EINVAL, "misuse: asked for the argument 'what', which "
	    "it does not declare" },
	{ "open_twice", SNEK_EINVAL, "misuse: declares two aggregates named "
	    "'a'" },
	{ "open_kind", SNEK_EINVAL, "misuse: declares the aggregate 'a' of a "
	    "kind that this snek does not know (77)" },
};

START_TEST(an_op_that_cannot_open_says_why)
{
	const struct bad *b = &open_bads[_i];
	struct task_tool t;

	ck_assert_int_eq(open_misuse(&t, b->how), b->code);
	ck_assert_msg(strstr(t.error.text, b->text), "%s", t.error.text);
	task_tool_close(&t);
}
END_TEST

START_TEST(an_op_that_changes_the_rounding_is_told)
{
	struct task_tool t;
	int before = fegetround();

	ck_assert_int_eq(open_misuse(&t, "rounding"), 0);
	ck_assert_int_eq(task_tool_map(&t), SNEK_EPLUGIN);
	ck_assert_str_eq(t.map.error.text, "misuse changed the floating-point "
	    "mode of its thread and left it so; sums would not be exact");
	ck_assert_int_eq(fegetround(), before);
	task_tool_close(&t);
}
END_TEST

START_TEST(a_text_that_is_not_returned_as_failure_is_dropped)
{
	struct task_tool t;

	ck_assert_int_eq(open_misuse(&t, "swallow"), 0);
	ck_assert_str_eq(task_tool_run(&t), "\"fine\" 4\n");
	ck_assert_uint_eq(t.map.skipped, 1);
	ck_assert_uint_eq(t.map.records_in, 5);
	task_tool_close(&t);
}
END_TEST

START_TEST(an_instance_is_fresh_after_a_failure)
{
	struct task_tool t;

	ck_assert_int_eq(open_misuse(&t, "again"), 0);
	ck_assert_int_eq(task_tool_map(&t), SNEK_EAGAIN);
	task_tool_chunks(&t, five, 2, 2);
	ck_assert_str_eq(task_tool_run(&t), "\"fine\" 2\n");
	task_tool_close(&t);
}
END_TEST

/* ---- shards and what ops hold ---- */

static void open_shard(struct task_tool *t, const char *args, size_t rows)
{
	ck_assert_int_eq(task_tool_open(t, "tests/plugins/echo", "shard", args), 0);
	task_tool_chunks(t, five, COUNT(five), rows);
}

START_TEST(chunks_that_are_left_are_counted)
{
	struct task_tool t;

	open_shard(&t, "{\"leave\":1}", 2);
	ck_assert_int_eq(task_tool_map(&t), SNEK_EPLUGIN);
	ck_assert_str_eq(t.map.error.text, "shard failed at category things, "
	    "write 5, chunk 0: map_shard left 3 records unread: it must take "
	    "every chunk");
	task_tool_close(&t);
}
END_TEST

START_TEST(what_a_failed_attempt_held_is_not_met_by_the_next)
{
	struct task_tool t;

	open_shard(&t, "{\"fail\":true}", 2);
	ck_assert_int_eq(task_tool_map(&t), SNEK_EAGAIN);
	ck_assert_int_eq(task_tool_map(&t), SNEK_EAGAIN);
	task_tool_close(&t);
	open_shard(&t, NULL, 2);
	t.control.cancelled = 1;
	ck_assert_int_eq(task_tool_map(&t), SNEK_ECANCELED);
	t.control.cancelled = 0;
	ck_assert_str_eq(task_tool_run(&t), "\"rows\" 5\n\"sum\" 15\n");
	ck_assert_str_eq(task_tool_run(&t), "\"rows\" 5\n\"sum\" 15\n");
	task_tool_close(&t);
}
END_TEST

static const struct { const char *op, *want; } held[] = {
	{ "shard", "\"rows\" 5\n\"sum\" 15\n" },
	{ "totals", "\"all\" {\"count\":5,\"most\":5}\n" },
};

START_TEST(an_attempt_that_broke_half_way_can_be_repeated)
{
	struct task_tool t;
	char *byte;

	ck_assert_int_eq(task_tool_open(&t, "tests/plugins/echo", held[_i].op,
	    NULL), 0);
	task_tool_chunks(&t, five, COUNT(five), 2);
	byte = (char *)t.chunk[1].bytes.p + 9;
	*byte ^= 0x55;
	ck_assert_int_eq(task_tool_map(&t), SNEK_ECORRUPT);
	*byte ^= 0x55;
	ck_assert_str_eq(task_tool_run(&t), held[_i].want);
	task_tool_close(&t);
}
END_TEST

/* ---- places and memory ---- */

static const char *const lists[] = {
	"[1,2,3]", "[]", "[4]", "[5,6]", "[7,8,9,10]",
};

START_TEST(pairs_carry_the_place_of_their_record)
{
	static const uint64_t want[][2] = { { 0, 0 }, { 0, 1 }, { 0, 2 },
	    { 2, 0 }, { 3, 0 }, { 3, 1 }, { 4, 0 }, { 4, 1 }, { 4, 2 }, { 4, 3 } };
	sk_run_reader *reader;
	struct sk_entry x;
	struct task_tool t;
	size_t n = 0;

	ck_assert_int_eq(task_tool_open(&t, "tests/plugins/echo", "spread", NULL),
	    0);
	task_tool_chunks(&t, lists, COUNT(lists), 2);
	ck_assert_int_eq(task_tool_map(&t), 0);
	ck_assert_uint_eq(t.map.part[0].n, 1);
	ck_assert_int_eq(sk_run_reader_new(t.map.part[0].run, &reader, NULL), 0);
	for (; sk_run_reader_next(reader, &x, NULL) > 0; n++) {
		ck_assert_uint_lt(n, COUNT(want));
		ck_assert_uint_eq(x.place.version, 5);
		ck_assert_uint_eq(x.place.record, want[n][0]);
		ck_assert_uint_eq(x.emit, want[n][1]);
	}
	ck_assert_uint_eq(n, COUNT(want));
	sk_run_reader_free(reader);
	task_tool_close(&t);
}
END_TEST

START_TEST(memory_of_a_callback_goes_when_it_returns)
{
	enum { N = 5000 };
	static const char *texts[N];
	struct task_tool t;

	for (int i = 0; i < N; i++)
		texts[i] = "[1,2]";
	ck_assert_int_eq(task_tool_open(&t, "tests/plugins/echo",
	    _i ? "spread" : "fields", _i ? NULL : "{\"paths\":[\"[1]\"]}"), 0);
	task_tool_chunks(&t, texts, N, 500);
	ck_assert_int_eq(task_tool_map(&t), 0);
	ck_assert_int_eq(task_tool_counter(&t, "moved"), INT64_MIN);
	ck_assert_uint_gt(t.instance->arena[_i].total, 0);
	ck_assert_uint_le(t.instance->arena[_i].total, 2 << 16);
	task_tool_close(&t);
}
END_TEST

START_TEST(a_task_without_chunks_still_finishes)
{
	struct task_tool t;

	open_shard(&t, NULL, 2);
	task_tool_chunks(&t, five, 0, 1);
	ck_assert_str_eq(task_tool_run(&t), "\"rows\" 0\n");
	task_tool_close(&t);
}
END_TEST

/* ---- stopping ---- */

START_TEST(a_cancelled_attempt_stops)
{
	struct task_tool t;

	open_shard(&t, NULL, 2);
	t.control.cancelled = 1;
	ck_assert_int_eq(task_tool_map(&t), SNEK_ECANCELED);
	ck_assert_str_eq(t.map.error.text, "shard stopped at task 2: cancelled");
	ck_assert_uint_eq(t.map.records_in, 0);
	task_tool_close(&t);
}
END_TEST

START_TEST(a_late_attempt_stops)
{
	struct task_tool t;

	ck_assert_int_eq(open_misuse(&t, "fail"), 0);
	t.control.deadline_ms = sk_clock_ms() - 1;
	ck_assert_int_eq(task_tool_map(&t), SNEK_ETIMEDOUT);
	ck_assert_str_eq(t.map.error.text, "misuse stopped at task 2: the "
	    "deadline has passed");
	task_tool_close(&t);
}
END_TEST

START_TEST(damaged_chunks_are_not_the_ops_fault)
{
	struct task_tool t;

	ck_assert_int_eq(open_misuse(&t, "fail"), 0);
	memset((char *)t.chunk[1].bytes.p + 8, 0xee, 16);
	ck_assert_int_eq(task_tool_map(&t), SNEK_ECORRUPT);
	ck_assert_msg(!strncmp(t.map.error.text, "category things, write 5, "
	    "chunk 1: ", 35), "%s", t.map.error.text);
	task_tool_close(&t);
}
END_TEST

/* ---- combine, reduce, partition ---- */

static const char *const pairs[] = {
	"[\"x\",\"a\"]", "[\"b\",\"1\"]", "[\"x\",\"b\"]", "[\"b\",\"2\"]",
	"[\"x\",\"c\"]", "[\"b\",\"3\"]",
};

static void open_join(struct task_tool *t, const char *args)
{
	ck_assert_msg(task_tool_open(t, "tests/plugins/echo", "join", args) == 0,
	    "%s", t->error.text);
	task_tool_chunks(t, pairs, COUNT(pairs), 4);
}

START_TEST(values_are_combined_and_reduced_in_order)
{
	struct task_tool t;

	open_join(&t, NULL);
	t.partitions = (uint32_t)_i + 1;
	ck_assert_str_eq(task_tool_run(&t), "\"b\" \"123\"\n\"x\" \"abc\"\n");
	task_tool_close(&t);
}
END_TEST

START_TEST(a_reduce_need_not_take_everything)
{
	struct task_tool t;

	open_join(&t, "{\"most\":1,\"how\":\"nothing\"}");
	ck_assert_str_eq(task_tool_run(&t), "");
	task_tool_close(&t);
	open_join(&t, "{\"most\":1}");
	ck_assert_str_eq(task_tool_run(&t), "\"b\" \"123\"\n\"x\" \"abc\"\n");
	task_tool_close(&t);
}
END_TEST

static const struct bad join_bads[] = {
	{ "otherkey", SNEK_EPLUGIN, "combine of join failed at key \"b\": combine "
	    "emitted under another key than its own" },
	{ "fail", SNEK_EPLUGIN, "reduce of join failed at key \"b\": no wish "
	    "to" },
	{ "row", SNEK_EPLUGIN, "reduce of join failed at key \"b\": called "
	    "snek_emit_row, which is not allowed in reduce" },
	{ "outside", SNEK_EPLUGIN, "partition chose 1 of 1 partitions (they are "
	    "numbered from 0)" },
};

START_TEST(ops_on_keys_that_fail_name_the_key)
{
	const struct bad *b = &join_bads[_i];
	struct task_tool t;
	char args[64];
	const char *said;

	snprintf(args, sizeof(args), "{\"how\":\"%s\"}", b->how);
	open_join(&t, args);
	said = task_tool_run(&t);
	ck_assert_msg(strstr(said, b->text), "%s", said);
	task_tool_close(&t);
}
END_TEST

START_TEST(small_memory_combines_early_and_gives_the_same)
{
	enum { N = 20000 };
	static char text[N][32];
	static const char *texts[N];
	struct task_tool t;

	for (int i = 0; i < N; i++) {
		snprintf(text[i], sizeof(text[i]), "[\"k%03d\",\"%c\"]", i % 500,
		    'a' + i / 500 % 26);
		texts[i] = text[i];
	}
	ck_assert_int_eq(task_tool_open(&t, "tests/plugins/echo", "join", NULL), 0);
	task_tool_chunks(&t, texts, N, 999);
	t.memory = 64 << 10;
	task_tool_run(&t);
	ck_assert(!strncmp(t.result.p, "\"k000\" \"abcdefghijklmnopqrstuvwxyz"
	    "abcdefghijklmn\"\n", 50));
	ck_assert_int_gt(task_tool_counter(&t, "combined"), 500);
	task_tool_close(&t);
}
END_TEST

START_TEST(counters_and_logs_arrive)
{
	struct task_tool t;

	ck_assert_int_eq(task_tool_open(&t, "tests/plugins/echo", "totals", NULL), 0);
	task_tool_chunks(&t, five, COUNT(five), 2);
	ck_assert_int_eq(task_tool_map(&t), 0);
	ck_assert_int_eq(task_tool_counter(&t, "with"), 5);
	ck_assert_int_eq(task_tool_map(&t), 0);
	ck_assert_int_eq(task_tool_counter(&t, "with"), 5);
	ck_assert_int_eq(task_tool_counter(&t, "without"), INT64_MIN);
	task_tool_close(&t);
}
END_TEST

START_TEST(counters_stay_at_the_ends)
{
	struct sk_counters c = {0};
	struct snek_error e;

	ck_assert_int_eq(sk_counters_add(&c, "a", INT64_MAX, &e), 0);
	ck_assert_int_eq(sk_counters_add(&c, "a", 5, &e), 0);
	ck_assert_int_eq(sk_counters_add(&c, "b", INT64_MIN, &e), 0);
	ck_assert_int_eq(sk_counters_add(&c, "b", -5, &e), 0);
	ck_assert(c.counter[0].value == INT64_MAX);
	ck_assert(c.counter[1].value == INT64_MIN);
	sk_counters_free(&c);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_loop_test(c, misuse_fails_the_attempt_and_names_the_record, 0,
	    COUNT(bads));
	tcase_add_loop_test(c, an_op_that_cannot_open_says_why, 0,
	    COUNT(open_bads));
	tcase_add_test(c, an_op_that_changes_the_rounding_is_told);
	tcase_add_test(c, a_text_that_is_not_returned_as_failure_is_dropped);
	tcase_add_test(c, an_instance_is_fresh_after_a_failure);
	tcase_add_test(c, chunks_that_are_left_are_counted);
	tcase_add_test(c, what_a_failed_attempt_held_is_not_met_by_the_next);
	tcase_add_loop_test(c, an_attempt_that_broke_half_way_can_be_repeated, 0,
	    COUNT(held));
	tcase_add_test(c, pairs_carry_the_place_of_their_record);
	tcase_add_loop_test(c, memory_of_a_callback_goes_when_it_returns, 0, 2);
	tcase_add_test(c, a_task_without_chunks_still_finishes);
	tcase_add_test(c, a_cancelled_attempt_stops);
	tcase_add_test(c, a_late_attempt_stops);
	tcase_add_test(c, damaged_chunks_are_not_the_ops_fault);
	tcase_add_loop_test(c, values_are_combined_and_reduced_in_order, 0, 4);
	tcase_add_test(c, a_reduce_need_not_take_everything);
	tcase_add_loop_test(c, ops_on_keys_that_fail_name_the_key, 0,
	    COUNT(join_bads));
	tcase_add_test(c, small_memory_combines_early_and_gives_the_same);
	tcase_add_test(c, counters_and_logs_arrive);
	tcase_add_test(c, counters_stay_at_the_ends);
}

int main(void)
{
	return check_main("host", add_tests);
}
