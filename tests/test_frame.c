/* SPDX-License-Identifier: MIT */
#include "check_main.h"

#include <stdio.h>

#include "gen_json.h"
#include "value/frame.h"

/* A text that comes in reads of given sizes; 0: as much as there is room. */
struct source {
	const char *p;
	size_t n, first, rest;
	bool began, fails;
};

static long from_source(void *arg, void *p, size_t n, struct snek_error *e)
{
	struct source *s = arg;
	size_t k = s->began ? s->rest : s->first;

	s->began = true;
	if (s->fails && !s->n)
		return sk_fail(e, SNEK_EIO, "the disk is gone");
	k = k && k < n ? k : n;
	if (k > s->n)
		k = s->n;
	memcpy(p, s->p, k);
	s->p += k;
	s->n -= k;
	return (long)k;
}

static void describe(struct sk_buf *out, const struct sk_frame *f, int rc,
    const struct snek_error *e)
{
	if (rc == 1 || rc == SNEK_ELIMIT)
		sk_buf_printf(out, "%s%llu:%llu@%llu<%.*s>",
		    rc == 1 ? "" : "over ", (unsigned long long)f->line,
		    (unsigned long long)f->column,
		    (unsigned long long)f->offset, (int)f->n, f->p);
	if (rc < 0)
		sk_buf_printf(out, "%d %s;", rc, e->text);
}

/* All frames as one text: line:column@offset<text>... and the error. */
static void frames(struct source s, enum snek_format format, uint64_t max,
    struct sk_buf *out)
{
	size_t all = s.n;
	struct snek_error e;
	struct sk_frame f;
	sk_framer *r;
	int rc;

	out->n = 0;
	ck_assert_int_eq(sk_framer_new(from_source, &s, "x", format, max, &r,
	    &e), 0);
	do {
		rc = sk_framer_next(r, &f, &e);
		describe(out, &f, rc, &e);
	} while (rc > 0 || rc == SNEK_ELIMIT);
	if (rc == 0)
		ck_assert_int_eq(sk_framer_next(r, &f, &e), 0);
	if (rc == 0)
		ck_assert_uint_eq(sk_framer_bytes(r), all);
	ck_assert(sk_buf_byte(out, 0));
	sk_framer_free(r);
}

#define L(s) s, sizeof(s) - 1

