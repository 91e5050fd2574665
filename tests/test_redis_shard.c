/* SPDX-License-Identifier: MIT */
/* Shards on a real server; compiled with the faults of redis_shard.h. */
#include "store/redis_shard.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "chunk_tool.h"
#include "redis.h"

#define CHUNKS 5u

static struct redis_world *world;
static sk_redis_loop *loop;
static struct sk_stamp stamp = { .shard = 3, .format = 1 };
static struct sk_shard *shard;
static const struct sk_shard_ops *ops;
static struct snek_error err;
static struct sk_write_id id;
static struct chunk_tool tool[CHUNKS];

/* Chunk i has 2 + i records of three members. */
static void make_chunks(void)
{
	char text[4200];
	uint32_t i, k;

	for (i = 0; i < CHUNKS; i++) {
		chunk_tool_open(&tool[i], SK_CHUNK_MAX);
		for (k = 0; k < i + 2; k++) {
			snprintf(text, sizeof(text), "{\"a\":%u,\"b\":\"%0*u\","
			    "\"c\":[%u]}", i * 100 + k, 4000, k, i);
			ck_assert_int_eq(chunk_tool_add(&tool[i], text,
			    strlen(text)), 1);
		}
		chunk_tool_check(&tool[i]);
	}
}

static void connect_shard(const char *url)
{
	ck_assert_int_eq(sk_redis_loop_new(&loop, &err), 0);
	ck_assert_msg(!sk_redis_shard_open(redis_client_of(url, NULL, loop),
	    &stamp, &shard, &err), "%s", err.text);
	ops = shard->ops;
}

static void create_shard(const char *url)
{
	sk_redis *r;

	ck_assert_int_eq(sk_redis_loop_new(&loop, &err), 0);
	r = redis_client_of(url, NULL, loop);
	ck_assert_msg(!sk_redis_shard_create(r, &stamp, &err), "%s", err.text);
	sk_redis_free(r);
	sk_redis_loop_free(loop);
}

static void start(const struct redis_options *o)
{
	uint8_t i;

	world = redis_start(o);
	for (i = 0; i < 16; i++) {
		stamp.cluster[i] = (uint8_t)(0x10 + i);
		id.b[i] = (uint8_t)(0xa0 + i);
	}
	memset(&err, 0, sizeof(err));
	make_chunks();
	create_shard(redis_url(world));
	connect_shard(redis_url(world));
}

static void setup(void)
{
	struct redis_options o = { .unix_socket = true };

	start(&o);
}

static void setup_aof(void)
{
	struct redis_options o = { .aof = true };

	start(&o);
}

static void setup_tcp(void)
{
	start(NULL);
}

static void disconnect(void)
{
	ops->shut(shard);
	sk_redis_loop_free(loop);
}

static void teardown(void)
{
	uint32_t i;

	sk_redis_fault = NULL;
	disconnect();
	sk_redis_renew_ms = SK_REDIS_RENEW_MS;
	redis_stop(world);
	for (i = 0; i < CHUNKS; i++)
		chunk_tool_close(&tool[i]);
}

static void keys_are(int want)
{
	char *got = redis_cli(world, "DBSIZE");

	ck_assert_int_eq(got[0], ':');
	ck_assert_int_eq(atoi(got + 1), want);
	free(got);
}

static int put(struct sk_segment_writer *w, uint32_t i)
{
	const struct chunk_tool *t = &tool[i % CHUNKS];

	return ops->put(w, (struct sk_span){ t->out.p, t->out.n },
	    sk_chunk_rows(t->chunk), (struct sk_place){ i % 2, i }, &err);
}

static struct sk_segment_writer *begun(uint32_t n)
{
	struct sk_segment_writer *w;
	uint32_t i;

	ck_assert_int_eq(ops->begin(shard, id, &w, &err), 0);
	for (i = 0; i < n; i++)
		ck_assert_msg(!put(w, i), "%s", err.text);
	return w;
}

static void write_some(uint32_t n)
{
	struct sk_segment_writer *w = begun(n);

	ck_assert_msg(!ops->seal(w, &err), "%s", err.text);
	ops->free(w);
}

static int open_rc(void)
{
	struct sk_segment *s;
	int rc;

	memset(&err, 0, sizeof(err));
	rc = ops->open(shard, id, &s, &err);
	if (!rc)
		ops->close(s);
	return rc;
}


/* ---- fetching ---- */

struct got {
	void *p;
	size_t n;
	int rc, ended;
	struct snek_error e;
};

static void *room(void *arg, size_t n)
{
	struct got *g = arg;

	g->n = n;
	return g->p = malloc(n);
}

static void fetched(void *arg, int rc, size_t n, const struct snek_error *e)
{
	struct got *g = arg;

	g->ended++;
	g->rc = rc;
	if (rc)
		g->e = *e;
	else
		ck_assert_uint_eq(g->n, n);
}

