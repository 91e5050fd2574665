/* SPDX-License-Identifier: MIT */
/* lambda.h - an attempt is one invocation of the function that its op was
 * bundled into. */
#ifndef SK_EXEC_LAMBDA_H
#define SK_EXEC_LAMBDA_H
#include "aws/aws.h"
#include "base/told.h"
#include "exec/worker.h"

#define SK_LAMBDA_ROOM 1000u            /* at once, where nobody says */
#define SK_LAMBDA_READY_MS 300000       /* as AWS's own waiters: 300 looks, one
                                         * a second */
#define SK_LAMBDA_A_CHUNK 192u          /* bytes that one takes beside its own */

struct sk_exec_lambda {                 /* texts are copied */
	const struct sk_aws_ops *aws;
	struct sk_aws *caller;          /* taken over, also on failure */
	struct sk_exec *local;          /* of the reduce stage; taken over, too */
	const char *name, *arn, *arch;
	const char *plugin_sha256;      /* that its bundle was made of */
	const char *job;                /* 32 hex digits that no other job has */
	uint32_t memory_mb, timeout_s;
	/* Runs that no answer carries are kept on the shard that the task's
	 * chunks are on, for so long; 0: they are not, and the task is to be
	 * smaller.  keep_all: all runs of map tasks are, and the reduce stage
	 * is elsewhere, too: local is NULL. */
	uint32_t keep_s;
	bool keep_all;
	bool quiet;                     /* what its invocations log is told
	                                 * nobody here: it is in their own log */
	const int *cancelled;           /* of ask; with __atomic; or NULL */
};
int sk_exec_lambda(const struct sk_exec_job *, const struct sk_exec_lambda *,
    struct sk_exec **, struct snek_error *);

/* Why Lambda did not run a function at all, where its status does not say what
 * comes of it. */
struct sk_lambda_refused {
	const char *type;               /* is in the error's name */
	int code;                       /* 0: it is waited for, which is no try */
	const char *cure;               /* or NULL */
};
/* NULL: as its status says. */
const struct sk_lambda_refused *sk_lambda_refused(const struct sk_aws_reply *);
/* Its code, and all of it in words. */
int sk_lambda_say_refused(const struct sk_lambda_refused *,
    const struct sk_aws_reply *, struct snek_error *);
/* Is it a queue, whatever says so? */
bool sk_lambda_is_waited_for(const struct sk_aws_reply *);

/* Let a failed attempt's message end with the last line that its invocation
 * logged and that it does not hold yet, if the answer has one. */
void sk_lambda_log(const struct sk_aws_reply *, struct snek_error *);

/* The path of its invocations; false: it does not fit. */
bool sk_lambda_path(const char *arn, char *to, size_t room);

/* What the job's op says of itself, opened with the job's arguments by its
 * Lambda, unless it was told (may be NULL) already; of the options aws, caller,
 * name, arn, plugin_sha256, job and cancelled are used, and nothing is taken
 * over.  A Lambda that is not ready is waited for, until the job's deadline and
 * SK_LAMBDA_READY_MS at most: SNEK_EAGAIN; SNEK_ECANCELED. */
int sk_lambda_ask(const struct sk_exec_job *, const struct sk_exec_lambda *,
    struct sk_told *, struct sk_opened *, struct snek_error *);

/* How many invocations the account and the function let in at once: what is
 * reserved for the function, or what the account has left for such as have
 * nothing.  Who may not ask is told SK_LAMBDA_ROOM, and why in doubt, whose code
 * is 0 otherwise.  SNEK_ENOENT: there is no such function; SNEK_ELIMIT: it is
 * barred; SNEK_ECANCELED. */
int sk_lambda_room(const struct sk_aws_ops *, struct sk_aws *,
    const char *name, const int *cancelled, uint32_t *room,
    struct snek_error *doubt, struct snek_error *);
#endif
