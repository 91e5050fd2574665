/* SPDX-License-Identifier: MIT */
/* A file read in pieces by threads is the file read from start to end. */
#include "check_main.h"

#include <stdio.h>
#include <unistd.h>

#include "job/pieces.h"

#define ROUNDS 60

static const int not_cancelled;

/* Records as JSON, one a line; the failure that ended it as ". text". */
static int read_on(sk_input *in, struct sk_spool *s, struct snek_error *e)
{
	struct sk_record r;
	struct sk_span text;
	bool again;
	int rc;

	while ((rc = sk_input_next(in, &r, &text, &again, e)) == 1)
		ck_assert_int_eq(sk_spool_add(s, &r, e), 0);
	sk_input_close(in);
	return rc;
}

static void list_chunk(const struct sk_spool *s, const struct sk_spool_chunk *c,
    struct sk_buf *out)
{
	struct sk_chunk *chunk;
	struct sk_record r;
	struct snek_error e;
	uint32_t i;

	ck_assert_int_eq(sk_chunk_open((char *)s->map + c->offset, c->bytes,
	    &chunk, &e), 0);
	ck_assert_uint_eq(sk_chunk_rows(chunk), c->rows);
	for (i = 0; i < c->rows; i++) {
		ck_assert_int_eq(sk_chunk_record(chunk, i, &r, &e), 0);
		ck_assert(sk_json_write_record(out, &r));
		ck_assert(sk_buf_byte(out, '\n'));
	}
	sk_chunk_close(chunk);
}

static void list(struct sk_spool *s, int rc, const struct snek_error *why,
    struct sk_buf *out)
{
	const struct sk_spool_list *l = &s->own.list;
	struct snek_error e;
	uint64_t first = 0;
	size_t i;

	ck_assert_int_eq(sk_spool_end(s, &e), 0);
	out->n = 0;
	for (i = 0; i < l->n; i++) {
		ck_assert_uint_eq(l->chunk[i].first, first);
		first += l->chunk[i].rows;
		list_chunk(s, &l->chunk[i], out);
	}
	ck_assert_uint_eq(l->records, first);
	if (rc)
		sk_buf_printf(out, ". %d %s", rc, why->text);
	ck_assert(sk_buf_byte(out, 0));
	sk_spool_close(s);
}

static void read_whole(int fd, enum snek_format format,
    const struct sk_input_options *o, struct sk_buf *out)
{
	struct sk_spool s;
	struct snek_error e;
	sk_input *in;

	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	ck_assert_int_eq(sk_spool_open(&s, "/tmp", 0, &e), 0);
	ck_assert_int_eq(sk_input_open(fd, "f", format, o, &in, &e), 0);
	list(&s, read_on(in, &s, &e), &e, out);
}

static void read_pieces(const struct sk_pieces *p, struct sk_buf *out,
    struct sk_pieces_rest *rest)
{
	struct sk_piece tail = { .fd = p->fd, .name = "f", .end = INT64_MAX };
	struct sk_spool s;
	struct snek_error e;
	sk_input *in;

	ck_assert_int_eq(sk_spool_open(&s, "/tmp", 0, &e), 0);
	ck_assert_msg(!sk_pieces_read(p, &s, rest, &e), "%s", e.text);
	tail.at = rest->at;
	ck_assert_int_eq(sk_input_open_part(sk_piece_read, &tail, rest->at,
	    rest->line, "f", p->format, p->o, &in, &e), 0);
	list(&s, read_on(in, &s, &e), &e, out);
}

static int file_of(const struct sk_buf *text)
{
	FILE *f = tmpfile();
	int fd;

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(text->p, 1, text->n, f), text->n);
	ck_assert_int_eq(fflush(f), 0);
	fd = dup(fileno(f));
	fclose(f);
	return fd;
}

static void compare(const struct sk_buf *text, enum snek_format format,
    const struct sk_input_options *o, uint64_t step)
{
	struct sk_pieces p = { .fd = file_of(text), .name = "f", .o = o,
		.format = format, .to = text->n, .cancelled = &not_cancelled };
	struct sk_buf want = { 0 }, got = { 0 };
	struct sk_pieces_rest rest;

	read_whole(p.fd, format, o, &want);
	for (p.piece = 1; p.piece < text->n + 2; p.piece += step) {
		p.threads = 1 + p.piece % 3;
		read_pieces(&p, &got, &rest);
		ck_assert_str_eq(got.p, want.p);
	}
	sk_buf_free(&want);
	sk_buf_free(&got);
	close(p.fd);
}

static const char *const lines[] = {
	"{\"a\":1}\n", "{\"a\":\"text of some length\",\"b\":[1,{\"c\":2}]}\n", "\n",
	"12\n", "\"x\"\r\n", "{\"a\":1}{\"a\":2}\n", " [1,\t2] \n", "null\n",
	"\"a \\\" and \\n\"\n", "{\"\xc3\xa9\":\"\xe2\x82\xac\"}\n",
};
static const char *const odd[] = {
	"{\n \"a\":\n1\n}\n", "[1,\n", "nul\n", "\"broken\n", "{\"a\":1,\"a\":2}\n",
	"\xff\xfe\n", "}\n", "no end", "99999999999999999999999\n",
	("{\"more\":\"than eighty bytes, which is what a record may have in this "
	    "test, and so an error\"}\n"), "\xef\xbb\xbf", "1 2 3",
};

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	return *seed ^= *seed << 17;
}

