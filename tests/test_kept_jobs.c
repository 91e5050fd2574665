/* SPDX-License-Identifier: MIT */
/* test_kept_jobs.c - queries as kept jobs: whoever is asked answers the same,
 * and coordinators may die as they like. */
#include "api/kept.h"

#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api_tool.h"
#include "base/clock.h"
#include "check_main.h"

static char dir[64];
static snek_cluster *cluster;
static struct sk_api *api;
static char begun[64];                  /* the id of the last job */
static unsigned begins;
static int64_t until;                   /* of a coordinator's time; 0: none */
static bool at_once;                    /* begin coordinates, in a thread */
static pthread_t thread;
static bool threaded;

static void *coordinate(void *arg)
{
	struct snek_error e = { 0 };
	char id[64];

	snprintf(id, sizeof(id), "%s", (char *)arg);
	free(arg);
	ck_assert_msg(!sk_kept_coordinate(api, id, &e), "%s", e.text);
	return NULL;
}

static void join(void)
{
	if (threaded)
		pthread_join(thread, NULL);
	threaded = false;
}

static int begin(void *arg, const char *id, struct snek_error *e)
{
	(void)arg;
	(void)e;
	snprintf(begun, sizeof(begun), "%s", id);
	begins++;
	if (!at_once)
		return 0;
	join();
	ck_assert_int_eq(pthread_create(&thread, NULL, coordinate, strdup(id)), 0);
	threaded = true;
	return 0;
}

static int64_t left(void *arg)
{
	(void)arg;
	return until ? until - sk_clock_ms() : INT64_MAX;
}

static struct sk_kept_options kept = { .begin = begin, .left = left,
	.lease_ms = 1000, .margin_ms = 1 };

static void open_api(void)
{
	struct sk_api_options o = { .cluster = dir, .kept = &kept,
		.on = "threads", .wait_ms = 30000 };
	struct snek_error e = { 0 };

	ck_assert_msg(!sk_api_open(&o, &api, &e), "%s", e.text);
}

static void setup(void)
{
	cluster = api_cluster(dir);
	api_numbers(cluster, "c", 60000, 500);
	begins = 0;
	until = 0;
	at_once = false;
	open_api();
}

static void teardown(void)
{
	join();
	sk_api_close(api);
	api_drop(dir, cluster);
}

/* The answer's body, to be freed. */
static char *ask(const char *method, const char *path, const char *query,
    const char *body, int status)
{
	struct sk_api_request r = { method, path, query, "application/json",
		{ body, strlen(body) }, NULL };
	struct sk_api_response out = { 0 };

	sk_api_answer(api, &r, &out);
	ck_assert(sk_buf_byte(&out.body, 0));
	ck_assert_msg(out.status == status, "%d: %s", out.status, out.body.p);
	return out.body.p;
}

static void says(char *text, const char *words)
{
	ck_assert_msg(strstr(text, words), "'%s' lacks '%s'", text, words);
	free(text);
}

#define QUERY "{\"category\":\"c\",\"function\":\"group\",\"args\":{\"by\":\"k\"," \
	"\"sum\":\"v\"},\"workers\":2,\"wait\":%s}"

static char *query(const char *wait, int status)
{
	char body[256];

	snprintf(body, sizeof(body), QUERY, wait);
	return ask("POST", "/v1/query", "", body, status);
}

static char *results(const char *id, int status)
{
	char path[128];

	snprintf(path, sizeof(path), "/v1/jobs/%s/results", id);
	return ask("GET", path, "wait=30", "", status);
}

/* The list of results alone, to be freed. */
static char *list_of(char *text)
{
	char *list = strstr(text, "\"results\":[");

	ck_assert_msg(list, "%s", text);
	list = strdup(list);
	free(text);
	return list;
}

static char *plain(void)
{
	char *text;

	at_once = true;
	text = list_of(query("30", 200));
	join();
	at_once = false;
	return text;
}

