/* SPDX-License-Identifier: MIT */
/*
 * jobs.h - queries that run in this process, and the results that they leave
 * in a file each, cut into pages.  They go with the process; before that, when
 * nobody asked about them for long, or to make room for another.
 */
#ifndef SK_API_JOBS_H
#define SK_API_JOBS_H
#include <pthread.h>

#include <snek/snek.h>

#include "api/into.h"
#include "base/buf.h"

struct sk_api;
struct sk_api_asked;
struct sk_api_job;
struct sk_api_jobs {
	pthread_mutex_t lock;
	pthread_cond_t changed;         /* a job ended, or we drain */
	struct sk_api_job *first;
	unsigned n, running;
	unsigned waiting;               /* requests, for one to end */
};
void sk_api_jobs_init(struct sk_api_jobs *);
/* Cancels and joins all.  Nothing is being answered any more. */
void sk_api_jobs_end(struct sk_api_jobs *);
void sk_api_jobs_wake(struct sk_api_jobs *);

enum sk_api_state { SK_API_RUNNING, SK_API_DONE, SK_API_FAILED };

/* A page's place in the file of results. */
struct sk_api_page {
	uint64_t offset, bytes;
};

struct sk_api_job {
	struct sk_api_job *next;
	struct sk_api *api;
	char id[33];
	char category[130], function[260];
	snek_cluster *cluster;
	snek_job *job;                  /* NULL once its results are in the file */
	pthread_t thread;
	unsigned users;                 /* requests that look at it */
	bool dropped;
	int64_t used, began;            /* ms */
	enum sk_api_state state;
	struct snek_error error;
	struct snek_job_stat stat;      /* when it ended */
	struct sk_buf missing;          /* JSON, of one that kept going */
	struct sk_into into;            /* and then nothing but the receipt */
	struct snek_receipt receipt;
	int fd;                         /* results, elements of a list */
	bool reduced;
	uint64_t results, keyed_from;
	struct sk_api_page *page;
	size_t pages;
};

/* Take over a described job and its cluster and start it.  The job that comes
 * back is held.  SNEK_EAGAIN: enough are running, or known. */
int sk_api_jobs_start(struct sk_api *, snek_cluster *, snek_job *,
    const struct sk_api_asked *, struct sk_api_job **, struct snek_error *);
/* NULL and an error: there is none.  Held until it is let go. */
struct sk_api_job *sk_api_jobs_hold(struct sk_api *, const char *id,
    struct snek_error *);
void sk_api_jobs_release(struct sk_api_job *);
/* Free those that ended and were not asked about for as long as they are kept;
 * to be called now and then. */
void sk_api_jobs_forget(struct sk_api *);
/* Until it ended, at most so long.  *crowded: enough wait already for theirs to
 * end, and this is how it stands now. */
enum sk_api_state sk_api_jobs_wait(struct sk_api_job *, unsigned ms,
    bool *crowded);
/* Cancel it; it is forgotten when nobody holds it any more. */
void sk_api_jobs_drop(struct sk_api_job *);
/* Append the elements of page n (from 0) to a buffer. */
int sk_api_jobs_page(const struct sk_api_job *, size_t n, struct sk_buf *,
    struct snek_error *);
#endif
