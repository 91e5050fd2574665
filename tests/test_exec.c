/* SPDX-License-Identifier: MIT */
/* The executor of threads, alone. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "check_main.h"
#include "exec/exec.h"
#include "task_tool.h"

static struct task_tool tool;
static struct sk_exec_job job;
static struct sk_exec *x;

static void open_exec(const char *op, uint32_t workers)
{
	static const char *const text[] = {
		"{\"i\":0,\"k\":\"a\",\"v\":1}", "{\"i\":1,\"k\":\"b\",\"v\":2}",
	};

	ck_assert_msg(task_tool_open(&tool, "tests/plugins/job", op, NULL) == 0,
	    "%s", tool.error.text);
	task_tool_chunks(&tool, text, 2, 2);
	job = (struct sk_exec_job){ .plugin = tool.plugin, .op = tool.op,
	    .args = &tool.args, .reducer = &tool.reducer, .category = "",
	    .tmp = "/tmp", .partitions = 1, .memory = 1 << 20 };
	ck_assert_int_eq(sk_exec_threads(&job, workers, &x, NULL), 0);
}

static void close_exec(void)
{
	x->ops->close(x);
	task_tool_close(&tool);
}

static void start(uint64_t id)
{
	struct sk_attempt a = { .id = id, .task = (uint32_t)id, .tasks = 1,
	    .number = 1, .chunk = tool.chunk, .chunks = tool.chunks };

	ck_assert_int_eq(x->ops->start(x, &a, NULL), 0);
}

/* The next event; its code. */
static int hear(uint64_t *id)
{
	struct sk_exec_event ev = { 0 };
	int code;

	while (x->ops->wait(x, -1, &ev) != 1)
		;
	*id = ev.id;
	code = ev.outcome.code;
	sk_outcome_free(&ev.outcome);
	return code;
}

START_TEST(every_attempt_ends_with_one_event)
{
	bool seen[1000] = { false };
	struct sk_exec_event ev;
	uint64_t id;
	int i;

	open_exec("pair", _i);          /* 0: one */
	for (i = 0; i < 1000; i++)
		start((uint64_t)i);
	for (i = 0; i < 1000; i++) {
		ck_assert_int_eq(hear(&id), 0);
		ck_assert_uint_lt(id, 1000);
		ck_assert(!seen[id]);
		seen[id] = true;
	}
	while (x->ops->wait(x, 0, &ev) != 0)
		ck_abort_msg("an event too many");
	close_exec();
}
END_TEST

START_TEST(a_waiting_attempt_is_cancelled_at_once)
{
	uint64_t id;
	int i;

	open_exec("spin", 1);
	for (i = 1; i <= 4; i++)
		start((uint64_t)i);
	/* the first may run by now; the others cannot: middle, end, start */
	x->ops->cancel(x, 3);
	ck_assert_int_eq(hear(&id), SNEK_ECANCELED);
	ck_assert_uint_eq(id, 3);
	x->ops->cancel(x, 4);
	ck_assert_int_eq(hear(&id), SNEK_ECANCELED);
	ck_assert_uint_eq(id, 4);
	start(5);
	x->ops->cancel(x, 2);
	x->ops->cancel(x, 99);          /* none such */
	ck_assert_int_eq(hear(&id), SNEK_ECANCELED);
	ck_assert_uint_eq(id, 2);
	x->ops->cancel(x, 1);
	ck_assert_int_eq(hear(&id), SNEK_ECANCELED);
	ck_assert_uint_eq(id, 1);
	x->ops->cancel(x, 5);
	ck_assert_int_eq(hear(&id), SNEK_ECANCELED);
	ck_assert_uint_eq(id, 5);
	close_exec();
}
END_TEST

static void *wake_soon(void *arg)
{
	const struct timespec t = { 0, 20000000 };
	int sys;

	(void)arg;
	nanosleep(&t, NULL);
	errno = sys = 4711;
	x->ops->wake(x);
	return errno == sys ? x : NULL;
}

START_TEST(a_wake_ends_a_wait_and_one_before_it_is_kept)
{
	struct sk_exec_event ev;
	pthread_t t;
	void *same;

	open_exec("pair", 2);
	x->ops->wake(x);
	ck_assert_int_eq(x->ops->wait(x, -1, &ev), 0);
	pthread_create(&t, NULL, wake_soon, NULL);
	ck_assert_int_eq(x->ops->wait(x, -1, &ev), 0);
	pthread_join(t, &same);
	ck_assert_ptr_nonnull(same);    /* errno is as it was */
	ck_assert_int_eq(x->ops->wait(x, 1, &ev), 0);
	close_exec();
}
END_TEST

START_TEST(closing_ends_what_runs_and_what_waits)
{
	int i;

	open_exec(_i ? "nap" : "spin", 2);
	for (i = 0; i < 8; i++)
		start((uint64_t)i);
	close_exec();
}
END_TEST

START_TEST(an_op_that_does_not_open_fails_its_attempts_only)
{
	struct sk_args none = { 0 };
	uint64_t id;

	open_exec("flaky", 1);
	close_exec();
	open_exec("flaky", 1);
	x->ops->close(x);
	job.args = &none;
	ck_assert_int_eq(sk_exec_threads(&job, 3, &x, NULL), 0);
	start(1);
	ck_assert_int_lt(hear(&id), 0);
	start(2);
	ck_assert_int_lt(hear(&id), 0);
	close_exec();
}
END_TEST

/* ---- threads there are not ---- */

static int allowed = -1;

int __real_pthread_create(pthread_t *, const pthread_attr_t *,
    void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *,
    void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a,
    void *(*run)(void *), void *arg)
{
	if (!allowed)
		return EAGAIN;
	if (allowed > 0)
		allowed--;
	return __real_pthread_create(t, a, run, arg);
}

START_TEST(fewer_threads_than_asked_for_do_and_none_is_an_error)
{
	struct snek_error e = { 0 };
	struct sk_exec *none;
	uint64_t id;
	int i;

	allowed = 2;
	open_exec("pair", 8);
	for (i = 0; i < 20; i++)
		start((uint64_t)i);
	for (i = 0; i < 20; i++)
		ck_assert_int_eq(hear(&id), 0);
	ck_assert_int_lt(sk_exec_threads(&job, 8, &none, &e), 0);
	ck_assert_msg(strstr(e.text, "thread"), "%s", e.text);
	close_exec();
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_loop_test(t, every_attempt_ends_with_one_event, 0, 4);
	tcase_add_test(t, a_waiting_attempt_is_cancelled_at_once);
	tcase_add_test(t, a_wake_ends_a_wait_and_one_before_it_is_kept);
	tcase_add_loop_test(t, closing_ends_what_runs_and_what_waits, 0, 2);
	tcase_add_test(t, an_op_that_does_not_open_fails_its_attempts_only);
	tcase_add_test(t, fewer_threads_than_asked_for_do_and_none_is_an_error);
}

int main(void)
{
	return check_main("exec", setup);
}
