/* SPDX-License-Identifier: MIT */
/*
 * chunk.h - an immutable batch of records in columns.
 * The format is drawn at the top of chunk.c.
 *
 * A chunk is a head (counts, directory of columns, CRC32C of itself) followed
 * by blocks: one a column, one of shapes, one of places; each block has its
 * own CRC32C in the head.  So a store may keep blocks apart and a query fetch
 * only those of the columns it reads.
 */
#ifndef SK_CHUNK_H
#define SK_CHUNK_H
#include "base/err.h"
#include "value/value.h"
#include <snek/plugin.h>        /* struct snek_column */

#define SK_CHUNK_FORMAT 1u
#define SK_CHUNK_TARGET (256u << 10)
#define SK_CHUNK_MIN (64u << 10)
#define SK_CHUNK_MAX (4u << 20)
#define SK_COLUMN_CAP 1024u     /* more fields than this share a rest column */

/* Where a record stands: the number of its write, and its number in it. */
struct sk_place {
	uint64_t version, record;
};

/* ---- building ---- */

typedef struct sk_chunk_builder sk_chunk_builder;

/* target: bytes a chunk should have at most (a larger record gets a chunk of
 * its own); 0: SK_CHUNK_TARGET.  44 bytes of it stay free: a Redis string of
 * 256 KiB exactly costs a quarter more memory than one a little smaller. */
int sk_chunk_builder_new(uint32_t target, sk_chunk_builder **);
void sk_chunk_builder_free(sk_chunk_builder *);
/* Copies the record.  1: added.  0: it does not fit beside the others; seal
 * and add it again.  Names in a record must differ (SNEK_EINVAL where it is
 * seen).  SNEK_ELIMIT: over 4 GiB.  A failure leaves the chunk as it was. */
int sk_chunk_builder_add(sk_chunk_builder *, const struct sk_record *,
    struct snek_error *);
/* The place of the next record, for compaction, which mixes writes.  Without
 * it records are numbered from the chunk's first (see sk_chunk_place).  A
 * record without a place follows the one before it; the first of a chunk must
 * have one if any has (SNEK_EINVAL). */
int sk_chunk_builder_place(sk_chunk_builder *, struct sk_place);
uint32_t sk_chunk_builder_rows(const sk_chunk_builder *);
/* Append the chunk's bytes to out and start afresh.  Not with 0 rows. */
int sk_chunk_builder_seal(sk_chunk_builder *, struct sk_buf *out,
    struct snek_error *);
/* Append a chunk of as many lines of the text as fit (one at least), each a
 * record that is a string: what ends it, \n or \r\n, is no part of it, and the
 * last may do without.  The bytes are UTF-8 (nobody looks); target as above;
 * used: bytes of the text.  out->n is a multiple of 8.  Not an empty text. */
int sk_chunk_lines(uint32_t target, struct sk_span text, struct sk_buf *out,
    size_t *used, uint32_t *rows, struct snek_error *);

/* ---- reading ---- */

struct sk_chunk;                /* a view; the bytes must outlive it */

/* Checks the head.  SNEK_ECORRUPT, SNEK_EVERSION.  bytes 8-aligned. */
int sk_chunk_open(const void *bytes, size_t n, struct sk_chunk **,
    struct snek_error *);
/* The same where each block lies apart (block[i] for column i, then shapes,
 * then places; p NULL: not fetched, touching it is SNEK_EINTERNAL). */
int sk_chunk_open_blocks(struct sk_span head, const struct sk_span *block,
    size_t n, struct sk_chunk **, struct snek_error *);
/* Use the struct again for other bytes, keeping its memory.  Not for one that
 * was opened from blocks.  After a failure only reopen and close. */
int sk_chunk_reopen(struct sk_chunk *, const void *bytes, size_t n,
    struct snek_error *);
/* Memory of SK_CHUNK_MAX bytes that is written at one address and seen at
 * another, where an op that writes into its input crashes.  Zeroed: there is
 * none. */
struct sk_chunk_room {
	char *to;
	const char *seen;
};
int sk_chunk_room_open(struct sk_chunk_room *, struct snek_error *);
void sk_chunk_room_close(struct sk_chunk_room *);
/* The same where the bytes lie in a file (fd over 0, not closed), at that place:
 * what is touched is read, when it first is, into the room, which has one chunk
 * at a time.  n: SK_CHUNK_MAX at most.  *out NULL: it is made.  SNEK_EIO;
 * SNEK_ECORRUPT also where the file ends too soon. */
int sk_chunk_reopen_file(struct sk_chunk **out, const struct sk_chunk_room *,
    int fd, uint64_t at, size_t n, struct snek_error *);
void sk_chunk_close(struct sk_chunk *);

/* What a store that keeps blocks apart needs: the head, and block i of
 * columns + 2, as in sk_chunk_open_blocks. */
struct sk_span sk_chunk_head_span(const struct sk_chunk *);
struct sk_span sk_chunk_block_span(const struct sk_chunk *, uint32_t i);

uint32_t sk_chunk_rows(const struct sk_chunk *);
uint32_t sk_chunk_columns(const struct sk_chunk *);
/* The place of a row; base is where the chunk's first record stands, for
 * chunks that hold no places themselves. */
int sk_chunk_place(struct sk_chunk *, struct sk_place base, uint32_t row,
    struct sk_place *, struct snek_error *);

/*
 * Fill in the view of a path's column, checking the block's CRC and bounds the
 * first time.  A path of one name is the column itself.  Longer paths, names
 * in the rest column and paths into records that are no objects give a column
 * made for this chunk (type PACKED; PRESENT_ALL if every row has it, else
 * PRESENT_ROWS), at the price of walking the packed values once a path.  A field that no
 * record has: SNEK_COLUMN_ABSENT with every row absent (PRESENT_ROWS, 0
 * slots).  The path "" gives type SNEK_COLUMN_HOST, host set by the caller.
 * The view lives until the chunk is reopened or closed.
 */
int sk_chunk_column(struct sk_chunk *, const struct sk_path *,
    struct snek_column *out, struct snek_error *);

/* The value in a slot, null included, of a column of any type but HOST. */
struct snek_value sk_column_value(const struct snek_column *, uint32_t slot);

/* Row as it was written, members in order; views until the next call. */
int sk_chunk_record(struct sk_chunk *, uint32_t row, struct sk_record *,
    struct snek_error *);
/* Row as one value (objects packed into scratch, from its start). */
int sk_chunk_value(struct sk_chunk *, uint32_t row, struct sk_buf *scratch,
    struct snek_value *, struct snek_error *);
#endif
