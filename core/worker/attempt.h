/* SPDX-License-Identifier: MIT */
/*
 * attempt.h - attempts at a job's tasks, one after the other, in this process:
 * what they share is loaded and opened by the first and kept for the next.
 */
#ifndef SK_WORKER_ATTEMPT_H
#define SK_WORKER_ATTEMPT_H
#include "exec/wire.h"
#include "worker/side.h"

struct sk_loaded {
	struct sk_plugin *plugin;       /* NULL: not yet */
	const struct sk_op *op;
};

struct sk_attempts {
	/* By who runs them. */
	struct sk_control *control;
	struct sk_mark *mark;
	const char *tmp;
	const struct sk_chunk_room *room;       /* NULL: none */
	/* The plugin of an op; at: which of the job's files it is. */
	int (*load)(void *, const struct sk_wire_op *, const struct sk_message *,
	    size_t at, struct sk_plugin **, struct snek_error *);
	/* Runs that are kept on shards are fetched; NULL: there are none such. */
	int (*gather)(void *, struct sk_runs *, struct snek_error *);
	void (*log)(void *, int level, const char *text);
	void *arg;

	/* Zeroed, for attempt.c. */
	struct sk_message init;         /* what job's texts lie in */
	struct sk_wire_job job;
	struct sk_sides sides;
	struct sk_loaded map_fn, reduce_fn;
	sk_instance *map, *reduce;
};

/* A job, by its INIT, which is taken over.  SNEK_EFORMAT. */
int sk_attempts_begin(struct sk_attempts *, struct sk_message *init);
/* Closes what is open; plugins stay loaded. */
void sk_attempts_end(struct sk_attempts *);
/* The rest of a request (exec/request.c) behind what, SK_ASK_MAP or _REDUCE. */
void sk_attempts_run(struct sk_attempts *, uint8_t what, struct sk_get *,
    struct sk_message *, struct sk_outcome *);

/* For who asks of an op, and runs nothing: load it as its job's at-th; the
 * loaded is the caller's to close.  Open it. */
int sk_attempts_load(struct sk_attempts *, const struct sk_wire_op *,
    const struct sk_message *, size_t at, struct sk_loaded *,
    struct snek_error *);
int sk_attempts_open(struct sk_attempts *, const struct sk_loaded *,
    const struct sk_args *, const char *category, bool logs,
    const struct sk_sides *, sk_instance **, struct snek_error *);
/* What it says of itself, for sk_get_error and sk_opened_get. */
int sk_attempts_say_opened(const sk_instance *, struct sk_put *);
/* The same of the job's mapping op, which stays open for its attempts. */
int sk_attempts_open_map(struct sk_attempts *, struct sk_put *,
    struct snek_error *);
#endif
