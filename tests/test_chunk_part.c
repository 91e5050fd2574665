/* SPDX-License-Identifier: MIT */
/* A chunk in parts, and joined again: whole, of some columns, damaged. */
#include "base/hash.h"
#include "chunk_tool.h"
#include "gen_json.h"
#include "value/chunk_part.h"
#include "value/chunk_view.h"

#include <check.h>
#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define SEED 0x1234567u

static struct chunk_tool t;
static struct sk_chunk_parts parts;
static struct sk_chunk_join join;
static struct snek_error err;

static const char *const plain[] = {
	"{\"a\":1,\"b\":[1,{\"a\":2}],\"c\":\"text\",\"\":{\"x\":1}}",
	"{\"a\":2.5,\"b\":{\"b\":null},\"d\":{\"e\":true}}",
	"{\"c\":\"\",\"a\":null,\"x\":true}",
	"{\"x\":false,\"u\":18446744073709551615}",
	"[1,{\"a\":[]}]", "{}", "\"s\"",
	"{\"c\":null,\"a\":-1,\"b\":\"\"}",
};

static void add_rest(void)
{
	struct sk_buf text = { 0 };
	int i;

	for (i = 0; i < 70; i++)
		ck_assert(sk_buf_printf(&text, "%s\"a%d\":[%d]",
		    i ? "," : "{\"zz\":1,\"r\":{\"s\":[5]},", i, i));
	ck_assert(sk_buf_byte(&text, '}') &&
	    chunk_tool_add(&t, text.p, text.n) == 1);
	sk_buf_free(&text);
}

/* 0: every type, with places.  1: with a rest column.  2 and on: generated
 * documents of each kind. */
#define CORPUS (2 + GEN_KINDS)
static void fill(int which)
{
	struct sk_buf text = { 0 };
	struct gen g;
	size_t i;

	chunk_tool_open(&t, SK_CHUNK_MAX);
	for (i = 0; which < 2 && i < COUNT(plain); i++) {
		if (!which)
			sk_chunk_builder_place(t.builder,
			    (struct sk_place){ 1 + i / 3, i });
		ck_assert_int_eq(chunk_tool_add(&t, plain[i],
		    strlen(plain[i])), 1);
	}
	if (which == 1)
		add_rest();
	gen_seed(&g, (uint64_t)which);
	for (i = 0; which >= 2 && i < 60; i++) {
		text.n = 0;
		gen_document(&g, (enum gen_kind)(which - 2), false, &text);
		if (chunk_tool_add(&t, text.p, text.n) != 1)
			break;
	}
	sk_buf_free(&text);
	chunk_tool_check(&t);
	ck_assert_int_eq(sk_chunk_split((struct sk_span){ t.out.p, t.out.n },
	    SEED, &parts, &err), 0);
}

static void setup(void)
{
	memset(&err, 0, sizeof(err));
}

static void teardown(void)
{
	chunk_tool_close(&t);
	sk_chunk_parts_free(&parts);
	sk_chunk_join_free(&join);
}

/* Memory of just the size, so that a sanitizer sees each step beyond. */
static void *written(void)
{
	void *p = malloc(join.bytes);

	ck_assert_ptr_nonnull(p);
	sk_chunk_join_write(&join, p);
	return p;
}

static const struct sk_chunk_part *part_of(struct sk_span name)
{
	uint32_t i;

	for (i = 0; i < parts.n; i++)
		if (parts.part[i].name.n == name.n &&
		    !memcmp(parts.part[i].name.p, name.p, name.n))
			return &parts.part[i];
	return NULL;
}

static struct sk_chunk_wish *wish_of(const char *const *name, size_t n)
{
	struct sk_span s[16];
	struct sk_chunk_wish *w;
	size_t i;

	for (i = 0; i < n; i++)
		s[i] = (struct sk_span){ name[i], strlen(name[i]) };
	ck_assert_int_eq(sk_chunk_wish_new(s, n, &w, &err), 0);
	return w;
}

