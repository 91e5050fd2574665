/* SPDX-License-Identifier: MIT */
/* chunk_part_format.h - what chunk_part.c and chunk_join.c share. */
#ifndef SK_CHUNK_PART_FORMAT_H
#define SK_CHUNK_PART_FORMAT_H
#include "base/hash.h"
#include "value/chunk_view.h"

#define SK_PART_FORMAT 1u

struct sk_part_note {
	uint32_t crc, format, chunk, rows, bytes, columns, has, runs, places;
	uint32_t zero;
};
_Static_assert(sizeof(struct sk_part_note) == 40, "drawn in chunk_part.c");
enum { SK_PART_HAS_VALUE = 1, SK_PART_HAS_REST = 2 };

/* What is fetched of every chunk, before the names; REST: if there are any. */
enum { SK_PART_NOTE, SK_PART_PLACES, SK_PART_VALUE, SK_PART_REST, SK_PART_FIXED };

static inline struct sk_span sk_part_name(const struct sk_chunk *c, uint32_t i)
{
	uint32_t n;
	const char *p = sk_chunk_name(c, i, &n);

	return (struct sk_span){ p, n };
}

static inline uint32_t sk_part_note_crc(const struct sk_part_note *n,
    uint32_t seed)
{
	return sk_crc32c(seed, &n->format, sizeof(*n) - 4);
}

static inline uint32_t sk_part_field_crc(const struct sk_chunk_field *f,
    struct sk_span name, uint32_t seed)
{
	return sk_crc32c(sk_crc32c(seed, name.p, name.n), &f->name_len,
	    sizeof(*f) - 4);
}
#endif
