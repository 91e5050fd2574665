/* SPDX-License-Identifier: MIT */
/*
 * server.h - the API behind a listening socket, by libmicrohttpd.
 *
 * A few threads read requests and answer the quick ones; what may take long
 * waits in a bounded line for the workers, while its connection sleeps.  A
 * request is refused without its body being kept when it may not ask or says a
 * length over the limit, before it is read where the client waits for a word.
 */
#ifndef SK_API_SERVER_H
#define SK_API_SERVER_H
#include "api/api.h"

struct sk_server_options {
	int fd;                         /* listening; the server closes it */
	bool shared;                    /* somebody else listens there, too */
	const char *token;              /* bearer's; NULL: everybody may ask who
	                                 * reaches it and calls it by a name of
	                                 * this machine's loopback */
	bool local;                     /* a unix socket: no Host is looked at */
	unsigned threads, workers;      /* 0: one a processor; 16 */
	unsigned connections;           /* at once; 0: 512 */
	size_t max_body;                /* bytes; 0: 64 MiB */
	unsigned patience_s;            /* for a request to come whole; 0: 30 */
	int log;                        /* descriptor of the access log, or -1 */
};

struct sk_server;
int sk_server_start(struct sk_api *, const struct sk_server_options *,
    struct sk_server **, struct snek_error *);
/* Take no new connection, answer what is under way, at most so long; then
 * everything is closed.  How many requests were cut off. */
unsigned sk_server_stop(struct sk_server *, unsigned patience_s);
#endif
