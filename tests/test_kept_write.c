/* SPDX-License-Identifier: MIT */
/* test_kept_write.c - writes in parts over servers, where each request may be
 * answered by another process: whatever is said twice, lost, killed, damaged or
 * wrong, a write is there once and whole, or not at all. */
#include "api/kept.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api_tool.h"
#include "check_main.h"
#include "proxy.h"
#include "redis.h"

static struct redis_world *world;
static struct sk_api *api, *other;      /* as if on two machines */
static char url[2][64];

static int begin(void *arg, const char *id, struct snek_error *e)
{
	(void)arg;
	(void)id;
	return sk_fail(e, SNEK_EIO, "no query here");
}

static int64_t left(void *arg)
{
	(void)arg;
	return INT64_MAX;
}

static const struct sk_kept_options kept = { .begin = begin, .left = left };

static int open_api(const char *where, struct sk_api **out,
    struct snek_error *e)
{
	const struct sk_api_options o = { .cluster = where, .kept = &kept };

	return sk_api_open(&o, out, e);
}

/* Two shards, databases of one server; the first has the meta store. */
static void set_up(void)
{
	const char *server[2] = { url[0], url[1] };
	const struct snek_cluster_options o = { .size = sizeof(o),
		.server = server, .servers = 2 };
	struct snek_error e = { 0 };
	int i;

	world = redis_start(NULL);
	for (i = 0; i < 2; i++)
		snprintf(url[i], sizeof(url[i]), "redis://127.0.0.1:%d/%d",
		    redis_port(world), i);
	ck_assert_msg(!snek_cluster_create(NULL, &o, &e), "%s", e.text);
	ck_assert_msg(!open_api(url[0], &api, &e), "%s", e.text);
	ck_assert_msg(!open_api(url[0], &other, &e), "%s", e.text);
}

static void tear_down(void)
{
	sk_api_close(api);
	sk_api_close(other);
	redis_stop(world);
}

/* ---- requests ---- */

static int answer(struct sk_api *a, const char *method, const char *path,
    const char *query, struct sk_span body, char **text)
{
	struct sk_api_request r = { method, path, query, "", body, NULL };
	struct sk_api_response out = { 0 };

	sk_api_answer(a, &r, &out);
	ck_assert(sk_buf_byte(&out.body, 0));
	*text = out.body.p;
	return out.status;
}

/* The answer has this status and says this. */
static void ask(struct sk_api *a, const char *method, const char *path,
    const char *query, struct sk_span body, int status, const char *says)
{
	char *text;
	int is = answer(a, method, path, query, body, &text);

	ck_assert_msg(is == status && strstr(text, says), "%s %s?%s: %d %s",
	    method, path, query, is, text);
	free(text);
}

static const struct sk_span nothing = { "", 0 };

static struct sk_span span(const char *text)
{
	return (struct sk_span){ text, strlen(text) };
}

static void start(char id[33])
{
	char *text, *p;

	ck_assert_int_eq(answer(api, "POST", "/v1/categories/c/writes", "",
	    nothing, &text), 201);
	p = strstr(text, "\"write\":\"");
	ck_assert_ptr_nonnull(p);
	snprintf(id, 33, "%.32s", p + 9);
	free(text);
}

static const char *part_of(const char *id, unsigned n)
{
	static _Thread_local char path[96];

	snprintf(path, sizeof(path), "/v1/writes/%s/parts/%u", id, n);
	return path;
}

static const char *commit_of(const char *id)
{
	static _Thread_local char path[96];

	snprintf(path, sizeof(path), "/v1/writes/%s/commit", id);
	return path;
}

static const char *write_of(const char *id)
{
	static _Thread_local char path[96];

	snprintf(path, sizeof(path), "/v1/writes/%s", id);
	return path;
}

static void put(struct sk_api *a, const char *id, unsigned n, const char *text)
{
	ask(a, "PUT", part_of(id, n), "", span(text), 200, "\"kind\":\"part\"");
}

static void records(const char *want)
{
	char *text;
	int status = answer(other, "GET", "/v1/categories/c/records", "", nothing,
	    &text);

	ck_assert_msg(status == (*want ? 200 : 404) && (!*want ||
	    !strcmp(text, want)), "%d %s, not %s", status, text, want);
	free(text);
}

