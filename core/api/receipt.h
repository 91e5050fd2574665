/* SPDX-License-Identifier: MIT */
/* receipt.h - a write's receipt as members of an object, out and in. */
#ifndef SK_API_RECEIPT_H
#define SK_API_RECEIPT_H
#include <snek/snek.h>

#include "api/object.h"

void sk_receipt_put(struct sk_object *, const char *category,
    const struct snek_receipt *);
/* What is not there is 0 or "". */
void sk_receipt_get(const struct sk_record *, struct snek_receipt *);
#endif
