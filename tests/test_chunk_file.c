/* SPDX-License-Identifier: MIT */
/* Chunks that are made of lines at once, and those that lie in files. */
#include "chunk_tool.h"
#include "check_main.h"
#include "gen_json.h"

#include <stdio.h>
#include <unistd.h>

#define L(s) s, sizeof(s) - 1

/* The builder's chunk of the same strings, byte for byte. */
static void lines_are(const char *text, size_t n, const char *const *line,
    size_t lines)
{
	struct sk_buf want = { 0 }, got = { 0 };
	struct sk_member m = { 0 };
	struct sk_record r = { .n = 1, .member = &m };
	sk_chunk_builder *b;
	struct snek_error e;
	size_t i, used;
	uint32_t rows;

	ck_assert_int_eq(sk_chunk_builder_new(0, &b), 0);
	for (i = 0; i < lines; i++) {
		m.value = sk_string(line[i], (uint32_t)strlen(line[i]));
		ck_assert_int_eq(sk_chunk_builder_add(b, &r, &e), 1);
	}
	ck_assert_int_eq(sk_chunk_builder_seal(b, &want, &e), 0);
	ck_assert_int_eq(sk_chunk_lines(0, (struct sk_span){ text, n }, &got,
	    &used, &rows, &e), 0);
	ck_assert_uint_eq(used, n);
	ck_assert_uint_eq(rows, lines);
	ck_assert_uint_eq(got.n, want.n);
	ck_assert_mem_eq(got.p, want.p, want.n);
	sk_chunk_builder_free(b);
	sk_buf_free(&want);
	sk_buf_free(&got);
}

START_TEST(lines_become_the_chunk_that_a_builder_makes_of_strings)
{
	static const char *const one[] = { "" }, *const some[] = { "a", "",
		"\r", "x\ry", "", "the last, without an end\r" };

	lines_are(L("\n"), one, 1);
	lines_are(L("\r\n"), one, 1);
	lines_are(L("a\n"), some, 1);
	lines_are(L("a\n\r\n\r\r\nx\ry\n\nthe last, without an end\r"), some, 6);
	lines_are(L("a\n\n\r\r\nx\ry\r\n\r\n"), some, 5);
}
END_TEST

START_TEST(lines_fill_a_chunk_and_a_long_one_has_its_own)
{
	struct sk_buf text = { 0 }, out = { 0 };
	struct sk_chunk *c = NULL;
	struct snek_error e;
	uint64_t all = 0;
	size_t at = 0, used;
	uint32_t rows;
	unsigned i;

	for (i = 0; i < 50000; i++)
		ck_assert(sk_buf_printf(&text, i == 30000 ? "%0300000u\n" :
		    "line %u\n", i));
	for (; at < text.n; at += used, all += rows) {
		out.n = 0;
		ck_assert_int_eq(sk_chunk_lines(0, (struct sk_span){ text.p + at,
		    text.n - at }, &out, &used, &rows, &e), 0);
		ck_assert(out.n <= SK_CHUNK_TARGET || rows == 1);
		ck_assert(out.n > SK_CHUNK_TARGET - 200 || all < 30000 ||
		    at + used == text.n);
		ck_assert_int_eq(sk_chunk_open(out.p, out.n, &c, &e), 0);
		ck_assert_int_eq(chunk_tool_read_all(c, &e), 0);
		sk_chunk_close(c);
	}
	ck_assert_uint_eq(all, 50000);
	sk_buf_free(&text);
	sk_buf_free(&out);
}
END_TEST

/* ---- in a file ---- */

#define BEFORE 100              /* bytes of the file before the chunk */

static struct sk_chunk_room room;

static void open_room(void)
{
	struct snek_error e;

	ck_assert_int_eq(sk_chunk_room_open(&room, &e), 0);
}

static void close_room(void)
{
	sk_chunk_room_close(&room);
}