static void make_text(uint64_t seed, struct sk_buf *text)
{
	uint64_t n = next_random(&seed) % 20, i, r;
	const char *s;

	text->n = 0;
	if (next_random(&seed) % 8 == 0)
		ck_assert(sk_buf_put(text, "\xef\xbb\xbf", 3));
	for (i = 0; i < n; i++) {
		r = next_random(&seed) % 1000;
		s = r % 12 ? lines[r / 12 % (sizeof(lines) / sizeof(*lines))]
		    : odd[r / 12 % (sizeof(odd) / sizeof(*odd))];
		ck_assert(sk_buf_put(text, s, strlen(s)));
	}
}

START_TEST(any_text_of_lines_is_the_same_in_any_pieces)
{
	static const struct sk_input_options o[] = {
		{ .max_record = 80 }, { .last_duplicate = true } };
	struct sk_buf text = { 0 };
	uint64_t i;

	for (i = 0; i < ROUNDS; i++) {
		make_text(0x9e3779b97f4a7c15ull * (i + 1), &text);
		compare(&text, SNEK_JSONL, &o[i % 2], 1 + i % 5);
		compare(&text, SNEK_TEXT, &o[i % 2], 1 + i % 5);
	}
	sk_buf_free(&text);
}
END_TEST

static void put_many(struct sk_buf *b, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		ck_assert(sk_buf_printf(b, "{\"number\":%u}\n", i));
}

/* Chunks are full where a piece has enough for one, and all pieces are read. */
START_TEST(good_lines_leave_nothing_to_be_read_in_turn)
{
	static const struct sk_input_options none;
	static const enum snek_format formats[] = { SNEK_JSONL, SNEK_TEXT };
	struct sk_pieces p = { .name = "f", .o = &none, .piece = 1 << 20,
		.threads = 2, .cancelled = &not_cancelled };
	struct sk_buf text = { 0 }, want = { 0 }, got = { 0 };
	struct sk_pieces_rest rest;
	unsigned i;

	put_many(&text, 100000);
	p.to = text.n;
	p.fd = file_of(&text);
	for (i = 0; i < 2; i++) {
		p.format = formats[i];
		read_whole(p.fd, p.format, &none, &want);
		read_pieces(&p, &got, &rest);
		ck_assert_str_eq(got.p, want.p);
		ck_assert_uint_eq(rest.at, text.n);
		ck_assert_uint_eq(rest.line, 100001);
	}
	close(p.fd);
	sk_buf_free(&text);
	sk_buf_free(&want);
	sk_buf_free(&got);
}
END_TEST

START_TEST(an_unended_last_line_and_all_behind_a_fault_are_left)
{
	static const struct sk_input_options none;
	struct sk_pieces p = { .name = "f", .o = &none, .piece = 1000,
		.format = SNEK_JSONL, .threads = 2, .cancelled = &not_cancelled };
	struct sk_buf text = { 0 }, got = { 0 };
	struct sk_pieces_rest rest;

	put_many(&text, 1000);
	ck_assert(sk_buf_printf(&text, "{\"last\":1}"));
	p.to = text.n;
	p.fd = file_of(&text);
	read_pieces(&p, &got, &rest);
	ck_assert_uint_eq(rest.at, text.n - 10);
	ck_assert_uint_eq(rest.line, 1001);
	ck_assert_int_eq(pwrite(p.fd, "x", 1, 5000), 1);
	read_pieces(&p, &got, &rest);
	ck_assert_uint_le(rest.at, 5000);
	ck_assert_uint_ge(rest.at, 4000);
	close(p.fd);
	sk_buf_free(&text);
	sk_buf_free(&got);
}
END_TEST

START_TEST(a_cancel_ends_it)
{
	static const struct sk_input_options none;
	static const int cancelled = 1;
	struct sk_pieces p = { .name = "f", .o = &none, .piece = 1000,
		.format = SNEK_TEXT, .threads = 2, .cancelled = &cancelled };
	struct sk_buf text = { 0 };
	struct sk_pieces_rest rest;
	struct snek_error e;
	struct sk_spool s;

	put_many(&text, 1000);
	p.to = text.n;
	p.fd = file_of(&text);
	ck_assert_int_eq(sk_spool_open(&s, "/tmp", 0, &e), 0);
	ck_assert_int_eq(sk_pieces_read(&p, &s, &rest, &e), SNEK_ECANCELED);
	ck_assert_str_eq(e.text, "cancelled");
	sk_spool_close(&s);
	close(p.fd);
	sk_buf_free(&text);
}
END_TEST

START_TEST(a_disk_that_is_full_ends_it)
{
	static const struct sk_input_options none;
	struct sk_pieces p = { .name = "f", .o = &none, .piece = 1000,
		.format = SNEK_TEXT, .threads = 2, .cancelled = &not_cancelled };
	struct sk_buf text = { 0 };
	struct sk_pieces_rest rest;
	struct snek_error e;
	struct sk_spool s;
	FILE *full = fopen("/dev/full", "r+");

	ck_assert_ptr_nonnull(full);
	put_many(&text, 1000);
	p.to = text.n;
	p.fd = file_of(&text);
	ck_assert_int_eq(sk_spool_open(&s, "/tmp", 0, &e), 0);
	ck_assert_int_ge(dup2(fileno(full), s.fd), 0);
	ck_assert_int_eq(sk_pieces_read(&p, &s, &rest, &e), SNEK_EIO);
	ck_assert_ptr_nonnull(strstr(e.text, "disk full"));
	sk_spool_close(&s);
	fclose(full);
	close(p.fd);
	sk_buf_free(&text);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_test(t, any_text_of_lines_is_the_same_in_any_pieces);
	tcase_add_test(t, good_lines_leave_nothing_to_be_read_in_turn);
	tcase_add_test(t, an_unended_last_line_and_all_behind_a_fault_are_left);
	tcase_add_test(t, a_cancel_ends_it);
	tcase_add_test(t, a_disk_that_is_full_ends_it);
}

int main(void)
{
	return check_main("pieces", setup);
}