static const struct {
	enum snek_format format;
	const char *text;
	size_t n;
	const char *frames;
} cuts[] = {
	{ SNEK_JSONL, L(""), "" },
	{ SNEK_JSONL, L(" \r\n\t\n"), "" },
	{ SNEK_JSONL, L("{\"a\":1}\n{\"b\":2}\n"),
	    "1:1@0<{\"a\":1}>2:1@8<{\"b\":2}>" },
	{ SNEK_JSONL, L("{\"a\":1}\r\n{\"b\":2}"),
	    "1:1@0<{\"a\":1}>2:1@9<{\"b\":2}>" },
	{ SNEK_JSONL, L("{\"a\":1} {\"b\":2}[3][]"),
	    "1:1@0<{\"a\":1}>1:9@8<{\"b\":2}>1:16@15<[3]>1:19@18<[]>" },
	{ SNEK_JSONL, L("{\n \"a\":\n[1,\n2]}\n\n 5"),
	    "1:1@0<{\n \"a\":\n[1,\n2]}>6:2@18<5>" },
	{ SNEK_JSONL, L("1 2\n3\n-4.5e6\"x\"null true"),
	    "1:1@0<1>1:3@2<2>2:1@4<3>3:1@6<-4.5e6>3:7@12<\"x\">3:10@15<null>"
	    "3:15@20<true>" },
	{ SNEK_JSONL, L("\"a\\\"}{\\\\\" {\"]\\\"\":\"\\\\\"}"),
	    "1:1@0<\"a\\\"}{\\\\\">1:11@10<{\"]\\\"\":\"\\\\\"}>" },
	{ SNEK_JSONL, L("\xef\xbb\xbf{}\n[]"), "1:1@3<{}>2:1@6<[]>" },
	{ SNEK_JSONL, L("\xef\xbb"), "1:1@0<\xef\xbb>" },
	/* no JSON, but cut so that what follows may be good */
	{ SNEK_JSONL, L("{\"a\":\"b}\n{\"c\":1}\n"),
	    "1:1@0<{\"a\":\"b}>2:1@9<{\"c\":1}>" },
	{ SNEK_JSONL, L("\"abc\n\"d\""), "1:1@0<\"abc>2:1@5<\"d\">" },
	{ SNEK_JSONL, L("{\"a\":[1}\n{\"c\":1}"),
	    "1:1@0<{\"a\":[1}>2:1@9<{\"c\":1}>" },
	{ SNEK_JSONL, L("1,2}"), "1:1@0<1>1:2@1<,>1:3@2<2>1:4@3<}>" },
	{ SNEK_JSONL, L("{\"a\":1"), "1:1@0<{\"a\":1>" },
	{ SNEK_JSONL, L("[\"\\"), "1:1@0<[\"\\>" },

	{ SNEK_JSON_ARRAY, L("[]"), "" },
	{ SNEK_JSON_ARRAY, L(" [ ] \n"), "" },
	{ SNEK_JSON_ARRAY, L("[1, \"a,]\",\n{\"x\":[2]} ,[]]\n"),
	    "1:2@1<1>1:5@4<\"a,]\">2:1@11<{\"x\":[2]}>2:12@22<[]>" },
	{ SNEK_JSON_ARRAY, L("\xef\xbb\xbf[1]"), "1:2@4<1>" },
	{ SNEK_JSON_ARRAY, L(""), "-6 x:1:1: expected '[' but found the end;" },
	{ SNEK_JSON_ARRAY, L("\n {}"), "-6 x:2:2: expected '[' but found '{';" },
	{ SNEK_JSON_ARRAY, L("[1"),
	    "1:2@1<1>-6 x:1:3: expected ',' or ']' but found the end;" },
	{ SNEK_JSON_ARRAY, L("[1,"),
	    "1:2@1<1>-6 x:1:4: expected a value but found the end;" },
	{ SNEK_JSON_ARRAY, L("["), "-6 x:1:2: expected a value but found the end;" },
	{ SNEK_JSON_ARRAY, L("[1 2]"),
	    "1:2@1<1>-6 x:1:4: expected ',' or ']' but found '2';" },
	{ SNEK_JSON_ARRAY, L("[1,]"),
	    "1:2@1<1>-6 x:1:4: expected a value but found ']';" },
	{ SNEK_JSON_ARRAY, L("[,1]"), "-6 x:1:2: expected a value but found ',';" },
	{ SNEK_JSON_ARRAY, L("[}"), "-6 x:1:2: expected a value but found '}';" },
	{ SNEK_JSON_ARRAY, L("[1] \n [2]"),
	    "1:2@1<1>-6 x:2:2: expected nothing after the array but found '[';" },
	{ SNEK_JSON_ARRAY, L("[1]\0"),
	    "1:2@1<1>-6 x:1:4: expected nothing after the array but found "
	    "byte 0x00;" },
	{ SNEK_JSON_ARRAY, L("[x\n,\"a\n]"), "1:2@1<x>2:2@4<\"a>" },

	{ SNEK_JSON_VALUE, L(""), "1:1@0<>" },
	{ SNEK_JSON_VALUE, L("{}\n{}"), "1:1@0<{}\n{}>" },
	{ SNEK_JSON_VALUE, L("\xef\xbb\xbf 1"), "1:1@3< 1>" },

	{ SNEK_TEXT, L(""), "" },
	{ SNEK_TEXT, L("a\nb\r\n\n\rc"), "1:1@0<a>2:1@2<b>3:1@5<>4:1@6<\rc>" },
	{ SNEK_TEXT, L("\n"), "1:1@0<>" },
	{ SNEK_TEXT, L("\xef\xbb\xbfx"), "1:1@3<x>" },
};

/* However the bytes come: in every two pieces, and one by one. */
START_TEST(frames_do_not_depend_on_reads)
{
	const char *want = cuts[_i].frames;
	struct sk_buf out = { 0 };
	struct source s = { .p = cuts[_i].text, .n = cuts[_i].n };
	size_t i;

	for (i = 0; i <= s.n; i++) {
		s.first = i;
		frames(s, cuts[_i].format, 1000, &out);
		ck_assert_str_eq(out.p, want);
	}
	s.first = s.rest = 1;
	frames(s, cuts[_i].format, 1000, &out);
	ck_assert_str_eq(out.p, want);
	sk_buf_free(&out);
}
END_TEST

/* ---- generated streams, against documents whose bounds are known ---- */

static void append(struct sk_buf *b, struct sk_buf *want, struct gen *g,
    enum snek_format format)
{
	size_t at, line = 1, column = 1, i;

