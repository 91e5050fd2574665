/* SPDX-License-Identifier: MIT */
/* Ops over chunks: what goes in, what comes out, and how attempts end. */
#include "task_tool.h"
#include "check_main.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const char *const five[] = {
	"{\"n\":1,\"t\":\"one\"}", "{\"n\":2}", "{\"n\":3,\"t\":\"three\"}",
	"{\"t\":\"none\"}", "{\"n\":5,\"o\":{\"a\":[10,{\"b\":true}]}}",
};

static void open_five(struct task_tool *t, const char *where, const char *op,
    const char *args, size_t rows)
{
	ck_assert_msg(task_tool_open(t, where, op, args) == 0, "%s",
	    t->error.text);
	task_tool_chunks(t, five, COUNT(five), rows);
}

/* ---- what comes out ---- */

static const struct good {
	const char *where, *op, *args;
	const char *want;
	uint64_t skipped;
} goods[] = {
	{ "tests/plugins/echo", "echo", NULL,
	    "{\"n\":1,\"t\":\"one\"} {\"n\":1,\"t\":\"one\"}\n"
	    "{\"n\":2} {\"n\":2}\n"
	    "{\"n\":3,\"t\":\"three\"} {\"n\":3,\"t\":\"three\"}\n"
	    "{\"n\":5,\"o\":{\"a\":[10,{\"b\":true}]}} "
	    "{\"n\":5,\"o\":{\"a\":[10,{\"b\":true}]}}\n"
	    "{\"t\":\"none\"} {\"t\":\"none\"}\n", 0 },
	{ "tests/plugins/echo", "echo", "{\"key\":\"t\"}",
	    "\"none\" {\"t\":\"none\"}\n"
	    "\"one\" {\"n\":1,\"t\":\"one\"}\n"
	    "\"three\" {\"n\":3,\"t\":\"three\"}\n", 2 },
	{ "tests/plugins/echo", "fields",
	    "{\"paths\":[\"n\",\"o.a[1].b\",\"o.a\",\"x\",\"n\"]}",
	    "null [1,\"-\",\"-\",\"-\",1]\nnull [2,\"-\",\"-\",\"-\",2]\n"
	    "null [3,\"-\",\"-\",\"-\",3]\nnull [\"-\",\"-\",\"-\",\"-\",\"-\"]\n"
	    "null [5,true,[10,{\"b\":true}],\"-\",5]\n", 0 },
	{ "tests/plugins/echo", "shard", NULL, "\"rows\" 5\n\"sum\" 11\n", 0 },
	{ "tests/plugins/echo", "totals", NULL,
	    "\"all\" {\"count\":5,\"most\":5}\n", 0 },
	{ "plugins/wordcount", NULL, "{\"field\":\"t\"}",
	    "\"none\" 1\n\"one\" 1\n\"three\" 1\n", 2 },
	{ "plugins/grep", NULL, "{\"field\":\"t\",\"match\":\"one\"}",
	    "null {\"n\":1,\"t\":\"one\"}\nnull {\"t\":\"none\"}\n", 0 },
	{ "plugins/grep", NULL,
	    "{\"field\":\"t\",\"match\":\"one\",\"not\":true}",
	    "null {\"n\":2}\nnull {\"n\":3,\"t\":\"three\"}\n"
	    "null {\"n\":5,\"o\":{\"a\":[10,{\"b\":true}]}}\n", 0 },
	{ "plugins/select", NULL, "{\"fields\":[\"t\",\"o.a[0]\",\"n\"]}",
	    "null {\"t\":\"one\",\"n\":1}\nnull {\"n\":2}\n"
	    "null {\"t\":\"three\",\"n\":3}\nnull {\"t\":\"none\"}\n"
	    "null {\"o.a[0]\":10,\"n\":5}\n", 0 },
	{ "plugins/group", NULL, "{\"by\":[\"t\"],\"sum\":[\"n\"],"
	    "\"min\":[\"n\"],\"max\":[\"t\"],\"mean\":[\"n\"]}",
	    "null {\"count\":2,\"sum_n\":7,\"min_n\":2,\"mean_n\":3.5}\n"
	    "\"none\" {\"count\":1,\"sum_n\":0,\"max_t\":\"none\"}\n"
	    "\"one\" {\"count\":1,\"sum_n\":1,\"min_n\":1,\"max_t\":\"one\","
	    "\"mean_n\":1.0}\n"
	    "\"three\" {\"count\":1,\"sum_n\":3,\"min_n\":3,"
	    "\"max_t\":\"three\",\"mean_n\":3.0}\n", 0 },
	{ "plugins/group", NULL, "{\"by\":[\"n\",\"t\"]}",
	    "[null,\"none\"] {\"count\":1}\n[1,\"one\"] {\"count\":1}\n"
	    "[2,null] {\"count\":1}\n[3,\"three\"] {\"count\":1}\n"
	    "[5,null] {\"count\":1}\n", 0 },
	{ "examples/reverse", NULL, "{\"field\":\"t\"}",
	    "null \"eno\"\nnull \"eerht\"\nnull \"enon\"\n", 2 },
	{ "examples/sort_find", NULL, "{\"find\":\"three\"}",
	    "null {\"found\":false,\"index\":-1}\n"
	    "null {\"found\":false,\"index\":-1}\n"
	    "null {\"found\":true,\"index\":1}\n"
	    "null {\"found\":false,\"index\":-1}\n"
	    "null {\"found\":false,\"index\":-1}\n", 0 },
};

