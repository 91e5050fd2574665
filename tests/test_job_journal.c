/* SPDX-License-Identifier: MIT */
/* test_job_journal.c - a job goes on from where another coordinator of it ended,
 * and gives what one that was never interrupted gives. */
#include "api_tool.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "check_main.h"
#include "job/job.h"

#define RECORDS 120000
#define KILLS 100

static char dir[64];
static snek_cluster *cluster;
static struct sk_journal *journal;
static const char id[] = "00112233445566778899aabbccddeeff";
static struct snek_error err;

static void setup(void)
{
	cluster = api_cluster(dir);
	api_numbers(cluster, "c", RECORDS, 1000);
	ck_assert_msg(!sk_journal_open_dir(dir, &journal, &err), "%s", err.text);
	ck_assert_int_eq(journal->ops->create(journal, id, (struct sk_span){ "", 0 },
	    600, &err), 0);
}

static void teardown(void)
{
	journal->ops->shut(journal);
	api_drop(dir, cluster);
}

static uint64_t claim(struct sk_journal *k)
{
	uint64_t token = 0;
	int rc;

	do
		rc = k->ops->claim(k, id, 1, &token, &err);
	while (rc == SNEK_EAGAIN);
	ck_assert_msg(!rc, "%s", err.text);
	return token;
}

static snek_job *job_of(snek_cluster *c, struct sk_journal *k, uint64_t token)
{
	snek_job *j = api_job(c, "c", JOB_OP("pair"), NULL);

	ck_assert_int_eq(snek_job_reduce(j, "sum", &err), 0);
	api_set(j, "executor", "threads");
	api_set(j, "workers", "2");
	api_set(j, "partitions", "3");
	if (k)
		sk_job_keep(j, k, id, token);
	return j;
}

static char *plain(void)
{
	snek_job *j = job_of(cluster, NULL, 0);
	char *text;

	ck_assert_int_eq(api_run(j, &err), 1);
	text = api_text(j);
	snek_job_free(j);
	return text;
}

START_TEST(a_job_that_is_there_whole_is_recalled_and_nothing_runs_again)
{
	char *want = plain(), *got;
	snek_job *j;
	int i;

	for (i = 0; i < 2; i++) {
		j = job_of(cluster, journal, claim(journal));
		ck_assert_int_eq(api_run(j, &err), 1);
		ck_assert_uint_eq(j->journal.recalled, i ? j->plan.tasks +
		    j->plan.partitions : 0);
		ck_assert_uint_gt(j->plan.tasks, 3);
		got = api_text(j);
		ck_assert_str_eq(got, want);
		free(got);
		snek_job_free(j);
	}
	free(want);
}
END_TEST

START_TEST(who_was_taken_for_dead_commits_nothing_more)
{
	uint64_t old = claim(journal);
	snek_job *j;

	claim(journal);
	j = job_of(cluster, journal, old);
	API_FAILS(j, SNEK_ECONFLICT, "another");
}
END_TEST

START_TEST(after_a_write_it_begins_anew_and_counts_all)
{
	char *before = plain(), *want, *got;
	snek_job *j = job_of(cluster, journal, claim(journal));

	ck_assert_int_eq(api_run(j, &err), 1);
	snek_job_free(j);
	api_numbers(cluster, "c", 10, 10);
	want = plain();
	ck_assert_str_ne(want, before);
	j = job_of(cluster, journal, claim(journal));
	ck_assert_int_eq(api_run(j, &err), 1);
	ck_assert_uint_eq(j->journal.recalled, 0);
	got = api_text(j);
	ck_assert_str_eq(got, want);
	snek_job_free(j);
	free(got);
	free(want);
	free(before);
}
END_TEST

/* A coordinator in a process of its own; 0: it came to the end. */
static int coordinate(void)
{
	struct sk_journal *k;
	snek_cluster *c;
	snek_job *j;
	int rc;

	if (snek_cluster_open(dir, &c, &err) || sk_journal_open_dir(dir, &k, &err))
		return 2;
	j = job_of(c, k, claim(k));
	rc = api_run(j, &err);
	return rc == 1 ? 0 : 3;
}

START_TEST(killed_again_and_again_it_comes_to_the_same)
{
	char *want = plain(), *got;
	unsigned seed = 1, killed = 0, i;
	snek_job *j;
	int status;
	pid_t pid;

	for (i = 0; i < KILLS; i++) {
		pid = fork();
		ck_assert_int_ge(pid, 0);
		if (!pid)
			_exit(coordinate());
		usleep(rand_r(&seed) % 20000);
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
		killed += WIFSIGNALED(status);
	}
	ck_assert_uint_gt(killed, 0);
	j = job_of(cluster, journal, claim(journal));
	ck_assert_msg(api_run(j, &err) == 1, "%s", err.text);
	got = api_text(j);
	ck_assert_str_eq(got, want);
	snek_job_free(j);
	free(got);
	free(want);
}
END_TEST

START_TEST(what_is_damaged_in_the_journal_is_told)
{
	snek_job *j = job_of(cluster, journal, claim(journal));
	char path[256];
	FILE *f;

	ck_assert_int_eq(api_run(j, &err), 1);
	snprintf(path, sizeof(path), "%s/jobs/%s/i.m%llux0", dir, id,
	    (unsigned long long)j->journal.plan);
	snek_job_free(j);
	ck_assert_ptr_nonnull(f = fopen(path, "r+"));
	fseek(f, 20, SEEK_SET);
	fputs("damage", f);
	fclose(f);
	j = job_of(cluster, journal, claim(journal));
	API_FAILS(j, SNEK_ECORRUPT, "x0");
}
END_TEST

static void tests(TCase *t)
{
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 300);
	tcase_add_test(t, a_job_that_is_there_whole_is_recalled_and_nothing_runs_again);
	tcase_add_test(t, who_was_taken_for_dead_commits_nothing_more);
	tcase_add_test(t, after_a_write_it_begins_anew_and_counts_all);
	tcase_add_test(t, killed_again_and_again_it_comes_to_the_same);
	tcase_add_test(t, what_is_damaged_in_the_journal_is_told);
}

int main(void)
{
	return check_main("job journal", tests);
}
