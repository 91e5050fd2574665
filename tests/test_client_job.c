/* SPDX-License-Identifier: MIT */
/* test_client_job.c - a query through a gateway: what it asks for, and what it
 * makes of being turned away. */
#include <snek/snek.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "web.h"

static struct web *web;
static snek_cluster *cluster;
static struct snek_error err;
static struct {
	char body[400];                 /* of the last query */
	char target[200];               /* of the last other request */
	unsigned queries, others;
} asked;
static struct web_answer first, then;   /* to the first query, to the others */

#define RESULTS "{\"snek\":1,\"kind\":\"results\",\"reduced\":false,\"keyed\":" \
	"false,\"page\":1,\"pages\":1,\"results\":[7]}"
#define RUNNING "{\"snek\":1,\"kind\":\"job\",\"job\":\"j1\",\"state\":\"running\"}"
#define REFUSAL "{\"snek\":1,\"kind\":\"error\",\"code\":\"temporary\"," \
	"\"message\":\"not now\",\"hint\":null}"

static void door(void *arg, const struct web_request *r, struct web_answer *a)
{
	(void)arg;
	if (!strcmp(r->target, "/v1")) {
		*a = (struct web_answer){ .body = "{\"snek\":1,\"kind\":\"api\"}" };
	} else if (!strcmp(r->target, "/v1/query")) {
		snprintf(asked.body, sizeof(asked.body), "%s", r->body);
		*a = asked.queries++ ? then : first;
	} else if (!strcmp(r->method, "GET")) {
		snprintf(asked.target, sizeof(asked.target), "%s", r->target);
		asked.others++;
		*a = then;
	}
}

static void set_up(void)
{
	memset(&err, 0, sizeof(err));
	memset(&asked, 0, sizeof(asked));
	unsetenv("SNEK_TOKEN");
	unsetenv("SNEK_TOKEN_FILE");
	setenv("AWS_MAX_ATTEMPTS", "1", 1);
	first = then = (struct web_answer){ .body = RESULTS };
	web = web_start(door, NULL);
	ck_assert_msg(!snek_cluster_open(web_url(web), &cluster, &err), "%s",
	    err.text);
}

static void tear_down(void)
{
	snek_cluster_close(cluster);
	web_stop(web);
}

static snek_job *query(const char *args)
{
	snek_job *j;

	ck_assert(!snek_job_new(cluster, "c", &j, &err) &&
	    !snek_job_map(j, "select", args, &err));
	return j;
}

START_TEST(a_query_is_one_object_whatever_its_arguments_are)
{
	snek_job *j = query("{\"fields\":\"n\"},\"limit\":1");

	ck_assert_int_eq(snek_job_start(j, &err), SNEK_EINVAL);
	snek_job_free(j);
	j = query("{ \"fields\" : \"n\" }");
	ck_assert(!snek_job_set(j, "limit", "1", &err));
	ck_assert(!snek_job_set(j, "order", "key", &err));
	ck_assert(!snek_job_set(j, "limit", "2", &err));
	ck_assert(!snek_job_side(j, "s", "d", &err));
	ck_assert_int_eq(snek_job_side(j, "s", "e", &err), SNEK_EINVAL);
	ck_assert_msg(!snek_job_start(j, &err), "%s", err.text);
	ck_assert_str_eq(asked.body, "{\"category\":\"c\",\"function\":\"select\","
	    "\"wait\":0.1,\"limit\":\"2\",\"order\":\"key\",\"side\":{\"s\":\"d\"},"
	    "\"arg\":[],\"args\":{\"fields\":\"n\"}}");
	ck_assert_int_eq(snek_job_wait(j, -1, &err), 1);
	snek_job_free(j);
}
END_TEST

START_TEST(a_wait_is_no_longer_than_its_caller_says)
{
	snek_job *j = query(NULL);

	first = then = (struct web_answer){ .status = 202, .body = RUNNING };
	ck_assert(!snek_job_start(j, &err));
	ck_assert_int_eq(snek_job_wait(j, 0, &err), 0);
	ck_assert_str_eq(asked.target, "/v1/jobs/j1/results?wait=0.000");
	ck_assert_uint_eq(asked.others, 1);
	then = (struct web_answer){ .body = RESULTS };
	ck_assert_int_eq(snek_job_wait(j, -1, &err), 1);
	ck_assert_str_eq(asked.target, "/v1/jobs/j1/results?wait=1.000");
	snek_job_free(j);
}
END_TEST

static const struct {
	unsigned status;
	const char *body, *into;
	unsigned queries;
} refusals[] = {
	{ 429, REFUSAL, NULL, 2 }, { 503, REFUSAL, NULL, 2 },
	{ 429, "{\"message\":\"Too Many Requests\"}", "x", 2 },
	{ 503, REFUSAL, "x", 2 },
	/* It may have begun, and would be written twice. */
	{ 503, "{\"message\":\"Service Unavailable\"}", "x", 1 },
	{ 500, REFUSAL, NULL, 1 },
};

START_TEST(one_that_is_turned_away_is_asked_again_unless_it_may_have_begun)
{
	snek_job *j = query(NULL);
	const char *into = refusals[_i].into;

	first = (struct web_answer){ .status = refusals[_i].status,
	    .headers = "Retry-After: 1\r\n", .body = refusals[_i].body };
	ck_assert(!into || !snek_job_into(j, into, NULL, &err));
	if (into)
		then.body = "{\"snek\":1,\"kind\":\"written\",\"receipt\":{"
		    "\"version\":1}}";
	ck_assert_int_eq(snek_job_start(j, &err), refusals[_i].queries == 2 ? 0 :
	    SNEK_EAGAIN);
	ck_assert_uint_eq(asked.queries, refusals[_i].queries);
	snek_job_free(j);
}
END_TEST

START_TEST(it_is_asked_no_longer_than_its_timeout)
{
	snek_job *j = query(NULL);

	first = then = (struct web_answer){ .status = 429, .body = REFUSAL,
	    .headers = "Retry-After: 3\r\n" };
	ck_assert(!snek_job_set(j, "timeout", "2", &err));
	ck_assert_int_eq(snek_job_start(j, &err), SNEK_EAGAIN);
	ck_assert_msg(strstr(err.text, "not now"), "%s", err.text);
	ck_assert_uint_eq(asked.queries, 1);
	snek_job_free(j);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_query_is_one_object_whatever_its_arguments_are);
	tcase_add_test(t, a_wait_is_no_longer_than_its_caller_says);
	tcase_add_loop_test(t,
	    one_that_is_turned_away_is_asked_again_unless_it_may_have_begun, 0,
	    sizeof(refusals) / sizeof(*refusals));
	tcase_add_test(t, it_is_asked_no_longer_than_its_timeout);
}

int main(void)
{
	return check_main("query through a gateway", setup);
}
