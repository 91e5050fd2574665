/* SPDX-License-Identifier: MIT */
/* Records into chunks and back. */
#include "chunk_tool.h"
#include "gen_json.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* ---- any JSON ---- */

static const uint32_t targets[] = { 1, 4096, SK_CHUNK_MIN, SK_CHUNK_TARGET };

/* Full chunks keep the bound, unless a single record broke it. */
static void seal_full(struct chunk_tool *t, uint32_t target)
{
	uint32_t rows = sk_chunk_builder_rows(t->builder);

	chunk_tool_check(t);
	ck_assert(rows == 1 || t->out.n <= target - 44);
}

static void one_text(struct chunk_tool *t, const struct sk_buf *text,
    uint32_t target)
{
	if (chunk_tool_add(t, text->p, text->n))
		return;
	seal_full(t, target);
	ck_assert_int_eq(chunk_tool_add(t, text->p, text->n), 1);
}

static void round_trip(enum gen_kind kind, uint32_t target, uint64_t seed)
{
	struct chunk_tool t;
	struct sk_buf text = { 0 };
	struct gen g;
	size_t bytes = 0, most = target == 1 ? 50000 : 300000;

	gen_seed(&g, seed);
	chunk_tool_open(&t, target);
	while (bytes < most) {
		text.n = 0;
		gen_document(&g, kind, false, &text);
		bytes += text.n;
		one_text(&t, &text, target);
	}
	chunk_tool_check(&t);
	chunk_tool_close(&t);
	sk_buf_free(&text);
}

START_TEST(records_come_back_as_they_went_in)
{
	size_t i;

	for (i = 0; i < COUNT(targets); i++)
		round_trip((enum gen_kind)_i, targets[i], 10 * (uint64_t)_i + i);
}
END_TEST

/* ---- named forms ---- */

struct form {
	const char *text[6];
	uint8_t type, presence;
	bool nulls;
};

