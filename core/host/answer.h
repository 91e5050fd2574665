/* SPDX-License-Identifier: MIT */
/* answer.h - replies as AWS words them, after the delay that was asked for. */
#ifndef SK_ANSWER_H
#define SK_ANSWER_H
#include "host/host.h"

/* Every answer to a client goes through here: it adds the request's id and
 * waits, --rtt-ms and late_us in all.  The reply is taken. */
void sk_answer(struct sk_host *, struct sk_request *, struct sk_reply *,
    int64_t late_us);

/* At the end: what waits is sent at once. */
void sk_answer_all(struct sk_host *);

/* A JSON body, taken; broken when memory ran out while it was written. */
void sk_answer_json(struct sk_host *, struct sk_request *, unsigned status,
    struct sk_buf *, bool complete);
void sk_answer_nothing(struct sk_host *, struct sk_request *, unsigned status);

/* An error of the REST API: its type, and words. */
__attribute__((format(printf, 5, 6)))
void sk_answer_error(struct sk_host *, struct sk_request *, unsigned status,
    const char *type, const char *fmt, ...);
/* 400 InvalidParameterValueException. */
__attribute__((format(printf, 3, 4)))
void sk_answer_invalid(struct sk_host *, struct sk_request *,
    const char *fmt, ...);
/* 429, with why. */
void sk_answer_throttled(struct sk_host *, struct sk_request *,
    const char *reason);
/* 500: memory or the machine. */
void sk_answer_failed(struct sk_host *, struct sk_request *,
    const struct snek_error *);

/* Append a string as JSON. */
bool sk_put_string(struct sk_buf *, const char *);
/* Append ,"name":"text" (without the comma behind a bracket). */
bool sk_put_member(struct sk_buf *, const char *name, const char *text);
bool sk_put_number(struct sk_buf *, const char *name, uint64_t);
#endif
