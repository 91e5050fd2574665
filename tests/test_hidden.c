/* SPDX-License-Identifier: MIT */
/* Shards that map nothing: every command says the same over them as over the
 * same shards mapped, and what cannot be fetched is said. */
#include <pthread.h>
#include <time.h>

#include "api_tool.h"
#include "category/compact.h"
#include "category/snapshot.h"
#include "check_main.h"
#include "handle.h"
#include "hidden.h"

/* Sanitizers have memory that may not be touched. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LOOKS false
#else
#define LOOKS true
#endif
#define RECORDS 2000
#define WORKER "tests/hidden-worker"

static const char *const executors[] = { "threads", "processes" };
static char dir[64];
static snek_cluster *mapped, *hidden;
static struct sk_catalog *cat;

/* Several chunks on every shard, of all kinds of columns. */
static void write_some(const char *category, int from, int n)
{
	size_t size = (size_t)n * 800 + 1, at = 0;
	char *text = malloc(size);
	int i;

	for (i = from; i < from + n; i++) {
		at += (size_t)snprintf(text + at, size - at, "{\"n\":%d,\"k\":"
		    "\"k%d\",\"v\":%d.5,\"mixed\":%s,\"o\":{\"x\":%d,\"y\":[%d]}",
		    i, i % 13, i % 101, i % 3 ? "\"s\"" : "7", i % 7, i);
		if (i % 5 == 0)
			at += (size_t)snprintf(text + at, size - at,
			    ",\"a.b\":%d", i);
		at += (size_t)snprintf(text + at, size - at,
		    ",\"pad\":\"%0600d\"}\n", i);
	}
	api_write(hidden, category, text);
	free(text);
}

static void set_up(void)
{
	struct snek_error e = { 0 };

	setenv("SNEK_WORKER", WORKER, 1);
	setenv("SNEK_PLUGIN_PATH", "plugins/.libs", 1);
	mapped = api_cluster(dir);
	ck_assert_msg(!snek_cluster_open(dir, &hidden, &e), "%s", e.text);
	cat = hidden->cat;
	hidden_all(cat);
	write_some("c", 0, RECORDS);
	write_some("c", RECORDS, RECORDS);
	api_write(hidden, "c", "{\"n\":-1,\"k\":\"inline\"}\n[1,{\"n\":5}]\n");
	free(hidden_asked(cat));
}

static void tear_down(void)
{
	snek_cluster_close(hidden);
	api_drop(dir, mapped);
}

/* ---- the same ---- */

static const char *const ways[] = { "", "reverse", "slow 3" };

START_TEST(records_are_read_back_the_same)
{
	hidden_fault(cat, ways[_i]);
	api_same(api_exported(mapped), api_exported(hidden));
	ck_assert_uint_gt(hidden_prefetched(cat), 0);
}
END_TEST

START_TEST(a_survey_says_the_same)
{
	hidden_fault(cat, ways[_i]);
	api_same(api_described(mapped, UINT64_MAX),
	    api_described(hidden, UINT64_MAX));
	api_same(api_described(mapped, 1000), api_described(hidden, 1000));
}
END_TEST

static const struct query {
	const char *function, *args, *reduce, *asked;
} queries[] = {
	{ "group", "{\"by\":\"k\",\"sum\":\"v\"}", NULL, "k v" },
	{ "group", "{\"by\":\"mixed\",\"mean\":\"o.x\"}", NULL, "mixed o" },
	{ "group", "{\"by\":\"a\\\\.b\"}", NULL, "a.b" },
	{ "wordcount", "{\"field\":\"k\"}", NULL, "k" },
	{ "select", "{\"fields\":\"o.y[0],n\"}", NULL, "o n" },
	{ "grep", "{\"field\":\"k\",\"match\":\"k1\"}", NULL, "*" },
	{ "tests/plugins/.libs/fate.so", NULL, "count", "n" },
	{ "tests/plugins/.libs/echo.so:echo", "{\"key\":\"k\"}", NULL, "*" },
};

