/* SPDX-License-Identifier: MIT */
/* The executor whose attempts are invocations, against a Lambda of the test's
 * own that answers as it is told. */
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "check_main.h"
#include "exec/event.h"
#include "exec/lambda.h"
#include "task_tool.h"
#include "web.h"

#define JOB "0123456789abcdef0123456789abcdef"
#define SHA JOB JOB
#define ARN "arn:aws:lambda:us-east-1:000000000000:function:snek-pair:7"

static struct task_tool tool;
static struct sk_exec_job job;
static struct sk_exec *x;
static struct web *web;
static char logged[512];
static int64_t deadline_ms;

/* ---- the function ---- */

enum say { SAY_DONE, SAY_OTHER, SAY_LARGE, SAY_REFUSED, SAY_PONG, SAY_DEAD,
	SAY_TEXT };

/* How it answers: as said, then with what is set here. */
struct script {
	enum say say;
	struct web_answer a;
};
static const struct script *script;
static unsigned scripts;
static struct sk_buf body;
static char asked[4096];                /* the head of the last request */
static struct sk_event_id last;
static int64_t left_ms;

static bool put_done(struct sk_buf *b)
{
	struct sk_outcome o = { .records_in = 2, .emitted = 2, .parts = 1 };
	struct sk_message m = { .kind = SK_MSG_DONE };
	struct sk_event_line line = { true, 0, "printed there" };
	struct sk_put w = { { 0 }, false }, log = { { 0 }, false };
	struct sk_runs none = { 0 };
	uint64_t bytes;
	bool ok;

	o.part = &none;
	ok = sk_put_outcome(&w, &o, &m);
	m.body = w.buf;
	sk_event_log_put(&log, &line);
	ok = ok && !sk_answer_done(b, &m, (struct sk_span){ log.buf.p,
	    log.buf.n }, &bytes, NULL);
	sk_message_free(&m);
	sk_buf_free(&log.buf);
	return ok;
}

static bool put_dead(struct sk_buf *b)
{
	static const char end[] = ",\"end\":1,\"status\":11,"
	    "\"callback\":\"map\",\"chunk\":0,\"row\":1,\"text\":\"\","
	    "\"at\":\"pair.c:7\",\"trace\":\"\",\"errorType\":\"Snek.Crash\","
	    "\"errorMessage\":\"signal 11\"}";

	return sk_buf_put(b, end, sizeof(end) - 1);
}

static bool put_answer(struct sk_buf *b, enum say say, struct sk_event_id id)
{
	struct snek_error no = { .code = SNEK_EABI, .text = "other bytes" };

	if (say == SAY_OTHER)
		id.attempt++;
	b->n = 0;
	if (!sk_answer_begin(b, &id, 12))
		return false;
	switch (say) {
	case SAY_LARGE:
		return sk_answer_too_large(b, 9000000, 6000000);
	case SAY_REFUSED:
		return sk_answer_refused(b, &no, UINT32_MAX);
	case SAY_PONG:
		return sk_answer_pong(b);
	case SAY_DEAD:
		return put_dead(b);
	default:
		return put_done(b);
	}
}

static void function(void *arg, const struct web_request *r,
    struct web_answer *a)
{
	const struct script *s = &script[r->number < scripts ? r->number
	    : scripts - 1];
	sk_json_reader *json;
	struct sk_event ev = { 0 };

	(void)arg;
	snprintf(asked, sizeof(asked), "%s %s\r\n%s", r->method, r->target,
	    r->head);
	*a = s->a;
	if (!a->status)
		a->status = 200;
	if (sk_json_reader_new(NULL, &json))
		abort();
	if (!sk_event_get(json, (struct sk_span){ r->body, r->body_n }, &ev,
	    NULL)) {
		last = ev.id;
		left_ms = ev.left_ms;
	}
	sk_json_reader_free(json);
	if (s->say == SAY_TEXT)
		return;
	if (!put_answer(&body, s->say, ev.id))
		abort();
	a->body = body.p;
	a->body_n = body.n;
}

/* ---- the executor ---- */

static void on_log(void *arg, int level, const char *text)
{
	(void)arg;
	(void)level;
	snprintf(logged, sizeof(logged), "%s", text);
}

static const char *const texts[] = {
	"{\"i\":0,\"k\":\"a\",\"v\":1}", "{\"i\":1,\"k\":\"b\",\"v\":2}",
};

static struct sk_aws *caller_of(const struct sk_aws_ops *aws)
{
	const struct sk_aws_options o = { .region = "us-east-1",
		.endpoint = web_url(web) };
	struct snek_error e = { 0 };
	struct sk_aws *caller;

