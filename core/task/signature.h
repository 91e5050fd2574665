/* SPDX-License-Identifier: MIT */
/*
 * signature.h - a C prototype in letters: "d(dd)" is double f(double, double).
 *
 *   b  bool       i  int32_t    I  uint32_t   l  int64_t    L  uint64_t
 *   f  float      d  double     s  const char *, ending in a NUL
 *
 * A ? before an argument's d or s lets its field be missing.  Blanks and
 * commas mean nothing.
 */
#ifndef SK_SIGNATURE_H
#define SK_SIGNATURE_H
#include "base/err.h"

#define SK_SIGNATURE_MAX 16     /* arguments */

struct sk_signature {
	char result;
	uint32_t n;
	char arg[SK_SIGNATURE_MAX];
	bool optional[SK_SIGNATURE_MAX];
};

/* SNEK_EINVAL, saying what is expected and where. */
int sk_signature_parse(struct sk_signature *, const char *text,
    struct snek_error *);
#endif