static void ask(struct got *g, uint32_t i, const struct sk_want *want)
{
	struct sk_fetch f = {
		.write = id, .number = i, .rows = i % CHUNKS + 2, .want = want,
		.bytes = (uint32_t)tool[i % CHUNKS].out.n,
		.room = room, .done = fetched, .arg = g,
	};

	memset(g, 0, sizeof(*g));
	ck_assert_int_eq(ops->fetch(shard, &f, &err), 0);
}

static int fetch_rc(uint32_t i, const struct sk_want *want)
{
	struct got g;

	ask(&g, i, want);
	ck_assert_int_eq(ops->settle(shard, NULL, NULL, -1, &err), 0);
	ck_assert_int_eq(g.ended, 1);
	free(g.p);
	err = g.e;
	return g.rc;
}

static void check_all(uint32_t n)
{
	struct sk_want all = { .all = true };
	struct got *g = calloc(n, sizeof(*g));
	uint32_t i;

	for (i = 0; i < n; i++)
		ask(&g[i], i, i % 2 ? &all : NULL);
	ck_assert_int_eq(ops->settle(shard, NULL, NULL, -1, &err), 0);
	for (i = 0; i < n; i++) {
		const struct chunk_tool *t = &tool[i % CHUNKS];

		ck_assert_msg(g[i].ended == 1 && !g[i].rc, "%s", g[i].e.text);
		ck_assert_uint_eq(g[i].n, t->out.n);
		ck_assert_int_eq(memcmp(g[i].p, t->out.p, t->out.n), 0);
		free(g[i].p);
	}
	free(g);
}

/* ---- writing and reading ---- */

START_TEST(what_was_put_is_read_back_in_order)
{
	struct sk_segment *s;
	uint64_t records = 0;
	uint32_t i;

	write_some(12);
	ck_assert_msg(!ops->open(shard, id, &s, &err), "%s", err.text);
	ck_assert_uint_eq(s->chunks, 12);
	ck_assert_ptr_null(s->bytes);
	for (i = 0; i < 12; i++) {
		ck_assert_uint_eq(s->entry[i].bytes, tool[i % CHUNKS].out.n);
		ck_assert_uint_eq(s->entry[i].rows, i % CHUNKS + 2);
		ck_assert_uint_eq(s->entry[i].first.version, i % 2);
		ck_assert_uint_eq(s->entry[i].first.record, i);
		records += s->entry[i].rows;
	}
	ck_assert_uint_eq(s->records, records);
	ops->close(s);
	check_all(12);
}
END_TEST

START_TEST(many_chunks_go_through_the_windows)
{
	write_some(700);
	check_all(700);
	ck_assert_int_eq(ops->sweep(shard, id, &err), 0);
	keys_are(1);
}
END_TEST

START_TEST(only_wanted_columns_come)
{
	static const struct sk_span name[] = { { "a", 1 }, { "zz", 2 } };
	struct sk_want want = { .name = name, .names = 2 };
	struct sk_chunk *whole = tool[1].chunk;
	struct sk_record r;
	struct got g;

	write_some(2);
	ask(&g, 1, &want);
	ck_assert_int_eq(ops->settle(shard, NULL, NULL, -1, &err), 0);
	ck_assert_msg(!g.rc, "%s", g.e.text);
	ck_assert_uint_lt(g.n, 500);
	ck_assert_int_eq(sk_chunk_open(g.p, g.n, &tool[1].chunk, &err), 0);
	ck_assert_str_eq(chunk_tool_at(&tool[1], "a", 2), "102");
	ck_assert_str_eq(chunk_tool_at(&tool[1], "zz", 2), "-");
	ck_assert_int_eq(sk_chunk_record(tool[1].chunk, 0, &r, &err),
	    SNEK_EINTERNAL);
	sk_chunk_close(tool[1].chunk);
	tool[1].chunk = whole;
	free(g.p);
}
END_TEST

START_TEST(a_write_without_chunks_is_one)
{
	struct sk_segment *s;

	write_some(0);
	ck_assert_int_eq(ops->open(shard, id, &s, &err), 0);
	ck_assert_uint_eq(s->chunks, 0);
	ops->close(s);
}
END_TEST

START_TEST(a_write_id_is_used_once)
{
	struct sk_segment_writer *w;
	int rc;

	write_some(70);
	ck_assert_int_eq(ops->begin(shard, id, &w, &err), 0);
	rc = put(w, 0);
	if (!rc)
		rc = ops->seal(w, &err);
	ck_assert_int_eq(rc, SNEK_EEXIST);
	ops->abandon(w);
	ops->free(w);
	check_all(70);
}
END_TEST

