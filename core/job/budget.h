/* SPDX-License-Identifier: MIT */
/*
 * budget.h - a job's memory, divided.  Pure.
 *
 * What is divided is what snek itself takes: not what a plugin allocates, and
 * not pages of the store, which the system takes back when it wants them.
 */
#ifndef SK_BUDGET_H
#define SK_BUDGET_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SK_BUDGET_LEAST ((uint64_t)16 << 20)

struct sk_budget {
	uint32_t workers;       /* no more than it is enough for */
	size_t attempt;         /* what one attempt takes, at most */
	size_t hold;            /* runs of committed tasks that stay in memory */
	uint32_t weight;        /* how many times one is there that came in a
	                         * message */
	size_t result;          /* for merging results; as much for ordering */
	uint64_t record;        /* JSON of a record that is read, at most */
	uint64_t fetch;         /* chunks of a task, where they are fetched */
};
/* What records of that many bytes of JSON need. */
uint64_t sk_budget_for_record(uint64_t bytes);
/* all: bytes; limit: of one process, or 0.  workers: wanted, at least 1. */
void sk_budget_make(struct sk_budget *, uint64_t all, uint32_t workers,
    bool processes, uint64_t limit);
#endif
