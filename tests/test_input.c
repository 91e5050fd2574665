/* SPDX-License-Identifier: MIT */
#include "check_main.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "value/gzip.h"
#include "value/input.h"

#define L(s) s, sizeof(s) - 1

/* A descriptor to read the bytes from: a file, or a pipe that gets them in
 * pieces. */
static int as_file(const char *p, size_t n)
{
	FILE *f = tmpfile();
	int fd;

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(p, 1, n, f), n);
	ck_assert_int_eq(fflush(f), 0);
	rewind(f);
	fd = dup(fileno(f));
	ck_assert_int_ge(fd, 0);
	fclose(f);
	return fd;
}

static int as_pipe(const char *p, size_t n, size_t piece, pid_t *pid)
{
	int fd[2];
	size_t i;

	ck_assert_int_eq(pipe(fd), 0);
	*pid = fork();
	ck_assert_int_ge(*pid, 0);
	if (*pid)
		return close(fd[1]), fd[0];
	close(fd[0]);
	for (i = 0; i < n; i += piece)
		if (write(fd[1], p + i, n - i < piece ? n - i : piece) < 0)
			break;
	_exit(0);
}

/* Records as JSON, one a line; bad ones as "! text" (of those over a limit only
 * the beginning, for how much there is depends on reads); failure as ". text". */
static void read_all(int fd, const char *name, enum snek_format format,
    const struct sk_input_options *o, struct sk_buf *out)
{
	struct sk_record record;
	struct sk_span text;
	struct snek_error e;
	sk_input *in;
	bool again;
	int rc = sk_input_open(fd, name, format, o, &in, &e);

	out->n = 0;
	if (rc < 0) {
		sk_buf_printf(out, ". %d %s", rc, e.text);
		return;
	}
	while ((rc = sk_input_next(in, &record, &text, &again, &e)) > 0 || again) {
		if (rc > 0)
			ck_assert(sk_json_write_record(out, &record));
		else
			sk_buf_printf(out, "! %.*s: %s", text.n > 4 &&
			    rc == SNEK_ELIMIT ? 4 : (int)text.n,
			    (const char *)text.p, e.text);
		ck_assert(sk_buf_byte(out, '\n'));
	}
	if (rc < 0)
		sk_buf_printf(out, ". %d %s", rc, e.text);
	sk_input_close(in);
}

static void reads_as(const char *p, size_t n, const char *name,
    enum snek_format format, const struct sk_input_options *o,
    const char *want)
{
	static const size_t pieces[] = { 1, 3, 4096 };
	struct sk_buf out = { 0 };
	unsigned i;
	pid_t pid;
	int fd;

	for (i = 0; i < 4; i++) {
		pid = 0;
		fd = i == 3 ? as_file(p, n) : as_pipe(p, n, pieces[i], &pid);
		read_all(fd, name, format, o, &out);
		close(fd);
		if (pid)
			waitpid(pid, NULL, 0);
		ck_assert(sk_buf_byte(&out, 0));
		ck_assert_str_eq(out.p, want);
	}
	sk_buf_free(&out);
}

