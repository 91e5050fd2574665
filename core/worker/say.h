/* SPDX-License-Identifier: MIT */
/*
 * say.h - what a function says while it runs: its own lines, its op's, and what
 * the op prints.  Each is a JSON object on a line of the log, with whom it is
 * of; the op's go into the answer too.
 *
 * What is printed goes to a file in memory of a fixed size, so that it is
 * bounded whatever a plugin does, and is looked at when the attempt is over.
 */
#ifndef SK_WORKER_SAY_H
#define SK_WORKER_SAY_H
#include "exec/event.h"

struct sk_say {                         /* zeroed */
	int log;                        /* 0: not opened */
	int prints;                     /* what 1 and 2 lead to */
	const char *request;
	const struct sk_event_id *id;
	struct sk_put kept;             /* for the answer */
	size_t taken;                   /* bytes of the op's lines */
	struct sk_buf line;
};

/* Descriptors 1 and 2 are ours from here on; SNEK_EIO. */
int sk_say_open(struct sk_say *, struct snek_error *);
void sk_say_close(struct sk_say *);
/* Whose lines come next; both stay the caller's. */
void sk_say_begin(struct sk_say *, const char *request,
    const struct sk_event_id *);
/* A line of ours, for the log alone. */
__attribute__((format(printf, 3, 4)))
void sk_say(struct sk_say *, int level, const char *fmt, ...);
/* A line of the op's. */
void sk_say_op(struct sk_say *, int level, bool printed, const char *text);
/* Whatever was printed since. */
void sk_say_prints(struct sk_say *);
/* The same as the last thing of a process: for a signal handler. */
void sk_say_last(const struct sk_say *);
#endif
