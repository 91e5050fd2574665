/* SPDX-License-Identifier: MIT */
/* unzip.h - a zip from anybody onto the disk.  Hides libzip. */
#ifndef SK_UNZIP_H
#define SK_UNZIP_H
#include "base/buf.h"
#include "base/err.h"

#define SK_UNZIP_MAX ((uint64_t)262144000)      /* bytes, as Lambda says it */
#define SK_UNZIP_FILES 65536u

/*
 * Unpack into dir, which is made.  Modes are the zip's, without setuid; names
 * that would lie elsewhere, links that lead out, and anything that is no file,
 * directory or link are refused.  bytes: what it came to.  SNEK_EFORMAT: it is
 * no zip, or is refused; SNEK_ELIMIT: over SK_UNZIP_MAX or SK_UNZIP_FILES;
 * SNEK_EIO, SNEK_ENOMEM.  What was unpacked by then stays.
 */
int sk_unzip(struct sk_span zip, const char *dir, uint64_t *bytes,
    struct snek_error *);
#endif
