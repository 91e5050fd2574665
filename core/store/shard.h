/* SPDX-License-Identifier: MIT */
/*
 * shard.h - where chunks rest, behind one struct of functions; a directory of
 * segment files (store/segment.c) is the first kind.
 *
 * A segment is what one write (or compaction) put on one shard: an ordered list of chunks
 * under (shard, write id), immutable once sealed.  Until a manifest names it
 * nobody reads it.
 */
#ifndef SK_SHARD_H
#define SK_SHARD_H
#include "base/err.h"
#include "base/buf.h"
#include "value/chunk.h"

struct sk_redis;

struct sk_write_id { uint8_t b[16]; };
void sk_write_id_hex(struct sk_write_id, char out[33]);
/* Of 32 lower-case hex digits; what follows them is not looked at. */
bool sk_write_id_parse(struct sk_write_id *, const char *hex);
int sk_write_id_new(struct sk_write_id *, struct snek_error *);   /* random */

struct sk_stamp {               /* says which shard of which cluster this is */
	uint8_t cluster[16];
	uint32_t shard, format;
};

struct sk_chunk_entry {         /* one chunk of a segment, from its index */
	uint64_t offset;        /* in the segment */
	uint32_t bytes, rows;
	struct sk_place first;  /* version 0: the write's own; record: its number */
};

/* A sealed segment, opened.  The bytes stay readable until close whatever gc
 * does in the meantime. */
struct sk_segment {
	const uint8_t *bytes;   /* mapped; NULL where chunks are fetched */
	size_t size;
	const struct sk_chunk_entry *entry;
	uint32_t chunks;
	uint64_t records;
};

struct sk_segment_writer;

/* Which columns of a chunk are wanted: those of these names (of members of
 * objects) and what else a path may look into; names NULL: everything. */
struct sk_want {
	const struct sk_span *name;
	size_t names;
	bool all;
};

/*
 * A chunk to be read from a shard that maps nothing.  room gives n bytes, 8-
 * aligned, for a chunk of the columns that are wanted (sk_chunk_open reads it;
 * touching a column or record that was not fetched is SNEK_EINTERNAL); NULL:
 * memory is out.  done is called once, from within the shard's loop:
 * SNEK_ENOENT without text: it is gone.  Neither may call the shard.
 */
struct sk_fetch {
	struct sk_write_id write;
	uint32_t number, rows;
	uint32_t bytes;                 /* by the index; 0: not known.  Bounds
	                                 * what is taken from the server */
	const struct sk_want *want;     /* until done */
	void *(*room)(void *, size_t n);
	void (*done)(void *, int rc, size_t n, const struct snek_error *);
	void *arg;
};

struct sk_shard;
struct sk_shard_ops {
	/* Append chunks, then seal: durable when it returns.  abandon removes
	 * what was put.  free after either; until then list calls the write
	 * alive.  After a failure nothing but abandon and free is of use. */
	int (*begin)(struct sk_shard *, struct sk_write_id,
	    struct sk_segment_writer **, struct snek_error *);
	int (*put)(struct sk_segment_writer *, struct sk_span chunk, uint32_t rows,
	    struct sk_place first, struct snek_error *);
	int (*seal)(struct sk_segment_writer *, struct snek_error *);
	void (*abandon)(struct sk_segment_writer *);
	void (*free)(struct sk_segment_writer *);

	/* SNEK_ENOENT without text: no such segment (deleted, or data loss:
	 * the caller knows which).  SNEK_ECORRUPT, SNEK_EVERSION. */
	int (*open)(struct sk_shard *, struct sk_write_id, struct sk_segment **,
	    struct snek_error *);
	void (*close)(struct sk_segment *);
	/* Where segments are not mapped (else NULL): begin to fetch what open
	 * will want, so that many are on their way at once; begin to read a
	 * chunk; go on with all reads that began, other threads' too, until
	 * until(arg) (NULL: until they have ended): SNEK_ETIMEDOUT after
	 * timeout_ms.  It does not end because a read failed: done says that. */
	void (*prefetch)(struct sk_shard *, struct sk_write_id);
	int (*fetch)(struct sk_shard *, const struct sk_fetch *, struct snek_error *);
	int (*settle)(struct sk_shard *, bool (*until)(void *), void *arg,
	    int timeout_ms, struct snek_error *);
	/* Nothing names it any more, but who reads it shall come to an end:
	 * for list its age begins now.  NULL: who has it open keeps it. */
	int (*retire)(struct sk_shard *, struct sk_write_id, struct snek_error *);

	/* Every write id found on the shard; alive: its writer is still at
	 * work; age in seconds since its last sign of life. */
	int (*list)(struct sk_shard *, int (*visit)(void *, struct sk_write_id,
	    uint64_t bytes, int64_t age, bool alive), void *, struct snek_error *);
	/* Remove all under the write id; 0 too when there was nothing. */
	int (*sweep)(struct sk_shard *, struct sk_write_id, struct snek_error *);

	const char *(*location)(const struct sk_shard *);
	void (*shut)(struct sk_shard *);        /* closes and frees the shard */
};
struct sk_shard { const struct sk_shard_ops *ops; };

/* store/segment.c.  create makes the directory, or takes an empty one, and
 * stamps it (SNEK_EEXIST: not empty); open checks the stamp: SNEK_ECORRUPT for
 * a wrong, doubled or missing one, by name; SNEK_EVERSION.  A shard may be
 * used by several threads at once, a writer by one. */
int sk_segment_shard_create(const char *dir, const struct sk_stamp *,
    struct snek_error *);
int sk_segment_shard_open(const char *dir, const struct sk_stamp *,
    struct sk_shard **, struct snek_error *);

/* store/redis_shard.c.  The same on a server; keys are drawn there.  The client is
 * the shard's to free once open has succeeded, else its caller's.  All shards of
 * a loop read at once.  A writer is alive for 60 s from its last sign, which it
 * gives every 15 s.  SNEK_EEXIST of begin may come from put or seal. */
int sk_redis_shard_create(struct sk_redis *, const struct sk_stamp *,
    struct snek_error *);
int sk_redis_shard_open(struct sk_redis *, const struct sk_stamp *,
    struct sk_shard **, struct snek_error *);
/* The same for reading alone, without a word to the server: somebody else has
 * looked at its stamp. */
int sk_redis_shard_attach(struct sk_redis *, const struct sk_stamp *,
    struct sk_shard **, struct snek_error *);
/* The same, where the server may evict keys if any_eviction is set; otherwise
 * SNEK_EINVAL, as from begin on such a server. */
int sk_redis_shard_create_with(struct sk_redis *, const struct sk_stamp *,
    bool any_eviction, struct snek_error *);
void sk_redis_shard_any_eviction(struct sk_shard *);
/* What seal must reach from now on (enum sk_durability; replicas: how many,
 * for REPLICATED).  SNEK_EINVAL, with the reason: the server cannot be shown
 * to give it.  Unless called: MEMORY. */
int sk_redis_shard_durability(struct sk_shard *, int level, uint32_t replicas,
    struct snek_error *);
/* The same for one writer: so many replicas (0: as the shard says). */
void sk_redis_writer_replicas(struct sk_segment_writer *, uint32_t);
/* Wait until all that was written to the shard so far, a sealed write among it,
 * is on so many replicas: SNEK_EIO when it is not, in time. */
int sk_redis_shard_replicate(struct sk_shard *, struct sk_write_id,
    uint32_t replicas, struct snek_error *);
/* Remove the stamp and every key of the shard. */
int sk_redis_shard_destroy(struct sk_redis *, const struct sk_stamp *,
    struct snek_error *);
#endif
