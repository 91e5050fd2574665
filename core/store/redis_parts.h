/* SPDX-License-Identifier: MIT */
/* redis_parts.h - what redis*.c share; for nobody else. */
#ifndef SK_REDIS_PARTS_H
#define SK_REDIS_PARTS_H
#include "store/redis.h"
#include "store/resp.h"
#include "store/transport.h"

#include <pthread.h>

#define SK_REDIS_READ (256 << 10)      /* bytes a read */

/*
 * A command is in one queue of its client: wait (not sent, or its first bytes
 * only: then it is the head), sent (in the order of the replies), or held
 * while it is being ended.  One whose done was called before its reply came
 * (abandoned) stays in its place, for the reply must be passed over.
 */
struct sk_redis_command {
	struct sk_redis_command *next;
	sk_redis_done *done;
	void *arg;
	int64_t deadline, queued;
	struct sk_resp_bounds bounds;
	bool again, raw, abandoned;
	bool hello;             /* of the handshake: step says which */
	uint8_t step;
	size_t n;
	char bytes[];
};

struct sk_redis_queue {
	struct sk_redis_command *head, *tail;
};

enum sk_redis_state {
	SK_REDIS_DOWN,          /* no connection */
	SK_REDIS_OPENING,       /* the transport is connecting */
	SK_REDIS_HELLO,         /* handshake */
	SK_REDIS_READY,
};

struct sk_redis {
	sk_redis_loop *loop;
	struct sk_redis *next;
	struct sk_redis_url url;
	char *name;             /* of the URL, without secrets */
	char *user, *password, *ca_file, *cert_file, *key_file, *server_name;
	int (*token)(void *, struct sk_buf *, struct snek_error *);
	void *token_arg;

	enum sk_redis_state state;
	struct sk_transport wire;
	struct sk_resp *resp;
	struct sk_redis_queue hello, wait, sent;
	size_t written;         /* bytes of the head of what is being sent */
	bool blocked;           /* the socket takes no more now */
	bool asked;             /* sk_redis_connect */
	bool stale;             /* to be dropped when nothing is on its way */
	bool more;              /* that can be read without another event */

	size_t queued;          /* bytes in wait */
	uint32_t pending;       /* commands whose done is still to be called */
	int64_t due;            /* no command's deadline is before */
	int64_t open_by, retry_at, heard;
	int64_t down_since;     /* the first try to open it; 0: it is ready */
	unsigned failures;      /* in a row */
	struct snek_error why;  /* the last trouble; code 0: none */
	bool told;              /* that it is waited for */
	struct snek_error refusal;      /* of the handshake; code 0: none */
};

struct sk_redis_context {       /* of TLS, by its files */
	struct sk_redis_context *next;
	char *ca, *cert, *key;
	void *context;
};

struct sk_redis_loop {
	pthread_mutex_t lock;   /* recursive: done may send */
	pthread_cond_t moved;   /* something was done, or nobody drives */
	int pid;
	int epoll, wake;
	bool driving;           /* a thread is within step */
	bool woken;             /* wake was written to */
	unsigned calling;       /* depth of done and until */
	uint64_t removals;      /* of clients: events from before are void */
	uint64_t calls;         /* of done, ever */
	struct sk_redis *clients;
	const struct sk_tls_ops *tls;
	struct sk_redis_context *contexts;
	char *in;               /* the buffer of all reads */
	struct sk_waiting waiting;
};

/* redis_queue.c */
void sk_redis_push(struct sk_redis_queue *, struct sk_redis_command *);
struct sk_redis_command *sk_redis_pop(struct sk_redis_queue *);
void sk_redis_prepend(struct sk_redis_queue *, struct sk_redis_queue *front);
struct sk_redis_command *sk_redis_command_new(const struct sk_command *,
    sk_redis_done *, void *arg);
void sk_redis_command_free(struct sk_redis_command *);

/* redis_loop.c: wake who drives, if that is another thread. */
void sk_redis_loop_wake(sk_redis_loop *);
/* Of a forked parent? and its refusal; also within a callback. */
bool sk_redis_loop_is_foreign(const sk_redis_loop *);
int sk_redis_loop_refuse(const sk_redis_loop *, struct snek_error *);

/* redis_client.c: what the loop does with a client. */
void sk_redis_tend(struct sk_redis *, int64_t now);
void sk_redis_on_event(struct sk_redis *, uint32_t events, int64_t now);
int64_t sk_redis_due(const struct sk_redis *);
/* The connection broke, or must: rc and text say why.  final: another try
 * would end the same way. */
void sk_redis_lost(struct sk_redis *, int64_t now, bool final,
    const struct snek_error *);
/* Call done and forget the command. */
void sk_redis_end(struct sk_redis *, struct sk_redis_command *, int rc,
    const struct sk_reply *, const struct snek_error *);

int64_t sk_redis_backoff(unsigned failures);
/* How long one that is not reached is tried again, in ms. */
int64_t sk_redis_patience(const struct sk_redis *);
/* What keeps one that is being opened. */
const char *sk_redis_stuck_in(const struct sk_redis *);

/* redis_waiting.c: when it is to be said that the server is waited for
 * (INT64_MAX: never), and that. */
int64_t sk_redis_tell_at(const struct sk_redis *);
void sk_redis_tell(struct sk_redis *, int64_t now);

/* redis_pipe.c */
void sk_redis_flush(struct sk_redis *, int64_t now);
void sk_redis_receive(struct sk_redis *, int64_t now);

/* redis_hello.c: queue the handshake; look at a reply of it. */
int sk_redis_hello(struct sk_redis *, struct snek_error *);
void sk_redis_hello_reply(struct sk_redis *, uint8_t step,
    const struct sk_reply *, int64_t now);

/* redis_error.c: rc and words for an error reply; retry: later it may do. */
struct sk_redis_verdict {
	int rc;
	bool retry, stale;
};
struct sk_redis_verdict sk_redis_judge(const char *name, struct sk_span text,
    struct snek_error *);

/* redis_tls.c: a context for the client's files; each is made once. */
int sk_redis_tls(struct sk_redis *, struct snek_error *);
void sk_redis_tls_free(sk_redis_loop *);
#endif
