/* SPDX-License-Identifier: MIT */
/*
 * chunk_format.h - the structs of a chunk's head as they lie on disk; the
 * drawing is at the top of chunk.c.
 */
#ifndef SK_CHUNK_FORMAT_H
#define SK_CHUNK_FORMAT_H
#include <stdint.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "chunks are little-endian and read in place"
#endif

#define SK_CHUNK_MAGIC "SNKC"
#define SK_CHUNK_MAGIC_SOME "SNKP"     /* in memory only: see chunk_part.c */
#define SK_CHUNK_REST 0xffffu   /* in a shape: the row's next member in REST */
#define SK_CHUNK_COLUMNS_MAX 0xfffeu
#define SK_CHUNK_ROWS_MAX (1u << 20)    /* records like {} cost no bytes */

enum sk_column_kind {
	SK_COLUMN_FIELD,        /* a member's values */
	SK_COLUMN_VALUE,        /* records that are no objects */
	SK_COLUMN_REST,         /* maps of the members that have no column */
	SK_COLUMN_NONE,         /* a name that was wanted and is no column; only
	                         * where some were fetched */
};

struct sk_chunk_block {
	uint32_t offset, bytes, crc;
};

struct sk_chunk_head {
	char magic[4];
	uint32_t format;
	uint32_t crc;           /* of head_bytes, this field taken as zero */
	uint32_t head_bytes;
	uint32_t bytes;
	uint32_t rows;
	uint32_t columns;
	uint32_t shape_width;   /* 0, 1, 2, 4: bytes of a row's shape number */
	uint32_t shapes;
	struct sk_chunk_block shape_block;
	uint32_t runs;
	struct sk_chunk_block place_block;
};

struct sk_chunk_field {
	uint32_t name, name_len;        /* name: from the chunk's first byte */
	uint8_t kind, type, presence, reserved;
	uint32_t count;                 /* rows that have a value, null or not */
	uint32_t nulls;                 /* of those, null */
	struct sk_chunk_block block;
};

struct sk_chunk_run {           /* rows whose places follow one another */
	uint64_t version, record;       /* of the first */
	uint32_t row, reserved;         /* the first */
};

_Static_assert(sizeof(struct sk_chunk_head) == 64, "head");
_Static_assert(sizeof(struct sk_chunk_field) == 32, "field");
_Static_assert(sizeof(struct sk_chunk_run) == 24, "run");

static inline uint64_t sk_pad8(uint64_t n)
{
	return (n + 7) & ~(uint64_t)7;
}

/* Bytes of a bitmap of n bits, in whole 64-bit words. */
static inline uint64_t sk_bitmap_bytes(uint64_t n)
{
	return (n + 63) / 64 * 8;
}

static inline uint32_t sk_shape_width(uint32_t shapes)
{
	return shapes < 2 ? 0 : shapes <= 1u << 8 ? 1 : shapes <= 1u << 16 ? 2 : 4;
}

static inline uint64_t sk_shape_bytes(uint32_t shapes, uint64_t ids,
    uint32_t rows)
{
	return sk_pad8(4 * ((uint64_t)shapes + 1)) + sk_pad8(2 * ids) +
	    sk_pad8((uint64_t)rows * sk_shape_width(shapes));
}
#endif