static const struct form forms[] = {
	{ { "{\"a\":1}", "{\"a\":-9223372036854775808}" },
	  SNEK_COLUMN_INT, SNEK_PRESENT_ALL, false },
	{ { "{\"a\":1}", "{\"a\":18446744073709551615}" },
	  SNEK_COLUMN_UINT, SNEK_PRESENT_ALL, false },
	{ { "{\"a\":18446744073709551615}", "{\"a\":7}" },
	  SNEK_COLUMN_UINT, SNEK_PRESENT_ALL, false },
	{ { "{\"a\":-1}", "{\"a\":18446744073709551615}" },
	  SNEK_COLUMN_PACKED, SNEK_PRESENT_ALL, false },
	{ { "{\"a\":18446744073709551615}", "{\"a\":-1}" },
	  SNEK_COLUMN_PACKED, SNEK_PRESENT_ALL, false },
	{ { "{\"a\":18446744073709551615}", "{\"a\":1.5}" },
	  SNEK_COLUMN_PACKED, SNEK_PRESENT_ALL, false },
	{ { "{\"a\":1.5}", "{\"a\":-0.0}" },
	  SNEK_COLUMN_DOUBLE, SNEK_PRESENT_ALL, false },
	{ { "{\"a\":1.5}", "{\"a\":null}", "{\"a\":2}" },
	  SNEK_COLUMN_NUMBER, SNEK_PRESENT_ALL, true },
	{ { "{\"a\":2}", "{\"a\":1.5}", "{\"a\":-3}" },
	  SNEK_COLUMN_NUMBER, SNEK_PRESENT_ALL, false },
	{ { "{\"a\":2}", "{\"a\":1.5}", "{\"a\":\"x\"}", "{\"a\":null}" },
	  SNEK_COLUMN_PACKED, SNEK_PRESENT_ALL, true },
	{ { "{\"a\":true}", "{\"a\":false}" },
	  SNEK_COLUMN_BOOL, SNEK_PRESENT_ALL, false },
	{ { "{\"a\":true}", "{\"a\":0}" },
	  SNEK_COLUMN_PACKED, SNEK_PRESENT_ALL, false },
	{ { "{\"a\":\"\"}", "{\"a\":\"a\\u0000b\"}" },
	  SNEK_COLUMN_STRING, SNEK_PRESENT_ALL, false },
	{ { "{\"a\":[]}", "{\"a\":{\"b\":[1,{}]}}" },
	  SNEK_COLUMN_PACKED, SNEK_PRESENT_ALL, false },
	{ { "{\"a\":null}", "{\"a\":null}" },
	  SNEK_COLUMN_BOOL, SNEK_PRESENT_ALL, true },
	{ { "{\"a\":null}", "{\"a\":\"s\"}" },
	  SNEK_COLUMN_STRING, SNEK_PRESENT_ALL, true },
	{ { "{\"a\":null}", "{\"a\":true}" },
	  SNEK_COLUMN_BOOL, SNEK_PRESENT_ALL, true },
	{ { "{\"a\":null}", "{\"a\":1}" },
	  SNEK_COLUMN_INT, SNEK_PRESENT_ALL, true },
	{ { "{\"a\":null}", "{\"a\":[null]}" },
	  SNEK_COLUMN_PACKED, SNEK_PRESENT_ALL, true },
	{ { "{}", "{\"a\":1}" },
	  SNEK_COLUMN_INT, SNEK_PRESENT_ROWS, false },
	{ { "{}", "{\"a\":null}", "{\"a\":\"x\"}" },
	  SNEK_COLUMN_STRING, SNEK_PRESENT_BITS, true },
	{ { "{}", "{\"a\":1}", "{\"a\":null}", "{\"a\":2.5}", "{\"a\":4}" },
	  SNEK_COLUMN_NUMBER, SNEK_PRESENT_BITS, true },
	{ { "{\"a\":1}", "{\"a\":2}", "{\"a\":3}", "{}" },
	  SNEK_COLUMN_INT, SNEK_PRESENT_BITS, false },
	{ { "{\"a\":true}", "{}", "{\"a\":false}", "{\"a\":true}" },
	  SNEK_COLUMN_BOOL, SNEK_PRESENT_BITS, false },
	{ { "{\"a\":[1]}", "{}", "{\"a\":null}", "{\"a\":{}}", "{}" },
	  SNEK_COLUMN_PACKED, SNEK_PRESENT_BITS, true },
};

static size_t texts(const struct form *f)
{
	size_t n = 0;

	while (n < COUNT(f->text) && f->text[n])
		n++;
	return n;
}

static void check_form(const struct form *f)
{
	struct chunk_tool t;
	struct snek_column c;
	struct sk_path path;

	chunk_tool_of(&t, f->text, texts(f));
	ck_assert_int_eq(sk_path_parse(&path, "a", NULL), 0);
	ck_assert_int_eq(sk_chunk_column(t.chunk, &path, &c, NULL), 0);
	ck_assert_uint_eq(c.type, f->type);
	ck_assert_uint_eq(c.presence, f->presence);
	ck_assert(!c.nulls == !f->nulls);
	ck_assert_uint_eq(c.rows, texts(f));
	sk_path_free(&path);
	chunk_tool_close(&t);
}

START_TEST(a_column_has_the_type_and_form_that_its_values_ask_for)
{
	size_t i;

	for (i = 0; i < COUNT(forms); i++)
		check_form(&forms[i]);
}
END_TEST

