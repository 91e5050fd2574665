/* SPDX-License-Identifier: MIT */
/* secret.h - small files that hold secrets. */
#ifndef SK_SECRET_H
#define SK_SECRET_H
#include "base/buf.h"
#include "base/err.h"

/* The file's bytes without line ends behind them, and with a NUL that does not
 * count.  SNEK_ENOENT with a text when there is none; SNEK_ELIMIT. */
int sk_secret_read(const char *path, size_t max, struct sk_buf *,
    struct snek_error *);
/* Overwrite it, and free it. */
void sk_secret_forget(struct sk_buf *);
#endif
