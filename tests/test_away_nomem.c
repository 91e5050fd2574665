/* SPDX-License-Identifier: MIT */
/* Each allocation of an attempt elsewhere fails once: an ordinary error, the
 * attempt ends all the same, and nothing leaks.  Who answers is another process,
 * which has memory. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check_main.h"
#include "exec/event.h"
#include "exec/http.h"
#include "exec/lambda.h"
#include "nomem_wrap.h"
#include "task_tool.h"
#include "web.h"

#define JOB "0123456789abcdef0123456789abcdef"

char *__real_strdup(const char *);
char *__wrap_strdup(const char *);

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

/* ---- who answers ---- */

static char *url;               /* in memory that both see */
static pid_t server;
static struct sk_buf body;

static bool put_done(const struct sk_event_id *id)
{
	struct sk_runs none = { 0 };
	struct sk_outcome o = { .records_in = 4, .part = &none, .parts = 1 };
	struct sk_message m = { .kind = SK_MSG_DONE };
	struct sk_put w = { { 0 }, false };
	uint64_t bytes;
	bool ok = sk_put_outcome(&w, &o, &m);

	m.body = w.buf;
	body.n = 0;
	ok = ok && sk_answer_begin(&body, id, 1) && !sk_answer_done(&body, &m,
	    (struct sk_span){ NULL, 0 }, &bytes, NULL);
	sk_message_free(&m);
	return ok;
}

static void answer(void *arg, const struct web_request *r,
    struct web_answer *a)
{
	sk_json_reader *json;
	struct sk_event ev = { 0 };

	(void)arg;
	if (!strcmp(r->target, "/list")) {
		a->body = "{\"body\":\"[[1,2],\\\"x\\\"]\"}";
		return;
	}
	if (sk_json_reader_new(NULL, &json) || sk_event_get(json,
	    (struct sk_span){ r->body, r->body_n }, &ev, NULL) ||
	    !put_done(&ev.id))
		_exit(1);
	a->body = body.p;
	a->body_n = body.n;
	sk_json_reader_free(json);
}

static void start_server(void)
{
	int pipes[2];
	char c;

	url = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED |
	    MAP_ANONYMOUS, -1, 0);
	ck_assert(url != MAP_FAILED && !pipe(pipes));
	server = fork();
	if (!server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		snprintf(url, 4096, "%s", web_url(web_start(answer, NULL)));
		if (write(pipes[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(pipes[0], &c, 1), 1);
	close(pipes[0]);
	close(pipes[1]);
}

static void stop_server(void)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	munmap(url, 4096);
}

/* ---- an attempt, from the opening of its executor to the closing ---- */

static struct task_tool tool;
static struct sk_exec_job job;
static const struct sk_aws_ops *aws;

static int open_lambda(struct sk_exec_lambda *o, struct sk_exec **x,
    struct snek_error *e)
{
	const struct sk_aws_options who = { .region = "us-east-1",
		.endpoint = url };
	int rc = aws->open(&who, &o->caller, e);

	if (rc)
		return rc;
	rc = sk_exec_threads(&job, 1, &o->local, e);
	if (rc) {
		aws->close(o->caller);
		return rc;
	}
	return sk_exec_lambda(&job, o, x, e);
}

static int open_http(struct sk_exec_http *o, struct sk_exec **x,
    struct snek_error *e)
{
	const struct sk_aws_options who = { .plain = true };
	int rc = aws->open(&who, &o->caller, e);

	if (rc)
		return rc;
	rc = sk_exec_threads(&job, 1, &o->local, e);
	if (rc) {
		aws->close(o->caller);
		return rc;
	}
	return sk_exec_http(&job, o, x, e);
}

static int open_exec(int kind, struct sk_exec **x, struct snek_error *e)
{
	char list[128];
	struct sk_exec_lambda l = { .aws = aws, .name = "f", .arn = "arn:f:1",
		.arch = "x86_64", .plugin_sha256 = JOB JOB, .job = JOB,
		.memory_mb = 128, .timeout_s = 60 };
	struct sk_exec_http h = { .aws = aws, .name = "f", .url = list,
		.batch = 2 };

	snprintf(list, sizeof(list), "%s/list", url);
	return kind ? open_http(&h, x, e) : open_lambda(&l, x, e);
}

static int attempt(struct sk_exec *x, struct snek_error *e)
{
	struct sk_attempt a = { .id = 1, .tasks = 1, .number = 1,
		.chunk = tool.chunk, .chunks = tool.chunks };
	struct sk_exec_event ev = { 0 };
	int rc = x->ops->start(x, &a, e);

	if (rc)
		return rc;
	while (x->ops->wait(x, -1, &ev) != 1)
		;
	rc = ev.outcome.code;
	sk_outcome_free(&ev.outcome);
	return rc;
}

static int all_of(int kind)
{
	struct snek_error e = { 0 };
	struct sk_exec *x;
	int rc = open_exec(kind, &x, &e);

	if (rc)
		return rc;
	rc = attempt(x, &e);
	x->ops->close(x);
	return rc;
}

START_TEST(every_allocation_that_fails_is_an_error_and_no_more)
{
	static const char *const texts[] = { "\"a\"", "{\"n\":[1]}", "3",
		"null" };
	struct snek_error e = { 0 };
	long n = 0, left;
	int rc;

	setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "none", 1);
	start_server();
	ck_assert_int_eq(task_tool_open(&tool, "tests/plugins/job", "pair",
	    NULL), 0);
	task_tool_chunks(&tool, texts, 4, 2);
	memset(&tool.reducer, 0, sizeof(tool.reducer));
	job = (struct sk_exec_job){ .plugin = tool.plugin, .op = tool.op,
	    .args = &tool.args, .reducer = &tool.reducer, .category = "",
	    .tmp = "/tmp", .partitions = 1, .memory = 1 << 20 };
	ck_assert_int_eq(sk_aws_load(&aws, &e), 0);
	do {
		countdown = n;
		rc = all_of(_i);
		left = countdown;
		countdown = -1;
		ck_assert_msg(rc == SNEK_ENOMEM || !rc || rc == SNEK_EAGAIN,
		    "allocation %ld: %d", n, rc);
		n++;
	} while (left < 0);
	ck_assert_int_eq(rc, 0);
	ck_assert_int_gt(n, 20);
	task_tool_close(&tool);
	stop_server();
}
END_TEST

static void tests(TCase *t)
{
	tcase_add_loop_test(t,
	    every_allocation_that_fails_is_an_error_and_no_more, 0, 2);
}

int main(void)
{
	return check_main("away_nomem", tests);
}