static const size_t cuts[] = { 1, 2, 5 };

START_TEST(ops_give_the_same_however_chunks_are_cut)
{
	const struct good *g = &goods[_i / (int)COUNT(cuts)];
	struct task_tool t;
	uint64_t bytes = 0;

	open_five(&t, g->where, g->op, g->args, cuts[_i % (int)COUNT(cuts)]);
	for (size_t i = 0; i < t.chunks; i++)
		bytes += t.chunk[i].bytes.n;
	for (int again = 0; again < 2; again++) {
		const char *result = task_tool_run(&t);

		ck_assert_str_eq(result, g->want);
		ck_assert_uint_eq(t.map.records_in, 5);
		ck_assert_uint_eq(t.map.bytes_in, bytes);
		ck_assert_uint_eq(t.map.skipped, g->skipped);
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
	    .reducer = &t->reducer, .partitions = 2, .memory = 1 << 20,
	    .tmp = "/tmp" };
	sk_instance *in;

	r->out.code = sk_instance_open(&o, &in, &r->out.error);
	for (int i = 0; !r->out.code && i < 50; i++) {
		sk_outcome_free(&r->out);
		sk_task_map(in, &m, &r->out);
	}
	sk_instance_close(in);
	return NULL;
}

START_TEST(instances_of_one_op_run_at_once)
{
	struct racer r[4];
	pthread_t thread[4];
	struct task_tool t;

	open_five(&t, "plugins/group", NULL, "{\"by\":[\"t\"],\"sum\":[\"n\"]}",
	    2);
	memset(r, 0, sizeof(r));
	for (int i = 0; i < 4; i++) {
		r[i].shared = &t;
		ck_assert_int_eq(pthread_create(&thread[i], NULL, race, &r[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		ck_assert_msg(!r[i].out.code, "%s", r[i].out.error.text);
		ck_assert_uint_eq(r[i].out.emitted, 5);
		sk_outcome_free(&r[i].out);
	}
	task_tool_close(&t);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, instances_of_one_op_run_at_once);
	tcase_add_loop_test(c, ops_give_the_same_however_chunks_are_cut, 0,
	    COUNT(goods) * COUNT(cuts));
}

int main(void)
{
	return check_main("task", add_tests);
}
