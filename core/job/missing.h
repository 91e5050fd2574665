/* SPDX-License-Identifier: MIT */
/*
 * missing.h - what a job that keeps going has no answer for: segments that
 * could not be opened, tasks that failed for good.  The list is exact: with
 * what committed attempts were offered it makes up the snapshot.
 */
#ifndef SK_MISSING_H
#define SK_MISSING_H
#include <snek/snek.h>

#include "job/sched.h"

struct sk_missing {                     /* zeroed: nothing can be missing */
	struct snek_error *why;         /* newest failure, by task: maps, then
	                                 * reduces */
	bool *gone;
	uint32_t maps;                  /* that there may be */
	uint32_t tasks;                 /* that are gone */
	uint64_t records;               /* of maps that are */
};

struct snek_job;
int sk_missing_open(struct snek_job *, struct snek_error *);
void sk_missing_close(struct sk_missing *);
/* An attempt of the task failed. */
void sk_missing_note(struct sk_missing *, struct sk_task_id,
    const struct snek_error *);
/* It was the last one. */
void sk_missing_take(struct snek_job *, struct sk_task_id);
/* Is anything missing? */
bool sk_missing_any(const struct snek_job *);
/* The list, when the job is done (SNEK_EINVAL): what the snapshot lacks, then
 * by task, each range of places once. */
int sk_job_missing(struct snek_job *,
    int (*visit)(void *, const struct snek_missing *), void *);
#endif
