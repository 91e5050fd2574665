/* SPDX-License-Identifier: MIT */
/*
 * members.h - the members of an object in the order of their names.
 *
 * Nothing is allocated, so that comparing cannot fail: each pass over the
 * object picks the next few names.
 */
#ifndef SK_MEMBERS_H
#define SK_MEMBERS_H
#include <snek/plugin.h>

#define SK_MEMBERS_BATCH 16

/* A member by its name; none, of none, or of what is no object: SNEK_NONE. */
struct snek_value sk_members_find(struct snek_value object, const char *name);

struct sk_members {
	struct snek_cursor whole;
	uint32_t n, i;
	struct snek_value last;         /* the name that was given out last */
	struct snek_value name[SK_MEMBERS_BATCH], value[SK_MEMBERS_BATCH];
};

/* SNEK_ETYPE when it is no object. */
int sk_members_sort(struct snek_value, struct sk_members *);
/* 1 and a member, 0 at the end, SNEK_EFORMAT.  Equal names keep their order. */
int sk_members_next(struct sk_members *, struct snek_value *name,
    struct snek_value *);

/* The bytes of two strings, the shorter first. */
int sk_bytes_compare(const void *, size_t, const void *, size_t);
#endif
