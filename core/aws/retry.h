/* SPDX-License-Identifier: MIT */
/*
 * retry.h - whether a call is tried again, and when: AWS's standard mode with
 * the numbers of November 2026.  Pure: clock and chance are arguments.
 */
#ifndef SK_RETRY_H
#define SK_RETRY_H
#include "aws/aws.h"

enum sk_retry { SK_RETRY_NO, SK_RETRY_TRANSIENT, SK_RETRY_THROTTLED };

enum sk_retry sk_retry_kind(const struct sk_aws_reply *);

/* Milliseconds until the next try.  tries: so far, from 1; chance: any 32
 * bits; after: what the answer asks for, or -1. */
int64_t sk_retry_delay(enum sk_retry, uint32_t tries, int64_t after,
    uint32_t chance);

/* Whether it was signed at a time that AWS does not accept; and how far AWS's
 * clock is ahead of now, in seconds. */
bool sk_retry_skew(const struct sk_aws_reply *, int64_t now, int64_t *ahead);
/* Whether the session that signed it has ended. */
bool sk_retry_expired(const struct sk_aws_reply *);

/* What all calls to one place may spend on tries beyond their first, so that
 * a service in need is not trampled.  A zeroed one is full. */
struct sk_quota {
	uint32_t spent;
};
bool sk_quota_take(struct sk_quota *, enum sk_retry);
/* A call was answered well; last: why it was tried again, if it was. */
void sk_quota_give(struct sk_quota *, enum sk_retry last);
#endif