START_TEST(nothing_is_written_after_seal)
{
	struct sk_segment_writer *w = begun(2);

	ck_assert_int_eq(ops->seal(w, &err), 0);
	ck_assert_int_eq(put(w, 2), SNEK_EINTERNAL);
	ck_assert_int_eq(ops->seal(w, &err), SNEK_EINTERNAL);
	ops->free(w);
	ck_assert_int_eq(open_rc(), 0);
}
END_TEST

START_TEST(an_abandoned_write_leaves_nothing)
{
	struct sk_segment_writer *w = begun(100);

	ops->abandon(w);
	ops->free(w);
	ck_assert_int_eq(open_rc(), SNEK_ENOENT);
	ck_assert_str_eq(err.text, "");
	keys_are(1);
}
END_TEST

START_TEST(an_unfinished_segment_is_none)
{
	struct sk_segment_writer *w = begun(3);

	ck_assert_int_eq(open_rc(), SNEK_ENOENT);
	ops->free(w);
	ck_assert_int_eq(open_rc(), SNEK_ENOENT);
	ck_assert_int_eq(ops->sweep(shard, id, &err), 0);
	keys_are(1);
}
END_TEST

START_TEST(a_segment_that_gc_took_is_not_sealed)
{
	struct sk_segment_writer *w = begun(3);

	ck_assert_int_eq(ops->sweep(shard, id, &err), 0);
	ck_assert_int_eq(ops->seal(w, &err), SNEK_EAGAIN);
	ck_assert_ptr_nonnull(strstr(err.text, "given up by gc"));
	ops->abandon(w);
	ops->free(w);
	keys_are(1);
}
END_TEST

START_TEST(a_swept_segment_is_gone)
{
	write_some(3);
	ck_assert_int_eq(ops->sweep(shard, id, &err), 0);
	ck_assert_int_eq(open_rc(), SNEK_ENOENT);
	ck_assert_str_eq(err.text, "");
	ck_assert_int_eq(fetch_rc(0, NULL), SNEK_ENOENT);
	ck_assert_str_eq(err.text, "");
	ck_assert_int_eq(ops->sweep(shard, id, &err), 0);
	keys_are(1);
}
END_TEST

START_TEST(many_indexes_are_asked_for_at_once)
{
	uint32_t i;
	int rc;

	for (i = 0; i < 300; i += 2) {
		id.b[0] = (uint8_t)i;
		id.b[1] = (uint8_t)(i >> 8);
		write_some(1);
	}
	for (i = 0; i < 300; i++) {
		id.b[0] = (uint8_t)i;
		id.b[1] = (uint8_t)(i >> 8);
		ops->prefetch(shard, id);
		if (i % 7 == 0)
			ops->prefetch(shard, id);
	}
	for (i = 0; i < 290; i++) {     /* the last are never opened */
		id.b[0] = (uint8_t)i;
		id.b[1] = (uint8_t)(i >> 8);
		rc = open_rc();
		ck_assert_int_eq(rc, i % 2 ? SNEK_ENOENT : 0);
	}
}
END_TEST

/* ---- damage ---- */

static struct sk_answer call(const struct sk_span *arg, size_t n)
{
	struct sk_command c = { .arg = arg, .args = n };
	struct sk_answer a;

	ck_assert_msg(!sk_redis_call(sk_redis_shard_of(shard)->redis, &c, &a,
	    &err), "%s", err.text);
	return a;
}

static void set_string(struct sk_span key, const void *p, size_t n)
{
	struct sk_span arg[] = { sk_span_text("SET"), key, { p, n } };
	struct sk_answer a = call(arg, 3);

	sk_answer_free(&a);
}

static unsigned char *get_string(struct sk_span key, size_t *n)
{
	struct sk_span arg[] = { sk_span_text("GET"), key };
	struct sk_answer a = call(arg, 2);
	unsigned char *p = malloc(a.reply.text.n + 1);

	*n = a.reply.text.n;
	memcpy(p, a.reply.text.p, *n);
	sk_answer_free(&a);
	return p;
}

START_TEST(a_damaged_index_is_corrupt)
{
	struct sk_redis_key key;
	unsigned char *p;
	size_t n, i;

	write_some(3);
	sk_redis_shard_key(sk_redis_shard_of(shard), 'i', id, &key);
	p = get_string(key.span, &n);
	ck_assert_uint_eq(n, 64 + 3 * 32);
	for (i = 0; i < n; i++) {
		p[i] ^= 4;
		set_string(key.span, p, n);
		ck_assert_int_eq(open_rc(), SNEK_ECORRUPT);
		p[i] ^= 4;
		set_string(key.span, p, i);
		ck_assert_int_eq(open_rc(), SNEK_ECORRUPT);
		ck_assert_ptr_nonnull(strstr(err.text, "shard 3"));
	}
	p[8] = 7;
	set_string(key.span, p, n);
	free(p);
}
END_TEST

