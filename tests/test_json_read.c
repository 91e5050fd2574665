/* SPDX-License-Identifier: MIT */
#include "check_main.h"

#include "base/err.h"
#include "gen_json.h"
#include "value/json_read.h"
#include "value/value.h"

static sk_json_reader *reader(bool plain, bool last)
{
	struct sk_json_options o = { .plain = plain, .last_duplicate = last };
	sk_json_reader *r;

	ck_assert_int_eq(sk_json_reader_new(&o, &r), 0);
	return r;
}

/* ---- what is refused, where, and in which words ---- */

#define T(s) s, sizeof(s) - 1
#define MANY "[[[[[[[[[[[[[[[["

static const struct {
	const char *text;
	size_t n, at;
	int rc;
	const char *words;
} bad[] = {
	{ T(""), 0, SNEK_EFORMAT, "expected a value but found the end" },
	{ T(" \n"), 2, SNEK_EFORMAT, "expected a value but found the end" },
	{ T("\xef\xbb\xbf{}"), 0, SNEK_EFORMAT,
	    "expected a value but found '\xef\xbb\xbf'" },
	{ T("{\"a\":1 x}"), 7, SNEK_EFORMAT, "expected ',' or '}' but found 'x'" },
	{ T("{\"a\":1"), 6, SNEK_EFORMAT, "expected ',' or '}' but found the end" },
	{ T("{\"a\":1]"), 6, SNEK_EFORMAT, "expected ',' or '}' but found ']'" },
	{ T("[1}"), 2, SNEK_EFORMAT, "expected ',' or ']' but found '}'" },
	{ T("[1 2]"), 3, SNEK_EFORMAT, "expected ',' or ']' but found '2'" },
	{ T("[1,]"), 3, SNEK_EFORMAT, "expected a value but found ']'" },
	{ T("[,1]"), 1, SNEK_EFORMAT, "expected a value but found ','" },
	{ T("[1,,2]"), 3, SNEK_EFORMAT, "expected a value but found ','" },
	{ T("["), 1, SNEK_EFORMAT, "expected a value but found the end" },
	{ T("{"), 1, SNEK_EFORMAT,
	    "expected a member name in quotes but found the end" },
	{ T("{\"a\":1,}"), 7, SNEK_EFORMAT,
	    "expected a member name in quotes but found '}'" },
	{ T("{a:1}"), 1, SNEK_EFORMAT,
	    "expected a member name in quotes but found 'a'" },
	{ T("{'a':1}"), 1, SNEK_EFORMAT,
	    "expected a member name in quotes but found '''" },
	{ T("{\"a\" 1}"), 5, SNEK_EFORMAT, "expected ':' but found '1'" },
	{ T("{\"a\"}"), 4, SNEK_EFORMAT, "expected ':' but found '}'" },
	{ T("{\"a\":}"), 5, SNEK_EFORMAT, "expected a value but found '}'" },
	{ T("{\"a\":\xc3\xa9}"), 5, SNEK_EFORMAT,
	    "expected a value but found '\xc3\xa9'" },
	{ T("1 2"), 2, SNEK_EFORMAT, "expected nothing more but found '2'" },
	{ T("{} {}"), 3, SNEK_EFORMAT, "expected nothing more but found '{'" },
	{ T("{}\0"), 2, SNEK_EFORMAT, "expected nothing more but found byte 0x00" },
	{ T("\0"), 0, SNEK_EFORMAT, "expected a value but found byte 0x00" },
	{ T("\x80"), 0, SNEK_EFORMAT, "expected a value but found byte 0x80" },
	{ T("\f1"), 0, SNEK_EFORMAT, "expected a value but found byte 0x0c" },
	{ T("// x\n1"), 0, SNEK_EFORMAT, "expected a value but found '/'" },
	/* words */
	{ T("nul"), 0, SNEK_EFORMAT, "expected a value but found 'nul'" },
	{ T("[nulll]"), 1, SNEK_EFORMAT, "expected a value but found 'nulll'" },
	{ T("True"), 0, SNEK_EFORMAT, "expected a value but found 'True'" },
	{ T("NaN"), 0, SNEK_EFORMAT, "expected a value but found 'NaN'" },
	{ T("-Infinity"), 1, SNEK_EFORMAT, "expected a digit but found 'I'" },
	/* strings */
	{ T("\"abc"), 0, SNEK_EFORMAT, "unterminated string" },
	{ T("{\"a\":\"b\\\"}"), 5, SNEK_EFORMAT, "unterminated string" },
	{ T("\"\\"), 0, SNEK_EFORMAT, "unterminated string" },
	{ T("\"a\nb\""), 2, SNEK_EFORMAT, "control character 0x0a in a string" },
	{ T("\"\0\""), 1, SNEK_EFORMAT, "control character 0x00 in a string" },
	{ T("\"\x1f\""), 1, SNEK_EFORMAT, "control character 0x1f in a string" },
	{ T("\"a\\x\""), 2, SNEK_EFORMAT, "bad escape \\x in a string" },
	{ T("\"\\'\""), 1, SNEK_EFORMAT, "bad escape \\' in a string" },
	{ T("\"\\\0\""), 1, SNEK_EFORMAT,
	    "bad escape \\ and byte 0x00 in a string" },
	{ T("\"\\u12g4\""), 5, SNEK_EFORMAT,
	    "expected four hex digits after \\u but found 'g'" },
	{ T("\"\\u12\""), 5, SNEK_EFORMAT,
	    "expected four hex digits after \\u but found '\"'" },
	{ T("\"\\u123"), 6, SNEK_EFORMAT,
	    "expected four hex digits after \\u but found the end" },
	{ T("\"\\ud800\""), 1, SNEK_EFORMAT, "lone surrogate \\ud800 in a string" },
	{ T("\"\\uDFFF\""), 1, SNEK_EFORMAT, "lone surrogate \\udfff in a string" },
	{ T("\"\\ud800\\u0041\""), 1, SNEK_EFORMAT,
	    "lone surrogate \\ud800 in a string" },
	{ T("\"\\ud800\\ud800\""), 1, SNEK_EFORMAT,
	    "lone surrogate \\ud800 in a string" },
	{ T("\"\\ud800\\n\""), 1, SNEK_EFORMAT,
	    "lone surrogate \\ud800 in a string" },
	/* UTF-8 */
	{ T("\"a\x80\""), 2, SNEK_EFORMAT, "invalid UTF-8 byte 0x80 in a string" },
	{ T("\"\xc0\x80\""), 1, SNEK_EFORMAT, "invalid UTF-8 byte 0xc0 in a string" },
	{ T("\"\xc3\""), 1, SNEK_EFORMAT, "invalid UTF-8 byte 0xc3 in a string" },
	{ T("\"\xe0\x9f\xbf\""), 1, SNEK_EFORMAT,
	    "invalid UTF-8 byte 0xe0 in a string" },
	{ T("\"\xed\xa0\x80\""), 1, SNEK_EFORMAT,
	    "invalid UTF-8 byte 0xed in a string" },
	{ T("\"\xf4\x90\x80\x80\""), 1, SNEK_EFORMAT,
	    "invalid UTF-8 byte 0xf4 in a string" },
	{ T("\"\xf5\x80\x80\x80\""), 1, SNEK_EFORMAT,
	    "invalid UTF-8 byte 0xf5 in a string" },
	{ T("{\"\xff\":1}"), 2, SNEK_EFORMAT, "invalid UTF-8 byte 0xff in a string" },
	/* numbers */
	{ T("-"), 1, SNEK_EFORMAT, "expected a digit but found the end" },
	{ T("[-]"), 2, SNEK_EFORMAT, "expected a digit but found ']'" },
	{ T("+1"), 0, SNEK_EFORMAT, "expected a value but found '+'" },
	{ T(".5"), 0, SNEK_EFORMAT, "expected a value but found '.'" },
	{ T("1."), 2, SNEK_EFORMAT, "expected a digit but found the end" },
	{ T("[1.e1]"), 3, SNEK_EFORMAT, "expected a digit but found 'e'" },
	{ T("1e"), 2, SNEK_EFORMAT, "expected a digit but found the end" },
	{ T("1e+"), 3, SNEK_EFORMAT, "expected a digit but found the end" },
	{ T("01"), 0, SNEK_EFORMAT, "number with a leading zero" },
	{ T("[-012]"), 1, SNEK_EFORMAT, "number with a leading zero" },
	{ T("0x10"), 1, SNEK_EFORMAT, "expected nothing more but found 'x'" },
	{ T("[1a]"), 2, SNEK_EFORMAT, "expected ',' or ']' but found 'a'" },
	{ T("18446744073709551616"), 0, SNEK_ELIMIT,
	    "number out of range: integers lie in [-2^63, 2^64)" },
	{ T("{\"a\":1180591620717411303424}"), 5, SNEK_ELIMIT,
	    "number out of range: integers lie in [-2^63, 2^64)" },
	{ T("-9223372036854775809"), 0, SNEK_ELIMIT,
	    "number out of range: integers lie in [-2^63, 2^64)" },
	{ T("[1e309]"), 1, SNEK_ELIMIT,
	    "number out of range: beyond the largest double" },
	{ T("-1e99999999999999999999"), 0, SNEK_ELIMIT,
	    "number out of range: beyond the largest double" },
	{ T("1.7976931348623159e308"), 0, SNEK_ELIMIT,
	    "number out of range: beyond the largest double" },
	/* duplicates and depth */
	{ T("{\"a\":1,\"a\":2}"), 7, SNEK_EFORMAT, "duplicate member \"a\"" },
	{ T("{\"a\":1,\"b\":2,\"\\u0061\":3}"), 13, SNEK_EFORMAT,
	    "duplicate member \"a\"" },
	{ T("{\"\":1,\"\":2}"), 6, SNEK_EFORMAT, "duplicate member \"\"" },
	{ T("[{\"x\":{\"a\":1,\"\\u0000\":2,\"\\u0000\":2}}]"), 24, SNEK_EFORMAT,
	    "duplicate member \"\\u0000\"" },
	{ T(MANY MANY MANY MANY "["), 64, SNEK_ELIMIT,
	    "arrays and objects more than 64 deep" },
	{ T("{\"a\":" MANY MANY MANY MANY), 68, SNEK_ELIMIT,
	    "arrays and objects more than 64 deep" },
};

