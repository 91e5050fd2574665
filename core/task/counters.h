/* SPDX-License-Identifier: MIT */
/* counters.h - what ops count, by name. */
#ifndef SK_COUNTERS_H
#define SK_COUNTERS_H
#include "base/err.h"

#define SK_MAX_COUNTERS 256u
#define SK_MAX_COUNTER_NAME 128u

struct sk_counter {
	char *name;
	int64_t value;          /* stays at the ends of its range */
};

struct sk_counters {            /* zeroed: none */
	struct sk_counter *counter;     /* in the order they were first added to */
	uint32_t n;
	uint16_t slot[2 * SK_MAX_COUNTERS];     /* by hash: number + 1 */
};
/* SNEK_EINVAL (no name, or a long one), SNEK_ELIMIT (too many), SNEK_ENOMEM. */
int sk_counters_add(struct sk_counters *, const char *name, int64_t delta,
    struct snek_error *);
/* Back to none. */
void sk_counters_free(struct sk_counters *);
#endif
