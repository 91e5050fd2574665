/* SPDX-License-Identifier: MIT */
/* The worker as a function, with shards and what is kept on real servers. */
#include "check_main.h"

#include <openssl/opensslv.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "function.h"
#include "redis.h"
#include "store/address.h"
#include "store/kept.h"
#include "task/sandbox_parts.h"
#include "tempdir.h"

#define JOB "0123456789abcdef0123456789abcde0"
#define LONG 900000
/* KiB with TLS in use; later libraries of OpenSSL than Debian 12's take more. */
#define MOST (OPENSSL_VERSION_NUMBER < 0x30200000L ? 9 << 10 : 12 << 10)

static struct redis_world *world;
static char certificates[64];
static sk_redis_loop *loop;
static struct sk_shard *shard;
static struct sk_stamp stamp = { .shard = 3, .format = 1 };
static struct sk_write_id write_id = { { 9, 8, 7 } };
static struct function f;
static struct task_tool t;
static struct sk_exec_job job;
static struct sk_buf event, source;
static uint32_t rows = 2;               /* of a chunk */
static struct snek_error err;

static struct sk_span span(const struct sk_buf *b)
{
	return (struct sk_span){ b->p, b->n };
}

/* ---- a shard with chunks ---- */

static const struct redis_options plain;
static const struct redis_options locked = { .conf = "requirepass secret\n" };
static const struct redis_options tls = { .tls = true };

static struct sk_redis_auth auth;

static void open_shard(void)
{
	loop = redis_loop();
	ck_assert_msg(!sk_redis_shard_create(redis_client_of(redis_url(world),
	    &auth, loop), &stamp, &err), "%s", err.text);
	ck_assert_msg(!sk_redis_shard_open(redis_client_of(redis_url(world),
	    &auth, loop), &stamp, &shard, &err), "%s", err.text);
}

static void start(const struct redis_options *o)
{
	auth = (struct sk_redis_auth){ .password = o->conf ? "secret" : NULL };
	world = redis_start(o);
	if (o->tls) {
		snprintf(certificates, sizeof(certificates), "%.50s/ca.pem",
		    redis_dir(world));
		auth.ca_file = certificates;
	}
	open_shard();
}

static void stop(void)
{
	function_stop(&f);
	task_tool_close(&t);
	shard->ops->shut(shard);
	redis_stop(world);
	sk_buf_free(&event);
	sk_buf_free(&source);
}

/* All of the tool's chunks, which lose their bytes: they are named. */
static void write_chunks(void)
{
	struct sk_segment_writer *w;
	size_t i;

	ck_assert_msg(!shard->ops->begin(shard, write_id, &w, &err), "%s",
	    err.text);
	for (i = 0; i < t.chunks; i++)
		ck_assert_int_eq(shard->ops->put(w, t.chunk[i].bytes,
		    rows, (struct sk_place){ 1, rows * i }, &err), 0);
	ck_assert_msg(!shard->ops->seal(w, &err), "%s", err.text);
	shard->ops->free(w);
}

static void name_chunks(struct sk_task_chunk *c)
{
	size_t i;

	for (i = 0; i < t.chunks; i++) {
		c[i] = t.chunk[i];
		c[i].bytes.p = NULL;
		c[i].ref = (struct sk_chunk_ref){ .shard = 3,
			.number = (uint32_t)i, .rows = rows };
		memcpy(c[i].ref.segment, write_id.b, 16);
	}
}

static void set_source(const char *url, const char *password)
{
	const struct sk_address a = { .stamp = stamp, .url = url,
		.password = password };

	source.n = 0;
	ck_assert(sk_address_put(&source, &a));
	job.source = span(&source);
}

/* ---- invocations ---- */

static const char *const records[] = {
	"{\"id\":0,\"n\":0,\"text\":\"one two two\"}",
	"{\"id\":1,\"n\":1,\"text\":\"three three three\"}",
	"{\"id\":2,\"n\":2,\"text\":\"one\"}",
	"{\"id\":3,\"n\":3,\"text\":\"four two\"}",
};

static void open_tool(const char *plugin, const char *op, const char *args)
{
	ck_assert_msg(task_tool_open(&t, plugin, op, args) >= 0, "%s",
	    t.error.text);
	task_tool_chunks(&t, records, 4, 2);
	function_job(&job, &t, plugin);
	set_source(redis_url(world), NULL);
}

