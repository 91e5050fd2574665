/* SPDX-License-Identifier: MIT */
/* segment.h - one segment file; the directory around it is segment_shard.c. */
#ifndef SK_SEGMENT_H
#define SK_SEGMENT_H
#include "store/shard.h"

#define SK_SEGMENT_FORMAT 1u
#define SK_SEGMENT_NAME 37      /* 32 hex digits, ".seg", NUL */

/* A shard's directory.  No descriptor: a cluster may have more shards than a
 * process has descriptors. */
struct sk_segment_dir {
	char *path;
	struct sk_stamp stamp;
};

void sk_segment_name(struct sk_write_id, char out[SK_SEGMENT_NAME]);
/* The file's path, malloc'ed; NULL when memory is out. */
char *sk_segment_path(const struct sk_segment_dir *, struct sk_write_id);

/* What struct sk_shard_ops says of begin, put, seal, abandon, free, open and
 * close.  The directory must outlive the writer. */
int sk_segment_begin(const struct sk_segment_dir *, struct sk_write_id,
    struct sk_segment_writer **, struct snek_error *);
int sk_segment_put(struct sk_segment_writer *, struct sk_span chunk,
    uint32_t rows, struct sk_place first, struct snek_error *);
int sk_segment_seal(struct sk_segment_writer *, struct snek_error *);
void sk_segment_abandon(struct sk_segment_writer *);
void sk_segment_free(struct sk_segment_writer *);
int sk_segment_open(const struct sk_segment_dir *, struct sk_write_id,
    struct sk_segment **, struct snek_error *);
void sk_segment_close(struct sk_segment *);
#endif
