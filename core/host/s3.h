/* SPDX-License-Identifier: MIT */
/* s3.h - objects in buckets, as few of S3's operations as code needs. */
#ifndef SK_S3_H
#define SK_S3_H
#include "host/host.h"

size_t sk_s3_limit(const struct sk_request *);
void sk_s3_take(struct sk_host *, struct sk_request *);
/* SNEK_ENOENT: there is no such bucket or key. */
int sk_s3_read(struct sk_host *, const char *bucket, const char *key,
    struct sk_buf *, struct snek_error *);
#endif
