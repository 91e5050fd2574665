/* SPDX-License-Identifier: MIT */
/* pull.h - the chunks of one task on their way into a file in memory. */
#ifndef SK_WORKER_PULL_H
#define SK_WORKER_PULL_H
#include "exec/wire.h"
#include "worker/source.h"

struct sk_pull {
	struct sk_pull *next;
	uint64_t id;                    /* of the task */
	const struct sk_want *want;
	struct sk_pulled {
		struct sk_pull *pull;
		struct sk_wire_fetch from;
		uint64_t offset, bytes;
	} *chunk;
	uint32_t n, begun, pending;
	bool cancelled;                 /* nobody wants it */
	int rc;                         /* of the first that failed: */
	uint32_t failed;                /* which of the attempt's */
	struct snek_error error;
	int fd;
	char *map;
	size_t used, cap;
};

/* Reads the request.  SNEK_EFORMAT, SNEK_ENOMEM. */
int sk_pull_new(uint64_t id, struct sk_get *, const struct sk_want *,
    struct sk_pull **);
/* Nothing of it may be under way. */
void sk_pull_free(struct sk_pull *);
/* Begin as many chunks as may be under way. */
void sk_pull_more(struct sk_pull *, struct sk_source *);
/* Nothing is under way, nothing is left to begin. */
bool sk_pull_ended(const struct sk_pull *);
/* It ended: the answer.  Its file is what cannot change any more. */
int sk_pull_answer(struct sk_pull *, struct sk_message *);
#endif
