/* SPDX-License-Identifier: MIT */
#include "store/transport.h"
#include "base/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A peer that is gone without a word: found after about 20 s. */
enum { KEEP_IDLE_S = 10, KEEP_EVERY_S = 3, KEEP_TIMES = 3, SILENT_MS = 20000 };
enum { STAGE = 16384 };         /* a record of TLS */
enum { ADDRESS_MS = 250 };      /* at least, before the next one is tried */

/* ---- sockets ---- */

static void set(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)) < 0)
		return;         /* it works without */
}

static void tune(int fd)
{
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_EVERY_S);
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_TIMES);
	set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, SILENT_MS);
}

int sk_transport_watch(struct sk_transport *t, bool write, struct snek_error *e)
{
	uint32_t want = EPOLLIN | (write ? EPOLLOUT : 0);
	struct epoll_event ev = { .events = want, .data.ptr = t->owner };

	if (want == t->events)
		return 0;
	if (epoll_ctl(t->epoll, t->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, t->fd,
	    &ev) < 0)
		return sk_fail_errno(e, "epoll_ctl");
	t->events = want;
	return 0;
}

static void close_socket(struct sk_transport *t)
{
	if (t->session)
		t->tls->session_free(t->session, true);
	t->session = NULL;
	t->staged_n = t->staged_at = 0;
	if (t->fd >= 0) {
		/* A forked child may hold the socket too, and keep it alive. */
		if (t->events)
			epoll_ctl(t->epoll, EPOLL_CTL_DEL, t->fd, NULL);
		shutdown(t->fd, SHUT_RDWR);
		close(t->fd);
	}
	t->fd = -1;
	t->events = 0;
}

static int not_reached(struct snek_error *e)
{
	int rc = sk_fail_errno(e, "cannot connect");

	if (rc != SNEK_EACCES && rc != SNEK_ENOMEM)
		rc = SNEK_EAGAIN;
	if (e)
		e->code = rc;
	return rc;
}

/* A connection that met itself: a port of this machine where nobody listens
 * may be lent to the very socket that calls it. */
static bool is_own_echo(int fd, const struct sockaddr_storage *peer, socklen_t n)
{
	struct sockaddr_storage own;
	socklen_t size = sizeof(own);

	return peer->ss_family != AF_UNIX &&
	    getsockname(fd, (struct sockaddr *)&own, &size) == 0 && size == n &&
	    !memcmp(&own, peer, n);
}

static int start_connect(struct sk_transport *t, const struct sockaddr *a,
    socklen_t n, struct snek_error *e)
{
	int rc;

	t->fd = socket(a->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->fd < 0)
		return sk_fail_errno(e, "socket");
	if (a->sa_family != AF_UNIX)
		tune(t->fd);
	do
		rc = connect(t->fd, a, n);
	while (rc < 0 && errno == EINTR);
	if (rc < 0 && errno != EINPROGRESS)
		return not_reached(e);
	return sk_transport_watch(t, true, e);
}

/* ---- the steps of an attempt ---- */

static int failed(struct sk_transport *t, int rc)
{
	sk_transport_shut(t);
	return rc;
}

static int begin_greeting(struct sk_transport *t, struct snek_error *e)
{
	int rc;

	if (!t->tls) {
		t->state = SK_TRANSPORT_OPEN;
		rc = sk_transport_watch(t, false, e);
		return rc ? failed(t, rc) : 1;
	}
	rc = t->tls->session_new(t->tls_context, t->fd, t->tls_name, &t->session, e);
	if (rc)
		return failed(t, rc);
	t->state = SK_TRANSPORT_GREETING;
	return 0;
}

static int greet(struct sk_transport *t, struct snek_error *e)
{
	int rc = t->tls->greet(t->session, e), watch;

	if (rc < 0)
		return failed(t, rc);
	if (rc > 0)
		t->state = SK_TRANSPORT_OPEN;
	watch = sk_transport_watch(t, !rc && t->tls->write_next(t->session), e);
	return watch ? failed(t, watch) : rc;
}

/* Addresses in turn; each gets its share of what time is left. */
static int next_address(struct sk_transport *t, int64_t now, struct snek_error *e)
{
	struct addrinfo *a, *i;
	int64_t n = 0, share;
	int rc = SNEK_EAGAIN;

	while (t->next) {
		a = t->next;
		t->next = a->ai_next;
		for (n = 1, i = t->next; i; i = i->ai_next)
			n++;
		share = (t->until - now) / n;
		t->next_at = now + (share > ADDRESS_MS ? share : ADDRESS_MS);
		close_socket(t);
		rc = start_connect(t, a->ai_addr, a->ai_addrlen, e);
		if (!rc)
			return 0;
	}
	return failed(t, rc);
}

static int connected(struct sk_transport *t, int64_t now, struct snek_error *e)
{
	struct sockaddr_storage peer;
	socklen_t n = sizeof(peer), size = sizeof(int);
	int sys = 0;

	getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &sys, &size);
	if (!sys && getpeername(t->fd, (struct sockaddr *)&peer, &n) == 0) {
		if (!is_own_echo(t->fd, &peer, n))
			return begin_greeting(t, e);
		sys = ECONNREFUSED;
	}
	if (!sys && now < t->next_at)
		return 0;
	errno = sys ? sys : ETIMEDOUT;
	sys = not_reached(e);
	return t->next ? next_address(t, now, e) : failed(t, sys);
}

