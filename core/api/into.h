/* SPDX-License-Identifier: MIT */
/*
 * into.h - a query whose result is not answered but written into a category, as
 * one write of the cluster's own: what is answered is the receipt.
 */
#ifndef SK_API_INTO_H
#define SK_API_INTO_H
#include <snek/snek.h>

#include "api/object.h"

struct sk_into {
	char category[130];             /* "": the result is answered */
	char request[260], durability[32];      /* "": none; the strongest */
};
/* Of a query's object.  SNEK_EINVAL. */
int sk_into_read(const struct sk_record *, struct sk_into *,
    struct snek_error *);
/*
 * Wait for the job and write what came of it.  id (or NULL) is a job's that
 * others may carry on after us, or have: then the write has a request id of its
 * own if it was given none, and what one of them has written stands.  tick (or
 * NULL) is called now and then, and before the commit; what it fails with, the
 * write does.
 */
int sk_into_write(const struct sk_into *, snek_job *, snek_cluster *,
    const char *id, int (*tick)(void *, struct snek_error *), void *,
    struct snek_receipt *, struct snek_error *);
/* "receipt":{...} */
void sk_into_put(struct sk_object *, const struct sk_into *,
    const struct snek_receipt *);
#endif