/* What keys of a pattern there are in both databases. */
static unsigned keys(const char *pattern)
{
	char command[200], *got;
	unsigned n = 0, i;

	for (i = 0; i < 2; i++) {
		snprintf(command, sizeof(command), "EVAL \"redis.call('SELECT',"
		    "'%u') return #redis.call('KEYS','%s')\" 0", i, pattern);
		got = redis_cli(world, command);
		n += (unsigned)atoi(got + (*got == ':'));
		free(got);
	}
	return n;
}

static void cli(const char *command)
{
	char *got = redis_cli(world, command);

	ck_assert_msg(*got != '-', "%s: %s", command, got);
	free(got);
}

/* ---- one write ---- */

START_TEST(parts_that_come_in_any_order_to_anybody_are_one_write)
{
	char id[33];

	start(id);
	put(other, id, 2, "3\n4\n");
	records("");
	put(api, id, 3, "");
	put(api, id, 1, "1\n2\n");
	ask(other, "POST", commit_of(id), "parts=3", nothing, 200,
	    "\"records\":4");
	records("1\n2\n3\n4\n");
	ck_assert_uint_eq(keys("*r:0000*"), 0);
}
END_TEST

START_TEST(what_is_said_twice_is_answered_twice_and_done_once)
{
	char id[33];

	start(id);
	put(api, id, 1, "1\n2\n");
	put(other, id, 1, "1\n2\n");
	ask(api, "PUT", part_of(id, 1), "", span("1\n3\n"), 409, "other bytes");
	ask(api, "POST", commit_of(id), "parts=1", nothing, 200,
	    "\"repeated\":false");
	ask(other, "POST", commit_of(id), "parts=1", nothing, 200,
	    "\"repeated\":true");
	put(other, id, 1, "1\n2\n");
	ask(api, "PUT", part_of(id, 1), "", span("1\n"), 409, "other bytes");
	ask(api, "PUT", part_of(id, 2), "", span("1\n"), 409, "committed");
	records("1\n2\n");
	ask(api, "DELETE", write_of(id), "", nothing, 200, "dropped");
	ask(api, "DELETE", write_of(id), "", nothing, 404, "begin again");
	records("1\n2\n");
}
END_TEST

static void *commit_it(void *id)
{
	int i;

	for (i = 0; i < 3; i++)
		ask(other, "POST", commit_of(id), "parts=9", nothing, 200,
		    "\"records\":9");
	return NULL;
}

START_TEST(commits_at_once_are_one)
{
	static char id[33];
	pthread_t t;
	unsigned i;

	start(id);
	for (i = 1; i <= 9; i++)
		put(api, id, i, "1\n");
	ck_assert_int_eq(pthread_create(&t, NULL, commit_it, id), 0);
	commit_it(id);
	pthread_join(t, NULL);
	records("1\n1\n1\n1\n1\n1\n1\n1\n1\n");
}
END_TEST

START_TEST(one_that_is_dropped_leaves_nothing)
{
	char id[33];
	unsigned i;

	start(id);
	for (i = 1; i <= 5; i++)
		put(api, id, i, "1\n");
	ck_assert_uint_eq(keys("*r:0000*"), 5);
	ask(other, "DELETE", write_of(id), "", nothing, 200, id);
	ck_assert_uint_eq(keys("*0000*"), 0);
	ask(api, "PUT", part_of(id, 6), "", span("1\n"), 404, "begin again");
	ask(api, "POST", commit_of(id), "parts=5", nothing, 404, "begin again");
	records("");
}
END_TEST

START_TEST(one_of_more_parts_than_a_reply_has_elements_is_dropped)
{
	char id[33], command[300];

	start(id);
	snprintf(command, sizeof(command), "EVAL \"for i=1,9000 do redis.call('HSET',"
	    "'snek:meta:items:%s','p'..i,'1 1 0 '..i) end\" 0", id);
	cli(command);
	ask(other, "DELETE", write_of(id), "", nothing, 200, id);
	ck_assert_uint_eq(keys("*0000*"), 0);
}
END_TEST