START_TEST(a_short_query_is_answered_and_its_record_stays)
{
	char path[128];

	at_once = true;
	says(query("30", 200), "\"results_total\":500");
	join();
	at_once = false;
	says(results(begun, 200), "\"pages\":1");
	snprintf(path, sizeof(path), "/v1/jobs/%s", begun);
	says(ask("GET", path, "", "", 200), "\"state\":\"done\",\"category\":"
	    "\"c\",\"function\":\"group\"");
	says(ask("GET", "/v1/jobs", "", "", 200), begun);
	says(ask("DELETE", path, "", "", 200), begun);
	says(ask("GET", path, "", "", 404), "not-found");
	ck_assert_uint_eq(begins, 1);
}
END_TEST

START_TEST(what_is_wrong_with_a_query_is_said_before_it_is_a_job)
{
	says(ask("POST", "/v1/query", "", "{\"category\":\"c\"}", 400), "function");
	says(ask("POST", "/v1/query", "", "{\"category\":\"c\",\"function\":"
	    "\"group\",\"nonsense\":1}", 400), "nonsense");
	ck_assert_uint_eq(begins, 0);
}
END_TEST

START_TEST(a_job_that_fails_says_why_to_whoever_asks)
{
	at_once = true;
	says(ask("POST", "/v1/query", "", "{\"category\":\"none\",\"function\":"
	    "\"group\",\"args\":{\"by\":\"k\"},\"wait\":30}", 404), "none");
	join();
	at_once = false;
	says(results(begun, 404), "no such category");
}
END_TEST

START_TEST(near_its_end_a_coordinator_hands_over_to_the_next)
{
	struct snek_error e = { 0 };
	char *want = plain(), *got, id[64];
	unsigned n;

	free(query("0", 202));
	snprintf(id, sizeof(id), "%s", begun);
	begins = 0;
	for (n = 0; n < 200; n++) {
		until = sk_clock_ms() + 2;      /* there is no time at all */
		ck_assert_msg(!sk_kept_coordinate(api, id, &e), "%s", e.text);
		if (begins == n)
			break;          /* it came to the end */
	}
	until = 0;
	ck_assert_msg(!sk_kept_coordinate(api, id, &e), "%s", e.text);
	got = list_of(results(id, 200));
	ck_assert_str_eq(got, want);
	free(got);
	free(want);
}
END_TEST

/* Coordinators are killed one after the other, each at another moment; the
 * next is begun by who asks. */
static void kill_coordinators(const char *id, unsigned times, unsigned seed)
{
	struct snek_error e = { 0 };
	int status;
	pid_t pid;

	sk_api_close(api);              /* no threads of ours while we fork */
	kept.lease_ms = 1;
	while (times--) {
		pid = fork();
		ck_assert_int_ge(pid, 0);
		if (!pid) {
			open_api();
			_exit(sk_kept_coordinate(api, id, &e) != 0);
		}
		usleep(rand_r(&seed) % 30000);
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status) || !WEXITSTATUS(status));
	}
	kept.lease_ms = 1000;
	open_api();
	at_once = true;
}

START_TEST(a_dead_coordinator_is_followed_when_somebody_asks)
{
	char *want = plain(), *got, id[64];

	free(query("0", 202));
	snprintf(id, sizeof(id), "%s", begun);
	kill_coordinators(id, 100, 7);
	got = list_of(results(id, 200));
	ck_assert_str_eq(got, want);
	free(got);
	free(want);
}
END_TEST

START_TEST(a_job_that_is_dropped_while_it_runs_ends)
{
	struct snek_error e = { 0 };
	char id[64], path[128];

	free(query("0", 202));
	snprintf(id, sizeof(id), "%s", begun);
	snprintf(path, sizeof(path), "/v1/jobs/%s", id);
	free(ask("DELETE", path, "", "", 200));
	ck_assert_msg(!sk_kept_coordinate(api, id, &e), "%s", e.text);
	says(results(id, 409), "cancelled");
}
END_TEST

