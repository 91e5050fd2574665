/* SPDX-License-Identifier: MIT */
/* Jobs through the public header, and a few seams behind it. */
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "api_tool.h"
#include "check_main.h"
#include "job/job.h"

static char dir[64];
static snek_cluster *c;

static void set_up(void)
{
	c = api_cluster(dir);
	api_numbers(c, "n", 6, 3);
}

static void tear_down(void)
{
	api_drop(dir, c);
}

/* ---- attempts ---- */

START_TEST(a_transient_failure_is_tried_again_and_counts_once)
{
	struct snek_job_stat s = { .size = sizeof(s) };
	snek_job *j = api_job(c, "n", JOB_OP("flaky"), "{\"until\":3}");
	char *text;

	ck_assert_int_eq(api_run(j, NULL), 1);
	ck_assert_int_eq(snek_job_stat(j, &s), 0);
	ck_assert_uint_eq(s.retries, 2);
	ck_assert_uint_eq(s.records_in, 6);
	ck_assert_uint_eq(s.records_total, 6);
	ck_assert_uint_eq(s.records_out, 6);
	ck_assert_uint_eq(s.done, s.tasks);
	ck_assert_int_eq(api_counter(j, "seen"), 6);
	text = api_text(j);
	ck_assert_str_eq(text, "0\n1\n2\n3\n4\n5\n");
	free(text);
	snek_job_free(j);
}
END_TEST

START_TEST(the_last_attempts_text_is_the_jobs)
{
	snek_job *j = api_job(c, "n", JOB_OP("flaky"), "{\"until\":99}");

	api_set(j, "attempts", "3");
	API_FAILS(j, SNEK_EAGAIN, "attempt 3: ", "the spirits are not willing",
	    "record 3", "flaky");
	j = api_job(c, "n", JOB_OP("flaky"), "{\"until\":2}");
	api_set(j, "attempts", "1");
	API_FAILS(j, SNEK_EAGAIN, "the spirits are not willing");
}
END_TEST

START_TEST(counters_of_many_tasks_stay_within_64_bits)
{
	snek_job *j;

	api_numbers(c, "n", 6, 3);
	api_numbers(c, "n", 6, 3);
	j = api_job(c, "n", JOB_OP("flaky"), "{\"until\":1}");
	ck_assert_int_eq(api_run(j, NULL), 1);
	ck_assert_int_eq(api_counter(j, "huge"), INT64_MAX);
	ck_assert_int_eq(api_counter(j, "seen"), 18);
	snek_job_free(j);
}
END_TEST

START_TEST(a_failing_op_fails_the_job_and_gives_no_result)
{
	API_FAILS(api_job(c, "n", JOB_OP("bad"), NULL), SNEK_EPLUGIN,
	    "record 2 is cursed", "record 3");
}
END_TEST

START_TEST(the_failure_that_ended_the_job_is_told)
{
	struct snek_error e = { 0 };
	snek_job *j;
	int i;

	for (i = 0; i < 8; i++)         /* eight tasks that fail, of which one
					 * is heard first */
		api_numbers(c, "many", 3, 3);
	j = api_job(c, "many", JOB_OP("bad"), NULL);
	api_set(j, "workers", "8");
	ck_assert_int_eq(api_run(j, &e), SNEK_EPLUGIN);
	ck_assert_msg(strstr(e.text, "cursed"), "%s", e.text);
	snek_job_free(j);
}
END_TEST

/* ---- the end before the end ---- */

START_TEST(a_timeout_says_how_far_it_came)
{
	snek_job *j = api_job(c, "n", JOB_OP("spin"), NULL);

	/* Long enough for a process to start, under load and sanitizers. */
	api_set(j, "timeout", "1.5");
	API_FAILS(j, SNEK_ETIMEDOUT, "0 of 2 tasks were done", "1.5 s");
	j = api_job(c, "n", JOB_OP("nap"), NULL);
	api_set(j, "timeout", "1.5");
	API_FAILS(j, SNEK_ETIMEDOUT, "0 of 1 tasks were done");
}
END_TEST

static void count_line(void *n, int level, const char *text)
{
	(void)level;
	(void)text;
	++*(int *)n;
}

