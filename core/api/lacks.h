/* SPDX-License-Identifier: MIT */
/* lacks.h - what a query that keeps going has no answer for, as JSON: the list
 * of snek_job_missing, out and in. */
#ifndef SK_API_LACKS_H
#define SK_API_LACKS_H
#include <snek/snek.h>

#include "api/object.h"

/* Append [...]; nothing at all when nothing is missing.  SNEK_ENOMEM. */
int sk_lacks_write(snek_job *, struct sk_buf *);
/* Of an object's member "missing", if it has one. */
int sk_lacks_visit(const struct sk_record *,
    int (*visit)(void *, const struct snek_missing *), void *);
#endif