START_TEST(bad_texts_are_refused_by_place_and_words)
{
	sk_json_reader *r = reader(_i % 2, false);
	struct sk_record record;
	struct snek_error e;
	size_t at = 999;

	_i /= 2;
	ck_assert_int_eq(sk_json_read(r, bad[_i].text, bad[_i].n, &record, &at,
	    &e), bad[_i].rc);
	ck_assert_msg(at == bad[_i].at, "%s: at %zu", bad[_i].text, at);
	ck_assert_str_eq(e.text, bad[_i].words);
	ck_assert_int_eq(e.code, bad[_i].rc);
	sk_json_reader_free(r);
}
END_TEST

/* ---- what is taken, and what comes out ---- */

static const struct { const char *in, *out; } good[] = {
	{ " {} ", "{}" }, { "[]", "[]" }, { "\t\r\n1\n", "1" }, { "-0", "0" },
	{ "-0.0", "-0.0" }, { "-0e5", "-0.0" }, { "1.0", "1.0" }, { "1e0", "1.0" },
	{ "1E+2", "100.0" }, { "0.1", "0.1" }, { "1e-400", "0.0" },
	{ "-1e-400", "-0.0" }, { "0e99999", "0.0" },
	{ "9223372036854775807", "9223372036854775807" },
	{ "9223372036854775808", "9223372036854775808" },
	{ "18446744073709551615", "18446744073709551615" },
	{ "-9223372036854775808", "-9223372036854775808" },
	{ "18446744073709551616.0", "1.8446744073709552e+19" },
	{ "1.7976931348623157e308", "1.7976931348623157e+308" },
	{ "1.7976931348623158e308", "1.7976931348623157e+308" },
	{ "2.2250738585072011e-308", "2.225073858507201e-308" },
	{ "2.4703282292062328e-324", "5e-324" }, { "2.4703282292062327e-324", "0.0" },
	{ "9007199254740993.0", "9007199254740992.0" },
	{ "1.00000000000000011102230246251565404236316680908203124", "1.0" },
	{ "1.00000000000000011102230246251565404236316680908203126",
	    "1.0000000000000002" },
	{ "true", "true" }, { "false", "false" }, { "null", "null" },
	{ "\"\"", "\"\"" }, { "\"\\u0000\"", "\"\\u0000\"" },
	{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"" },
	{ "\"\\u00e9\\ud83d\\ude00\\uFFFF\"", "\"é😀\xef\xbf\xbf\"" },
	{ "\"\x7f\"", "\"\x7f\"" },
	{ "{\"\":1,\" \":2}", "{\"\":1,\" \":2}" },
	{ "{\"b\":[1,{\"z\":null,\"a\":[]}],\"a\":\"x\"}",
	    "{\"b\":[1,{\"z\":null,\"a\":[]}],\"a\":\"x\"}" },
	{ "[ 1 , [ ] , { } , \"\" ]", "[1,[],{},\"\"]" },
	{ "{\"a\":{\"a\":{\"a\":1}}}", "{\"a\":{\"a\":{\"a\":1}}}" },
	{ MANY MANY MANY MANY "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
	    "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", MANY MANY MANY MANY
	    "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]" },
};

