/* SPDX-License-Identifier: MIT */
/*
 * bad.h - records whose mapping fails or kills its process: left out and put
 * aside as far as the job allows, else kept for whoever looks into it.
 */
#ifndef SK_BAD_H
#define SK_BAD_H
#include "exec/exec.h"

struct sk_bad_list {
	struct sk_skip *skip;           /* by chunk and row */
	size_t n;
};
struct sk_bad {                         /* zeroed: none */
	struct sk_bad_list *task;       /* by map task */
	uint32_t tasks;
	uint64_t n;
	int aside;                      /* file of them; 0: none */
};

struct snek_job;
int sk_bad_open(struct snek_job *, struct snek_error *);
void sk_bad_close(struct sk_bad *);
/* The attempt failed because of one record.  1: it is left out from now on,
 * and the attempt may be tried again; 0: the failure stands, and its text may
 * say more now. */
int sk_bad_take(struct snek_job *, struct sk_exec_event *);
#endif
