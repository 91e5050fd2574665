/* SPDX-License-Identifier: MIT */
#include "store/redis.h"
#include "check_main.h"

static const struct {
	const char *in, *out;
} good[] = {
	{ "redis://h", "redis://h" },
	{ "REDIS://h:6379/0", "redis://h" },
	{ "redis://h:6380/3?prefix=a.b", "redis://h:6380/3?prefix=a.b" },
	{ "rediss://u:p%40%2f@[::1]:7000/", "rediss://u@[::1]:7000" },
	{ "redis://:secret@127.0.0.1", "redis://127.0.0.1" },
	{ "redis://u:a@b@host", "redis://u@host" },
	{ "redis://us%20er@host", "redis://us%20er@host" },
	{ "unix:///tmp/a%20b", "unix:///tmp/a%20b" },
	{ "unix://u:p@/tmp/s?db=2&prefix=x", "unix://u@/tmp/s?db=2&prefix=x" },
	{ "unix:///tmp/s?prefix=x", "unix:///tmp/s?prefix=x" },
};

START_TEST(a_url_is_printed_without_secrets_and_read_again)
{
	struct sk_redis_url u, again;
	struct snek_error e;
	struct sk_buf b = { .p = NULL };

	ck_assert_msg(sk_redis_url_parse(&u, good[_i].in, &e) == 0, "%s: %s",
	    good[_i].in, e.text);
	ck_assert_int_eq(sk_redis_url_print(&u, &b), 0);
	ck_assert_str_eq(b.p, good[_i].out);
	ck_assert_uint_eq(b.n, strlen(b.p));
	ck_assert_int_eq(sk_redis_url_parse(&again, b.p, &e), 0);
	ck_assert_ptr_null(again.password);
	sk_redis_url_free(&again);
	sk_redis_url_free(&u);
	sk_buf_free(&b);
}
END_TEST

#define SIXTY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
static const char *const bad[] = {
	"", "redis:", "redis://", "http://h", "redis://h:0", "redis://h:65536",
	"redis://h:1x", "redis://h:", "redis://h/x", "redis://h/1/2",
	"redis://h?db=1", "redis://h?x=1", "redis://h?prefix=", "redis://h#f",
	"redis://h?prefix=a:b", "redis://h?prefix=a*", "redis://h?prefix=a&prefix=b",
	"redis://[::1", "redis://[::1]x", "redis://::1", "redis://h h",
	"redis://u:s3cret%zz@h", "redis://u:s3cret%00@h", "redis://u:s3cret@h:x",
	"redis://u%2@h", "unix://tmp/s", "unix://", "unix:///", "unix://u@",
	"redis://h/9999999999", "unix:///s?db=x",
	"unix:///" SIXTY SIXTY,
};

START_TEST(a_wrong_url_is_refused_without_telling_its_password)
{
	struct sk_redis_url u;
	struct snek_error e = { .text = "" };

	ck_assert_msg(sk_redis_url_parse(&u, bad[_i], &e) == SNEK_EINVAL, "%s",
	    bad[_i]);
	ck_assert_ptr_null(strstr(e.text, "s3cret"));
	ck_assert_int_gt(strlen(e.text), 20);
}
END_TEST

START_TEST(parts_are_decoded)
{
	struct sk_redis_url u;
	struct snek_error e;

	ck_assert_int_eq(sk_redis_url_parse(&u,
	    "rediss://u%3Aser:p%2Fw%3f@[fe80::1]:7/4?prefix=k", &e), 0);
	ck_assert(u.tls && !u.path);
	ck_assert_str_eq(u.user, "u:ser");
	ck_assert_str_eq(u.password, "p/w?");
	ck_assert_str_eq(u.host, "fe80::1");
	ck_assert_str_eq(u.port, "7");
	ck_assert_str_eq(u.prefix, "k");
	ck_assert_uint_eq(u.db, 4);
	sk_redis_url_free(&u);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_loop_test(t, a_url_is_printed_without_secrets_and_read_again, 0,
	    sizeof(good) / sizeof(*good));
	tcase_add_loop_test(t, a_wrong_url_is_refused_without_telling_its_password,
	    0, sizeof(bad) / sizeof(*bad));
	tcase_add_test(t, parts_are_decoded);
}

int main(void)
{
	return check_main("url", setup);
}
