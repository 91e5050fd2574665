/* SPDX-License-Identifier: MIT */
/*
 * Each allocation fails once, while segments are written to a server and read
 * again: nothing crashes or leaks, what is said to be sealed is there, and the
 * next try without a failure works.
 */
#include "chunk_tool.h"
#include "redis.h"
#include "store/shard.h"

#include <check.h>
#include <stdlib.h>

#include "nomem_wrap.h"

static const char *const texts[] = { "{\"a\":1,\"b\":[2]}", "[3]", "{}" };
static const struct sk_stamp stamp = { .shard = 1, .format = 1 };
static struct redis_world *world;
static sk_redis_loop *loop;
static struct chunk_tool t;
static struct sk_shard *shard;
static struct snek_error err;
static struct sk_write_id id;

static int write_two(void)
{
	struct sk_span chunk = { t.out.p, t.out.n };
	struct sk_segment_writer *w;
	int rc = shard->ops->begin(shard, id, &w, &err), i;

	if (rc)
		return rc;
	for (i = 0; i < 2 && !rc; i++)
		rc = shard->ops->put(w, chunk, 3, (struct sk_place){ 0, 0 },
		    &err);
	if (!rc)
		rc = shard->ops->seal(w, &err);
	if (rc)
		shard->ops->abandon(w);
	shard->ops->free(w);
	return rc;
}

struct got { void *p; int rc, ended; };

static void *room(void *arg, size_t n)
{
	return ((struct got *)arg)->p = malloc(n);
}

static void done(void *arg, int rc, size_t n, const struct snek_error *e)
{
	struct got *g = arg;

	(void)n;
	(void)e;
	g->rc = rc;
	g->ended++;
}

static int read_one(const struct sk_want *want)
{
	struct got g = { NULL, 0, 0 };
	struct sk_fetch f = { .write = id, .number = 1, .rows = 3,
		.want = want, .room = room, .done = done, .arg = &g };
	int rc = shard->ops->fetch(shard, &f, &err), settled;

	settled = shard->ops->settle(shard, NULL, NULL, -1, &err);
	free(g.p);
	if (rc || settled)
		return rc ? rc : settled;
	return g.ended == 1 ? g.rc : SNEK_EINTERNAL;
}

static int look(void)
{
	static const struct sk_span a = { "a", 1 };
	struct sk_want some = { .name = &a, .names = 1 };
	struct sk_segment *s;
	int rc;

	shard->ops->prefetch(shard, id);
	rc = shard->ops->open(shard, id, &s, &err);
	if (rc)
		return rc;
	if (s->chunks != 2)
		rc = SNEK_EINTERNAL;
	shard->ops->close(s);
	if (!rc)
		rc = read_one(NULL);
	return rc ? rc : read_one(&some);
}

static int visit(void *arg, struct sk_write_id w, uint64_t bytes, int64_t age,
    bool alive)
{
	(void)w;
	(void)bytes;
	(void)age;
	(void)alive;
	++*(int *)arg;
	return 0;
}

static int walk(void)
{
	int n = 0, rc = shard->ops->list(shard, visit, &n, &err);

	return rc || n == 1 ? rc : SNEK_EINTERNAL;
}

static int sweep(void)
{
	return shard->ops->sweep(shard, id, &err);
}

/* Which allocation fails, from the first on, until none does. */
static void each(int (*step)(void), void (*before)(void), void (*after)(void))
{
	bool failed = true;
	long nth;
	int rc;

	for (nth = 0; failed; nth++) {
		before();
		countdown = nth;
		rc = step();
		failed = countdown < 0;
		countdown = -1;
		ck_assert_msg(rc != SNEK_EINTERNAL && rc != SNEK_ECORRUPT,
		    "allocation %ld: %s", nth, err.text);
		ck_assert_msg(failed || !rc, "%s", err.text);
		if (!rc)
			after();
	}
	ck_assert_int_gt(nth, 3);
}

static void nothing(void)
{
}

static void fresh(void)
{
	id.b[0]++;
	id.b[1] += !id.b[0];
}

static void can_be_read(void)
{
	ck_assert_msg(!look(), "%s", err.text);
	ck_assert_int_eq(sweep(), 0);
}

static void written(void)
{
	fresh();
	ck_assert_msg(!write_two(), "%s", err.text);
}

static void setup(void)
{
	struct redis_options o = { .unix_socket = true };
	sk_redis *r;

	world = redis_start(&o);
	chunk_tool_of(&t, texts, 3);
	ck_assert_int_eq(sk_redis_loop_new(&loop, &err), 0);
	r = redis_client(world, loop);
	ck_assert_msg(!sk_redis_shard_create(r, &stamp, &err), "%s", err.text);
	ck_assert_msg(!sk_redis_shard_open(r, &stamp, &shard, &err), "%s",
	    err.text);
}

static void teardown(void)
{
	shard->ops->shut(shard);
	sk_redis_loop_free(loop);
	redis_stop(world);
	chunk_tool_close(&t);
}

START_TEST(what_is_sealed_without_memory_is_there)
{
	each(write_two, fresh, can_be_read);
}
END_TEST

START_TEST(reading_without_memory_fails_and_is_no_damage)
{
	written();
	each(look, nothing, nothing);
}
END_TEST

START_TEST(walking_without_memory_fails)
{
	written();
	each(walk, nothing, nothing);
	each(sweep, written, nothing);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("redis_shard_nomem");
	TCase *c = tcase_create("redis_shard_nomem");
	SRunner *r;
	int failed;

	if (!redis_have())
		return redis_skip("test_redis_shard_nomem");
	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, what_is_sealed_without_memory_is_there);
	tcase_add_test(c, reading_without_memory_fails_and_is_no_damage);
	tcase_add_test(c, walking_without_memory_fails);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