START_TEST(an_op_that_never_asks_is_stopped_at_the_next_record)
{
	int n = 0;
	snek_job *j;

	api_numbers(c, "long", 1000, 1);
	j = api_job(c, "long", JOB_OP("doze"), NULL);
	api_set(j, "timeout", "0.1");
	ck_assert_int_eq(snek_job_on_log(j, count_line, &n), 0);
	API_FAILS(j, SNEK_ETIMEDOUT, "0 of 1 tasks were done");
	ck_assert_int_gt(n, 0);
	ck_assert_int_lt(n, 1000);
}
END_TEST

static void *cancel_soon(void *job)
{
	const struct timespec t = { 0, 20000000 };

	nanosleep(&t, NULL);
	snek_job_cancel(job);
	return NULL;
}

START_TEST(another_thread_may_cancel)
{
	static const char *const op[] = { JOB_OP("spin"), JOB_OP("nap") };
	snek_job *j = api_job(c, "n", op[_i], NULL);
	struct snek_error e = { 0 };
	pthread_t t;

	ck_assert_int_eq(snek_job_start(j, NULL), 0);
	ck_assert_int_eq(snek_job_wait(j, 0, NULL), 0);
	pthread_create(&t, NULL, cancel_soon, j);
	ck_assert_int_eq(snek_job_wait(j, -1, &e), SNEK_ECANCELED);
	pthread_join(t, NULL);
	ck_assert_msg(strstr(e.text, "tasks were done"), "%s", e.text);
	ck_assert_int_eq(snek_job_wait(j, 0, NULL), SNEK_ECANCELED);
	snek_job_cancel(j);
	snek_job_free(j);
}
END_TEST

/* The flag is raised while start goes on: whenever it is seen, it is obeyed. */
static void *cancel_now(void *job)
{
	snek_job_cancel(job);
	return NULL;
}

START_TEST(a_cancel_during_the_start_is_not_lost)
{
	pthread_t t;
	snek_job *j;
	int i, rc;

	for (i = 0; i < 50; i++) {
		j = api_job(c, "n", JOB_OP("spin"), NULL);
		pthread_create(&t, NULL, cancel_now, j);
		rc = snek_job_start(j, NULL);
		if (!rc)
			rc = snek_job_wait(j, -1, NULL);
		ck_assert_int_eq(rc, SNEK_ECANCELED);
		pthread_join(t, NULL);
		snek_job_free(j);
	}
}
END_TEST

START_TEST(a_job_cancelled_before_it_begins_does_not)
{
	static const char *const category[] = { "n", NULL };
	snek_job *j = api_job(c, category[_i], JOB_OP("spin"), NULL);

	snek_job_cancel(j);
	ck_assert_int_eq(snek_job_start(j, NULL), SNEK_ECANCELED);
	ck_assert_int_eq(snek_job_wait(j, -1, NULL), SNEK_ECANCELED);
	snek_job_free(j);
}
END_TEST

START_TEST(freeing_a_running_job_ends_it)
{
	snek_job *j = api_job(c, "n", JOB_OP("spin"), NULL);

	ck_assert_int_eq(snek_job_start(j, NULL), 0);
	snek_job_free(j);
	snek_job_free(NULL);
}
END_TEST

static void *feed(void *arg)
{
	static const char line[] = "{\"k\":\"a\",\"v\":1}\n";
	int fd = *(int *)arg;

	while (write(fd, line, sizeof(line) - 1) > 0)
		;
	return NULL;
}

START_TEST(reading_can_be_cancelled_and_then_nothing_starts)
{
	struct snek_error e = { 0 };
	pthread_t feeder, canceller;
	snek_job *j = api_job(NULL, NULL, JOB_OP("pair"), NULL);
	int p[2];

	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe(p), 0);
	pthread_create(&feeder, NULL, feed, &p[1]);
	pthread_create(&canceller, NULL, cancel_soon, j);
	ck_assert_int_eq(snek_job_read(j, p[0], "pipe", SNEK_JSONL, &e),
	    SNEK_ECANCELED);
	pthread_join(canceller, NULL);
	close(p[0]);
	pthread_join(feeder, NULL);
	close(p[1]);
	ck_assert_int_eq(snek_job_start(j, NULL), SNEK_ECANCELED);
	snek_job_free(j);
}
END_TEST

