/* SPDX-License-Identifier: MIT */
/*
 * result.h - what a job came to, pair by pair: its runs merged by key and
 * place as they are read, or put in order of values first.
 */
#ifndef SK_RESULT_H
#define SK_RESULT_H
#include "job/job.h"

struct sk_result;
int sk_result_open(struct snek_job *, struct sk_result **, struct snek_error *);
/* 1 and a pair, valid until the next call; 0 at the end. */
int sk_result_next(struct sk_result *, struct snek_value *key,
    struct snek_value *value, struct snek_error *);
void sk_result_close(struct sk_result *);
bool sk_result_is_reduced(const struct sk_result *);
#endif
