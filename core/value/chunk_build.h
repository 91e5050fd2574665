/* SPDX-License-Identifier: MIT */
/*
 * chunk_build.h - what the two halves of the builder share: chunk_build.c
 * takes records in, chunk_seal.c writes the chunk.
 */
#ifndef SK_CHUNK_BUILD_H
#define SK_CHUNK_BUILD_H
#include "base/arena.h"
#include "value/chunk.h"
#include "value/chunk_fill.h"
#include "value/chunk_shape.h"

#define SK_VALUE_ID SK_COLUMN_CAP       /* the column of records that are no
                                         * objects: behind the named ones */
#define SK_DEMOTE_ABOVE 64u             /* columns; see sk_chunk_builder_seal */
#define SK_NAME_SLOTS (4 * SK_COLUMN_CAP)
#define SK_REST_ROW (5u + 4 + 4)        /* a map's head, end and row number */
#define SK_CHUNK_ALWAYS (sizeof(struct sk_chunk_head) + 8 + \
	sizeof(struct sk_chunk_field) + SK_FILL_PADDING)  /* head and rest */

/* What a record that is offered adds, and to how many columns of a kind. */
struct sk_tally {
	uint64_t cost;
	uint32_t dense, bits, rest;
};

/* Members beyond the cap, packed name and value after one another. */
struct sk_fill_rest {
	struct sk_buf pairs;
	struct sk_buf ends;     /* uint32_t: where each pair ends */
};

struct sk_chunk_builder {
	uint32_t limit;         /* bytes; a single record may be larger */
	uint32_t rows;
	uint64_t stamp;         /* one more for each record that is offered */

	struct sk_arena names;
	struct sk_fill *column; /* SK_COLUMN_CAP and the one of SK_VALUE_ID */
	uint32_t columns;       /* named ones; what is behind them is not set */
	uint16_t *table;        /* by hash of the name: column + 1 */
	uint16_t first;         /* the column that came first last time */

	struct sk_fill_rest rest;
	struct sk_shapes shapes;
	struct sk_buf row_shape;        /* uint32_t by row */
	struct sk_buf ids;              /* uint16_t: of the record at hand */

	uint64_t estimate;      /* of all but shapes and places; never too low */
	uint32_t measure_at;    /* rows from which measuring again pays */
	uint32_t bits;          /* columns measured as PRESENT_BITS */
	uint16_t *dense;        /* columns that every row has had */
	uint32_t dense_n;

	struct sk_buf runs;     /* struct sk_chunk_run */
	struct sk_place place;  /* of the next record */
	bool placed;            /* place was given for the next record */
};

/* What of the target is for the chunk. */
uint32_t sk_chunk_limit(uint32_t target);
/* Puts the record's columns into ids, making new ones.  SNEK_EINVAL: a name
 * twice. */
int sk_chunk_count(sk_chunk_builder *, const struct sk_record *,
    struct sk_tally *, struct snek_error *);
/* 1, 0 or SNEK_ELIMIT; SNEK_EAGAIN: the record must be counted again. */
int sk_chunk_fits(sk_chunk_builder *, const struct sk_tally *, uint32_t shape,
    struct snek_error *);
/* The fewest values that make a column: 1, or 2 when there are many. */
uint32_t sk_chunk_builder_least(const struct sk_chunk_builder *);
void sk_chunk_builder_reset(struct sk_chunk_builder *);
#endif
