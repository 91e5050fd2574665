/* SPDX-License-Identifier: MIT */
/* tally.h - how much there is, where it lies, and what of it is garbage. */
#ifndef SK_TALLY_H
#define SK_TALLY_H
#include "category/catalog.h"

struct sk_tally_server {                /* zeroed in a directory */
	uint64_t used_memory, max_memory, clients;      /* max 0: no limit */
};

struct sk_tally_shard {
	bool placed;                    /* of the category's placement */
	uint64_t chunks, records, bytes;        /* as manifests say, with those
	                                         * that rest in the meta store */
	uint64_t segments;
	uint64_t garbage, garbage_bytes;        /* segments that nobody names */
	uint64_t writing, writing_bytes;        /* segments of living writers */
	uint64_t free;                  /* bytes left where it lies */
	struct sk_tally_server server;
};

struct sk_tally {
	uint64_t categories, writes, records, bytes;
	uint64_t inlined, inlined_bytes;        /* chunks in the meta store */
	uint64_t meta_bytes;
	uint64_t free;                  /* bytes left for the meta store */
	struct sk_tally_server server;  /* of the meta store */
	struct sk_tally_shard shard[SK_MAX_SHARDS];     /* by id */
};

/* category NULL: all of them, and garbage is looked for.  SNEK_ENOENT: no such
 * category.  The struct is large: not for a stack. */
int sk_tally(struct sk_catalog *, const char *category, struct sk_tally *,
    struct snek_error *);
#endif