	ck_assert_msg(aws->open(&o, &caller, &e) == 0, "%s", e.text);
	return caller;
}

static void open_with(const struct script *s, unsigned n)
{
	struct snek_error e = { 0 };
	struct sk_exec_lambda o = { .name = "snek-pair", .arn = ARN,
		.arch = "x86_64", .plugin_sha256 = SHA, .job = JOB,
		.memory_mb = 1024, .timeout_s = 60 };

	setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG", 1);
	script = s;
	scripts = n;
	web = web_start(function, NULL);
	ck_assert_msg(task_tool_open(&tool, "tests/plugins/job", "pair",
	    NULL) == 0, "%s", tool.error.text);
	task_tool_chunks(&tool, texts, 2, 2);
	job = (struct sk_exec_job){ .plugin = tool.plugin, .op = tool.op,
	    .args = &tool.args, .reducer = &tool.reducer, .category = "",
	    .tmp = "/tmp", .partitions = 1, .memory = 1 << 20, .log = on_log,
	    .deadline_ms = deadline_ms };
	ck_assert_int_eq(sk_exec_threads(&job, 1, &o.local, NULL), 0);
	ck_assert_msg(sk_aws_load(&o.aws, &e) == 0, "%s", e.text);
	o.caller = caller_of(o.aws);
	ck_assert_msg(sk_exec_lambda(&job, &o, &x, &e) == 0, "%s", e.text);
}

static void close_all(void)
{
	x->ops->close(x);
	web_stop(web);
	task_tool_close(&tool);
	sk_buf_free(&body);
}

static void start(uint64_t id)
{
	struct sk_attempt a = { .id = id, .task = 3, .tasks = 8, .number = 2,
	    .chunk = tool.chunk, .chunks = tool.chunks };
	struct snek_error e = { 0 };

	ck_assert_msg(x->ops->start(x, &a, &e) == 0, "%s", e.text);
}

static struct sk_exec_event hear(void)
{
	struct sk_exec_event ev = { 0 };

	while (x->ops->wait(x, -1, &ev) != 1)
		;
	return ev;
}

static struct sk_exec_event run(void)
{
	start(7);
	return hear();
}

static struct sk_exec_stat stat_of(void)
{
	struct sk_exec_stat s;

	x->ops->stat(x, &s);
	return s;
}

/* ---- tests ---- */

START_TEST(an_attempt_is_one_invocation_of_its_version)
{
	static const struct script done = { SAY_DONE, { 0 } };
	struct sk_exec_event ev;

	open_with(&done, 1);
	ev = run();
	ck_assert_msg(!ev.outcome.code, "%s", ev.outcome.error.text);
	ck_assert_uint_eq(ev.id, 7);
	ck_assert_uint_eq(ev.number, 2);
	ck_assert_uint_eq(ev.outcome.records_in, 2);
	ck_assert_uint_eq(ev.outcome.parts, 1);
	ck_assert_msg(strstr(asked, "POST /2015-03-31/functions/"
	    "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3A"
	    "snek-pair%3A7/invocations\r\n") == asked, "%s", asked);
	ck_assert(strcasestr(asked, "X-Amz-Log-Type: Tail") != NULL);
	ck_assert_str_eq(last.job, JOB);
	ck_assert_uint_eq(last.task, 3);
	ck_assert_uint_eq(last.attempt, 2);
	ck_assert_int_le(left_ms, 60000);
	ck_assert_int_gt(left_ms, 0);
	ck_assert_str_eq(logged, "pair: printed there");
	sk_outcome_free(&ev.outcome);
	close_all();
}
END_TEST

START_TEST(a_worker_gives_up_when_nobody_waits_any_more)
{
	static const struct script done = { SAY_DONE, { 0 } };
	struct sk_exec_event ev;

	deadline_ms = sk_clock_ms() + 30000;
	open_with(&done, 1);
	ev = run();
	sk_outcome_free(&ev.outcome);
	ck_assert_int_gt(left_ms, 0);
	ck_assert_int_le(left_ms, 30000);
	close_all();
}
END_TEST

#define MANY 200