static void ask(const struct sk_attempt *a, const struct sk_event_keep *k,
    int64_t left_ms)
{
	function_event(&f, &job, JOB, a, k, &event);
	function_invoke(&f, span(&event), left_ms);
}

static void ask_map_for(const struct sk_event_keep *k, int64_t left_ms)
{
	struct sk_task_chunk chunk[8];
	const struct sk_attempt a = { .id = 5, .task = 1, .tasks = 2,
		.number = 3, .chunk = chunk, .chunks = t.chunks };

	name_chunks(chunk);
	ask(&a, k, left_ms);
}

static void ask_map(const struct sk_event_keep *k)
{
	ask_map_for(k, LONG);
}

static void start_words(const struct redis_options *o, const char *const *env)
{
	start(o);
	open_tool("plugins/wordcount", NULL, "{\"field\":\"text\"}");
	write_chunks();
	function_start(&f, "plugins/wordcount", env);
}

static void answer_is_right(void)
{
	char here[4096];

	snprintf(here, sizeof(here), "%s", task_tool_run(&t));
	function_outcome(&f, &t, 1);
	ck_assert_str_eq(task_tool_reduce(&t), here);
}

static unsigned connections(void)
{
	char *info = redis_cli(world, "INFO stats");
	char *p = strstr(info, "total_connections_received:");
	unsigned n = (unsigned)strtoul(p + 27, NULL, 10);

	free(info);
	return n;
}

/* ---- chunks ---- */

START_TEST(a_task_reads_its_shard_over_one_connection)
{
	unsigned before, i;

	start_words(&plain, NULL);
	for (i = 0; i < 3; i++) {
		ask_map(NULL);
		answer_is_right();
		if (!i)
			before = connections();
	}
	ck_assert_uint_eq(connections(), before + 1);   /* the one that asks */
}
END_TEST

START_TEST(only_the_columns_that_are_read_are_fetched)
{
	static const struct sk_span column[] = { { "text", 4 } };

	start_words(&plain, NULL);
	job.whole = false;
	job.column = column;
	job.columns = 1;
	free(redis_cli(world, "CONFIG RESETSTAT"));
	ask_map(NULL);
	answer_is_right();
	{
		char *stats = redis_cli(world, "INFO commandstats");

		ck_assert_ptr_nonnull(strstr(stats, "cmdstat_hmget:calls=2"));
		ck_assert_ptr_null(strstr(stats, "cmdstat_hgetall"));
		free(stats);
	}
}
END_TEST

START_TEST(a_password_comes_with_the_event_or_the_environment)
{
	static const char *const env[] = { "SNEK_REDIS_PASSWORD=secret", NULL };
	char *log;

	start_words(&locked, _i ? env : NULL);
	if (!_i)
		set_source(redis_url(world), "secret");
	ask_map(NULL);
	answer_is_right();
	log = function_log(&f);
	ck_assert_ptr_null(strstr(log, "secret"));
	free(log);
}
END_TEST

START_TEST(a_shard_that_lets_nobody_in_is_told_with_its_words)
{
	start_words(&locked, NULL);
	ask_map(NULL);
	ck_assert_int_eq(f.answer.kind, SK_ANSWER_REFUSED);
	ck_assert_int_eq(f.answer.error.code, SNEK_EACCES);
	set_source(redis_url(world), "secret"); /* what was said before is gone */
	ask_map(NULL);
	answer_is_right();
}
END_TEST

START_TEST(a_chunk_that_is_gone_is_told_by_its_number)
{
	start_words(&plain, NULL);
	free(redis_cli(world, "DEL snek:3:c:09080700000000000000000000000000:1"));
	ask_map(NULL);
	ck_assert_msg(f.answer.kind == SK_ANSWER_REFUSED, "%s", f.text.p);
	ck_assert_int_eq(f.answer.error.code, SNEK_ENOENT);
	ck_assert_uint_eq(f.answer.chunk, 1);
}
END_TEST

