/* SPDX-License-Identifier: MIT */
/*
 * parts.h - what one attempt at writing puts on shards: at most one segment
 * on each, all under one fresh write id.
 */
#ifndef SK_PARTS_H
#define SK_PARTS_H
#include "category/catalog.h"

struct sk_parts {
	struct sk_catalog *catalog;
	struct sk_write_id id;
	uint32_t n;                     /* shards of the placement */
	uint32_t replicas;              /* that seal waits for; 0: none */
	struct sk_part {
		struct sk_meta_part sum;
		struct sk_segment_writer *segment;      /* NULL: nothing put */
		bool sealed;
	} *part;                        /* in the order of the placement */
};

int sk_parts_init(struct sk_parts *, struct sk_catalog *,
    const struct sk_meta_category *, struct snek_error *);
/* One chunk onto the shard that is i-th in the placement. */
int sk_parts_put(struct sk_parts *, uint32_t i, struct sk_span chunk,
    uint32_t rows, struct sk_place first, struct snek_error *);
/* All segments are durable when it returns 0. */
int sk_parts_seal(struct sk_parts *, struct snek_error *);
/* Fill in the entry's write, sums and parts; part is room for n of them. */
void sk_parts_entry(const struct sk_parts *, struct sk_meta_part *part,
    struct sk_meta_entry *);
/* Remove what was put.  What a manifest names all the same stays, and what
 * cannot be removed is left to gc. */
void sk_parts_drop(struct sk_parts *);
/* Let go of it: as of now it lives by the manifest alone. */
void sk_parts_free(struct sk_parts *);
#endif