START_TEST(a_damaged_chunk_is_named)
{
	static const char *const field[] = { "n", "fb", "h", "s" };
	struct sk_redis_key key;
	char hex[33], want[80];
	struct sk_answer a;
	unsigned i;

	sk_redis_shard_chunk(sk_redis_shard_of(shard), id, 1, &key);
	sk_write_id_hex(id, hex);
	snprintf(want, sizeof(want), "shard 3: write %s, chunk 1: ", hex);
	for (i = 0; i < 4; i++) {
		struct sk_span hset[] = { sk_span_text("HSET"), key.span,
			sk_span_text(field[i]), sk_span_text("damaged") };

		write_some(2);
		a = call(hset, 4);
		sk_answer_free(&a);
		ck_assert_int_eq(fetch_rc(0, NULL), 0);
		ck_assert_int_eq(fetch_rc(1, NULL), SNEK_ECORRUPT);
		ck_assert_ptr_nonnull(strstr(err.text, want));
		ck_assert_int_eq(ops->sweep(shard, id, &err), 0);
	}
	set_string(key.span, "x", 1);
	ck_assert_int_eq(fetch_rc(1, NULL), SNEK_ECORRUPT);
}
END_TEST

START_TEST(a_chunk_under_another_number_is_refused)
{
	struct sk_redis_key from, to;
	struct sk_span rename[3] = { sk_span_text("RENAME") };
	struct sk_answer a;

	write_some(7);
	sk_redis_shard_chunk(sk_redis_shard_of(shard), id, 6, &from);
	sk_redis_shard_chunk(sk_redis_shard_of(shard), id, 1, &to);
	rename[1] = from.span;
	rename[2] = to.span;
	a = call(rename, 3);
	sk_answer_free(&a);
	ck_assert_int_eq(fetch_rc(1, NULL), SNEK_ECORRUPT);
	ck_assert_int_eq(fetch_rc(6, NULL), SNEK_ENOENT);
}
END_TEST

/* ---- listing ---- */

struct seen { int n, alive; uint64_t bytes; int64_t age; };

static int note(void *arg, struct sk_write_id w, uint64_t bytes, int64_t age,
    bool alive)
{
	struct seen *s = arg;

	(void)w;
	s->n++;
	s->alive += alive;
	s->bytes = bytes;
	s->age = age;
	return 0;
}

static struct seen listed(void)
{
	struct seen s = { 0 };

	ck_assert_msg(!ops->list(shard, note, &s, &err), "%s", err.text);
	return s;
}

START_TEST(a_writer_is_alive_until_it_is_freed)
{
	struct sk_segment_writer *w = begun(3);

	ck_assert_int_eq(listed().alive, 1);
	ck_assert_int_eq(ops->seal(w, &err), 0);
	ck_assert_int_eq(listed().alive, 1);
	ops->free(w);
	ck_assert_int_eq(listed().alive, 0);
	ck_assert_int_eq(listed().n, 1);
	ck_assert_uint_gt(listed().bytes, 128);
	ck_assert_int_lt(listed().age, 60);
}
END_TEST

