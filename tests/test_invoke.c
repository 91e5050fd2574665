/* SPDX-License-Identifier: MIT */
/* The worker as a function: what it answers, and what its op's end looks like
 * from outside. */
#include "check_main.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "function.h"
#include "task/sandbox_parts.h"
#include "task_tool.h"

#define JOB "0123456789abcdef0123456789abcde0"
#define LONG 900000

static struct function f;
static struct task_tool t;
static struct sk_exec_job job;
static struct sk_buf event;

static void stop(void)
{
	if (f.listener)
		function_stop(&f);
	if (t.plugin)
		task_tool_close(&t);
	sk_buf_free(&event);
	memset(&f, 0, sizeof(f));
	memset(&t, 0, sizeof(t));
}

static struct sk_span span(const struct sk_buf *b)
{
	return (struct sk_span){ b->p, b->n };
}

static struct sk_span text(const char *s)
{
	return (struct sk_span){ s, strlen(s) };
}

/* ---- jobs and events ---- */

static const char *const records[] = {
	"{\"id\":0,\"n\":0,\"text\":\"one two two\"}",
	"{\"id\":1,\"n\":1,\"text\":\"three three three\"}",
	"{\"id\":2,\"n\":2,\"text\":\"one\"}",
	"{\"id\":3,\"n\":3,\"text\":\"four two\"}",
	"{\"id\":4,\"n\":4,\"text\":\"four\"}",
};

static void open_tool(const char *plugin, const char *op, const char *args)
{
	ck_assert_msg(task_tool_open(&t, plugin, op, args) >= 0, "%s",
	    t.error.text);
	task_tool_chunks(&t, records, 5, 2);
	function_job(&job, &t, plugin);
}

static void make_event(const char *id, const struct sk_attempt *a)
{
	function_event(&f, &job, id, a, NULL, &event);
}

static void make_map(const char *id)
{
	struct sk_attempt a = { .id = 5, .task = 1, .tasks = 2, .number = 3,
		.chunk = t.chunk, .chunks = t.chunks };

	make_event(id, &a);
}

static void ask(int64_t left_ms)
{
	function_invoke(&f, span(&event), left_ms);
	ck_assert_str_eq(f.answer.id.job, JOB);
}

static void take_outcome(void)
{
	function_outcome(&f, &t, 1);
}

/* ---- tasks ---- */

static const struct { const char *plugin, *op, *args; } good[] = {
	{ "plugins/wordcount", NULL, "{\"field\":\"text\"}" },
	{ "plugins/group", NULL, "{\"by\":\"text\"}" },
	{ "tests/plugins/echo", "echo", "{\"key\":\"id\"}" },
	{ "tests/plugins/echo", "shard", NULL },
};

START_TEST(a_task_has_the_outcome_that_it_has_elsewhere)
{
	char here[4096];

	open_tool(good[_i].plugin, good[_i].op, good[_i].args);
	snprintf(here, sizeof(here), "%s", task_tool_run(&t));
	function_start(&f, good[_i].plugin, NULL);
	make_map(JOB);
	ask(LONG);
	take_outcome();
	ck_assert_uint_eq(t.map.records_in, 5);
	ck_assert_str_eq(task_tool_reduce(&t), here);
	ck_assert_uint_eq(f.answer.id.task, 1);
	ck_assert_uint_eq(f.answer.id.attempt, 3);
}
END_TEST

START_TEST(invocations_share_a_process_and_nothing_but_that)
{
	int i;

	open_tool("tests/plugins/echo", "args", "{\"text\":\"first\"}");
	function_start(&f, "tests/plugins/echo", NULL);
	for (i = 0; i < 3; i++) {
		make_map(JOB);
		ask(LONG);
		take_outcome();
		ck_assert_uint_eq(t.map.records_in, 5);
		ck_assert_ptr_nonnull(strstr(task_tool_reduce(&t), "first"));
	}
	task_tool_close(&t);            /* the same job, another argument */
	open_tool("tests/plugins/echo", "args", "{\"text\":\"second\"}");
	make_map(JOB);
	ask(LONG);
	take_outcome();
	ck_assert_ptr_nonnull(strstr(task_tool_reduce(&t), "second"));
	ck_assert_ptr_null(strstr(task_tool_reduce(&t), "first"));
	ck_assert_uint_eq(f.connections, 1);
}
END_TEST

