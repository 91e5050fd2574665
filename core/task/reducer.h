/* SPDX-License-Identifier: MIT */
/* reducer.h - what becomes of emitted pairs, and the built-in reducers by name. */
#ifndef SK_REDUCER_H
#define SK_REDUCER_H
#include "base/err.h"
#include <snek/plugin.h>

/*
 * What the aggregates of a key come to:
 *
 *   sum    exact; of integers an integer, as soon as a double is among them
 *          a double; of nothing 0
 *   count  how many values, null too; of nothing 0
 *   mean   a double; of nothing there is none
 *   min    any type, in the order of keys, in the form of a key (1.0 is 1,
 *   max    members sorted by name); of nothing there is none
 *
 * A row's value that is SNEK_NONE adds to none of them, and null to count
 * alone.
 */
#define SK_MAX_AGGREGATES 64u
#define SK_TOP_DEFAULT 10u

enum sk_reduce_kind {
	SK_LISTED,              /* pairs in order of key, then place */
	SK_AGGREGATED,          /* a key has n aggregates; exact, order-free */
	SK_GROUPED,             /* a function sees all values of a key, in order */
};
enum sk_group_kind {
	SK_GROUP_LIST, SK_GROUP_TOP,
	SK_GROUP_OP,            /* the op's reduce, its combine before it */
	SK_GROUP_OP_ALONE,      /* ... and its combine left out */
};

struct sk_aggregate_spec {
	char *name;             /* member of the result; NULL: the value itself */
	uint32_t kind;          /* enum snek_aggregate */
};

struct sk_reducer {
	uint32_t kind;          /* enum sk_reduce_kind */
	uint32_t n;             /* AGGREGATED */
	struct sk_aggregate_spec aggregate[SK_MAX_AGGREGATES];
	uint32_t group;         /* GROUPED: enum sk_group_kind */
	uint32_t top;           /* how many */
};

/* "none", "sum", "count", "min", "max", "mean", "list", "top", "top=N".
 * SNEK_ENOENT without text: no built-in of that name. */
int sk_reducer_parse(struct sk_reducer *, const char *text, struct snek_error *);
void sk_reducer_free(struct sk_reducer *);
/* Names for messages: "sum, count, min, max, mean, list, top, top=N, none". */
const char *sk_reducer_names(void);
#endif
