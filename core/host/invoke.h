/* SPDX-License-Identifier: MIT */
/* invoke.h - one invocation, from its request to its reply. */
#ifndef SK_INVOKE_H
#define SK_INVOKE_H
#include "host/environment.h"

struct sk_payload {
	unsigned refs;
	struct sk_buf bytes;
};

struct sk_invocation {
	struct sk_invocation *next, *previous;  /* asynchronous ones */
	struct sk_host *host;
	struct sk_request *request;     /* NULL: nobody waits */
	struct sk_version *version;
	struct sk_payload *payload;
	struct sk_environment *environment;
	struct sk_fate fate;
	struct sk_timer timer;          /* another try; the end of a killed one */
	char id[37], trace[80], qualifier[129];
	char *context;                  /* X-Amz-Client-Context, or NULL */
	bool event, tail, shadow, pooled;
	uint32_t tries;                 /* of an event that failed */
	uint32_t waits;                 /* of an event that was throttled */
	int64_t given_us, deadline_ms;  /* deadline: since 1970 */
	struct sk_buf log;              /* while it runs */
};

/* The operation Invoke. */
void sk_invoke(struct sk_host *, struct sk_request *, struct sk_function *,
    const char *qualifier);

/* What was invoked, with its qualifier. */
void sk_invocation_arn(const struct sk_invocation *, char *to, size_t n);

/* It was given to its environment just now. */
void sk_invocation_begun(struct sk_invocation *);
/* It has ended: the environment is done with it.  error: NULL, or what
 * X-Amz-Function-Error says.  The body is taken. */
void sk_invocation_ended(struct sk_invocation *, struct sk_buf *body,
    const char *error);
/* Its environment ended before it had it: another is to take it. */
void sk_invocation_again(struct sk_invocation *);
/* As ended, for what the host says of a failure; type ServiceException: it
 * was not the function's. */
void sk_invocation_failed(struct sk_invocation *, const char *type,
    const char *text);
/* A line of its environment's output, or of the host about it. */
void sk_invocation_log(struct sk_invocation *, const char *, size_t);

/* At the end: what waits for another try is forgotten. */
void sk_invoke_end_all(struct sk_host *);
#endif