START_TEST(a_killed_writer_lives_until_its_lease_ends)
{
	char command[128], hex[33];
	int status;
	pid_t pid = fork();

	if (!pid) {
		connect_shard(redis_url(world));
		begun(20);
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(listed().alive, 1);
	sk_write_id_hex(id, hex);
	snprintf(command, sizeof(command), "ZINCRBY snek:3:w -100000 %s", hex);
	free(redis_cli(world, command));
	ck_assert_int_eq(listed().alive, 0);
	ck_assert_int_ge(listed().age, 39);
	ck_assert_int_eq(ops->sweep(shard, id, &err), 0);
	keys_are(1);
}
END_TEST

static int64_t score_of(void)
{
	char command[128], hex[33], *got;
	int64_t n;

	sk_write_id_hex(id, hex);
	snprintf(command, sizeof(command), "ZSCORE snek:3:w %s", hex);
	got = redis_cli(world, command);
	n = strtoll(strchr(got, '\n') + 1, NULL, 10);
	free(got);
	return n;
}

START_TEST(a_writer_that_waits_for_input_stays_alive)
{
	struct sk_segment_writer *w;
	int64_t first;
	int i;

	sk_redis_renew_ms = 20;
	w = begun(2);
	first = score_of();
	for (i = 0; i < 3000 && score_of() < first + 60; i++)
		usleep(10000);
	ck_assert_int_ge(score_of(), first + 60);
	ck_assert_int_eq(listed().alive, 1);
	ck_assert_msg(!ops->seal(w, &err), "%s", err.text);
	ops->free(w);
	ck_assert_int_eq(listed().alive, 0);
	check_all(2);
}
END_TEST

/* ---- threads ---- */

static void *write_in_thread(void *arg)
{
	struct sk_write_id mine = id;
	struct sk_segment_writer *w;
	struct snek_error e;
	struct sk_segment *s;
	uintptr_t n = (uintptr_t)arg;
	uint32_t i, k;
	int rc = 0;

	for (k = 0; k < 4 && !rc; k++) {
		mine.b[0] = (uint8_t)n;
		mine.b[1] = (uint8_t)k;
		rc = ops->begin(shard, mine, &w, &e);
		for (i = 0; i < 40 && !rc; i++)
			rc = ops->put(w, (struct sk_span){ tool[i % CHUNKS].out.p,
			    tool[i % CHUNKS].out.n }, i % CHUNKS + 2,
			    (struct sk_place){ 0, i }, &e);
		if (!rc)
			rc = ops->seal(w, &e);
		ops->free(w);
		if (!rc)
			rc = ops->open(shard, mine, &s, &e);
		if (!rc)
			ops->close(s);
	}
	return rc ? arg : NULL;
}

START_TEST(several_threads_use_one_shard)
{
	pthread_t thread[4];
	void *bad;
	uintptr_t i;
	uint32_t k;

	sk_redis_renew_ms = 5;
	write_some(40);
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL,
		    write_in_thread, (void *)(i + 1)), 0);
	for (k = 0; k < 5; k++)
		check_all(40);
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_join(thread[i], &bad), 0);
		ck_assert_ptr_null(bad);
	}
	ck_assert_int_eq(listed().n, 17);
	ck_assert_int_eq(listed().alive, 0);
}
END_TEST

static int stop(void *arg, struct sk_write_id w, uint64_t bytes, int64_t age,
    bool alive)
{
	(void)w;
	(void)bytes;
	(void)age;
	(void)alive;
	return ++*(int *)arg == 2 ? 42 : 0;
}

START_TEST(a_visit_may_end_the_list_and_strangers_are_left_out)
{
	int n = 0, i;

	for (i = 0; i < 4; i++) {
		id.b[0]++;
		write_some(1);
	}
	free(redis_cli(world, "ZADD snek:3:w 5 notes"));
	free(redis_cli(world, "ZADD snek:3:w -1.5 "
	    "00000000000000000000000000000000"));
	ck_assert_int_eq(ops->list(shard, stop, &n, &err), 42);
	ck_assert_int_eq(n, 2);
	n = 10;
	ck_assert_int_eq(ops->list(shard, stop, &n, &err), 0);
	ck_assert_int_eq(n, 14);
}
END_TEST

START_TEST(a_long_list_comes_in_pages)
{
	struct sk_redis_key w;
	struct sk_span arg[4] = { sk_span_text("ZADD"), { NULL, 0 },
		sk_span_text("1") };
	struct sk_answer a;
	char hex[33];
	int i;

	sk_redis_shard_name(sk_redis_shard_of(shard), "w", &w);
	arg[1] = w.span;
	for (i = 0; i < 1000; i++) {
		snprintf(hex, sizeof(hex), "%032x", i);
		arg[3] = sk_span_text(hex);
		a = call(arg, 4);
		sk_answer_free(&a);
	}
	ck_assert_int_eq(listed().n, 1000);
}
END_TEST

/* ---- stamps ---- */

static int open_stamped(void)
{
	sk_redis *r = redis_client_of(redis_url(world), NULL, loop);
	struct sk_shard *s;
	int rc = sk_redis_shard_open(r, &stamp, &s, &err);

	if (!rc)
		s->ops->shut(s);
	else
		sk_redis_free(r);
	return rc;
}

START_TEST(a_shard_is_what_its_stamp_says)
{
	struct sk_redis_key key;
	unsigned char *p;
	size_t n, i;

	sk_redis_shard_name(sk_redis_shard_of(shard), "stamp", &key);
	p = get_string(key.span, &n);
	ck_assert_uint_eq(n, 40);
	for (i = 0; i < n; i++) {
		p[i] ^= 4;
		set_string(key.span, p, n);
		ck_assert_int_eq(open_stamped(), SNEK_ECORRUPT);
		p[i] ^= 4;
		set_string(key.span, p, i);
		ck_assert_int_eq(open_stamped(), SNEK_ECORRUPT);
	}
	set_string(key.span, p, n);
	free(p);
	stamp.cluster[0]++;
	ck_assert_int_eq(open_stamped(), SNEK_ECORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, "shard 3 of another cluster"));
	stamp.cluster[0]--;
	stamp.shard = 4;
	ck_assert_int_eq(open_stamped(), SNEK_ECORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, "stamp is missing"));
	stamp.shard = 3;
	ck_assert_int_eq(open_stamped(), 0);
}
END_TEST

