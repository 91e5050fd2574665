/* SPDX-License-Identifier: MIT */
/* gzip.h - gzip as a stream, for input.c.  gzip_none.c stands in for
 * gzip.c where zlib is not built in. */
#ifndef SK_GZIP_H
#define SK_GZIP_H
#include "value/frame.h"

struct sk_gzip;

bool sk_gzip_is_built_in(void);
/* Reads from read(arg); name is for messages and must outlive it.  max: bytes
 * that may come out, 0: any.  SNEK_EINVAL when zlib is not built in. */
int sk_gzip_open(sk_read_fn *read, void *arg, const char *name, uint64_t max,
    struct sk_gzip **, struct snek_error *);
void sk_gzip_close(struct sk_gzip *);
/* A sk_read_fn.  SNEK_EFORMAT: damaged, cut off, or followed by other bytes
 * than more members (or zeroes, as tapes have them).  SNEK_ELIMIT: more than max
 * would come out. */
long sk_gzip_read(void *, void *p, size_t n, struct snek_error *);
#endif