/* ---- input ---- */

START_TEST(a_job_does_not_run_over_half_its_input)
{
	struct snek_error e = { 0 };
	snek_job *j = api_job(NULL, NULL, JOB_OP("pair"), NULL);
	int good = api_fd("{\"k\":1,\"v\":1}\n"), bad = api_fd("1\n{\"k\"\n");

	ck_assert_int_eq(snek_job_read(j, bad, "bad.jsonl", SNEK_JSONL, &e),
	    SNEK_EFORMAT);
	ck_assert_msg(strstr(e.text, "bad.jsonl:"), "%s", e.text);
	ck_assert_int_eq(snek_job_read(j, good, "good", SNEK_JSONL, &e), 0);
	ck_assert_int_eq(snek_job_start(j, &e), SNEK_EFORMAT);
	ck_assert_msg(strstr(e.text, "not all of the input"), "%s", e.text);
	snek_job_free(j);
	close(good);
	close(bad);
}
END_TEST

START_TEST(no_place_for_temporary_files_is_an_error_each_time)
{
	struct snek_error e = { 0 };
	snek_job *j = api_job(NULL, NULL, JOB_OP("pair"), NULL);
	int i, fd = api_fd("{\"k\":1,\"v\":1}\n");

	api_set(j, "tmp", "/nowhere/at/all");
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(snek_job_read(j, fd, "x", SNEK_JSONL, &e),
		    SNEK_ENOENT);
		ck_assert_int_eq(e.code, SNEK_ENOENT);
		ck_assert_msg(strstr(e.text, "/nowhere/at/all"), "%s", e.text);
	}
	api_set(j, "tmp", "");
	ck_assert_int_eq(snek_job_read(j, fd, "x", SNEK_JSONL, &e), 0);
	close(fd);
	api_gives(j, "1\n");
}
END_TEST

START_TEST(a_job_without_records_has_an_empty_result)
{
	snek_job *j;
	int fd = api_fd(" \n");

	api_write(c, "empty", "");
	api_gives(api_job(c, "empty", JOB_OP("pair"), NULL), "");
	j = api_job(c, "empty", JOB_OP("pair"), NULL);
	ck_assert_int_eq(snek_job_reduce(j, "sum", NULL), 0);
	api_set(j, "partitions", "7");
	api_set(j, "order", "-value");
	api_gives(j, "");
	api_gives(api_job(NULL, NULL, JOB_OP("pair"), NULL), "");
	j = api_job(c, NULL, JOB_OP("sums"), NULL);
	ck_assert_int_eq(snek_job_read(j, fd, "blank", SNEK_JSONL, NULL), 0);
	close(fd);
	api_gives(j, "");
}
END_TEST

START_TEST(a_failed_start_can_be_mended_and_repeated)
{
	snek_job *j = api_job(c, "n", JOB_OP("nosuch"), NULL);
	int i;

	for (i = 0; i < 2; i++)
		ck_assert_int_eq(snek_job_start(j, NULL), SNEK_ENOENT);
	ck_assert_int_eq(snek_job_map(j, JOB_OP("pair"), NULL, NULL), 0);
	ck_assert_int_eq(snek_job_reduce(j, "nosuch", NULL), 0);
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(snek_job_start(j, NULL), SNEK_ENOENT);
	ck_assert_int_eq(snek_job_reduce(j, "count", NULL), 0);
	api_gives(j, "\"k0\" 2\n\"k1\" 2\n\"k2\" 2\n");
}
END_TEST

/* ---- settings ---- */

static const struct {
	const char *name, *value;
} refused[] = {
	{ "wrokers", "1" }, { "", "1" },
	{ "workers", "" }, { "workers", "-1" }, { "workers", " 1" },
	{ "workers", "1.5" }, { "workers", "10001" }, { "workers", "x" },
	{ "partitions", "4097" }, { "attempts", "101" }, { "attempts", "+1" },
	{ "limit", "-1" }, { "limit", " -1" }, { "limit", "18446744073709551616" },
	{ "max-record", "4294967296" }, { "timeout", "" }, { "timeout", "." },
	{ "timeout", "1s" }, { "timeout", "-1" }, { "timeout", "1e3" },
	{ "timeout", "99999999999999999999" }, { "order", "" },
	{ "order", "-key" }, { "order", "values" }, { "order", "value.[x" },
	{ "executor", "cloud" }, { "batch", "-1" },
	{ "call-timeout", "soon" }, { "duplicates", "first" },
};

