/* SPDX-License-Identifier: MIT */
/* ldcache.h - /etc/ld.so.cache: where libraries lie, as ldconfig found them. */
#ifndef SK_LDCACHE_H
#define SK_LDCACHE_H
#include "base/buf.h"

/* The next path that it has for a library's name, or NULL; *i is 0 at first.
 * What is no cache has none.  Paths for certain processors alone are left out:
 * what they hold might not run elsewhere. */
const char *sk_ldcache_next(struct sk_span cache, const char *name, uint32_t *i);
#endif
