/* SPDX-License-Identifier: MIT */
/*
 * logs.h - CloudWatch Logs: groups by how they begin, the events of one, and of
 * several in the order of time, as they come.
 *
 *   logs.c          calls, page by page
 *   logs_tail.c     several groups, and again and again
 *   logs_group.c    one is made, and removed
 */
#ifndef SK_AWS_LOGS_H
#define SK_AWS_LOGS_H
#include "aws/stack.h"

struct sk_log_event {                   /* until the visit returns */
	int64_t ms;                     /* since 1970 */
	const char *group, *id, *stream;
	struct sk_span text;            /* without line ends behind it; a NUL
					 * follows */
};

struct sk_logs {
	const char *const *group;
	size_t groups;
	const char *filter;             /* CloudWatch's pattern; NULL: all */
	int64_t since_ms;
	bool follow;                    /* until watch.waits says otherwise */
	struct sk_stack_watch watch;    /* pause_ms: between looks, when
					 * following; 0: 1 s */
	int (*event)(void *, const struct sk_log_event *);
	void *arg;
};

/* One group's events since then, in order.  SNEK_ENOENT: no such group; with a
 * text.  The values of visit that are not 0 end it. */
int sk_logs_read(struct sk_aws *, const struct sk_logs *, const char *group,
    int64_t since_ms, int (*visit)(void *, const struct sk_log_event *), void *,
    struct snek_error *);
/* The names of all groups that begin so. */
int sk_logs_groups(struct sk_aws *, const char *prefix,
    int (*visit)(void *, const char *name), void *, struct snek_error *);
/* Make a function's, if there is none, whose events are kept so many days (0:
 * 14), with the tag snek:stack; remove it, if there is one. */
int sk_logs_group_make(struct sk_aws *, const char *function, const char *stack,
    uint32_t days, struct snek_error *);
int sk_logs_group_remove(struct sk_aws *, const char *function,
    struct snek_error *);
/* All groups' events in the order of time, each once.  Groups that are not
 * there are passed over, unless none is and nothing is followed. */
int sk_logs_tail(struct sk_aws *, const struct sk_logs *, struct snek_error *);
#endif