START_TEST(an_op_that_keeps_something_keeps_it_for_its_job_alone)
{
	int i;

	open_tool("tests/plugins/echo", "shard", "{\"fail\":true}");
	function_start(&f, "tests/plugins/echo", NULL);
	for (i = 0; i < 2; i++) {
		make_map(JOB);
		function_invoke(&f, span(&event), LONG);
	}
	ck_assert_int_eq(f.answer.kind, SK_ANSWER_DONE);
	task_tool_close(&t);
	open_tool("tests/plugins/echo", "shard", NULL);
	make_map("f123456789abcdef0123456789abcde0");
	function_invoke(&f, span(&event), LONG);
	take_outcome();
	ck_assert_ptr_nonnull(strstr(task_tool_reduce(&t), "\"rows\" 5\n"));
}
END_TEST

START_TEST(a_reduce_task_takes_its_runs_from_the_event)
{
	static const char *const pairs[] = { "[\"a\",\"x\"]",
		"[\"b\",\"y\"]", "[\"a\",\"z\"]", "[\"c\",\"x\"]" };
	struct sk_attempt a = { .stage = 1, .task = 0, .tasks = 1, .number = 1 };
	const struct sk_run *run[8];
	struct sk_run *out = &t.map.run;
	char here[4096];
	struct sk_entry x;
	sk_run_reader *r;
	size_t i, n = 0;

	open_tool("tests/plugins/echo", "join", NULL);
	task_tool_chunks(&t, pairs, 4, 2);
	snprintf(here, sizeof(here), "%s", task_tool_run(&t));
	for (i = 0; i < t.map.part[0].n; i++)
		run[i] = &t.map.part[0].run[i];
	a.run = run;
	a.runs = i;
	function_start(&f, "tests/plugins/echo", NULL);
	make_event(JOB, &a);
	ask(LONG);
	ck_assert_int_eq(f.answer.id.stage, 1);
	function_outcome(&f, &t, 0);
	ck_assert_msg(t.map.code == 0, "%s", t.map.error.text);
	ck_assert_int_eq(sk_run_reader_new(out, &r, NULL), 0);
	while (sk_run_reader_next(r, &x, NULL) > 0)
		n++;
	sk_run_reader_free(r);
	for (i = 0; here[i]; i++)
		n -= here[i] == '\n';
	ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(an_op_that_fails_is_an_outcome)
{
	open_tool("tests/plugins/fate", NULL, "{\"at\":3,\"how\":\"fail\"}");
	function_start(&f, "tests/plugins/fate", NULL);
	make_map(JOB);
	ask(LONG);
	take_outcome();
	ck_assert_int_eq(t.map.code, SNEK_EPLUGIN);
	ck_assert(t.map.placed);
	ck_assert_uint_eq(t.map.chunk, 1);
	ck_assert_uint_eq(t.map.row, 1);
	ck_assert_ptr_nonnull(strstr(t.map.error.text, "this is the one"));
}
END_TEST

/* Twice what came in: more than may go out. */
START_TEST(an_answer_that_is_too_large_says_so)
{
	static char big[4000000];
	const char *const one[] = { big };

	open_tool("tests/plugins/echo", "echo", "{\"key\":\"text\"}");
	snprintf(big, sizeof(big), "{\"text\":\"%03999980d\"}", 7);
	task_tool_chunks(&t, one, 1, 1);
	function_start(&f, "tests/plugins/echo", NULL);
	make_map(JOB);
	ask(LONG);
	ck_assert_int_eq(f.answer.kind, SK_ANSWER_TOO_LARGE);
	ck_assert_uint_gt(f.answer.bytes, 10000000);
	ck_assert_uint_eq(f.answer.limit, SK_ANSWER_MAX);
	task_tool_close(&t);
	open_tool("tests/plugins/echo", "echo", "{\"key\":\"id\"}");
	make_map(JOB);                  /* and it goes on */
	ask(LONG);
	take_outcome();
}
END_TEST

/* ---- what it does not take ---- */

START_TEST(what_it_cannot_take_it_refuses_and_goes_on)
{
	static const struct { const char *event, *says; int code; } bad[] = {
		{ "", "", SNEK_EFORMAT },
		{ "{\"k\":\"v\"}", "not from snek", SNEK_EFORMAT },
		{ "[1,2]", "no object", SNEK_EFORMAT },
		{ "{\"snek\":9}", "snek-add-function", SNEK_EVERSION },
		{ "{\"snek\":1,\"what\":\"smoke\",\"plugin\":\"" JOB JOB
		    "\",\"input\":\"AA==\"}", "another plugin", SNEK_ECONFLICT },
	};
	struct sk_buf ping = { 0 };
	size_t i;

	ck_assert(sk_event_put_ping(&ping));
	function_start(&f, "plugins/wordcount", NULL);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		function_invoke(&f, text(bad[i].event), LONG);
		ck_assert_msg(f.answer.kind == SK_ANSWER_REFUSED, "%s", f.text.p);
		ck_assert_int_eq(f.answer.error.code, bad[i].code);
		ck_assert_msg(strstr(f.answer.error.text, bad[i].says) != NULL,
		    "%s", f.answer.error.text);
		function_invoke(&f, span(&ping), LONG);
		ck_assert_int_eq(f.answer.kind, SK_ANSWER_PONG);
	}
	ck_assert_uint_eq(f.connections, 1);
	sk_buf_free(&ping);
}
END_TEST

