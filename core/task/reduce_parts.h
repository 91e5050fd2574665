/* SPDX-License-Identifier: MIT */
/* reduce_parts.h - a reduction at work; for reduce.c and reduce_many.c. */
#ifndef SK_REDUCE_PARTS_H
#define SK_REDUCE_PARTS_H
#include "task/aggregate.h"
#include "task/sink.h"
#include "task/sorter.h"

struct sk_reduction {
	const struct sk_reduce_options *o;
	struct sk_run *out;
	uint32_t count;
	struct sk_buf key, value;
	struct sk_totals totals;
	struct sk_slot *slot;           /* of the key, when they come in order */
	struct sk_sorter spilled;       /* states, or results of a reduce */
	uint64_t entries;               /* states that were added */
	bool looked, many;              /* many: a table is not worth it */
	size_t most;                    /* memory for what comes out */
};

/* Whether to go on. */
int sk_reduction_check(struct sk_reduction *);
/* What comes out is in memory with what it is made of. */
int sk_reduction_give(struct sk_reduction *, const struct sk_entry *,
    struct snek_error *);
/* What a slot came to, to what is given out; its states, to the sorted run that
 * is at work, which a cut ends.  They use value, not key. */
int sk_reduction_give_slot(struct sk_reduction *, struct sk_span key,
    const struct sk_slot *, struct snek_error *);
int sk_reduction_put_slot(struct sk_reduction *, struct sk_span key,
    const struct sk_slot *, struct snek_error *);
int sk_reduction_cut(struct sk_reduction *, struct snek_error *);

/* Aggregates of keys that have little in common: given out, or put off as sorted
 * runs of states where they are more than memory holds. */
int sk_reduction_many(struct sk_reduction *, const struct sk_run *const *runs,
    size_t n, struct snek_error *);
/* States that come in the order of their keys, to what is given out. */
int sk_reduction_give_put_off(struct sk_reduction *, sk_merge *,
    struct snek_error *);
#endif
