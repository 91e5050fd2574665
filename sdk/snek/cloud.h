/* SPDX-License-Identifier: MIT */
/* snek/cloud.h - what goes on at AWS; part of snek/snek.h, which includes
 * it. */
#ifndef SNEK_CLOUD_H
#define SNEK_CLOUD_H

#include <snek/snek.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A line that a function logged; lives until the visit returns. */
struct snek_log_line {
	size_t size;
	int64_t ms;                     /* since 1970 */
	const char *function;           /* its name at AWS */
	const char *stream, *id;        /* where in its log; no other line's */
	const char *text;               /* as it was logged */
	/* Of a line that snek's own functions write; NULL and -1: not said. */
	const char *level, *message, *request_id, *job;
	int64_t stage, task, attempt;
};
/* NULL and 0: the default. */
struct snek_log_options {
	size_t size;
	const char *function;           /* of the cluster; of its stack: "write",
	                                 * "query", "find", "coordinator",
	                                 * "api"; a log group's name, with its
	                                 * '/'; NULL: all */
	/* As the cluster's profile, then the environment, says. */
	const char *stack, *region, *aws_profile, *endpoint;
	int64_t since_ms;               /* since 1970; 0: of the last half hour */
	const char *job;                /* its id, or how that begins */
	bool has_task;
	uint32_t task;
	bool follow;                    /* until waits says otherwise */
	/* Now and then while nothing comes; other than 0 ends it with that.  May
	 * be NULL. */
	int (*waits)(void *arg);
	void *arg;                      /* of waits and visit */
};
/* Visit what functions of a cluster (as for snek_cluster_open) logged, in the
 * order of time, each line once.  SNEK_ENOENT: there is no such function, or
 * none that ever logged anything. */
SNEK_API int snek_logs(const char *where, const struct snek_log_options *,
             int (*visit)(void *arg, const struct snek_log_line *),
             struct snek_error *);

#ifdef __cplusplus
}
#endif
#endif
