/* SPDX-License-Identifier: MIT */
/* lambda_holder.h - a Lambda in a process of its own, that runs nothing: it holds
 * invocations open together, and answers all of them after a time. */
#ifndef LAMBDA_HOLDER_H
#define LAMBDA_HOLDER_H
#include <stdint.h>
#include <sys/types.h>

/* What it saw; in memory that both see. */
struct lambda_holder_seen {
	uint32_t calls, open, peak;     /* open: connections with a call */
	int64_t first, last;            /* us, when calls came in */
};

struct lambda_holder {
	pid_t pid;
	char url[64];
	const struct lambda_holder_seen *seen;
};
/* Answers when so many are held, or no more have come for a second, after so
 * many ms.  done: what every answer says after '"answer":', JSON. */
void lambda_holder_start(struct lambda_holder *, uint32_t hold, uint32_t ms,
    const char *done);
void lambda_holder_stop(struct lambda_holder *);
#endif
