/* SPDX-License-Identifier: MIT */
/*
 * libmicrohttpd runs in the loop's thread: its epoll descriptor is one of the
 * loop's, and requests that wait for a reply are suspended connections.
 */
#include "host/server.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BACKLOG = 4096,
	CONNECTIONS = 1 << 16,
	POOL = 32 << 10,                /* of a connection: head, piece of body */
	BLOCK = 64 << 10,               /* of a chunked reply */
	TURNS = 16,                     /* of libmicrohttpd in a row */
	PAUSE_US = 100000
};
/* What is over its limit is read to its end, so that the client hears why. */
#define DRAIN ((size_t)512 << 20)

struct sk_server {
	struct MHD_Daemon *daemon;
	struct sk_loop *loop;
	struct sk_watch watch;
	bool again;                     /* a reply waits to be moved */
	size_t replies;                 /* that are not out yet */
};

struct sk_port {
	struct sk_server *server;
	const struct sk_port_ops *ops;
	void *arg;
	struct sk_watch watch;
	struct sk_timer pause;          /* for want of descriptors */
	uint16_t number;
	size_t refs;                    /* its own and its connections' */
	bool closed, handing;
};

struct exchange {
	struct sk_request r;
	struct MHD_Connection *connection;
	struct sk_server *server;
	struct sk_port *port;
	size_t max, drained;
	struct MHD_Response *response;
	unsigned status;
	bool begun, taken, in_handler, suspended, dropped;
};

/* How a connection is told which port it came by: MHD keeps its address. */
struct tagged {
	struct sockaddr_in in;
	struct sk_port *port;
};

/* The request is its first member. */
static struct exchange *exchange_of(const struct sk_request *r)
{
	return (struct exchange *)(uintptr_t)r;
}

/* ---- replies ---- */

void sk_reply_header(struct sk_reply *p, const char *name, const char *value)
{
	struct sk_header *h = p->header + p->headers;

	if (p->headers == SK_REPLY_HEADERS)
		return;
	memcpy(h->name, name, strnlen(name, sizeof(h->name) - 1));
	h->value = value;
	p->headers++;
}

struct stream {
	struct sk_buf body;
};

static ssize_t stream_read(void *arg, uint64_t at, char *to, size_t max)
{
	const struct stream *s = arg;
	size_t n = s->body.n - (size_t)at;

	if (!n)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n > max)
		n = max;
	memcpy(to, s->body.p + at, n);
	return (ssize_t)n;
}

static void stream_free(void *arg)
{
	struct stream *s = arg;

	sk_buf_free(&s->body);
	free(s);
}

static struct MHD_Response *make_stream(struct sk_buf *body)
{
	struct stream *s = malloc(sizeof(*s));
	struct MHD_Response *m;

	if (!s)
		return NULL;
	s->body = *body;
	memset(body, 0, sizeof(*body));
	m = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK,
	    stream_read, s, stream_free);
	if (!m)
		stream_free(s);
	return m;
}

static struct MHD_Response *make_response(struct sk_reply *p)
{
	struct MHD_Response *m;

	if (p->file > 0) {
		m = MHD_create_response_from_fd64(p->file_size, p->file);
		if (!m)
			close(p->file);
		p->file = 0;
		return m;
	}
	if (p->chunked)
		return make_stream(&p->body);
	m = MHD_create_response_from_buffer(p->body.n, p->body.p,
	    MHD_RESPMEM_MUST_FREE);
	if (m)
		memset(&p->body, 0, sizeof(p->body));
	return m;
}

static void wake(struct exchange *x)
{
	if (x->in_handler || !x->suspended)
		return;
	x->suspended = false;
	x->server->again = true;
	MHD_resume_connection(x->connection);
}

void sk_request_reply(struct sk_request *r, struct sk_reply *p)
{
	struct exchange *x = exchange_of(r);
	size_t i;

	x->status = p->status;
	x->response = make_response(p);
	for (i = 0; x->response && i < p->headers; i++)
		MHD_add_response_header(x->response, p->header[i].name,
		    p->header[i].value);
	sk_buf_free(&p->body);
	if (x->response)
		x->server->replies++;
	else
		x->dropped = true;
	wake(x);
}

void sk_request_drop(struct sk_request *r)
{
	struct exchange *x = exchange_of(r);

	x->dropped = true;
	wake(x);
}

/* ---- requests ---- */

const char *sk_request_header(const struct sk_request *r, const char *name)
{
	return MHD_lookup_connection_value(exchange_of(r)->connection,
	    MHD_HEADER_KIND, name);
}

const char *sk_request_trailer(const struct sk_request *r, const char *name)
{
	return MHD_lookup_connection_value(exchange_of(r)->connection,
	    MHD_FOOTER_KIND, name);
}

struct each {
	void (*f)(void *, const char *, const char *);
	void *arg;
};

static enum MHD_Result give_header(void *arg, enum MHD_ValueKind kind,
    const char *name, const char *value)
{
	struct each *e = arg;

	(void)kind;
	e->f(e->arg, name, value ? value : "");
	return MHD_YES;
}

