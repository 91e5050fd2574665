/* SPDX-License-Identifier: MIT */
/* Columns of a chunk: paths, and the getters of plugins. */
#include "chunk_tool.h"

#include <check.h>
#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static struct snek_value host_value(const struct snek_column *c, uint32_t row,
    uint32_t slot)
{
	(void)row;
	return sk_column_value(c, slot);
}

static const struct snek_api api = { .column_value = host_value };

/* One column of a chunk as an op sees it. */
struct seen {
	struct chunk_tool tool;
	struct snek_column column;
	const struct snek_column *columns[1];
	struct snek_chunk chunk;
};

static void look(struct seen *s, const char *text)
{
	struct snek_error e = { 0 };
	struct sk_path path;

	ck_assert_msg(!sk_path_parse(&path, text, &e), "%s", e.text);
	ck_assert_msg(!sk_chunk_column(s->tool.chunk, &path, &s->column, &e),
	    "%s", e.text);
	sk_path_free(&path);
	s->columns[0] = &s->column;
	s->chunk = (struct snek_chunk){
		.size = sizeof(s->chunk), .api = &api, .columns = s->columns,
		.rows = sk_chunk_rows(s->tool.chunk),
	};
}

static struct snek_record row(struct seen *s, uint32_t i)
{
	return (struct snek_record){ &s->chunk, i };
}

static const snek_path p0;

START_TEST(getters_read_every_form)
{
	static const char *const text[] = {
		"{\"s\":\"x\",\"i\":1,\"n\":1,\"b\":true,\"u\":1,\"m\":1}",
		"{\"s\":\"\",\"i\":2,\"n\":2.5,\"b\":false,"
		    "\"u\":9223372036854775808,\"m\":\"s\"}",
		"{\"s\":null,\"i\":null,\"n\":null,\"b\":null,\"u\":null,"
		    "\"m\":null}",
		"{\"s\":\"y\",\"i\":-4,\"n\":-4,\"b\":true,\"u\":4,\"m\":[4]}",
		"{}",
	};
	struct seen s;
	const char *p;
	int64_t i;
	double d;
	size_t n;

	chunk_tool_of(&s.tool, text, COUNT(text));
	look(&s, "s");
	ck_assert(snek_get_string(row(&s, 0), p0, &p, &n) && n == 1 && *p == 'x');
	ck_assert(snek_get_string(row(&s, 1), p0, &p, &n) && !n);
	ck_assert(!snek_get_string(row(&s, 2), p0, &p, &n));
	ck_assert(!snek_get_string(row(&s, 4), p0, &p, &n));
	ck_assert_uint_eq(snek_get(row(&s, 2), p0).type, SNEK_NULL);
	ck_assert_uint_eq(snek_get(row(&s, 4), p0).type, SNEK_NONE);
	look(&s, "i");
	ck_assert(snek_get_int(row(&s, 3), p0, &i) && i == -4);
	ck_assert(snek_get_double(row(&s, 3), p0, &d) && d == -4);
	ck_assert(!snek_get_int(row(&s, 2), p0, &i));
	look(&s, "n");
	ck_assert_uint_eq(s.column.type, SNEK_COLUMN_NUMBER);
	ck_assert(snek_get_int(row(&s, 0), p0, &i) && i == 1);
	ck_assert(!snek_get_int(row(&s, 1), p0, &i));
	ck_assert(snek_get_double(row(&s, 1), p0, &d) && d == 2.5);
	ck_assert_uint_eq(snek_get(row(&s, 2), p0).type, SNEK_NULL);
	look(&s, "b");
	ck_assert_uint_eq(snek_get(row(&s, 0), p0).type, SNEK_BOOL);
	ck_assert(snek_get(row(&s, 0), p0).as.b);
	ck_assert(!snek_get(row(&s, 1), p0).as.b);
	look(&s, "u");
	ck_assert_uint_eq(snek_get(row(&s, 0), p0).type, SNEK_INT);
	ck_assert_uint_eq(snek_get(row(&s, 1), p0).type, SNEK_UINT);
	ck_assert(snek_get(row(&s, 1), p0).as.u == 1ull << 63);
	look(&s, "m");
	ck_assert_uint_eq(snek_get(row(&s, 1), p0).type, SNEK_STRING);
	ck_assert_uint_eq(snek_get(row(&s, 3), p0).type, SNEK_ARRAY);
	ck_assert_uint_eq(snek_get(row(&s, 2), p0).type, SNEK_NULL);
	chunk_tool_close(&s.tool);
}
END_TEST