START_TEST(a_shard_is_created_once)
{
	sk_redis *r = redis_client_of(redis_url(world), NULL, loop);

	ck_assert_int_eq(sk_redis_shard_create(r, &stamp, &err), SNEK_EEXIST);
	free(redis_cli(world, "DEL snek:3:stamp"));
	write_some(1);
	ck_assert_int_eq(sk_redis_shard_create(r, &stamp, &err), SNEK_EEXIST);
	sk_redis_free(r);
}
END_TEST

/* ---- other users of the server ---- */

START_TEST(destroy_leaves_the_keys_of_others)
{
	static const char *const foreign[] = { "snek:3:other", "snek:33:stamp",
		"snek:3:c:0123", "other", "snekX3:stamp", "snek:3:4:w",
		"snek:meta", "snek:3:o:" };
	char command[80];
	sk_redis *r;
	size_t i;

	for (i = 0; i < 8; i++) {
		snprintf(command, sizeof(command), "SET %s 1", foreign[i]);
		free(redis_cli(world, command));
	}
	for (i = 0; i < 20; i++) {
		id.b[3]++;
		write_some(60);
	}
	r = redis_client_of(redis_url(world), NULL, loop);
	stamp.cluster[1]++;
	ck_assert_int_eq(sk_redis_shard_destroy(r, &stamp, &err), SNEK_ECORRUPT);
	stamp.cluster[1]--;
	ck_assert_int_eq(open_rc(), 0);
	ck_assert_int_eq(sk_redis_shard_destroy(r, &stamp, &err), 0);
	keys_are(8);
	ck_assert_int_eq(sk_redis_shard_destroy(r, &stamp, &err), 0);
	sk_redis_free(r);
}
END_TEST

/* URLs allow no such prefix; keys must be safe all the same. */
static sk_redis *prefixed(const char *prefix)
{
	struct sk_redis_url u;
	sk_redis *r;

	ck_assert_int_eq(sk_redis_url_parse(&u, redis_url(world), &err), 0);
	free(u.prefix);
	u.prefix = strdup(prefix);
	ck_assert_int_eq(sk_redis_new(loop, &u, NULL, &r, &err), 0);
	sk_redis_url_free(&u);
	return r;
}

START_TEST(a_prefix_is_no_pattern)
{
	static const char *const prefix[] = { "*", "s?ek", "[a-z]nek",
		"sne\\k" };
	sk_redis *r = prefixed(prefix[_i]);
	struct sk_shard *plain = shard;

	write_some(2);
	ck_assert_int_eq(sk_redis_shard_create(r, &stamp, &err), 0);
	ck_assert_int_eq(sk_redis_shard_open(r, &stamp, &shard, &err), 0);
	write_some(3);
	check_all(3);
	r = prefixed(prefix[_i]);
	ck_assert_int_eq(sk_redis_shard_destroy(r, &stamp, &err), 0);
	sk_redis_free(r);
	ck_assert_int_eq(open_rc(), SNEK_ENOENT);
	ops->shut(shard);
	shard = plain;
	ck_assert_int_eq(open_rc(), 0);
	check_all(2);
}
END_TEST

/* ---- what a server promises ---- */

START_TEST(a_server_that_evicts_is_refused)
{
	struct sk_segment_writer *w;
	sk_redis *r;

	free(redis_cli(world, "CONFIG SET maxmemory-policy allkeys-lru"));
	ck_assert_int_eq(ops->begin(shard, id, &w, &err), SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "allkeys-lru"));
	stamp.shard = 4;
	r = redis_client_of(redis_url(world), NULL, loop);
	ck_assert_int_eq(sk_redis_shard_create(r, &stamp, &err), SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "allkeys-lru"));
	ck_assert_int_eq(sk_redis_shard_create_with(r, &stamp, true, &err), 0);
	sk_redis_free(r);
	sk_redis_shard_any_eviction(shard);
	write_some(2);
	check_all(2);
}
END_TEST

START_TEST(a_durability_that_cannot_be_shown_is_refused)
{
	ck_assert_int_eq(sk_redis_shard_durability(shard, SK_DURABLE_MEMORY, 0,
	    &err), 0);
	ck_assert_int_eq(sk_redis_shard_durability(shard, SK_DURABLE_PROCESS, 0,
	    &err), SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "would not survive"));
	ck_assert_int_eq(sk_redis_shard_durability(shard,
	    SK_DURABLE_REPLICATED, 1, &err), SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "the server has 0"));
	write_some(2);
}
END_TEST