START_TEST(many_are_under_way_at_once)
{
	static const struct script held = { SAY_DONE, { .hold = MANY } };
	struct sk_exec_event ev;
	uint64_t i;

	open_with(&held, 1);
	for (i = 1; i <= MANY; i++)
		start(i);
	for (i = 1; i <= MANY; i++) {
		ev = hear();
		/* the body is of whoever was read last */
		sk_outcome_free(&ev.outcome);
	}
	ck_assert_uint_eq(web_peak(web), MANY);
	ck_assert_uint_eq(stat_of().calls, MANY);
	for (i = 1; i <= MANY; i++)
		start(i);
	for (i = 1; i <= MANY; i++) {
		ev = hear();
		sk_outcome_free(&ev.outcome);
	}
	ck_assert_uint_eq(web_connections(web), MANY);
	close_all();
}
END_TEST

static const struct {
	struct script s;
	int64_t after;
} queues[] = {
	{ { SAY_TEXT, { .status = 429, .body = "{}", .headers =
	    "X-Amzn-ErrorType: TooManyRequestsException\r\n"
	    "Retry-After: 3\r\n" } }, 3000 },
	{ { SAY_TEXT, { .status = 429, .body = "{}" } }, 0 },
	{ { SAY_TEXT, { .status = 409, .body = "{}", .headers =
	    "X-Amzn-ErrorType: ResourceConflictException\r\n" } }, 0 },
	{ { SAY_TEXT, { .status = 502, .body = "{}", .headers =
	    "X-Amzn-ErrorType: EC2ThrottledException\r\n" } }, 0 },
	{ { SAY_TEXT, { .status = 502, .body = "{}", .headers =
	    "X-Amzn-ErrorType: ENILimitReachedException\r\n" } }, 0 },
	{ { SAY_TEXT, { .status = 502, .body = "{}", .headers =
	    "X-Amzn-ErrorType: SubnetIPAddressLimitReachedException\r\n" } },
	  0 },
	/* it slept for weeks, and wakes */
	{ { SAY_TEXT, { .status = 502, .body = "{}", .headers =
	    "X-Amzn-ErrorType: ResourceNotReadyException\r\n" } }, 0 },
	{ { SAY_TEXT, { .status = 409, .body = "{}", .headers =
	    "X-Amzn-ErrorType: SnapStartNotReadyException\r\n" } }, 0 },
};

START_TEST(who_is_not_let_in_waits)
{
	struct sk_exec_event ev;

	open_with(&queues[_i].s, 1);
	ev = run();
	ck_assert(ev.throttled);
	ck_assert_int_eq(ev.outcome.code, SNEK_EAGAIN);
	ck_assert_int_eq(ev.after_ms, queues[_i].after);
	ck_assert_uint_eq(web_requests(web), 1);
	sk_outcome_free(&ev.outcome);
	close_all();
}
END_TEST

#define FUNCTION_ERROR "X-Amz-Function-Error: Unhandled\r\n"

