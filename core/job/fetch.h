/* SPDX-License-Identifier: MIT */
/*
 * fetch.h - chunks of a job that are not mapped: which columns of them are
 * read, and how an executor, or the job itself, comes by their bytes.
 */
#ifndef SK_JOB_FETCH_H
#define SK_JOB_FETCH_H
#include "exec/exec.h"

struct sk_job_fetch {                   /* zeroed: all is mapped */
	struct sk_buf names, source;
	struct sk_span *column;
	size_t columns;
	bool whole;
};

struct snek_job;
bool sk_job_fetch_any(const struct snek_job *);
/* If any chunk has no bytes: tell the executor's description all about it. */
int sk_job_fetch_open(struct snek_job *, struct snek_error *);
void sk_job_fetch_close(struct sk_job_fetch *);
/* Bytes of one of the job's chunks, whole; free what is held with
 * sk_job_fetch_release (NULL: nothing is). */
int sk_job_fetch_whole(struct snek_job *, const struct sk_task_chunk *,
    struct sk_span *, void **held, struct snek_error *);
void sk_job_fetch_release(void *held);
#endif