START_TEST(an_op_that_is_not_there_is_an_outcome_with_words)
{
	struct sk_op other = { 0 };

	open_tool("plugins/wordcount", NULL, "{\"field\":\"text\"}");
	other = *t.op;
	other.op.name = "no-such-op";
	job.op = &other;
	function_start(&f, "plugins/wordcount", NULL);
	make_map(JOB);
	ask(LONG);
	take_outcome();
	ck_assert_int_eq(t.map.code, SNEK_ENOENT);
	ck_assert_ptr_nonnull(strstr(t.map.error.text, "no-such-op"));
}
END_TEST

START_TEST(the_reduce_of_another_plugin_is_refused)
{
	struct sk_op other = { 0 };

	open_tool("tests/plugins/echo", "join", NULL);
	other = *t.op;
	other.op.name = "elsewhere";
	job.reduce_op = &other;
	job.reduce_file.path = "other.so";
	function_start(&f, "tests/plugins/echo", NULL);
	make_map(JOB);
	ask(LONG);
	take_outcome();
	ck_assert_int_eq(t.map.code, SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(t.map.error.text, "same plugin"));
}
END_TEST

START_TEST(a_bundle_without_a_plugin_tells_so_at_init)
{
	function_start(&f, NULL, NULL);
	ck_assert(function_hear(&f));
	ck_assert_msg(!strncmp(f.head.p, "POST /2018-06-01/runtime/init/error ",
	    36), "%.60s", (const char *)f.head.p);
	ck_assert_ptr_nonnull(memmem(f.body.p, f.body.n, "plugin.so", 9));
	function_reply(&f, "202 Accepted", "", text("{}"));
	ck_assert_int_eq(WEXITSTATUS(function_wait(&f)), 1);
}
END_TEST

/* ---- the end of a process ---- */

static void make_fate(const char *plugin, const char *op, const char *what)
{
	static const char at[] = "{\"at\":3,\"what\":\"%s\"}";
	char args[128];

	snprintf(args, sizeof(args), at, what);
	open_tool(plugin, op, args);
	function_start(&f, plugin, NULL);
	make_map(JOB);
}

