/* SPDX-License-Identifier: MIT */
/*
 * told.h - what ops said of themselves when they were opened elsewhere, so that
 * the same question is asked once: the same version of a Lambda, op, arguments,
 * category and side inputs give the same answer, for the answer is made before
 * any record is seen.  The newest are kept.  Any thread.
 */
#ifndef SK_TOLD_H
#define SK_TOLD_H
#include "base/buf.h"

#define SK_TOLD_MOST 256u               /* answers */
#define SK_TOLD_LARGEST 65536u          /* bytes; larger ones are not kept */

struct sk_told;
int sk_told_new(struct sk_told **);
void sk_told_free(struct sk_told *);
/* Append the answer to a question; false: it is not known, or no memory. */
bool sk_told_get(struct sk_told *, const char *question, struct sk_buf *);
void sk_told_put(struct sk_told *, const char *question, struct sk_span);
#endif
