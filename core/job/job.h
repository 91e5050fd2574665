/* SPDX-License-Identifier: MIT */
/*
 * job.h - one query, from description to outcome.
 *
 *   job.c     the description: function, arguments, reducer, settings
 *   read.c    the input, where there is no category
 *   prepare.c description -> functions, snapshot, plan, executor, scheduler
 *   run.c     the loop between scheduler and executor; commit_task
 *   account.c, missing.c  where every record went
 *   result.c  the cursor over what came out
 */
#ifndef SK_JOB_H
#define SK_JOB_H
#include <pthread.h>

#include "category/snapshot.h"
#include "exec/exec.h"
#include "job/bad.h"
#include "job/budget.h"
#include "job/fetch.h"
#include "job/fields.h"
#include "job/function.h"
#include "job/hold.h"
#include "job/journal.h"
#include "job/kept.h"
#include "job/missing.h"
#include "job/plan.h"
#include "job/away.h"
#include "job/sched.h"
#include "job/side.h"
#include "job/split.h"
#include "job/spool.h"

/* How often an op's combine is called.  No choice may show in the result: the
 * others are for tests of ops. */
enum sk_combine { SK_COMBINE_AUTO, SK_COMBINE_NEVER, SK_COMBINE_ONCE, SK_COMBINE_OFTEN };

enum sk_order { SK_ORDER_NONE, SK_ORDER_KEY, SK_ORDER_VALUE, SK_ORDER_VALUE_DOWN };

struct sk_job_settings {
	uint32_t workers, partitions, attempts;
	int64_t timeout_ms;
	uint32_t order;                 /* enum sk_order */
	struct sk_path order_path;      /* in the value; no steps: itself */
	uint64_t limit;                 /* results; 0: all */
	uint64_t max_record;
	bool last_duplicate;
	char *tmp;
	uint64_t memory;                /* of all of it; 0: half of what there is */
	/* For tests of ops. */
	uint32_t combine;               /* enum sk_combine */
	uint32_t chunk_records;         /* of what is spooled, at most, and then
	                                 * a chunk may be a task; 0: by bytes */
	bool retry_first;               /* drop what every first attempt gave */
	uint32_t on;                    /* enum sk_on: where attempts run */
	bool trust;                     /* no sandbox */
	uint32_t batch;                 /* records in a call over HTTP; 0: by
	                                 * bytes */
	int64_t call_ms;                /* that one may take; 0: the default */
	char *worker;                   /* the program; NULL: as installed */
	uint64_t worker_memory;         /* of a child; 0: the default */
	int64_t worker_cpu_ms;          /* of a task; 0: none */
	uint64_t skip_bad;              /* records that may be left out */
	char *bad;                      /* file that they are put into, or NULL */
	bool keep_going;                /* list what fails for good */
};

/* An attempt's outcome between its end and its commit. */
struct sk_pending {
	struct sk_pending *next;
	uint64_t attempt;
	struct sk_outcome outcome;
};

enum sk_job_state { SK_JOB_NEW, SK_JOB_RUNNING, SK_JOB_DONE, SK_JOB_FAILED };

struct sk_client_job;

struct snek_job {
	struct sk_client_job *remote;   /* it runs behind a gateway: nothing of
	                                 * what follows is used (snek_job.c) */
	/* the description */
	struct sk_catalog *cat;
	char *category;                 /* NULL: what was spooled */
	struct sk_spool *spool;
	int unread;                     /* why not all input was: no start */
	char *function, *args_json, *reduce;
	struct sk_call call;            /* lib NULL: function is what to map */
	struct sk_arg_text *arg;
	size_t args;
	struct sk_job_sides sides;
	struct sk_job_settings set;
	void (*log)(void *, int level, const char *text);
	void *log_arg;
	pthread_mutex_t log_lock;