static snek_job *job_of(snek_cluster *c, const struct query *q, int executor)
{
	snek_job *j = api_job(c, "c", q->function, q->args);
	struct snek_error e = { 0 };

	if (q->reduce)
		ck_assert_int_eq(snek_job_reduce(j, q->reduce, &e), 0);
	api_set(j, "executor", executors[executor]);
	api_set(j, "workers", "3");
	return j;
}

static char *answer(snek_cluster *c, const struct query *q, int executor)
{
	snek_job *j = job_of(c, q, executor);
	struct snek_error e = { 0 };
	char *text;

	ck_assert_msg(api_run(j, &e) == 1, "%s: %s", q->function, e.text);
	text = api_text(j);
	snek_job_free(j);
	return text;
}

START_TEST(a_query_says_the_same)
{
	size_t i;

	hidden_fault(cat, ways[_i / 2]);
	for (i = 0; i < sizeof(queries) / sizeof(*queries); i++)
		api_same(answer(mapped, &queries[i], 0),
		    answer(hidden, &queries[i], _i % 2));
}
END_TEST

START_TEST(a_folded_category_says_the_same)
{
	struct snek_error e = { 0 };
	char *before = api_exported(mapped);
	struct sk_snapshot *old;
	size_t i;

	ck_assert_int_eq(sk_snapshot_open(cat, "c", &old, &e), 0);
	hidden_fault(cat, "reverse");
	ck_assert_msg(!sk_compact(cat, "c", true, &e), "%s",
	    e.text);
	api_same(before, api_exported(hidden));
	for (i = 0; i < sizeof(queries) / sizeof(*queries); i++)
		api_same(answer(mapped, &queries[i], _i),
		    answer(hidden, &queries[i], _i));
	/* What was replaced is there for those who read it. */
	ck_assert_int_ne(sk_snapshot_gone(cat, old, &old->chunk[0], &e), 0);
	for (i = 0; i < old->n; i++) {
		struct sk_shard *s = cat->shard[old->chunk[i].shard];
		struct sk_segment *g;

		if (old->chunk[i].bytes.p)
			continue;
		ck_assert_int_eq(s->ops->open(s, old->chunk[i].write, &g, &e), 0);
		s->ops->close(g);
	}
	sk_snapshot_close(old);
}
END_TEST

/* ---- what is asked for ---- */

START_TEST(only_the_columns_that_are_read_are_asked_for)
{
	const struct query *q = &queries[_i / 2];
	char *text, *line, *at, want[64];
	unsigned n = 0;

	free(answer(hidden, q, _i % 2));
	text = hidden_asked(cat);
	for (line = strtok_r(text, "\n", &at); line;
	    line = strtok_r(NULL, "\n", &at), n++) {
		snprintf(want, sizeof(want), " %s", q->asked);
		ck_assert_msg(strchr(line, ' ') && !strcmp(strchr(line, ' '),
		    want), "%s: asked for '%s'", q->function, line);
	}
	ck_assert_uint_ge(n, 8);
	free(text);
}
END_TEST

/* ---- what cannot be had ---- */

static const struct failure {
	const char *fault;
	int code;
	const char *words[3];
} failures[] = {
	{ "gone 1", SNEK_ECORRUPT, { "chunk 1", "data loss", "version" } },
	{ "damage 1", SNEK_ECORRUPT, { "chunk 1", "damaged chunk", "segment" } },
	{ "short 1", SNEK_ECORRUPT, { "chunk 1", "damaged chunk", "bytes" } },
	{ "denied", SNEK_EACCES, { "shard ", "the server says no", "chunk" } },
};

START_TEST(a_job_that_cannot_read_says_which_chunk_and_why)
{
	const struct failure *f = &failures[_i / 2];

	hidden_fault(cat, f->fault);
	API_FAILS(job_of(hidden, &queries[0], _i % 2), f->code, f->words[0],
	    f->words[1], f->words[2]);
	hidden_fault(cat, NULL);
	free(answer(hidden, &queries[0], _i % 2));
}
END_TEST

static int no_path(void *arg, const struct snek_path_info *p)
{
	(void)arg;
	(void)p;
	return 0;
}

