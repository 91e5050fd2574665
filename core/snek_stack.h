/* SPDX-License-Identifier: MIT */
/* snek_stack.h - between snek_stack.c and snek_stack_code.c. */
#ifndef SK_SNEK_STACK_H
#define SK_SNEK_STACK_H
#include "handle.h"

/* The zip with snek-api, which a stack's functions run: a file's, or (NULL) made
 * of what is installed. */
int sk_stack_code(const char *path, struct sk_buf *, struct snek_error *);
#endif