void sk_request_headers(const struct sk_request *r,
    void (*f)(void *, const char *, const char *), void *arg)
{
	struct each e = { f, arg };

	MHD_get_connection_values(exchange_of(r)->connection, MHD_HEADER_KIND,
	    give_header, &e);
}

static void *on_target(void *arg, const char *uri, struct MHD_Connection *c)
{
	size_t n = strlen(uri);
	struct exchange *x = calloc(1, sizeof(*x) + n + 1);
	char *target;

	if (!x)
		return NULL;
	target = (char *)(x + 1);
	memcpy(target, uri, n);
	x->r.target = target;
	x->r.path_len = strcspn(target, "?");
	x->connection = c;
	x->server = arg;
	return x;
}

static size_t content_length(const struct sk_request *r)
{
	const char *text = sk_request_header(r, "Content-Length");

	return text ? strtoull(text, NULL, 10) : 0;
}

static enum MHD_Result begin(struct exchange *x, const char *method)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
	    x->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	size_t n;

	x->begun = true;
	x->port = info ? info->socket_context : NULL;
	if (!x->port || x->port->closed)
		return MHD_NO;
	x->r.method = method;
	x->r.arg = x->port->arg;
	x->max = x->port->ops->limit(x->port->arg, &x->r);
	n = content_length(&x->r);
	x->r.too_large = n > x->max;
	if (n > DRAIN)
		return MHD_NO;
	return x->r.too_large || sk_buf_reserve(&x->r.body, n) ? MHD_YES : MHD_NO;
}

static enum MHD_Result receive(struct exchange *x, const char *p, size_t n)
{
	if (!x->r.too_large && n > x->max - x->r.body.n) {
		x->r.too_large = true;
		sk_buf_free(&x->r.body);
	}
	if (!x->r.too_large)
		return sk_buf_put(&x->r.body, p, n) ? MHD_YES : MHD_NO;
	x->drained += n;
	return x->drained > DRAIN ? MHD_NO : MHD_YES;
}

static enum MHD_Result send_reply(struct exchange *x)
{
	return MHD_queue_response(x->connection, x->status, x->response);
}

static enum MHD_Result take(struct exchange *x)
{
	if (!x->taken) {
		if (x->port->closed)
			return MHD_NO;
		x->taken = x->in_handler = true;
		x->port->ops->take(x->port->arg, &x->r);
		x->in_handler = false;
	}
	if (x->dropped)
		return MHD_NO;
	if (x->response)
		return send_reply(x);
	x->suspended = true;
	MHD_suspend_connection(x->connection);
	return MHD_YES;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c,
    const char *url, const char *method, const char *version,
    const char *data, size_t *n, void **state)
{
	struct exchange *x = *state;
	enum MHD_Result rc;

	(void)arg, (void)c, (void)url, (void)version;
	if (!x)
		return MHD_NO;
	if (!x->begun)
		return begin(x, method);
	if (!*n)
		return take(x);
	rc = receive(x, data, *n);
	*n = 0;
	return rc;
}

static void on_completed(void *arg, struct MHD_Connection *c, void **state,
    enum MHD_RequestTerminationCode code)
{
	struct exchange *x = *state;

	(void)arg, (void)c, (void)code;
	if (!x)
		return;
	if (x->response) {
		x->server->replies--;
		MHD_destroy_response(x->response);
	}
	sk_buf_free(&x->r.body);
	free(x);
	*state = NULL;
}

/* The target is kept as it came: who splits it decodes it. */
static size_t keep(void *arg, struct MHD_Connection *c, char *s)
{
	(void)arg, (void)c;
	return strlen(s);
}

/* ---- ports ---- */

static void port_unref(struct sk_port *p)
{
	if (!--p->refs)
		free(p);
}

static void on_connection(void *arg, struct MHD_Connection *c, void **context,
    enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info;
	struct tagged tag;

	(void)arg;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (*context)
			port_unref(*context);
		*context = NULL;
		return;
	}
	info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (!info)
		return;
	memcpy(&tag, info->client_addr, sizeof(tag));
	MHD_set_connection_option(c, MHD_CONNECTION_OPTION_TIMEOUT,
	    tag.port->ops->patience_s);
	tag.port->handing = false;
	*context = tag.port;
}

static void hand_over(struct sk_port *p, int fd)
{
	struct tagged tag;
	int one = 1;

	memset(&tag, 0, sizeof(tag));
	tag.in.sin_family = AF_INET;
	tag.port = p;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	p->refs++;
	p->handing = true;
	if (MHD_add_connection(p->server->daemon, fd,
	    (const struct sockaddr *)&tag, sizeof(tag)) != MHD_YES && p->handing)
		port_unref(p);
	p->server->again = true;
}

static void on_pause(void *arg)
{
	struct sk_port *p = arg;
	struct snek_error e;

	if (sk_loop_add(p->server->loop, &p->watch, EPOLLIN, &e))
		sk_loop_set(p->server->loop, &p->pause, sk_clock_us() + PAUSE_US);
}