START_TEST(a_write_is_no_job)
{
	char id[33], path[64];

	start(id);
	ask(api, "GET", "/v1/jobs", "", nothing, 200, "\"jobs\":[]");
	snprintf(path, sizeof(path), "/v1/jobs/%s", id);
	ask(api, "GET", path, "", nothing, 404, "no job");
	ask(api, "DELETE", path, "", nothing, 404, "no job");
	ask(api, "PUT", part_of(id, 1), "", span("1\n"), 200, "part");
}
END_TEST

/* ---- what is wrong ---- */

#define NONE "00000000000000000000000000000000"
#define LONG64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct wrong {
	const char *method, *path, *query;
	int status;
	const char *says;
} wrongs[] = {
	{ "POST", "/v1/categories/a%2Fb/writes", "", 400, "category" },
	{ "POST", "/v1/categories/c/writes", "durability=best", 400,
	    "durability" },
	{ "POST", "/v1/categories/c/writes", "format=xml", 400, "format" },
	{ "POST", "/v1/categories/c/writes", "duplicates=x", 400, "duplicates" },
	{ "POST", "/v1/categories/c/writes", "sort=up", 400, "sort" },
	{ "POST", "/v1/categories/c/writes", "request_id=" LONG64 LONG64 LONG64
	    LONG64 LONG64, 400, "request_id" },
	{ "POST", "/v1/categories/c/writes", "request_id=%61%61%61%61" LONG64
	    LONG64 LONG64 "%61%61%61%61%61%61%61%61%61%61%61%61%61%61%61%61", 400,
	    "that long" },
	{ "PUT", "/v1/writes/" NONE "/parts/1", "", 404, "begin again" },
	{ "PUT", "/v1/writes/1" NONE "/parts/1", "", 404, "begin again" },
	{ "PUT", "/v1/writes/0000/parts/1", "", 404, "begin again" },
	{ "PUT", "/v1/writes/00000000*/parts/1", "", 404, "begin again" },
	{ "PUT", "/v1/writes/" NONE "/parts/0", "", 400, "from 1 to 100000" },
	{ "PUT", "/v1/writes/" NONE "/parts/100001", "", 400, "from 1 to" },
	{ "PUT", "/v1/writes/" NONE "/parts/1x", "", 400, "from 1 to" },
	{ "PUT", "/v1/writes/" NONE "/parts/-1", "", 400, "from 1 to" },
	{ "PUT", "/v1/writes/" NONE "/parts/99999999999999999999", "", 400,
	    "from 1 to" },
	{ "POST", "/v1/writes/" NONE "/commit", "parts=1", 404, "begin again" },
	{ "DELETE", "/v1/writes/" NONE, "", 404, "begin again" },
	{ "DELETE", "/v1/writes/ffffffffffffffffffffffffffffffff", "", 404,
	    "begin again" },
};

START_TEST(what_makes_no_sense_is_refused)
{
	const struct wrong *w = wrongs, *end = w + sizeof(wrongs) /
	    sizeof(*wrongs);

	for (; w < end; w++)
		ask(api, w->method, w->path, w->query, span("1\n"), w->status,
		    w->says);
	ck_assert_uint_eq(keys("*job:*"), 0);
}
END_TEST

START_TEST(parts_that_are_missing_or_too_many_are_named)
{
	char id[33], query[24];
	int n;

	start(id);
	ask(api, "POST", commit_of(id), "parts=1", nothing, 400, "part 1 is");
	put(api, id, 1, "1\n");
	put(api, id, 3, "3\n");
	ask(api, "POST", commit_of(id), "", nothing, 400, "parts=N");
	ask(api, "POST", commit_of(id), "parts=0", nothing, 400, "parts=N");
	ask(api, "POST", commit_of(id), "parts=x", nothing, 400, "parts");
	ask(api, "POST", commit_of(id), "parts=100001", nothing, 400,
	    "1 to 100000");
	ask(api, "POST", commit_of(id), "parts=3", nothing, 400, "part 2 is");
	put(api, id, 2, "2\n");
	ask(api, "POST", commit_of(id), "parts=2", nothing, 400,
	    "more than 2 parts");
	ask(api, "POST", commit_of(id), "parts=4", nothing, 400, "part 4 is");
	records("");
	ask(api, "POST", commit_of(id), "parts=3", nothing, 200, "receipt");
	records("1\n2\n3\n");
	for (n = 2; n <= 4; n += 2) {
		snprintf(query, sizeof(query), "parts=%d", n);
		ask(api, "POST", commit_of(id), query, nothing, 409,
		    "not of");
	}
	ask(api, "POST", commit_of(id), "parts=3", nothing, 200, "receipt");
}
END_TEST

