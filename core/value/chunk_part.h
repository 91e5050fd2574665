/* SPDX-License-Identifier: MIT */
/*
 * chunk_part.h - a chunk as parts with names, for stores that keep columns
 * apart, and back.  The parts are drawn at the top of chunk_part.c.
 */
#ifndef SK_CHUNK_PART_H
#define SK_CHUNK_PART_H
#include "value/chunk.h"

struct sk_chunk_part {
	struct sk_span name, bytes;
};

/* ---- apart ---- */

struct sk_chunk_parts {         /* zeroed: empty; reused, it keeps its memory */
	struct sk_chunk_part *part;
	uint32_t n, cap;
	struct sk_buf memory;
	struct sk_chunk *chunk;
};

/* The parts of a chunk (8-aligned); views into the struct until it is used
 * again.  seed goes into their checksums: parts that come back under another
 * are not taken for these. */
int sk_chunk_split(struct sk_span chunk, uint32_t seed, struct sk_chunk_parts *,
    struct snek_error *);
void sk_chunk_parts_free(struct sk_chunk_parts *);

/* ---- which to fetch ---- */

struct sk_chunk_wish {
	uint32_t names, fields;
	struct sk_span *name;           /* of members, sorted, none twice */
	struct sk_span *field;          /* of the parts to fetch */
};
/* For reading the members of these names (copied; any order) and elements of
 * records that are arrays. */
int sk_chunk_wish_new(const struct sk_span *name, size_t names,
    struct sk_chunk_wish **, struct snek_error *);
void sk_chunk_wish_free(struct sk_chunk_wish *);

/* ---- and together ---- */

struct sk_chunk_join {          /* zeroed: empty; reused, it keeps its memory */
	uint64_t bytes;         /* of the chunk that write makes */
	struct sk_buf head;
	struct sk_span *block;
	uint32_t blocks, cap;
};

/*
 * Check what was fetched: part[i] is that of wish->field[i], p NULL if there
 * was none.  SNEK_ENOENT without text: there was nothing at all.  Else
 * SNEK_ECORRUPT, SNEK_EVERSION; rows: how many the chunk must have.
 *
 * The chunk knows which names were wanted: sk_chunk_column finds those, or
 * finds them absent; others, and sk_chunk_record, are SNEK_EINTERNAL.
 */
int sk_chunk_join_wish(struct sk_chunk_join *, const struct sk_chunk_wish *,
    const struct sk_span *part, uint32_t rows, uint32_t seed,
    struct snek_error *);
/* The same of all parts, in any order: write then gives the chunk's very
 * bytes. */
int sk_chunk_join_all(struct sk_chunk_join *, const struct sk_chunk_part *,
    size_t n, uint32_t rows, uint32_t seed, struct snek_error *);
/* Write the chunk, bytes of it, while the parts are still there. */
void sk_chunk_join_write(const struct sk_chunk_join *, void *);
void sk_chunk_join_free(struct sk_chunk_join *);
#endif
