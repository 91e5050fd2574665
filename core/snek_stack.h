/* SPDX-License-Identifier: MIT */
/* snek_stack.h - between snek_stack*.c, and which stack a profile means. */
#ifndef SK_SNEK_STACK_H
#define SK_SNEK_STACK_H
#include "handle.h"
#include "category/profile.h"

/* The zip with snek-api, which a stack's functions run: a file's, or (NULL) made
 * of what is installed. */
int sk_stack_code(const char *path, struct sk_buf *, struct snek_error *);
/* given (or NULL), else what the profile says, else its name where its cluster
 * is an API at AWS; "": none.  where: how the user called it. */
void sk_stack_of(const struct sk_profile *, const char *where,
    const char *given, char name[40]);
#endif
