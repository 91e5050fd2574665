/* SPDX-License-Identifier: MIT */
/*
 * spool.h - the input of a job without a store: records into chunks, chunks
 * into an unlinked temporary file, mapped when all are in.  Memory stays
 * bounded by a chunk, and the job maps it like any shard.
 */
#ifndef SK_SPOOL_H
#define SK_SPOOL_H
#include "value/chunk.h"

struct sk_spool_chunk {
	uint64_t offset, first;         /* in the file; number of its first record */
	size_t bytes;
	uint32_t rows;
};

struct sk_spool {
	int fd;
	char *tmp;                      /* where, for messages */
	sk_chunk_builder *builder;
	struct sk_buf buf;
	uint64_t bytes, records, sealed;        /* sealed: records in chunks */
	struct sk_spool_chunk *chunk;
	size_t n, cap;
	uint32_t most;                  /* records of a chunk; 0: any number */
	void *map;
};

/* records: that a chunk may have; 0: as many as fit. */
int sk_spool_open(struct sk_spool *, const char *tmp, uint32_t records,
    struct snek_error *);
int sk_spool_add(struct sk_spool *, const struct sk_record *, struct snek_error *);
/* A chunk of so many records, as it is, that somebody else made. */
int sk_spool_copy(struct sk_spool *, struct sk_span chunk, uint32_t rows,
    struct snek_error *);
/* No more records; chunk i is then at map + chunk[i].offset. */
int sk_spool_end(struct sk_spool *, struct snek_error *);
void sk_spool_close(struct sk_spool *);
#endif
