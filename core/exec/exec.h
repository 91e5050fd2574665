/* SPDX-License-Identifier: MIT */
/*
 * exec.h - where attempts run, behind one struct of functions: start one,
 * hear how it ended, cancel it.  An executor knows tasks, not the scheduler.
 *
 * All calls come from one thread, the job's coordinator.  An attempt's
 * description is data (chunks, runs, reducer): an executor in other processes
 * sends it as bytes and gets the outcome back as bytes.
 */
#ifndef SK_EXEC_H
#define SK_EXEC_H
#include "task/call.h"
#include "task/task.h"

/* A plugin's file, for executors that load it elsewhere: a descriptor of bytes
 * that do not change any more, and its path for messages. */
struct sk_exec_plugin {
	int fd;
	const char *path;
	const struct sk_call *call;     /* in place of both, if not NULL */
};

/* A file that chunks lie in. */
struct sk_exec_file {
	const char *map;                /* where it is mapped here */
	size_t bytes, number;           /* number: its owner's */
};

/* Side inputs: as they are mapped here, and the file of each, which cannot be
 * written to through the descriptor. */
struct sk_exec_side {
	const char *map;
	size_t bytes;
	int fd;
};
struct sk_exec_sides {
	const struct sk_side_input *input;
	const struct sk_exec_side *file;
	size_t n;
};

/* What all attempts of a job share; immutable while the executor lives. */
struct sk_exec_job {
	/* A C function of a library in place of a plugin's op, or NULL.  In
	 * other processes sk_call_open makes plugin and op of it. */
	const struct sk_call *call;
	const struct sk_plugin *plugin;
	const struct sk_op *op;
	const struct sk_args *args;
	const struct sk_plugin *reduce_plugin;  /* NULL: no op reduces */
	const struct sk_op *reduce_op;
	const struct sk_args *reduce_args;
	const struct sk_reducer *reducer;
	const char *category, *tmp;
	struct sk_exec_sides sides;
	uint32_t partitions;
	size_t memory;                  /* of one attempt */
	int64_t deadline_ms;
	void (*log)(void *, int level, const char *text);
	void *log_arg;

	/* Where chunks have no bytes: what the op reads of them, the names of
	 * the members that its paths begin with, or everything. */
	const struct sk_span *column;
	size_t columns;
	bool whole;
	/* Bytes of n chunks, held until release: for any thread, until the
	 * control says no.  whole: more than the op reads. */
	int (*fetch)(void *, const struct sk_task_chunk *, size_t n, bool whole,
	    const struct sk_control *, struct sk_span *to, void **held,
	    struct snek_error *);
	void (*release)(void *held);
	/* A chunk was not where it should be: the code and the words for it. */
	int (*gone)(void *, const struct sk_task_chunk *, struct snek_error *);
	void *fetch_arg;

	/* For executors in other processes. */
	struct sk_exec_plugin map_file, reduce_file;
	const struct sk_exec_file *file;        /* by address */
	size_t files;
	/* A descriptor of file i, the caller's to close; less than 0: it
	 * cannot be had, and its chunks will be copied. */
	int (*open_file)(void *, size_t i);
	void *open_arg;
	struct sk_span source;          /* says where chunks are fetched from */
};

struct sk_attempt {
	uint64_t id;                    /* of the event that ends it */
	uint32_t stage, task, tasks, number;
	const struct sk_task_chunk *chunk;      /* stage 0; must outlive it */
	size_t chunks;
	const struct sk_skip *skip;     /* stage 0; must outlive it */
	size_t skips;
	const struct sk_run *const *run;        /* stage 1; must outlive it */
	size_t runs;
};

struct sk_exec_event {
	uint64_t id;
	uint32_t number;                /* of the attempt, among its task's */
	struct sk_attempt attempt;      /* as it was started */
	struct sk_outcome outcome;      /* the receiver's to free */
	/* With SNEK_EAGAIN: it was not let in, and is not to be tried again
	 * for so long. */
	bool throttled;
	int64_t after_ms;
	/* With SNEK_ELIMIT: what came of it are so many bytes, and an answer
	 * carries so many; 0: it is not that. */
	uint64_t too_large, carries;
};

/* Of attempts that run elsewhere, so far. */
struct sk_exec_stat {
	uint64_t calls, billed_ms;
	bool guessed;                   /* some of what is billed was not told */
	double dollars;
	uint32_t left;                  /* calls that may be running, whether
	                                 * anybody waits for them or not ... */
	int64_t left_ms;                /* ... and for how long, at most */
};

struct sk_exec;
struct sk_exec_ops {
	/* SNEK_EAGAIN: no room now. */
	int (*start)(struct sk_exec *, const struct sk_attempt *, struct snek_error *);
	/* 1 and how an attempt ended; 0 after timeout_ms (-1: none) or a wake. */
	int (*wait)(struct sk_exec *, int timeout_ms, struct sk_exec_event *);
	void (*cancel)(struct sk_exec *, uint64_t id);
	/* End a wait early: any thread, async-signal-safe. */
	void (*wake)(struct sk_exec *);
	/* Ends and joins what is left. */
	void (*close)(struct sk_exec *);
	/* NULL: all runs here. */
	void (*stat)(struct sk_exec *, struct sk_exec_stat *);
};
struct sk_exec { const struct sk_exec_ops *ops; };

/* exec/thread.c: the op runs in this process, one thread a worker. */
int sk_exec_threads(const struct sk_exec_job *, uint32_t workers,
    struct sk_exec **, struct snek_error *);
#endif
