/* SPDX-License-Identifier: MIT */
/* test_api_jobs.c - jobs of the API's own process, asked about by many. */
#include "api/api.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/page.h"
#include "api_tool.h"
#include "check_main.h"

static char dir[64];
static snek_cluster *cluster;
static struct sk_api *api;

static void open_api(unsigned known)
{
	struct sk_api_options o = { .cluster = dir, .on = "threads",
		.wait_ms = 30000, .jobs = 4, .known = known };
	struct snek_error e = { 0 };

	ck_assert_msg(!sk_api_open(&o, &api, &e), "%s", e.text);
}

static void setup(void)
{
	cluster = api_cluster(dir);
	api_numbers(cluster, "c", 1000, 10);
	open_api(0);
}

static void teardown(void)
{
	sk_api_close(api);
	api_drop(dir, cluster);
}

/* The answer's body, to be freed. */
static char *ask(const char *method, const char *path, const char *query,
    const char *body, int *status)
{
	struct sk_api_request r = { method, path, query, "application/json",
		{ body, strlen(body) }, NULL };
	struct sk_api_response out = { 0 };

	sk_api_answer(api, &r, &out);
	ck_assert(sk_buf_byte(&out.body, 0));
	*status = out.status;
	return out.body.p;
}

static char *wait_for(const char *job, int *status)
{
	char path[96];

	snprintf(path, sizeof(path), "%.63s/results", job);
	return ask("GET", path, "wait=30", "", status);
}

/* ---- jobs that fail to start, while others look at all there are ---- */

#define POSTS 60u
#define WATCHERS 2u

struct watch {
	pthread_t thread;
	int over;                       /* with __atomic */
};

static void *post_bad(void *arg)
{
	static const char *const bad[] = {
		"{\"category\":\"none\",\"function\":\"group\",\"args\":"
		    "{\"by\":\"k\"}}",
		"{\"category\":\"c\",\"function\":\"join\",\"side\":"
		    "{\"s\":\"c\",\"t\":\"none\"},\"args\":{\"side\":\"s\","
		    "\"on\":\"i\"}}",
		"{\"category\":\"c\",\"function\":\"group\",\"args\":{}}",
	};
	unsigned i;
	int status;

	(void)arg;
	for (i = 0; i < POSTS; i++) {
		free(ask("POST", "/v1/query", "", bad[i % 3], &status));
		ck_assert_msg(status == 404 || status == 400 || status == 429,
		    "%d", status);
	}
	return NULL;
}

/* Every job that a list tells of is asked about, waited for, or dropped. */
static void *watch(void *arg)
{
	struct watch *w = arg;
	char path[96], *list, *at;
	unsigned n = 0;
	int status;

	while (!__atomic_load_n(&w->over, __ATOMIC_SEQ_CST)) {
		list = ask("GET", "/v1/jobs", "", "", &status);
		for (at = list; (at = strstr(at, "\"job\":\"")); at += 7) {
			snprintf(path, sizeof(path), "/v1/jobs/%.32s%s", at + 7,
			    n % 3 ? "" : "/results");
			free(ask(n % 3 == 1 ? "DELETE" : "GET", path, n % 3 ?
			    "" : "wait=20", "", &status));
			n++;
		}
		free(list);
	}
	return NULL;
}

START_TEST(a_job_that_does_not_start_was_never_there)
{
	struct watch w[WATCHERS] = { { .over = 0 } };
	pthread_t poster[2];
	char *text;
	unsigned i;
	int status;

	for (i = 0; i < WATCHERS; i++)
		ck_assert(!pthread_create(&w[i].thread, NULL, watch, &w[i]));
	for (i = 0; i < 2; i++)
		ck_assert(!pthread_create(&poster[i], NULL, post_bad, NULL));
	for (i = 0; i < 2; i++)
		pthread_join(poster[i], NULL);
	for (i = 0; i < WATCHERS; i++) {
		__atomic_store_n(&w[i].over, 1, __ATOMIC_SEQ_CST);
		pthread_join(w[i].thread, NULL);
	}
	text = ask("GET", "/v1/jobs", "", "", &status);
	ck_assert_msg(strstr(text, "\"jobs\":[]"), "%s", text);
	free(text);
}
END_TEST

/* ---- results that are kept ---- */

#define SLOW_QUERY "{\"category\":\"c\",\"function\":\"select\",\"args\":" \
	"{\"fields\":\"v\"},\"wait\":0}"

/* The path of a job that somebody has waited for. */
static void run_job(char path[64])
{
	char *text, *id;
	int status;

	do {
		text = ask("POST", "/v1/query", "", SLOW_QUERY, &status);
		id = strstr(text, "\"job\":\"");
		if (status == 202)
			snprintf(path, 64, "/v1/jobs/%.32s", id + 7);
		free(text);
	} while (status == 200);        /* it was faster than the answer */
	ck_assert_int_eq(status, 202);
	text = wait_for(path, &status);
	ck_assert_msg(status == 200, "%s", text);
	free(text);
}

