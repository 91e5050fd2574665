/* SPDX-License-Identifier: MIT */
/* A plugin built with the headers of 0.1.0 still loads and still works. */
#include "task_tool.h"
#include "check_main.h"

#include <stdio.h>
#include <string.h>

#define GOLDEN "tests/golden/plugin-0.1.0-x86_64.so"

static const char *const texts[] = {
	"{\"t\":\"x\",\"n\":1,\"b\":true}",
	"{\"t\":\"y\",\"n\":2.5,\"o\":{\"a\":[0,40]}}",
	"{\"t\":\"x\",\"n\":18446744073709551615,\"b\":false}",
	"{\"t\":7,\"n\":null}", "[1]",
};

static const struct { const char *op, *args, *want; } rows[] = {
	{ "count", "{\"field\":\"t\",\"step\":3}", "\"x\" 6\n\"y\" 3\n" },
	{ "total", NULL,
	    "null {\"count\":3,\"sum\":2.5,\"least\":2.5,\"most\":2.5,"
	    "\"mean\":14.166666666666666}\n"
	    "false {\"count\":1,\"sum\":18446744073709551615,"
	    "\"least\":18446744073709551615,\"most\":18446744073709551615,"
	    "\"mean\":1.8446744073709552e+19}\n"
	    "true {\"count\":1,\"sum\":1,\"least\":1,\"most\":1,\"mean\":1.0}\n" },
	{ "turn", NULL, "2 1\n3 3\n" },
	{ "shard", NULL, "\"has\" 1\n\"rows\" 5\n" },
};

START_TEST(a_plugin_of_0_1_0_works)
{
	struct task_tool t;

	ck_assert_msg(task_tool_open(&t, GOLDEN, rows[_i].op, rows[_i].args) == 0,
	    "%s", t.error.text);
	ck_assert_str_eq(t.plugin->name, "golden");
	ck_assert_uint_eq(t.plugin->ops, 4);
	task_tool_chunks(&t, texts, 5, 2);
	ck_assert_str_eq(task_tool_run(&t), rows[_i].want);
	if (!strcmp(rows[_i].op, "count"))
		ck_assert_int_eq(task_tool_counter(&t, "texts"), 3);
	if (!strcmp(rows[_i].op, "shard")) {
		sk_buf_byte(&t.log, '\0');
		ck_assert_str_eq(t.log.p, "1 shard: task 2 of 9, attempt 1, "
		    "category things\n");
	}
	task_tool_close(&t);
}
END_TEST

START_TEST(its_failures_are_heard)
{
	static const char *const bad[] = { "{\"t\":\"fail\"}" };
	struct task_tool t;

	ck_assert_int_eq(task_tool_open(&t, GOLDEN, "count",
	    "{\"field\":\"t\"}"), 0);
	task_tool_chunks(&t, bad, 1, 1);
	ck_assert_str_eq(task_tool_run(&t), "count failed at category things, "
	    "write 5, chunk 0, record 1: told to fail");
	task_tool_close(&t);
}
END_TEST

#if defined(__x86_64__)
static void add_tests(TCase *c)
{
	tcase_add_loop_test(c, a_plugin_of_0_1_0_works, 0, 4);
	tcase_add_test(c, its_failures_are_heard);
}

int main(void)
{
	return check_main("plugin_golden", add_tests);
}
#else
int main(void)
{
	puts("SKIPPED: the kept plugin is for x86-64; none is kept for this "
	    "machine");
	return 77;
}
#endif
