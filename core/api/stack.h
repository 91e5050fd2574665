/* SPDX-License-Identifier: MIT */
/*
 * stack.h - the cluster of a stack's servers, which its functions are told of by
 * their environment: SNEK_SHARDS (URLs, commas between) and SNEK_LEVEL.  What
 * the stack got later is added by whichever function starts next; a server that
 * the environment does not name any more stays.
 */
#ifndef SK_API_STACK_H
#define SK_API_STACK_H
#include <snek/snek.h>

#include "base/err.h"

/* Make it, of these shards; 0 also where somebody else just did. */
int sk_api_stack_make(const char *meta, const char *shards, struct snek_error *);
/* Bring one that is opened, and is called so, to what the environment says.
 * *changed: it is to be opened anew. */
int sk_api_stack_keep_up(snek_cluster *, const char *where, bool *changed,
    struct snek_error *);
#endif