START_TEST(few_values_among_many_rows_keep_their_row_numbers)
{
	struct chunk_tool t;
	struct snek_column c;
	struct sk_path path;
	char text[64];
	int i;

	chunk_tool_open(&t, 0);
	for (i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), i % 100 == 7 ?
		    "{\"n\":%d,\"a\":\"v%d\"}" : "{\"n\":%d}", i, i);
		ck_assert_int_eq(chunk_tool_add(&t, text, strlen(text)), 1);
	}
	chunk_tool_check(&t);
	ck_assert_int_eq(sk_path_parse(&path, "a", NULL), 0);
	ck_assert_int_eq(sk_chunk_column(t.chunk, &path, &c, NULL), 0);
	ck_assert_uint_eq(c.presence, SNEK_PRESENT_ROWS);
	ck_assert_uint_eq(c.slots, 10);
	ck_assert_uint_eq(c.rows_of[9], 907);
	ck_assert_str_eq(chunk_tool_at(&t, "a", 107), "\"v107\"");
	ck_assert_str_eq(chunk_tool_at(&t, "a", 108), "-");
	sk_path_free(&path);
	chunk_tool_close(&t);
}
END_TEST

START_TEST(members_keep_their_order_and_odd_records_stay_odd)
{
	static const char *const text[] = {
		"{\"b\":1,\"a\":2}", "{\"a\":2,\"b\":1}", "{}", "[1,2]", "3",
		"null", "\"s\"", "{\"\":{\"\":[]}}", "[]", "18446744073709551615",
		"{\"b\":null,\"c\":{\"x\":1,\"w\":2},\"a\":1.0}", "true", "{}",
	};
	struct chunk_tool t;

	chunk_tool_of(&t, text, COUNT(text));
	chunk_tool_close(&t);
}
END_TEST

/* ---- size ---- */

START_TEST(full_chunks_are_nearly_full)
{
	struct chunk_tool t;
	struct sk_buf text = { 0 };
	struct gen g;
	size_t chunks = 0, least = SIZE_MAX;

	gen_seed(&g, 5);
	chunk_tool_open(&t, 0);
	while (chunks < 4) {
		text.n = 0;
		gen_document(&g, _i ? GEN_NULLS : GEN_FLAT, false, &text);
		if (chunk_tool_add(&t, text.p, text.n))
			continue;
		chunk_tool_check(&t);
		ck_assert_uint_le(t.out.n, 262100);
		least = t.out.n < least ? t.out.n : least;
		chunks++;
	}
	ck_assert_uint_gt(least, 262100 * 15 / 16);
	chunk_tool_close(&t);
	sk_buf_free(&text);
}
END_TEST

/* What records are like, and then of a sudden are like. */
static const struct change {
	const char *first, *often, *then;       /* often: 7 of 8 of the first */
} changes[] = {
	{ "IIIIIIIIIIIIIIII", "IIIIIIIIIIIIIIII", "................I" },
	{ "IIIIIIIIIIIIIIII", "................", "................I" },
	{ "IIIIIIIIIIIIIIII", "IIII............", "IIIIIIIIIIIIIIII" },
	{ "DDDDDDDDSSSSSSSS", "................", "................B" },
	{ "BBBBBBBBBBBBBBBB", "................", "................B" },
	{ "BBBBBBBBBBBBBBBB", "BBBBBBBBBBBBBBBB", "IIIIIIIIIIIIIIII" },
	{ "IIIIIIIIIIIIIIII", "IIIIIIIIIIIIIIII", "SSSSSSSSSSSSSSSS" },
	{ "IIIIDDDDDDDDIIII", "IIIIIIIIIIIIIIII", "DDDDIIIINNNNSSSS" },
	{ "NNNNNNNNNNNNNNNN", "NNNNNNNN........", "IIIIDDDDSSSSBBBB" },
	{ "SSSSSSSSSSSSSSSS", "SSSSSSSSSSSSSSSS", "NNNNNNNN........" },
	{ "IIIIIIIIIIIIIIII", "........NNNNNNNN", ".................N" },
};

static struct snek_value value_like(char c)
{
	switch (c) {
	case 'I': return sk_int(-5);
	case 'D': return sk_double(0.5);
	case 'B': return sk_bool(true);
	case 'S': return sk_string("abcde", 5);
	default:  return sk_null();
	}
}

