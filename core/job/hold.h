/* SPDX-License-Identifier: MIT */
/*
 * hold.h - what committed tasks gave out, within bounds: past a budget, runs
 * move to temporary files, so a job holds little whatever its result's size.
 */
#ifndef SK_HOLD_H
#define SK_HOLD_H
#include "task/task.h"

struct sk_hold {
	uint64_t held, budget;          /* bytes of runs in memory */
	const char *tmp;
};

/* Take account of an outcome, spilling its runs where they exceed the budget.
 * SNEK_EIO: no room for temporary files; the outcome is as it was. */
int sk_hold_add(struct sk_hold *, struct sk_outcome *, struct snek_error *);
#endif
