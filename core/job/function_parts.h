/* SPDX-License-Identifier: MIT */
/* function_parts.h - between the files function*.c. */
#ifndef SK_FUNCTION_PARTS_H
#define SK_FUNCTION_PARTS_H
#include "job/function.h"

/* The bytes of f->path, and with a worker a sealed copy of them (f->file), so
 * that what is loaded is what was looked at. */
int sk_function_take(sk_worker *, struct sk_function *, struct sk_buf *,
    struct snek_error *);
int sk_function_take_file(sk_worker *, struct sk_function *,
    struct snek_error *);
int sk_function_open(sk_worker *, bool alone, const char *path, int file,
    struct sk_plugin **, struct snek_error *);
/* The file of a shipped plugin whose name is the first len bytes: 1, 0 when
 * there is none, or SNEK_ENOMEM. */
int sk_function_shipped(const char *name, size_t len, char **out);
/* SNEK_ENOENT, saying what was meant, perhaps. */
int sk_function_none(struct sk_catalog *, sk_worker *, const char *name,
    struct snek_error *);
#endif