START_TEST(a_setting_that_cannot_be_is_refused)
{
	struct snek_error e = { 0 };
	snek_job *j = api_job(c, "n", JOB_OP("pair"), NULL);

	ck_assert_int_eq(snek_job_set(j, refused[_i].name, refused[_i].value, &e),
	    SNEK_EINVAL);
	ck_assert_int_eq(e.code, SNEK_EINVAL);
	ck_assert_int_ne(e.text[0], 0);
	ck_assert_int_eq(snek_job_set(j, refused[_i].name, refused[_i].value,
	    NULL), SNEK_EINVAL);
	api_gives(j, "0\n3\n1\n4\n2\n5\n");     /* nothing has changed */
}
END_TEST

START_TEST(a_job_that_has_begun_changes_no_more)
{
	snek_job *j = api_job(c, "n", JOB_OP("nap"), NULL);

	ck_assert_int_eq(snek_job_start(j, NULL), 0);
	ck_assert_int_eq(snek_job_start(j, NULL), SNEK_EINVAL);
	ck_assert_int_eq(snek_job_set(j, "limit", "1", NULL), SNEK_EINVAL);
	ck_assert_int_eq(snek_job_map(j, "x", NULL, NULL), SNEK_EINVAL);
	ck_assert_int_eq(snek_job_arg(j, "x", "y", NULL), SNEK_EINVAL);
	ck_assert_int_eq(snek_job_reduce(j, "sum", NULL), SNEK_EINVAL);
	ck_assert_int_eq(snek_job_on_log(j, NULL, NULL), SNEK_EINVAL);
	snek_job_free(j);
}
END_TEST

/* ---- conservation ---- */

START_TEST(records_that_do_not_add_up_are_an_error_never_an_answer)
{
	static const char *const reducer[] = { "none", "sum" };
	int fd = api_fd("{\"k\":1,\"v\":1}\n{\"k\":2,\"v\":2}\n");
	snek_job *j = api_job(NULL, NULL, JOB_OP("pair"), NULL);

	ck_assert_int_eq(snek_job_reduce(j, reducer[_i], NULL), 0);
	ck_assert_int_eq(snek_job_read(j, fd, "x", SNEK_JSONL, NULL), 0);
	close(fd);
	ck_assert_int_eq(sk_spool_end(j->spool, NULL), 0);
	j->spool->own.list.chunk[0].rows++;      /* the source lies */
	API_FAILS(j, SNEK_EINTERNAL, "2 records went into a job over 3");
}
END_TEST

/* ---- what is missing ---- */

struct listed {
	char text[2000];
	uint64_t records;
	int stop;                       /* what the visit says */
};

static int list_one(void *arg, const struct snek_missing *m)
{
	struct listed *l = arg;
	size_t n = strlen(l->text);

	ck_assert_uint_eq(m->size, sizeof(*m));
	ck_assert(m->exact && m->version == m->last_version);
	ck_assert_uint_eq(m->records, m->last - m->first + 1);
	ck_assert_uint_eq(m->shards, 1);
	ck_assert_ptr_nonnull(strstr(m->reason, "cursed"));
	snprintf(l->text + n, sizeof(l->text) - n, "%u:%d:%d-%d:%d ",
	    m->shard[0], (int)m->version, (int)m->first, (int)m->last, m->code);
	l->records += m->records;
	return l->stop;
}