START_TEST(a_synced_server_can_be_shown_to_keep_data)
{
	ck_assert_msg(!sk_redis_shard_durability(shard, SK_DURABLE_PROCESS, 0,
	    &err), "%s", err.text);
	write_some(2);
	check_all(2);
}
END_TEST

START_TEST(a_replica_has_what_is_sealed)
{
	struct redis_options o = { .replica = true };
	struct redis_world *copy = redis_start(&o), *was = world;
	char command[80];
	int i;

	snprintf(command, sizeof(command), "REPLICAOF 127.0.0.1 %d",
	    redis_port(world));
	world = copy;
	free(redis_cli(world, command));
	for (i = 0; i < 3000 && sk_redis_shard_durability(shard,
	    SK_DURABLE_REPLICATED, 1, &err); i++)
		usleep(10000);
	ck_assert_int_lt(i, 3000);
	write_some(20);
	disconnect();
	connect_shard(redis_url(copy));
	check_all(20);
	disconnect();
	world = was;
	connect_shard(redis_url(world));
	redis_end(copy, SIGKILL);
	id.b[0]++;
	{
		struct sk_segment_writer *w;

		sk_redis_shard_of(shard)->durability = SK_DURABLE_REPLICATED;
		sk_redis_shard_of(shard)->replicas = 1;
		sk_redis_wait_ms = 200;
		w = begun(2);
		ck_assert_int_eq(ops->seal(w, &err), SNEK_EIO);
		ck_assert_ptr_nonnull(strstr(err.text, "only 0 of 1 replicas"));
		ops->abandon(w);
		ops->free(w);
	}
	redis_stop(copy);
}
END_TEST

/* ---- a server that fails ---- */

START_TEST(a_refused_put_fails_the_write)
{
	struct sk_segment_writer *w = begun(3);
	uint32_t i;
	int rc = 0;

	/* What is there is already too much: puts are refused. */
	ck_assert_int_eq(ops->settle(shard, NULL, NULL, -1, &err), 0);
	free(redis_cli(world, "CONFIG SET maxmemory 1"));
	for (i = 3; i < 60 && !rc; i++)
		rc = put(w, i);
	ck_assert_int_eq(rc, SNEK_EIO);
	ck_assert_ptr_nonnull(strstr(err.text, "OOM"));
	free(redis_cli(world, "CONFIG SET maxmemory 0"));
	ck_assert_int_eq(put(w, i), SNEK_EINTERNAL);
	ck_assert_int_eq(ops->seal(w, &err), SNEK_EINTERNAL);
	ck_assert_int_eq(open_rc(), SNEK_ENOENT);
	ops->abandon(w);
	ops->free(w);
	keys_are(1);
}
END_TEST

/* A put is refused and what comes after it is not. */
static void put_with_a_hole(struct sk_segment_writer *w)
{
	uint32_t i;

	free(redis_cli(world, "CONFIG SET maxmemory 1"));
	put(w, 3);
	for (i = 0; i < 20; i++)
		sk_redis_step(loop, 5);
	free(redis_cli(world, "CONFIG SET maxmemory 0"));
	put(w, 4);
}

START_TEST(a_hole_is_seen_by_whoever_looks_at_replies)
{
	struct sk_segment_writer *w = begun(3);
	int rc;

	sk_redis_fault = _i ? "replies" : NULL;
	put_with_a_hole(w);
	rc = ops->seal(w, &err);
	sk_redis_fault = NULL;
	if (_i) {                       /* it is told that all is well */
		ck_assert_int_eq(rc, 0);
		ck_assert_int_eq(fetch_rc(3, NULL), SNEK_ENOENT);
	} else {
		ck_assert(rc == SNEK_EIO || rc == SNEK_EINTERNAL);
		ck_assert_int_eq(open_rc(), SNEK_ENOENT);
	}
	ops->abandon(w);
	ops->free(w);
	keys_are(1);
}
END_TEST

START_TEST(a_chunk_that_the_server_lost_is_missed_by_seal)
{
	struct sk_segment_writer *w = begun(5);
	struct sk_redis_key key;
	struct sk_span del[2] = { sk_span_text("DEL") };
	struct sk_answer a;

	sk_redis_shard_chunk(sk_redis_shard_of(shard), id, 2, &key);
	del[1] = key.span;
	a = call(del, 2);
	ck_assert_int_eq(a.reply.integer, 1);
	sk_answer_free(&a);
	ck_assert_int_eq(ops->seal(w, &err), SNEK_EIO);
	ck_assert_ptr_nonnull(strstr(err.text, "chunk 2 was put"));
	ck_assert_int_eq(open_rc(), SNEK_ENOENT);
	ops->abandon(w);
	ops->free(w);
}
END_TEST

