/* SPDX-License-Identifier: MIT */
/* Chunks whose bytes are not what was written. */
#include "chunk_tool.h"
#include "gen_json.h"
#include "value/chunk_format.h"

#include <check.h>
#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const char *const plain[] = {
	"{\"a\":1,\"b\":[1,{\"a\":2}],\"c\":\"text\"}",
	"{\"a\":2.5,\"b\":{\"b\":null},\"d\":{\"e\":true}}",
	"{\"c\":\"\",\"a\":null,\"x\":true}",
	"{\"x\":false,\"u\":18446744073709551615}",
	"[1,{\"a\":[]}]", "{}", "\"s\"",
	"{\"c\":null,\"a\":-1,\"b\":\"\"}",
};

/* 0: all types and forms, with places.  1: with a rest column. */
static void fill(struct chunk_tool *t, int which)
{
	struct sk_buf text = { 0 };
	size_t i;

	chunk_tool_open(t, SK_CHUNK_MAX);
	for (i = 0; i < COUNT(plain); i++) {
		if (!which)
			ck_assert_int_eq(sk_chunk_builder_place(t->builder,
			    (struct sk_place){ 1 + i / 3, i }), 0);
		ck_assert_int_eq(chunk_tool_add(t, plain[i],
		    strlen(plain[i])), 1);
	}
	for (i = 0; which && i < 70; i++)
		ck_assert(sk_buf_printf(&text, "%s\"a%zu\":[%zu]",
		    i ? "," : "{\"zz\":1,", i, i));
	if (which)
		ck_assert(sk_buf_byte(&text, '}') &&
		    chunk_tool_add(t, text.p, text.n) == 1);
	sk_buf_free(&text);
	chunk_tool_check(t);
}

/* Memory of just this size, so that a sanitizer sees each step beyond. */
static uint8_t *copy(const struct chunk_tool *t)
{
	uint8_t *p = malloc(t->out.n);

	ck_assert_ptr_nonnull(p);
	memcpy(p, t->out.p, t->out.n);
	return p;
}

static int read_bytes(struct sk_chunk **c, const uint8_t *p, size_t n,
    struct snek_error *e)
{
	int rc = *c ? sk_chunk_reopen(*c, p, n, e) : sk_chunk_open(p, n, c, e);

	return rc ? rc : chunk_tool_read_all(*c, e);
}

START_TEST(a_changed_byte_is_found)
{
	struct chunk_tool t;
	struct sk_chunk *c = NULL;
	struct snek_error e;
	uint8_t *p;
	size_t i;
	int rc;

	fill(&t, _i);
	p = copy(&t);
	ck_assert_int_eq(read_bytes(&c, p, t.out.n, &e), 0);
	for (i = 0; i < t.out.n; i++) {
		p[i] ^= (uint8_t)(1 + i % 255);
		memset(&e, 0, sizeof(e));
		rc = read_bytes(&c, p, t.out.n, &e);
		ck_assert_msg(rc == SNEK_ECORRUPT || rc == SNEK_EVERSION,
		    "byte %zu: %d", i, rc);
		ck_assert_str_ne(e.text, "");
		p[i] ^= (uint8_t)(1 + i % 255);
	}
	ck_assert_int_eq(read_bytes(&c, p, t.out.n, &e), 0);
	sk_chunk_close(c);
	chunk_tool_close(&t);
	free(p);
}
END_TEST

static void try_mended(struct sk_chunk **c, uint8_t *p, size_t n)
{
	struct snek_error e = { 0 };
	int rc;

	chunk_tool_mend(p, n);
	rc = read_bytes(c, p, n, &e);
	ck_assert(!rc || rc == SNEK_ECORRUPT || rc == SNEK_EVERSION);
	ck_assert(!rc || e.text[0]);
}

START_TEST(bytes_that_lie_under_a_good_checksum_do_no_harm)
{
	static const uint8_t mask[] = { 0x01, 0x04, 0x80, 0xff };
	struct chunk_tool t;
	struct sk_chunk *c = NULL;
	uint8_t *p;
	size_t i;

	fill(&t, _i);
	p = copy(&t);
	for (i = 0; i < t.out.n * COUNT(mask); i++) {
		p[i / COUNT(mask)] ^= mask[i % COUNT(mask)];
		try_mended(&c, p, t.out.n);
		memcpy(p, t.out.p, t.out.n);
	}
	sk_chunk_close(c);
	chunk_tool_close(&t);
	free(p);
}
END_TEST

START_TEST(random_bytes_under_a_good_checksum_do_no_harm)
{
	struct chunk_tool t;
	struct sk_chunk *c = NULL;
	struct gen g;
	uint8_t *p;
	size_t i, k;

	fill(&t, _i);
	p = copy(&t);
	gen_seed(&g, 11);
	for (i = 0; i < 20000; i++) {
		for (k = gen_below(&g, 6) + 1; k; k--)
			p[8 + gen_below(&g, t.out.n - 8)] =
			    (uint8_t)gen_below(&g, 256);
		try_mended(&c, p, t.out.n);
		memcpy(p, t.out.p, t.out.n);
	}
	sk_chunk_close(c);
	chunk_tool_close(&t);
	free(p);
}
END_TEST