/* ---- results into a category ---- */

#define INTO "{\"category\":\"c\",\"function\":\"group\",\"args\":{\"by\":" \
	"\"k\",\"sum\":\"v\"},\"workers\":2,\"wait\":0,\"into\":\"sums\"%s}"

/* A job that nobody coordinates yet. */
static void begin_into(const char *more, char id[64])
{
	char body[256];

	snprintf(body, sizeof(body), INTO, more);
	free(ask("POST", "/v1/query", "", body, 202));
	snprintf(id, 64, "%s", begun);
}

static void coordinated(const char *id)
{
	struct snek_error e = { 0 };

	ck_assert_msg(!sk_kept_coordinate(api, id, &e), "%s", e.text);
}

static void sums_were_written_once(void)
{
	says(ask("GET", "/v1/categories/sums", "", "", 200),
	    "\"version\":1,\"writes\":1,\"records\":500");
}

START_TEST(a_result_is_written_and_its_receipt_is_the_answer)
{
	char id[64], path[128], *text;

	begin_into("", id);
	coordinated(id);
	text = results(id, 200);
	ck_assert(strstr(text, "\"kind\":\"written\""));
	ck_assert(strstr(text, "\"repeated\":false"));
	says(text, "\"category\":\"sums\",\"version\":1,\"records\":500");
	snprintf(path, sizeof(path), "/v1/jobs/%s", id);
	says(ask("GET", path, "", "", 200), "\"state\":\"done\"");
	sums_were_written_once();
}
END_TEST

START_TEST(however_often_its_coordinator_dies_a_result_is_written_once)
{
	char id[64];

	begin_into("", id);
	kill_coordinators(id, 50, 11);
	says(results(id, 200), "\"version\":1,\"records\":500");
	sums_were_written_once();
}
END_TEST

/* As one that died between its commit and its word of it: reduced as asked. */
static void write_as(const char *id, const char *args)
{
	struct snek_writer_options o = { .size = sizeof(o) };
	snek_job *j = api_job(cluster, "c", "group", args);
	struct snek_error e = { 0 };
	char request[80];

	snprintf(request, sizeof(request), "job-%s", id);
	o.request_id = request;
	ck_assert_int_eq(api_run(j, &e), 1);
	ck_assert_msg(!snek_result_write(j, cluster, "sums", &o, NULL, &e), "%s",
	    e.text);
	snek_job_free(j);
}

START_TEST(what_a_dead_coordinator_has_written_stands)
{
	char id[64];

	begin_into("", id);
	write_as(id, "{\"by\":\"k\",\"sum\":\"v\"}");
	coordinated(id);
	says(results(id, 200), "\"version\":1,\"records\":500");
	sums_were_written_once();
}
END_TEST

START_TEST(it_stands_too_when_the_category_is_another_by_then)
{
	char id[64];

	begin_into("", id);
	write_as(id, "{\"by\":\"k\",\"sum\":\"v\"}");
	api_write(cluster, "c", "{\"k\":\"new\",\"v\":1}\n");
	coordinated(id);
	says(results(id, 200), "\"version\":1,\"records\":500");
	sums_were_written_once();
}
END_TEST

START_TEST(a_request_id_of_another_write_fails_the_job)
{
	char id[64];

	begin_into(",\"request_id\":\"mine\"", id);
	coordinated(id);
	says(results(id, 200), "\"version\":1");
	begin_into(",\"limit\":1,\"request_id\":\"mine\"", id);
	coordinated(id);
	says(results(id, 409), "request id mine");
	sums_were_written_once();
}
END_TEST

START_TEST(a_job_that_was_cancelled_writes_nothing)
{
	char id[64], path[128];

	begin_into("", id);
	snprintf(path, sizeof(path), "/v1/jobs/%s", id);
	free(ask("DELETE", path, "", "", 200));
	coordinated(id);
	says(results(id, 409), "cancelled");
	free(ask("GET", "/v1/categories/sums", "", "", 404));
}
END_TEST

