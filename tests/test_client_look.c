/* SPDX-License-Identifier: MIT */
/* test_client_look.c - stat, describe and gc through a gateway, whatever it may
 * answer. */
#include <snek/snek.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "web.h"

static struct web *web;
static snek_cluster *cluster;
static struct snek_error err;
static char asked[400];                 /* the last request's target */
static struct web_answer next;

static void door(void *arg, const struct web_request *r, struct web_answer *a)
{
	(void)arg;
	if (!strcmp(r->target, "/v1")) {
		*a = (struct web_answer){ .body = "{\"snek\":1,\"kind\":\"api\"}" };
		return;
	}
	snprintf(asked, sizeof(asked), "%s %s", r->method, r->target);
	*a = next;
}

static void set_up(void)
{
	memset(&err, 0, sizeof(err));
	unsetenv("SNEK_TOKEN");
	unsetenv("SNEK_TOKEN_FILE");
	setenv("AWS_MAX_ATTEMPTS", "1", 1);
	web = web_start(door, NULL);
	ck_assert_msg(!snek_cluster_open(web_url(web), &cluster, &err), "%s",
	    err.text);
}

static void tear_down(void)
{
	snek_cluster_close(cluster);
	web_stop(web);
}

static void answers(unsigned status, const char *body)
{
	next = (struct web_answer){ .status = status, .body = body };
}

static int take_path(void *arg, const struct snek_path_info *i)
{
	*(struct snek_path_info *)arg = *i;
	ck_assert_uint_eq(i->path_len, 3);
	ck_assert_mem_eq(i->path, "a\0b", 4);
	return 0;
}

static int take_shard(void *arg, const struct snek_shard_stat *i)
{
	*(struct snek_shard_stat *)arg = *i;
	return 0;
}

static int stop(void *arg, const struct snek_path_info *i)
{
	(void)i;
	return ++*(int *)arg;
}

START_TEST(what_is_asked_and_answered_is_what_the_caller_said_and_gets)
{
	struct snek_describe_options o = { .size = sizeof(o),
		.records = UINT64_MAX, .paths = 7 };
	struct snek_describe_report d = { .size = sizeof(d) };
	struct snek_cluster_stat s = { .size = sizeof(s) };
	struct snek_gc_report g = { .size = sizeof(g) };
	struct snek_shard_stat shard;
	struct snek_path_info p;

	answers(200, "{\"paths\":[{\"path\":\"a\\u0000b\",\"records\":2,"
	    "\"values\":3,\"types\":{\"int\":3},\"example\":18446744073709551615"
	    "}],\"records\":9,\"looked_at\":4,\"left_out\":1}");
	ck_assert_msg(!snek_category_describe(cluster, "c.d", &o, take_path, &p,
	    &d, &err), "%s", err.text);
	ck_assert_str_eq(asked, "GET /v1/categories/c.d/paths?"
	    "records=9223372036854775807&paths=7");
	ck_assert(p.ints == 3 && p.values == 3 && !p.strings);
	ck_assert(p.example.type == SNEK_UINT && p.example.as.u == UINT64_MAX);
	ck_assert(d.records == 9 && d.looked_at == 4 && d.left_out == 1);
	answers(200, "{\"shards\":[{\"shard\":5,\"bytes\":6}],\"records\":7}");
	ck_assert_int_eq(snek_cluster_stat(cluster, NULL, take_shard, &shard, &s,
	    &err), 0);
	ck_assert_str_eq(asked, "GET /v1/stat");
	ck_assert(shard.shard == 5 && shard.bytes == 6 && s.records == 7);
	ck_assert_str_eq(shard.location, "");
	ck_assert_int_eq(snek_cluster_stat(cluster, "c", NULL, NULL, NULL, &err), 0);
	ck_assert_str_eq(asked, "GET /v1/categories/c/stat");
	answers(200, "{\"writes\":1,\"segments\":2,\"bytes\":3,\"waiting\":4}");
	ck_assert_int_eq(snek_cluster_gc(cluster, 0, &g, &err), 0);
	ck_assert_str_eq(asked, "POST /v1/gc?grace=3600");
	ck_assert(g.writes == 1 && g.segments == 2 && g.bytes == 3 &&
	    g.waiting == 4);
}
END_TEST

START_TEST(an_answer_that_is_none_is_an_error)
{
	static const char *const bad[] = { "", "{", "[]", "{}", "{\"paths\":7}",
		"{\"paths\":[7]}", "{\"paths\":[{}]}",
		"{\"paths\":[{\"path\":null}]}" };
	struct snek_path_info p;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		answers(200, bad[i]);
		ck_assert_msg(snek_category_describe(cluster, "c", NULL,
		    take_path, &p, NULL, &err) == SNEK_EFORMAT, "%s", bad[i]);
	}
	answers(200, "{\"shards\":{}}");
	ck_assert_int_eq(snek_cluster_stat(cluster, NULL, take_shard, NULL, NULL,
	    &err), SNEK_EFORMAT);
	answers(200, "no object");
	ck_assert_int_eq(snek_cluster_gc(cluster, 1, NULL, &err), SNEK_EFORMAT);
}
END_TEST

START_TEST(what_the_gateway_refuses_is_told_in_its_words)
{
	struct snek_path_info p;

	answers(413, "{\"code\":\"limit\",\"message\":\"ask for fewer\"}");
	ck_assert_int_eq(snek_category_describe(cluster, "c", NULL, take_path, &p,
	    NULL, &err), SNEK_ELIMIT);
	ck_assert_str_eq(err.text, "ask for fewer");
	answers(403, "{\"code\":\"permission\",\"message\":\"read-only\"}");
	ck_assert_int_eq(snek_cluster_gc(cluster, 0, NULL, &err), SNEK_EACCES);
	answers(404, "{\"code\":\"not-found\",\"message\":\"no such path\"}");
	ck_assert_int_eq(snek_cluster_stat(cluster, NULL, NULL, NULL, NULL, &err),
	    SNEK_ENOENT);
}
END_TEST

START_TEST(a_visit_that_returns_other_than_0_ends_it)
{
	int n = 41;

	answers(200, "{\"paths\":[{\"path\":\"a\"},{\"path\":\"b\"}]}");
	ck_assert_int_eq(snek_category_describe(cluster, "c", NULL, stop, &n,
	    NULL, &err), 42);
	ck_assert_int_eq(n, 42);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t,
	    what_is_asked_and_answered_is_what_the_caller_said_and_gets);
	tcase_add_test(t, an_answer_that_is_none_is_an_error);
	tcase_add_test(t, what_the_gateway_refuses_is_told_in_its_words);
	tcase_add_test(t, a_visit_that_returns_other_than_0_ends_it);
}

int main(void)
{
	return check_main("look", setup);
}