START_TEST(a_part_that_is_no_records_is_named_and_nothing_is_written)
{
	char id[33];

	start(id);
	put(api, id, 1, "1\n");
	put(api, id, 2, "2\n{\"a\":\n");
	ask(api, "POST", commit_of(id), "parts=2", nothing, 400, "part 2");
	records("");
	ask(api, "DELETE", write_of(id), "", nothing, 200, id);
}
END_TEST

START_TEST(a_part_has_a_most)
{
	enum { MOST = 16 << 20 };
	char id[33], *body = malloc(MOST + 1);

	memset(body, '1', MOST + 1);
	start(id);
	ask(api, "POST", "/v1/categories/c/writes", "", nothing, 201,
	    "\"most_bytes\":16777216");
	ask(api, "PUT", part_of(id, 1), "", (struct sk_span){ body, MOST + 1 },
	    413, "16777217 bytes; it has 16777216 at most");
	memset(body, '\n', MOST);
	ask(api, "PUT", part_of(id, 1), "", (struct sk_span){ body, MOST }, 200,
	    "\"bytes\":16777216");
	put(api, id, 2, "1\n");
	ask(api, "POST", commit_of(id), "parts=2", nothing, 200, "\"records\":1");
	free(body);
}
END_TEST

/* ---- what was tampered with ---- */

static const struct damage {
	const char *key, *set;          /* NULL: it is removed */
	int status;
	const char *says;
} damages[] = {
	{ "items", "p1 x", 500, "the record of part 1 is damaged" },
	{ "items", "p1 \"4 0 9 1\"", 500, "part 1 is damaged" },
	{ "items", "p1 \"ffffffffffff 0 1 1\"", 500, "part 1 is damaged" },
	{ "items", "p1 \"-1 0 1 1\"", 500, "part 1 is damaged" },
	{ "items", "p1 \"4 0 1 1\"", 404, "was forgotten" },
	{ "job", "description c", 500, "damaged" },
	{ "job", "description \"\\n\"", 400, "category" },
	{ "job", "description \"" LONG64 LONG64 LONG64 "\\n\"", 500, "damaged" },
	{ "job", "description \"c\\n" LONG64 LONG64 LONG64 LONG64 "\"", 500,
	    "damaged" },
	{ "job", "token x", 500, "" },
	{ "job", NULL, 404, "begin again" },
};

static void damage(const struct damage *d)
{
	char id[33], command[500];

	start(id);
	put(api, id, 1, "1\n2\n");
	snprintf(command, sizeof(command), "%s snek:meta:%s:%s %s", d->set ?
	    "HSET" : "DEL", d->key, id, d->set ? d->set : "");
	cli(command);
	ask(api, "POST", commit_of(id), "parts=1", nothing, d->status, d->says);
}

START_TEST(a_record_that_was_tampered_with_is_told)
{
	size_t i;

	for (i = 0; i < sizeof(damages) / sizeof(*damages); i++)
		damage(&damages[i]);
	records("");
}
END_TEST

static void spoil(const char *script)
{
	char command[400];

	snprintf(command, sizeof(command), "EVAL \"redis.call('SELECT','1') "
	    "local k=redis.call('KEYS','*r:0000*')[1] %s\" 0", script);
	cli(command);
}

START_TEST(bytes_that_were_tampered_with_are_told)
{
	char id[33];

	start(id);
	put(api, id, 1, "1\n2\n");
	spoil("redis.call('SETRANGE',k,5,'7')");
	ask(api, "POST", commit_of(id), "parts=1", nothing, 500, "");
	spoil("redis.call('DEL',k)");
	ask(api, "POST", commit_of(id), "parts=1", nothing, 404,
	    "part 1 was forgotten");
	records("");
}
END_TEST