START_TEST(a_shard_that_was_not_told_is_refused)
{
	start_words(&plain, NULL);
	job.source = (struct sk_span){ NULL, 0 };
	ask_map(NULL);
	ck_assert_int_eq(f.answer.kind, SK_ANSWER_REFUSED);
	stamp.shard = 4;
	set_source(redis_url(world), NULL);
	stamp.shard = 3;
	ask_map(NULL);
	ck_assert_int_eq(f.answer.kind, SK_ANSWER_REFUSED);
	ck_assert_ptr_nonnull(strstr(f.answer.error.text, "shard 3"));
}
END_TEST

START_TEST(a_connection_that_broke_is_made_again)
{
	start_words(&plain, NULL);
	ask_map(NULL);
	answer_is_right();
	free(redis_cli(world, "CLIENT KILL TYPE normal SKIPME yes"));
	ask_map(NULL);
	answer_is_right();
}
END_TEST

START_TEST(a_server_that_is_away_is_told_and_may_come_back)
{
	start_words(&plain, NULL);
	ask_map(NULL);
	answer_is_right();
	redis_signal(world, SIGSTOP);
	ask_map_for(NULL, 1500);
	ck_assert_int_eq(f.answer.kind, SK_ANSWER_REFUSED);
	ck_assert_int_eq(f.answer.error.code, SNEK_ETIMEDOUT);
	redis_signal(world, SIGCONT);
	ask_map(NULL);
	answer_is_right();
}
END_TEST

static long memory_of(pid_t pid)
{
	char path[64], line[256];
	long kib = 0;
	FILE *p;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	p = fopen(path, "r");
	while (p && fgets(line, sizeof(line), p))
		if (!strncmp(line, "VmHWM:", 6))
			kib = strtol(line + 6, NULL, 10);
	if (p)
		fclose(p);
	return kib;
}

START_TEST(tls_comes_with_the_first_shard_that_wants_it)
{
	static char env[2][96];
	const char *const set[] = { env[0], env[1], NULL };

	start(&tls);
	snprintf(env[0], sizeof(env[0]), "SNEK_REDIS_CA_FILE=%s", certificates);
	snprintf(env[1], sizeof(env[1]), "SOME=thing");
	open_tool("plugins/wordcount", NULL, "{\"field\":\"text\"}");
	write_chunks();
	function_start(&f, "plugins/wordcount", set);
	ask_map(NULL);
	answer_is_right();
	ask_map(NULL);
	answer_is_right();
	ck_assert_msg(SK_SANITIZED || memory_of(f.pid) < MOST, "%ld KiB",
	    memory_of(f.pid));
}
END_TEST

/* ---- what is kept ---- */

static void fetch_kept(struct sk_run *r)
{
	sk_keeper *k;
	void *room;

	ck_assert_int_eq(r->fd, SK_RUN_KEPT);
	ck_assert_uint_eq(r->kept.shard, 3);
	ck_assert_uint_eq(r->kept.attempt, 3);
	ck_assert_int_eq(sk_keeper_new(JOB, &k, &err), 0);
	room = sk_run_room(r, r->bytes % 2 ? "/tmp" : NULL, &err);
	ck_assert_int_eq(sk_keeper_get(k, shard, &r->kept, room, r->bytes,
	    &err), 0);
	ck_assert_msg(!sk_keeper_run(k, sk_clock_ms() + 30000, &err), "%s",
	    err.text);
	sk_keeper_free(k);
	sk_run_arrived(r, room);
}

START_TEST(what_no_answer_can_carry_is_kept_on_the_shard)
{
	static char big[2][3000000];
	const char *const two[] = { big[0], big[1] };
	const struct sk_event_keep keep = { 3, 100, false };
	char *here;
	size_t i, kept = 0;

	start(&plain);
	open_tool("tests/plugins/echo", "echo", "{\"key\":\"text\"}");
	for (i = 0; i < 2; i++)
		snprintf(big[i], sizeof(big[i]), "{\"text\":\"%02999900zu\"}", i);
	rows = 1;
	task_tool_chunks(&t, two, 2, rows);
	write_chunks();
	here = strdup(task_tool_run(&t));
	function_start(&f, "tests/plugins/echo", NULL);
	ask_map(&keep);
	ck_assert_uint_lt(f.text.n, 2000000);
	function_outcome(&f, &t, 1);
	for (i = 0; i < t.map.part[0].n; i++)
		if (t.map.part[0].run[i].fd == SK_RUN_KEPT) {
			fetch_kept(&t.map.part[0].run[i]);
			kept++;
		}
	ck_assert_uint_gt(kept, 0);
	ck_assert(!strcmp(task_tool_reduce(&t), here));
	free(here);
}
END_TEST

