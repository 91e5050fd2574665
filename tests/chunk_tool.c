/* SPDX-License-Identifier: MIT */
#include "chunk_tool.h"
#include "base/hash.h"
#include "value/chunk_format.h"

#include <check.h>
#include <stdlib.h>

void chunk_tool_open(struct chunk_tool *t, uint32_t target)
{
	struct sk_json_options o = { .plain = true };

	memset(t, 0, sizeof(*t));
	ck_assert_int_eq(sk_chunk_builder_new(target, &t->builder), 0);
	ck_assert_int_eq(sk_json_reader_new(&o, &t->reader), 0);
}

void chunk_tool_close(struct chunk_tool *t)
{
	sk_chunk_close(t->chunk);
	sk_chunk_builder_free(t->builder);
	sk_json_reader_free(t->reader);
	sk_buf_free(&t->want);
	sk_buf_free(&t->out);
}

int chunk_tool_add(struct chunk_tool *t, const char *text, size_t n)
{
	struct snek_error e = { 0 };
	struct sk_record r;
	int rc = sk_json_read(t->reader, text, n, &r, NULL, &e);

	ck_assert_msg(!rc, "%.*s: %s", (int)n, text, e.text);
	rc = sk_chunk_builder_add(t->builder, &r, &e);
	ck_assert_msg(rc >= 0, "%s", e.text);
	if (rc)
		ck_assert(sk_json_write_record(&t->want, &r) &&
		    sk_buf_byte(&t->want, 0));
	return rc;
}

void chunk_tool_seal(struct chunk_tool *t)
{
	struct snek_error e = { 0 };

	t->out.n = 0;
	ck_assert_int_eq(sk_chunk_builder_seal(t->builder, &t->out, &e), 0);
	if (t->chunk)
		ck_assert_msg(!sk_chunk_reopen(t->chunk, t->out.p, t->out.n,
		    &e), "%s", e.text);
	else
		ck_assert_msg(!sk_chunk_open(t->out.p, t->out.n, &t->chunk,
		    &e), "%s", e.text);
}

void chunk_tool_compare(struct chunk_tool *t)
{
	struct snek_error e = { 0 };
	struct sk_buf got = { 0 };
	struct sk_record r;
	const char *want = t->want.p;
	uint32_t i;

	for (i = 0; i < sk_chunk_rows(t->chunk); i++) {
		ck_assert_ptr_ne(want, t->want.p + t->want.n);
		ck_assert_msg(!sk_chunk_record(t->chunk, i, &r, &e), "%s",
		    e.text);
		got.n = 0;
		ck_assert(sk_json_write_record(&got, &r) &&
		    sk_buf_byte(&got, 0));
		ck_assert_str_eq(got.p, want);
		want += strlen(want) + 1;
	}
	ck_assert_ptr_eq(want, t->want.p + t->want.n);
	t->want.n = 0;
	sk_buf_free(&got);
}

void chunk_tool_check(struct chunk_tool *t)
{
	chunk_tool_seal(t);
	chunk_tool_compare(t);
}

void chunk_tool_of(struct chunk_tool *t, const char *const *text, size_t n)
{
	size_t i;

	chunk_tool_open(t, SK_CHUNK_MAX);
	for (i = 0; i < n; i++)
		ck_assert_int_eq(chunk_tool_add(t, text[i], strlen(text[i])), 1);
	chunk_tool_check(t);
}

static struct snek_value host_value(const struct snek_column *c, uint32_t row,
    uint32_t slot)
{
	(void)row;
	return sk_column_value(c, slot);
}

