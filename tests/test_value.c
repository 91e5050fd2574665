/* SPDX-License-Identifier: MIT */
#include "check_main.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "gen_json.h"
#include "value/json_read.h"
#include "value/pack.h"
#include "value/value.h"

static sk_json_reader *reader(void)
{
	static const struct sk_json_options plain = { .plain = true };
	sk_json_reader *r;

	ck_assert_int_eq(sk_json_reader_new(&plain, &r), 0);
	return r;
}

/* ---- order ---- */

/* Ascending; what stands on one line is one key. */
static const char *const ascending[][5] = {
	{ "null" }, { "false" }, { "true" },
	{ "-1.7976931348623157e308" }, { "-1e300" }, { "-9223372036854777856.0" },
	{ "-9223372036854775808", "-9223372036854775808.0" },
	{ "-9223372036854775807" }, { "-9007199254740993" },
	{ "-9007199254740992", "-9007199254740992.0" }, { "-2" }, { "-1.5" },
	{ "-1", "-1.0", "-1e0", "-0.1e1" }, { "-1e-300" }, { "-5e-324" },
	{ "0", "-0", "0.0", "-0.0", "0e9" },
	{ "5e-324" }, { "1e-323" }, { "2.2250738585072009e-308" },
	{ "2.2250738585072014e-308" }, { "1e-300" }, { "0.1" },
	{ "0.30000000000000004" }, { "0.5" },
	{ "1", "1.0", "1e0", "10e-1" }, { "1.0000000000000002" }, { "2" }, { "10" },
	{ "9007199254740991" }, { "9007199254740992", "9007199254740992.0" },
	{ "9007199254740993" }, { "9007199254740994", "9007199254740994.0" },
	{ "9223372036854775807" },
	{ "9223372036854775808", "9223372036854775808.0" },
	{ "9223372036854775809" }, { "18446744073709549568", "18446744073709549568.0" },
	{ "18446744073709551615" }, { "18446744073709551616.0" },
	{ "1.7976931348623157e308" },
	{ "\"\"" }, { "\"\\u0000\"" }, { "\"\\u0000a\"" }, { "\"1\"" }, { "\"a\"" },
	{ "\"a\\u0000\"" }, { "\"ab\"" }, { "\"b\"" }, { "\"\\u00e9\"", "\"é\"" },
	{ "\"\\uffff\"" }, { "\"\\ud83d\\ude00\"" },
	{ "[]" }, { "[null]" }, { "[1]", "[1.0]" }, { "[1,1]" }, { "[2]" },
	{ "[\"a\"]" }, { "[\"a\",1]" }, { "[\"a\\u0000\"]" }, { "[\"ab\"]" },
	{ "[[]]" }, { "[{}]" },
	{ "{}" }, { "{\"\":1}" }, { "{\"a\":1}", "{\"a\":1.0}" },
	{ "{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}" }, { "{\"a\":1,\"b\":3}" },
	{ "{\"a\":1,\"c\":0}" }, { "{\"a\":2}" }, { "{\"a\":[1]}" },
	{ "{\"a\\u0000\":0}" }, { "{\"aa\":0}" }, { "{\"b\":0}" },
};
#define LINES (sizeof(ascending) / sizeof(*ascending))

static int compare_texts(sk_json_reader *a, const char *x, sk_json_reader *b,
    const char *y)
{
	struct snek_value vx, vy;

	ck_assert_int_eq(sk_json_value(a, x, strlen(x), &vx, NULL), 0);
	ck_assert_int_eq(sk_json_value(b, y, strlen(y), &vy, NULL), 0);
	return sk_value_compare(vx, vy);
}

START_TEST(keys_have_one_order)
{
	sk_json_reader *a = reader(), *b = reader();
	const char *const *x = ascending[_i];
	unsigned i, j, k;
	int c;

	for (j = 0; j < LINES; j++)
		for (i = 0; i < 5 && x[i]; i++)
			for (k = 0; k < 5 && ascending[j][k]; k++) {
				c = compare_texts(a, x[i], b, ascending[j][k]);
				ck_assert_msg((c > 0) - (c < 0) ==
				    (_i > (int)j) - (_i < (int)j), "%s %s %d",
				    x[i], ascending[j][k], c);
			}
	sk_json_reader_free(a);
	sk_json_reader_free(b);
}
END_TEST