static const struct {
	struct script s;
	int code;
	const char *says;
} failures[] = {
	/* the service's */
	{ { SAY_TEXT, { .status = 400, .body = "{\"message\":\"no JSON\"}" } },
	  SNEK_EINVAL, "no JSON" },
	{ { SAY_TEXT, { .status = 403, .body = "{}", .headers =
	    "X-Amzn-ErrorType: AccessDeniedException\r\n" } }, SNEK_EACCES,
	  "lambda:InvokeFunction" },
	{ { SAY_TEXT, { .status = 403, .body = "{}", .headers =
	    "X-Amzn-ErrorType: ExpiredTokenException\r\n" } }, SNEK_EACCES,
	  "renew the credentials" },
	{ { SAY_TEXT, { .status = 404, .body = "{}", .headers =
	    "X-Amzn-ErrorType: ResourceNotFoundException\r\n" } },
	  SNEK_ENOENT, "snek-add-function" },
	{ { SAY_TEXT, { .status = 413, .body = "{}" } }, SNEK_ELIMIT,
	  "too large" },
	{ { SAY_TEXT, { .status = 500, .body = "{}", .headers =
	    "X-Amzn-ErrorType: ServiceException\r\n" } }, SNEK_EAGAIN,
	  "ServiceException" },
	{ { SAY_TEXT, { .status = 502, .body = "<html>" } }, SNEK_EAGAIN,
	  "502: <html>" },
	/* what it needs there is not to be had: at once, or for good */
	{ { SAY_TEXT, { .status = 502, .body = "{}", .headers =
	    "X-Amzn-ErrorType: EC2UnexpectedException\r\n" } },
	  SNEK_EAGAIN, "EC2Unexpected" },
	{ { SAY_TEXT, { .status = 408, .body = "{}", .headers =
	    "X-Amzn-ErrorType: EFSMountTimeoutException\r\n" } },
	  SNEK_EAGAIN, "EFSMountTimeout" },
	{ { SAY_TEXT, { .status = 410, .body = "{}", .headers =
	    "X-Amzn-ErrorType: EFSIOException\r\n" } }, SNEK_EAGAIN,
	  "EFSIO" },
	{ { SAY_TEXT, { .status = 403, .body = "{}", .headers =
	    "X-Amzn-ErrorType: EFSMountFailureException\r\n" } },
	  SNEK_EACCES, "file system's policy" },
	{ { SAY_TEXT, { .status = 502, .body = "{}", .headers =
	    "X-Amzn-ErrorType: EC2AccessDeniedException\r\n" } },
	  SNEK_EACCES, "AWSLambdaVPCAccessExecutionRole" },
	{ { SAY_TEXT, { .status = 502, .body = "{}", .headers =
	    "X-Amzn-ErrorType: KMSAccessDeniedException\r\n" } },
	  SNEK_EACCES, "kms:Decrypt" },
	{ { SAY_TEXT, { .status = 502, .body = "{}", .headers =
	    "X-Amzn-ErrorType: KMSDisabledException\r\n" } }, SNEK_EINVAL,
	  "the key of its environment" },
	{ { SAY_TEXT, { .status = 502, .body = "{\"Message\":\"gone\"}",
	    .headers = "X-Amzn-ErrorType: InvalidSubnetIDException\r\n" } },
	  SNEK_EINVAL, "gone: name subnets that exist" },
	{ { SAY_TEXT, { .status = 502, .body = "{}", .headers =
	    "X-Amzn-ErrorType: InvalidSecurityGroupIDException\r\n" } },
	  SNEK_EINVAL, "lambda-security-groups" },
	{ { SAY_TEXT, { .status = 502, .body = "{}", .headers =
	    "X-Amzn-ErrorType: InvalidZipFileException\r\n" } },
	  SNEK_EINVAL, "add it again" },
	/* of the function, of which AWS says that it failed */
	{ { SAY_TEXT, { .status = 200, .headers = FUNCTION_ERROR, .body =
	    "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":"
	    "\"RequestId: 1 Error: Task timed out after 60.00 seconds\"}" } },
	  SNEK_ETIMEDOUT, "--timeout" },
	{ { SAY_TEXT, { .status = 200, .headers = FUNCTION_ERROR, .body =
	    "{\"errorType\":\"Runtime.OutOfMemory\",\"errorMessage\":"
	    "\"RequestId: 1 Error: Runtime exited with error: signal: "
	    "killed\"}" } }, SNEK_ENOMEM, "1024 MB" },
	{ { SAY_TEXT, { .status = 200, .headers = FUNCTION_ERROR, .body =
	    "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":"
	    "\"RequestId: 1 Error: Runtime exited with error: exit status "
	    "3\"}" } }, SNEK_EAGAIN, "exit status 3" },
	/* its answer */
	{ { SAY_OTHER, { 0 } }, SNEK_EAGAIN, "another attempt" },
	{ { SAY_REFUSED, { 0 } }, SNEK_EABI, "other bytes" },
	{ { SAY_PONG, { 0 } }, SNEK_EFORMAT, "no answer to a task" },
	{ { SAY_TEXT, { .status = 200, .body = "" } }, SNEK_EFORMAT, "" },
	{ { SAY_TEXT, { .status = 200, .body = "[1]" } }, SNEK_EFORMAT, "" },
	{ { SAY_TEXT, { .status = 200, .body = "{\"statusCode\":200}" } },
	  SNEK_EFORMAT, "snek-add-function" },
	{ { SAY_TEXT, { .status = 200, .body = "{\"errorType\":\"a\","
	    "\"errorMessage\":\"b\"}" } }, SNEK_EFORMAT, "not snek's" },
	{ { SAY_TEXT, { .status = 200, .body = "{\"snek\":2,"
	    "\"release\":\"9.0\"}" } }, SNEK_EVERSION, "9.0" },
};

START_TEST(a_failure_is_told_by_who_failed)
{
	struct sk_exec_event ev;

	open_with(&failures[_i].s, 1);
	ev = run();
	ck_assert_msg(ev.outcome.code == failures[_i].code, "%d: %s",
	    ev.outcome.code, ev.outcome.error.text);
	ck_assert_msg(strstr(ev.outcome.error.text, failures[_i].says) != NULL,
	    "%s", ev.outcome.error.text);
	ck_assert(!ev.throttled && !ev.too_large && !ev.outcome.crashed);
	ck_assert_uint_eq(web_requests(web), 1);
	ck_assert_uint_eq(stat_of().left, 0);
	sk_outcome_free(&ev.outcome);
	close_all();
}
END_TEST

