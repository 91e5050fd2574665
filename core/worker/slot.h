/* SPDX-License-Identifier: MIT */
/* slot.h - a place for a child: started, given tasks, killed, buried. */
#ifndef SK_SLOT_H
#define SK_SLOT_H
#include <sys/types.h>

#include "worker/child.h"
#include "worker/prints.h"

struct sk_worker_task {
	struct sk_worker_task *next;
	bool once;
	struct sk_message request;      /* id and all */
	struct sk_buf fetch;            /* what is to be fetched for it first */
};
/* The request as a child gets it: the files that the message names, of those
 * the worker has, come before the message's own.  SNEK_EFORMAT, SNEK_ENOMEM. */
int sk_worker_task_take(struct sk_worker_task *, const struct sk_message *files,
    struct sk_message *);
/* The answer about what was to be fetched (worker/fetch.h) goes into the
 * request; death is set when the chunks will not come. */
void sk_worker_task_fetched(struct sk_worker_task *, struct sk_message *,
    struct sk_wire_death *);
void sk_worker_task_free(struct sk_worker_task *);

struct sk_slot {
	pid_t pid;                      /* 0: nobody here */
	int pidfd, tmp;                 /* pidfd -1: an old kernel */
	struct sk_channel channel;
	struct sk_shared *shared;
	struct sk_prints prints;
	bool greeted, confined;         /* it said so, before it loaded anything */
	char why[256];                  /* it is not */
	bool has_init, used;            /* used: it had a task */
	struct sk_worker_task *task;    /* what it is at */
	uint64_t share, memory;         /* bytes of files in memory: that it may
	                                 * have a task, that are left of them */
	int64_t kill_at;                /* ms; 0: it was not told to stop */
	int64_t cpu_began;              /* ms it had used before this task */
	uint32_t killed;                /* enum sk_wire_end, if we did it */
	/* Of the one that died at the task, while this one reads its notes. */
	struct sk_wire_death *death;
};

/* Start a child; in it this does not return. */
int sk_slot_start(struct sk_slot *, const struct sk_wire_hello *,
    const struct sk_sandbox_filter *, struct snek_error *);
/* Hand it a task, which it takes over.  SNEK_EIO: it is not listening. */
int sk_slot_give(struct sk_slot *, const struct sk_message *init,
    struct sk_worker_task *);
/* Have a fresh one read the notes that the last one left.  The message's
 * descriptors are the plugins'; SNEK_EIO, SNEK_ENOMEM. */
int sk_slot_trace(struct sk_slot *, const struct sk_message *);
/* A message from it, as sk_channel_recv; its hello is kept here. */
int sk_slot_recv(struct sk_slot *, struct sk_message *);
/* Nothing but death can come of it. */
void sk_slot_kill(struct sk_slot *, uint32_t why);
/* Has it ended?  wait: until it has. */
bool sk_slot_reap(struct sk_slot *, bool wait, struct sk_wire_death *);
/* Milliseconds of processor time since its task began. */
int64_t sk_slot_cpu_ms(const struct sk_slot *);
#endif
