/* SPDX-License-Identifier: MIT */
/* http_parts.h - what http.c (records out) and http_answer.c (values in)
 * share. */
#ifndef SK_EXEC_HTTP_PARTS_H
#define SK_EXEC_HTTP_PARTS_H
#include "exec/http.h"
#include "exec/away.h"
#include "value/json_read.h"

struct sk_http {
	struct sk_away r;
	char what[160], *url;
	uint32_t batch;
	sk_json_reader *json;
	struct sk_http_task *parked;
};

/* Where the next record of an attempt stands, and how many were before. */
struct sk_http_at {
	size_t chunk, skip;             /* of the attempt's */
	uint32_t row;                   /* of the chunk */
	uint64_t records_in, skipped, bytes_in;
};

/* What came of an attempt so far.  When a call fails that may be tried again,
 * this is parked for the next attempt at the same, which begins with that call:
 * what was answered is not asked for again. */
struct sk_http_task {
	struct sk_http_task *next;      /* parked */
	const struct sk_task_chunk *of;
	size_t chunks, skips;
	struct sk_http_at at, heard;    /* heard: what was answered for */
	struct sk_chunk *view;          /* of the chunk, if open */
	void *held;                     /* its bytes, if they were fetched */
	struct sk_place *place;         /* of the records that were sent */
	uint32_t n, cap;
	sk_sink *sink;
};

/* The list that an answer holds; the value lives until the reader reads again.
 * What is none fails the attempt, or has it wait: 1, the value is untouched. */
int sk_http_list(struct sk_away_item *, struct snek_value *list);
/* Emit its values. */
int sk_http_emit(struct sk_http_task *, struct snek_value list,
    struct snek_error *);
#endif