/* Put the log's end into headers that are sent. */
static void put_log(char *header, size_t room, const char *more,
    const char *log)
{
	struct sk_buf b = { 0 };

	ck_assert(sk_base64_put(&b, log, strlen(log)));
	snprintf(header, room, "%sX-Amz-Log-Result: %.*s\r\n", more, (int)b.n,
	    b.p);
	sk_buf_free(&b);
}

static const struct {
	const char *log, *ends;
} logs[] = {
	{ "START RequestId: 1 Version: 7\n{\"level\":\"ERROR\",\"message\":"
	    "\"no room \\u0007left\"}\nEND RequestId: 1\nREPORT RequestId: "
	    "1\tDuration: 1 ms\n", "; its log ends: no room ?left" },
	{ "half a line\n{\"a\":1}\nRequestId: 1 Error: gone\nEND RequestId: "
	    "1\n\n", "; its log ends: RequestId: 1 Error: gone" },
	{ "{\"message\": broken\n", "; its log ends: {\"message\": broken" },
	{ "START RequestId: 1\nREPORT RequestId: 1\tDuration\n", "exit status 3" },
	{ "Runtime exited with error: exit status 3\n", "exit status 3" },
	{ "{\"message\":\"going\"}\nRuntime exited with error: exit status 3\n",
	    "; its log ends: going" },
	{ "", "exit status 3" },
};

START_TEST(a_failures_message_ends_with_its_line_of_the_log)
{
	char header[2048];
	struct script s = { SAY_TEXT, { .status = 200, .headers = header,
	    .body = "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":"
	    "\"RequestId: 1 Error: Runtime exited with error: exit status "
	    "3\"}" } };
	struct sk_exec_event ev;
	const char *text = ev.outcome.error.text;

	put_log(header, sizeof(header), FUNCTION_ERROR, logs[_i].log);
	open_with(&s, 1);
	ev = run();
	ck_assert_int_eq(ev.outcome.code, SNEK_EAGAIN);
	ck_assert_msg(strlen(text) > strlen(logs[_i].ends) && !strcmp(text +
	    strlen(text) - strlen(logs[_i].ends), logs[_i].ends), "%s", text);
	sk_outcome_free(&ev.outcome);
	close_all();
}
END_TEST

START_TEST(a_crash_there_names_the_record_here)
{
	static const struct script dead = { SAY_DEAD, { .headers =
	    FUNCTION_ERROR } };
	struct sk_exec_event ev;

	open_with(&dead, 1);
	ev = run();
	ck_assert_int_eq(ev.outcome.code, SNEK_EPLUGIN);
	ck_assert(ev.outcome.crashed && ev.outcome.placed);
	ck_assert_uint_eq(ev.outcome.row, 1);
	ck_assert_msg(strstr(ev.outcome.error.text, "record 2") &&
	    strstr(ev.outcome.error.text, "pair.c:7"), "%s",
	    ev.outcome.error.text);
	sk_outcome_free(&ev.outcome);
	close_all();
}
END_TEST

/* It may have been run, and may be running: it is tried again, and what comes
 * of it is nobody's. */
START_TEST(a_lost_answer_may_still_be_running)
{
	static const struct script cut = { SAY_TEXT, { .raw = true,
	    .drop = true, .body = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n"
	    "\r\n{\"snek\":1," } };
	struct sk_exec_event ev;

	open_with(&cut, 1);
	ev = run();
	ck_assert_msg(ev.outcome.code == SNEK_EAGAIN ||
	    ev.outcome.code == SNEK_EIO, "%d: %s", ev.outcome.code,
	    ev.outcome.error.text);
	ck_assert_msg(strstr(ev.outcome.error.text, "may still be running") !=
	    NULL, "%s", ev.outcome.error.text);
	ck_assert_uint_eq(web_requests(web), 1);
	ck_assert_uint_eq(stat_of().left, 1);
	ck_assert_int_gt(stat_of().left_ms, 0);
	sk_outcome_free(&ev.outcome);
	close_all();
}
END_TEST

START_TEST(who_is_cancelled_is_counted_as_left)
{
	static const struct script never = { SAY_DONE, { .hold = 99 } };
	struct sk_exec_event ev;

	open_with(&never, 1);
	start(5);
	start(6);
	while (web_requests(web) < 2)
		ck_assert_int_eq(x->ops->wait(x, 10, &ev), 0);
	x->ops->cancel(x, 5);
	ev = hear();
	ck_assert_uint_eq(ev.id, 5);
	ck_assert_int_eq(ev.outcome.code, SNEK_ECANCELED);
	sk_outcome_free(&ev.outcome);
	ck_assert_uint_eq(stat_of().left, 2);
	ck_assert_int_gt(stat_of().left_ms, 55000);
	close_all();
}
END_TEST

