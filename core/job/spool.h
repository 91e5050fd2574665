/* SPDX-License-Identifier: MIT */
/*
 * spool.h - the input of a job without a store: records into chunks, chunks
 * into an unlinked temporary file, mapped when all are in.  Memory stays
 * bounded by a chunk a thread, and the job maps it like any shard.
 *
 * Several threads may make chunks at once, each with a fill of its own; what
 * they made becomes part of the input in the order in which it is joined.
 */
#ifndef SK_SPOOL_H
#define SK_SPOOL_H
#include "value/chunk.h"

struct sk_spool_chunk {
	uint64_t offset, first;         /* in the file; number of its first record */
	size_t bytes;
	uint32_t rows;
};

struct sk_spool_list {
	struct sk_spool_chunk *chunk;
	size_t n, cap;
	uint64_t records;               /* of them all */
};

struct sk_spool;

/* Chunks in the making.  Its list is the reader's to take: zeroed, the next
 * chunk is number 0, and begins with record 0. */
struct sk_spool_fill {
	struct sk_spool *spool;
	sk_chunk_builder *builder;
	struct sk_buf buf;
	struct sk_spool_list list;
};

struct sk_spool {
	int fd;
	char *tmp;                      /* where, for messages */
	uint64_t bytes;                 /* with __atomic: of the file */
	uint32_t most;                  /* records of a chunk; 0: any number */
	struct sk_spool_fill own;       /* its list is the input */
	void *map;
};

/* records: that a chunk may have; 0: as many as fit. */
int sk_spool_open(struct sk_spool *, const char *tmp, uint32_t records,
    struct snek_error *);
int sk_spool_add(struct sk_spool *, const struct sk_record *, struct snek_error *);
/* A chunk of so many records, as it is, that somebody else made. */
int sk_spool_copy(struct sk_spool *, struct sk_span chunk, uint32_t rows,
    struct snek_error *);
/* Chunks that a fill made come next.  The list is emptied. */
int sk_spool_join(struct sk_spool *, struct sk_spool_list *, struct snek_error *);
/* No more records; chunk i is then at map + chunk[i].offset. */
int sk_spool_end(struct sk_spool *, struct snek_error *);
void sk_spool_close(struct sk_spool *);

int sk_spool_fill_open(struct sk_spool_fill *, struct sk_spool *,
    struct snek_error *);
int sk_spool_fill_add(struct sk_spool_fill *, const struct sk_record *,
    struct snek_error *);
/* One chunk of lines (sk_chunk_lines), of which used bytes went in. */
int sk_spool_fill_lines(struct sk_spool_fill *, struct sk_span text,
    size_t *used, struct snek_error *);
/* What was added is in chunks. */
int sk_spool_fill_flush(struct sk_spool_fill *, struct snek_error *);
void sk_spool_fill_close(struct sk_spool_fill *);
void sk_spool_list_free(struct sk_spool_list *);
#endif
