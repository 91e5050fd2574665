/* SPDX-License-Identifier: MIT */
/* Which URLs records may be sent to. */
#include "base/weburl.h"

#include <string.h>

#include "check_main.h"

static const char *const good[] = {
	"https://example.com", "https://example.com/f?x=1&y=a%20b",
	"https://h-1.example:8443/", "https://10.0.0.7/f", "https://[2001:db8::1]/",
	"https://localhost", "http://localhost", "http://localhost:8080/f",
	"http://127.0.0.1:1", "http://127.9.9.9/f", "http://[::1]:7/f?q",
	"https://example.com?x=user@host",
};

START_TEST(these_are_taken)
{
	struct snek_error e = { 0 };
	int rc = sk_weburl_check(good[_i], &e);

	ck_assert_msg(!rc, "%s: %s", good[_i], e.text);
}
END_TEST

static const struct { const char *url, *says; } bad[] = {
	{ "", "begins with https://" }, { "example.com", "begins with" },
	{ "ftp://example.com", "begins with" },
	{ "HTTPS://example.com", "begins with" },
	{ "file:///etc/passwd", "begins with" },
	{ "http://example.com/f", "https:// only" },
	{ "http://10.0.0.1/f", "https:// only" },
	{ "http://127.evil.example/f", "https:// only" },
	{ "http://localhost.example/f", "https:// only" },
	{ "http://127.0.0.1.example/f", "https:// only" },
	{ "http://[::2]/", "https:// only" },
	{ "https://", "no host" }, { "https:///f", "no host" },
	{ "https://:80/f", "no host" }, { "https://h:/f", "no host" },
	{ "https://h:123456/f", "no host" }, { "https://h:8x/f", "no host" },
	{ "https://[::1/f", "no host" }, { "https://h\\f", "no host" },
	{ "https://u:secret@h/f", "user or a password" },
	{ "https://token@h", "user or a password" },
	{ "http://127.0.0.1@evil.example/", "user or a password" },
	{ "https://h/a b", "percent-encoded" }, { "https://h/\n", "percent" },
	{ "https://h/f#x", "fragment" }, { "https://h/\xc3\xa4", "percent" },
};

START_TEST(these_are_not)
{
	struct snek_error e = { 0 };

	ck_assert_int_eq(sk_weburl_check(bad[_i].url, &e), SNEK_EINVAL);
	ck_assert_msg(strstr(e.text, bad[_i].says) != NULL, "%s", e.text);
	ck_assert_ptr_null(strstr(e.text, "secret"));
}
END_TEST

START_TEST(a_long_one_is_not_cut)
{
	char url[SK_WEBURL_MAX + 2];
	struct snek_error e = { 0 };

	memset(url, 'a', sizeof(url));
	memcpy(url, "https://h/", 10);
	url[sizeof(url) - 1] = '\0';
	ck_assert_int_eq(sk_weburl_check(url, &e), SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "over 2047 bytes"));
	url[SK_WEBURL_MAX] = '\0';
	ck_assert_int_eq(sk_weburl_check(url, &e), 0);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_loop_test(t, these_are_taken, 0,
	    sizeof(good) / sizeof(*good));
	tcase_add_loop_test(t, these_are_not, 0, sizeof(bad) / sizeof(*bad));
	tcase_add_test(t, a_long_one_is_not_cut);
}

int main(void)
{
	return check_main("weburl", setup);
}