static void fetch(const struct sk_chunk_wish *w, struct sk_span *out)
{
	const struct sk_chunk_part *p;
	uint32_t i;

	for (i = 0; i < w->fields; i++) {
		p = part_of(w->field[i]);
		out[i] = p ? p->bytes : (struct sk_span){ NULL, 0 };
	}
}

/* ---- whole ---- */

START_TEST(all_parts_give_the_very_bytes_of_the_chunk)
{
	struct sk_chunk_part *turned;
	uint32_t i;
	void *p;

	fill(_i);
	turned = malloc(parts.n * sizeof(*turned));
	for (i = 0; i < parts.n; i++)
		turned[i] = parts.part[(i * 7919 + 3) % parts.n];
	if (parts.n % 7919 == 0)
		memcpy(turned, parts.part, parts.n * sizeof(*turned));
	ck_assert_msg(!sk_chunk_join_all(&join, turned, parts.n,
	    sk_chunk_rows(t.chunk), SEED, &err), "%s", err.text);
	ck_assert_uint_eq(join.bytes, t.out.n);
	p = written();
	ck_assert_int_eq(memcmp(p, t.out.p, t.out.n), 0);
	free(p);
	free(turned);
}
END_TEST

START_TEST(names_of_parts_differ)
{
	uint32_t i, k;

	fill(_i);
	for (i = 0; i < parts.n; i++)
		for (k = 0; k < i; k++)
			ck_assert(parts.part[i].name.n != parts.part[k].name.n ||
			    memcmp(parts.part[i].name.p, parts.part[k].name.p,
			    parts.part[i].name.n));
}
END_TEST

/* ---- some ---- */

static void same_values(const char *path, struct sk_chunk *some)
{
	struct sk_chunk *whole = t.chunk;
	struct sk_buf b = { 0 };
	const char *s;
	uint32_t row;

	for (row = 0; row < sk_chunk_rows(whole); row++) {
		s = chunk_tool_at(&t, path, row);
		b.n = 0;
		ck_assert(sk_buf_put(&b, s, strlen(s) + 1));
		t.chunk = some;
		ck_assert_str_eq(chunk_tool_at(&t, path, row), b.p);
		t.chunk = whole;
	}
	sk_buf_free(&b);
}

static void same_places(struct sk_chunk *some)
{
	struct sk_place base = { 9, 100 }, a, b;
	uint32_t row;

	for (row = 0; row < sk_chunk_rows(t.chunk); row++) {
		ck_assert_int_eq(sk_chunk_place(t.chunk, base, row, &a, &err), 0);
		ck_assert_int_eq(sk_chunk_place(some, base, row, &b, &err), 0);
		ck_assert(a.version == b.version && a.record == b.record);
	}
}

static int column_of(struct sk_chunk *c, const char *text)
{
	struct snek_column column;
	struct sk_path path;
	int rc;

	ck_assert_int_eq(sk_path_parse(&path, text, &err), 0);
	rc = sk_chunk_column(c, &path, &column, &err);
	sk_path_free(&path);
	return rc;
}

static struct sk_chunk *joined(const struct sk_chunk_wish *w, void **bytes)
{
	struct sk_span got[32];
	struct sk_chunk *c;

	fetch(w, got);
	ck_assert_msg(!sk_chunk_join_wish(&join, w, got, sk_chunk_rows(t.chunk),
	    SEED, &err), "%s", err.text);
	*bytes = written();
	ck_assert_msg(!sk_chunk_open(*bytes, join.bytes, &c, &err), "%s",
	    err.text);
	return c;
}

static const char *const wanted[] = { "b", "r", "a", "zz", "nowhere", "a",
	"a7", "" };

START_TEST(some_columns_read_as_they_do_in_the_whole)
{
	static const char *const path[] = { "b", "a", "b[1].a", "b.b", "zz",
		"nowhere", "nowhere.x", "[0]", "[1].a", "r.s[0]", "r", "a7" };
	struct sk_chunk_wish *w = wish_of(wanted, COUNT(wanted));
	struct sk_chunk *c;
	void *bytes;
	size_t i;

	fill(_i);
	ck_assert_uint_eq(w->names, COUNT(wanted) - 1);
	c = joined(w, &bytes);
	for (i = 0; i < COUNT(path); i++)
		same_values(path[i], c);
	same_places(c);
	sk_chunk_close(c);
	free(bytes);
	sk_chunk_wish_free(w);
}
END_TEST

