/* SPDX-License-Identifier: MIT */
/* What attempts leave on a real server for who comes next. */
#include "check_main.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "redis.h"
#include "store/kept.h"
#include "tempdir.h"

#define JOB "0123456789abcdef0123456789abcdef"
#define OTHER "f123456789abcdef0123456789abcdef"
#define PREFIX "snek:3:"
#define KEY PREFIX "r:" JOB ":0:7:2:00000000000000ff:1:"

static struct redis_world *world;
static sk_redis_loop *loop;
static struct sk_stamp stamp = { .shard = 3, .format = 1 };
static struct sk_shard *shard;
static struct snek_error err;
static const struct sk_kept name = { 3, 0, 7, 2, 1, 255 };
static const size_t sizes[] = { 0, 1, 1047551, 1047552, 1047553, 9000000 };

static void start(void)
{
	world = redis_start(NULL);
	memset(stamp.cluster, 7, sizeof(stamp.cluster));
	loop = redis_loop();
	ck_assert_int_eq(sk_redis_shard_create(redis_client(world, loop),
	    &stamp, &err), 0);
	ck_assert_msg(!sk_redis_shard_open(redis_client(world, loop), &stamp,
	    &shard, &err), "%s", err.text);
}

static void stop(void)
{
	shard->ops->shut(shard);
	redis_stop(world);
}

static char *bytes_of(size_t n, char seed)
{
	char *p = malloc(n + 1);
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = (char)(i * 31 + i / 1000) ^ seed;
	return p;
}

static int64_t soon(void)
{
	return sk_clock_ms() + 30000;
}

static sk_keeper *keeper(const char *job)
{
	sk_keeper *k;

	ck_assert_int_eq(sk_keeper_new(job, &k, &err), 0);
	return k;
}

static void put(const struct sk_kept *at, struct sk_span s, uint32_t seconds)
{
	sk_keeper *k = keeper(JOB);

	ck_assert_int_eq(sk_keeper_put(k, shard, at, s, seconds, &err), 0);
	ck_assert_msg(!sk_keeper_run(k, soon(), &err), "%s", err.text);
	sk_keeper_free(k);
}

static int get(const char *job, const struct sk_kept *at, char *to, size_t n)
{
	sk_keeper *k = keeper(job);
	int rc;

	memset(&err, 0, sizeof(err));
	ck_assert_int_eq(sk_keeper_get(k, shard, at, to, n, &err), 0);
	rc = sk_keeper_run(k, soon(), &err);
	sk_keeper_free(k);
	return rc;
}

static void cli(const char *command, const char *want)
{
	char *got = redis_cli(world, command);

	ck_assert_msg(!strncmp(got, want, strlen(want)), "%s: %s", command, got);
	free(got);
}

START_TEST(what_is_left_is_found_as_it_was)
{
	size_t n = sizes[_i];
	char *p = bytes_of(n, 0), *back = bytes_of(n, 1);

	put(&name, (struct sk_span){ p, n }, 60);
	ck_assert_msg(!get(JOB, &name, back, n), "%s", err.text);
	ck_assert(!memcmp(p, back, n));
	free(p);
	free(back);
}
END_TEST

START_TEST(many_things_go_at_once)
{
	enum { MANY = 500 };
	static char from[MANY][40], to[MANY][40];
	sk_keeper *k = keeper(JOB);
	struct sk_kept at = name;
	int i;

	for (i = 0; i < MANY; i++) {
		at.number = (uint32_t)i;
		snprintf(from[i], 40, "thing %d", i);
		ck_assert_int_eq(sk_keeper_put(k, shard, &at, (struct sk_span){
		    from[i], 40 }, 60, &err), 0);
	}
	ck_assert_msg(!sk_keeper_run(k, soon(), &err), "%s", err.text);
	for (i = 0; i < MANY; i++) {
		at.number = (uint32_t)i;
		ck_assert_int_eq(sk_keeper_get(k, shard, &at, to[i], 40, &err),
		    0);
	}
	ck_assert_msg(!sk_keeper_run(k, soon(), &err), "%s", err.text);
	ck_assert(!memcmp(from, to, sizeof(from)));
	sk_keeper_free(k);
}
END_TEST

/* Another job, task, attempt, number or run of the same attempt. */
START_TEST(each_attempt_has_its_own)
{
	char a[] = "one", back[4] = "";
	struct sk_kept other[] = { name, name, name, name, name };
	size_t i;

	other[0].stage++;
	other[1].task++;
	other[2].attempt++;
	other[3].number++;
	other[4].nonce++;
	put(&name, (struct sk_span){ a, 4 }, 60);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(get(JOB, &other[i], back, 4), SNEK_ENOENT);
	ck_assert_int_eq(get(OTHER, &name, back, 4), SNEK_ENOENT);
	ck_assert_ptr_nonnull(strstr(err.text, "attempt 2 of task 7"));
	ck_assert_int_eq(get(JOB, &name, back, 4), 0);
	ck_assert_str_eq(back, "one");
}
END_TEST

START_TEST(it_goes_by_itself)
{
	char a[] = "one", *ttl;

	put(&name, (struct sk_span){ a, 4 }, 100);
	cli("EXISTS " KEY "0", ":1");
	ttl = redis_cli(world, "TTL " KEY "0");
	ck_assert_int_gt(atoi(ttl + 1), 50);
	ck_assert_int_le(atoi(ttl + 1), 100);
	free(ttl);
}
END_TEST

