/* SPDX-License-Identifier: MIT */
/*
 * pace.h - how many attempts may run at once: the slots; fewer after
 * throttling, until it goes well again; and at first no more than a ramp
 * allows.  Pure.
 */
#ifndef SK_PACE_H
#define SK_PACE_H
#include "base/err.h"

struct sk_pace {
	uint32_t slots, cap;
	uint32_t credit;                /* that went well under the cap */
	uint64_t cut;                   /* attempts up to this id are accounted for */
	/* step at first, and as many more after each step_ms; 0: all */
	uint32_t step;
	int64_t step_ms, began;
};
/* How many may run at the time. */
uint32_t sk_pace_room(const struct sk_pace *, int64_t now);
/* When there will be more by themselves; 0: never. */
int64_t sk_pace_grows(const struct sk_pace *, int64_t now);
/* An attempt was let in, and ended. */
void sk_pace_went_well(struct sk_pace *);
/* An attempt was not let in; newest is the id of the last one started.  The
 * cap is halved once for all attempts that were started under it. */
void sk_pace_throttled(struct sk_pace *, uint64_t id, uint64_t newest);
#endif