static void comes_out_as(sk_json_reader *r, const char *in, const char *out)
{
	struct sk_buf b = { 0 }, whole = { 0 };
	struct sk_record record;
	struct snek_value v;

	ck_assert_int_eq(sk_json_read(r, in, strlen(in), &record, NULL, NULL), 0);
	ck_assert(sk_json_write_record(&b, &record));
	ck_assert_msg(b.n == strlen(out) && !memcmp(b.p, out, b.n), "%.*s",
	    (int)b.n, b.p);
	ck_assert_int_eq(sk_json_value(r, in, strlen(in), &v, NULL), 0);
	ck_assert(sk_json_write(&whole, v));
	ck_assert(b.n == whole.n && !memcmp(b.p, whole.p, b.n));
	sk_buf_free(&b);
	sk_buf_free(&whole);
}

START_TEST(good_texts_are_taken_as_they_are)
{
	sk_json_reader *r = reader(_i % 2, false);

	comes_out_as(r, good[_i / 2].in, good[_i / 2].out);
	sk_json_reader_free(r);
}
END_TEST

static const struct { const char *in, *out; } last[] = {
	{ "{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}" },
	{ "{\"a\":1,\"a\":2,\"a\":[3]}", "{\"a\":[3]}" },
	{ "{\"x\":{\"a\":1,\"b\":[],\"a\":{\"b\":1,\"b\":2}},\"y\":1}",
	    "{\"x\":{\"a\":{\"b\":2},\"b\":[]},\"y\":1}" },
	{ "[{\"a\":1,\"a\":2},{\"a\":3}]", "[{\"a\":2},{\"a\":3}]" },
	{ "{\"a\":{\"a\":1},\"b\":\"\",\"a\":{\"a\":2,\"a\":3}}",
	    "{\"a\":{\"a\":3},\"b\":\"\"}" },
	{ "[{\"0\":0,\"1\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,"
	    "\"8\":0,\"9\":0,\"10\":0,\"11\":0,\"12\":0,\"13\":0,\"14\":0,"
	    "\"15\":0,\"0\":1}]",
	    "[{\"0\":1,\"1\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,"
	    "\"8\":0,\"9\":0,\"10\":0,\"11\":0,\"12\":0,\"13\":0,\"14\":0,"
	    "\"15\":0}]" },
};

