/* SPDX-License-Identifier: MIT */
/*
 * kept.h - runs that attempts elsewhere left on shards: fetched before their
 * attempt has finished, or handed on by name to attempts that reduce
 * elsewhere; and removed when the job is over.
 */
#ifndef SK_JOB_KEPT_H
#define SK_JOB_KEPT_H
#include "base/kept.h"
#include "exec/exec.h"

struct sk_left {
	struct sk_kept name;
	uint64_t bytes;
};
struct sk_job_kept {                    /* zeroed: nothing is kept */
	bool hand_on;                   /* runs of map tasks stay there */
	char job[33];                   /* whose they are, in hex */
	struct sk_left *left;
	size_t n, cap;
};

struct snek_job;
/* An attempt ended well: its runs are here then, but for those that are handed
 * on.  Worth another attempt, or not, as the code says. */
int sk_job_kept_take(struct snek_job *, uint32_t stage, struct sk_outcome *,
    struct snek_error *);
/* Nobody reads them any more: what is known of is removed, if it can be; what
 * is not goes by itself. */
void sk_job_kept_drop(struct snek_job *);
void sk_job_kept_close(struct sk_job_kept *);
#endif
