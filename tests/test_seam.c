/* SPDX-License-Identifier: MIT */
/* The settings by which a test of an op has its job cut, combined and retried
 * in other ways: that they do so, and show in no result. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <snek/snek.h>

#include "check_main.h"

enum { RECORDS = 200 };

struct seam {
	struct snek_job_stat stat;
	int64_t combined;
	char text[16384];
};

static int counter(void *arg, const char *name, int64_t value)
{
	if (!strcmp(name, "combined"))
		((struct seam *)arg)->combined = value;
	return 0;
}

static void read_records(snek_job *job)
{
	struct snek_error e = { 0 };
	FILE *f = tmpfile();
	int i;

	ck_assert_ptr_nonnull(f);
	for (i = 0; i < RECORDS; i++)
		fprintf(f, "[\"%c\",\"%d \"]\n", 'a' + i % 3, i);
	fflush(f);
	rewind(f);
	ck_assert_msg(!snek_job_read(job, fileno(f), "input", SNEK_JSONL, &e),
	    "%s", e.text);
	fclose(f);
}

static void results(snek_job *job, struct seam *out)
{
	FILE *f = fmemopen(out->text, sizeof(out->text), "w");
	struct snek_value key, value;
	snek_result *r;

	ck_assert_int_eq(snek_result_open(job, &r, NULL), 0);
	while (snek_result_next(r, &key, &value, NULL) == 1) {
		snek_value_json(key, f);
		snek_value_json(value, f);
	}
	snek_result_close(r);
	fclose(f);
}

/* Joins texts by key, with settings: "name=value name=value". */
static void run(const char *settings, struct seam *out)
{
	char copy[128], *word, *equals;
	struct snek_error e = { 0 };
	snek_job *job;

	memset(out, 0, sizeof(*out));
	ck_assert_int_eq(snek_job_new(NULL, NULL, &job, &e), 0);
	snprintf(copy, sizeof(copy), "%s", settings);
	for (word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
		equals = strchr(word, '=');
		*equals = '\0';
		ck_assert_msg(!snek_job_set(job, word, equals + 1, &e), "%s",
		    e.text);
	}
	ck_assert_int_eq(snek_job_map(job, "./tests/plugins/.libs/echo.so:join",
	    NULL, &e), 0);
	read_records(job);
	ck_assert_msg(!snek_job_start(job, &e), "%s", e.text);
	ck_assert_msg(snek_job_wait(job, -1, &e) == 1, "%s", e.text);
	out->stat.size = sizeof(out->stat);
	snek_job_stat(job, &out->stat);
	snek_job_counters(job, counter, out);
	results(job, out);
	snek_job_free(job);
}

static struct seam usual, other;

START_TEST(no_way_of_combining_shows)
{
	run("workers=1 partitions=1", &usual);
	ck_assert_int_eq(usual.combined, 3);    /* keys, in one task */
	ck_assert_ptr_nonnull(strstr(usual.text, "\"a\"\"0 3 6 9 "));
	run("workers=1 partitions=1 combine=once", &other);
	ck_assert_int_eq(other.combined, 3);
	ck_assert_str_eq(other.text, usual.text);
	run("workers=1 partitions=1 combine=never", &other);
	ck_assert_int_eq(other.combined, 0);
	ck_assert_str_eq(other.text, usual.text);
	run("workers=1 partitions=1 combine=often", &other);
	ck_assert_int_gt(other.combined, 20);
	ck_assert_str_eq(other.text, usual.text);
}
END_TEST

START_TEST(chunks_and_tasks_can_be_as_small_as_a_record)
{
	run("workers=2", &usual);
	ck_assert_uint_eq(usual.stat.records_total, RECORDS);
	run("workers=4 chunk-records=1", &other);
	ck_assert_uint_gt(other.stat.tasks, usual.stat.tasks + 8);
	ck_assert_uint_eq(other.stat.records_in, RECORDS);
	ck_assert_str_eq(other.text, usual.text);
	run("workers=4 chunk-records=7", &other);
	ck_assert_str_eq(other.text, usual.text);
}
END_TEST

START_TEST(every_first_attempt_is_dropped)
{
	run("workers=2", &usual);
	run("workers=2 chunk-records=1 retry-first=yes", &other);
	ck_assert_uint_eq(other.stat.retries, other.stat.tasks);
	ck_assert_uint_eq(other.stat.records_in, RECORDS);
	ck_assert_str_eq(other.text, usual.text);
}
END_TEST

START_TEST(what_is_no_such_way_is_refused)
{
	static const char *const bad[][2] = {
		{ "combine", "always" }, { "retry-first", "1" },
		{ "chunk-records", "5M" }, { "chunk-records", "-1" },
		{ "chunk-size", "1" },
	};
	struct snek_error e = { 0 };
	snek_job *job;

	ck_assert_int_eq(snek_job_new(NULL, NULL, &job, &e), 0);
	ck_assert_int_eq(snek_job_set(job, bad[_i][0], bad[_i][1], &e),
	    SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, bad[_i][0]));
	snek_job_free(job);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_test(t, no_way_of_combining_shows);
	tcase_add_test(t, chunks_and_tasks_can_be_as_small_as_a_record);
	tcase_add_test(t, every_first_attempt_is_dropped);
	tcase_add_loop_test(t, what_is_no_such_way_is_refused, 0, 5);
}

int main(void)
{
	return check_main("seam", setup);
}