	at = b->n;
	gen_document(g, (enum gen_kind[]){ GEN_NESTED, GEN_UNICODE, GEN_FLAT,
	    GEN_DEEP }[gen_below(g, 4)], gen_below(g, 2), b);
	for (i = 0; i < at; i++, column++)
		if (b->p[i] == '\n') {
			line++;
			column = 0;
		}
	sk_buf_printf(want, "%zu:%zu@%zu<", line, column, at);
	ck_assert(sk_buf_put(want, b->p + at, b->n - at));
	sk_buf_printf(want, ">");
	if (format == SNEK_JSONL && gen_below(g, 3))
		sk_buf_printf(b, "%s", gen_below(g, 2) ? "\n" : " \r\n\t");
}

START_TEST(generated_documents_come_out_whole)
{
	enum snek_format format = _i % 2 ? SNEK_JSON_ARRAY : SNEK_JSONL;
	struct sk_buf b = { 0 }, want = { 0 }, out = { 0 };
	static const size_t reads[] = { 0, 1, 7, 63, 64, 65, 4096 };
	struct source s = { 0 };
	struct gen g;
	unsigned i;

	gen_seed(&g, (uint64_t)_i);
	if (format == SNEK_JSON_ARRAY)
		sk_buf_printf(&b, " [ ");
	for (i = 0; i < 12; i++) {
		if (format == SNEK_JSON_ARRAY && i)
			sk_buf_printf(&b, "%s", gen_below(&g, 2) ? "," : " ,\n ");
		append(&b, &want, &g, format);
	}
	if (format == SNEK_JSON_ARRAY)
		sk_buf_printf(&b, "]\n");
	ck_assert(sk_buf_byte(&want, 0));
	for (i = 0; i < sizeof(reads) / sizeof(*reads); i++) {
		s = (struct source){ .p = b.p, .n = b.n, .first = reads[i],
		    .rest = reads[i] };
		frames(s, format, 1 << 20, &out);
		ck_assert_msg(out.n == want.n && !memcmp(out.p, want.p, out.n),
		    "reads of %zu:\n%s\nwanted\n%s", reads[i], out.p, want.p);
	}
	sk_buf_free(&b);
	sk_buf_free(&want);
	sk_buf_free(&out);
}
END_TEST

/* ---- limits ---- */

static const struct { enum snek_format format; const char *text, *frames; } over[] = {
	{ SNEK_JSONL, "[1]\n[123456789]\n[2]\n",
	    "1:1@0<[1]>over 2:1@4<[123456789]>-13 x:2:1: a record of more than "
	    "10 bytes;3:1@16<[2]>" },
	{ SNEK_JSONL, "[12345678]\"123456789\" 1",
	    "1:1@0<[12345678]>over 1:11@10<\"123456789\">-13 x:1:11: a record "
	    "of more than 10 bytes;1:23@22<1>" },
	{ SNEK_JSONL, "[\n\n\n\n\n\n\n\n\n\n]7",
	    "over 1:1@0<[\n\n\n\n\n\n\n\n\n\n]>-13 x:1:1: a record of more than "
	    "10 bytes;11:2@12<7>" },
	{ SNEK_JSON_ARRAY, "[1,\n[1234567890],2]",
	    "1:2@1<1>over 2:1@4<[1234567890]>-13 x:2:1: a record of more than "
	    "10 bytes;2:14@17<2>" },
	{ SNEK_TEXT, "1234567890\r\n12345678901\nx",
	    "over 1:1@0<1234567890\r>-13 x:1:1: a record of more than 10 bytes;"
	    "over 2:1@12<12345678901>-13 x:2:1: a record of more than 10 bytes;"
	    "3:1@24<x>" },
	{ SNEK_JSON_VALUE, "[12345678\n]",
	    "over 1:1@0<[12345678\n]>-13 x:1:1: a record of more than 10 bytes;" },
};

START_TEST(records_over_the_limit_are_passed_over)
{
	struct source s = { .p = over[_i].text, .n = strlen(over[_i].text) };
	struct sk_buf out = { 0 };

	frames(s, over[_i].format, 10, &out);
	ck_assert_str_eq(out.p, over[_i].frames);
	sk_buf_free(&out);
}
END_TEST