START_TEST(the_value_of_a_slot_needs_no_getter)
{
	static const char *const text[] = {
		"{\"i\":1,\"d\":0.5,\"s\":\"x\",\"n\":1}",
		"{\"i\":null,\"d\":1.5,\"s\":\"yy\",\"n\":0.25}",
	};
	struct seen s;

	chunk_tool_of(&s.tool, text, COUNT(text));
	look(&s, "i");
	ck_assert_int_eq(sk_column_value(&s.column, 0).as.i, 1);
	ck_assert_uint_eq(sk_column_value(&s.column, 1).type, SNEK_NULL);
	look(&s, "d");
	ck_assert(sk_column_value(&s.column, 1).as.d == 1.5);
	look(&s, "s");
	ck_assert_uint_eq(sk_column_value(&s.column, 1).len, 2);
	look(&s, "n");
	ck_assert_uint_eq(sk_column_value(&s.column, 1).type, SNEK_DOUBLE);
	look(&s, "none");
	ck_assert_uint_eq(sk_column_value(&s.column, 0).type, SNEK_NONE);
	chunk_tool_close(&s.tool);
}
END_TEST

/* ---- paths ---- */

struct path_case {
	const char *path;
	const char *want[4];
};

static const char *const nested[] = {
	"{\"a\":{\"b\":[1,{\"c\":null}]},\"\":1,\"0\":{\"1\":2},\"x.y\":3}",
	"{\"a\":{\"b\":[\"s\"],\"\":true},\"0\":5,\"[0]\":6}",
	"[10,{\"a\":11},[12]]",
	"{\"a\":null,\"\":{\"\":[7]}}",
};

static const struct path_case paths[] = {
	{ "a", { "{\"b\":[1,{\"c\":null}]}", "{\"b\":[\"s\"],\"\":true}", "-",
	    "null" } },
	{ "a.b", { "[1,{\"c\":null}]", "[\"s\"]", "-", "-" } },
	{ "a.b[0]", { "1", "\"s\"", "-", "-" } },
	{ "a.b[1].c", { "null", "-", "-", "-" } },
	{ "a.b[2]", { "-", "-", "-", "-" } },
	{ "a.b.c", { "-", "-", "-", "-" } },
	{ "0", { "{\"1\":2}", "5", "-", "-" } },
	{ "0.1", { "2", "-", "-", "-" } },
	{ "x\\.y", { "3", "-", "-", "-" } },
	{ "\\[0]", { "-", "6", "-", "-" } },
	{ "x", { "-", "-", "-", "-" } },
	{ "[0]", { "-", "-", "10", "-" } },
	{ "[1].a", { "-", "-", "11", "-" } },
	{ "[2][0]", { "-", "-", "12", "-" } },
	{ "[3]", { "-", "-", "-", "-" } },
};

static void check_paths(struct chunk_tool *t)
{
	size_t i;
	uint32_t r;

	for (i = 0; i < COUNT(paths); i++)
		for (r = 0; r < 4; r++)
			ck_assert_msg(!strcmp(chunk_tool_at(t, paths[i].path, r),
			    paths[i].want[r]), "%s in row %u", paths[i].path, r);
}

START_TEST(paths_find_what_lies_deep)
{
	struct chunk_tool t;

	chunk_tool_of(&t, nested, COUNT(nested));
	check_paths(&t);
	check_paths(&t);        /* now kept */
	chunk_tool_close(&t);
}
END_TEST