START_TEST(what_was_not_fetched_is_not_absent)
{
	static const char *const path[] = { "c", "c.a", "d.e", "bb", "a1" };
	static const char *const name[] = { "a", "b" };
	struct sk_chunk_wish *w = wish_of(name, (size_t)_i);
	struct sk_record r;
	struct sk_chunk *c;
	void *bytes;
	size_t i;

	fill(1);
	c = joined(w, &bytes);
	for (i = 0; i < COUNT(path); i++) {
		ck_assert_int_eq(column_of(c, path[i]), SNEK_EINTERNAL);
		ck_assert_ptr_nonnull(strstr(err.text, "was not fetched"));
	}
	ck_assert_int_eq(column_of(c, ""), 0);
	ck_assert_int_eq(column_of(c, "[0]"), 0);
	ck_assert_int_eq(sk_chunk_record(c, 0, &r, &err), SNEK_EINTERNAL);
	ck_assert_int_eq(sk_chunk_split((struct sk_span){ bytes, join.bytes },
	    SEED, &parts, &err), SNEK_EINVAL);
	sk_chunk_close(c);
	free(bytes);
	sk_chunk_wish_free(w);
}
END_TEST

/* ---- parts that are not what was put ---- */

static int try_some(const struct sk_chunk_wish *w, const struct sk_span *got)
{
	int rc = sk_chunk_join_wish(&join, w, got, sk_chunk_rows(t.chunk), SEED,
	    &err);
	struct sk_chunk *c = NULL;
	void *p;

	if (rc)
		return rc;
	p = written();
	rc = sk_chunk_open(p, join.bytes, &c, &err);
	if (!rc)
		chunk_tool_read_all(c, &err);
	sk_chunk_close(c);
	free(p);
	return rc;
}

static int try_all(const struct sk_chunk_part *p, size_t n)
{
	int rc = sk_chunk_join_all(&join, p, n, sk_chunk_rows(t.chunk), SEED,
	    &err);
	void *bytes;

	if (rc)
		return rc;
	bytes = written();
	if (join.bytes != t.out.n || memcmp(bytes, t.out.p, t.out.n))
		rc = 1;
	free(bytes);
	return rc;
}

static bool refused(int rc)
{
	return (rc == SNEK_ECORRUPT || rc == SNEK_EVERSION) && err.text[0];
}

START_TEST(a_flipped_bit_is_found)
{
	struct sk_chunk_wish *w = wish_of(wanted, COUNT(wanted));
	struct sk_span got[32];
	uint32_t i;
	size_t k;
	char *p;

	fill(_i);
	for (i = 0; i < parts.n; i++)
		for (k = 0; k < 8 * parts.part[i].bytes.n; k++) {
			p = (char *)(uintptr_t)parts.part[i].bytes.p + k / 8;
			*p ^= (char)(1 << k % 8);
			ck_assert(refused(try_all(parts.part, parts.n)));
			*p ^= (char)(1 << k % 8);
		}
	fetch(w, got);
	for (i = 0; i < w->fields; i++)
		for (k = 0; k < 8 * got[i].n; k++) {
			p = (char *)(uintptr_t)got[i].p + k / 8;
			*p ^= (char)(1 << k % 8);
			ck_assert(refused(try_some(w, got)));
			*p ^= (char)(1 << k % 8);
		}
	ck_assert_int_eq(try_some(w, got), 0);
	ck_assert_int_eq(try_all(parts.part, parts.n), 0);
	sk_chunk_wish_free(w);
}
END_TEST

