/* SPDX-License-Identifier: MIT */
/* chance.h - faults on purpose, the same for the same seed. */
#ifndef SK_CHANCE_H
#define SK_CHANCE_H
#include <stdbool.h>
#include <stdint.h>

struct sk_random {
	uint64_t state;
};
void sk_random_seed(struct sk_random *, uint64_t seed);
double sk_random_unit(struct sk_random *);              /* [0, 1) */

/* Of 1. */
struct sk_chances {
	double fail, throttle, kill, duplicate, lose, late;
};
/* "5%" or "0.05"; false: it is neither, or not of 0 to 1. */
bool sk_chance_parse(const char *, double *);

/* What is to become of one invocation. */
struct sk_fate {
	bool fail, throttle, kill, duplicate, lose, late;
	double when;                    /* of kill and late, in [0, 1) */
};
/* Each call draws as often as any other, so that one chance does not change
 * what others come to. */
struct sk_fate sk_chance_draw(struct sk_random *, const struct sk_chances *);
#endif
