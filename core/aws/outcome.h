/* SPDX-License-Identifier: MIT */
/* outcome.h - what an answer says of itself, and what to do about it. */
#ifndef SK_AWS_OUTCOME_H
#define SK_AWS_OUTCOME_H
#include "aws/aws.h"
#include "aws/http.h"

/* Takes the buffers. */
void sk_aws_outcome_read(struct sk_http_reply *, struct sk_aws_reply *);
/* Of its type alone; NULL. */
const char *sk_aws_outcome_cure(const struct sk_aws_reply *);
/* 0: a good answer; else the code for it, and the words. */
int sk_aws_outcome_judge(const struct sk_aws_request *,
    const struct sk_aws_reply *, struct snek_error *);
#endif