START_TEST(a_part_cut_short_is_refused)
{
	struct sk_chunk_wish *w = wish_of(wanted, COUNT(wanted));
	struct sk_span got[32], was;
	uint32_t i;

	fill(_i);
	fetch(w, got);
	for (i = 0; i < w->fields; i++)
		for (was = got[i]; got[i].p && got[i].n--; )
			ck_assert(refused(try_some(w, got)) ||
			    (got[i] = was, false));
	for (i = 0; i < w->fields; i++)
		got[i] = (struct sk_span){ NULL, 0 };
	ck_assert_int_eq(try_some(w, got), SNEK_ENOENT);
	for (i = 0; i < parts.n; i++) {
		was = parts.part[i].bytes;
		while (parts.part[i].bytes.n--)
			ck_assert(refused(try_all(parts.part, parts.n)));
		parts.part[i].bytes = was;
	}
	sk_chunk_wish_free(w);
}
END_TEST

START_TEST(a_part_that_is_missing_twice_or_foreign_is_refused)
{
	struct sk_chunk_part *p;
	uint32_t i;

	fill(_i);
	p = malloc((parts.n + 1) * sizeof(*p));
	for (i = 0; i < parts.n; i++) {
		memcpy(p, parts.part, parts.n * sizeof(*p));
		p[i] = p[parts.n - 1];
		ck_assert(refused(try_all(p, parts.n - 1)));
		memcpy(p, parts.part, parts.n * sizeof(*p));
		p[parts.n] = p[i];
		if (memcmp(p[i].name.p, "h", 1) && memcmp(p[i].name.p, "n", 1))
			ck_assert(refused(try_all(p, parts.n + 1)));
	}
	p[parts.n].name = (struct sk_span){ "x", 1 };
	ck_assert(refused(try_all(p, parts.n + 1)));
	p[parts.n].name.n = 0;
	ck_assert(refused(try_all(p, parts.n + 1)));
	ck_assert_int_eq(try_all(p, 0), SNEK_ENOENT);
	ck_assert(refused(sk_chunk_join_all(&join, p, parts.n,
	    sk_chunk_rows(t.chunk), SEED + 1, &err)));
	ck_assert(refused(sk_chunk_join_all(&join, p, parts.n,
	    sk_chunk_rows(t.chunk) + 1, SEED, &err)));
	free(p);
}
END_TEST

START_TEST(a_column_of_another_chunk_is_refused)
{
	static const char *const text[] = { "{\"a\":1,\"b\":1}",
		"{\"a\":2,\"b\":1}" };
	static const char *const name[] = { "a", "b" };
	struct sk_chunk_wish *w = wish_of(name, 2);
	struct sk_chunk_parts other = { .n = 0 };
	struct sk_chunk_part was;
	struct sk_span got[8];

	chunk_tool_of(&t, &text[0], 1);
	ck_assert_int_eq(sk_chunk_split((struct sk_span){ t.out.p, t.out.n },
	    SEED, &other, &err), 0);
	chunk_tool_close(&t);
	chunk_tool_of(&t, &text[1], 1);
	ck_assert_int_eq(sk_chunk_split((struct sk_span){ t.out.p, t.out.n },
	    SEED, &parts, &err), 0);
	was = parts.part[2];            /* "fb", alike in both but for the tag */
	parts.part[2] = other.part[2];
	ck_assert(refused(try_all(parts.part, parts.n)));
	fetch(w, got);
	ck_assert(refused(try_some(w, got)));
	parts.part[2] = was;
	fetch(w, got);
	ck_assert_int_eq(try_some(w, got), 0);
	sk_chunk_parts_free(&other);
	sk_chunk_wish_free(w);
}
END_TEST

/* ---- lies under good checksums ---- */

static void mend(const struct sk_chunk_part *p)
{
	uint8_t *b = (uint8_t *)(uintptr_t)p->bytes.p;
	char kind = *(const char *)p->name.p;
	uint32_t crc;

	if (kind == 'n') {
		crc = sk_crc32c(SEED, b + 4, p->bytes.n - 4);
		memcpy(b, &crc, 4);
	} else if (kind == 'h') {
		memset(b + 8, 0, 4);
		crc = sk_crc32c(0, b, p->bytes.n);
		memcpy(b + 8, &crc, 4);
	} else if (kind != 's' && kind != 'p') {
		crc = sk_crc32c(0, b + 32, p->bytes.n - 32);
		memcpy(b + 28, &crc, 4);
		crc = sk_crc32c(SEED, (const char *)p->name.p + 1,
		    p->name.n - 1);
		crc = sk_crc32c(crc, b + 4, 28);
		memcpy(b, &crc, 4);
	}
}

