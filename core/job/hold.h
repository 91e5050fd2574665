/* SPDX-License-Identifier: MIT */
/*
 * hold.h - what committed tasks gave out, within bounds: past a budget, runs
 * move to temporary files, so a job holds little whatever its result's size.
 *
 * A large run has a file of its own.  Small ones, when there are many, become
 * one file for each partition, and so do files when there are too many.
 */
#ifndef SK_HOLD_H
#define SK_HOLD_H
#include "task/task.h"

struct sk_hold {
	uint64_t budget;                /* bytes of runs in memory, of which one
					 * that is no file counts ... */
	uint32_t weight;                /* ... so many times; 0: once ... */
	size_t memory;                  /* ... and for merging them into files */
	const char *tmp;
	bool sorted;                    /* runs of map tasks are */
	size_t most;                    /* files at once; 0: what is open may be
	                                 * half of what the process may have */
	uint32_t parts;
	struct sk_runs *part;           /* of map tasks, by partition */
	uint64_t held;
	size_t files;
};
/* The rest is set before.  SNEK_ENOMEM. */
int sk_hold_open(struct sk_hold *, uint32_t parts);
void sk_hold_close(struct sk_hold *);

/* Take over the runs of a map task; those kept elsewhere stay there.  SNEK_EIO:
 * no room for temporary files; what was taken over stays whole. */
int sk_hold_take(struct sk_hold *, struct sk_outcome *, struct snek_error *);
/* Take account of a run that stays where it is. */
int sk_hold_count(struct sk_hold *, struct sk_run *, struct snek_error *);
#endif
