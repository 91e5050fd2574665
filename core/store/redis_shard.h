/* SPDX-License-Identifier: MIT */
/* redis_shard.h - what redis_shard*.c share; for nobody else. */
#ifndef SK_REDIS_SHARD_H
#define SK_REDIS_SHARD_H
#include "store/redis.h"
#include "store/shard.h"

#include <pthread.h>

#define SK_REDIS_FORMAT 1u
#define SK_REDIS_PREFIX_MAX 256u
#define SK_REDIS_KEY (SK_REDIS_PREFIX_MAX + 128)
#define SK_REDIS_LEASE_MS 60000         /* a writer's, from its last sign */
#define SK_REDIS_RENEW_MS 15000
#define SK_REDIS_WAIT_MS 15000          /* for replicas */
#define SK_REDIS_WINDOW 16u             /* commands in flight, either way */
#define SK_REDIS_FLIGHT (8u << 20)      /* bytes of puts in flight */
#define SK_REDIS_WINDOW_MIN 4u          /* large answers in flight ... */
#define SK_REDIS_ANSWERS (1u << 20)     /* ... which are this together */
#define SK_REDIS_BATCH 256u             /* keys of one UNLINK or page */
#define SK_REDIS_PREFETCH 4096u         /* indexes asked for and not opened */

/* Only a test that compiles these files with SK_FAULTS has a promise to break:
 * "replies" are not looked at. */
#ifdef SK_FAULTS
extern const char *sk_redis_fault;
extern int sk_redis_renew_ms, sk_redis_wait_ms, sk_redis_lease_ms;
#define SK_REDIS_LEASE sk_redis_lease_ms
#define SK_REDIS_FAULT(name) (sk_redis_fault && !strcmp(sk_redis_fault, name))
#else
#define SK_REDIS_LEASE SK_REDIS_LEASE_MS
#define SK_REDIS_FAULT(name) false
#endif

struct sk_redis_beat {                  /* the thread of redis_shard_beat.c */
	pthread_t thread;
	pthread_mutex_t lock;           /* never held with the loop's */
	pthread_cond_t changed;
	bool started, stop;
};

struct sk_redis_fetching;
struct sk_redis_index;

/* What changes is guarded by the loop's lock: touched in done, or in what
 * sk_redis_shard_locked calls. */
struct sk_redis_shard {
	struct sk_shard base;
	sk_redis *redis;
	sk_redis_loop *loop;
	struct sk_stamp stamp;
	char key[SK_REDIS_KEY];         /* "PREFIX:SHARD:" */
	size_t key_n;
	_Atomic int64_t clock;          /* the server's less sk_clock_ms */
	bool closing, any_eviction;
	_Atomic bool checked;
	int durability;
	uint32_t replicas;

	struct sk_redis_beat beat;
	struct sk_segment_writer *writers;      /* not freed */
	struct sk_redis_index *index[256];      /* on their way, by write id */
	uint32_t indexes;
	struct sk_script seal;
	uint32_t reading;               /* fetches sent */
	size_t answer;                  /* bytes of the last one's chunk */
	struct sk_redis_fetching *first, *last; /* and waiting to be */
};

static inline struct sk_redis_shard *sk_redis_shard_of(struct sk_shard *s)
{
	return (struct sk_redis_shard *)s;
}

/* redis_shard.c */
struct sk_redis_key {
	char text[SK_REDIS_KEY];
	struct sk_span span;
};
/* Of a write ('i' its index, 'o' its owner); chunk: of a chunk. */
void sk_redis_shard_key(const struct sk_redis_shard *, char kind,
    struct sk_write_id, struct sk_redis_key *);
void sk_redis_shard_chunk(const struct sk_redis_shard *, struct sk_write_id,
    uint32_t number, struct sk_redis_key *);
void sk_redis_shard_name(const struct sk_redis_shard *, const char *name,
    struct sk_redis_key *);