START_TEST(what_is_missing_is_kept_with_the_result)
{
	char pattern[128], id[64];
	glob_t g;

	snprintf(pattern, sizeof(pattern), "%s/shards/*/*.seg", dir);
	ck_assert_int_eq(glob(pattern, 0, NULL, &g), 0);
	ck_assert_int_eq(unlink(g.gl_pathv[0]), 0);
	globfree(&g);
	free(ask("POST", "/v1/query", "", "{\"category\":\"c\",\"function\":"
	    "\"select\",\"args\":{\"fields\":\"i\"},\"wait\":0,\"limit\":1,"
	    "\"keep-going\":true}", 202));
	snprintf(id, sizeof(id), "%s", begun);
	coordinated(id);
	says(results(id, 200), "\"missing\":[{\"records\":");
	says(results(id, 200), "\"code\":\"corrupt\"");
}
END_TEST

START_TEST(side_inputs_are_kept_with_the_job)
{
	char *text;

	at_once = true;
	text = ask("POST", "/v1/query", "", "{\"category\":\"c\",\"function\":"
	    "\"join\",\"args\":{\"side\":\"s\",\"on\":\"i\"},\"wait\":30,"
	    "\"side\":{\"s\":[{\"i\":7,\"x\":\"seven\"}]}}", 200);
	join();
	at_once = false;
	says(text, "\"results_total\":1");
}
END_TEST

#define OLD "{\"name\":\"c\",\"function\":\"group\",\"args\":{\"by\":\"k\"," \
	"\"sum\":\"v\"}%s}"

static char *old_query(const char *more, int status)
{
	char body[256], *text;

	snprintf(body, sizeof(body), OLD, more);
	at_once = true;
	text = ask("POST", "/query", "", body, status);
	join();
	at_once = false;
	return text;
}

START_TEST(a_query_of_the_prototype_is_done_as_it_is_asked)
{
	says(old_query(",\"order\":\"key\",\"limit\":1", 200),
	    "\"body\":\"[{\\\"key\\\":\\\"k0\\\",");
	ck_assert_uint_eq(begins, 1);
	says(old_query(",\"keep-going\":true", 400), "keep-going");
	says(old_query(",\"into\":\"x\"", 400), "into");
	says(old_query(",\"nonsense\":1", 400), "nonsense");
	ck_assert_uint_eq(begins, 1);
}
END_TEST

static void tests(TCase *t)
{
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 300);
	tcase_add_test(t, a_short_query_is_answered_and_its_record_stays);
	tcase_add_test(t, what_is_wrong_with_a_query_is_said_before_it_is_a_job);
	tcase_add_test(t, a_job_that_fails_says_why_to_whoever_asks);
	tcase_add_test(t, near_its_end_a_coordinator_hands_over_to_the_next);
	tcase_add_test(t, a_dead_coordinator_is_followed_when_somebody_asks);
	tcase_add_test(t, a_job_that_is_dropped_while_it_runs_ends);
	tcase_add_test(t, a_result_is_written_and_its_receipt_is_the_answer);
	tcase_add_test(t,
	    however_often_its_coordinator_dies_a_result_is_written_once);
	tcase_add_test(t, what_a_dead_coordinator_has_written_stands);
	tcase_add_test(t, it_stands_too_when_the_category_is_another_by_then);
	tcase_add_test(t, a_request_id_of_another_write_fails_the_job);
	tcase_add_test(t, a_job_that_was_cancelled_writes_nothing);
	tcase_add_test(t, what_is_missing_is_kept_with_the_result);
	tcase_add_test(t, side_inputs_are_kept_with_the_job);
	tcase_add_test(t, a_query_of_the_prototype_is_done_as_it_is_asked);
}

int main(void)
{
	setenv("SNEK_PLUGIN_PATH", "plugins/.libs", 1);
	return check_main("kept jobs", tests);
}