static int add_like(sk_chunk_builder *b, const char *like)
{
	static const char names[] = "abcdefghijklmnopqrstuvwxyz";
	struct sk_member m[26];
	struct sk_record r = { true, 0, m };
	struct snek_error e;
	size_t i;
	int rc;

	for (i = 0; like[i]; i++) {
		if (like[i] == '.')
			continue;
		m[r.n].name = names + i;
		m[r.n].name_len = 1;
		m[r.n++].value = value_like(like[i]);
	}
	rc = sk_chunk_builder_add(b, &r, &e);
	ck_assert_int_ge(rc, 0);
	return rc;
}

/* Change after so many rows; false: the chunk was full before. */
static bool change_after(const struct change *c, uint32_t rows)
{
	const uint32_t target = 12000;
	sk_chunk_builder *b;
	struct sk_buf out = { 0 };
	uint32_t i;
	int rc = 1;

	ck_assert_int_eq(sk_chunk_builder_new(target, &b), 0);
	for (i = 0; i < rows && rc; i++)
		rc = add_like(b, i % 8 == 5 ? c->often : c->first);
	for (; rc && i < 20000; i++)
		rc = add_like(b, c->then);
	ck_assert_int_eq(sk_chunk_builder_seal(b, &out, NULL), 0);
	ck_assert_msg(out.n <= target - 44, "%zu bytes: %s after %u", out.n,
	    c->then, rows);
	sk_buf_free(&out);
	sk_chunk_builder_free(b);
	return i > rows;
}

START_TEST(no_chunk_is_too_large_whenever_the_records_change)
{
	uint32_t rows = 1;

	while (change_after(&changes[_i], rows))
		rows += 1 + rows / 25;
}
END_TEST

START_TEST(a_record_larger_than_a_chunk_has_one_of_its_own)
{
	size_t n = 3u << 20;
	char *text = malloc(n + 16);
	struct chunk_tool t;

	memset(text, 'x', n + 16);
	memcpy(text, "{\"a\":\"", 6);
	memcpy(text + n, "\"}", 2);
	chunk_tool_open(&t, SK_CHUNK_MIN);
	ck_assert_int_eq(chunk_tool_add(&t, "{\"a\":1}", 7), 1);
	ck_assert_int_eq(chunk_tool_add(&t, text, n + 2), 0);
	chunk_tool_check(&t);
	ck_assert_int_eq(chunk_tool_add(&t, text, n + 2), 1);
	ck_assert_int_eq(chunk_tool_add(&t, "{\"a\":1}", 7), 0);
	chunk_tool_check(&t);
	ck_assert_uint_lt(t.out.n, n + 1000);
	chunk_tool_close(&t);
	free(text);
}
END_TEST

START_TEST(a_record_over_four_gigabytes_is_refused)
{
	enum { MEMBERS = 70, LEN = 64 << 20 };
	struct sk_member m[MEMBERS];
	struct sk_record r = { true, MEMBERS, m };
	char *text = calloc(1, LEN), names[MEMBERS][8];
	struct snek_error e = { 0 };
	struct chunk_tool t;
	uint32_t i;

	for (i = 0; i < MEMBERS; i++) {
		m[i].name = names[i];
		m[i].name_len = (uint32_t)snprintf(names[i], 8, "n%u", i);
		m[i].value = sk_string(text, LEN);
	}
	chunk_tool_open(&t, 0);
	ck_assert_int_eq(sk_chunk_builder_add(t.builder, &r, &e), SNEK_ELIMIT);
	ck_assert_ptr_nonnull(strstr(e.text, "does not fit"));
	ck_assert_int_eq(chunk_tool_add(&t, "{\"n0\":1}", 8), 1);
	chunk_tool_check(&t);
	chunk_tool_close(&t);
	free(text);
}
END_TEST

/* A record of n members whose names are new. */
static void new_names(struct sk_buf *b, size_t n, size_t *serial)
{
	size_t i;

	b->n = 0;
	ck_assert(sk_buf_byte(b, '{'));
	for (i = 0; i < n; i++)
		ck_assert(sk_buf_printf(b, "%s\"name%zu\":%zu", i ? "," : "",
		    (*serial)++, i));
	ck_assert(sk_buf_byte(b, '}'));
}