uint32_t sk_redis_shard_seed(struct sk_write_id, uint32_t number);
/* Call f with the loop's lock held; f may send. */
int sk_redis_shard_locked(struct sk_redis_shard *, bool (*f)(void *), void *,
    struct snek_error *);
int sk_redis_shard_call(struct sk_redis_shard *, const struct sk_span *arg,
    size_t args, struct sk_answer *, struct snek_error *);
int64_t sk_redis_shard_now(const struct sk_redis_shard *);      /* server, ms */
/* From the answer to TIME. */
int sk_redis_shard_read_time(const struct sk_redis_shard *,
    const struct sk_reply *, uint64_t *ms, struct snek_error *);
int sk_redis_shard_hear_time(struct sk_redis_shard *, const struct sk_reply *,
    struct snek_error *);
/* Ask the server what it is, once; SNEK_EINVAL: it evicts. */
int sk_redis_shard_check(struct sk_redis_shard *, struct snek_error *);
/* Put "URL: " in front, unless it is there. */
int sk_redis_shard_fail(const struct sk_redis_shard *, struct snek_error *,
    int rc, const char *what);

/* redis_shard_beat.c */
void sk_redis_beat_init(struct sk_redis_beat *);
int sk_redis_beat_start(struct sk_redis_shard *, struct snek_error *);
void sk_redis_beat_end(struct sk_redis_beat *);

/* redis_shard_write.c */
int sk_redis_shard_begin(struct sk_shard *, struct sk_write_id,
    struct sk_segment_writer **, struct snek_error *);
int sk_redis_shard_put(struct sk_segment_writer *, struct sk_span, uint32_t,
    struct sk_place, struct snek_error *);
int sk_redis_shard_seal(struct sk_segment_writer *, struct snek_error *);
void sk_redis_shard_abandon(struct sk_segment_writer *);
void sk_redis_shard_free(struct sk_segment_writer *);

extern const char sk_redis_seal_text[];

/* redis_shard_index.c */
struct sk_redis_head {                  /* of an index */
	char magic[8];
	uint32_t format, shard;
	uint8_t cluster[16];
	struct sk_write_id write;
	uint64_t records;
	uint32_t chunks, crc;
};
_Static_assert(sizeof(struct sk_redis_head) == 64, "drawn in redis_shard.c");
/* Put the head in front of entries: n bytes at p, the first 64 to be filled. */
void sk_redis_index_seal(const struct sk_redis_shard *, struct sk_write_id,
    uint64_t records, uint32_t chunks, void *p);
int sk_redis_shard_open_segment(struct sk_shard *, struct sk_write_id,
    struct sk_segment **, struct snek_error *);
void sk_redis_shard_close(struct sk_segment *);
void sk_redis_shard_prefetch(struct sk_shard *, struct sk_write_id);
void sk_redis_index_drop(struct sk_redis_shard *);

/* redis_shard_fetch.c */
int sk_redis_shard_fetch(struct sk_shard *, const struct sk_fetch *,
    struct snek_error *);
int sk_redis_shard_settle(struct sk_shard *, bool (*until)(void *), void *,
    int timeout_ms, struct snek_error *);

/* redis_shard_sweep.c */
int sk_redis_shard_list(struct sk_shard *, int (*visit)(void *,
    struct sk_write_id, uint64_t, int64_t, bool), void *, struct snek_error *);
int sk_redis_shard_sweep(struct sk_shard *, struct sk_write_id,
    struct snek_error *);
int sk_redis_shard_retire(struct sk_shard *, struct sk_write_id,
    struct snek_error *);
/* chunks: so many numbers at least, whatever the server remembers. */
int sk_redis_shard_sweep_all(struct sk_redis_shard *, struct sk_write_id,
    uint32_t chunks, struct snek_error *);
int sk_redis_shard_remove_all(struct sk_redis_shard *, struct snek_error *);
#endif