START_TEST(connections_cut_under_puts_cost_nothing)
{
	struct sk_segment_writer *w = begun(1);
	uint32_t i;

	for (i = 1; i < 120; i++) {
		ck_assert_msg(!put(w, i), "%s", err.text);
		if (i % 9 == 0)
			free(redis_cli(world, "CLIENT KILL TYPE normal"));
	}
	ck_assert_msg(!ops->seal(w, &err), "%s", err.text);
	ops->free(w);
	check_all(120);
}
END_TEST

START_TEST(a_server_killed_under_puts_and_back_costs_nothing)
{
	struct sk_segment_writer *w = begun(1);
	uint32_t i;

	for (i = 1; i < 60; i++) {
		ck_assert_msg(!put(w, i), "%s", err.text);
		if (i % 20 == 10) {
			redis_end(world, SIGKILL);
			redis_again(world, NULL);
		}
	}
	ck_assert_msg(!ops->seal(w, &err), "%s", err.text);
	ops->free(w);
	redis_end(world, SIGKILL);
	redis_again(world, NULL);
	check_all(60);
}
END_TEST

START_TEST(a_server_that_comes_back_empty_fails_the_write)
{
	struct sk_segment_writer *w = begun(10);
	uint32_t i;
	int rc = 0;

	redis_end(world, SIGKILL);
	redis_again(world, NULL);
	for (i = 10; i < 20 && !rc; i++)
		rc = put(w, i);
	if (!rc)
		rc = ops->seal(w, &err);
	ck_assert_msg(rc == SNEK_EAGAIN, "%d %s", rc, err.text);
	ops->abandon(w);
	ops->free(w);
	keys_are(0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("redis_shard");
	TCase *t = tcase_create("redis_shard");
	TCase *tcp = tcase_create("tcp"), *aof = tcase_create("aof");
	SRunner *r;
	int failed;

	if (!redis_have())
		return redis_skip("test_redis_shard");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_checked_fixture(tcp, setup_tcp, teardown);
	tcase_add_checked_fixture(aof, setup_aof, teardown);
	tcase_set_timeout(t, 60);
	tcase_set_timeout(tcp, 60);
	tcase_set_timeout(aof, 60);
	tcase_add_test(t, what_was_put_is_read_back_in_order);
	tcase_add_test(t, many_chunks_go_through_the_windows);
	tcase_add_test(t, only_wanted_columns_come);
	tcase_add_test(t, a_write_without_chunks_is_one);
	tcase_add_test(t, a_write_id_is_used_once);
	tcase_add_test(t, nothing_is_written_after_seal);
	tcase_add_test(t, an_abandoned_write_leaves_nothing);
	tcase_add_test(t, an_unfinished_segment_is_none);
	tcase_add_test(t, a_segment_that_gc_took_is_not_sealed);
	tcase_add_test(t, a_swept_segment_is_gone);
	tcase_add_test(t, many_indexes_are_asked_for_at_once);
	tcase_add_test(t, a_damaged_index_is_corrupt);
	tcase_add_test(t, a_damaged_chunk_is_named);
	tcase_add_test(t, a_chunk_under_another_number_is_refused);
	tcase_add_test(t, a_writer_is_alive_until_it_is_freed);
	tcase_add_test(t, a_writer_that_waits_for_input_stays_alive);
	tcase_add_test(t, several_threads_use_one_shard);
	tcase_add_test(t, a_killed_writer_lives_until_its_lease_ends);
	tcase_add_test(t, a_visit_may_end_the_list_and_strangers_are_left_out);
	tcase_add_test(t, a_long_list_comes_in_pages);
	tcase_add_test(t, a_shard_is_what_its_stamp_says);
	tcase_add_test(t, a_shard_is_created_once);
	tcase_add_test(t, destroy_leaves_the_keys_of_others);
	tcase_add_loop_test(t, a_prefix_is_no_pattern, 0, 4);
	tcase_add_test(t, a_server_that_evicts_is_refused);
	tcase_add_test(t, a_durability_that_cannot_be_shown_is_refused);
	tcase_add_test(aof, a_synced_server_can_be_shown_to_keep_data);
	tcase_add_test(tcp, a_replica_has_what_is_sealed);
	tcase_add_test(t, a_refused_put_fails_the_write);
	tcase_add_loop_test(t, a_hole_is_seen_by_whoever_looks_at_replies, 0, 2);
	tcase_add_test(t, a_chunk_that_the_server_lost_is_missed_by_seal);
	tcase_add_test(tcp, what_was_put_is_read_back_in_order);
	tcase_add_test(tcp, connections_cut_under_puts_cost_nothing);
	tcase_add_test(tcp, a_server_that_comes_back_empty_fails_the_write);
	tcase_add_test(aof, a_server_killed_under_puts_and_back_costs_nothing);
	suite_add_tcase(s, t);
	suite_add_tcase(s, tcp);
	suite_add_tcase(s, aof);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
