/* SPDX-License-Identifier: MIT */
/* fold.h - several entries of a manifest into one, each record on its shard. */
#ifndef SK_FOLD_H
#define SK_FOLD_H
#include "category/manifest.h"

/* Entries i .. i+n-1.  SNEK_EAGAIN: somebody else has changed the manifest. */
int sk_fold(struct sk_catalog *, const struct sk_manifest *, size_t i, size_t n,
    struct snek_error *);
#endif