START_TEST(it_goes_when_it_is_dropped)
{
	char *p = bytes_of(3000000, 0);
	sk_keeper *k = keeper(JOB);

	put(&name, (struct sk_span){ p, 3000000 }, 60);
	cli("DBSIZE", ":4");                    /* with the stamp */
	ck_assert_int_eq(sk_keeper_drop(k, shard, &name, 3000000, &err), 0);
	ck_assert_int_eq(sk_keeper_run(k, soon(), &err), 0);
	sk_keeper_free(k);
	cli("DBSIZE", ":1");
	free(p);
}
END_TEST

START_TEST(it_goes_with_its_shard)
{
	char a[] = "one";

	put(&name, (struct sk_span){ a, 4 }, 60);
	cli("SET " PREFIX "r:" JOB ":nothing:of:ours:is:this:! x", "+OK");
	ck_assert_msg(!sk_redis_shard_destroy(redis_client(world, loop), &stamp,
	    &err), "%s", err.text);
	cli("DBSIZE", ":1");
	cli("EXISTS " KEY "0", ":0");
}
END_TEST

START_TEST(what_was_changed_is_not_taken)
{
	char a[] = "one", back[4];

	put(&name, (struct sk_span){ a, 4 }, 60);
	ck_assert_int_eq(get(JOB, &name, back, 3), SNEK_ECORRUPT);
	cli("SETRANGE " KEY "0 5 x", ":8");
	ck_assert_int_eq(get(JOB, &name, back, 4), SNEK_ECORRUPT);
	ck_assert_ptr_nonnull(strstr(err.text, "damaged"));
	cli("DEL " KEY "0", ":1");
	cli("LPUSH " KEY "0 x", ":1");
	ck_assert_int_eq(get(JOB, &name, back, 4), SNEK_ECORRUPT);
}
END_TEST

/* One piece of several lies under the name of another. */
START_TEST(pieces_are_told_apart)
{
	enum { TWO = 2 * 1047552 };
	char *p = bytes_of(TWO, 0), *back = malloc(TWO);
	char command[256];

	put(&name, (struct sk_span){ p, TWO }, 60);
	cli("RENAME " KEY "1 " KEY "9", "+OK");
	snprintf(command, sizeof(command), "RENAME %s0 %s1", KEY, KEY);
	cli(command, "+OK");
	snprintf(command, sizeof(command), "RENAME %s9 %s0", KEY, KEY);
	cli(command, "+OK");
	ck_assert_int_eq(get(JOB, &name, back, TWO), SNEK_ECORRUPT);
	free(back);
	free(p);
}
END_TEST

START_TEST(a_server_that_is_full_says_so)
{
	char *p = bytes_of(3000000, 0);
	sk_keeper *k = keeper(JOB);

	cli("CONFIG SET maxmemory 1", "+OK");
	ck_assert_int_eq(sk_keeper_put(k, shard, &name, (struct sk_span){ p,
	    3000000 }, 60, &err), 0);
	ck_assert_int_eq(sk_keeper_run(k, soon(), &err), SNEK_EIO);
	ck_assert_ptr_nonnull(strstr(err.text, "OOM"));
	sk_keeper_free(k);
	free(p);
}
END_TEST

START_TEST(a_silent_server_is_waited_for_no_longer_than_said)
{
	sk_keeper *k = keeper(JOB);
	char *to = malloc(4), a[] = "one";

	put(&name, (struct sk_span){ a, 4 }, 60);
	redis_signal(world, SIGSTOP);
	ck_assert_int_eq(sk_keeper_get(k, shard, &name, to, 4, &err), 0);
	ck_assert_int_eq(sk_keeper_run(k, sk_clock_ms() + 100, &err),
	    SNEK_ETIMEDOUT);
	sk_keeper_free(k);
	free(to);                       /* what comes now goes nowhere */
	redis_signal(world, SIGCONT);
	to = malloc(4);
	ck_assert_int_eq(get(JOB, &name, to, 4), 0);
	free(to);
}
END_TEST

START_TEST(a_directory_keeps_nothing)
{
	char dir[64], path[80];
	sk_keeper *k = keeper(JOB);
	struct sk_shard *s;

	tempdir_make(dir);
	snprintf(path, sizeof(path), "%s/s", dir);
	ck_assert_int_eq(sk_segment_shard_create(path, &stamp, &err), 0);
	ck_assert_int_eq(sk_segment_shard_open(path, &stamp, &s, &err), 0);
	ck_assert_int_eq(sk_keeper_put(k, s, &name, (struct sk_span){ "", 0 },
	    60, &err), SNEK_EINVAL);
	ck_assert_int_eq(sk_keeper_run(k, soon(), &err), 0);
	sk_keeper_free(k);
	s->ops->shut(s);
	tempdir_remove(dir);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_loop_test(t, what_is_left_is_found_as_it_was, 0,
	    sizeof(sizes) / sizeof(*sizes));
	tcase_add_test(t, many_things_go_at_once);
	tcase_add_test(t, each_attempt_has_its_own);
	tcase_add_test(t, it_goes_by_itself);
	tcase_add_test(t, it_goes_when_it_is_dropped);
	tcase_add_test(t, it_goes_with_its_shard);
	tcase_add_test(t, what_was_changed_is_not_taken);
	tcase_add_test(t, pieces_are_told_apart);
	tcase_add_test(t, a_server_that_is_full_says_so);
	tcase_add_test(t, a_silent_server_is_waited_for_no_longer_than_said);
	tcase_add_test(t, a_directory_keeps_nothing);
}

int main(void)
{
	return redis_have() ? check_main("kept", setup) : redis_skip("kept");
}
