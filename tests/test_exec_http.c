/* SPDX-License-Identifier: MIT */
/* The executor whose attempts are calls of an HTTP endpoint, against one that
 * answers as it is told. */
#include <stdio.h>
#include <string.h>

#include "check_main.h"
#include "exec/http.h"
#include "task_tool.h"
#include "web.h"

static struct task_tool tool;
static struct sk_exec_job job;
static struct sk_exec *x;
static struct web *web;

/* What the endpoint does; set before the first call. */
static const struct web_answer *script;
static unsigned scripts;
static char got[8][4096];               /* what it was sent, by number */

static void endpoint(void *arg, const struct web_request *r,
    struct web_answer *a)
{
	(void)arg;
	if (r->number < 8)
		snprintf(got[r->number], sizeof(got[0]), "%s", r->body);
	*a = script[r->number < scripts ? r->number : scripts - 1];
}

static const char *const texts[] = { "\"a\"", "{\"n\":1}", "[2,3]", "null",
	"4.5" };

static void open_with(const struct web_answer *s, unsigned n, size_t rows,
    uint32_t batch, int64_t call_ms)
{
	struct snek_error e = { 0 };
	struct sk_exec_http o = { .name = "mirror", .batch = batch,
		.call_ms = call_ms };
	struct sk_aws_options caller = { .plain = true };

	script = s;
	scripts = n;
	web = web_start(endpoint, NULL);
	ck_assert_msg(task_tool_open(&tool, "tests/plugins/job", "pair",
	    NULL) == 0, "%s", tool.error.text);
	task_tool_chunks(&tool, texts, 5, rows);
	memset(&tool.reducer, 0, sizeof(tool.reducer));
	tool.partitions = 1;
	job = (struct sk_exec_job){ .plugin = tool.plugin, .op = tool.op,
	    .args = &tool.args, .reducer = &tool.reducer, .category = "",
	    .tmp = "/tmp", .partitions = 1, .memory = 1 << 20 };
	ck_assert_int_eq(sk_exec_threads(&job, 1, &o.local, NULL), 0);
	ck_assert_msg(sk_aws_load(&o.aws, &e) == 0, "%s", e.text);
	ck_assert_msg(o.aws->open(&caller, &o.caller, &e) == 0, "%s", e.text);
	o.url = web_url(web);
	ck_assert_msg(sk_exec_http(&job, &o, &x, &e) == 0, "%s", e.text);
}

static void close_all(void)
{
	x->ops->close(x);
	web_stop(web);
	task_tool_close(&tool);
}

static struct sk_attempt attempt(uint64_t id)
{
	return (struct sk_attempt){ .id = id, .task = 0, .tasks = 1,
	    .number = 1, .chunk = tool.chunk, .chunks = tool.chunks };
}

static struct sk_exec_event run(void)
{
	struct sk_exec_event ev = { 0 };
	struct sk_attempt a = attempt(7);
	struct snek_error e = { 0 };

	ck_assert_msg(x->ops->start(x, &a, &e) == 0, "%s", e.text);
	while (x->ops->wait(x, -1, &ev) != 1)
		;
	ck_assert_uint_eq(ev.id, 7);
	return ev;
}

/* What came out, in the order of places. */
static const char *result(struct sk_exec_event *ev)
{
	ck_assert_msg(!ev->outcome.code, "%s", ev->outcome.error.text);
	sk_outcome_free(&tool.map);
	tool.map = ev->outcome;
	return task_tool_reduce(&tool);
}

static const struct web_answer mirror[] = {
	{ .status = 200, .body = "[\"a\",{\"n\":1},[2,3],null,4.5]" },
};

START_TEST(values_of_the_list_are_what_was_emitted)
{
	struct sk_exec_event ev;

	open_with(mirror, 1, 2, 0, 0);
	ev = run();
	ck_assert_str_eq(got[0],
	    "{\"data\":[\"a\",{\"n\":1},[2,3],null,4.5]}");
	ck_assert_uint_eq(ev.outcome.records_in, 5);
	ck_assert_uint_eq(ev.outcome.emitted, 5);
	ck_assert_str_eq(result(&ev), "null \"a\"\nnull {\"n\":1}\n"
	    "null [2,3]\nnull null\nnull 4.5\n");
	ck_assert_uint_eq(web_requests(web), 1);
	close_all();
}
END_TEST

static const struct {
	const char *body, *want;
} forms[] = {
	{ "[1,2]", "null 1\nnull 2\n" },
	{ " [ ] ", "" },
	{ "{\"body\":[1]}", "null 1\n" },
	{ "{\"statusCode\":200,\"body\":\"[1,\\\"x\\\"]\"}",
	  "null 1\nnull \"x\"\n" },
	{ "{\"headers\":{\"a\":\"b\"},\"body\":\"[[]]\",\"statusCode\":201}",
	  "null []\n" },
	{ "{\"statusCode\":null,\"body\":[null]}", "null null\n" },
};