static const struct {
	const char *name;
	enum snek_format format;
	const char *text;
	size_t n;
	const char *want;
} inputs[] = {
	{ "a.jsonl", SNEK_AUTO, L(""), "" },
	{ "a.jsonl", SNEK_AUTO, L("{\"a\":1}\r\n{\"b\":[2]}\r\n"),
	    "{\"a\":1}\n{\"b\":[2]}\n" },
	{ "a.jsonl", SNEK_AUTO, L("\xef\xbb\xbf[1,2]\n[3]"), "[1,2]\n[3]\n" },
	{ "a.json", SNEK_AUTO, L("\xef\xbb\xbf \n [1, {\"x\":2}]"),
	    "1\n{\"x\":2}\n" },
	{ "a.json", SNEK_AUTO, L("{\"a\":1}\n{\"b\":2}"), "{\"a\":1}\n{\"b\":2}\n" },
	{ "a.json", SNEK_AUTO, L("[1]\n[2]"),
	    "1\n. -6 a.json:2:1: expected nothing after the array but found '['" },
	{ "a.json", SNEK_JSONL, L("[1]\n[2]"), "[1]\n[2]\n" },
	{ "a.json", SNEK_AUTO, L(""), "" },
	{ "-", SNEK_AUTO, L("[1,2] 3"), "[1,2]\n3\n" },
	{ "a.jsonl", SNEK_JSON_ARRAY, L("[[1],\n2]"), "[1]\n2\n" },
	{ "a.jsonl", SNEK_JSON_ARRAY, L(""),
	    ". -6 a.jsonl:1:1: expected '[' but found the end" },
	{ "a", SNEK_JSON_VALUE, L("\n [1,\n2]\n"), "[1,2]\n" },
	{ "a", SNEK_JSON_VALUE, L("1\n2"),
	    "! 1\n2: a:2:1: expected nothing more but found '2'\n" },
	{ "a", SNEK_JSON_VALUE, L(""),
	    "! : a:1:1: expected a value but found the end\n" },
	{ "a", SNEK_TEXT, L("x\n\"\xc3\xa9\"\r\n\n"), "\"x\"\n\"\\\"\xc3\xa9\\\"\"\n\"\"\n" },
	{ "a", SNEK_TEXT, L("x\nab\xff\nz"),
	    "\"x\"\n! ab\xff: a:2:3: invalid UTF-8 byte 0xff\n\"z\"\n" },
	{ "a.jsonl", SNEK_AUTO,
	    L("{\"a\":1}\n{\"b\":2}\n{\"c\":[1,2],\"d\":x}\n{\"e\":5}"),
	    "{\"a\":1}\n{\"b\":2}\n! {\"c\":[1,2],\"d\":x}: a.jsonl:3:16: expected a "
	    "value but found 'x'\n{\"e\":5}\n" },
	{ "a", SNEK_AUTO, L("{\n\"a\":1,\n \"a\":2} 1"),
	    "! {\n\"a\":1,\n \"a\":2}: a:3:2: duplicate member \"a\"\n1\n" },
	{ "a", SNEK_AUTO, L("1180591620717411303424 2"),
	    "! 1180: a:1:1: number out of range: integers lie "
	    "in [-2^63, 2^64)\n2\n" },
	{ "a", SNEK_AUTO, L("{\"a\":\"b\n{\"c\":1}"),
	    "! {\"a\":\"b: a:1:6: unterminated string\n{\"c\":1}\n" },
	{ "a", SNEK_AUTO, L("{\"a\":1} {\"a\":"),
	    "{\"a\":1}\n! {\"a\":: a:1:14: expected a value but found the end\n" },
};

START_TEST(inputs_are_read_from_files_and_pipes)
{
	reads_as(inputs[_i].text, inputs[_i].n, inputs[_i].name,
	    inputs[_i].format, NULL, inputs[_i].want);
}
END_TEST

/* A bracket is missing: what follows is not lost, however much it is. */
START_TEST(a_missing_bracket_costs_one_record)
{
	struct sk_input_options o = { .max_record = _i ? 40 : 1000 };

	reads_as(L("{\"a\":1}\n{\"b\":[2}\n{\"c\":3\n{\"d\":4}\n{\"e\":[\n5]}\n"
	    "{\"f\":6}\n{\"g\":7}\n{\"h\":8}\n{\"i\":9}"), "a", SNEK_JSONL, &o,
	    "{\"a\":1}\n"
	    "! {\"b\":[2}: a:2:8: expected ',' or ']' but found '}'\n"
	    "! {\"c\":3\n: a:4:1: expected ',' or '}' but found '{'\n"
	    "{\"d\":4}\n{\"e\":[5]}\n{\"f\":6}\n{\"g\":7}\n{\"h\":8}\n{\"i\":9}\n");
}
END_TEST

START_TEST(a_long_record_of_many_lines_is_one_record)
{
	struct sk_input_options o = { .max_record = 16 };

	reads_as(L("[1,\n22222,\n33333,\n44444,\n5]\n[6]"), "a", SNEK_JSONL, &o,
	    "! [1,\n: a:1:1: a record of more than 16 "
	    "bytes\n[6]\n");
	reads_as(L("[1,\n\"222222222222222222222\n]\n[3]"), "a", SNEK_JSONL, &o,
	    "! [1,\n: a:1:1: a record of more than 16 "
	    "bytes\n! ]: a:3:1: expected a value but found ']'\n[3]\n");
}
END_TEST

START_TEST(options_reach_the_parsers)
{
	struct sk_input_options o = { .max_record = 12, .last_duplicate = true,
	    .plain = _i };

	reads_as(L("{\"a\":1,\"a\":2}\n[1,2,3,4,5,6,7]\n[{\"\":1,\"\":2}]"),
	    "a", SNEK_AUTO, &o,
	    "! {\"a\": a:1:1: a record of more than 12 bytes\n"
	    "! [1,2: a:2:1: a record of more than 12 bytes\n"
	    "! [{\"\": a:3:1: a record of more than 12 bytes\n");
	o.max_record = 13;
	reads_as(L("{\"a\":1,\"a\":2}"), "a", SNEK_AUTO, &o, "{\"a\":2}\n");
}
END_TEST

START_TEST(a_descriptor_that_cannot_be_read_says_why)
{
	struct sk_buf out = { 0 };
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	read_all(fd[1], "pipe", SNEK_JSONL, NULL, &out);
	ck_assert(sk_buf_byte(&out, 0));
	ck_assert_str_eq(out.p, ". -8 pipe: read: Bad file descriptor");
	sk_buf_free(&out);
}
END_TEST