static const struct { const char *op, *what; int sig; } deaths[] = {
	{ "segfault", "", SIGSEGV }, { "aborts", "", SIGABRT },
	{ "overflow", "", SIGSEGV }, { "divides", "", SIGFPE },
	{ "raises", "4", SIGILL },
};

START_TEST(a_crash_is_told_before_the_process_is_gone)
{
	const struct sk_wire_death *d = &f.answer.death;
	char *log;

	if (SK_SANITIZED)               /* it reports, and exits */
		return;
	make_fate("tests/plugins/zoo/die", deaths[_i].op, deaths[_i].what);
	ask(LONG);
	ck_assert_msg(f.answer.kind == SK_ANSWER_DIED && f.failed, "%s",
	    f.text.p);
	ck_assert_uint_eq(d->end, SK_END_SIGNAL);
	ck_assert_int_eq(d->status, deaths[_i].sig);
	ck_assert_str_eq(d->callback, "map");
	ck_assert_uint_eq(d->chunk, 1);
	ck_assert_uint_eq(d->row, 1);
	ck_assert_msg(!strncmp(d->at, "plugin.so+0x", 12), "%s", d->at);
	ck_assert_ptr_nonnull(strstr(d->trace, "#0  ("));
	ck_assert_ptr_nonnull(strstr(f.text.p, "\"errorMessage\":\""));
	ck_assert_ptr_nonnull(strstr(f.text.p, deaths[_i].op));
	ck_assert_int_eq(WTERMSIG(function_wait(&f)), deaths[_i].sig);
	log = function_log(&f);
	ck_assert_ptr_nonnull(strstr(log, "crashed: SIG"));
	ck_assert_ptr_nonnull(strstr(log, "\"job\":\"" JOB "\""));
	free(log);
}
END_TEST

START_TEST(an_exit_is_told_with_its_status)
{
	make_fate("tests/plugins/zoo/die", "exits", "3");
	ask(LONG);
	ck_assert_int_eq(f.answer.kind, SK_ANSWER_DIED);
	ck_assert_uint_eq(f.answer.death.end, SK_END_EXIT);
	ck_assert_int_eq(f.answer.death.status, 3);
	ck_assert_uint_eq(f.answer.death.row, 1);
	ck_assert_int_eq(WEXITSTATUS(function_wait(&f)), 3);
}
END_TEST

static const char *const endless[] = { "spin", "sleep" };

START_TEST(an_op_that_does_not_come_to_an_end_is_told_of_in_time)
{
	char args[64];

	snprintf(args, sizeof(args), "{\"at\":3,\"how\":\"%s\"}", endless[_i]);
	open_tool("tests/plugins/fate", NULL, args);
	function_start(&f, "tests/plugins/fate", NULL);
	make_map(JOB);
	ask(1500);
	ck_assert_msg(f.answer.kind == SK_ANSWER_DIED, "%s", f.text.p);
	ck_assert_uint_eq(f.answer.death.end, SK_END_LATE);
	ck_assert_int_le(f.answer.death.status, 2);
	ck_assert_str_eq(f.answer.death.callback, "map");
	ck_assert_uint_eq(f.answer.death.row, 1);
	ck_assert_int_eq(WEXITSTATUS(function_wait(&f)), 1);
}
END_TEST

START_TEST(a_plugin_that_dies_while_it_is_loaded_is_told_of)
{
	open_tool("plugins/wordcount", NULL, "{\"field\":\"text\"}");
	function_start(&f, "tests/plugins/zoo/birth_exits", NULL);
	make_map(JOB);
	ask(LONG);
	ck_assert_int_eq(f.answer.kind, SK_ANSWER_DIED);
	ck_assert_uint_eq(f.answer.death.end, SK_END_EXIT);
	ck_assert_str_eq(f.answer.death.callback, "loading");
}
END_TEST

