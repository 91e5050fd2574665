/* SPDX-License-Identifier: MIT */
/*
 * ordered.h - pairs put in order of their values, or of what lies at a path in
 * them (null where there is nothing), ties by the order they came in; with a
 * limit only so many are ever held.
 */
#ifndef SK_ORDERED_H
#define SK_ORDERED_H
#include "base/arena.h"
#include "base/err.h"
#include "task/run.h"
#include "value/value.h"

struct sk_ordered_pair {
	struct sk_span rank;            /* the value as a key */
	struct sk_span key, value;
	uint64_t seq;
};
struct sk_ordered {
	struct sk_arena arena;
	struct sk_ordered_pair *pair;
	size_t n, cap, next;
	uint64_t limit, seq;
	bool down;                      /* largest first */
	const struct sk_path *path;     /* in the value; NULL: the value itself */
};

/* Copies the entry. */
int sk_ordered_add(struct sk_ordered *, const struct sk_entry *, struct snek_error *);
/* Put all in order; then read pair[0] to pair[n - 1]. */
void sk_ordered_end(struct sk_ordered *);
void sk_ordered_free(struct sk_ordered *);
#endif
