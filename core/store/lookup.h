/* SPDX-License-Identifier: MIT */
/* lookup.h - names to addresses, in a thread of its own: the resolver blocks. */
#ifndef SK_LOOKUP_H
#define SK_LOOKUP_H
#include "base/err.h"

#include <netdb.h>

struct sk_lookup;

/* wake, an eventfd, is written to when it is done; it may be closed earlier. */
int sk_lookup_start(const char *host, const char *port, int wake,
    struct sk_lookup **, struct snek_error *);
/* 1: done, with the addresses (the caller's, for freeaddrinfo) or why not as
 * of gai_strerror; 0: under way. */
int sk_lookup_done(struct sk_lookup *, struct addrinfo **, int *why);
/* Whether it is done or not. */
void sk_lookup_drop(struct sk_lookup *);
#endif
