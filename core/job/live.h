/* SPDX-License-Identifier: MIT */
/*
 * live.h - the scheduler's attempts under way: found by id, in a pool of fixed
 * size, each with at most one action that is still to be said.
 */
#ifndef SK_LIVE_H
#define SK_LIVE_H
#include "job/sched.h"

struct sk_link {
	struct sk_link *prev, *next;
};
void sk_link_init(struct sk_link *);
/* At the end. */
void sk_link_add(struct sk_link *head, struct sk_link *);
/* Of whatever list it is in; in none, nothing happens. */
void sk_link_del(struct sk_link *);

/* ASKED: COMMIT is said, the journal has not answered. */
enum sk_live_state { SK_LIVE_FREE, SK_LIVE_RUNS, SK_LIVE_ENDED, SK_LIVE_ASKED };

struct sk_live {
	struct sk_link pend, lone;      /* lists of the scheduler */
	struct sk_live *chain;          /* of its bucket, or of the free ones */
	uint64_t id;
	struct sk_task_id task;
	uint32_t number;
	uint32_t action;                /* to be said, if in the list pend */
	uint8_t state;
	bool cancelled, backup;
	bool stale;                     /* its task was split since */
	uint32_t parts, first;          /* SPLIT: new tasks, and the first */
	int64_t started;
};
#define SK_LIVE_OF(link, field) \
	((struct sk_live *)((char *)(link) - offsetof(struct sk_live, field)))

struct sk_live_pool {
	struct sk_live *slot, *unused, **bucket;
	size_t n, mask;
	uint64_t ids;                   /* given out */
	struct sk_link pend;            /* with an action to be said, in order */
};
/* At most n at a time.  After SNEK_ENOMEM, too, it wants to be freed. */
int sk_live_init(struct sk_live_pool *, size_t n);
void sk_live_free(struct sk_live_pool *);
struct sk_live *sk_live_find(const struct sk_live_pool *, struct sk_attempt_id);
struct sk_live *sk_live_add(struct sk_live_pool *, struct sk_task_id);
void sk_live_del(struct sk_live_pool *, struct sk_live *);
/* Something to be said about it, in the place of what was not said yet. */
void sk_live_say(struct sk_live_pool *, struct sk_live *, uint32_t action);
#endif
