/* SPDX-License-Identifier: MIT */
/* base64.h - RFC 4648, section 4. */
#ifndef SK_BASE64_H
#define SK_BASE64_H
#include "base/buf.h"

#include <stdbool.h>

/* Append the text of n bytes; false: memory is out. */
bool sk_base64_put(struct sk_buf *, const void *, size_t n);
/* Append what the text says.  SNEK_EFORMAT: it is none, down to its padding;
 * SNEK_ENOMEM. */
int sk_base64_get(struct sk_buf *, const char *text, size_t n);
#endif
