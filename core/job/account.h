/* SPDX-License-Identifier: MIT */
/*
 * account.h - where the records went: offered to committed attempts, left out,
 * or missing.  Nothing is answered unless that is all of them, each once.
 */
#ifndef SK_ACCOUNT_H
#define SK_ACCOUNT_H
#include "exec/exec.h"

struct snek_job;
/* Records that the job is over, whether they can be read or not. */
uint64_t sk_account_total(const struct snek_job *);
uint64_t sk_account_missing(const struct snek_job *);
/* An attempt ended well: was it offered its task's records?  A process that
 * says otherwise lies, and then it failed. */
void sk_account_check(struct snek_job *, struct sk_exec_event *);
/* It is its map task's now. */
void sk_account_add(struct snek_job *, const struct sk_outcome *);
/* Map is over: SNEK_EINTERNAL if the result would be wrong. */
int sk_account_conserve(struct snek_job *, struct snek_error *);
#endif