START_TEST(a_path_sees_the_same_in_the_rest_column)
{
	struct chunk_tool t;
	struct sk_buf text = { 0 };
	size_t i;

	chunk_tool_open(&t, SK_CHUNK_MAX);
	/* enough names before them that none of theirs gets a column */
	ck_assert(sk_buf_byte(&text, '{'));
	for (i = 0; i < SK_COLUMN_CAP; i++)
		ck_assert(sk_buf_printf(&text, "%s\"n%zu\":%zu", i ? "," : "",
		    i, i));
	ck_assert(sk_buf_byte(&text, '}'));
	for (i = 0; i < COUNT(nested); i++) {
		if (!i)
			ck_assert_int_eq(chunk_tool_add(&t, text.p, text.n), 1);
		ck_assert_int_eq(chunk_tool_add(&t, nested[i],
		    strlen(nested[i])), 1);
	}
	chunk_tool_check(&t);
	for (i = 0; i < COUNT(paths) * 4; i++)
		ck_assert_str_eq(chunk_tool_at(&t, paths[i / 4].path,
		    1 + (uint32_t)i % 4), paths[i / 4].want[i % 4]);
	ck_assert_str_eq(chunk_tool_at(&t, "n1023", 0), "1023");
	chunk_tool_close(&t);
	sk_buf_free(&text);
}
END_TEST

START_TEST(what_nobody_has_is_absent)
{
	static const char *const text[] = { "{\"a\":1}", "{}" };
	struct seen s;

	chunk_tool_of(&s.tool, text, COUNT(text));
	look(&s, "b");
	ck_assert_uint_eq(s.column.type, SNEK_COLUMN_ABSENT);
	ck_assert_uint_eq(s.column.slots, 0);
	ck_assert_uint_eq(s.column.rows, 2);
	ck_assert_uint_eq(snek_get(row(&s, 1), p0).type, SNEK_NONE);
	look(&s, "a.b");
	ck_assert_uint_eq(s.column.type, SNEK_COLUMN_ABSENT);
	look(&s, "");
	ck_assert_uint_eq(s.column.type, SNEK_COLUMN_HOST);
	ck_assert_uint_eq(snek_slot(&s.column, 1), 1);
	chunk_tool_close(&s.tool);
}
END_TEST

START_TEST(views_live_until_the_chunk_is_opened_again)
{
	static const char *const text[] = {
		"{\"a\":{\"b\":\"first\"}}", "{\"a\":{\"b\":\"second\"}}",
	};
	struct seen s;
	struct snek_column kept;

	chunk_tool_of(&s.tool, text, COUNT(text));
	look(&s, "a.b");
	ck_assert_uint_eq(s.column.presence, SNEK_PRESENT_ALL);
	kept = s.column;
	look(&s, "a");
	look(&s, "a.c");
	look(&s, "a.b");
	ck_assert_ptr_eq(kept.values, s.column.values);
	ck_assert_int_eq(sk_chunk_reopen(s.tool.chunk, s.tool.out.p,
	    s.tool.out.n, NULL), 0);
	look(&s, "a.b");
	ck_assert_uint_eq(snek_get(row(&s, 1), p0).len, 6);
	chunk_tool_close(&s.tool);
}
END_TEST

START_TEST(a_row_becomes_one_value)
{
	static const char *const text[] = { "{\"b\":[1],\"a\":2.0}", "[3]", "4" };
	struct sk_buf scratch = { 0 }, json = { 0 };
	struct snek_value v;
	struct chunk_tool t;
	uint32_t i;

	chunk_tool_of(&t, text, COUNT(text));
	for (i = 0; i < COUNT(text); i++) {
		ck_assert_int_eq(sk_chunk_value(t.chunk, i, &scratch, &v, NULL),
		    0);
		json.n = 0;
		ck_assert(sk_json_write(&json, v) && sk_buf_byte(&json, 0));
		ck_assert_str_eq(json.p, text[i]);
	}
	ck_assert_int_eq(sk_chunk_value(t.chunk, i, &scratch, &v, NULL),
	    SNEK_EINVAL);
	sk_buf_free(&scratch);
	sk_buf_free(&json);
	chunk_tool_close(&t);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("column");
	TCase *c = tcase_create("column");

	tcase_add_test(c, getters_read_every_form);
	tcase_add_test(c, the_value_of_a_slot_needs_no_getter);
	tcase_add_test(c, paths_find_what_lies_deep);
	tcase_add_test(c, a_path_sees_the_same_in_the_rest_column);
	tcase_add_test(c, what_nobody_has_is_absent);
	tcase_add_test(c, views_live_until_the_chunk_is_opened_again);
	tcase_add_test(c, a_row_becomes_one_value);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(suite());
	int failed;

	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
