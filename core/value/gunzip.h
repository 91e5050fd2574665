/* SPDX-License-Identifier: MIT */
/* gunzip.h - gzip as a stream, for input.c.  gunzip_none.c stands in for
 * gunzip.c where zlib is not built in. */
#ifndef SK_GUNZIP_H
#define SK_GUNZIP_H
#include "value/frame.h"

struct sk_gunzip;

/* Reads from read(arg); name is for messages and must outlive it.  SNEK_EINVAL
 * when zlib is not built in. */
int sk_gunzip_open(sk_read_fn *read, void *arg, const char *name,
    struct sk_gunzip **, struct snek_error *);
void sk_gunzip_close(struct sk_gunzip *);
/* A sk_read_fn.  SNEK_EFORMAT: damaged, cut off, or followed by other bytes
 * than more members (or zeroes, as tapes have them). */
long sk_gunzip_read(void *, void *p, size_t n, struct snek_error *);
#endif