START_TEST(wide_objects_compare_by_name_whatever_the_order)
{
	sk_json_reader *a = reader(), *b = reader();
	struct sk_buf up = { 0 }, down = { 0 };
	struct snek_value vx, vy;
	int i;

	for (i = 0; i < 500; i++) {
		sk_buf_printf(&up, "%c\"n%d\":%d", i ? ',' : '{', i, i);
		sk_buf_printf(&down, "%c\"n%d\":%d", i ? ',' : '{', 499 - i, 499 - i);
	}
	sk_buf_byte(&up, '}');
	sk_buf_byte(&down, '}');
	ck_assert_int_eq(sk_json_value(a, up.p, up.n, &vx, NULL), 0);
	ck_assert_int_eq(sk_json_value(b, down.p, down.n, &vy, NULL), 0);
	ck_assert_int_eq(sk_value_compare(vx, vy), 0);
	down.p[down.n - 2] = '1';               /* "n0":1 */
	ck_assert_int_eq(sk_json_value(b, down.p, down.n, &vy, NULL), 0);
	ck_assert_int_lt(sk_value_compare(vx, vy), 0);
	sk_buf_free(&up);
	sk_buf_free(&down);
	sk_json_reader_free(a);
	sk_json_reader_free(b);
}
END_TEST

/* ---- JSON out ---- */

static void write_as(struct snek_value v, const char *text)
{
	struct sk_buf b = { 0 };

	ck_assert(sk_json_write(&b, v));
	ck_assert_msg(b.n == strlen(text) && !memcmp(b.p, text, b.n),
	    "%.*s, not %s", (int)b.n, b.p, text);
	sk_buf_free(&b);
}

static const struct { double d; const char *text; } doubles[] = {
	{ 0.0, "0.0" }, { -0.0, "-0.0" }, { 1.0, "1.0" }, { -1.0, "-1.0" },
	{ 0.1, "0.1" }, { 0.1 + 0.2, "0.30000000000000004" }, { 1e15, "1e+15" },
	{ 123456789012345.0, "123456789012345.0" }, { 1e22, "1e+22" },
	{ 1e300, "1e+300" }, { 5e-324, "5e-324" }, { 1e-323, "1e-323" },
	{ 2.2250738585072014e-308, "2.2250738585072014e-308" },
	{ 2.2250738585072009e-308, "2.225073858507201e-308" },
	{ 1.7976931348623157e308, "1.7976931348623157e+308" },
	{ 9007199254740993.0, "9007199254740992.0" },
	{ 1.5, "1.5" }, { 1e-7, "1e-07" }, { 0x1p-44, "5.684341886080802e-14" },
	{ 0x1p-791, "7.678447687145631e-239" },
};

START_TEST(doubles_are_written_short_with_a_point_or_exponent)
{
	write_as(sk_double(doubles[_i].d), doubles[_i].text);
}
END_TEST

START_TEST(doubles_read_back_equal)
{
	struct sk_buf b = { 0 };
	struct gen g;
	double d;
	int i;

	gen_seed(&g, 7);
	for (i = 0; i < 100000; i++) {
		uint64_t u = gen_below(&g, UINT64_MAX);

		if (i < 4096)
			u = (uint64_t)i << 52;  /* every power of two */
		else if (i % 4 == 0)
			u >>= 12;               /* subnormal */
		memcpy(&d, &u, 8);
		if (!isfinite(d))
			continue;
		b.n = 0;
		ck_assert(sk_json_write(&b, sk_double(d)) && sk_buf_byte(&b, 0));
		ck_assert_msg(strtod(b.p, NULL) == d, "%a %s", d, b.p);
		ck_assert_msg(strpbrk(b.p, ".e"), "%s", b.p);
	}
	sk_buf_free(&b);
}
END_TEST

START_TEST(numbers_do_not_know_the_locale)
{
	static const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8",
		"de_DE.utf8", "fr_FR.utf8", "ps_AF.UTF-8" };
	sk_json_reader *r;
	struct snek_value v;
	unsigned i;

	for (i = 0; i < 5 && !setlocale(LC_ALL, names[i]); i++)
		;
	r = reader();           /* with or without such a locale here */
	ck_assert_int_eq(sk_json_value(r, "1.25e1", 6, &v, NULL), 0);
	ck_assert(v.type == SNEK_DOUBLE && v.as.d == 12.5);
	write_as(sk_double(0.30000000000000004), "0.30000000000000004");
	sk_json_reader_free(r);
	setlocale(LC_ALL, "C");
}
END_TEST

START_TEST(integers_and_words_are_written)
{
	write_as(sk_int(0), "0");
	write_as(sk_int(INT64_MIN), "-9223372036854775808");
	write_as(sk_int(INT64_MAX), "9223372036854775807");
	write_as(sk_uint(UINT64_MAX), "18446744073709551615");
	write_as(sk_bool(true), "true");
	write_as(sk_bool(false), "false");
	write_as(sk_null(), "null");
	write_as(sk_none(), "null");
}
END_TEST

START_TEST(only_what_must_be_is_escaped)
{
	write_as(sk_string("a/\"\\\b\f\n\r\t\0\x1f\x7f\xc3\xa9", 14),
	    "\"a/\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f\x7f\xc3\xa9\"");
	write_as(sk_string("\v", 1), "\"\\u000b\"");
	write_as(sk_cstring(""), "\"\"");
}
END_TEST

