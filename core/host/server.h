/* SPDX-License-Identifier: MIT */
/*
 * server.h - HTTP/1.1 on loopback: whole requests in, replies whenever they
 * are ready.  Hides libmicrohttpd.
 *
 * A request lives until it is replied to or dropped, which happens once; its
 * connection may be gone by then.
 */
#ifndef SK_SERVER_H
#define SK_SERVER_H
#include "base/buf.h"
#include "host/loop.h"

struct sk_server;
struct sk_port;                         /* a socket that listens */

struct sk_request {
	const char *method;
	const char *target;             /* as it came, percent-encoded */
	size_t path_len;                /* of target, up to its '?' */
	struct sk_buf body;             /* may be taken */
	bool too_large;                 /* over the limit; the body is empty */
	void *arg;                      /* of the port */
};

/* What a port is for. */
struct sk_port_ops {
	unsigned patience_s;            /* with a connection that is silent while
					 * no reply is due; 0: for ever */
	/* The head is there: how large may the body be? */
	size_t (*limit)(void *arg, struct sk_request *);
	/* All of it is there.  It is to be replied to, now or later. */
	void (*take)(void *arg, struct sk_request *);
};

struct sk_header {
	char name[40];
	const char *value;
};
enum { SK_REPLY_HEADERS = 12 };
struct sk_reply {
	unsigned status;
	size_t headers;
	struct sk_header header[SK_REPLY_HEADERS];      /* values are copied */
	struct sk_buf body;             /* taken */
	int file;                       /* in place of a body, if above 0: taken */
	uint64_t file_size;
	bool chunked;                   /* as Go does with what is larger */
};
void sk_reply_header(struct sk_reply *, const char *name, const char *value);

int sk_server_new(struct sk_loop *, struct sk_server **, struct snek_error *);
/* Everything that is suspended must have been replied to or dropped. */
void sk_server_free(struct sk_server *);
/* Move what replies have made possible; before each wait of the loop.  True:
 * there is more, do not wait. */
bool sk_server_run(struct sk_server *);
/* Some are not out yet. */
bool sk_server_has_replies(const struct sk_server *);

/* Listen on 127.0.0.1; port 0 picks one. */
int sk_port_open(struct sk_server *, uint16_t port, const struct sk_port_ops *,
    void *arg, struct sk_port **, struct snek_error *);
/* One whose socket comes from elsewhere, later; taken even when it fails. */
int sk_port_expect(struct sk_server *, const struct sk_port_ops *, void *arg,
    struct sk_port **, struct snek_error *);
int sk_port_listen(struct sk_port *, int fd, struct snek_error *);
/* Connections that were accepted go on. */
void sk_port_close(struct sk_port *);
uint16_t sk_port_number(const struct sk_port *);

/* NULL: there is none. */
const char *sk_request_header(const struct sk_request *, const char *name);
/* Behind a chunked body. */
const char *sk_request_trailer(const struct sk_request *, const char *name);
/* Call each for every header. */
void sk_request_headers(const struct sk_request *,
    void (*each)(void *, const char *name, const char *value), void *arg);
void sk_request_reply(struct sk_request *, struct sk_reply *);
/* Close its connection without an answer. */
void sk_request_drop(struct sk_request *);
#endif
