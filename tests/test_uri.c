/* SPDX-License-Identifier: MIT */
#include "host/uri.h"
#include "check_main.h"

#include <string.h>

static bool split(struct sk_uri *t, const char *text, size_t most)
{
	return sk_uri_split(t, text, strcspn(text, "?"), most);
}

START_TEST(a_path_comes_apart_decoded)
{
	struct sk_uri t;

	ck_assert(split(&t, "/2015-03-31/functions/a%3Ab%2fc/x?y=/z", 8));
	ck_assert_uint_eq(t.parts, 4);
	ck_assert_str_eq(t.part[0], "2015-03-31");
	ck_assert_str_eq(t.part[2], "a:b/c");
	ck_assert_str_eq(t.part[3], "x");
	ck_assert(split(&t, "/a/", 8));
	ck_assert_uint_eq(t.parts, 1);
	ck_assert(split(&t, "/a//b", 8));
	ck_assert_uint_eq(t.parts, 3);
	ck_assert_str_eq(t.part[1], "");
	ck_assert(split(&t, "/", 8));
	ck_assert_uint_eq(t.parts, 0);
}
END_TEST

START_TEST(the_last_part_keeps_its_slashes)
{
	struct sk_uri t;

	ck_assert(split(&t, "/bucket/a/b%20c/", 2));
	ck_assert_uint_eq(t.parts, 2);
	ck_assert_str_eq(t.part[1], "a/b c/");
}
END_TEST

START_TEST(what_cannot_be_decoded_is_refused)
{
	static const char *const bad[] = { "", "a", "/%", "/%1", "/%g0", "/%0g",
		"/a%00b", "/a/%2" };
	char path[2 * SK_URI_TEXT];
	struct sk_uri t;

	ck_assert(!split(&t, bad[_i], 8));
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	ck_assert(!split(&t, path, 8));
}
END_TEST

START_TEST(members_of_the_query_are_found_by_their_whole_names)
{
	static const char target[] = "/p?Ab=1&b=%7E+x&c&d=&Ab=2&e=%zz";
	char value[8];

	ck_assert_int_eq(sk_uri_query(target, "Ab", value, sizeof(value)), 1);
	ck_assert_str_eq(value, "1");
	ck_assert_int_eq(sk_uri_query_at(target, "Ab", 1, value, 8), 1);
	ck_assert_str_eq(value, "2");
	ck_assert_int_eq(sk_uri_query_at(target, "Ab", 2, value, 8), 0);
	ck_assert_int_eq(sk_uri_query(target, "b", value, sizeof(value)), 1);
	ck_assert_str_eq(value, "~+x");
	ck_assert_int_eq(sk_uri_query(target, "c", value, sizeof(value)), 1);
	ck_assert_str_eq(value, "");
	ck_assert_int_eq(sk_uri_query(target, "d", value, sizeof(value)), 1);
	ck_assert_int_eq(sk_uri_query(target, "A", value, sizeof(value)), 0);
	ck_assert_int_eq(sk_uri_query(target, "e", value, sizeof(value)), -1);
	ck_assert_int_eq(sk_uri_query(target, "b", value, 3), -1);
	ck_assert_int_eq(sk_uri_query("/p", "b", value, sizeof(value)), 0);
}
END_TEST

static const struct {
	const char *text, *name, *qualifier;    /* name NULL: refused */
} names[] = {
	{ "f", "f", "" }, { "my-f_1", "my-f_1", "" }, { "f:live", "f", "live" },
	{ "f:$LATEST", "f", "$LATEST" }, { "f:12", "f", "12" },
	{ "123456789012:function:f", "f", "" },
	{ "arn:aws:lambda:eu-central-1:123456789012:function:f", "f", "" },
	{ "arn:aws:lambda:eu-central-1:123456789012:function:f:7", "f", "7" },
	{ "function:f", "f", "" }, { "", NULL, NULL }, { "f:", NULL, NULL },
	{ "a b", NULL, NULL }, { "f:a b", NULL, NULL }, { "f/g", NULL, NULL },
	{ "../f", NULL, NULL }, { "arn:aws:lambda", NULL, NULL },
	{ "arn:aws:lambda:eu-central-1:1:function:f", NULL, NULL },
	{ "123456789012:f", NULL, NULL }, { "f:a:b", NULL, NULL },
	{ "0123456789012345678901234567890123456789012345678901234567890123x",
	    NULL, NULL },
};

START_TEST(functions_are_named_as_lambda_lets_one)
{
	struct sk_function_name n;

	if (!names[_i].name) {
		ck_assert(!sk_function_name_parse(names[_i].text, &n));
		return;
	}
	ck_assert(sk_function_name_parse(names[_i].text, &n));
	ck_assert_str_eq(n.name, names[_i].name);
	ck_assert_str_eq(n.qualifier, names[_i].qualifier);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_test(t, a_path_comes_apart_decoded);
	tcase_add_test(t, the_last_part_keeps_its_slashes);
	tcase_add_loop_test(t, what_cannot_be_decoded_is_refused, 0, 8);
	tcase_add_test(t, members_of_the_query_are_found_by_their_whole_names);
	tcase_add_loop_test(t, functions_are_named_as_lambda_lets_one, 0,
	    sizeof(names) / sizeof(*names));
}

int main(void)
{
	return check_main("uri", setup);
}
