/* SPDX-License-Identifier: MIT */
/* redis_shard_write.h - a writer, for redis_shard_write.c and _seal.c. */
#ifndef SK_REDIS_SHARD_WRITE_H
#define SK_REDIS_SHARD_WRITE_H
#include "store/redis_shard.h"
#include "value/chunk_part.h"

struct sk_segment_writer {
	struct sk_redis_shard *shard;
	struct sk_write_id id;
	char hex[33], owner[17];
	struct sk_redis_key w, o;
	struct sk_chunk_parts parts;
	struct sk_buf args;             /* struct sk_span */
	struct sk_buf index;            /* the head's room, then entries */
	uint64_t at, records;
	uint32_t chunks;
	uint32_t replicas;              /* to wait for; 0: as the shard says */
	bool owned;                     /* begin was answered: it is ours */
	bool sealed, told;              /* told: of the failure */

	/* Under the loop's lock. */
	struct sk_segment_writer *next;
	uint32_t refs, pending;         /* pending: without a reply */
	size_t flight;                  /* bytes of puts among them */
	uint32_t claimed, claiming;     /* chunk numbers: ours, asked for */
	uint32_t tries;                 /* to begin */
	int rc;
	struct snek_error error;
};

/* A sign of life of all who write to the shard, and whether nothing of theirs is
 * on its way.  With the lock held. */
void sk_redis_writer_renew(struct sk_redis_shard *);
bool sk_redis_writers_quiet(const struct sk_redis_shard *);
/* The server's time in ms from now, as the score of a write. */
struct sk_span sk_redis_writer_score(const struct sk_segment_writer *,
    int64_t ms, char text[24]);
int sk_redis_writer_given_up(const struct sk_segment_writer *,
    struct snek_error *);
/* SNEK_EINTERNAL after a failure that was told, or seal. */
int sk_redis_writer_usable(const struct sk_segment_writer *,
    struct snek_error *);
/* The writer has failed with what the caller is told. */
int sk_redis_writer_refuse(struct sk_segment_writer *, int rc);
/* What has become of what was sent, told once. */
int sk_redis_writer_outcome(struct sk_segment_writer *, struct snek_error *);
#endif
