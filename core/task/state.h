/* SPDX-License-Identifier: MIT */
/* state.h - aggregates as they lie in slots; for aggregate.c and state.c. */
#ifndef SK_STATE_H
#define SK_STATE_H
#include "task/aggregate.h"
#include "task/sum.h"

/* A count is an uint64_t; the least or greatest value is a struct snek_value
 * (NONE: nothing yet), what it points at in the table's arena. */
struct sk_sum_state {
	int64_t small;          /* a part of the sum */
	struct sk_sum *more;    /* the rest of it, in the arena, or NULL */
};
struct sk_mean_state {
	struct sk_sum_state sum;
	uint64_t n;
};

static inline uint32_t sk_state_kind(const struct sk_totals *t, uint32_t i)
{
	return t->reducer->aggregate[i].kind;
}

static inline void *sk_state(const struct sk_totals *t, const struct sk_slot *s,
    uint32_t i)
{
	return (uint64_t *)s->state + t->offset[i];
}

/* The part that small does not hold, made if need be; NULL: out of memory. */
struct sk_sum *sk_state_more(struct sk_totals *, struct sk_sum_state *);
/* The whole sum; it shares its wide form with the state. */
int sk_state_whole(struct sk_sum *, const struct sk_sum_state *,
    struct snek_error *);
/* Have the state keep v if it is less (max: greater) than what it keeps. */
int sk_state_extreme(struct sk_totals *, struct snek_value *, struct snek_value v,
    bool max, struct snek_error *);
/* The text for what sum.h returned, and for malformed bytes; the code. */
int sk_state_fail(int rc, struct snek_error *);
int sk_state_bad(struct snek_error *);
#endif