START_TEST(a_chunk_cut_short_is_refused)
{
	struct chunk_tool t;
	struct sk_chunk *c = NULL;
	struct snek_error e = { 0 };
	uint8_t *p;
	size_t n;

	fill(&t, 1);
	for (n = 0; n < t.out.n; n++) {
		p = malloc(n + !n);
		memcpy(p, t.out.p, n);
		ck_assert_int_eq(sk_chunk_open(p, n, &c, &e), SNEK_ECORRUPT);
		free(p);
	}
	ck_assert_int_eq(sk_chunk_open(t.out.p, t.out.n + 8, &c, &e),
	    SNEK_ECORRUPT);
	chunk_tool_close(&t);
}
END_TEST

START_TEST(a_newer_format_is_named)
{
	struct chunk_tool t;
	struct sk_chunk *c = NULL;
	struct snek_error e = { 0 };

	fill(&t, 0);
	t.out.p[4] = 2;
	ck_assert_int_eq(sk_chunk_open(t.out.p, t.out.n, &c, &e),
	    SNEK_EVERSION);
	ck_assert_str_eq(e.text,
	    "a chunk of format 2; this library reads up to 1");
	t.out.p[4] = 0;
	ck_assert_int_eq(sk_chunk_open(t.out.p, t.out.n, &c, &e),
	    SNEK_ECORRUPT);
	chunk_tool_close(&t);
}
END_TEST

/* ---- lies that single bytes do not tell ---- */

struct lie {
	const char *about;
	size_t at;              /* in the head or, from 1000, the first field */
	uint32_t value;
};

static const struct lie lies[] = {
	{ "no rows", offsetof(struct sk_chunk_head, rows), 0 },
	{ "too many rows", offsetof(struct sk_chunk_head, rows), 0x100001 },
	{ "bytes", offsetof(struct sk_chunk_head, bytes), 0xfffffff8 },
	{ "columns", offsetof(struct sk_chunk_head, columns), 0xffffffff },
	{ "shapes", offsetof(struct sk_chunk_head, shapes), 0x7fffffff },
	{ "no shapes", offsetof(struct sk_chunk_head, shapes), 0 },
	{ "runs", offsetof(struct sk_chunk_head, runs), 0xffffffff },
	{ "width", offsetof(struct sk_chunk_head, shape_width), 4 },
	{ "head", offsetof(struct sk_chunk_head, head_bytes), 0xfffffff8 },
	{ "name", 1000 + offsetof(struct sk_chunk_field, name), 0xfffffff0 },
	{ "name", 1000 + offsetof(struct sk_chunk_field, name_len), 0xfffffff0 },
	{ "count", 1000 + offsetof(struct sk_chunk_field, count), 0xffffffff },
	{ "no count", 1000 + offsetof(struct sk_chunk_field, count), 0 },
	{ "nulls", 1000 + offsetof(struct sk_chunk_field, nulls), 0xffffff },
	{ "block", 1000 + offsetof(struct sk_chunk_field, block), 0xfffffff8 },
	{ "block", 1000 + offsetof(struct sk_chunk_field, block.bytes),
	  0xfffffff8 },
};

START_TEST(a_head_that_lies_is_refused)
{
	struct chunk_tool t;
	struct sk_chunk *c = NULL;
	struct snek_error e = { 0 };
	uint8_t *p;
	size_t i, at;

	fill(&t, 0);
	p = copy(&t);
	for (i = 0; i < COUNT(lies); i++) {
		at = lies[i].at < 1000 ? lies[i].at
		    : lies[i].at - 1000 + sizeof(struct sk_chunk_head);
		memcpy(p + at, &lies[i].value, 4);
		chunk_tool_mend(p, t.out.n);
		ck_assert_msg(sk_chunk_open(p, t.out.n, &c, &e) ==
		    SNEK_ECORRUPT, "%s", lies[i].about);
		memcpy(p, t.out.p, t.out.n);
	}
	chunk_tool_close(&t);
	free(p);
}
END_TEST