START_TEST(a_reader_that_cannot_read_says_which_chunk_and_why)
{
	const struct failure *f = &failures[_i];
	struct snek_error e = { 0 };
	struct snek_value v;
	snek_reader *r = NULL;
	int rc;

	hidden_fault(cat, f->fault);
	rc = snek_reader_open(hidden, "c", &r, &e);
	while (rc >= 0 && (rc = snek_reader_next(r, &v, &e)) == 1)
		;
	snek_reader_close(r);
	ck_assert_int_eq(rc, f->code);
	ck_assert_msg(strstr(e.text, f->words[0]) && strstr(e.text,
	    f->words[1]), "%s", e.text);
	ck_assert_int_eq(snek_category_describe(hidden, "c", NULL, no_path,
	    NULL, NULL, &e), f->code);
	ck_assert_int_eq(sk_compact(cat, "c", true, &e), f->code);
}
END_TEST

static void once_file(char *to, const char *word)
{
	snprintf(to, 128, "%s %.60s/once", word, dir);
}

START_TEST(what_fails_for_a_moment_is_tried_again)
{
	static const char *const words[] = { "again", "again", "die" };
	static const int executor[] = { 0, 1, 1 };
	struct snek_job_stat s = { .size = sizeof(s) };
	snek_job *j = job_of(hidden, &queries[0], executor[_i]);
	struct snek_error e = { 0 };
	char fault[128], *want = answer(mapped, &queries[0], 0);

	once_file(fault, words[_i]);
	hidden_fault(cat, fault);
	ck_assert_msg(api_run(j, &e) == 1, "%s", e.text);
	ck_assert_int_eq(snek_job_stat(j, &s), 0);
	ck_assert_uint_ge(s.retries, 1);
	api_same(want, api_text(j));
	snek_job_free(j);
}
END_TEST

/* Another manifest is there, and the chunk is not: no loss. */
START_TEST(what_was_replaced_and_removed_is_no_loss)
{
	struct snek_error e = { 0 };
	struct sk_snapshot *s;
	size_t i = 0;

	ck_assert_int_eq(sk_snapshot_open(cat, "c", &s, &e), 0);
	while (s->chunk[i].bytes.p)
		i++;
	ck_assert_int_eq(sk_snapshot_gone(cat, s, &s->chunk[i], &e),
	    SNEK_ECORRUPT);
	ck_assert_msg(strstr(e.text, "data loss"), "%s", e.text);
	ck_assert_int_eq(sk_compact(cat, "c", true, &e), 0);
	ck_assert_int_eq(sk_snapshot_gone(cat, s, &s->chunk[i], &e),
	    SNEK_EAGAIN);
	ck_assert_msg(strstr(e.text, "compacted while"), "%s", e.text);
	ck_assert_int_eq(snek_category_remove(hidden, "c", &e), 0);
	ck_assert_int_eq(sk_snapshot_gone(cat, s, &s->chunk[i], &e),
	    SNEK_ENOENT);
	ck_assert_msg(strstr(e.text, "removed while"), "%s", e.text);
	sk_snapshot_close(s);
}
END_TEST

/* ---- the end before the end ---- */

START_TEST(a_job_ends_in_time_while_nothing_comes)
{
	snek_job *j = job_of(hidden, &queries[0], _i);

	hidden_fault(cat, "stuck");
	api_set(j, "timeout", "0.2");
	API_FAILS(j, SNEK_ETIMEDOUT, "timed out after 0.2 s");
}
END_TEST

static void *cancel_soon(void *job)
{
	const struct timespec t = { 0, 100000000 };

	nanosleep(&t, NULL);
	snek_job_cancel(job);
	return NULL;
}

START_TEST(a_job_is_cancelled_while_nothing_comes)
{
	snek_job *j = job_of(hidden, &queries[0], _i);
	struct snek_error e = { 0 };
	pthread_t t;

	hidden_fault(cat, "stuck");
	ck_assert_int_eq(pthread_create(&t, NULL, cancel_soon, j), 0);
	ck_assert_int_eq(api_run(j, &e), SNEK_ECANCELED);
	pthread_join(t, NULL);
	snek_job_free(j);
}
END_TEST

/* ---- bad records ---- */

