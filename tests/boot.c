/* SPDX-License-Identifier: MIT */
/*
 * boot: the bootstrap that the command in $BOOT starts answers an attempt of
 * wordcount as this process does, more than once.  The command finds the
 * Runtime API in its environment and replaces its shell.
 */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "check_main.h"
#include "exec/event.h"
#include "task_tool.h"
#include "tempdir.h"
#include "web.h"

#define ROUNDS 3u
#define WAIT_S 60               /* of a busy machine */
#define JOB "0123456789abcdef0123456789abcdef"
#define API "/2018-06-01/runtime/"

static const char *const texts[] = {
	"{\"id\":1,\"text\":\"to be or not to be\"}",
	"{\"id\":2,\"text\":\"that is the question\"}",
	"{\"id\":3}", "{\"id\":4,\"text\":\"caf\xc3\xa9 to go\"}",
};

extern char **environ;

static struct task_tool tool;
static struct sk_buf event, answer[ROUNDS], complaint;
static unsigned nexts, answers;         /* with __atomic: the server's */

/* ---- the Runtime API ---- */

static void next(struct web_answer *a)
{
	static char headers[300];

	if (nexts == ROUNDS) {
		a->hold = 2;            /* it waits for ever */
		return;
	}
	snprintf(headers, sizeof(headers), "Lambda-Runtime-Aws-Request-Id: "
	    "round-%u\r\nLambda-Runtime-Deadline-Ms: %lld\r\n"
	    "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:x\r\n",
	    nexts++, ((long long)time(NULL) + 600) * 1000);
	*a = (struct web_answer){ .headers = headers, .body = event.p,
		.body_n = event.n };
}

static void serve(void *arg, const struct web_request *r, struct web_answer *a)
{
	char want[100];

	(void)arg;
	snprintf(want, sizeof(want), API "invocation/round-%u/response",
	    nexts - 1);
	if (!strcmp(r->target, API "invocation/next")) {
		next(a);
		return;
	}
	a->status = 202;
	if (strcmp(r->target, want)) {
		ck_assert(sk_buf_printf(&complaint, "%s %s", r->target,
		    r->body));
		__atomic_store_n(&answers, ROUNDS, __ATOMIC_SEQ_CST);
		return;
	}
	ck_assert(sk_buf_put(&answer[nexts - 1], r->body, r->body_n));
	__atomic_store_n(&answers, nexts, __ATOMIC_SEQ_CST);
}

/* ---- what is asked ---- */

static void make_event(const struct sk_exec_job *job)
{
	const struct sk_event_keep nowhere = { .shard = SK_KEEP_NOWHERE };
	const struct sk_attempt a = { .id = 1, .task = 0, .tasks = 1,
		.number = 1, .chunk = tool.chunk, .chunks = tool.chunks };
	struct snek_error e = { 0 };
	unsigned char *plugin;
	sk_event_job *j;
	char hex[65];
	size_t n;

	plugin = file_read(job->map_file.path, &n);
	sk_sha256_hex(plugin, n, hex);
	free(plugin);
	ck_assert_msg(!sk_event_job_new(job, JOB, hex, &j, &e), "%s", e.text);
	ck_assert_msg(!sk_event_put(j, &a, &nowhere, 60000, &event, &e), "%s",
	    e.text);
	sk_event_job_free(j);
}

static void ask(void)
{
	static char path[300];
	struct sk_exec_job job = { .category = "things", .tmp = "/tmp",
		.partitions = 1, .memory = 64 << 20, .whole = true };

	ck_assert_msg(!task_tool_open(&tool, "plugins/wordcount", NULL,
	    "{\"field\":\"text\"}"), "%s", tool.error.text);
	task_tool_chunks(&tool, texts, sizeof(texts) / sizeof(*texts), 2);
	task_tool_path(path, sizeof(path), "plugins/wordcount");
	job.plugin = tool.plugin;
	job.op = tool.op;
	job.args = &tool.args;
	job.reducer = &tool.reducer;
	job.map_file = (struct sk_exec_plugin){ -1, path, NULL };
	make_event(&job);
}

/* ---- what comes back ---- */

static const char *reduced(const struct sk_buf *text)
{
	struct sk_answer_got got;
	struct snek_error e = { 0 };
	sk_json_reader *reader;
	struct sk_get r;

	ck_assert_int_eq(sk_json_reader_new(NULL, &reader), 0);
	ck_assert_msg(!sk_answer_get(reader, (struct sk_span){ text->p, text->n },
	    &got, &e), "%s: %.*s", e.text, (int)text->n, text->p);
	ck_assert_msg(got.kind == SK_ANSWER_DONE, "%.*s", (int)text->n, text->p);
	r = (struct sk_get){ got.message.body.p, got.message.body.n, false };
	sk_outcome_free(&tool.map);
	ck_assert_msg(!sk_get_outcome(&r, &got.message, 1, &tool.map, &e), "%s",
	    e.text);
	ck_assert_msg(!tool.map.code, "%s", tool.map.error.text);
	ck_assert_uint_eq(tool.map.records_in, sizeof(texts) / sizeof(*texts));
	sk_answer_got_free(&got);
	sk_json_reader_free(reader);
	tool.result.n = 0;
	return task_tool_reduce(&tool);
}

static pid_t start(const char *url)
{
	char *argv[] = { (char *)"sh", (char *)"-c", getenv("BOOT"), NULL };
	pid_t pid;

	setenv("AWS_LAMBDA_RUNTIME_API", url + strlen("http://"), 1);
	ck_assert_int_eq(posix_spawnp(&pid, "sh", NULL, NULL, argv, environ), 0);
	return pid;
}

/* Until it has answered all, or ended. */
static void wait_for(pid_t pid)
{
	const struct timespec t = { 0, 5000000 };
	time_t until = time(NULL) + WAIT_S;
	bool ended = false, late = false;
	int status = 0;

	while (__atomic_load_n(&answers, __ATOMIC_SEQ_CST) < ROUNDS && !late &&
	    !(ended = waitpid(pid, &status, WNOHANG) == pid)) {
		late = time(NULL) > until;
		nanosleep(&t, NULL);
	}
	if (!ended) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	ck_assert_msg(!ended, "it ended: %x", (unsigned)status);
	ck_assert_msg(!late, "it does not answer");
}

START_TEST(a_bootstrap_answers_as_this_process_does)
{
	struct web *w;
	char *want;
	unsigned i;

	ask();
	want = strdup(task_tool_run(&tool));
	ck_assert_ptr_nonnull(strstr(want, "\"to\" 3\n"));
	w = web_start(serve, NULL);
	wait_for(start(web_url(w)));
	web_stop(w);
	ck_assert_msg(!complaint.n, "%.*s", (int)complaint.n, complaint.p);
	for (i = 0; i < ROUNDS; i++) {
		ck_assert_str_eq(reduced(&answer[i]), want);
		sk_buf_free(&answer[i]);
	}
	free(want);
	sk_buf_free(&event);
	task_tool_close(&tool);
}
END_TEST

static void tests(TCase *t)
{
	tcase_set_timeout(t, 2 * WAIT_S);
	tcase_add_test(t, a_bootstrap_answers_as_this_process_does);
}

int main(void)
{
	if (getenv("BOOT"))
		return check_main("boot", tests);
	fprintf(stderr, "boot: BOOT names no command\n");
	return 2;
}