START_TEST(many_names_share_a_chunk)
{
	struct chunk_tool t;
	struct sk_buf text = { 0 };
	size_t serial = 0;
	int i;

	chunk_tool_open(&t, UINT32_MAX);
	for (i = 0; i < 20; i++) {
		new_names(&text, 8000, &serial);
		ck_assert_int_eq(chunk_tool_add(&t, text.p, text.n), 1);
	}
	chunk_tool_check(&t);
	ck_assert_uint_eq(sk_chunk_columns(t.chunk), 1);
	ck_assert_uint_lt(t.out.n, 24u * 160000);
	ck_assert_str_eq(chunk_tool_at(&t, "name159999", 19), "7999");
	ck_assert_str_eq(chunk_tool_at(&t, "name159999", 18), "-");
	chunk_tool_close(&t);
	sk_buf_free(&text);
}
END_TEST

START_TEST(wide_records_keep_a_thousand_columns_and_the_order_of_all)
{
	struct chunk_tool t;
	struct sk_buf text = { 0 };
	size_t serial;
	int i;

	chunk_tool_open(&t, SK_CHUNK_MAX);
	for (i = 0; i < 3; i++) {
		serial = 0;
		new_names(&text, 10000, &serial);
		ck_assert_int_eq(chunk_tool_add(&t, text.p, text.n), 1);
	}
	chunk_tool_check(&t);
	ck_assert_uint_eq(sk_chunk_columns(t.chunk), SK_COLUMN_CAP + 1);
	ck_assert_str_eq(chunk_tool_at(&t, "name3", 2), "3");
	ck_assert_str_eq(chunk_tool_at(&t, "name9999", 2), "9999");
	chunk_tool_close(&t);
	sk_buf_free(&text);
}
END_TEST

START_TEST(empty_objects_fill_a_chunk_by_number)
{
	struct chunk_tool t;
	struct sk_record r = { .object = true };
	uint32_t n = 0;

	chunk_tool_open(&t, 0);
	while (sk_chunk_builder_add(t.builder, &r, NULL) == 1)
		n++;
	ck_assert_uint_eq(n, 1u << 20);
	chunk_tool_seal(&t);
	ck_assert_uint_eq(sk_chunk_rows(t.chunk), n);
	ck_assert_uint_lt(t.out.n, 128);
	chunk_tool_close(&t);
}
END_TEST

START_TEST(a_name_twice_is_refused_and_leaves_no_trace)
{
	struct sk_member m[2] = {
		{ "a", 1, { .type = SNEK_NULL } }, { "a", 1, { .type = SNEK_NULL } },
	};
	struct sk_record r = { true, 2, m };
	struct snek_error e = { 0 };
	struct chunk_tool t;

	chunk_tool_open(&t, 0);
	ck_assert_int_eq(chunk_tool_add(&t, "{\"b\":1}", 7), 1);
	ck_assert_int_eq(sk_chunk_builder_add(t.builder, &r, &e), SNEK_EINVAL);
	ck_assert_int_eq(chunk_tool_add(&t, "{\"a\":\"x\"}", 9), 1);
	chunk_tool_check(&t);
	chunk_tool_close(&t);
}
END_TEST

/* ---- places ---- */

