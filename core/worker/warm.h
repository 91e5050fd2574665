/* SPDX-License-Identifier: MIT */
/*
 * warm.h - what a function keeps from one invocation to the next, so that the
 * next of the same job need not do it again: the job's op, opened; and who its
 * shards are, with connections to them.  Whatever is kept is compared with what
 * the event says.
 */
#ifndef SK_WORKER_WARM_H
#define SK_WORKER_WARM_H
#include "exec/event.h"
#include "store/shard.h"
#include "worker/attempt.h"
#include "worker/source.h"

#define SK_WARM_IDLE_S 240      /* connections that were idle for longer may be
				 * dead without a sign of it */

/* What addresses lack: the function's own, or NULL. */
struct sk_access {
	char *user, *password, *ca_file, *cert_file, *key_file;
};

struct sk_warm {                        /* zeroed, but for attempts' first part */
	struct sk_attempts attempts;
	struct sk_access access;
	char job[33];
	struct sk_buf init;             /* of it, as it came */
	struct sk_buf source_text;      /* as it came */
	struct sk_buf addresses;
	struct sk_source *source;       /* NULL: not opened */
	int64_t used;                   /* sk_clock_wall of its last use */
	struct sk_message wanted;       /* what columns lie in */
	struct sk_wire_want columns;
	struct sk_want want;
};
/* Take them out of the environment, where plugins would find them.  false:
 * memory is out. */
bool sk_warm_access(struct sk_warm *);
/* attempts are ready for the event's job. */
int sk_warm_job(struct sk_warm *, const struct sk_event *, struct snek_error *);
/* source is open for the event, and want is what is read of chunks. */
int sk_warm_source(struct sk_warm *, const struct sk_event *,
    struct snek_error *);
/* Its connections are in a state of which nothing is known. */
void sk_warm_drop_source(struct sk_warm *);
void sk_warm_free(struct sk_warm *);
#endif
