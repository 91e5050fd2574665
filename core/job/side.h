/* SPDX-License-Identifier: MIT */
/*
 * side.h - the side inputs of a job: each a category as it is when the job
 * begins, a file, or records that came with the job, in chunks in an unlinked
 * temporary file that every process of the job maps.
 */
#ifndef SK_JOB_SIDE_H
#define SK_JOB_SIDE_H
#include "exec/exec.h"
#include "job/spool.h"

#define SK_MOST_SIDES 64u

struct sk_job_side {
	char *name, *from;              /* from NULL: text */
	struct sk_buf text;             /* one array of records */
	struct sk_spool spool;
	struct sk_task_chunk *chunk;
};
struct sk_job_sides {
	struct sk_job_side *side;
	size_t n;
	struct sk_side_input *input;    /* once they are open */
	struct sk_exec_side *file;
};

struct snek_job;
/* from: a category, or with '/' (or without a cluster) a file, of JSON lines
 * unless its name says otherwise.  SNEK_EINVAL. */
int sk_job_side_add(struct snek_job *, const char *name, const char *from,
    struct snek_error *);
/* The records themselves, as the text of one array, which is copied. */
int sk_job_side_add_text(struct snek_job *, const char *name, struct sk_span,
    struct snek_error *);
void sk_job_side_forget(struct sk_job_sides *);
/* Read them; the executor's description has them then. */
int sk_job_side_open(struct snek_job *, struct snek_error *);
void sk_job_side_close(struct sk_job_sides *);
#endif