START_TEST(a_list_may_come_in_an_object)
{
	const struct web_answer a = { .status = 200, .body = forms[_i].body };
	struct sk_exec_event ev;

	open_with(&a, 1, 5, 0, 0);
	ev = run();
	ck_assert_str_eq(result(&ev), forms[_i].want);
	close_all();
}
END_TEST

/* Batches follow one another; a list that is as long as its batch has a value
 * for each of its records, any other is the first record's. */
START_TEST(batches_are_bounded_and_keep_the_order)
{
	static const struct web_answer a[] = {
		{ .status = 200, .body = "[\"one\",\"two\"]" },
		{ .status = 200, .body = "[]" },
		{ .status = 200, .body = "[\"x\",\"y\",\"z\"]" },
	};
	struct sk_exec_event ev;

	open_with(a, 3, 3, 2, 0);
	ev = run();
	ck_assert_uint_eq(web_requests(web), 3);
	ck_assert_uint_eq(web_connections(web), 1);
	ck_assert_str_eq(got[0], "{\"data\":[\"a\",{\"n\":1}]}");
	ck_assert_str_eq(got[1], "{\"data\":[[2,3],null]}");
	ck_assert_str_eq(got[2], "{\"data\":[4.5]}");
	ck_assert_str_eq(result(&ev), "null \"one\"\nnull \"two\"\n"
	    "null \"x\"\nnull \"y\"\nnull \"z\"\n");
	close_all();
}
END_TEST

/* The next attempt asks for what is missing alone. */
START_TEST(what_was_answered_is_not_asked_for_again)
{
	static const struct web_answer a[] = {
		{ .status = 200, .body = "[\"one\",\"two\"]" },
		{ .status = 500 },
		{ .status = 429 },
		{ .status = 200, .body = "[\"three\",\"four\"]" },
		{ .status = 200, .body = "[\"five\"]" },
	};
	struct sk_exec_event ev;

	open_with(a, 5, 3, 2, 0);
	ev = run();
	ck_assert_int_eq(ev.outcome.code, SNEK_EAGAIN);
	sk_outcome_free(&ev.outcome);
	ev = run();
	ck_assert(ev.throttled);
	sk_outcome_free(&ev.outcome);
	ev = run();
	ck_assert_str_eq(got[3], "{\"data\":[[2,3],null]}");
	ck_assert_uint_eq(web_requests(web), 5);
	ck_assert_uint_eq(ev.outcome.records_in, 5);
	ck_assert_str_eq(result(&ev), "null \"one\"\nnull \"two\"\n"
	    "null \"three\"\nnull \"four\"\nnull \"five\"\n");
	close_all();
}
END_TEST

START_TEST(records_that_are_left_out_are_not_sent)
{
	static const struct sk_skip skip[] = { { 0, 0 }, { 1, 1 } };
	static const struct web_answer a[] = {
		{ .status = 200, .body = "[1,2,3]" } };
	struct sk_attempt at;
	struct sk_exec_event ev = { 0 };

	open_with(a, 1, 2, 0, 0);
	at = attempt(1);
	at.skip = skip;
	at.skips = 2;
	ck_assert_int_eq(x->ops->start(x, &at, NULL), 0);
	while (x->ops->wait(x, -1, &ev) != 1)
		;
	ck_assert_str_eq(got[0], "{\"data\":[{\"n\":1},[2,3],4.5]}");
	ck_assert_uint_eq(ev.outcome.records_in, 5);
	ck_assert_uint_eq(ev.outcome.skipped, 2);
	result(&ev);
	close_all();
}
END_TEST

START_TEST(without_records_there_is_no_call)
{
	struct sk_attempt at;
	struct sk_exec_event ev = { 0 };

	open_with(mirror, 1, 2, 0, 0);
	at = attempt(1);
	at.chunks = 0;
	ck_assert_int_eq(x->ops->start(x, &at, NULL), 0);
	ck_assert_int_eq(x->ops->wait(x, 0, &ev), 1);
	ck_assert_uint_eq(ev.outcome.records_in, 0);
	ck_assert_uint_eq(web_requests(web), 0);
	result(&ev);
	close_all();
}
END_TEST

