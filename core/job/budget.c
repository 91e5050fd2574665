/* SPDX-License-Identifier: MIT */
/*
 * Of eight parts, five are the attempts', two the coordinator's, and one is
 * for what nobody counts.  While results are merged no attempt runs.
 *
 * What a child says in a message is in memory four times for a moment (as it is
 * sent, as it came, as runs, and on its way to a reducing child); a file in memory,
 * which is handed from one to the other, once.
 */
#include "job/budget.h"

#define RECORD 8u               /* as much of a record's bytes while it is read */
#define LEAST_ATTEMPT ((uint64_t)2 << 20)
#define MOST_ATTEMPT ((uint64_t)4 << 30)

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t sk_budget_for_record(uint64_t bytes)
{
	return bytes > UINT64_MAX / RECORD ? UINT64_MAX : bytes * RECORD;
}

void sk_budget_make(struct sk_budget *b, uint64_t all, uint32_t workers,
    bool processes, uint64_t limit)
{
	uint64_t attempts = all / 8 * 5, most = MOST_ATTEMPT;

	if (attempts / workers < LEAST_ATTEMPT)
		workers = (uint32_t)(attempts / LEAST_ATTEMPT);
	b->workers = workers ? workers : 1;
	if (processes && limit)         /* the plugin's memory is within it, too */
		most = least(most, limit / 2);
	b->attempt = least(attempts / b->workers, most);
	b->hold = all / 4;
	b->weight = processes ? 4 : 1;
	b->result = all / 4;
	b->record = all / RECORD;
	b->fetch = b->attempt / 4;
}