START_TEST(a_wake_ends_a_wait)
{
	static const struct script done = { SAY_DONE, { 0 } };
	struct sk_exec_event ev;

	open_with(&done, 1);
	x->ops->wake(x);
	ck_assert_int_eq(x->ops->wait(x, -1, &ev), 0);
	close_all();
}
END_TEST

START_TEST(an_answer_that_is_too_much_says_how_much)
{
	static const struct script large = { SAY_LARGE, { 0 } };
	struct sk_exec_event ev;

	open_with(&large, 1);
	ev = run();
	ck_assert_int_eq(ev.outcome.code, SNEK_ELIMIT);
	ck_assert_uint_eq(ev.too_large, 9000000);
	ck_assert_uint_eq(ev.carries, 6000000);
	ck_assert_msg(strstr(ev.outcome.error.text, "9000000") &&
	    strstr(ev.outcome.error.text, "--chunk-size"), "%s",
	    ev.outcome.error.text);
	sk_outcome_free(&ev.outcome);
	close_all();
}
END_TEST

START_TEST(an_input_that_is_too_much_is_not_sent)
{
	static const struct script done = { SAY_DONE, { 0 } };
	static char large[5000000] __attribute__((aligned(8)));
	struct sk_task_chunk c = { .bytes = { large, sizeof(large) },
		.origin = "shard 1, chunk 9" };
	struct sk_attempt a = { .id = 1, .tasks = 1, .number = 1, .chunk = &c,
	    .chunks = 1 };
	struct sk_exec_event ev;

	open_with(&done, 1);
	ck_assert_int_eq(x->ops->start(x, &a, NULL), 0);
	ev = hear();
	ck_assert_int_eq(ev.outcome.code, SNEK_ELIMIT);
	ck_assert_uint_gt(ev.too_large, sizeof(large));
	ck_assert_uint_lt(ev.carries, sizeof(large));
	ck_assert_msg(strstr(ev.outcome.error.text, "shard 1, chunk 9") &&
	    strstr(ev.outcome.error.text, "6291456"), "%s",
	    ev.outcome.error.text);
	ck_assert_uint_eq(web_requests(web), 0);
	sk_outcome_free(&ev.outcome);
	close_all();
}
END_TEST

/* ---- what it costs ---- */

START_TEST(cost_is_counted_from_what_is_billed)
{
	char header[1024];
	struct script told = { SAY_DONE, { .headers = header } };
	struct sk_exec_event ev;

	put_log(header, sizeof(header), "", "START\nEND\nREPORT RequestId: 1\t"
	    "Duration: 10.50 ms\tBilled Duration: 2000 ms\t"
	    "Memory Size: 1024 MB\tMax Memory Used: 9 MB\t\n");
	open_with(&told, 1);
	ev = run();
	sk_outcome_free(&ev.outcome);
	ck_assert_uint_eq(stat_of().billed_ms, 2000);
	ck_assert(!stat_of().guessed);
	ck_assert_double_eq_tol(stat_of().dollars, 2 * 0.0000166667 + 0.0000002,
	    1e-12);
	ev = run();
	sk_outcome_free(&ev.outcome);
	ck_assert_uint_eq(stat_of().billed_ms, 4000);
	close_all();
}
END_TEST

START_TEST(without_a_report_cost_is_a_guess)
{
	static const struct script done = { SAY_DONE, { .delay_ms = 20 } };
	struct sk_exec_event ev;

	open_with(&done, 1);
	ev = run();
	sk_outcome_free(&ev.outcome);
	ck_assert(stat_of().guessed);
	ck_assert_uint_ge(stat_of().billed_ms, 20);
	close_all();
}
END_TEST

/* ---- how many are let in ---- */

static struct web_answer account, function_answer;

static void limits(void *arg, const struct web_request *r, struct web_answer *a)
{
	(void)arg;
	if (!strcmp(r->target, "/2016-08-19/account-settings"))
		*a = account;
	else if (!strcmp(r->target,
	    "/2019-09-30/functions/snek-pair/concurrency"))
		*a = function_answer;
	else
		a->status = 400;
}

/* ---- what an op says of itself, asked before the first attempt ---- */

