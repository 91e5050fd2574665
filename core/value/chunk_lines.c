/* SPDX-License-Identifier: MIT */
/*
 * Lines of text into a chunk at once: the bytes that a builder makes of records
 * that are strings.  One pass finds the lines and writes where they end, one
 * copies them.
 */
#include "value/chunk_build.h"
#include "base/hash.h"

#define FIRST (sizeof(struct sk_chunk_head) + sizeof(struct sk_chunk_field))
#define SHAPES 16u              /* two ends; one id, padded */

struct lines {
	uint32_t rows;
	uint64_t values;        /* bytes of them all */
	size_t used;            /* of the text */
};

static uint64_t bytes_of(uint64_t rows, uint64_t values)
{
	return FIRST + sk_pad8(4 * (rows + 1)) + sk_pad8(values) + SHAPES;
}

/* The ends of as many lines as fit, behind where the head will be. */
static bool find_lines(uint64_t limit, struct sk_span text, struct sk_buf *out,
    struct lines *l)
{
	const char *p = text.p, *end = p + text.n, *nl;
	uint64_t n;

	if (!sk_buf_reserve(out, FIRST + 8 + (size_t)limit))
		return false;
	out->n += FIRST;
	sk_store32(out, 0);
	while (p < end && l->rows < SK_CHUNK_ROWS_MAX) {
		nl = memchr(p, '\n', (size_t)(end - p));
		n = (uint64_t)((nl ? nl : end) - p);
		if (nl && n && nl[-1] == '\r')
			n--;
		if (l->rows && bytes_of(l->rows + 1, l->values + n) > limit)
			break;
		l->values += n;
		l->rows++;
		sk_store32(out, (uint32_t)l->values);
		p = nl ? nl + 1 : end;
	}
	l->used = (size_t)(p - (const char *)text.p);
	return true;
}

/* A line is followed by its end, \n or \r\n, or nothing. */
static void copy_lines(const char *text, const struct lines *l,
    const uint32_t *ends, char *to)
{
	const char *p = text, *end = text + l->used;
	uint32_t i, n;

	for (i = 0; i < l->rows; i++) {
		n = ends[i + 1] - ends[i];
		memcpy(to, p, n);
		to += n;
		p += n;
		if (p < end)
			p += *p == '\r' ? 2 : 1;
	}
}

static void close_block(const char *chunk, char *from, const char *to,
    struct sk_chunk_block *b)
{
	b->offset = (uint32_t)(from - chunk);
	b->bytes = (uint32_t)(to - from);
	b->crc = sk_crc32c(0, from, b->bytes);
}

/* The one shape: the nameless column alone. */
static char *put_shape(char *p)
{
	static const uint32_t ends[2] = { 0, 1 };

	memset(p, 0, SHAPES);
	memcpy(p, ends, sizeof(ends));
	return p + SHAPES;
}

static void put_head(char *chunk, struct sk_chunk_head *h,
    const struct sk_chunk_field *f)
{
	memcpy(chunk, h, sizeof(*h));
	memcpy(chunk + sizeof(*h), f, sizeof(*f));
	h->crc = sk_crc32c(0, chunk, FIRST);
	memcpy(chunk, h, sizeof(*h));
}

static size_t seal(char *chunk, const char *text, const struct lines *l)
{
	struct sk_chunk_field f = { .name = FIRST, .kind = SK_COLUMN_VALUE,
		.type = SNEK_COLUMN_STRING, .presence = SNEK_PRESENT_ALL,
		.count = l->rows };
	struct sk_chunk_head h = { .format = SK_CHUNK_FORMAT,
		.head_bytes = FIRST, .rows = l->rows, .columns = 1, .shapes = 1,
		.bytes = (uint32_t)bytes_of(l->rows, l->values) };
	char *p = chunk + FIRST + 4 * ((size_t)l->rows + 1);
	char *shapes = chunk + h.bytes - SHAPES, *end;

	memset(p, 0, 4 * !(l->rows & 1));
	p += 4 * !(l->rows & 1);
	copy_lines(text, l, (const uint32_t *)(const void *)(chunk + FIRST), p);
	p += l->values;
	memset(p, 0, (size_t)(shapes - p));
	close_block(chunk, chunk + FIRST, shapes, &f.block);
	end = put_shape(shapes);
	close_block(chunk, shapes, end, &h.shape_block);
	close_block(chunk, end, end, &h.place_block);
	memcpy(h.magic, SK_CHUNK_MAGIC, 4);
	put_head(chunk, &h, &f);
	return h.bytes;
}

int sk_chunk_lines(uint32_t target, struct sk_span text, struct sk_buf *out,
    size_t *used, uint32_t *rows, struct snek_error *e)
{
	struct lines l = { 0 };
	size_t start = out->n, bytes;

	if (!text.n)
		return sk_fail(e, SNEK_EINVAL, "a chunk without records");
	if (text.n > UINT32_MAX / 2)
		return sk_fail(e, SNEK_ELIMIT, "%zu bytes of text", text.n);
	if (!find_lines(sk_chunk_limit(target), text, out, &l))
		return sk_enomem(e);
	out->n = start;
	bytes = (size_t)bytes_of(l.rows, l.values);
	if (!sk_buf_reserve(out, bytes))
		return sk_enomem(e);
	out->n += seal(out->p + start, text.p, &l);
	*used = l.used;
	*rows = l.rows;
	return 0;
}
