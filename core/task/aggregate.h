/* SPDX-License-Identifier: MIT */
/* aggregate.h - a table of keys with the aggregates of their values. */
#ifndef SK_AGGREGATE_H
#define SK_AGGREGATE_H
#include "base/err.h"
#include "task/reducer.h"
#include "task/table.h"

struct sk_totals {
	const struct sk_reducer *reducer;       /* AGGREGATED; outlives this */
	uint32_t offset[SK_MAX_AGGREGATES];     /* words into the slot's state */
	struct sk_table table;
	size_t heap;                    /* bytes beside the table's */
	struct sk_buf scratch;
};
int sk_totals_init(struct sk_totals *, const struct sk_reducer *,
    struct snek_error *);
void sk_totals_free(struct sk_totals *);
void sk_totals_reset(struct sk_totals *);

static inline size_t sk_totals_bytes(const struct sk_totals *t)
{
	return sk_table_bytes(&t->table) + t->heap;
}

/* The slot of a key.  One table is asked for values or for bytes of key.h,
 * never both: their whole numbers have different tags. */
int sk_totals_at(struct sk_totals *, struct snek_value key, struct sk_slot **,
    struct snek_error *);
int sk_totals_at_bytes(struct sk_totals *, struct sk_span key, struct sk_slot **,
    struct snek_error *);

/* Whether aggregate i takes the value: SNEK_EINVAL for NONE, NaN and infinity,
 * SNEK_ETYPE for what is no number where one is needed. */
int sk_totals_check(const struct sk_totals *, uint32_t i, struct snek_value,
    struct snek_error *);
/* Add a checked value.  The first word of a count or sum is an int64_t that
 * whoever is in a hurry may add to, as long as it does not overflow. */
int sk_totals_add(struct sk_totals *, struct sk_slot *, uint32_t i,
    struct snek_value, struct snek_error *);

/* The short way of the first aggregate, which is a sum; false: it was not
 * possible, and nothing was added. */
bool sk_totals_add_quickly(struct sk_totals *, struct sk_slot *,
    struct snek_value);

/* All states of a slot as bytes, and bytes added to a slot's states. */
int sk_totals_put(struct sk_totals *, const struct sk_slot *, struct sk_buf *,
    struct snek_error *);
int sk_totals_merge(struct sk_totals *, struct sk_slot *, struct sk_span,
    struct snek_error *);
/* What the slot's values came to, as msgpack. */
int sk_totals_pack(struct sk_totals *, const struct sk_slot *, struct sk_buf *,
    struct snek_error *);
#endif
