/* SPDX-License-Identifier: MIT */
/*
 * redis.h - talking to Redis and Valkey servers, many at once.
 *
 * A loop owns any number of connections ("clients") and is driven by whoever
 * waits: one thread at a time, which its own lock sees to.  Commands are
 * pipelined; replies come in order, are bounded before anything is allocated,
 * and end in a callback.  Nothing waits without a deadline.
 *
 *   url.c          redis://, rediss://, unix://
 *   lookup.c       names to addresses, in a thread
 *   transport.c    a non-blocking connection; tls.c over it, in a module
 *   resp.c         hiredis as codec, behind bounds
 *   redis_loop.c   who drives
 *   redis.c        clients: made, fed, freed; redis_client.c: their life,
 *                  redis_hello.c, redis_pipe.c, redis_error.c,
 *                  redis_waiting.c: parts of it
 *   redis_call.c, redis_script.c, redis_info.c   on top
 */
#ifndef SK_REDIS_H
#define SK_REDIS_H
#include "base/buf.h"
#include "base/err.h"

#define SK_REDIS_PREFIX "snek"
#define SK_REDIS_CONNECT_MS 5000
#define SK_REDIS_REPLY_MS 30000
#define SK_REDIS_REPLY_MAX (1u << 20)   /* bytes of a reply, unless said */
#define SK_REDIS_ITEMS_MAX 4096u        /* elements of one, unless said */

/* ---- where ---- */

struct sk_redis_url {
	bool tls;
	char *path;                     /* of a unix socket; or NULL and: */
	char *host, *port;
	char *user, *password;          /* NULL: none */
	uint32_t db;
	char *prefix;                   /* of all keys: ?prefix=, or "snek" */
};
/* redis://[[user]:password@]host[:port][/db][?prefix=P], rediss:// the same,
 * unix://[[user]:password@]/path[?db=N&prefix=P].  Percent-decoded.
 * SNEK_EINVAL says which part is wrong, without the password. */
int sk_redis_url_parse(struct sk_redis_url *, const char *, struct snek_error *);
void sk_redis_url_free(struct sk_redis_url *);
/* The URL with neither user's password nor default parts, for messages and for
 * meta; append to the buffer, with a NUL that n does not count. */
int sk_redis_url_print(const struct sk_redis_url *, struct sk_buf *);

/* How to prove who we are, and who they are.  NULL: not set. */
struct sk_redis_auth {
	const char *user, *password;    /* before the URL's */
	const char *ca_file, *cert_file, *key_file;     /* PEM */
	const char *server_name;        /* SNI and the name that is verified */
	/* A password made for each connection, such as a signed token. */
	int (*token)(void *, struct sk_buf *password, struct snek_error *);
	void *token_arg;
};

/* ---- replies ---- */

enum sk_reply_type {
	SK_REPLY_STATUS = 1, SK_REPLY_ERROR, SK_REPLY_INTEGER, SK_REPLY_NIL,
	SK_REPLY_STRING, SK_REPLY_ARRAY,
};
struct sk_reply {
	enum sk_reply_type type;
	int64_t integer;
	struct sk_span text;            /* STATUS, ERROR, STRING */
	const struct sk_reply *item;    /* ARRAY */
	size_t items;
};

/* ---- clients ---- */

typedef struct sk_redis_loop sk_redis_loop;
typedef struct sk_redis sk_redis;        /* shard.h knows it by its tag */

int sk_redis_loop_new(sk_redis_loop **, struct snek_error *);
void sk_redis_loop_free(sk_redis_loop *);       /* after its clients */
/* Before its first client.  say: a line, without an end, when a command has
 * waited for a server for a second: which, why, and how long it may be
 * yet; once until the server answers, from whoever drives, who must not use the
 * loop there.  impatient: who is not reached is not tried again. */
struct sk_waiting {
	void (*say)(void *, const char *text);
	void *arg;
	bool impatient;
};
void sk_redis_loop_waiting(sk_redis_loop *, const struct sk_waiting *);

/* A client may be used by several threads, and is freed by one.  Neither it nor
 * its loop works in a forked child (SNEK_EINVAL), where free lets go of memory
 * and descriptors and tells nobody.
 * No connection is made before the first command (or sk_redis_connect, which
 * only begins).  Texts are copied.  A lost connection is made again for the
 * next command, names being looked up anew. */
int sk_redis_new(sk_redis_loop *, const struct sk_redis_url *,
    const struct sk_redis_auth *, sk_redis **, struct snek_error *);
void sk_redis_free(sk_redis *);
void sk_redis_connect(sk_redis *);
const char *sk_redis_name(const sk_redis *);    /* URL without secrets */
const char *sk_redis_prefix(const sk_redis *);
sk_redis_loop *sk_redis_loop_of(const sk_redis *);