START_TEST(a_record_of_a_megabyte_fits_and_one_more_byte_does_not)
{
	struct sk_buf b = { 0 };
	struct snek_error e;
	struct sk_frame f;
	sk_framer *r;
	struct source s = { .first = (size_t)(_i * 1000 + 1),
	    .rest = (size_t)(_i * 1000 + 1) };

	ck_assert(sk_buf_reserve(&b, (1 << 20) + 8));
	memset(b.p, '5', (1 << 20) + 2);
	b.p[0] = b.p[(1 << 20) - 1] = '"';
	b.p[1 << 20] = '"';
	b.p[(2 << 20) / 2 + 1] = '6';
	b.n = (1 << 20) + 2;
	b.p[b.n - 1] = ' ';
	s.p = b.p;
	s.n = 1 << 20;
	ck_assert_int_eq(sk_framer_new(from_source, &s, "x", SNEK_JSONL, 1 << 20,
	    &r, &e), 0);
	ck_assert_int_eq(sk_framer_next(r, &f, &e), 1);
	ck_assert_uint_eq(f.n, 1 << 20);
	ck_assert_int_eq(sk_framer_next(r, &f, &e), 0);
	sk_framer_free(r);
	b.p[(1 << 20) - 1] = '5';
	s.p = b.p;
	s.n = b.n;
	ck_assert_int_eq(sk_framer_new(from_source, &s, "x", SNEK_JSONL, 1 << 20,
	    &r, &e), 0);
	ck_assert_int_eq(sk_framer_next(r, &f, &e), SNEK_ELIMIT);
	ck_assert(f.n > 0 && f.p[0] == '"' && f.p[f.n - 1] == '5');
	ck_assert_int_eq(sk_framer_next(r, &f, &e), 0);
	sk_framer_free(r);
	sk_buf_free(&b);
}
END_TEST

/* {"a":1 without its end, refused at the line that follows. */
START_TEST(a_refused_text_without_an_end_gives_its_lines_back)
{
	struct source s = { .p = "{\"a\":1\n{\"b\":2}\n[3]", .n = 18, .first = 1,
	    .rest = 1 };
	uint64_t max = _i ? 9 : 100;
	struct snek_error e;
	struct sk_frame f;
	sk_framer *r;

	ck_assert_int_eq(sk_framer_new(from_source, &s, "x", SNEK_JSONL, max, &r,
	    &e), 0);
	ck_assert_int_eq(sk_framer_next(r, &f, &e), _i ? SNEK_ELIMIT : 1);
	ck_assert_int_eq(sk_framer_is_cut(r), _i);
	ck_assert_uint_eq(f.n, _i ? 10 : 18);
	ck_assert_uint_eq(sk_framer_refuse(r, 7), 7);
	ck_assert_int_eq(sk_framer_next(r, &f, &e), 1);
	ck_assert(f.n == 7 && f.line == 2 && f.column == 1 && f.offset == 7);
	ck_assert_uint_eq(sk_framer_refuse(r, 0), 7);   /* it had an end */
	ck_assert_int_eq(sk_framer_next(r, &f, &e), 1);
	ck_assert(f.n == 3 && f.line == 3);
	ck_assert_int_eq(sk_framer_next(r, &f, &e), 0);
	sk_framer_free(r);
}
END_TEST

START_TEST(a_failing_read_fails_with_its_own_words)
{
	struct source s = { .p = "{} {\"a", .n = 6, .fails = true };
	struct sk_buf out = { 0 };

	frames(s, SNEK_JSONL, 100, &out);
	ck_assert_str_eq(out.p, "1:1@0<{}>-8 the disk is gone;");
	sk_buf_free(&out);
}
END_TEST

START_TEST(places_within_a_text_are_found)
{
	struct sk_frame f = { .p = "ab\ncd\n\nx", .n = 8, .line = 5, .column = 3 };
	static const struct { size_t at; uint64_t line, column; } t[] = {
		{ 0, 5, 3 }, { 2, 5, 5 }, { 3, 6, 1 }, { 5, 6, 3 }, { 6, 7, 1 },
		{ 7, 8, 1 }, { 8, 8, 2 }, { 99, 8, 2 },
	};
	uint64_t line, column;
	unsigned i;

	for (i = 0; i < sizeof(t) / sizeof(*t); i++) {
		sk_frame_where(&f, t[i].at, &line, &column);
		ck_assert_uint_eq(line, t[i].line);
		ck_assert_uint_eq(column, t[i].column);
	}
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_loop_test(t, frames_do_not_depend_on_reads, 0,
	    sizeof(cuts) / sizeof(*cuts));
	tcase_add_loop_test(t, generated_documents_come_out_whole, 0, 60);
	tcase_add_loop_test(t, records_over_the_limit_are_passed_over, 0,
	    sizeof(over) / sizeof(*over));
	tcase_add_loop_test(t,
	    a_record_of_a_megabyte_fits_and_one_more_byte_does_not, 0, 3);
	tcase_add_loop_test(t,
	    a_refused_text_without_an_end_gives_its_lines_back, 0, 2);
	tcase_add_test(t, a_failing_read_fails_with_its_own_words);
	tcase_add_test(t, places_within_a_text_are_found);
}

int main(void)
{
	return check_main("frame", setup);
}
