/* SPDX-License-Identifier: MIT */
/*
 * Each allocation fails once: an ordinary error, nothing leaks, and what was
 * there before is still there.  malloc and the rest are wrapped by the linker.
 */
#include "chunk_tool.h"
#include "gen_json.h"
#include "value/chunk_part.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>

#include "nomem_wrap.h"

/* Records that use every part of the builder, made with no allocation
 * failing: one text each, and in the middle 70 names of their own. */
static const char *const texts[] = {
	"{\"a\":1,\"b\":null,\"c\":\"x\"}", "{\"a\":2.5,\"d\":true}", "[1,2]",
	"{\"b\":[1],\"a\":\"now packed\"}", "{\"c\":\"yy\",\"e\":null}", "{}",
	NULL, "{\"d\":null,\"x\":{\"y\":[3]}}",
};
#define TEXTS (sizeof(texts) / sizeof(*texts))

static void make_text(size_t i, struct sk_buf *b)
{
	int k;

	b->n = 0;
	if (texts[i]) {
		ck_assert(sk_buf_put(b, texts[i], strlen(texts[i])));
		return;
	}
	for (k = 0; k < 70; k++)
		ck_assert(sk_buf_printf(b, "%s\"n%d\":%d", k ? "," : "{", k, k));
	ck_assert(sk_buf_byte(b, '}'));
}

/* Add with the nth allocation failing, then again without.  False: it did not
 * come to that. */
static bool add_twice(struct chunk_tool *t, size_t i, long nth)
{
	struct sk_buf text = { 0 };
	struct snek_error e = { 0 };
	struct sk_record r;
	bool failed;
	int rc;

	make_text(i, &text);
	ck_assert_int_eq(sk_json_read(t->reader, text.p, text.n, &r, NULL, &e), 0);
	ck_assert(sk_json_write_record(&t->want, &r) && sk_buf_byte(&t->want, 0));
	countdown = nth;
	rc = sk_chunk_builder_add(t->builder, &r, &e);
	failed = countdown < 0;
	countdown = -1;
	ck_assert_int_eq(rc, failed ? SNEK_ENOMEM : 1);
	if (failed)
		ck_assert_int_eq(sk_chunk_builder_add(t->builder, &r, &e), 1);
	sk_buf_free(&text);
	return failed;
}

START_TEST(a_record_that_found_no_memory_can_be_added_again)
{
	struct chunk_tool t;
	size_t i, bad = 1;
	long nth;

	for (nth = 0; bad; nth++) {
		chunk_tool_open(&t, SK_CHUNK_MAX);
		for (bad = i = 0; i < TEXTS; i++)
			bad += add_twice(&t, i, nth);
		chunk_tool_check(&t);
		chunk_tool_close(&t);
	}
	ck_assert_int_gt(nth, 20);
}
END_TEST

START_TEST(a_chunk_that_found_no_memory_can_be_sealed_again)
{
	struct chunk_tool t;
	bool failed = true;
	size_t i;
	long nth;
	int rc;

	for (nth = 0; failed; nth++) {
		chunk_tool_open(&t, SK_CHUNK_MAX);
		for (i = 0; i < TEXTS; i++)
			add_twice(&t, i, LONG_MAX);
		countdown = nth;
		rc = sk_chunk_builder_seal(t.builder, &t.out, NULL);
		failed = countdown < 0;
		countdown = -1;
		ck_assert_int_eq(rc, failed ? SNEK_ENOMEM : 0);
		if (failed) {
			ck_assert_uint_eq(t.out.n, 0);
			chunk_tool_check(&t);
		}
		chunk_tool_close(&t);
	}
	ck_assert_int_gt(nth, 5);
}
END_TEST

START_TEST(a_builder_without_memory_is_none)
{
	sk_chunk_builder *b = NULL;
	int rc = SNEK_ENOMEM;
	long nth;

	for (nth = 0; rc; nth++) {
		countdown = nth;
		rc = sk_chunk_builder_new(0, &b);
		countdown = -1;
		ck_assert(!rc || rc == SNEK_ENOMEM);
	}
	sk_chunk_builder_free(b);
	ck_assert_int_gt(nth, 3);
}
END_TEST

static int read_chunk(const struct sk_buf *bytes)
{
	struct sk_chunk *c = NULL;
	int rc = sk_chunk_open(bytes->p, bytes->n, &c, NULL);

	if (rc)
		return rc;
	rc = chunk_tool_read_all(c, NULL);
	sk_chunk_close(c);
	return rc;
}

START_TEST(reading_without_memory_fails_and_is_no_damage)
{
	struct chunk_tool t;
	bool failed = true;
	size_t i;
	long nth;
	int rc;

	chunk_tool_open(&t, SK_CHUNK_MAX);
	for (i = 0; i < TEXTS; i++)
		add_twice(&t, i, LONG_MAX);
	chunk_tool_check(&t);
	for (nth = 0; failed; nth++) {
		countdown = nth;
		rc = read_chunk(&t.out);
		failed = countdown < 0;
		countdown = -1;
		ck_assert(failed || !rc);
		ck_assert(!rc || rc == SNEK_ENOMEM);
	}
	ck_assert_int_gt(nth, 10);
	chunk_tool_close(&t);
}
END_TEST

/* Apart and together; some columns if two names are given. */
static int part_and_join(const struct sk_buf *bytes, struct sk_chunk_parts *p,
    struct sk_chunk_join *j, struct sk_chunk_wish **w)
{
	static const struct sk_span name[] = { { "b", 1 }, { "a", 1 } };
	static const struct sk_span got[8];
	int rc = sk_chunk_split((struct sk_span){ bytes->p, bytes->n }, 1, p,
	    NULL);

	if (!rc)
		rc = sk_chunk_join_all(j, p->part, p->n,
		    sk_chunk_rows(p->chunk), 1, NULL);
	if (!rc)
		rc = sk_chunk_wish_new(name, 2, w, NULL);
	if (!rc && sk_chunk_join_wish(j, *w, got, 1, 1, NULL) != SNEK_ENOENT)
		rc = SNEK_EINTERNAL;
	return rc;
}

START_TEST(parting_without_memory_fails_and_is_no_damage)
{
	struct chunk_tool t;
	struct sk_chunk_wish *w;
	struct sk_chunk_parts p;
	struct sk_chunk_join j;
	bool failed = true;
	size_t i;
	long nth;
	int rc;

	chunk_tool_open(&t, SK_CHUNK_MAX);
	for (i = 0; i < TEXTS; i++)
		add_twice(&t, i, LONG_MAX);
	chunk_tool_check(&t);
	for (nth = 0; failed; nth++) {
		w = NULL;
		memset(&p, 0, sizeof(p));
		memset(&j, 0, sizeof(j));
		countdown = nth;
		rc = part_and_join(&t.out, &p, &j, &w);
		failed = countdown < 0;
		countdown = -1;
		ck_assert_int_eq(rc, failed ? SNEK_ENOMEM : 0);
		sk_chunk_wish_free(w);
		sk_chunk_parts_free(&p);
		sk_chunk_join_free(&j);
	}
	ck_assert_int_gt(nth, 6);
	chunk_tool_close(&t);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("chunk_nomem");
	TCase *c = tcase_create("chunk_nomem");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, a_record_that_found_no_memory_can_be_added_again);
	tcase_add_test(c, a_chunk_that_found_no_memory_can_be_sealed_again);
	tcase_add_test(c, a_builder_without_memory_is_none);
	tcase_add_test(c, reading_without_memory_fails_and_is_no_damage);
	tcase_add_test(c, parting_without_memory_fails_and_is_no_damage);
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
