/* SPDX-License-Identifier: MIT */
/* Jobs over shards on a real server: the same bytes as over a directory. */
#include <signal.h>

#include "api_tool.h"
#include "category/compact.h"
#include "category/snapshot.h"
#include "check_main.h"
#include "handle.h"
#include "redis.h"

#define RECORDS 3000

static const char *const executors[] = { "threads", "processes" };
static char dir[2][64];
static snek_cluster *plain, *remote;
static struct sk_catalog *cat;
static struct redis_world *world;
static sk_redis_loop *loop;

/* A cluster whose shards rest on the server instead. */
static void move_shards(void)
{
	struct snek_error e = { 0 };
	struct sk_address *address = calloc(4, sizeof(*address));
	sk_redis *r;
	uint32_t i;

	ck_assert_int_eq(sk_redis_loop_new(&loop, &e), 0);
	ck_assert_uint_eq(cat->cluster.shards, 4);
	for (i = 0; i < 4; i++) {
		address[i].url = strdup(redis_url(world));
		address[i].stamp.shard = i;
		address[i].stamp.format = 1;
		memcpy(address[i].stamp.cluster, cat->cluster.uuid, 16);
		r = redis_client(world, loop);
		ck_assert_msg(!sk_redis_shard_create(r, &address[i].stamp, &e),
		    "%s", e.text);
		cat->shard[i]->ops->shut(cat->shard[i]);
		ck_assert_msg(!sk_redis_shard_open(r, &address[i].stamp,
		    &cat->shard[i], &e), "%s", e.text);
	}
	cat->address = address;         /* its to free, and their texts */
}

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
	api_write(plain, category, text);
	api_write(remote, category, text);
	free(text);
}

static void set_up(void)
{
	struct redis_options o = { .unix_socket = true };

	setenv("SNEK_PLUGIN_PATH", "plugins/.libs", 1);
	world = redis_start(&o);
	plain = api_cluster(dir[0]);
	remote = api_cluster(dir[1]);
	cat = remote->cat;
	move_shards();
	write_some("c", 0, RECORDS);
	write_some("c", RECORDS, RECORDS);
	api_write(plain, "c", "{\"n\":-1,\"k\":\"inline\"}\n[1,{\"n\":5}]\n");
	api_write(remote, "c", "{\"n\":-1,\"k\":\"inline\"}\n[1,{\"n\":5}]\n");
}

static void tear_down(void)
{
	api_drop(dir[1], remote);
	sk_redis_loop_free(loop);
	api_drop(dir[0], plain);
	redis_stop(world);
}

/* ---- the same ---- */

static const struct query {
	const char *function, *args, *reduce;
} queries[] = {
	{ "group", "{\"by\":\"k\",\"sum\":\"v\"}", NULL },
	{ "group", "{\"by\":\"mixed\",\"mean\":\"o.x\"}", NULL },
	{ "group", "{\"by\":\"a\\\\.b\"}", NULL },
	{ "group", "{\"by\":\"nobody_has_it\",\"sum\":\"n\"}", NULL },
	{ "wordcount", "{\"field\":\"k\"}", NULL },
	{ "select", "{\"fields\":\"o.y[0],n\"}", NULL },
	{ "grep", "{\"field\":\"k\",\"match\":\"k1\"}", NULL },
	{ "tests/plugins/.libs/fate.so", NULL, "count" },
	{ "tests/plugins/.libs/echo.so:echo", "{\"key\":\"k\"}", NULL },
	{ "tests/plugins/.libs/echo.so:echo", "{\"key\":\"[1].n\"}", NULL },
};
#define QUERIES ((int)(sizeof(queries) / sizeof(*queries)))

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

static void all_queries(int executor)
{
	int i;

	for (i = 0; i < QUERIES; i++)
		api_same(answer(plain, &queries[i], 0),
		    answer(remote, &queries[i], executor));
}

START_TEST(every_way_to_read_says_the_same)
{
	struct snek_error e = { 0 };

	api_same(api_exported(plain), api_exported(remote));
	api_same(api_described(plain, 0), api_described(remote, 0));
	all_queries(_i);
	ck_assert_msg(!sk_compact(cat, "c", true, &e), "%s", e.text);
	ck_assert_msg(!sk_compact(plain->cat, "c", true, &e), "%s", e.text);
	api_same(api_exported(plain), api_exported(remote));
	api_same(api_described(plain, 0), api_described(remote, 0));
	all_queries(_i);
}
END_TEST

/* ---- what is replaced ---- */

static int count(void *n, struct sk_write_id id, uint64_t bytes, int64_t age,
    bool alive)
{
	(void)id;
	(void)bytes;
	(void)age;
	(void)alive;
	++*(int *)n;
	return 0;
}

