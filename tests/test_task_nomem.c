/* SPDX-License-Identifier: MIT */
/*
 * Each allocation of an attempt fails once: an ordinary error, nothing leaks,
 * and the same instance then does its work.  The linker wraps the allocators;
 * those of the plugins and of libc are their own.
 */
#include "task_tool.h"
#include "check_main.h"

#include <stdlib.h>
#include <string.h>

#include "task/call.h"

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
char *__real_strdup(const char *);
char *__real_strndup(const char *, size_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
char *__wrap_strdup(const char *);
char *__wrap_strndup(const char *, size_t);

static long countdown = -1;     /* the allocation that fails; < 0: none */

static bool fails(void)
{
	return countdown >= 0 && countdown-- == 0;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
	return fails() ? NULL : __real_strndup(s, n);
}

static const char *const texts[] = {
	"{\"n\":1,\"t\":\"one two\"}", "[\"k\",\"v\"]", "{\"n\":2.5}",
	"[\"k\",\"w\"]", "{\"o\":{\"a\":[1]}}",
};

static const struct kind {
	const char *where, *op, *args;
} kinds[] = {
	{ "tests/plugins/echo", "echo", "{\"key\":\"n\"}" },
	{ "tests/plugins/echo", "fields", "{\"paths\":[\"n\",\"o.a[0]\"]}" },
	{ "tests/plugins/echo", "args", "{\"text\":\"a\",\"real\":1,"
	    "\"list\":[\"a\",\"b\"]}" },
	{ "tests/plugins/echo", "shard", NULL },
	{ "tests/plugins/echo", "join", NULL },
	{ "tests/plugins/echo", "totals", NULL },
	{ "plugins/group", NULL, "{\"by\":[\"t\",\"n\"],\"sum\":[\"n\"]}" },
	{ "plugins/wordcount", NULL, "{\"field\":\"t\"}" },
	{ "tests/plugins/called", "text", NULL },
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

/* Load, parse and open as task_tool_open does, with the nth failing. */
static int open_failing(const struct kind *k, long nth, bool *came)
{
	struct sk_instance_options o = { .category = "things" };
	struct sk_plugin *p = NULL;
	struct sk_args args = {0};
	sk_instance *in = NULL;
	struct snek_error e = {0};
	char path[256];
	int rc;

	task_tool_path(path, sizeof(path), k->where);
	countdown = nth;
	rc = sk_plugin_open(path, &p, &e);
	if (rc >= 0) {
		o.op = sk_plugin_op(p, k->op, &e);
		rc = sk_args_parse(&args, o.op, k->args, NULL, 0, &e);
	}
	o.plugin = p;
	o.args = &args;
	if (rc >= 0)
		rc = sk_instance_open(&o, &in, &e);
	*came = countdown < 0;
	countdown = -1;
	if (rc < 0)
		ck_assert_int_eq(e.code, rc);
	sk_instance_close(in);
	sk_args_free(&args);
	sk_plugin_close(p);
	return rc;
}

START_TEST(opening_runs_out_of_memory_anywhere)
{
	bool came = true;
	int rc, failed = 0;

	/* The fast JSON parser may do without: not all of them fail. */
	for (long n = 0; came; n++) {
		rc = open_failing(&kinds[_i], n, &came);
		ck_assert_msg(rc == 0 || (came && rc == SNEK_ENOMEM),
		    "allocation %ld: %d", n, rc);
		failed += rc < 0;
	}
	ck_assert_int_gt(failed, 5);
}
END_TEST

START_TEST(an_attempt_runs_out_of_memory_anywhere)
{
	const struct kind *k = &kinds[_i];
	struct task_tool t;
	char *want;
	bool came = true;
	long n;

	ck_assert_int_eq(task_tool_open(&t, k->where, k->op, k->args), 0);
	task_tool_chunks(&t, texts, 5, 2);
	want = strdup(task_tool_run(&t));
	for (n = 0; came; n++) {
		countdown = n;
		task_tool_map(&t);
		came = countdown < 0;
		countdown = -1;
		ck_assert_msg(t.map.code == (came ? SNEK_ENOMEM : 0),
		    "allocation %ld: %d, %s", n, t.map.code, t.map.error.text);
		ck_assert_str_eq(task_tool_run(&t), want);
	}
	ck_assert_int_gt(n, 3);
	free(want);
	task_tool_close(&t);
}
END_TEST

START_TEST(a_call_runs_out_of_memory_anywhere)
{
	const struct sk_call c = { "libc.so.6", "strnlen", "L(sL)", "a,b" };
	struct snek_error e = {0};
	struct sk_plugin *p;
	bool came = true;
	int rc;
	long n;

	for (n = 0; came; n++) {
		p = NULL;
		countdown = n;
		rc = sk_call_open(&c, &p, &e);
		came = countdown < 0;
		countdown = -1;
		ck_assert_int_eq(rc, came ? SNEK_ENOMEM : 0);
		ck_assert_int_eq(!p, came);
		sk_plugin_close(p);
	}
	ck_assert_int_gt(n, 8);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_loop_test(c, opening_runs_out_of_memory_anywhere, 0, KINDS);
	tcase_add_test(c, a_call_runs_out_of_memory_anywhere);
	tcase_add_loop_test(c, an_attempt_runs_out_of_memory_anywhere, 0, KINDS);
}

int main(void)
{
	return check_main("task_nomem", add_tests);
}