/* In the block of column "a" of a chunk of these records. */
static const struct block_lie {
	const char *about;
	const char *text[6];
	uint32_t at, value;
} block_lies[] = {
	{ "rows that do not ascend", { "{\"b\":1}", "{\"a\":1}", "{\"b\":1}",
	    "{\"a\":2}", "{\"b\":1}", "{}" }, 4, 1 },
	{ "a row beyond the last", { "{\"b\":1}", "{\"a\":1}", "{\"b\":1}",
	    "{\"a\":2}", "{\"b\":1}", "{}" }, 4, 6 },
	{ "more rows than values", { "{\"a\":1}", "{\"a\":2}", "{\"a\":3}",
	    "{}" }, 0, 15 },
	{ "a bit beyond the rows", { "{\"a\":1}", "{\"a\":2}", "{\"a\":3}",
	    "{}" }, 0, 19 },
	{ "more nulls than said", { "{\"a\":null}", "{\"a\":1}" }, 0, 3 },
	{ "a null beyond the slots", { "{\"a\":null}", "{\"a\":1}" }, 0, 4 },
	{ "a null where nothing is", { "{}", "{\"a\":null}", "{\"a\":\"x\"}" },
	    8, 1 },
	{ "ends from 1", { "{\"a\":\"xx\"}", "{\"a\":\"yy\"}" }, 0, 1 },
	{ "ends that fall", { "{\"a\":\"xx\"}", "{\"a\":\"yy\"}" }, 4, 5 },
	{ "too few bytes", { "{\"a\":\"xx\"}", "{\"a\":\"yy\"}" }, 8, 9 },
	{ "too many bytes", { "{\"a\":\"xxxxxxxxx\"}" }, 4, 8 },
	{ "no msgpack", { "{\"a\":[[]]}" }, 8, 0xc191 },
	{ "msgpack cut short", { "{\"a\":[[]]}" }, 8, 0x9092 },
	{ "two values for one", { "{\"a\":[[]]}" }, 8, 0x9090 },
};

static void tell_lie(const struct block_lie *l)
{
	struct chunk_tool t;
	struct snek_error e = { 0 };
	struct sk_chunk_field f;
	struct sk_record r;
	size_t n = 0;
	uint32_t i;
	int rc = 0;

	while (n < COUNT(l->text) && l->text[n])
		n++;
	chunk_tool_of(&t, l->text, n);
	memcpy(&f, t.out.p + sizeof(struct sk_chunk_head), sizeof(f));
	memcpy(t.out.p + f.block.offset + l->at, &l->value, 4);
	chunk_tool_mend((uint8_t *)t.out.p, t.out.n);
	ck_assert_int_eq(sk_chunk_reopen(t.chunk, t.out.p, t.out.n, &e), 0);
	for (i = 0; i < n && !rc; i++)
		rc = sk_chunk_record(t.chunk, i, &r, &e);
	ck_assert_msg(rc == SNEK_ECORRUPT, "%s", l->about);
	chunk_tool_close(&t);
}

START_TEST(a_block_that_lies_is_refused)
{
	size_t i;

	for (i = 0; i < COUNT(block_lies); i++)
		tell_lie(&block_lies[i]);
}
END_TEST

/* ---- blocks apart ---- */

START_TEST(blocks_may_lie_apart)
{
	struct sk_span block[512], head;
	struct chunk_tool t;
	struct sk_chunk *c = NULL;
	struct snek_error e = { 0 };
	uint32_t n, i;

	fill(&t, _i);
	n = sk_chunk_columns(t.chunk) + 2;
	ck_assert_uint_le(n, COUNT(block));
	head = sk_chunk_head_span(t.chunk);
	for (i = 0; i < n; i++)
		block[i] = sk_chunk_block_span(t.chunk, i);
	ck_assert_int_eq(sk_chunk_open_blocks(head, block, n, &c, &e), 0);
	ck_assert_int_eq(chunk_tool_read_all(c, &e), 0);
	sk_chunk_close(c);
	block[0].n -= 8;
	ck_assert_int_eq(sk_chunk_open_blocks(head, block, n, &c, &e), 0);
	ck_assert_int_eq(chunk_tool_read_all(c, &e), SNEK_ECORRUPT);
	sk_chunk_close(c);
	block[0].p = NULL;
	ck_assert_int_eq(sk_chunk_open_blocks(head, block, n, &c, &e), 0);
	ck_assert_int_eq(chunk_tool_read_all(c, &e), SNEK_EINTERNAL);
	sk_chunk_close(c);
	ck_assert_int_eq(sk_chunk_open_blocks(head, block, n - 1, &c, &e),
	    SNEK_EINVAL);
	chunk_tool_close(&t);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("chunk_damage");
	TCase *c = tcase_create("chunk_damage");

	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, a_changed_byte_is_found, 0, 2);
	tcase_add_loop_test(c,
	    bytes_that_lie_under_a_good_checksum_do_no_harm, 0, 2);
	tcase_add_loop_test(c,
	    random_bytes_under_a_good_checksum_do_no_harm, 0, 2);
	tcase_add_test(c, a_chunk_cut_short_is_refused);
	tcase_add_test(c, a_newer_format_is_named);
	tcase_add_test(c, a_head_that_lies_is_refused);
	tcase_add_test(c, a_block_that_lies_is_refused);
	tcase_add_loop_test(c, blocks_may_lie_apart, 0, 2);
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