static int segments(void)
{
	struct snek_error e = { 0 };
	uint32_t i;
	int n = 0;

	for (i = 0; i < 4; i++)
		ck_assert_int_eq(cat->shard[i]->ops->list(cat->shard[i], count,
		    &n, &e), 0);
	return n;
}

START_TEST(what_was_folded_stays_for_its_readers_and_goes_with_gc)
{
	struct sk_gc_report r = { 0 };
	struct snek_error e = { 0 };
	struct snek_value v;
	snek_reader *reader;
	int rc, before = segments(), n = 1;

	ck_assert_int_eq(snek_reader_open(remote, "c", &reader, &e), 0);
	ck_assert_int_eq(snek_reader_next(reader, &v, &e), 1);
	ck_assert_msg(!sk_compact(cat, "c", true, &e), "%s", e.text);
	ck_assert_int_gt(segments(), before);
	ck_assert_int_eq(sk_gc(cat, 3600, &r, &e), 0);
	ck_assert_uint_eq(r.segments, 0);
	while ((rc = snek_reader_next(reader, &v, &e)) == 1)
		n++;
	ck_assert_msg(!rc, "%s", e.text);
	ck_assert_int_eq(n, 2 * RECORDS + 2);
	snek_reader_close(reader);
	ck_assert_int_eq(sk_gc(cat, 0, &r, &e), 0);
	ck_assert_uint_gt(r.segments, 0);
	ck_assert_int_lt(segments(), before);
	free(api_exported(remote));
}
END_TEST

START_TEST(what_gc_took_too_soon_is_no_loss)
{
	struct snek_error e = { 0 };
	struct snek_value v;
	snek_reader *reader;
	int rc;

	write_some("c", 2 * RECORDS, 4 * RECORDS);
	ck_assert_int_eq(snek_reader_open(remote, "c", &reader, &e), 0);
	ck_assert_int_eq(snek_reader_next(reader, &v, &e), 1);
	ck_assert_msg(!sk_compact(cat, "c", true, &e), "%s", e.text);
	ck_assert_int_eq(sk_gc(cat, 0, NULL, &e), 0);
	while ((rc = snek_reader_next(reader, &v, &e)) == 1)
		;
	snek_reader_close(reader);
	/* more than is fetched ahead */
	ck_assert_msg(rc == SNEK_EAGAIN && strstr(e.text, "compacted while"),
	    "%d %s", rc, e.text);
}
END_TEST

/* ---- what cannot be had ---- */

static void drop_a_chunk(void)
{
	struct snek_error e = { 0 };
	struct sk_snapshot *s;
	char hex[33], command[128];
	size_t i = 0;

	ck_assert_int_eq(sk_snapshot_open(cat, "c", &s, &e), 0);
	while (s->chunk[i].bytes.p)
		i++;
	sk_write_id_hex(s->chunk[i].write, hex);
	snprintf(command, sizeof(command), "DEL snek:%u:c:%s:%u",
	    s->chunk[i].shard, hex, s->chunk[i].number);
	sk_snapshot_close(s);
	free(redis_cli(world, command));
}

START_TEST(a_chunk_that_is_lost_is_named)
{
	drop_a_chunk();
	API_FAILS(job_of(remote, &queries[0], _i), SNEK_ECORRUPT, "shard ",
	    "segment ", "chunk ", "data loss");
}
END_TEST

START_TEST(a_server_that_stands_still_ends_no_job_late)
{
	snek_job *j = job_of(remote, &queries[0], _i);
	struct snek_error e = { 0 };

	api_set(j, "timeout", "0.5");
	ck_assert_int_eq(snek_job_start(j, &e), 0);
	redis_signal(world, SIGSTOP);
	ck_assert_int_ne(snek_job_wait(j, -1, &e), 0);
	snek_job_free(j);
	redis_signal(world, SIGCONT);
	free(answer(remote, &queries[0], _i));
}
END_TEST

START_TEST(no_process_with_a_plugin_has_a_connection)
{
	static const struct query q = { "tests/plugins/.libs/look.so:sockets",
		NULL, NULL };
	char *text = answer(remote, &q, 1);

	ck_assert_str_eq(text, "3\n4\n");
	free(text);
}
END_TEST

static void tests(TCase *t)
{
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, every_way_to_read_says_the_same, 0, 2);
	tcase_add_test(t,
	    what_was_folded_stays_for_its_readers_and_goes_with_gc);
	tcase_add_test(t, what_gc_took_too_soon_is_no_loss);
	tcase_add_loop_test(t, a_chunk_that_is_lost_is_named, 0, 2);
	tcase_add_loop_test(t, a_server_that_stands_still_ends_no_job_late, 0,
	    2);
	tcase_add_test(t, no_process_with_a_plugin_has_a_connection);
}

int main(void)
{
	if (!redis_have())
		return redis_skip("jobs over Redis");
	return check_main("redis_job", tests);
}