static const char *const pairs[] = { "[\"a\",\"x\"]", "[\"b\",\"y\"]",
	"[\"a\",\"z\"]", "[\"c\",\"x\"]" };

/* Both stages in functions: nothing but names goes through who asks. */
START_TEST(the_next_stage_finds_what_the_last_one_left)
{
	static char value[700];
	char text[1000], *here;
	const struct sk_event_keep keep = { 3, 100, true };
	struct sk_attempt a = { .stage = 1, .task = 0, .tasks = 1, .number = 3 };
	const struct sk_run *run[8];
	const char *const some[] = { pairs[0], pairs[1], text, pairs[3] };
	size_t i;

	start(&plain);
	open_tool("tests/plugins/echo", "join", NULL);
	memset(value, 'v', sizeof(value) - 1);
	snprintf(text, sizeof(text), "[\"a\",\"%s\"]", value);
	task_tool_chunks(&t, some, 4, 2);
	write_chunks();
	here = strdup(task_tool_run(&t));
	function_start(&f, "tests/plugins/echo", NULL);
	ask_map(&keep);
	function_outcome(&f, &t, 1);
	for (i = 0; i < t.map.part[0].n; i++) {
		run[i] = &t.map.part[0].run[i];
		ck_assert_int_eq(run[i]->fd, SK_RUN_KEPT);
	}
	a.run = run;
	a.runs = i;
	ck_assert_uint_gt(i, 0);
	ask(&a, &keep, LONG);
	function_outcome(&f, &t, 0);
	ck_assert_msg(t.map.code == 0, "%s", t.map.error.text);
	ck_assert_uint_eq(t.map.run.entries, 3);
	ck_assert_int_eq(t.map.run.fd, SK_RUN_KEPT);
	fetch_kept(&t.map.run);
	ck_assert_ptr_nonnull(strstr(here, "\"b\" \"y\"\n"));
	free(here);
}
END_TEST

START_TEST(what_was_left_and_is_gone_is_told)
{
	struct sk_run kept = { .fd = SK_RUN_KEPT, .entries = 1, .bytes = 10,
		.kept = { 3, 0, 7, 2, 1, 255 } };
	const struct sk_run *run[] = { &kept };
	struct sk_attempt a = { .stage = 1, .tasks = 1, .number = 3, .run = run,
		.runs = 1 };

	start(&plain);
	open_tool("tests/plugins/echo", "join", NULL);
	function_start(&f, "tests/plugins/echo", NULL);
	ask(&a, NULL, LONG);
	function_outcome(&f, &t, 0);
	ck_assert_int_eq(t.map.code, SNEK_ENOENT);
	ck_assert_ptr_nonnull(strstr(t.map.error.text, "task 7"));
}
END_TEST

static void setup(TCase *c)
{
	tcase_add_checked_fixture(c, NULL, stop);
	tcase_add_test(c, a_task_reads_its_shard_over_one_connection);
	tcase_add_test(c, only_the_columns_that_are_read_are_fetched);
	tcase_add_loop_test(c,
	    a_password_comes_with_the_event_or_the_environment, 0, 2);
	tcase_add_test(c, a_shard_that_lets_nobody_in_is_told_with_its_words);
	tcase_add_test(c, a_chunk_that_is_gone_is_told_by_its_number);
	tcase_add_test(c, a_shard_that_was_not_told_is_refused);
	tcase_add_test(c, a_connection_that_broke_is_made_again);
	tcase_add_test(c, a_server_that_is_away_is_told_and_may_come_back);
	if (getenv("SNEK_TLS") && !access(getenv("SNEK_TLS"), R_OK))
		tcase_add_test(c, tls_comes_with_the_first_shard_that_wants_it);
	tcase_add_test(c, what_no_answer_can_carry_is_kept_on_the_shard);
	tcase_add_test(c, the_next_stage_finds_what_the_last_one_left);
	tcase_add_test(c, what_was_left_and_is_gone_is_told);
}

int main(void)
{
	return redis_have() ? check_main("invoke-redis", setup)
	    : redis_skip("invoke-redis");
}