static int status_of(const char *path)
{
	int status;

	free(ask("GET", path, "", "", &status));
	return status;
}

START_TEST(the_result_that_was_asked_for_first_makes_room_for_another)
{
	char path[5][64];
	unsigned i;

	sk_api_close(api);
	open_api(3);
	for (i = 0; i < 5; i++) {
		run_job(path[i]);
		usleep(2000);           /* another millisecond */
		ck_assert_int_eq(status_of(path[0]), 200);
		usleep(2000);
	}
	ck_assert_int_eq(status_of(path[1]), 404);
	ck_assert_int_eq(status_of(path[2]), 404);
	ck_assert_int_eq(status_of(path[3]), 200);
	ck_assert_int_eq(status_of(path[4]), 200);
}
END_TEST

START_TEST(a_job_that_nobody_was_told_of_goes)
{
	struct sk_api_request r = { "POST", "/v1/query", "", "application/json",
		{ SLOW_QUERY, sizeof(SLOW_QUERY) - 1 }, NULL };
	struct sk_api_response out = { 0 };

	do {
		sk_api_response_free(&out);
		out = (struct sk_api_response){ 0 };
		sk_api_answer(api, &r, &out);
	} while (out.status == 200);
	ck_assert(out.status == 202 && out.begun);
	sk_api_unheard(api, &out);
	ck_assert_int_eq(status_of(out.location), 404);
	sk_api_response_free(&out);
}
END_TEST

/* ---- pages ---- */

/* Pages as text: each by itself in brackets. */
static int put_sheet(void *arg, uint64_t n, struct sk_span b,
    struct snek_error *e)
{
	(void)n;
	fprintf(arg, "[%.*s]", (int)b.n, (const char *)b.p);
	return e->code;
}

static char *cut(snek_job *j, struct sk_page_cut *p)
{
	struct snek_error e = { 0 };
	size_t n;
	char *text;
	FILE *f = open_memstream(&text, &n);

	api_set(j, "executor", "threads");
	p->put = put_sheet;
	p->arg = f;
	ck_assert_msg(api_run(j, &e) == 1 && !sk_page_cut(p, j, &e), "%s",
	    e.text);
	snek_job_free(j);
	fclose(f);
	return text;
}

START_TEST(results_with_keys_are_pairs_from_the_first_one_on)
{
	struct sk_page_cut p = { .most = 1000 };
	snek_job *j;
	char *text;

	api_write(cluster, "mixed", "{\"k\":null,\"v\":1}\n"
	    "{\"k\":null,\"v\":2}\n{\"k\":\"a\",\"v\":3}\n"
	    "{\"k\":null,\"v\":4}\n");
	j = api_job(cluster, "mixed", JOB_OP("pair"), NULL);
	api_set(j, "order", "value");
	text = cut(j, &p);
	ck_assert_str_eq(text, "[1,2][{\"key\":\"a\",\"value\":3},"
	    "{\"key\":null,\"value\":4}]");
	ck_assert(!p.reduced && p.keyed_from == 2 && p.pages == 2);
	free(text);
}
END_TEST

START_TEST(results_without_keys_are_values_and_reduced_ones_are_pairs)
{
	struct sk_page_cut p = { .most = 1000 }, r = { .most = 1000 };
	snek_job *j = api_job(cluster, "c", JOB_OP("pair"), NULL);
	struct snek_error e = { 0 };
	char *text;

	ck_assert(!snek_job_reduce(j, "count", &e));
	text = cut(j, &r);
	ck_assert(strstr(text, "{\"key\":\"k1\",\"value\":100}"));
	ck_assert(r.reduced && r.keyed_from == 1);
	free(text);
	text = cut(api_job(cluster, "c", "select", "{\"fields\":\"v\"}"), &p);
	ck_assert(!strncmp(text, "[{\"v\":0},", 9));
	ck_assert(!p.reduced && !p.keyed_from && p.results == 1000);
	free(text);
}
END_TEST

static void tests(TCase *t)
{
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 300);
	tcase_add_test(t, a_job_that_does_not_start_was_never_there);
	tcase_add_test(t,
	    the_result_that_was_asked_for_first_makes_room_for_another);
	tcase_add_test(t, a_job_that_nobody_was_told_of_goes);
	tcase_add_test(t, results_with_keys_are_pairs_from_the_first_one_on);
	tcase_add_test(t,
	    results_without_keys_are_values_and_reduced_ones_are_pairs);
}

int main(void)
{
	setenv("SNEK_PLUGIN_PATH", "plugins/.libs", 1);
	return check_main("jobs of the API", tests);
}
