/* SPDX-License-Identifier: MIT */
/* layout.h - which files a bundle has, under which names.  Bytes are taken or
 * borrowed; names are copied. */
#ifndef SK_LAYOUT_H
#define SK_LAYOUT_H
#include "aws/zip.h"

#define SK_LAYOUT_MOST ((uint64_t)262144000)    /* of Lambda, unzipped */

struct sk_layout {
	struct sk_zip_file *file;
	struct sk_buf *own;             /* of those that are ours; by index */
	size_t n, cap;
	uint64_t bytes;
};
void sk_layout_free(struct sk_layout *);

/* The bytes stay the caller's, until the layout is freed. */
int sk_layout_put(struct sk_layout *, const char *name, struct sk_span,
    bool runs, struct snek_error *);
/* The bytes are taken, even when it fails. */
int sk_layout_take(struct sk_layout *, const char *name, struct sk_buf *,
    bool runs, struct snek_error *);

/* What is given to be put beside the plugin, under its own name: regular files
 * of which none is called as another.  SNEK_EINVAL, SNEK_ENOENT, SNEK_EACCES;
 * SNEK_ELIMIT when all would be too large, before they are read. */
int sk_layout_include(struct sk_layout *, const char *const *path, size_t n,
    struct snek_error *);

/* In order of names.  SNEK_EINVAL: two have one name; SNEK_ELIMIT. */
int sk_layout_sort(struct sk_layout *, struct snek_error *);

/* At most max bytes of a file; runs: may be NULL. */
int sk_layout_read(const char *path, uint64_t max, struct sk_buf *, bool *runs,
    struct snek_error *);
#endif