static const struct script sleeper[] = {
	{ SAY_TEXT, { .status = 502, .body = "{}", .headers =
	    "X-Amzn-ErrorType: ResourceNotReadyException\r\n" } },
	{ SAY_REFUSED, { 0 } },
};

static int ask(const struct script *s, unsigned n, int64_t until,
    const int *cancelled, struct snek_error *e)
{
	struct sk_exec_lambda o = { .name = "snek-pair", .arn = ARN,
		.plugin_sha256 = SHA, .job = JOB, .cancelled = cancelled };
	struct sk_opened out = { 0 };
	int rc;

	setenv("AWS_MAX_ATTEMPTS", "1", 1);
	open_with(s, n);
	job.deadline_ms = until;
	ck_assert_int_eq(sk_aws_load(&o.aws, e), 0);
	o.caller = caller_of(o.aws);
	rc = sk_lambda_ask(&job, &o, NULL, &out, e);
	o.aws->close(o.caller);
	return rc;
}

/* Asked of one that is not ready at first. */
static int ask_sleeper(int64_t until, const int *cancelled,
    struct snek_error *e)
{
	return ask(sleeper, 2, until, cancelled, e);
}

START_TEST(who_slept_for_weeks_is_asked_again)
{
	struct snek_error e = { 0 };

	ck_assert_int_eq(ask_sleeper(0, NULL, &e), SNEK_EABI);
	ck_assert_str_eq(e.text, "other bytes");
	ck_assert_uint_eq(web_requests(web), 2);
	close_all();
}
END_TEST

START_TEST(nobody_waits_for_a_sleeper_beyond_the_jobs_end)
{
	struct snek_error e = { 0 };

	ck_assert_int_eq(ask_sleeper(sk_clock_ms(), NULL, &e), SNEK_EAGAIN);
	ck_assert_msg(strstr(e.text, "ResourceNotReady") != NULL, "%s", e.text);
	ck_assert_uint_eq(web_requests(web), 1);
	close_all();
}
END_TEST

START_TEST(waiting_for_a_sleeper_can_be_cancelled)
{
	struct snek_error e = { 0 };
	int cancelled = 1;

	ck_assert_int_eq(ask_sleeper(0, &cancelled, &e), SNEK_ECANCELED);
	ck_assert_uint_eq(web_requests(web), 1);
	close_all();
}
END_TEST

START_TEST(who_is_refused_for_good_is_not_asked_again)
{
	static const struct script gone = { SAY_TEXT, { .status = 502,
		.body = "{}", .headers =
		"X-Amzn-ErrorType: KMSAccessDeniedException\r\n" } };
	struct snek_error e = { 0 };

	ck_assert_int_eq(ask(&gone, 1, 0, NULL, &e), SNEK_EACCES);
	ck_assert_str_eq(e.text, "Lambda snek-pair: 502 KMSAccessDeniedException"
	    ": its role needs to be allowed kms:Decrypt with the key of its "
	    "environment");
	ck_assert_uint_eq(web_requests(web), 1);
	close_all();
}
END_TEST

#define ACCOUNT "{\"AccountLimit\":{\"ConcurrentExecutions\":1000," \
	"\"UnreservedConcurrentExecutions\":900},\"AccountUsage\":{}}"
#define DENIED "X-Amzn-ErrorType: AccessDeniedException\r\n"
#define NOT_FOUND "X-Amzn-ErrorType: ResourceNotFoundException\r\n"

static const struct {
	struct web_answer account, function;
	int code;
	uint32_t room;
	const char *doubt;              /* what is said of it; NULL: nothing */
} rooms[] = {
	{ { .status = 200, .body = ACCOUNT }, { .status = 200, .body = "{}" },
	  0, 900, NULL },
	{ { .status = 200, .body = ACCOUNT },
	  { .status = 200, .body = "{\"ReservedConcurrentExecutions\":7}" },
	  0, 7, NULL },
	{ { .status = 403, .body = "{}" },
	  { .status = 200, .body = "{\"ReservedConcurrentExecutions\":7}" },
	  0, 7, NULL },
	{ { .status = 200, .body = ACCOUNT }, { .status = 403, .body = "{}",
	  .headers = DENIED }, 0, 900, "reserved for it is not known (403 "
	  "AccessDeniedException): 900 at once" },
	{ { .status = 403, .body = "{}", .headers = DENIED },
	  { .status = 200, .body = "{}" }, 0, SK_LAMBDA_ROOM, "the account "
	  "lets in is not known (403 AccessDeniedException): 1000 at once are "
	  "tried; who queries needs to be allowed lambda:GetAccountSettings" },
	{ { .status = 403, .body = "{}" }, { .status = 403, .body = "{}" }, 0,
	  SK_LAMBDA_ROOM, "(403)" },
	{ { .status = 404, .body = "{}" }, { .status = 200, .body = "{}" }, 0,
	  SK_LAMBDA_ROOM, "(404)" },
	{ { .status = 200, .body = "nonsense" }, { .status = 200,
	  .body = "[]" }, 0, SK_LAMBDA_ROOM, "(200)" },
	{ { .status = 200, .body = ACCOUNT },
	  { .status = 200, .body = "{\"ReservedConcurrentExecutions\":0}" },
	  SNEK_ELIMIT, 0, NULL },
	{ { .status = 200, .body = ACCOUNT }, { .status = 404, .body = "{}",
	  .headers = NOT_FOUND }, SNEK_ENOENT, 0, NULL },
};