START_TEST(the_last_of_equal_names_wins_if_asked)
{
	sk_json_reader *r = reader(_i % 2, true);

	comes_out_as(r, last[_i / 2].in, last[_i / 2].out);
	sk_json_reader_free(r);
}
END_TEST

/* ---- both parsers ---- */

static bool same_value(struct snek_value a, struct snek_value b)
{
	if (a.type != b.type || a.len != b.len)
		return false;
	if (a.type >= SNEK_STRING)
		return !a.len || !memcmp(a.as.p, b.as.p, a.len);
	return a.type <= SNEK_NULL || (a.type == SNEK_BOOL ?
	    a.as.b == b.as.b : a.as.u == b.as.u);
}

static bool same_record(const struct sk_record *a, const struct sk_record *b)
{
	uint32_t i;

	if (a->object != b->object || a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++) {
		if (a->member[i].name_len != b->member[i].name_len)
			return false;
		if (a->object && a->member[i].name_len &&
		    memcmp(a->member[i].name, b->member[i].name,
		    a->member[i].name_len))
			return false;
		if (!same_value(a->member[i].value, b->member[i].value))
			return false;
	}
	return true;
}

static void agree(sk_json_reader *fast, sk_json_reader *plain,
    const char *text, size_t n, uint64_t taken[2])
{
	struct sk_record a, b;
	int ra = sk_json_read(fast, text, n, &a, NULL, NULL);
	int rb = sk_json_read(plain, text, n, &b, NULL, NULL);

	ck_assert_msg(ra == rb, "fast %d, plain %d: %.*s", ra, rb, (int)n, text);
	ck_assert_msg(ra < 0 || same_record(&a, &b), "differ: %.*s", (int)n, text);
	taken[ra == 0]++;
}

