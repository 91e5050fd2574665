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
};

/* Where an attempt is. */
struct sk_http_task {
	size_t chunk, skip;             /* next of the attempt's */
	uint32_t row;                   /* next of the chunk */
	struct sk_chunk *view;          /* of the chunk, if open */
	void *held;                     /* its bytes, if they were fetched */
	struct sk_place *place;         /* of the records that were sent */
	uint32_t n, cap;
	sk_sink *sink;
	uint64_t records_in, skipped, bytes_in;
};

/* The list that an answer holds; the value lives until the reader reads again.
 * What is none fails the attempt, or has it wait: 1, the value is untouched. */
int sk_http_list(struct sk_away_item *, struct snek_value *list);
/* Emit its values. */
int sk_http_emit(struct sk_http_task *, struct snek_value list,
    struct snek_error *);
#endif
