/* SPDX-License-Identifier: MIT */
/*
 * registry.h - functions' records as they go to and from an API whose functions
 * run in Lambdas: who adds one makes its Lambda himself, and tells the cluster.
 *
 *   {"functions":[{"name":NAME,"record":BASE64},...]}
 *
 * A record is that of store/meta_record.h.
 */
#ifndef SK_API_REGISTRY_H
#define SK_API_REGISTRY_H
#include "api/object.h"
#include "store/meta.h"

void sk_registry_put(struct sk_object *, const struct sk_meta_function *);
/* Of an object with such a list; visit returns less than 0 for a failure, and
 * 1 to end.  SNEK_EFORMAT, SNEK_EVERSION. */
int sk_registry_get(const struct sk_record *,
    int (*visit)(void *, const struct sk_meta_function *), void *,
    struct snek_error *);
#endif