/* Who waits to be let in would else be heard of again and again. */
static void pause_port(struct sk_port *p)
{
	p->pause.fire = on_pause;
	p->pause.arg = p;
	if (!sk_loop_set(p->server->loop, &p->pause, sk_clock_us() + PAUSE_US))
		sk_loop_remove(p->server->loop, &p->watch);
}

static void on_accept(void *arg, uint32_t events)
{
	struct sk_port *p = arg;
	int fd, i;

	(void)events;
	for (i = 0; i < BACKLOG && !p->closed; i++) {
		fd = accept4(p->watch.fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EMFILE || errno == ENFILE ||
		    errno == ENOMEM || errno == ENOBUFS))
			pause_port(p);
		if (fd < 0)
			return;
		hand_over(p, fd);
	}
}

static int listen_at(struct sk_port *p, uint16_t number, struct snek_error *e)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(number),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int one = 1;

	p->watch.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	if (p->watch.fd < 0)
		return sk_fail_errno(e, "socket");
	setsockopt(p->watch.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(p->watch.fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(p->watch.fd, BACKLOG) < 0 ||
	    getsockname(p->watch.fd, (struct sockaddr *)&a, &n) < 0)
		return sk_fail(e, SNEK_EIO, "listen on 127.0.0.1:%u: %s; "
		    "--port 0 takes any that is free", number, strerror(errno));
	p->number = ntohs(a.sin_port);
	return sk_loop_add(p->server->loop, &p->watch, EPOLLIN, e);
}

int sk_port_expect(struct sk_server *s, const struct sk_port_ops *ops, void *arg,
    struct sk_port **out, struct snek_error *e)
{
	struct sk_port *p = calloc(1, sizeof(*p));

	if (!p)
		return sk_enomem(e);
	p->server = s;
	p->ops = ops;
	p->arg = arg;
	p->refs = 1;
	p->watch = (struct sk_watch){ .fd = -1, .ready = on_accept, .arg = p };
	*out = p;
	return 0;
}

int sk_port_listen(struct sk_port *p, int fd, struct snek_error *e)
{
	if (p->watch.fd >= 0) {
		close(fd);
		return sk_fail(e, SNEK_EINTERNAL, "a second socket for a port");
	}
	p->watch.fd = fd;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return sk_fail_errno(e, "a socket");
	return sk_loop_add(p->server->loop, &p->watch, EPOLLIN, e);
}

int sk_port_open(struct sk_server *s, uint16_t number,
    const struct sk_port_ops *ops, void *arg, struct sk_port **out,
    struct snek_error *e)
{
	struct sk_port *p = NULL;
	int rc = sk_port_expect(s, ops, arg, &p, e);

	if (rc)
		return rc;
	rc = listen_at(p, number, e);
	if (rc)
		sk_port_close(p);
	else
		*out = p;
	return rc;
}

void sk_port_close(struct sk_port *p)
{
	if (!p)
		return;
	p->closed = true;
	sk_loop_unset(p->server->loop, &p->pause);
	sk_loop_remove(p->server->loop, &p->watch);
	if (p->watch.fd >= 0)
		close(p->watch.fd);
	port_unref(p);
}

uint16_t sk_port_number(const struct sk_port *p)
{
	return p->number;
}

/* ---- the server ---- */

static void on_ready(void *arg, uint32_t events)
{
	struct sk_server *s = arg;

	(void)events;
	s->again = true;
}

bool sk_server_run(struct sk_server *s)
{
	unsigned MHD_LONG_LONG wait;
	int i;

	for (i = 0; i < TURNS && s->again; i++) {
		s->again = false;
		MHD_run(s->daemon);
		if (MHD_get_timeout(s->daemon, &wait) == MHD_YES && !wait)
			s->again = true;
	}
	return s->again;
}

bool sk_server_has_replies(const struct sk_server *s)
{
	return s->replies;
}

int sk_server_new(struct sk_loop *loop, struct sk_server **out,
    struct snek_error *e)
{
	struct sk_server *s = calloc(1, sizeof(*s));
	const union MHD_DaemonInfo *info;
	int rc;

	if (!s)
		return sk_enomem(e);
	s->loop = loop;
	s->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET |
	    MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, s,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL,
	    MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
	    MHD_OPTION_UNESCAPE_CALLBACK, keep, NULL,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL,
	    MHD_OPTION_END);
	if (!s->daemon) {
		free(s);
		return sk_fail(e, SNEK_EIO, "libmicrohttpd does not start");
	}
	info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	s->watch = (struct sk_watch){ .fd = info->epoll_fd, .ready = on_ready,
		.arg = s };
	rc = sk_loop_add(loop, &s->watch, EPOLLIN, e);
	if (rc)
		sk_server_free(s);
	else
		*out = s;
	return rc;
}

void sk_server_free(struct sk_server *s)
{
	if (!s)
		return;
	sk_loop_remove(s->loop, &s->watch);
	MHD_stop_daemon(s->daemon);
	free(s);
}