const char *chunk_tool_at(struct chunk_tool *t, const char *text, uint32_t row)
{
	static const struct snek_api api = { .column_value = host_value };
	struct snek_column column;
	const struct snek_column *columns[] = { &column };
	struct snek_chunk chunk = {
		.size = sizeof(chunk), .rows = sk_chunk_rows(t->chunk),
		.api = &api, .columns = columns,
	};
	struct snek_error e = { 0 };
	struct sk_path path;
	struct snek_value v;

	ck_assert_msg(!sk_path_parse(&path, text, &e), "%s", e.text);
	ck_assert_msg(!sk_chunk_column(t->chunk, &path, &column, &e), "%s",
	    e.text);
	sk_path_free(&path);
	v = snek_get((struct snek_record){ &chunk, row }, (snek_path){ 0 });
	if (v.type == SNEK_NONE)
		return "-";
	t->want.n = 0;
	ck_assert(sk_json_write(&t->want, v) && sk_buf_byte(&t->want, 0));
	return t->want.p;
}

/* ---- damage ---- */

static void mend_block(uint8_t *bytes, size_t n, size_t at)
{
	struct sk_chunk_block b;

	if (at > n || n - at < sizeof(b))
		return;
	memcpy(&b, bytes + at, sizeof(b));
	if (b.offset > n || b.bytes > n - b.offset)
		return;
	b.crc = sk_crc32c(0, bytes + b.offset, b.bytes);
	memcpy(bytes + at, &b, sizeof(b));
}

void chunk_tool_mend(uint8_t *bytes, size_t n)
{
	struct sk_chunk_head h;
	uint32_t i;

	memcpy(&h, bytes, sizeof(h));
	mend_block(bytes, n, offsetof(struct sk_chunk_head, shape_block));
	mend_block(bytes, n, offsetof(struct sk_chunk_head, place_block));
	for (i = 0; i < h.columns && i < 0x10000; i++)
		mend_block(bytes, n, sizeof(h) + (size_t)i *
		    sizeof(struct sk_chunk_field) +
		    offsetof(struct sk_chunk_field, block));
	if (h.head_bytes > n || h.head_bytes < sizeof(h))
		return;
	memset(bytes + offsetof(struct sk_chunk_head, crc), 0, 4);
	h.crc = sk_crc32c(0, bytes, h.head_bytes);
	memcpy(bytes + offsetof(struct sk_chunk_head, crc), &h.crc, 4);
}

/* Touch each byte that the value points at. */
static int look_at(struct snek_value v)
{
	struct sk_buf b = { 0 };
	bool ok = v.type == SNEK_NONE || sk_json_write(&b, v);

	sk_buf_free(&b);
	return ok ? 0 : SNEK_ENOMEM;
}

static int read_path(struct sk_chunk *c, const char *text,
    struct snek_error *e)
{
	struct sk_path path;
	struct snek_column column;
	uint32_t row, slot;
	int rc;

	rc = sk_path_parse(&path, text, e);
	if (rc)
		return rc;
	rc = sk_chunk_column(c, &path, &column, e);
	sk_path_free(&path);
	if (rc || column.type == SNEK_COLUMN_HOST)
		return rc;
	for (row = 0; row < column.rows; row++) {
		slot = snek_slot(&column, row);
		if (slot != SNEK_NO_SLOT)
			look_at(sk_column_value(&column, slot));
	}
	return 0;
}

int chunk_tool_read_all(struct sk_chunk *c, struct snek_error *e)
{
	static const char *const paths[] = {
		"", "a", "b", "c", "a.b", "b[0]", "[0]", "[1].a", "zz", "d.e",
	};
	struct sk_buf scratch = { 0 };
	struct sk_place place;
	struct snek_value v;
	int rc = 0, failed = 0;
	uint32_t i;

	for (i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		rc = read_path(c, paths[i], e);
		failed = rc ? rc : failed;
	}
	for (i = 0; i < sk_chunk_rows(c); i++) {
		rc = sk_chunk_value(c, i, &scratch, &v, e);
		if (!rc)
			look_at(v);
		failed = rc ? rc : failed;
		rc = sk_chunk_place(c, (struct sk_place){ 1, 0 }, i, &place, e);
		failed = rc ? rc : failed;
		if (failed && i > 64)
			break;
	}
	sk_buf_free(&scratch);
	return failed;
}