START_TEST(a_plugin_that_closes_everything_is_heard_all_the_same)
{
	open_tool("plugins/wordcount", NULL, "{\"field\":\"text\"}");
	function_start(&f, "tests/plugins/zoo/birth_closes", NULL);
	make_map(JOB);
	function_give(&f, span(&event), LONG);
	ck_assert(!function_hear(&f));  /* the connection was closed, too */
	function_take(&f);
	ck_assert_str_eq(f.answer.id.job, JOB);
	ck_assert_uint_eq(f.connections, 2);
}
END_TEST

/* ---- what is said ---- */

static unsigned lines_with(struct sk_buf *log, bool printed, const char *what)
{
	struct sk_get r = { log->p, log->n, false };
	struct sk_event_line l;
	unsigned n = 0;

	while (sk_event_log_next(&r, &l))
		n += l.printed == printed && strstr(l.text, what);
	return n;
}

START_TEST(what_an_op_prints_goes_into_log_and_answer)
{
	char *log;

	make_fate("tests/plugins/says", "says", "hello");
	ask(LONG);
	take_outcome();
	ck_assert_uint_eq(lines_with(&f.answer.log, true, "hello out"), 5);
	ck_assert_uint_eq(lines_with(&f.answer.log, true, "hello err"), 5);
	ck_assert_uint_eq(lines_with(&f.answer.log, false, "hello log"), 5);
	make_map(JOB);                  /* the next one's are its own */
	ask(LONG);
	ck_assert_uint_eq(lines_with(&f.answer.log, true, "hello out"), 5);
	log = function_log(&f);
	ck_assert_ptr_nonnull(strstr(log, "\"level\":\"WARN\""));
	ck_assert_ptr_nonnull(strstr(log, "\"requestId\":\"00000000-aaaa-1\""));
	ck_assert_ptr_nonnull(strstr(log, "\"attempt\":3,\"message\":\"hello "));
	ck_assert_ptr_nonnull(strstr(log, "5 records in"));
	free(log);
}
END_TEST

START_TEST(a_plugin_does_not_find_the_passwords_of_shards)
{
	static const char *const env[] = { "SNEK_REDIS_PASSWORD=secret", NULL };

	open_tool("tests/plugins/says", "says", "{\"what\":\"environment\"}");
	function_start(&f, "tests/plugins/says", env);
	make_map(JOB);
	ask(LONG);
	take_outcome();
	ck_assert_uint_eq(lines_with(&f.answer.log, true, "password: (null)"),
	    5);
}
END_TEST

START_TEST(what_is_printed_is_bounded_and_tame)
{
	char *log, *p;
	size_t n;

	make_fate("tests/plugins/says", "says", "flood");
	ask(LONG);
	take_outcome();
	ck_assert_uint_lt(f.answer.log.n, 100000);
	ck_assert_uint_eq(lines_with(&f.answer.log, true, "which is not shown"),
	    1);
	log = function_log(&f);
	n = strlen(log);
	for (p = log; *p; p++)
		ck_assert(*p == '\n' || ((unsigned char)*p >= ' ' && *p != 0x7f));
	ck_assert_uint_lt(n, 1000000);
	free(log);
}
END_TEST

/* ---- smoke ---- */

static void smoke(const char *plugin, const struct sk_call *call)
{
	function_start(&f, plugin, NULL);
	event.n = 0;
	ck_assert_int_eq(sk_event_put_smoke(f.sha256, call, &event, NULL), 0);
	function_invoke(&f, span(&event), LONG);
}

static const struct { const char *plugin, *ops, *says; } shipped[] = {
	{ "plugins/wordcount", "wordcount", "" },
	{ "plugins/select", "select", "" },
	{ "tests/plugins/echo", "echo,fields,args,shard", "" },
};

