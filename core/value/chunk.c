/* SPDX-License-Identifier: MIT */
/*
 * The format of a chunk, version 1.  Numbers are little-endian; all parts
 * begin at a multiple of 8 and are padded with zeros.
 *
 *   head     0  "SNKC"              4  format (1)
 *            8  crc of the head    12  head bytes
 *           16  bytes in all       20  rows (1 to 2^20)
 *           24  columns            28  bytes of a shape number: 0, 1, 2, 4
 *           32  shapes             36  shape block: offset, bytes, crc
 *           48  runs of places     52  place block: offset, bytes, crc
 *           64  directory: 32 bytes a column
 *            .  names of the columns, one after the other; padding
 *   column   0  offset of its name  4  length of its name
 *            8  kind 9 type 10 presence 11 zero
 *           12  count: rows with a value, null or not
 *           16  nulls: how many of them are null
 *           20  block: offset, bytes, crc
 *   blocks  of each column, then shapes, then places; nothing between them
 *
 * crc is CRC32C.  The head's is over its head bytes with the field itself as
 * zero, names included; so the head can be kept apart from the blocks, and
 * each block by itself.
 *
 * Kinds: 0 FIELD, 1 VALUE, 2 REST.  FIELDs come first, sorted by name (bytes,
 * the shorter first), no name twice; then at most one VALUE, the nameless
 * column of records that are no objects; then at most one REST, PACKED maps
 * of those members of a row that have no column.
 * Types are enum snek_column_type, INT to PACKED; presence is enum
 * snek_presence, whichever makes the block smallest.  A slot holds a value;
 * slots = rows for ALL and BITS (absent rows have empty slots), = count for
 * ROWS.  A column of nulls alone is BOOL.
 *
 *   column's block
 *     BITS: a bit a row               words of 64, lowest bit first
 *     ROWS: the row of each slot      u32, ascending
 *     if nulls > 0: a bit a slot      words; set: the value is null
 *     NUMBER: a bit a slot            words; set: a double, else an int64
 *     STRING, PACKED: slots + 1 ends  u32, the first is 0
 *     values: INT, UINT, DOUBLE, NUMBER   8 bytes a slot
 *             BOOL                        a bit a slot, words
 *             STRING, PACKED              bytes; slot i is [end i, end i + 1)
 *
 *   shape block: the ordered members of records, each list once
 *     shapes + 1 ends                 u32, the first is 0; into the ids
 *     ids                             u16: column numbers; 0xffff: the next
 *                                     member of this row's map in REST
 *     if shapes > 1: a shape a row    u8, u16 or u32
 *   A shape that is the VALUE column alone is of records that are no objects;
 *   a shape of no ids is the empty object.
 *
 *   place block, if runs > 0: 24 bytes a run, for chunks that mix writes
 *      0  version   8  number of the first record in its write
 *     16  first row of the run; the first run's is 0; ascending
 *     20  zero
 */
#include "value/chunk_view.h"
#include "base/hash.h"

#include <stdlib.h>

int sk_chunk_corrupt(struct snek_error *e, const char *what)
{
	return sk_fail(e, SNEK_ECORRUPT, "damaged chunk: %s", what);
}

/* ---- the head's checks ---- */

static int check_start(const struct sk_chunk_head *h, size_t n,
    struct snek_error *e)
{
	if (n < sizeof(*h) || (memcmp(h->magic, SK_CHUNK_MAGIC, 4) &&
	    memcmp(h->magic, SK_CHUNK_MAGIC_SOME, 4)))
		return sk_chunk_corrupt(e, "it does not begin like one");
	if (h->format > SK_CHUNK_FORMAT)
		return sk_fail(e, SNEK_EVERSION, "a chunk of format %u; this "
		    "library reads up to %u", h->format, SK_CHUNK_FORMAT);
	if (h->format != SK_CHUNK_FORMAT)
		return sk_chunk_corrupt(e, "no such format");
	if (h->head_bytes > n || h->head_bytes % 8 ||
	    h->columns > SK_CHUNK_COLUMNS_MAX || h->head_bytes < sizeof(*h) +
	    (uint64_t)h->columns * sizeof(struct sk_chunk_field))
		return sk_chunk_corrupt(e, "the length of its head");
	return 0;
}

