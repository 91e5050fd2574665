/* SPDX-License-Identifier: MIT */
/*
 * task.h - one attempt at a task: take chunks, run the op, combine as it
 * goes, give out partitions.  The same code in a thread, a child and the
 * cloud; it knows no store, no scheduler and no AWS.
 */
#ifndef SK_TASK_H
#define SK_TASK_H
#include "task/counters.h"
#include "task/plugin.h"
#include "task/sink.h"

/* Asked by the host at every emit, chunk and value; set from other threads. */
struct sk_control {
	int cancelled;                  /* read and set with __atomic */
	int64_t deadline_ms;            /* on sk_clock_ms; 0: none */
};

/* The first so many paths of an op are watched for whether they exist. */
#define SK_SEEN_PATHS 256u

/* What an attempt came to.  Owned by the caller; zeroed before. */
struct sk_outcome {
	int code;                       /* 0, or the failure's fate */
	struct snek_error error;
	uint64_t records_in, skipped, emitted, bytes_in;
	uint64_t seen[SK_SEEN_PATHS / 64];      /* map: which paths any record had */
	bool crashed;                   /* the op took its process with it: */
	char *trace;                    /* where, a line a frame; or NULL */
	bool placed;                    /* the record that failed is known: */
	uint32_t chunk, row;            /* among the attempt's chunks, in it */
	struct sk_counter *counter;
	uint32_t counters;
	struct sk_runs *part;           /* map: one for each partition */
	uint32_t parts;
	struct sk_run run;              /* reduce */
};
void sk_outcome_free(struct sk_outcome *);
/* It failed: nothing comes of it. */
void sk_outcome_drop_runs(struct sk_outcome *);

#define SK_NO_ROW UINT32_MAX

/* Where an instance is at work: it may lie in memory that others see. */
struct sk_mark {
	char callback[16];              /* that runs */
	uint32_t chunk, row;            /* of the attempt; row may be SK_NO_ROW */
};

/* A record that is left out of an attempt. */
struct sk_skip {
	uint32_t chunk, row;
};

/* An op opened with its arguments: one a worker, used for task after task by
 * one thread at a time. */
typedef struct sk_instance sk_instance;

/* A chunk by its name. */
struct sk_chunk_ref {
	uint8_t segment[16];
	uint32_t shard, number, rows;
};

struct sk_task_chunk {
	struct sk_span bytes;           /* p NULL: to be fetched before it is
	                                 * mapped, by: */
	int fd;                         /* 0, or a file that they lie in, too, */
	uint64_t at;                    /* from there on: small ones are read */
	struct sk_chunk_ref ref;
	struct sk_place base;
	char origin[96];                /* "category logs, shard 2, write 41, chunk 7" */
};

/* Records that all instances of a job see. */
struct sk_side_input {
	const char *name;
	const struct sk_task_chunk *chunk;      /* mapped while instances live */
	size_t chunks;
};

struct sk_instance_options {
	const struct sk_plugin *plugin;
	const struct sk_op *op;
	const struct sk_args *args;
	const char *category;
	const struct sk_side_input *side;
	size_t sides;
	void (*log)(void *, int level, const char *text);
	void *log_arg;
	struct sk_mark *mark;           /* NULL: nobody looks */
	const struct sk_chunk_room *room;       /* NULL: chunks are seen where
	                                         * they are mapped */
};
int sk_instance_open(const struct sk_instance_options *, sk_instance **,
    struct snek_error *);
void sk_instance_close(sk_instance *);
/* What it said in open: the paths it reads, the aggregates it declared (into
 * reducer when there are any, and then 1: kind, n, aggregate; else untouched,
 * and 0; SNEK_ENOMEM). */
uint32_t sk_instance_paths(const sk_instance *, const struct sk_path **);
int sk_instance_aggregates(const sk_instance *, struct sk_reducer *);

struct sk_map_task {
	uint32_t task, tasks, attempt;
	const struct sk_task_chunk *chunk;
	size_t chunks;
	const struct sk_skip *skip;     /* by chunk and row, each once */
	size_t skips;
	const struct sk_reducer *reducer;
	/* The op that combines and partitions, if the job has one: NULL, or an
	 * instance of the reduce's op (may be the mapping one). */
	sk_instance *reduce;
	uint32_t partitions;
	size_t memory;                  /* half of it is for pairs, a quarter for
	                                 * merging; and so below */
	const char *tmp;
	struct sk_control *control;
};
/* The result is in the outcome; records_in counts every record offered, and
 * those that were left out, which are skipped too (map_shard: an error). */
void sk_task_map(sk_instance *, const struct sk_map_task *, struct sk_outcome *);

struct sk_reduce_task {
	uint32_t task, tasks, attempt;
	const struct sk_run *const *run;
	size_t runs;
	const struct sk_reducer *reducer;
	size_t memory;
	const char *tmp;
	struct sk_control *control;
};
/* The instance is NULL for built-in reducers. */
void sk_task_reduce(sk_instance *, const struct sk_reduce_task *, struct sk_outcome *);
#endif
