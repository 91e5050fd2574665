/* SPDX-License-Identifier: MIT */
#include "job/pace.h"

#ifndef SK_BUG
#define SK_BUG(name) 0
#endif

static uint64_t ramp(const struct sk_pace *p, int64_t now)
{
	uint64_t steps;

	if (!p->step || !p->step_ms || SK_BUG(ramp_is_ignored))
		return UINT64_MAX;
	steps = now > p->began ? (uint64_t)((now - p->began) / p->step_ms) : 0;
	return steps < UINT32_MAX ? (steps + 1) * p->step : UINT64_MAX;
}

uint32_t sk_pace_room(const struct sk_pace *p, int64_t now)
{
	uint64_t most = ramp(p, now);

	return p->cap < most ? p->cap : (uint32_t)most;
}

int64_t sk_pace_grows(const struct sk_pace *p, int64_t now)
{
	int64_t steps;

	if (ramp(p, now) >= p->cap)
		return 0;
	steps = now > p->began ? (now - p->began) / p->step_ms : 0;
	return p->began + (steps + 1) * p->step_ms;
}

void sk_pace_went_well(struct sk_pace *p)
{
	if (p->cap >= p->slots || ++p->credit < p->cap)
		return;
	p->cap++;
	p->credit = 0;
}

void sk_pace_throttled(struct sk_pace *p, uint64_t id, uint64_t newest)
{
	if (id <= p->cut || SK_BUG(throttle_keeps_cap))
		return;
	p->cut = newest;
	p->cap = p->cap > 1 ? p->cap / 2 : 1;
	p->credit = 0;
}