struct sk_command {
	const struct sk_span *arg;
	size_t args;
	size_t reply_max, items_max;    /* 0: the defaults */
	int64_t deadline_ms;            /* on sk_clock_ms; 0: reply_ms from now */
	/* May be sent again if the connection breaks (reads, and writes that
	 * are the same twice). */
	bool again;
	bool raw_errors;                /* give me replies of type ERROR */
};

/*
 * rc 0: the reply, a view until done returns; it may be of type ERROR only if
 * the command's raw_errors is set.  Else, with words that name the server:
 *   SNEK_EUNKNOWN    sent, and the connection was lost or the deadline passed
 *                    before a reply: it may have happened (never of `again`)
 *   SNEK_EAGAIN      not reached, LOADING, MASTERDOWN, TRYAGAIN, BUSY ...:
 *                    nothing happened; later it may
 *   SNEK_ETIMEDOUT   the deadline, of an `again` command or before sending
 *   SNEK_EACCES      NOAUTH, WRONGPASS, NOPERM, READONLY
 *   SNEK_EIO         OOM, MISCONF, other refusals; TLS or protocol errors
 *   SNEK_ECORRUPT    WRONGTYPE: the keys are not ours
 *   SNEK_ELIMIT      a reply over its bounds; the connection is dropped
 */
typedef void sk_redis_done(void *, int rc, const struct sk_reply *,
    const struct snek_error *);
/* Of an error's words, also as others told them: the server took no password of
 * ours, or was given none. */
bool sk_redis_says_login(const struct snek_error *);

/*
 * The arguments are copied.  done is called exactly once, from within run,
 * step or free of whichever thread drives, never from send (less than 0: it
 * will not be called).  It runs under the loop's lock: it may send (on any
 * client of the loop) and nothing else; it must not wait, nor free clients.
 */
int sk_redis_send(sk_redis *, const struct sk_command *, sk_redis_done *,
    void *arg, struct snek_error *);
/* Bytes queued and not yet sent, and commands without a reply: for windows. */
size_t sk_redis_queued(const sk_redis *);
uint32_t sk_redis_pending(const sk_redis *);

/* Drive the loop until until(arg) or the deadline (SNEK_ETIMEDOUT); takes the
 * lock, so several threads may wait for their own replies.  until is asked
 * under the lock, so it may look at what done has written. */
int sk_redis_run(sk_redis_loop *, bool (*until)(void *), void *arg,
    int64_t deadline_ms, struct snek_error *);
/* For another loop: a descriptor that is readable when step has work, and when
 * step wants to be called at the latest (on sk_clock_ms; INT64_MAX: never). */
int sk_redis_loop_fd(const sk_redis_loop *);
int64_t sk_redis_loop_due(sk_redis_loop *);
int sk_redis_step(sk_redis_loop *, int timeout_ms);

/* One command and its reply, which is the caller's to free. */
struct sk_answer {
	struct sk_reply reply;
	void *memory;
};
int sk_redis_call(sk_redis *, const struct sk_command *, struct sk_answer *,
    struct snek_error *);
void sk_answer_free(struct sk_answer *);

/* A script, called by its digest and loaded where it is missing. */
struct sk_script {
	const char *name, *text;
	char sha1[41];                  /* filled in by the first call */
};
int sk_redis_script(sk_redis *, struct sk_script *, size_t keys,
    const struct sk_span *arg, size_t args, struct sk_answer *,
    struct snek_error *);
/* With a command's bounds, deadline and `again`; its arguments are the keys and
 * what follows them. */
int sk_redis_script_with(sk_redis *, struct sk_script *, size_t keys,
    const struct sk_command *, struct sk_answer *, struct snek_error *);
/* What servers name scripts by: for EVALSHA through sk_redis_send. */
void sk_redis_sha1_hex(const void *, size_t, char out[41]);

static inline struct sk_span sk_span_text(const char *s)
{
	return (struct sk_span){ s, strlen(s) };
}

/* ---- what a server is ---- */

enum sk_durability {                    /* in order of strength */
	SK_DURABLE_UNKNOWN, SK_DURABLE_MEMORY, SK_DURABLE_PROCESS,
	SK_DURABLE_MACHINE, SK_DURABLE_REPLICATED,
};
struct sk_redis_info {                  /* from INFO, and CONFIG if allowed */
	char version[32], role[16], eviction[32], engine[16];
	bool cluster_mode, loading, config_forbidden;
	uint32_t replicas;              /* connected and in sync */
	/* The strongest it can be shown to give (REPLICATED: with WAIT, for it
	 * has replicas), and what an acknowledgement means without WAIT. */
	enum sk_durability durability, alone;
	char why[160];                  /* alone is not stronger */
	uint64_t used_memory, max_memory, clients;
	int64_t clock_ms, round_trip_us;        /* TIME; measured */
};
int sk_redis_info(sk_redis *, struct sk_redis_info *, struct snek_error *);
/* Of n clients of one loop, all asked at once; without clock and round trip.
 * The first one's failure, if any. */
int sk_redis_info_all(sk_redis *const *, size_t n, struct sk_redis_info *,
    struct snek_error *);
#endif