/* ---- lost, and killed ---- */

/* A part through a wire that breaks after so many bytes, and once more. */
static void put_lost(struct proxy *wire, const char *where, const char *id,
    unsigned n, int64_t bytes)
{
	struct proxy_fault fault = { PROXY_FAULT, .times = 1 };
	struct snek_error e = { 0 };
	struct sk_api *a = NULL;
	char *text;

	fault.cut_down = bytes;
	proxy_set(wire, &fault);
	if (!open_api(where, &a, &e)) {
		answer(a, "PUT", part_of(id, n), "", span("1\n2\n"), &text);
		free(text);
		sk_api_close(a);
	}
	proxy_set(wire, NULL);
	put(api, id, n, "1\n2\n");
}

START_TEST(a_part_whose_reply_is_lost_is_there_once)
{
	enum { PARTS = 40 };
	struct proxy *wire = proxy_start(0, redis_port(world), NULL);
	char id[33], where[64], query[32], count[32];
	unsigned i;

	ck_assert_ptr_nonnull(wire);
	snprintf(where, sizeof(where), "redis://127.0.0.1:%d/0",
	    proxy_port(wire));
	start(id);
	for (i = 1; i <= PARTS; i++)
		put_lost(wire, where, id, i, 50 * (int64_t)i);
	proxy_stop(wire);
	snprintf(query, sizeof(query), "parts=%d", PARTS);
	snprintf(count, sizeof(count), "\"records\":%d", 2 * PARTS);
	ask(api, "POST", commit_of(id), query, nothing, 200, count);
}
END_TEST

static void commit_and_die(const char *id, useconds_t us)
{
	struct snek_error e = { 0 };
	struct sk_api *a;
	pid_t pid = fork();
	char *text;

	ck_assert_int_ge(pid, 0);
	if (!pid) {
		if (!open_api(url[0], &a, &e))
			answer(a, "POST", commit_of(id), "parts=6", nothing,
			    &text);
		_exit(0);
	}
	usleep(us);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

/* Whenever that is: what is left is committed by the next. */
START_TEST(one_who_is_killed_in_a_commit_leaves_it_to_the_next)
{
	char id[33], want[32];
	unsigned round, i;

	for (round = 0; round < 12; round++) {
		start(id);
		for (i = 1; i <= 6; i++)
			put(api, id, i, "1\n");
		commit_and_die(id, round * 1500);
		ask(other, "POST", commit_of(id), "parts=6", nothing, 200,
		    "\"records\":6");
		snprintf(want, sizeof(want), "\"records\":%u", 6 * (round + 1));
		ask(api, "GET", "/v1/categories/c", "", nothing, 200, want);
	}
}
END_TEST

static void tests(TCase *t)
{
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 300);
	tcase_add_test(t, parts_that_come_in_any_order_to_anybody_are_one_write);
	tcase_add_test(t, what_is_said_twice_is_answered_twice_and_done_once);
	tcase_add_test(t, commits_at_once_are_one);
	tcase_add_test(t, one_that_is_dropped_leaves_nothing);
	tcase_add_test(t, one_of_more_parts_than_a_reply_has_elements_is_dropped);
	tcase_add_test(t, a_write_is_no_job);
	tcase_add_test(t, what_makes_no_sense_is_refused);
	tcase_add_test(t, parts_that_are_missing_or_too_many_are_named);
	tcase_add_test(t,
	    a_part_that_is_no_records_is_named_and_nothing_is_written);
	tcase_add_test(t, a_part_has_a_most);
	tcase_add_test(t, a_record_that_was_tampered_with_is_told);
	tcase_add_test(t, bytes_that_were_tampered_with_are_told);
	tcase_add_test(t, a_part_whose_reply_is_lost_is_there_once);
	tcase_add_test(t,
	    one_who_is_killed_in_a_commit_leaves_it_to_the_next);
}

int main(void)
{
	return redis_have() ? check_main("kept_write", tests) :
	    redis_skip("test_kept_write");
}
