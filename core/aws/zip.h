/* SPDX-License-Identifier: MIT */
/* zip.h - files as a zip: the same bytes for the same files, whoever makes it
 * and wherever. */
#ifndef SK_ZIP_H
#define SK_ZIP_H
#include "base/buf.h"
#include "base/err.h"

struct sk_zip_file {
	const char *name;               /* "snek/libc.so.6" */
	struct sk_span bytes;           /* somebody else's */
	bool runs;                      /* 0755; else 0644 */
};

/* Files in the order that they have; names differ.  SNEK_EINVAL: a name that
 * no zip can hold; SNEK_ENOMEM. */
int sk_zip_make(const struct sk_zip_file *, size_t n, struct sk_buf *out,
    struct snek_error *);
#endif
