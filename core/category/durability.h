/* SPDX-License-Identifier: MIT */
/*
 * durability.h - what a write survives: what is asked for, what the servers can
 * be shown to give, and what is therefore promised.
 *
 *   memory        nothing: who acknowledged it may forget it
 *   process       the end of any process
 *   machine       power loss
 *   replicated=N  the loss of any machine: N more servers have it in memory
 */
#ifndef SK_DURABILITY_H
#define SK_DURABILITY_H
#include "category/catalog.h"

#ifdef SK_FAULTS
extern int sk_durability_ms;            /* for the meta store's replicas */
#endif

struct sk_promise {
	enum sk_durability level;       /* UNKNOWN: the strongest there is */
	uint32_t replicas;              /* for REPLICATED; else 0 */
};

#define SK_PROMISE_REPLICAS 64u         /* that may be asked for */
#define SK_PROMISE_TEXT 16

/* SNEK_EINVAL says what there is. */
int sk_promise_parse(const char *, struct sk_promise *, struct snek_error *);
void sk_promise_print(struct sk_promise, char out[SK_PROMISE_TEXT]);

/*
 * What a write to the category reaches, at the weakest of the meta store and
 * the shards of its placement; at least what is wanted, or SNEK_EINVAL with the
 * server and why.  A directory gives machine.  Servers are asked once a minute
 * at most, all at once.
 */
int sk_durability_agree(struct sk_catalog *, const struct sk_meta_category *,
    struct sk_promise wanted, struct sk_promise *reach, struct snek_error *);
/* Ask anew the next time: a server did not keep what it was taken to promise. */
void sk_durability_forget(struct sk_catalog *);
/* Wait until a committed write is on so many replicas, of the meta store and,
 * if it is a repeat, of the shards. */
int sk_durability_replicate(struct sk_catalog *,
    const struct sk_meta_category *, const struct sk_meta_receipt *,
    uint32_t replicas, struct snek_error *);
#endif
