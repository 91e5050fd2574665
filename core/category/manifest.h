/* SPDX-License-Identifier: MIT */
/* manifest.h - a category's committed writes as of one moment, copied out. */
#ifndef SK_MANIFEST_H
#define SK_MANIFEST_H
#include "base/arena.h"
#include "category/catalog.h"

struct sk_manifest {
	struct sk_meta_category category;
	size_t n, cap;
	struct sk_meta_entry *entry;    /* by version; parts and inlined chunks
	                                 * lie in memory, 16-aligned */
	struct sk_arena memory;
};

/* Entries that end at version from or later.  SNEK_ENOENT: no such category.
 * SNEK_ECORRUPT: entries that contradict themselves. */
int sk_manifest_read(struct sk_catalog *, const char *category, uint64_t from,
    struct sk_manifest **, struct snek_error *);
void sk_manifest_free(struct sk_manifest *);
/* Instead of free: a small one is kept for who reads it next, and holds then
 * if nothing was committed meanwhile. */
void sk_manifest_rest(struct sk_catalog *, struct sk_manifest *);
/* Those that are kept. */
void sk_manifest_free_resting(struct sk_catalog *);
#endif