static uint32_t head_crc(const uint8_t *p, uint32_t n)
{
	static const uint8_t zero[4];
	uint32_t at = offsetof(struct sk_chunk_head, crc);
	uint32_t crc = sk_crc32c(0, p, at);

	crc = sk_crc32c(crc, zero, 4);
	return sk_crc32c(crc, p + at + 4, n - at - 4);
}

/* Does the block begin where the last one ended? */
static bool follows(const struct sk_chunk_block *b, uint64_t *at)
{
	if (b->offset != *at || b->bytes % 8)
		return false;
	*at += b->bytes;
	return true;
}

static bool name_ascends(const struct sk_chunk *c, uint32_t i)
{
	uint32_t m, n, least;
	const char *a, *b;
	int order;

	if (!i)
		return true;
	a = sk_chunk_name(c, i - 1, &m);
	b = sk_chunk_name(c, i, &n);
	least = m < n ? m : n;
	order = least ? memcmp(a, b, least) : 0;
	return order < 0 || (!order && m < n);
}

static bool counts_agree(const struct sk_chunk *c,
    const struct sk_chunk_field *f)
{
	if (f->kind == SK_COLUMN_NONE)
		return !f->type && !f->presence && !f->count && !f->nulls &&
		    !f->block.bytes;
	if (f->type < SNEK_COLUMN_INT || f->type > SNEK_COLUMN_PACKED ||
	    f->presence > SNEK_PRESENT_ROWS)
		return false;
	if (!f->count || f->count > c->head->rows || f->nulls > f->count)
		return false;
	return f->presence != SNEK_PRESENT_ALL || f->count == c->head->rows;
}

static bool kind_fits(struct sk_chunk *c, uint32_t i)
{
	const struct sk_chunk_field *f = &c->field[i];
	uint32_t none = c->head->columns;

	switch (f->kind) {
	case SK_COLUMN_NONE:
		if (!c->some)
			return false;
		/* fallthrough */
	case SK_COLUMN_FIELD:
		c->fields++;
		return c->value == none && c->rest == none && name_ascends(c, i);
	case SK_COLUMN_VALUE:
		if (c->value != none || c->rest != none || f->name_len)
			return false;
		c->value = i;
		return true;
	case SK_COLUMN_REST:
		if (c->rest != none || f->name_len || f->nulls ||
		    f->type != SNEK_COLUMN_PACKED)
			return false;
		c->rest = i;
		return true;
	default:
		return false;
	}
}

static int check_directory(struct sk_chunk *c, uint64_t *at,
    struct snek_error *e)
{
	const struct sk_chunk_head *h = c->head;
	uint32_t i;

	c->fields = 0;
	c->value = c->rest = h->columns;
	for (i = 0; i < h->columns; i++) {
		const struct sk_chunk_field *f = &c->field[i];

		if (f->name > h->head_bytes ||
		    f->name_len > h->head_bytes - f->name)
			return sk_chunk_corrupt(e, "a name is not in its head");
		if (!kind_fits(c, i))
			return sk_chunk_corrupt(e, "the order of its columns");
		if (!counts_agree(c, f))
			return sk_chunk_corrupt(e, "a column's type or count");
		if (!follows(&f->block, at))
			return sk_chunk_corrupt(e, "a block is out of place");
	}
	return 0;
}