/* A byte at any place among others that are not escaped. */
START_TEST(an_escape_is_seen_wherever_it_stands)
{
	static const char filler[] = "\x7f\xc3\xbf !#[]~";
	char text[24], want[80], one[8];
	struct sk_buf b = { 0 };
	size_t n, at, i, m;
	int c;

	for (c = 0; c < 128; c++)
		for (n = 1; n < 20; n++)
			for (at = 0; at < n; at++) {
				for (i = 0; i < n; i++)
					text[i] = filler[i % 9];
				text[at] = (char)c;
				snprintf(one, sizeof(one), c < ' ' ? "\\u%04x" :
				    c == '"' || c == '\\' ? "\\%c" : "%c", c);
				if (strchr("\b\t\n\f\r", c) && c)
					snprintf(one, sizeof(one), "\\%c",
					    "btn0fr"[c - '\b']);
				m = (size_t)snprintf(want, sizeof(want),
				    "\"%.*s%s%.*s\"", (int)at, text, one,
				    (int)(n - at - 1), text + at + 1);
				b.n = 0;
				ck_assert(sk_json_write(&b, sk_string(text, n)));
				ck_assert_uint_eq(b.n, m);
				ck_assert_mem_eq(b.p, want, m);
			}
	sk_buf_free(&b);
}
END_TEST

START_TEST(what_is_no_json_is_not_written)
{
	struct sk_buf b = { 0 };
	struct snek_value v = { .type = SNEK_ARRAY, .len = 1, .as.p = "\x91" };

	ck_assert(!sk_json_write(&b, sk_double(INFINITY)));
	ck_assert(!sk_json_write(&b, sk_double(NAN)));
	ck_assert(!sk_json_write(&b, v));
	sk_buf_free(&b);
}
END_TEST

/* ---- paths ---- */

static const struct { const char *path, *found; } paths[] = {
	{ "", "{\"a\":{\"b\":[10,{\"c\":\"x\"}],\".\":1,\"[\":2,\"\\\\\":3},"
	    "\"d\":null,\"é\":[[5]]}" },
	{ "a.b[0]", "10" }, { "a.b[1].c", "\"x\"" }, { "a.\\.", "1" },
	{ "a.\\[", "2" }, { "a.\\\\", "3" }, { "d", "null" }, { "é[0][0]", "5" },
	{ "x", "" }, { "a.b[2]", "" }, { "a[0]", "" }, { "d.e", "" },
	{ "a.b.c", "" }, { "[0]", "" }, { "a.b[4294967295]", "" },
};

START_TEST(paths_lead_to_values)
{
	sk_json_reader *r = reader();
	struct snek_value v;
	struct sk_path p;
	struct sk_buf b = { 0 };

	ck_assert_int_eq(sk_json_value(r, paths[0].found,
	    strlen(paths[0].found), &v, NULL), 0);
	ck_assert_int_eq(sk_path_parse(&p, paths[_i].path, NULL), 0);
	v = sk_path_walk(&p, 0, v);
	if (v.type)
		ck_assert(sk_json_write(&b, v));
	ck_assert_msg(b.n == strlen(paths[_i].found) &&
	    (!b.n || !memcmp(b.p, paths[_i].found, b.n)), "%s: %.*s",
	    paths[_i].path, (int)b.n, b.p);
	sk_path_free(&p);
	sk_buf_free(&b);
	sk_json_reader_free(r);
}
END_TEST

static const char *const bad_paths[] = { "a..b", ".a", "a.", "a[", "a[]",
	"a[x]", "a[-1]", "a[1", "a[4294967296]", "a[99999999999999999999]",
	"a[0]b", "a\\", "a\\n", "." };

START_TEST(bad_paths_are_refused)
{
	struct snek_error e;
	struct sk_path p;

	ck_assert_int_eq(sk_path_parse(&p, bad_paths[_i], &e), SNEK_EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, bad_paths[_i]));
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_loop_test(t, keys_have_one_order, 0, LINES);
	tcase_add_test(t, wide_objects_compare_by_name_whatever_the_order);
	tcase_add_loop_test(t, doubles_are_written_short_with_a_point_or_exponent,
	    0, sizeof(doubles) / sizeof(*doubles));
	tcase_add_test(t, doubles_read_back_equal);
	tcase_add_test(t, numbers_do_not_know_the_locale);
	tcase_add_test(t, integers_and_words_are_written);
	tcase_add_test(t, only_what_must_be_is_escaped);
	tcase_add_test(t, an_escape_is_seen_wherever_it_stands);
	tcase_add_test(t, what_is_no_json_is_not_written);
	tcase_add_loop_test(t, paths_lead_to_values, 0,
	    sizeof(paths) / sizeof(*paths));
	tcase_add_loop_test(t, bad_paths_are_refused, 0,
	    sizeof(bad_paths) / sizeof(*bad_paths));
}

int main(void)
{
	return check_main("value", setup);
}