START_TEST(both_parsers_agree)
{
	sk_json_reader *fast = reader(false, _i), *plain = reader(true, _i);
	struct sk_buf b = { 0 };
	uint64_t taken[2] = { 0 };
	struct gen g;
	int i, kind;

	gen_seed(&g, 2023 + (uint64_t)_i);
	for (i = 0; i < 60000; i++) {
		b.n = 0;
		kind = i % GEN_KINDS;
		if (kind == GEN_WIDE && i % 50)
			kind = GEN_TOP;
		gen_document(&g, kind, i / 16 % 2, &b);
		if (i % 3)
			gen_damage(&g, &b);
		agree(fast, plain, b.p, b.n, taken);
	}
	ck_assert_uint_gt(taken[0], 15000);
	ck_assert_uint_gt(taken[1], 20000);
	sk_buf_free(&b);
	sk_json_reader_free(fast);
	sk_json_reader_free(plain);
}
END_TEST

/* Flat records, and what nearly is one: pieces that mostly stand where they
 * belong.  After each comes one that is, so that none is passed on unseen. */
static const char *const names[] = { "\"a\"", "\"b\"", "\"name of some length\"",
	"\"\"", "\"\xc3\xa9\"", "\"\\u0061\"", "\"a", "a", "1", "\"\x80\"" };
static const char *const values[] = { "1", "-1", "0", "-0", "01", "-", "1.5", "1e3",
	"1E", "123456789012345678", "1234567890123456789", "-123456789012345678",
	"18446744073709551615", "99999999999999999999", "true", "false", "null",
	"nul", "truefalse", "\"\"", "\"text\"", "\"sixteen bytes...\"",
	"\"more than sixteen bytes, and \xe2\x82\xac\"", "\"\xed\xa0\x80\"",
	"\"seventeen bytes \xc3\"", "\"a\tb\"", "\"a\nb\"", "\"a\\nb\"", "\"a\\\"",
	"\"no end", "[]", "[1]", "{}", "\"\x7f\"", "" };
static const char *const marks[] = { ":", ",", "}", "{", " ", "\n", "\t \r", "" };

#define ANY(list) list[gen_below(g, sizeof(list) / sizeof(*list))]

static void put_text(struct sk_buf *b, struct gen *g, const char *usual)
{
	const char *s = gen_below(g, 20) ? usual : ANY(marks);

	ck_assert(sk_buf_put(b, s, strlen(s)));
	if (!gen_below(g, 10))
		ck_assert(sk_buf_byte(b, ' '));
}

static void nearly_flat(struct gen *g, struct sk_buf *b)
{
	uint64_t n = gen_below(g, 4), i;

	b->n = 0;
	put_text(b, g, "{");
	for (i = 0; i < n; i++) {
		put_text(b, g, gen_below(g, 8) ? names[(i + n) % 5] : ANY(names));
		put_text(b, g, ":");
		put_text(b, g, ANY(values));
		put_text(b, g, i + 1 < n ? "," : "");
	}
	put_text(b, g, "}");
}

START_TEST(flat_records_are_read_alike)
{
	sk_json_reader *fast = reader(false, _i), *plain = reader(true, _i);
	struct sk_buf b = { 0 };
	uint64_t taken[2] = { 0 };
	struct gen g;
	int i;

	gen_seed(&g, 7 + (uint64_t)_i);
	for (i = 0; i < 60000; i++) {
		nearly_flat(&g, &b);
		agree(fast, plain, b.p, b.n, taken);
		agree(fast, plain, "{\"flat\":1}", 10, taken);
	}
	ck_assert_uint_gt(taken[0], 20000);
	ck_assert_uint_gt(taken[1], 60000 + 15000);
	sk_buf_free(&b);
	sk_json_reader_free(fast);
	sk_json_reader_free(plain);
}
END_TEST

START_TEST(both_parsers_agree_on_every_short_text)
{
	static const char letters[] = "{}[]\":,0-.e1\\u t\n\x80";
	sk_json_reader *fast = reader(false, false), *plain = reader(true, false);
	uint64_t taken[2] = { 0 }, k, i, all;
	char text[4];
	int n;

	for (n = 1; n <= 4; n++) {
		for (all = 1, i = 0; i < (uint64_t)n; i++)
			all *= sizeof(letters);
		for (k = 0; k < all; k++) {
			uint64_t x = k;

			for (i = 0; i < (uint64_t)n; i++, x /= sizeof(letters))
				text[i] = letters[x % sizeof(letters)];
			agree(fast, plain, text, (size_t)n, taken);
		}
	}
	ck_assert_uint_gt(taken[1], 100);
	sk_json_reader_free(fast);
	sk_json_reader_free(plain);
}
END_TEST