	/* prepared */
	struct sk_snapshot *snap;
	struct sk_budget budget;
	sk_worker *worker;              /* NULL: everything runs here */
	struct sk_exec_file *file;
	struct sk_function map_fn, reduce_fn;
	struct sk_args map_args, reduce_args;
	bool reduces_itself;            /* the mapping op's own reduce */
	struct sk_reducer reducer;
	struct sk_task_chunk *chunk;
	size_t chunks;
	struct sk_plan plan;
	enum sk_on on;                  /* where it runs */
	bool splits;                    /* what the executor may want */
	struct sk_job_away away;
	struct sk_job_kept kept;
	struct sk_fields fields;
	struct sk_job_fetch fetch;
	struct sk_bad bad;
	struct sk_missing missing;
	struct sk_job_journal journal;
	struct sk_exec_job exec_job;
	struct sk_exec *exec;           /* with __atomic: cancel looks at it */
	sk_sched *sched;
	int64_t started_us, deadline_ms;

	/* running: by the coordinator's thread alone */
	struct sk_pending *pending;
	struct sk_hold hold;            /* the runs of committed map tasks */
	struct sk_outcome *map_out;     /* committed, by task: the rest of them */
	struct sk_outcome *reduce_out;
	const struct sk_run ***part;    /* runs of each partition, for reduce */
	size_t *part_runs;
	struct snek_error last;         /* of the newest failed attempt ... */
	bool decided;                   /* ... or of the one that ended the job */
	int broken;                     /* a code: we lost count; stop */

	/* shared */
	pthread_t thread;
	bool joined;
	int cancelled;                  /* with __atomic */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint32_t state;                 /* enum sk_job_state */
	struct snek_error error;
	struct sk_sched_stat stat;
	uint64_t records_in, skipped, emitted, bytes_in;
	int64_t ended_us;
};

int sk_job_new(struct sk_catalog *, const char *category, struct snek_job **,
    struct snek_error *);
void sk_job_free(struct snek_job *);
/* SNEK_EINVAL once it has begun. */
int sk_job_is_new(struct snek_job *, struct snek_error *);
int sk_job_set(struct snek_job *, const char *setting, const char *value,
    struct snek_error *);
/* What the settings leave to each part of the job. */
void sk_job_budget(const struct snek_job *, struct sk_budget *);
/* Bytes of JSON that a record may have which the job reads. */
int sk_job_limit_record(const struct snek_job *, uint64_t *, struct snek_error *);
/* Map a plain C function; what is no function is found wrong by start. */
int sk_job_call(struct snek_job *, const struct sk_call *, struct snek_error *);
int sk_job_map(struct snek_job *, const char *function, const char *args_json,
    struct snek_error *);
int sk_job_arg(struct snek_job *, const char *name, const char *value,
    struct snek_error *);
/* read.c: the records of a file are input, too. */
int sk_job_read(struct snek_job *, int fd, const char *name, enum snek_format,
    struct snek_error *);
/* prepare.c: everything that can be found wrong before anything runs. */
int sk_job_prepare(struct snek_job *, struct snek_error *);
/* A line to who asked for the job's log; any thread.  arg is the job. */
void sk_job_log(void *arg, int level, const char *text);
void sk_job_unprepare(struct snek_job *);
/* The C function that is mapped, named or registered; NULL: a plugin's op. */
const struct sk_call *sk_job_called(const struct snek_job *);
/* run.c */
int sk_job_start(struct snek_job *, struct snek_error *);
int sk_job_wait(struct snek_job *, int timeout_ms, struct snek_error *);
void sk_job_cancel(struct snek_job *);
void sk_job_join(struct snek_job *);
/* Keys of a reduced result; the job is done. */
uint64_t sk_job_keys(const struct snek_job *);
/* count.c: sums of a counter over all committed tasks, sorted by name. */
int sk_job_counters(struct snek_job *,
    int (*visit)(void *, const char *name, int64_t), void *);
#endif