START_TEST(parts_that_lie_under_a_good_checksum_do_no_harm)
{
	struct sk_chunk_wish *w = wish_of(wanted, COUNT(wanted));
	const struct sk_chunk_part *p;
	struct sk_span got[32];
	struct gen g;
	uint8_t *at, was;
	int i, rc;

	fill(_i);
	gen_seed(&g, 5);
	for (i = 0; i < 30000; i++) {
		p = &parts.part[gen_below(&g, parts.n)];
		at = (uint8_t *)(uintptr_t)p->bytes.p +
		    gen_below(&g, p->bytes.n < 72 ? p->bytes.n : 72);
		was = *at;
		*at ^= (uint8_t)(1 << gen_below(&g, 8));
		mend(p);
		fetch(w, got);
		rc = try_some(w, got);
		ck_assert(!rc || refused(rc));
		rc = try_all(parts.part, parts.n);
		ck_assert(rc >= 0 || refused(rc));
		*at = was;
		mend(p);
	}
	ck_assert_int_eq(try_some(w, got), try_some(w, got));
	sk_chunk_wish_free(w);
}
END_TEST

START_TEST(two_columns_cost_little_more_than_their_bytes)
{
	static const char *const name[] = { "f3", "f7" };
	struct sk_chunk_wish *w = wish_of(name, 2);
	struct sk_span got[8];
	struct sk_buf text = { 0 };
	size_t n = 0, own = 0;
	uint32_t i, k;

	chunk_tool_open(&t, SK_CHUNK_MAX);
	for (i = 0; i < 100; i++) {
		text.n = 0;
		for (k = 0; k < 25; k++)
			ck_assert(sk_buf_printf(&text, "%s\"f%u\":\"%u\"",
			    k ? "," : "{", k, i * k));
		ck_assert(sk_buf_byte(&text, '}'));
		ck_assert_int_eq(chunk_tool_add(&t, text.p, text.n), 1);
	}
	sk_buf_free(&text);
	chunk_tool_check(&t);
	ck_assert_int_eq(sk_chunk_split((struct sk_span){ t.out.p, t.out.n },
	    SEED, &parts, &err), 0);
	fetch(w, got);
	for (i = 0; i < w->fields; i++)
		n += got[i].n + sizeof("$123456\r\n\r\n");
	for (i = 0; i < 25; i++)
		if (t.chunk->field[i].name_len == 2 && strchr("37",
		    t.out.p[t.chunk->field[i].name + 1]))
			own += t.chunk->field[i].block.bytes;
	ck_assert_uint_gt(own, 1000);
	ck_assert_uint_le(n, own + 200);
	ck_assert_int_eq(try_some(w, got), 0);
	sk_chunk_wish_free(w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("chunk_part");
	TCase *c = tcase_create("chunk_part");
	SRunner *r;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, all_parts_give_the_very_bytes_of_the_chunk, 0,
	    CORPUS);
	tcase_add_loop_test(c, names_of_parts_differ, 0, 2);
	tcase_add_loop_test(c, some_columns_read_as_they_do_in_the_whole, 0,
	    CORPUS);
	tcase_add_loop_test(c, what_was_not_fetched_is_not_absent, 0, 3);
	tcase_add_loop_test(c, a_flipped_bit_is_found, 0, 2);
	tcase_add_loop_test(c, a_part_cut_short_is_refused, 0, 2);
	tcase_add_loop_test(c,
	    a_part_that_is_missing_twice_or_foreign_is_refused, 0, 2);
	tcase_add_test(c, a_column_of_another_chunk_is_refused);
	tcase_add_loop_test(c,
	    parts_that_lie_under_a_good_checksum_do_no_harm, 0, 2);
	tcase_add_test(c, two_columns_cost_little_more_than_their_bytes);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
