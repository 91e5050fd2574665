/* SPDX-License-Identifier: MIT */
/* test_login.c - how old the passwords of a function's servers may grow. */
#include "api/login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "tempdir.h"

#define MINUTE ((int64_t)60000)

static const struct sk_aws_ops *ops;
static struct sk_aws *aws;
static struct sk_api_login l;
static struct snek_error err;
static char dir[64];

static void setup(void)
{
	const struct sk_aws_options o = { .region = "eu-west-1" };

	tempdir_make(dir);
	setenv("TMPDIR", dir, 1);
	setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG", 1);
	setenv("SNEK_META", "rediss://m.x:6379", 1);
	setenv("SNEK_SHARDS", "rediss://s0.x:6379", 1);
	setenv("SNEK_CACHES", "one-m,one-s0", 1);
	setenv("SNEK_REDIS_USER", "one-api", 1);
	ck_assert_msg(!sk_aws_load(&ops, &err), "%s", err.text);
	ck_assert_msg(!ops->open(&o, &aws, &err), "%s", err.text);
	memset(&l, 0, sizeof(l));
	ck_assert_int_eq(sk_api_login(&l, ops, aws, SK_API_LOGIN_OLD_MS, &err),
	    1);
}

static void teardown(void)
{
	sk_buf_free(&l.urls);
	ops->close(aws);
	tempdir_remove(dir);
}

/* So long ago, as each of the clocks says. */
static void made(int64_t monotonic_ms, int64_t wall_ms)
{
	l.made = sk_moment_now();
	l.made.monotonic -= monotonic_ms;
	l.made.wall -= wall_ms;
}

static const struct {
	int64_t monotonic, wall, oldest;
	int anew;
} ages[] = {
	{ 2 * MINUTE, 2 * MINUTE, SK_API_LOGIN_OLD_MS, 0 },
	{ 9 * MINUTE, 9 * MINUTE, SK_API_LOGIN_OLD_MS, 1 },
	/* who coordinates */
	{ 2 * MINUTE, 2 * MINUTE, SK_API_LOGIN_FRESH_MS, 1 },
	{ 0, 0, SK_API_LOGIN_FRESH_MS, 0 },
	/* frozen meanwhile */
	{ 0, 9 * MINUTE, SK_API_LOGIN_OLD_MS, 1 },
	/* the clock was set back, or forward */
	{ 9 * MINUTE, -60 * MINUTE, SK_API_LOGIN_OLD_MS, 1 },
	{ 2 * MINUTE, -60 * MINUTE, SK_API_LOGIN_OLD_MS, 0 },
	{ 0, 60 * MINUTE, SK_API_LOGIN_OLD_MS, 1 },
	/* a server took none */
	{ 0, 0, 0, 1 },
};

START_TEST(passwords_are_made_anew_when_they_are_old)
{
	made(ages[_i].monotonic, ages[_i].wall);
	ck_assert_int_eq(sk_api_login(&l, ops, aws, ages[_i].oldest, &err),
	    ages[_i].anew);
	if (ages[_i].anew)
		ck_assert_int_gt(sk_api_login_left(&l), SK_API_LOGIN_MS -
		    MINUTE);
}
END_TEST

START_TEST(a_password_is_good_for_a_quarter_of_an_hour)
{
	int64_t left;

	made(13 * MINUTE, 14 * MINUTE);
	left = sk_api_login_left(&l);
	ck_assert_int_le(left, MINUTE);
	ck_assert_int_gt(left, 0);
	ck_assert_ptr_nonnull(strstr(l.urls.p, "X-Amz-Expires%3D900"));
	made(0, 16 * MINUTE);
	ck_assert_int_lt(sk_api_login_left(&l), 0);
}
END_TEST

START_TEST(a_token_has_no_end)
{
	unsetenv("SNEK_CACHES");
	made(24 * 60 * MINUTE, 24 * 60 * MINUTE);
	ck_assert_int_gt(sk_api_login_left(&l), 24 * 60 * MINUTE);
}
END_TEST

static void tests(TCase *t)
{
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, passwords_are_made_anew_when_they_are_old, 0,
	    sizeof(ages) / sizeof(*ages));
	tcase_add_test(t, a_password_is_good_for_a_quarter_of_an_hour);
	tcase_add_test(t, a_token_has_no_end);
}

int main(void)
{
	return check_main("login", tests);
}
