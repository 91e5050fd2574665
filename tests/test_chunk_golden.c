/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a chunk are a promise: files in golden/ were written once, must
 * be read for ever, and come out of the builder byte for byte.  With
 * SNEK_GOLDEN=write in the environment missing files are written.
 */
#include "chunk_tool.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const char *const forms[] = {
	"{\"int\":1,\"num\":1,\"str\":\"one\",\"mix\":1,\"b\":true,\"few\":[1]}",
	"{\"int\":-2,\"num\":2.5,\"str\":\"\",\"mix\":\"s\",\"b\":null}",
	"{\"str\":null,\"int\":3,\"dbl\":0.25,\"uint\":18446744073709551615}",
	"{\"int\":4,\"str\":\"\\u00e4\\u0000\",\"num\":null,\"null\":null}",
	"{\"int\":5,\"dbl\":-1e300,\"b\":false,\"\":{\"x\":[null,{}]}}",
	"[1,[2]]", "{}", "\"text\"", "{\"int\":6,\"dbl\":1.0,\"b\":true}",
	"{\"uint\":7,\"str\":\"seven\",\"int\":7}",
};

static void fill_forms(struct chunk_tool *t)
{
	size_t i;

	for (i = 0; i < COUNT(forms); i++) {
		ck_assert_int_eq(sk_chunk_builder_place(t->builder,
		    (struct sk_place){ 1 + i / 4, 10 * (i / 4) + i }), 0);
		ck_assert_int_eq(chunk_tool_add(t, forms[i],
		    strlen(forms[i])), 1);
	}
}

/* Names that are seen once among more than 64: the rest column. */
static void fill_rest(struct chunk_tool *t)
{
	struct sk_buf b = { 0 };
	int i, row;

	for (row = 0; row < 2; row++) {
		b.n = 0;
		ck_assert(sk_buf_printf(&b, "{\"id\":%d", row));
		for (i = 0; i < 33; i++)
			ck_assert(sk_buf_printf(&b, ",\"r%d.%d\":[%d]", row, i,
			    i));
		ck_assert(sk_buf_printf(&b, ",\"last\":\"x\"}"));
		ck_assert_int_eq(chunk_tool_add(t, b.p, b.n), 1);
	}
	sk_buf_free(&b);
}

/* One shape, every field in every row: what most chunks are. */
static void fill_flat(struct chunk_tool *t)
{
	char text[64];
	int i;

	for (i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "{\"id\":%d,\"name\":\"n%d\"}", i,
		    i * i);
		ck_assert_int_eq(chunk_tool_add(t, text, strlen(text)), 1);
	}
}

static const struct golden {
	const char *file;
	void (*fill)(struct chunk_tool *);
} goldens[] = {
	{ "chunk-1-forms.hex", fill_forms },
	{ "chunk-1-rest.hex", fill_rest },
	{ "chunk-1-flat.hex", fill_flat },
};

static FILE *open_file(const char *name, const char *mode)
{
	const char *dir = getenv("srcdir");
	char path[512];

	snprintf(path, sizeof(path), "%s/tests/golden/%s", dir ? dir : ".",
	    name);
	return fopen(path, mode);
}

static void write_once(const struct golden *g, const struct sk_buf *b)
{
	const char *mode = getenv("SNEK_GOLDEN");
	FILE *f;
	size_t i;

	if (!mode || strcmp(mode, "write"))
		return;
	f = open_file(g->file, "wx");
	if (!f)
		return;
	for (i = 0; i < b->n; i++)
		fprintf(f, "%02x%s", (uint8_t)b->p[i],
		    i % 32 == 31 || i + 1 == b->n ? "\n" : "");
	fclose(f);
}

static void read_hex(const struct golden *g, struct sk_buf *out)
{
	FILE *f = open_file(g->file, "r");
	unsigned byte;

	ck_assert_msg(f, "%s is missing", g->file);
	while (fscanf(f, "%2x", &byte) == 1)
		ck_assert(sk_buf_byte(out, (uint8_t)byte));
	fclose(f);
}

START_TEST(a_golden_chunk_is_read_and_made_again)
{
	const struct golden *g = &goldens[_i];
	struct sk_buf bytes = { 0 };
	struct chunk_tool t;

	chunk_tool_open(&t, 0);
	g->fill(&t);
	chunk_tool_seal(&t);
	write_once(g, &t.out);
	read_hex(g, &bytes);
	ck_assert_uint_eq(bytes.n, t.out.n);
	ck_assert_mem_eq(bytes.p, t.out.p, bytes.n);
	ck_assert_int_eq(sk_chunk_reopen(t.chunk, bytes.p, bytes.n, NULL), 0);
	chunk_tool_compare(&t);
	sk_buf_free(&bytes);
	chunk_tool_close(&t);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("chunk_golden");
	TCase *c = tcase_create("chunk_golden");

	tcase_add_loop_test(c, a_golden_chunk_is_read_and_made_again, 0,
	    (int)COUNT(goldens));
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