static int check_head(struct sk_chunk *c, struct snek_error *e)
{
	const struct sk_chunk_head *h = c->head;
	uint64_t at = h->head_bytes;
	int rc;

	if (head_crc(c->bytes, h->head_bytes) != h->crc)
		return sk_chunk_corrupt(e, "the checksum of its head");
	if (!h->rows || h->rows > SK_CHUNK_ROWS_MAX || !h->shapes != c->some ||
	    h->shapes > h->rows || h->runs > h->rows ||
	    h->shape_width != sk_shape_width(h->shapes))
		return sk_chunk_corrupt(e, "the counts in its head");
	rc = check_directory(c, &at, e);
	if (rc)
		return rc;
	if (!follows(&h->shape_block, &at) || !follows(&h->place_block, &at) ||
	    at != h->bytes || (c->some && h->shape_block.bytes) ||
	    h->place_block.bytes !=
	    (uint64_t)h->runs * sizeof(struct sk_chunk_run))
		return sk_chunk_corrupt(e, "a block is out of place");
	return 0;
}

/* ---- open, close ---- */

static int reserve_views(struct sk_chunk *c, struct snek_error *e)
{
	uint32_t n = c->head->columns;
	struct sk_view *v;

	if (n <= c->view_cap)
		return 0;
	v = realloc(c->view, n * sizeof(*v));
	if (!v)
		return sk_enomem(e);
	memset(v + c->view_cap, 0, (n - c->view_cap) * sizeof(*v));
	c->view = v;
	c->view_cap = n;
	return 0;
}

static int open_head(struct sk_chunk *c, const void *bytes, size_t n,
    struct snek_error *e)
{
	int rc;

	if ((uintptr_t)bytes % 8)
		return sk_fail(e, SNEK_EINVAL, "a chunk must be 8-aligned");
	c->opened++;
	c->made = NULL;
	if (c->arena.blocks)
		sk_arena_reset(&c->arena);
	rc = check_start(bytes, n, e);
	if (rc)
		return rc;
	c->bytes = bytes;
	c->head = bytes;
	c->some = !memcmp(c->head->magic, SK_CHUNK_MAGIC_SOME, 4);
	c->field = (const void *)(c->bytes + sizeof(*c->head));
	rc = check_head(c, e);
	return rc ? rc : reserve_views(c, e);
}

int sk_chunk_open_whole(struct sk_chunk *c, const void *bytes, size_t n,
    struct snek_error *e)
{
	int rc;

	c->apart = false;
	rc = open_head(c, bytes, n, e);
	if (!rc && c->head->bytes != n)
		rc = sk_fail(e, SNEK_ECORRUPT, "damaged chunk: %zu bytes "
		    "where its head says %u", n, c->head->bytes);
	return rc;
}

int sk_chunk_reopen(struct sk_chunk *c, const void *bytes, size_t n,
    struct snek_error *e)
{
	c->fd = 0;
	return sk_chunk_open_whole(c, bytes, n, e);
}

int sk_chunk_open(const void *bytes, size_t n, struct sk_chunk **out,
    struct snek_error *e)
{
	struct sk_chunk *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return sk_enomem(e);
	rc = sk_chunk_reopen(c, bytes, n, e);
	if (rc)
		sk_chunk_close(c);
	else
		*out = c;
	return rc;
}

static int keep_blocks(struct sk_chunk *c, const struct sk_span *block,
    size_t n, struct snek_error *e)
{
	if (n != (size_t)c->head->columns + 2)
		return sk_fail(e, SNEK_EINVAL, "%zu blocks for a chunk of %u "
		    "columns", n, c->head->columns);
	c->block = malloc(n * sizeof(*block));
	if (!c->block)
		return sk_enomem(e);
	memcpy(c->block, block, n * sizeof(*block));
	return 0;
}

int sk_chunk_open_blocks(struct sk_span head, const struct sk_span *block,
    size_t n, struct sk_chunk **out, struct snek_error *e)
{
	struct sk_chunk *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return sk_enomem(e);
	c->apart = true;
	rc = open_head(c, head.p, head.n, e);
	if (!rc)
		rc = keep_blocks(c, block, n, e);
	if (rc)
		sk_chunk_close(c);
	else
		*out = c;
	return rc;
}