START_TEST(the_account_says_how_many_are_let_in)
{
	const struct sk_aws_ops *aws;
	struct sk_aws *caller;
	struct snek_error e = { 0 }, doubt = { 0 };
	uint32_t room = 0;
	int rc;

	setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG", 1);
	setenv("AWS_MAX_ATTEMPTS", "1", 1);
	account = rooms[_i].account;
	function_answer = rooms[_i].function;
	web = web_start(limits, NULL);
	ck_assert_int_eq(sk_aws_load(&aws, &e), 0);
	caller = caller_of(aws);
	rc = sk_lambda_room(aws, caller, "snek-pair", NULL, &room, &doubt,
	    &e);
	ck_assert_msg(rc == rooms[_i].code, "%d: %s", rc, e.text);
	ck_assert_uint_eq(room, rooms[_i].room);
	ck_assert(!rooms[_i].doubt == !doubt.code);
	ck_assert_msg(strstr(doubt.text, rooms[_i].doubt ? rooms[_i].doubt :
	    "") != NULL, "%s", doubt.text);
	aws->close(caller);
	web_stop(web);
}
END_TEST

START_TEST(asking_how_many_can_be_cancelled)
{
	const struct sk_aws_ops *aws;
	struct sk_aws *caller;
	struct snek_error e = { 0 }, doubt = { 0 };
	int cancelled = 1;
	uint32_t room;

	setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG", 1);
	account = function_answer = (struct web_answer){ .hold = 99 };
	web = web_start(limits, NULL);
	ck_assert_int_eq(sk_aws_load(&aws, &e), 0);
	caller = caller_of(aws);
	ck_assert_int_eq(sk_lambda_room(aws, caller, "snek-pair", &cancelled,
	    &room, &doubt, &e), SNEK_ECANCELED);
	aws->close(caller);
	web_stop(web);
}
END_TEST

static void tests(TCase *t)
{
	tcase_add_test(t, an_attempt_is_one_invocation_of_its_version);
	tcase_add_test(t, a_worker_gives_up_when_nobody_waits_any_more);
	tcase_add_test(t, many_are_under_way_at_once);
	tcase_add_loop_test(t, who_is_not_let_in_waits, 0,
	    sizeof(queues) / sizeof(*queues));
	tcase_add_loop_test(t, a_failure_is_told_by_who_failed, 0,
	    sizeof(failures) / sizeof(*failures));
	tcase_add_loop_test(t, a_failures_message_ends_with_its_line_of_the_log,
	    0, sizeof(logs) / sizeof(*logs));
	tcase_add_test(t, a_crash_there_names_the_record_here);
	tcase_add_test(t, a_lost_answer_may_still_be_running);
	tcase_add_test(t, who_is_cancelled_is_counted_as_left);
	tcase_add_test(t, a_wake_ends_a_wait);
	tcase_add_test(t, an_answer_that_is_too_much_says_how_much);
	tcase_add_test(t, an_input_that_is_too_much_is_not_sent);
	tcase_add_test(t, cost_is_counted_from_what_is_billed);
	tcase_add_test(t, without_a_report_cost_is_a_guess);
	tcase_add_test(t, who_slept_for_weeks_is_asked_again);
	tcase_add_test(t, nobody_waits_for_a_sleeper_beyond_the_jobs_end);
	tcase_add_test(t, waiting_for_a_sleeper_can_be_cancelled);
	tcase_add_test(t, who_is_refused_for_good_is_not_asked_again);
	tcase_add_loop_test(t, the_account_says_how_many_are_let_in, 0,
	    sizeof(rooms) / sizeof(*rooms));
	tcase_add_test(t, asking_how_many_can_be_cancelled);
}

int main(void)
{
	return check_main("exec_lambda", tests);
}