START_TEST(places_are_kept_in_runs)
{
	static const struct sk_place in[] = {
		{ 3, 100 }, { 3, 101 }, { 3, 102 }, { 9, 0 }, { 9, 1 }, { 9, 5 },
		{ 2, 77 },
	};
	struct sk_place base = { 1, 1 }, got;
	struct chunk_tool t;
	uint32_t i;

	chunk_tool_open(&t, 0);
	for (i = 0; i < COUNT(in); i++) {
		ck_assert_int_eq(sk_chunk_builder_place(t.builder, in[i]), 0);
		ck_assert_int_eq(chunk_tool_add(&t, "{}", 2), 1);
	}
	chunk_tool_check(&t);
	for (i = 0; i < COUNT(in); i++) {
		ck_assert_int_eq(sk_chunk_place(t.chunk, base, i, &got, NULL), 0);
		ck_assert_uint_eq(got.version, in[i].version);
		ck_assert_uint_eq(got.record, in[i].record);
	}
	ck_assert_int_eq(sk_chunk_place(t.chunk, base, i, &got, NULL),
	    SNEK_EINVAL);
	ck_assert_uint_eq(t.out.n, 64 + 8 + 4 * 24);
	chunk_tool_close(&t);
}
END_TEST

START_TEST(without_places_records_are_numbered_from_the_base)
{
	struct chunk_tool t;
	struct sk_place got;

	chunk_tool_open(&t, 0);
	ck_assert_int_eq(chunk_tool_add(&t, "{}", 2), 1);
	ck_assert_int_eq(sk_chunk_builder_place(t.builder,
	    (struct sk_place){ 1, 1 }), SNEK_EINVAL);
	ck_assert_int_eq(chunk_tool_add(&t, "{}", 2), 1);
	chunk_tool_check(&t);
	ck_assert_int_eq(sk_chunk_place(t.chunk, (struct sk_place){ 4, 50 }, 1,
	    &got, NULL), 0);
	ck_assert_uint_eq(got.version, 4);
	ck_assert_uint_eq(got.record, 51);
	chunk_tool_close(&t);
}
END_TEST

START_TEST(a_place_waits_for_a_record_that_did_not_fit)
{
	struct chunk_tool t;
	struct sk_place got;

	chunk_tool_open(&t, 1);
	ck_assert_int_eq(sk_chunk_builder_place(t.builder,
	    (struct sk_place){ 5, 1 }), 0);
	ck_assert_int_eq(chunk_tool_add(&t, "1", 1), 1);
	ck_assert_int_eq(sk_chunk_builder_place(t.builder,
	    (struct sk_place){ 5, 2 }), 0);
	ck_assert_int_eq(chunk_tool_add(&t, "2", 1), 0);
	chunk_tool_check(&t);
	ck_assert_int_eq(chunk_tool_add(&t, "2", 1), 1);
	chunk_tool_check(&t);
	ck_assert_int_eq(sk_chunk_place(t.chunk, (struct sk_place){ 0, 0 }, 0,
	    &got, NULL), 0);
	ck_assert_uint_eq(got.version, 5);
	ck_assert_uint_eq(got.record, 2);
	chunk_tool_close(&t);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("chunk");
	TCase *c = tcase_create("chunk");

	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, records_come_back_as_they_went_in, 0, GEN_KINDS);
	tcase_add_test(c, a_column_has_the_type_and_form_that_its_values_ask_for);
	tcase_add_test(c, few_values_among_many_rows_keep_their_row_numbers);
	tcase_add_test(c, members_keep_their_order_and_odd_records_stay_odd);
	tcase_add_loop_test(c, full_chunks_are_nearly_full, 0, 2);
	tcase_add_loop_test(c,
	    no_chunk_is_too_large_whenever_the_records_change, 0,
	    (int)COUNT(changes));
	tcase_add_test(c, a_record_larger_than_a_chunk_has_one_of_its_own);
	tcase_add_test(c, a_record_over_four_gigabytes_is_refused);
	tcase_add_test(c, many_names_share_a_chunk);
	tcase_add_test(c, wide_records_keep_a_thousand_columns_and_the_order_of_all);
	tcase_add_test(c, empty_objects_fill_a_chunk_by_number);
	tcase_add_test(c, a_name_twice_is_refused_and_leaves_no_trace);
	tcase_add_test(c, places_are_kept_in_runs);
	tcase_add_test(c, without_places_records_are_numbered_from_the_base);
	tcase_add_test(c, a_place_waits_for_a_record_that_did_not_fit);
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