void sk_chunk_close(struct sk_chunk *c)
{
	size_t i;

	if (!c)
		return;
	for (i = 0; i < sizeof(c->scratch) / sizeof(*c->scratch); i++)
		sk_buf_free(&c->scratch[i]);
	sk_buf_free(&c->members);
	sk_arena_free(&c->arena);
	free(c->view);
	free(c->block);
	free(c);
}

uint32_t sk_chunk_rows(const struct sk_chunk *c)
{
	return c->head->rows;
}

uint32_t sk_chunk_columns(const struct sk_chunk *c)
{
	return c->head->columns;
}

/* ---- blocks ---- */

static const struct sk_chunk_block *block_at(const struct sk_chunk *c,
    uint32_t i)
{
	if (i < c->head->columns)
		return &c->field[i].block;
	return i == c->head->columns ? &c->head->shape_block
	    : &c->head->place_block;
}

struct sk_span sk_chunk_head_span(const struct sk_chunk *c)
{
	return (struct sk_span){ c->bytes, c->head->head_bytes };
}

struct sk_span sk_chunk_block_span(const struct sk_chunk *c, uint32_t i)
{
	const struct sk_chunk_block *b = block_at(c, i);

	if (c->apart)
		return c->block[i];
	return (struct sk_span){ c->bytes + b->offset, b->bytes };
}

int sk_chunk_block_bytes(const struct sk_chunk *c, uint32_t i,
    const uint8_t **out, struct snek_error *e)
{
	const struct sk_chunk_block *b = block_at(c, i);
	struct sk_span s = sk_chunk_block_span(c, i);
	int rc;

	if (!s.p && b->bytes)
		return sk_fail(e, SNEK_EINTERNAL,
		    "block %u of a chunk was not fetched", i);
	if (s.n != b->bytes || (uintptr_t)s.p % 8)
		return sk_chunk_corrupt(e, "the length of a block");
	rc = sk_chunk_load(c, b, e);
	if (rc)
		return rc;
	if (sk_crc32c(0, s.p, s.n) != b->crc)
		return sk_fail(e, SNEK_ECORRUPT,
		    "damaged chunk: the checksum of block %u", i);
	*out = s.p;
	return 0;
}

/* ---- places ---- */

static int check_places(struct sk_chunk *c, struct snek_error *e)
{
	const struct sk_chunk_head *h = c->head;
	const uint8_t *p = NULL;
	int rc = sk_chunk_block_bytes(c, h->columns + 1, &p, e);
	uint32_t i;

	if (rc)
		return rc;
	c->runs = (const void *)p;
	for (i = 0; i < h->runs; i++)
		if (c->runs[i].row >= h->rows ||
		    (i ? c->runs[i].row <= c->runs[i - 1].row : c->runs[i].row))
			return sk_chunk_corrupt(e, "the places of its records");
	c->places_opened = c->opened;
	return 0;
}

int sk_chunk_place(struct sk_chunk *c, struct sk_place base, uint32_t row,
    struct sk_place *out, struct snek_error *e)
{
	uint32_t lo = 0, hi = c->head->runs, mid;
	int rc;

	if (row >= c->head->rows)
		return sk_fail(e, SNEK_EINVAL, "no row %u in a chunk", row);
	if (!hi) {
		*out = (struct sk_place){ base.version, base.record + row };
		return 0;
	}
	rc = c->places_opened == c->opened ? 0 : check_places(c, e);
	if (rc)
		return rc;
	while (hi - lo > 1) {
		mid = lo + (hi - lo) / 2;
		if (c->runs[mid].row <= row)
			lo = mid;
		else
			hi = mid;
	}
	out->version = c->runs[lo].version;
	out->record = c->runs[lo].record + (row - c->runs[lo].row);
	return 0;
}