static int named(struct sk_transport *t, int64_t now, struct snek_error *e)
{
	int why = 0;

	if (!sk_lookup_done(t->lookup, &t->list, &why))
		return 0;
	sk_lookup_drop(t->lookup);
	t->lookup = NULL;
	if (!t->list) {
		t->state = SK_TRANSPORT_SHUT;
		return sk_fail(e, SNEK_EAGAIN, "the name %s is not known: %s",
		    t->url->host, gai_strerror(why));
	}
	t->next = t->list;
	t->state = SK_TRANSPORT_CONNECTING;
	return next_address(t, now, e);
}

static int connect_path(struct sk_transport *t, struct snek_error *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int rc;

	memcpy(a.sun_path, t->url->path, strlen(t->url->path) + 1);
	t->state = SK_TRANSPORT_CONNECTING;
	t->next_at = t->until;
	rc = start_connect(t, (struct sockaddr *)&a, sizeof(a), e);
	return rc ? failed(t, rc) : begin_greeting(t, e);
}

int sk_transport_begin(struct sk_transport *t, int64_t until, struct snek_error *e)
{
	int rc;

	t->until = until;
	if (t->url->path)
		return connect_path(t, e);
	t->state = SK_TRANSPORT_NAMING;
	/* One that is still under way asks for the same name. */
	rc = t->lookup ? 0 : sk_lookup_start(t->url->host, t->url->port, t->wake,
	    &t->lookup, e);
	if (rc)
		return failed(t, rc);
	return sk_transport_advance(t, sk_clock_ms(), e);
}

int sk_transport_advance(struct sk_transport *t, int64_t now, struct snek_error *e)
{
	int rc = 0;

	if (t->state == SK_TRANSPORT_NAMING)
		rc = named(t, now, e);
	if (!rc && t->state == SK_TRANSPORT_CONNECTING)
		rc = connected(t, now, e);
	if (!rc && t->state == SK_TRANSPORT_GREETING)
		rc = greet(t, e);
	return rc;
}

int64_t sk_transport_due(const struct sk_transport *t)
{
	return t->state == SK_TRANSPORT_CONNECTING && t->next ? t->next_at :
	    INT64_MAX;
}

void sk_transport_shut(struct sk_transport *t)
{
	close_socket(t);
	if (t->list)
		freeaddrinfo(t->list);
	t->list = t->next = NULL;
	t->state = SK_TRANSPORT_SHUT;
}

void sk_transport_free(struct sk_transport *t)
{
	sk_transport_shut(t);
	sk_lookup_drop(t->lookup);
	t->lookup = NULL;
	free(t->staged);
	t->staged = NULL;
}

void sk_transport_abandon(struct sk_transport *t)
{
	if (t->session)
		t->tls->session_free(t->session, false);
	t->session = NULL;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	free(t->staged);
	if (t->list)
		freeaddrinfo(t->list);
}

/* ---- an open one ---- */

static ssize_t broke(const char *doing, struct snek_error *e)
{
	int sys = errno;

	if (sys == EAGAIN || sys == EINTR)
		return 0;
	sk_fail_errno(e, "%s", doing);
	return SNEK_EIO;
}

ssize_t sk_transport_read(struct sk_transport *t, void *p, size_t n,
    struct snek_error *e)
{
	ssize_t got;

	if (t->session)
		return t->tls->read(t->session, p, n, e);
	got = recv(t->fd, p, n, 0);
	if (!got)
		return sk_fail(e, SNEK_EIO, "the server closed the connection");
	return got > 0 ? got : broke("receiving", e);
}

/*
 * What TLS was once given is encrypted and must go out, whatever becomes of
 * the command that it is of.  So it is given copies, a record's worth at a
 * time, and bytes count as written when they are copied.
 */
static int push_staged(struct sk_transport *t, struct snek_error *e)
{
	ssize_t put;

	while (sk_transport_has_staged(t)) {
		put = t->tls->write(t->session, t->staged + t->staged_at,
		    t->staged_n - t->staged_at, e);
		if (put <= 0)
			return (int)put;
		t->staged_at += (size_t)put;
	}
	t->staged_n = t->staged_at = 0;
	return 1;
}

static ssize_t write_tls(struct sk_transport *t, const struct iovec *v, int n,
    struct snek_error *e)
{
	struct snek_error next_time;
	int rc, i;

	if (!t->staged && !(t->staged = malloc(STAGE)))
		return sk_enomem(e);
	rc = push_staged(t, e);
	if (rc <= 0)
		return rc;
	for (i = 0; i < n && t->staged_n < STAGE; i++) {
		size_t room = STAGE - t->staged_n;
		size_t take = v[i].iov_len < room ? v[i].iov_len : room;

		memcpy(t->staged + t->staged_n, v[i].iov_base, take);
		t->staged_n += take;
	}
	i = (int)t->staged_n;
	push_staged(t, &next_time);     /* if it failed, it will fail again */
	return i;
}

ssize_t sk_transport_write(struct sk_transport *t, const struct iovec *v, int n,
    struct snek_error *e)
{
	struct msghdr m = { .msg_iov = (struct iovec *)v, .msg_iovlen = (size_t)n };
	ssize_t put;

	if (t->session)
		return write_tls(t, v, n, e);
	put = sendmsg(t->fd, &m, MSG_NOSIGNAL);
	return put > 0 ? put : broke("sending", e);
}

bool sk_transport_peek(const struct sk_transport *t)
{
	char c;

	return recv(t->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
	    (errno != EAGAIN && errno != EINTR);
}
