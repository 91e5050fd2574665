/* SPDX-License-Identifier: MIT */
/* tend.h - looking after children: what they say, print and die of goes to the
 * coordinator. */
#ifndef SK_TEND_H
#define SK_TEND_H
#include <poll.h>

#include "worker/fetcher.h"

#define SK_COORDINATOR 3        /* the descriptor */

/* Of a slot: its socket, the one for temporary files, its end, its pipe. */
enum { SK_TEND_POLLS = 4 };

struct sk_tend {
	struct sk_channel channel;
	struct sk_wire_hello hello;
	bool greeted;
	struct sk_sandbox_filter *filter;       /* made with the first child */
	struct sk_message files, init;
	struct sk_fetcher fetcher;
	struct sk_worker_task *todo, **tail;
	struct sk_slot *slot;
	uint32_t slots;
	struct pollfd *poll;            /* SK_TEND_POLLS a slot, after the first */
	struct sk_prints_all prints;
	uint32_t traces;
};


/* A message to the coordinator; the buffer is freed. */
int sk_tend_tell(uint32_t kind, uint64_t id, struct sk_put *);
int sk_tend_tell_death(uint64_t id, const struct sk_wire_death *);

/* A child for this task, or for any (NULL). */
int sk_tend_start(struct sk_tend *, struct sk_slot *,
    const struct sk_worker_task *, struct snek_error *);
/* What has come of it, by its SK_TEND_POLLS answers of poll. */
int sk_tend_look(struct sk_tend *, struct sk_slot *, const struct pollfd *);
/* If it has ended (wait: it is about to), say what became of its task. */
int sk_tend_bury(struct sk_tend *, struct sk_slot *, bool wait);
void sk_tend_drop(struct sk_slot *);    /* its task */
#endif