START_TEST(a_bundle_that_works_says_so)
{
	smoke(shipped[_i].plugin, NULL);
	ck_assert_msg(f.answer.kind == SK_ANSWER_SMOKE, "%s", f.text.p);
	ck_assert_msg(!strncmp(f.answer.ops, shipped[_i].ops,
	    strlen(shipped[_i].ops)), "%s", f.answer.ops);
	ck_assert_uint_eq(f.answer.records, 9);
}
END_TEST

START_TEST(what_an_op_does_not_like_is_told)
{
	smoke("tests/plugins/says", NULL);
	ck_assert_msg(f.answer.kind == SK_ANSWER_SMOKE, "%s", f.text.p);
	ck_assert_ptr_nonnull(strstr(f.answer.said, "picky: "));
}
END_TEST

START_TEST(a_bundle_that_dies_of_a_record_says_so)
{
	if (SK_SANITIZED)
		return;
	smoke("tests/plugins/brittle", NULL);
	ck_assert_msg(f.answer.kind == SK_ANSWER_DIED, "%s", f.text.p);
	ck_assert_ptr_nonnull(strstr(f.text.p, "brittle crashed: SIGABRT"));
}
END_TEST

START_TEST(a_library_is_tried_through_its_function)
{
	const struct sk_call call = { "library.so", "twice", "l(l)", "n" };

	smoke("tests/plugins/library", &call);
	ck_assert_msg(f.answer.kind == SK_ANSWER_SMOKE, "%s", f.text.p);
	ck_assert_str_eq(f.answer.ops, "twice");
	stop();
	smoke("tests/plugins/library", NULL);
	ck_assert_int_eq(f.answer.kind, SK_ANSWER_REFUSED);
	ck_assert_int_eq(f.answer.error.code, SNEK_EABI);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof(*(a))))

static void add_ends(TCase *c)
{
	tcase_add_loop_test(c, a_crash_is_told_before_the_process_is_gone, 0,
	    COUNT(deaths));
	tcase_add_test(c, an_exit_is_told_with_its_status);
	tcase_add_loop_test(c,
	    an_op_that_does_not_come_to_an_end_is_told_of_in_time, 0,
	    COUNT(endless));
	tcase_add_test(c, a_plugin_that_dies_while_it_is_loaded_is_told_of);
	tcase_add_test(c,
	    a_plugin_that_closes_everything_is_heard_all_the_same);
}

static void setup(TCase *c)
{
	tcase_add_checked_fixture(c, NULL, stop);
	tcase_add_loop_test(c, a_task_has_the_outcome_that_it_has_elsewhere, 0,
	    COUNT(good));
	tcase_add_test(c, invocations_share_a_process_and_nothing_but_that);
	tcase_add_test(c,
	    an_op_that_keeps_something_keeps_it_for_its_job_alone);
	tcase_add_test(c, a_reduce_task_takes_its_runs_from_the_event);
	tcase_add_test(c, an_op_that_fails_is_an_outcome);
	tcase_add_test(c, an_answer_that_is_too_large_says_so);
	tcase_add_test(c, what_it_cannot_take_it_refuses_and_goes_on);
	tcase_add_test(c, an_op_that_is_not_there_is_an_outcome_with_words);
	tcase_add_test(c, the_reduce_of_another_plugin_is_refused);
	tcase_add_test(c, a_bundle_without_a_plugin_tells_so_at_init);
	add_ends(c);
	tcase_add_test(c, what_an_op_prints_goes_into_log_and_answer);
	tcase_add_test(c, a_plugin_does_not_find_the_passwords_of_shards);
	tcase_add_test(c, what_is_printed_is_bounded_and_tame);
	tcase_add_loop_test(c, a_bundle_that_works_says_so, 0, COUNT(shipped));
	tcase_add_test(c, what_an_op_does_not_like_is_told);
	tcase_add_test(c, a_bundle_that_dies_of_a_record_says_so);
	tcase_add_test(c, a_library_is_tried_through_its_function);
}

int main(void)
{
	return check_main("invoke", setup);
}