START_TEST(a_job_that_keeps_going_lists_what_failed)
{
	static const char *const executor[] = { "threads", "processes" };
	struct snek_job_stat s = { .size = sizeof(s) };
	struct listed l = { "", 0, 0 }, first = { "", 0, 77 };
	char *text, want[64];
	snek_job *j;

	api_write(c, "some", "{\"i\":0}\n{\"i\":1}\n{\"i\":2}\n");
	api_write(c, "some", "{\"i\":0}\n{\"i\":1}\n");
	j = api_job(c, "some", JOB_OP("bad"), NULL);
	api_set(j, "executor", executor[_i]);
	api_set(j, "keep-going", "yes");
	ck_assert_int_eq(snek_job_missing(j, list_one, &l), SNEK_EINVAL);
	ck_assert_int_eq(api_run(j, NULL), 1);
	text = api_text(j);
	ck_assert_str_eq(text, "0\n1\n");
	free(text);
	ck_assert_int_eq(snek_job_missing(j, list_one, &l), 0);
	snprintf(want, sizeof(want), ":1:1-3:%d ", SNEK_EPLUGIN);
	ck_assert_msg(strstr(l.text, want) != NULL, "%s", l.text);
	ck_assert_uint_eq(l.records, 3);
	ck_assert_int_eq(snek_job_missing(j, list_one, &first), 77);
	ck_assert_int_eq(snek_job_missing(j, NULL, NULL), SNEK_EINVAL);
	ck_assert_int_eq(snek_job_stat(j, &s), 0);
	ck_assert_uint_eq(s.records_missing, 3);
	ck_assert_uint_eq(s.records_in, 2);
	ck_assert_uint_eq(s.records_total, 5);
	snek_job_free(j);
}
END_TEST

START_TEST(nothing_but_failures_fails_a_job_that_keeps_going)
{
	snek_job *j = api_job(c, "n", JOB_OP("bad"), NULL);

	api_set(j, "keep-going", "yes");
	API_FAILS(j, SNEK_EPLUGIN, "record 2 is cursed", "record 3");
	j = api_job(c, "n", JOB_OP("flaky"), "{\"until\":99}");
	api_set(j, "keep-going", "yes");
	API_FAILS(j, SNEK_EAGAIN, "attempt 4: ", "the spirits");
}
END_TEST

START_TEST(a_job_that_keeps_going_and_lacks_nothing_is_whole)
{
	struct listed l = { "", 0, 1 };
	snek_job *j = api_job(c, "n", JOB_OP("pair"), NULL);

	api_set(j, "keep-going", "yes");
	ck_assert_int_eq(api_run(j, NULL), 1);
	ck_assert_int_eq(snek_job_missing(j, list_one, &l), 0);
	snek_job_free(j);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_transient_failure_is_tried_again_and_counts_once);
	tcase_add_test(t, the_last_attempts_text_is_the_jobs);
	tcase_add_test(t, counters_of_many_tasks_stay_within_64_bits);
	tcase_add_test(t, a_failing_op_fails_the_job_and_gives_no_result);
	tcase_add_test(t, the_failure_that_ended_the_job_is_told);
	tcase_add_test(t, a_timeout_says_how_far_it_came);
	tcase_add_test(t, an_op_that_never_asks_is_stopped_at_the_next_record);
	tcase_add_loop_test(t, another_thread_may_cancel, 0, 2);
	tcase_add_test(t, a_cancel_during_the_start_is_not_lost);
	tcase_add_loop_test(t, a_job_cancelled_before_it_begins_does_not, 0, 2);
	tcase_add_test(t, freeing_a_running_job_ends_it);
	tcase_add_test(t, reading_can_be_cancelled_and_then_nothing_starts);
	tcase_add_test(t, a_job_does_not_run_over_half_its_input);
	tcase_add_test(t, no_place_for_temporary_files_is_an_error_each_time);
	tcase_add_test(t, a_job_without_records_has_an_empty_result);
	tcase_add_loop_test(t, a_job_that_keeps_going_lists_what_failed, 0, 2);
	tcase_add_test(t, nothing_but_failures_fails_a_job_that_keeps_going);
	tcase_add_test(t, a_job_that_keeps_going_and_lacks_nothing_is_whole);
	tcase_add_test(t, a_failed_start_can_be_mended_and_repeated);
	tcase_add_loop_test(t, a_setting_that_cannot_be_is_refused, 0,
	    (int)(sizeof(refused) / sizeof(*refused)));
	tcase_add_test(t, a_job_that_has_begun_changes_no_more);
	tcase_add_loop_test(t,
	    records_that_do_not_add_up_are_an_error_never_an_answer, 0, 2);
}

int main(void)
{
	return check_main("job", setup);
}