/* The chunk just sealed is read from a file of its own. */
static int into_file(struct chunk_tool *t)
{
	FILE *f = tmpfile();
	struct snek_error e;
	int fd, rc;

	ck_assert_ptr_nonnull(f);
	fd = dup(fileno(f));
	fclose(f);
	ck_assert_int_eq(pwrite(fd, t->out.p, t->out.n, BEFORE),
	    (ssize_t)t->out.n);
	rc = sk_chunk_reopen_file(&t->chunk, &room, fd, BEFORE, t->out.n, &e);
	ck_assert_msg(!rc, "%s", e.text);
	return fd;
}

START_TEST(a_chunk_in_a_file_is_read_as_it_is_touched)
{
	struct sk_buf text = { 0 };
	struct chunk_tool t;
	struct gen g;
	int i, fd;

	gen_seed(&g, (uint64_t)_i);
	chunk_tool_open(&t, SK_CHUNK_MIN);
	for (i = 0; i < 6; i++) {
		do {
			text.n = 0;
			gen_document(&g, (enum gen_kind)_i, false, &text);
		} while (chunk_tool_add(&t, text.p, text.n) &&
		    gen_below(&g, 200));
		chunk_tool_seal(&t);
		fd = into_file(&t);
		chunk_tool_compare(&t);
		close(fd);
	}
	chunk_tool_close(&t);
	sk_buf_free(&text);
}
END_TEST

START_TEST(what_a_file_has_lost_or_changed_is_found)
{
	static const char *const texts[] = { "{\"a\":\"x\"}", "{\"a\":\"y\"}" };
	struct chunk_tool t;
	struct sk_chunk *c;
	struct snek_error e;
	size_t n, cut;
	int fd;

	chunk_tool_of(&t, texts, 2);
	n = t.out.n;
	fd = into_file(&t);
	for (cut = 0; cut < n; cut++) {
		ck_assert_int_eq(ftruncate(fd, (off_t)(BEFORE + cut)), 0);
		c = NULL;
		ck_assert_int_eq(sk_chunk_reopen_file(&c, &room, fd, BEFORE, n,
		    &e), SNEK_ECORRUPT);
		sk_chunk_close(c);
		ck_assert_int_eq(pwrite(fd, t.out.p, n, BEFORE), (ssize_t)n);
		ck_assert_int_eq(pwrite(fd, "~", 1, (off_t)(BEFORE + cut)), 1);
		c = NULL;
		ck_assert(t.out.p[cut] == '~' || sk_chunk_reopen_file(&c, &room,
		    fd, BEFORE, n, &e) || chunk_tool_read_all(c, &e));
		sk_chunk_close(c);
	}
	close(fd);
	chunk_tool_close(&t);
}
END_TEST

/* A block that is not in what is read with the head. */
START_TEST(a_file_that_becomes_shorter_is_found_when_its_block_is_read)
{
	struct chunk_tool t;
	struct snek_error e;
	struct sk_record r;
	char text[64];
	unsigned i;
	int fd;

	chunk_tool_open(&t, 0);
	for (i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "{\"a\":\"text %u\"}", i);
		ck_assert_int_eq(chunk_tool_add(&t, text, strlen(text)), 1);
	}
	chunk_tool_seal(&t);
	fd = into_file(&t);
	ck_assert_int_eq(ftruncate(fd, BEFORE + 5000), 0);
	ck_assert_int_eq(sk_chunk_record(t.chunk, 0, &r, &e), SNEK_ECORRUPT);
	ck_assert_str_eq(e.text, "damaged chunk: its file has become shorter");
	close(fd);
	chunk_tool_close(&t);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_checked_fixture(t, open_room, close_room);
	tcase_add_test(t,
	    lines_become_the_chunk_that_a_builder_makes_of_strings);
	tcase_add_test(t, lines_fill_a_chunk_and_a_long_one_has_its_own);
	tcase_add_loop_test(t, a_chunk_in_a_file_is_read_as_it_is_touched, 0,
	    GEN_KINDS);
	tcase_add_test(t, what_a_file_has_lost_or_changed_is_found);
	tcase_add_test(t,
	    a_file_that_becomes_shorter_is_found_when_its_block_is_read);
}

int main(void)
{
	return check_main("chunk_file", setup);
}