static snek_job *fateful(const char *how, const char *at, int executor)
{
	snek_job *j = api_job(hidden, "c", "tests/plugins/.libs/fate.so", NULL);

	ck_assert_int_eq(snek_job_arg(j, "how", how, NULL), 0);
	ck_assert_int_eq(snek_job_arg(j, "at", at, NULL), 0);
	api_set(j, "executor", executors[executor]);
	api_set(j, "workers", "2");
	api_set(j, "tmp", dir);
	return j;
}

START_TEST(a_bad_record_is_put_aside_whole)
{
	static const char *const how[] = { "fail", "fail", "segv" };
	snek_job *j = fateful(how[_i], "2321", _i > 0);
	struct snek_error e = { 0 };
	char bad[128], line[2048] = "";
	FILE *f;

	snprintf(bad, sizeof(bad), "%s/bad", dir);
	api_set(j, "skip-bad", "1");
	api_set(j, "bad", bad);
	ck_assert_msg(api_run(j, &e) == 1, "%s", e.text);
	snek_job_free(j);
	f = fopen(bad, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
	fclose(f);
	ck_assert_msg(!strncmp(line, "{\"n\":2321,\"k\":\"k7\",\"v\":", 23) &&
	    strstr(line, "\"o\":{\"x\":4,\"y\":[2321]}") &&
	    strstr(line, "0002321\"}\n"), "%s", line);
}
END_TEST

START_TEST(a_crash_is_reported_with_its_record)
{
	struct snek_error e = { 0 };

	if (_i)
		ck_assert_int_eq(sk_compact(cat, "c", true, &e), 0);
	API_FAILS(fateful("segv", "2321", 1), SNEK_EPLUGIN, "shard ", "segment",
	    "record 322", "the record is in");
}
END_TEST

/* ---- who holds what ---- */

START_TEST(a_process_with_a_plugin_has_no_socket_but_its_own)
{
	static const struct query q = { "tests/plugins/.libs/look.so:sockets",
		NULL, NULL, NULL };
	char *text = answer(hidden, &q, 1);

	ck_assert_str_eq(text, "3\n4\n");
	free(text);
}
END_TEST

START_TEST(a_process_with_a_plugin_knows_no_password)
{
	static const struct query q = { "tests/plugins/.libs/look.so:secrets",
		NULL, NULL, NULL };
	snek_job *j = job_of(hidden, &q, 1);
	char *known = strdup(cat->address[0].password), *text;

	api_set(j, "trust", "yes");
	api_gives(j, "0\n");
	text = answer(hidden, &q, 0);   /* here it is seen */
	ck_assert_int_gt(atoi(text), 0);
	ck_assert_str_eq(known, cat->address[0].password);
	free(known);
	free(text);
}
END_TEST

static void tests(TCase *t)
{
	const int n = sizeof(queries) / sizeof(*queries);

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, records_are_read_back_the_same, 0, 3);
	tcase_add_loop_test(t, a_survey_says_the_same, 0, 3);
	tcase_add_loop_test(t, a_query_says_the_same, 0, 6);
	tcase_add_loop_test(t, a_folded_category_says_the_same, 0, 2);
	tcase_add_loop_test(t, only_the_columns_that_are_read_are_asked_for, 0,
	    2 * n);
	tcase_add_loop_test(t, a_job_that_cannot_read_says_which_chunk_and_why,
	    0, 8);
	tcase_add_loop_test(t,
	    a_reader_that_cannot_read_says_which_chunk_and_why, 0, 4);
	tcase_add_loop_test(t, what_fails_for_a_moment_is_tried_again, 0, 3);
	tcase_add_test(t, what_was_replaced_and_removed_is_no_loss);
	tcase_add_loop_test(t, a_job_ends_in_time_while_nothing_comes, 0, 2);
	tcase_add_loop_test(t, a_job_is_cancelled_while_nothing_comes, 0, 2);
	tcase_add_loop_test(t, a_bad_record_is_put_aside_whole, 0, 3);
	tcase_add_loop_test(t, a_crash_is_reported_with_its_record, 0, 2);
	tcase_add_test(t, a_process_with_a_plugin_has_no_socket_but_its_own);
	if (LOOKS)
		tcase_add_test(t, a_process_with_a_plugin_knows_no_password);
}

int main(void)
{
	return check_main("hidden", tests);
}