/* ---- gzip, as gzip(1) -n made it ---- */

/* {"a":1}\n */
#define ONE "\x1f\x8b\x08\0\0\0\0\0\0\x03" \
	"\xab\x56\x4a\x54\xb2\x32\xac\xe5\x02\0" \
	"\x46\xa3\xe8\x74" "\x08\0\0\0"
/* [1,2]\n */
#define TWO "\x1f\x8b\x08\0\0\0\0\0\0\x03" \
	"\x8b\x36\xd4\x31\x8a\xe5\x02\0" \
	"\xde\x23\x01\x69" "\x06\0\0\0"

static const struct {
	const char *name, *text;
	size_t n;
	const char *want;
} zipped[] = {
	{ "a", L(ONE), "{\"a\":1}\n" },
	{ "a", L(ONE TWO), "{\"a\":1}\n[1,2]\n" },
	{ "a.json.gz", L(TWO), "1\n2\n" },
	{ "a", L(ONE "\0\0\0\0"), "{\"a\":1}\n" },
	{ "a", L(ONE "x"),
	    "{\"a\":1}\n. -6 a: bytes that are no gzip after the gzip data" },
	{ "a", L(ONE "\0x"),
	    "{\"a\":1}\n. -6 a: bytes that are no gzip after the gzip data" },
};

START_TEST(gzip_is_known_by_its_first_bytes)
{
	reads_as(zipped[_i].text, zipped[_i].n, zipped[_i].name, SNEK_AUTO, NULL,
	    zipped[_i].want);
}
END_TEST

START_TEST(gzip_that_becomes_too_much_is_an_error)
{
	struct sk_input_options o = { .max_unpacked = 14 };

	reads_as(L(ONE TWO), "a", SNEK_JSONL, &o, "{\"a\":1}\n[1,2]\n");
	o.max_unpacked = 13;
	reads_as(L(ONE TWO), "a", SNEK_JSONL, &o, "{\"a\":1}\n. -13 a: it "
	    "unpacks to more than 13 bytes");
	reads_as(L("1\n2\n3\n4\n5\n6\n7\n"), "a", SNEK_JSONL, &o,
	    "1\n2\n3\n4\n5\n6\n7\n");
}
END_TEST

START_TEST(gzip_that_is_cut_off_is_an_error_wherever)
{
	static const char one[] = ONE;
	struct sk_buf out = { 0 };
	size_t n;
	int fd;

	for (n = 2; n + 1 < sizeof(one); n++) {
		fd = as_file(one, n);
		read_all(fd, "a", SNEK_JSONL, NULL, &out);
		ck_assert(sk_buf_byte(&out, 0));
		ck_assert_msg(strstr(out.p, ". -6 a: the gzip data is cut off"),
		    "%zu: %s", n, out.p);
		close(fd);
	}
	sk_buf_free(&out);
}
END_TEST

START_TEST(damaged_gzip_is_an_error)
{
	char one[] = ONE;
	struct sk_buf out = { 0 };
	int fd;

	one[sizeof(one) - 6] ^= 1;      /* the checksum */
	fd = as_file(one, sizeof(one) - 1);
	read_all(fd, "a", SNEK_JSONL, NULL, &out);
	ck_assert(sk_buf_byte(&out, 0));
	ck_assert_ptr_nonnull(strstr(out.p, ". -6 a: damaged gzip data: "));
	close(fd);
	sk_buf_free(&out);
}
END_TEST

START_TEST(gzip_without_zlib_names_the_cure)
{
	reads_as(L(ONE), "a", SNEK_AUTO, NULL, ". -1 a: gzip, which this build "
	    "cannot read (configured without zlib); use gzip -dc");
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_loop_test(t, inputs_are_read_from_files_and_pipes, 0,
	    sizeof(inputs) / sizeof(*inputs));
	tcase_add_loop_test(t, a_missing_bracket_costs_one_record, 0, 2);
	tcase_add_test(t, a_long_record_of_many_lines_is_one_record);
	tcase_add_loop_test(t, options_reach_the_parsers, 0, 2);
	tcase_add_test(t, a_descriptor_that_cannot_be_read_says_why);
	if (!sk_gzip_is_built_in()) {
		tcase_add_test(t, gzip_without_zlib_names_the_cure);
		return;
	}
	tcase_add_loop_test(t, gzip_is_known_by_its_first_bytes, 0,
	    sizeof(zipped) / sizeof(*zipped));
	tcase_add_test(t, gzip_that_becomes_too_much_is_an_error);
	tcase_add_test(t, gzip_that_is_cut_off_is_an_error_wherever);
	tcase_add_test(t, damaged_gzip_is_an_error);
}

int main(void)
{
	return check_main("input", setup);
}
