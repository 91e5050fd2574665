/* SPDX-License-Identifier: MIT */
/* transport.h - a non-blocking connection: name, socket, TLS. */
#ifndef SK_TRANSPORT_H
#define SK_TRANSPORT_H
#include "store/lookup.h"
#include "store/redis.h"
#include "store/tls.h"

#include <sys/uio.h>

enum sk_transport_state {
	SK_TRANSPORT_SHUT, SK_TRANSPORT_NAMING, SK_TRANSPORT_CONNECTING,
	SK_TRANSPORT_GREETING, SK_TRANSPORT_OPEN,
};

struct sk_transport {
	/* set by the owner, once */
	const struct sk_redis_url *url;
	int epoll, wake;
	void *owner;                    /* of the epoll events */
	const struct sk_tls_ops *tls;   /* NULL: none */
	void *tls_context;
	const char *tls_name;

	enum sk_transport_state state;
	int fd;                         /* -1: none */
	uint32_t events;                /* that epoll watches for */
	struct sk_lookup *lookup;       /* outlives an attempt that gave it up */
	struct addrinfo *list, *next;
	int64_t until, next_at;         /* of the attempt; for the next address */
	void *session;
	char *staged;                   /* what TLS has been given to send */
	size_t staged_n, staged_at;
};

/* Begin to connect; the same again when anything has happened or due has come.
 * 1: open; 0: under way; else why not, and it is shut. */
int sk_transport_begin(struct sk_transport *, int64_t until, struct snek_error *);
int sk_transport_advance(struct sk_transport *, int64_t now, struct snek_error *);
int64_t sk_transport_due(const struct sk_transport *);
void sk_transport_shut(struct sk_transport *);
/* Also what is kept between attempts. */
void sk_transport_free(struct sk_transport *);
/* Close what a forked child has inherited, and touch nothing of the parent's. */
void sk_transport_abandon(struct sk_transport *);

/* More than 0: bytes; 0: not ready; else it broke. */
ssize_t sk_transport_read(struct sk_transport *, void *, size_t, struct snek_error *);
ssize_t sk_transport_write(struct sk_transport *, const struct iovec *, int n,
    struct snek_error *);
/* Bytes were taken by write that the socket has not: write again (n may be 0). */
static inline bool sk_transport_has_staged(const struct sk_transport *t)
{
	return t->staged_at < t->staged_n;
}
/* Ask epoll for what is needed: always to read, and to write if so. */
int sk_transport_watch(struct sk_transport *, bool write, struct snek_error *);
/* Has anything come (such as the end) since the last read?  Asks the socket. */
bool sk_transport_peek(const struct sk_transport *);
#endif