START_TEST(what_follows_a_padded_text_does_not_matter)
{
	struct sk_json_options o = { .padded = true };
	static const char line[] = "{\"a\":12}345\"}]";
	char text[sizeof(line) + SK_JSON_PADDING] = { 0 };
	struct sk_record record;
	sk_json_reader *r;

	memcpy(text, line, sizeof(line));
	ck_assert_int_eq(sk_json_reader_new(&o, &r), 0);
	ck_assert_int_eq(sk_json_read(r, text, 8, &record, NULL, NULL), 0);
	ck_assert(record.n == 1 && record.member[0].value.as.i == 12);
	ck_assert_int_eq(sk_json_read(r, text + 5, 1, &record, NULL, NULL), 0);
	ck_assert(!record.object && record.member[0].value.as.i == 1);
	ck_assert_int_eq(sk_json_read(r, text + 8, 2, &record, NULL, NULL), 0);
	ck_assert(record.member[0].value.as.i == 34);
	sk_json_reader_free(r);
}
END_TEST

START_TEST(many_names_are_told_apart_in_every_record)
{
	sk_json_reader *r = reader(_i % 2, false);
	struct sk_buf b = { 0 };
	struct sk_record record;
	size_t at;
	int i, k;

	for (k = 0; k < 4; k++) {
		b.n = 0;
		for (i = 0; i < 20000; i++)
			sk_buf_printf(&b, "%c\"%d.%d\":{\"%d\":0}", i ? ',' : '{',
			    k / 2, i, i);
		ck_assert(sk_buf_byte(&b, '}'));
		ck_assert_int_eq(sk_json_read(r, b.p, b.n, &record, &at, NULL), 0);
		ck_assert_uint_eq(record.n, 20000);
		b.n--;
		sk_buf_printf(&b, ",\"%d.77\":0}", k / 2);
		ck_assert_int_eq(sk_json_read(r, b.p, b.n, &record, &at, NULL),
		    SNEK_EFORMAT);
		ck_assert_uint_eq(at, b.n - 9);
	}
	sk_buf_free(&b);
	sk_json_reader_free(r);
}
END_TEST

START_TEST(long_texts_are_read_too)
{
	sk_json_reader *r = reader(_i % 2, false);
	struct sk_buf b = { 0 };
	struct sk_record record;
	size_t n = 5u << 20;

	ck_assert(sk_buf_reserve(&b, n + 2));
	memset(b.p, 'x', n + 2);
	b.p[0] = b.p[n + 1] = '"';
	ck_assert_int_eq(sk_json_read(r, b.p, n + 2, &record, NULL, NULL), 0);
	ck_assert_uint_eq(record.member[0].value.len, n);
	sk_buf_free(&b);
	sk_json_reader_free(r);
}
END_TEST

START_TEST(utf8_is_checked_to_the_byte)
{
	static const struct { const char *s; size_t n, at; } t[] = {
		{ T(""), 0 }, { T("abc"), 3 }, { T("abcdefgh\xff"), 8 },
		{ T("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), 9 },
		{ T("\xc3"), 0 }, { T("x\xe2\x82"), 1 }, { T("\xed\xa0\x80"), 0 },
		{ T("\xf4\x8f\xbf\xbf"), 4 }, { T("\xf4\x90\x80\x80"), 0 },
		{ T("\xc1\xbf"), 0 }, { T("\0\0"), 2 }, { T("1234567\xc3\xa9"), 9 },
	};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(*t); i++)
		ck_assert_uint_eq(sk_utf8_check(t[i].s, t[i].n), t[i].at);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof(*(a)))

static void setup(TCase *t)
{
	tcase_add_loop_test(t, bad_texts_are_refused_by_place_and_words, 0,
	    2 * COUNT(bad));
	tcase_add_loop_test(t, good_texts_are_taken_as_they_are, 0,
	    2 * COUNT(good));
	tcase_add_loop_test(t, the_last_of_equal_names_wins_if_asked, 0,
	    2 * COUNT(last));
	tcase_add_loop_test(t, both_parsers_agree, 0, 2);
	tcase_add_loop_test(t, flat_records_are_read_alike, 0, 2);
	tcase_add_test(t, both_parsers_agree_on_every_short_text);
	tcase_add_test(t, what_follows_a_padded_text_does_not_matter);
	tcase_add_loop_test(t, many_names_are_told_apart_in_every_record, 0, 2);
	tcase_add_loop_test(t, long_texts_are_read_too, 0, 2);
	tcase_add_test(t, utf8_is_checked_to_the_byte);
}

int main(void)
{
	return check_main("json_read", setup);
}