static const struct {
	struct web_answer a;
	int code;
	const char *says;
} failures[] = {
	{ { .status = 400, .body = "no, thanks" }, SNEK_EINVAL, "no, thanks" },
	{ { .status = 401 }, SNEK_EACCES, "does not allow" },
	{ { .status = 404 }, SNEK_ENOENT, "no such endpoint" },
	{ { .status = 413 }, SNEK_ELIMIT, "too large" },
	{ { .status = 302, .headers = "Location: http://127.0.0.1:1/\r\n" },
	  SNEK_EINVAL, "not followed" },
	{ { .status = 500 }, SNEK_EAGAIN, "500" },
	{ { .status = 503 }, SNEK_EAGAIN, "503" },
	{ { .status = 200, .body = "{\"statusCode\":500,\"body\":\"\"}" },
	  SNEK_EAGAIN, "500" },
	{ { .status = 200, .body = "{\"statusCode\":\"x\",\"body\":\"[]\"}" },
	  SNEK_EFORMAT, "statusCode" },
	{ { .status = 200, .body = "{\"body\":\"[1,\"}" }, SNEK_EFORMAT,
	  "no JSON" },
	{ { .status = 200, .body = "nonsense" }, SNEK_EFORMAT, "no JSON" },
	{ { .status = 200, .body = "\"text\"" }, SNEK_EFORMAT,
	  "is a string and not a list" },
	{ { .status = 200, .body = "{\"list\":[1]}" }, SNEK_EFORMAT,
	  "is nothing and not a list" },
	{ { .status = 200, .body = "[1e999]" }, SNEK_ELIMIT, "mirror: " },
	{ { .drop = true, .raw = true, .body = "HTTP/1.1 200 OK\r\n"
	  "Content-Length: 9\r\n\r\n[1" }, SNEK_EIO, "may still be running" },
	{ { .raw = true, .drop = true, .body = "SSH-2.0\r\n" }, SNEK_EFORMAT,
	  "" },
};

START_TEST(what_is_no_list_fails_and_says_why)
{
	struct sk_exec_event ev;

	open_with(&failures[_i].a, 1, 5, 0, 0);
	ev = run();
	if (failures[_i].code == SNEK_EIO)      /* any that is tried again */
		ck_assert_msg(ev.outcome.code == SNEK_EIO ||
		    ev.outcome.code == SNEK_EAGAIN, "%d", ev.outcome.code);
	else
		ck_assert_int_eq(ev.outcome.code, failures[_i].code);
	ck_assert_msg(strstr(ev.outcome.error.text, failures[_i].says) &&
	    !strncmp(ev.outcome.error.text, "mirror: ", 8), "%s",
	    ev.outcome.error.text);
	ck_assert(!ev.throttled);
	sk_outcome_free(&ev.outcome);
	close_all();
}
END_TEST

static const struct {
	struct web_answer a;
	int64_t after;
} queues[] = {
	{ { .status = 429, .headers = "Retry-After: 7\r\n" }, 7000 },
	{ { .status = 429 }, 0 },
	{ { .status = 429, .headers = "Retry-After: 86000\r\n" }, 60000 },
	{ { .status = 503, .headers = "Retry-After: 2\r\n" }, 2000 },
	{ { .status = 200, .body = "{\"statusCode\":429,\"body\":\"\"}" }, 0 },
};

START_TEST(who_is_not_let_in_waits_as_told)
{
	struct sk_exec_event ev;

	open_with(&queues[_i].a, 1, 5, 0, 0);
	ev = run();
	ck_assert_int_eq(ev.outcome.code, SNEK_EAGAIN);
	ck_assert(ev.throttled);
	ck_assert_int_eq(ev.after_ms, queues[_i].after);
	sk_outcome_free(&ev.outcome);
	close_all();
}
END_TEST

/* Nobody waits for ever: not for one that says nothing. */
START_TEST(a_call_takes_no_longer_than_it_may)
{
	static const struct web_answer never = { .status = 200, .hold = 99 };
	struct sk_exec_stat s;
	struct sk_exec_event ev = { 0 };
	struct sk_attempt a;

	open_with(&never, 1, 5, 0, 0);
	job.deadline_ms = 0;
	a = attempt(3);
	ck_assert_int_eq(x->ops->start(x, &a, NULL), 0);
	while (!web_requests(web))
		ck_assert_int_eq(x->ops->wait(x, 10, &ev), 0);
	x->ops->stat(x, &s);
	ck_assert_uint_eq(s.left, 1);
	ck_assert_uint_eq(s.calls, 1);
	x->ops->cancel(x, 3);
	ck_assert_int_eq(x->ops->wait(x, 0, &ev), 1);
	ck_assert_int_eq(ev.outcome.code, SNEK_ECANCELED);
	sk_outcome_free(&ev.outcome);
	x->ops->stat(x, &s);
	ck_assert_uint_eq(s.left, 1);
	ck_assert_int_gt(s.left_ms, 0);
	close_all();
}
END_TEST

static void tests(TCase *t)
{
	tcase_add_test(t, values_of_the_list_are_what_was_emitted);
	tcase_add_loop_test(t, a_list_may_come_in_an_object, 0,
	    sizeof(forms) / sizeof(*forms));
	tcase_add_test(t, batches_are_bounded_and_keep_the_order);
	tcase_add_test(t, what_was_answered_is_not_asked_for_again);
	tcase_add_test(t, records_that_are_left_out_are_not_sent);
	tcase_add_test(t, without_records_there_is_no_call);
	tcase_add_loop_test(t, what_is_no_list_fails_and_says_why, 0,
	    sizeof(failures) / sizeof(*failures));
	tcase_add_loop_test(t, who_is_not_let_in_waits_as_told, 0,
	    sizeof(queues) / sizeof(*queues));
	tcase_add_test(t, a_call_takes_no_longer_than_it_may);
}

int main(void)
{
	return check_main("exec_http", tests);
}
