/* SPDX-License-Identifier: MIT */
/*
 * chunk_shape.h - the ordered lists of columns that records are made of, each
 * kept once.
 */
#ifndef SK_CHUNK_SHAPE_H
#define SK_CHUNK_SHAPE_H
#include "base/buf.h"

#define SK_SHAPE_NONE UINT32_MAX

struct sk_shapes {
	uint32_t n, slots;      /* slots: of the table, a power of two */
	struct sk_buf ids;      /* uint16_t: the lists, one behind the other */
	struct sk_buf ends;     /* uint32_t: where each ends in ids */
	struct sk_buf hash;     /* uint64_t */
	uint32_t *table;        /* shape + 1; 0: free */
};

/* The shape's number, or SK_SHAPE_NONE.  hint: a number that may be it. */
uint32_t sk_shapes_find(const struct sk_shapes *, const uint16_t *ids,
    uint32_t n, uint32_t hint);
/* Add one that is not there.  SK_SHAPE_NONE when memory is out. */
uint32_t sk_shapes_add(struct sk_shapes *, const uint16_t *ids, uint32_t n);
const uint16_t *sk_shapes_get(const struct sk_shapes *, uint32_t, uint32_t *n);
void sk_shapes_reset(struct sk_shapes *);
void sk_shapes_free(struct sk_shapes *);
#endif
