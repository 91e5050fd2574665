/* SPDX-License-Identifier: MIT */
/*
 * journal.h - a job whose tasks outlive its coordinator: what each came to is
 * written into a journal (store/journal.h) as it is committed, and read back by
 * whoever goes on.
 *
 * Items: "plan" and a number N, the plan that tasks belong to, as a digest;
 * "m" N "x" T and "r" N "x" T, what map and reduce task T came to, as a parcel.
 * If the category has been written to or compacted since, the plan is another,
 * and the job begins anew under the number of its own token.
 */
#ifndef SK_JOB_JOURNAL_H
#define SK_JOB_JOURNAL_H
#include "job/sched.h"
#include "store/journal.h"
#include "task/task.h"

struct snek_job;
struct sk_job_journal {
	struct sk_journal *store;       /* NULL: the job keeps nothing */
	char id[SK_JOB_ID];
	uint64_t token;                 /* of us, who have claimed it */
	uint64_t plan;                  /* N */
	uint32_t recalled;              /* tasks that were there already */
};
/* Before the start: the store must outlive the job. */
void sk_job_keep(struct snek_job *, struct sk_journal *, const char *id,
    uint64_t token);
/* Prepared, not begun: restore is called for each task that is there, and takes
 * the outcome. */
int sk_job_recall(struct snek_job *, void (*restore)(struct snek_job *,
    struct sk_task_id, struct sk_outcome *), struct snek_error *);
/* SNEK_ECONFLICT: another coordinates the job. */
int sk_job_record(struct snek_job *, struct sk_task_id,
    const struct sk_outcome *, struct snek_error *);
#endif
