/* SPDX-License-Identifier: MIT */
/*
 * kept.h - queries as jobs that are kept in the cluster's journal, for where no
 * process lives as long as they do.
 *
 * Who is asked makes the record of the job and has a coordinator begin
 * elsewhere; who is asked about it looks at the record.  A coordinator goes on
 * from what the ones before it committed.  Near its own end it gives up its
 * lease and has another one begin; one that died is followed by the next that
 * somebody's question begins, once its lease has run out.
 *
 * Items of a job besides those of job/journal.h: "g" N, the elements of page N
 * of its result, from 0.
 */
#ifndef SK_API_KEPT_H
#define SK_API_KEPT_H
#include "api/api.h"
#include "store/journal.h"

#define SK_KEPT_LEASE_MS 30000u

struct sk_kept_options {
	/* Have a coordinator begin on the job; it may be asked for one that has
	 * one already. */
	int (*begin)(void *, const char *id, struct snek_error *);
	/* Of who coordinates: milliseconds until it is ended from outside, or
	 * nobody can log in any more with what its tasks are told. */
	int64_t (*left)(void *);
	/* Of who coordinates, may be NULL: a server took no password of ours.
	 * true: there are others now, and the cluster is opened anew. */
	bool (*log_in)(void *);
	/* Of who coordinates, may be NULL: what is to be known of a job beside
	 * what its functions log themselves; any thread. */
	void (*log)(void *, int level, const char *text);
	void *arg;
	uint32_t lease_ms, keep_s;      /* 0: 30 s; an hour */
	int64_t margin_ms;              /* before the end; 0: 30 s */
};

struct sk_api_call;
void sk_kept_query(struct sk_api_call *);
void sk_kept_old_query(struct sk_api_call *);
void sk_kept_list(struct sk_api_call *);
void sk_kept_job(struct sk_api_call *);
void sk_kept_drop(struct sk_api_call *);
void sk_kept_results(struct sk_api_call *);

/* The name of page n's item, from 0. */
void sk_kept_item(uint64_t n, char item[SK_JOB_ITEM]);

/* kept_write.c: writes in parts. */
void sk_kept_write_begin(struct sk_api_call *);
void sk_kept_write_part(struct sk_api_call *);
void sk_kept_write_commit(struct sk_api_call *);
void sk_kept_write_drop(struct sk_api_call *);
/* An id of the journal that is a write's, no job's. */
bool sk_kept_is_write(const char *id);

/* Coordinate a job until it ended, another one has it, or time is over; then
 * another is begun.  0 in all of these cases: what came of the job is in its
 * record.  Else nobody could be told. */
int sk_kept_coordinate(struct sk_api *, const char *id, struct snek_error *);
#endif
