/* SPDX-License-Identifier: MIT */
/*
 * away.h - attempts that are calls over HTTP: many under way in one loop of
 * one thread.  What is asked, and what an answer means, is its kind's to say
 * (lambda.c, http.c): an attempt is one call or several, one after the other.
 * Attempts of a stage that stays here go to another executor.
 */
#ifndef SK_AWAY_H
#define SK_AWAY_H
#include "aws/aws.h"
#include "exec/exec.h"

struct sk_away;
struct sk_away_item {
	struct sk_away *x;
	struct sk_away_item *next, *prev;
	struct sk_attempt attempt;
	struct sk_aws_call *call;       /* under way */
	int64_t began;                  /* that call */
	bool kept_out;                  /* it was not let in */
	struct sk_buf body;             /* of it: the kind's, kept for the next */
	struct sk_aws_reply reply;      /* of it, once it has come */
	void *own;                      /* the kind's */
	struct sk_exec_event event;     /* what the attempt comes to */
};

struct sk_away_kind {
	/* The next call of an attempt, 0; 1: there is none, and it has ended as
	 * its event says; less than 0: it fails with this code. */
	int (*ask)(struct sk_away_item *, struct sk_aws_request *,
	    struct snek_error *);
	/* What the answer, or that there is none, means.  1: there is more to
	 * ask; 0: the attempt has ended as its event says. */
	int (*hear)(struct sk_away_item *);
	void (*drop)(struct sk_away_item *);  /* free what is its own */
	void (*close)(struct sk_away *);
};

struct sk_away {                      /* an executor; the first of a kind's */
	struct sk_exec exec;
	const struct sk_away_kind *kind;
	struct sk_exec_job job;
	const struct sk_aws_ops *aws;
	struct sk_aws *caller;
	struct sk_exec *local;          /* of reduce attempts; NULL: none */
	const char *what;               /* that is called, for messages */
	int64_t longest_ms;             /* that a call may take over there */
	struct sk_away_item *under_way, *heard, **heard_end, *done, **done_end;
	uint32_t calls;                 /* under way */
	uint32_t here;                  /* attempts in local */
	struct sk_exec_stat stat;
	int64_t let_in;                 /* when one was let in last */
	int64_t last;                   /* when the last one begun must be over */
	int64_t *lost;                  /* until when they may still be running */
	size_t losts, lost_cap;
};

/* What a kind sets before: kind, job, aws, caller, local, what, longest_ms; all
 * of them are its from here on, and so is the struct, which is freed. */
void sk_away_open(struct sk_away *);
/* It ends as an attempt that failed. */
__attribute__((format(printf, 3, 4)))
int sk_away_fail(struct sk_away_item *, int code, const char *fmt, ...);
/* For hear: the call was not let in; the attempt waits, or fails when nothing
 * has been let in for too long. */
int sk_away_throttled(struct sk_away_item *);
/* For hear: there is no answer, or one that is no success: the attempt has
 * ended so.  what_denied: what the caller must be allowed to do. */
int sk_away_refused(struct sk_away_item *, const char *cure_of_missing,
    const char *cure_of_denied);
#endif
