/* SPDX-License-Identifier: MIT */
/*
 * names.h - does an object have a name twice?
 *
 * One table of the names met so far serves object after object: each name
 * carries the number of the object that had it last, and remembers which name
 * followed it, so that records of one shape cost a comparison a name.
 */
#ifndef SK_NAMES_H
#define SK_NAMES_H
#include "base/arena.h"
#include "base/buf.h"

struct sk_name;
struct sk_names {               /* zeroed: empty */
	struct sk_name *name;   /* 0 and 1 stand before the first of an object */
	uint32_t n, cap;
	uint32_t *slot;         /* hash table of numbers into name; 0: free */
	uint32_t mask;
	uint32_t before, count; /* the name before; names of this object */
	uint64_t object, seed;
	struct sk_arena text;
};

void sk_names_free(struct sk_names *);
/* An object begins; the names of one before are forgotten. */
int sk_names_begin(struct sk_names *, bool nested);
/* 1: new, and copied.  0: given before, as number *first (from 0) since the
 * beginning.  SNEK_ENOMEM. */
int sk_names_add(struct sk_names *, const char *, uint32_t len,
    uint32_t *first);
#endif
