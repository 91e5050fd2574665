/* SPDX-License-Identifier: MIT */
/*
 * runtime.h - Lambda's Runtime API: the next invocation, and its answer, over
 * one connection to a server on this machine.
 *
 * The environment may be frozen at any time between, for hours: the next
 * invocation is waited for without an end, and a connection that did not
 * survive is made again.
 */
#ifndef SK_WORKER_RUNTIME_H
#define SK_WORKER_RUNTIME_H
#include "base/buf.h"
#include "base/err.h"

#define SK_RUNTIME_ID 128u

struct sk_invocation {
	char id[SK_RUNTIME_ID];         /* fit for a path and a log */
	int64_t left_ms;                /* until it is ended from outside; -1:
					 * not said */
	struct sk_span event;           /* until the next call */
};

typedef struct sk_runtime sk_runtime;
/* api: host:port.  max: bytes of an event.  No word is said yet.  SNEK_EINVAL,
 * SNEK_ENOMEM. */
int sk_runtime_open(const char *api, size_t max, sk_runtime **,
    struct snek_error *);
void sk_runtime_close(sk_runtime *);

/* 0: an invocation, whose trace is $_X_AMZN_TRACE_ID.  SNEK_ELIMIT,
 * SNEK_EFORMAT: what came is no event to take, and its id, if it has one, says
 * who is to be told.  SNEK_EIO: there is nobody to ask any more. */
int sk_runtime_next(sk_runtime *, struct sk_invocation *, struct snek_error *);
/* Its answer, or its error.  SNEK_EINVAL: it was refused, which ends nothing
 * (answered before, unknown, too large); SNEK_EIO. */
int sk_runtime_answer(sk_runtime *, const char *id, bool failed, struct sk_span,
    struct snek_error *);
/* It will never ask for one. */
int sk_runtime_never(sk_runtime *, struct sk_span, struct snek_error *);

/* An error as the last thing of a process: nothing is allocated, no lock is
 * taken, so a signal handler may do this.  Between next and answer. */
void sk_runtime_last(sk_runtime *, const char *id, struct sk_span);
#endif
