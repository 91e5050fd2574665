/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "worker/runtime.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "worker/http.h"

#define BASE "/2018-06-01/runtime/"
#define TYPE "Lambda-Runtime-Function-Error-Type: Snek.Failed\r\n"
#define PATIENCE_S 10           /* for an answer to an answer */
#define TRIES 6u                /* to reach the server, and to be heard by it */
#define PAUSE_MS 20             /* after the first; then twice as long */
#define LAST_MS 1000
#define TRACE 1024u

struct sk_runtime {
	int fd;                         /* -1: not connected */
	bool waiting;                   /* for an invocation: without an end */
	struct sockaddr_storage to;
	socklen_t to_n;
	struct sk_http http;
	char host[256];                 /* for the Host header */
	char head[768];
	char trace[sizeof("_X_AMZN_TRACE_ID=") + TRACE];
};

/* ---- where ---- */

static int look_up(sk_runtime *r, const char *host, const char *port,
    struct snek_error *e)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *a;
	int rc = getaddrinfo(host, port, &hints, &a);

	if (rc)
		return sk_fail(e, SNEK_EINVAL, "AWS_LAMBDA_RUNTIME_API is %s: "
		    "%s", r->host, gai_strerror(rc));
	memcpy(&r->to, a->ai_addr, a->ai_addrlen);
	r->to_n = a->ai_addrlen;
	freeaddrinfo(a);
	return 0;
}

/* By far most often four numbers and a port: the resolver is left alone then. */
static bool is_plain(sk_runtime *r)
{
	struct sockaddr_in *to = (struct sockaddr_in *)&r->to;
	unsigned n[5], i;
	int end = -1;

	if (sscanf(r->host, "%3u.%3u.%3u.%3u:%5u%n", &n[0], &n[1], &n[2], &n[3],
	    &n[4], &end) != 5 || r->host[end] || n[4] > 65535)
		return false;
	for (i = 0; i < 4; i++)
		if (n[i] > 255)
			return false;
	to->sin_family = AF_INET;
	to->sin_port = htons((uint16_t)n[4]);
	to->sin_addr.s_addr = htonl(n[0] << 24 | n[1] << 16 | n[2] << 8 | n[3]);
	r->to_n = sizeof(*to);
	return true;
}

static bool is_port(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n && n < 6 && !s[n] && strtoul(s, NULL, 10) <= 65535;
}

static int find(sk_runtime *r, struct snek_error *e)
{
	char host[sizeof(r->host)], *colon, *name = host;

	if (is_plain(r))
		return 0;
	snprintf(host, sizeof(host), "%s", r->host);
	colon = strrchr(host, ':');
	if (!colon || colon == host || !is_port(colon + 1))
		return sk_fail(e, SNEK_EINVAL, "AWS_LAMBDA_RUNTIME_API is \"%s\"; "
		    "expected HOST:PORT", r->host);
	*colon = '\0';
	if (*name == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		name++;
	}
	return look_up(r, name, colon + 1, e);
}

int sk_runtime_open(const char *api, size_t max, sk_runtime **out,
    struct snek_error *e)
{
	sk_runtime *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return sk_enomem(e);
	r->fd = -1;
	r->http.max = max;
	if (strlen(api) >= sizeof(r->host) || strpbrk(api, " \r\n"))
		rc = sk_fail(e, SNEK_EINVAL, "AWS_LAMBDA_RUNTIME_API is no "
		    "HOST:PORT");
	else
		rc = 0;
	if (!rc) {
		snprintf(r->host, sizeof(r->host), "%s", api);
		rc = find(r, e);
	}
	if (rc)
		sk_runtime_close(r);
	else
		*out = r;
	return rc;
}

static void hang_up(sk_runtime *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

void sk_runtime_close(sk_runtime *r)
{
	if (!r)
		return;
	hang_up(r);
	if (r->trace[0])
		unsetenv("_X_AMZN_TRACE_ID");
	sk_http_free(&r->http);
	free(r);
}

/* ---- bytes ---- */

/* Reading ends now and then so that who waits may look up; it costs nothing
 * that way.  For a signal handler too. */
static bool dial(sk_runtime *r)
{
	const struct timeval limit = { .tv_sec = PATIENCE_S };
	const int one = 1;

	r->fd = socket(r->to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (r->fd < 0)
		return false;
	setsockopt(r->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(r->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!connect(r->fd, (const struct sockaddr *)&r->to, r->to_n))
		return true;
	hang_up(r);
	return false;
}

static bool send_all(const sk_runtime *r, struct iovec *v, size_t n)
{
	struct msghdr m = { .msg_iov = v, .msg_iovlen = n };
	ssize_t done;

	while (m.msg_iovlen) {
		done = sendmsg(r->fd, &m, MSG_NOSIGNAL);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		while (m.msg_iovlen && (size_t)done >= m.msg_iov->iov_len) {
			done -= (ssize_t)m.msg_iov->iov_len;
			m.msg_iov++;
			m.msg_iovlen--;
		}
		if (!m.msg_iovlen)
			break;
		m.msg_iov->iov_base = (char *)m.msg_iov->iov_base + done;
		m.msg_iov->iov_len -= (size_t)done;
	}
	return true;
}

/* 1: something came; 0: the end; SNEK_EIO. */
static int read_some(sk_runtime *r, struct snek_error *e)
{
	struct sk_http *h = &r->http;
	size_t room;
	ssize_t n;

	if (sk_http_room(h, &room))
		return sk_enomem(e);
	do
		n = recv(r->fd, h->in.p + h->in.n, room, 0);
	while (n < 0 && (errno == EINTR || (r->waiting && (errno == EAGAIN ||
	    errno == EWOULDBLOCK))));
	if (n < 0)
		return sk_fail_errno(e, "read from the Runtime API");
	h->in.n += (size_t)n;
	return n > 0;
}

/* 0: an answer is there, of whatever status. */
static int hear(sk_runtime *r, struct snek_error *e)
{
	int rc = 0;

	while (!rc) {
		rc = read_some(r, e);
		if (rc == 1)
			rc = sk_http_take(&r->http, e);
		else if (!rc && sk_http_end(&r->http) != 1)
			rc = sk_fail(e, SNEK_EIO, "the Runtime API closed the "
			    "connection");
		else if (!rc)
			rc = 1;
	}
	return rc == 1 ? 0 : rc;
}

static int talk(sk_runtime *r, const struct iovec *v, struct snek_error *e)
{
	struct iovec copy[2] = { v[0], v[1] };
	int rc;

	sk_http_begin(&r->http);
	if (r->fd < 0 && !dial(r))
		return sk_fail_errno(e, "the Runtime API at %s", r->host);
	/* who was refused in the middle may still hear why */
	send_all(r, copy, v[1].iov_len ? 2 : 1);
	rc = hear(r, e);
	if (rc || r->http.close)
		hang_up(r);
	return rc;
}

static void pause_ms(unsigned ms)
{
	struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

/* A connection that ended between two requests is made again, at once; one
 * that cannot be made, or ends each time, is not for ever. */
static int ask(sk_runtime *r, const struct iovec *v, struct snek_error *e)
{
	bool was_open = r->fd >= 0;
	unsigned i, ms = PAUSE_MS;
	int rc = talk(r, v, e);

	for (i = 1; rc == SNEK_EIO && i < TRIES; i++) {
		if (!was_open) {
			pause_ms(ms);
			ms *= 2;
		}
		was_open = false;
		rc = talk(r, v, e);
	}
	return rc;
}

/* ---- the next one ---- */

static void set_trace(sk_runtime *r)
{
	struct sk_span s = sk_http_header(&r->http, "lambda-runtime-trace-id");
	bool was = r->trace[0];

	if (!s.n || s.n > TRACE) {
		if (was)
			unsetenv("_X_AMZN_TRACE_ID");
		r->trace[0] = '\0';
		return;
	}
	/* the environment has the very bytes: no copy of each is kept */
	snprintf(r->trace, sizeof(r->trace), "_X_AMZN_TRACE_ID=%.*s", (int)s.n,
	    (const char *)s.p);
	if (!was)
		putenv(r->trace);
}

static int64_t left_ms(const sk_runtime *r)
{
	struct sk_span s = sk_http_header(&r->http,
	    "lambda-runtime-deadline-ms");
	struct timespec t;
	char text[24] = "";
	int64_t until;

	if (!s.n || s.n >= 16)
		return -1;
	memcpy(text, s.p, s.n);
	until = strtoll(text, NULL, 10);
	clock_gettime(CLOCK_REALTIME, &t);
	until -= t.tv_sec * 1000ll + t.tv_nsec / 1000000;
	return until < 0 ? 0 : until;
}

static bool is_id(struct sk_span s)
{
	const char *p = s.p;
	size_t i;

	for (i = 0; i < s.n; i++)
		if ((p[i] < '0' || p[i] > '9') && p[i] != '-' &&
		    ((p[i] | 32) < 'a' || (p[i] | 32) > 'z'))
			return false;
	return s.n && s.n < SK_RUNTIME_ID;
}

static void read_head(sk_runtime *r, struct sk_invocation *v)
{
	struct sk_span id = sk_http_header(&r->http,
	    "lambda-runtime-aws-request-id");

	memset(v, 0, sizeof(*v));
	v->left_ms = -1;
	if (!is_id(id))
		return;
	memcpy(v->id, id.p, id.n);
	v->left_ms = left_ms(r);
	set_trace(r);
}

/* What is no event: 4xx says so in passing, 5xx for good. */
static int refused(const sk_runtime *r, const char *what, struct snek_error *e)
{
	struct sk_span s = sk_http_body(&r->http);

	return sk_fail(e, r->http.status < 500 ? SNEK_EINVAL : SNEK_EIO,
	    "%s: the Runtime API answered %u %.*s", what, r->http.status,
	    (int)(s.n < 160 ? s.n : 160), (const char *)s.p);
}

static int ask_next(sk_runtime *r, struct sk_invocation *v,
    struct snek_error *e)
{
	int n = snprintf(r->head, sizeof(r->head), "GET " BASE "invocation/next "
	    "HTTP/1.1\r\nHost: %s\r\nUser-Agent: snek/" PACKAGE_VERSION
	    "\r\n\r\n", r->host);
	struct iovec out[2] = { { r->head, (size_t)n }, { NULL, 0 } };
	int rc;

	r->waiting = true;
	rc = ask(r, out, e);
	r->waiting = false;
	if (rc && rc != SNEK_ELIMIT)
		return rc;
	if (!rc && r->http.status != 200)
		return refused(r, "no invocation", e);
	read_head(r, v);
	if (!rc && !v->id[0])
		return sk_fail(e, SNEK_EFORMAT, "an invocation without an id");
	v->event = rc ? (struct sk_span){ NULL, 0 } : sk_http_body(&r->http);
	return rc;
}

int sk_runtime_next(sk_runtime *r, struct sk_invocation *v,
    struct snek_error *e)
{
	unsigned i, ms = PAUSE_MS;
	int rc;

	memset(v, 0, sizeof(*v));
	rc = ask_next(r, v, e);
	for (i = 1; rc == SNEK_EINVAL && i < TRIES; i++) {
		pause_ms(ms);
		ms *= 2;
		rc = ask_next(r, v, e);
	}
	return rc == SNEK_EINVAL ? SNEK_EIO : rc;
}

/* ---- answers ---- */

static int post(sk_runtime *r, const char *path, const char *id,
    const char *end, struct sk_span body, struct snek_error *e)
{
	const char *type = strcmp(end, "response") ? TYPE : "";
	int n = snprintf(r->head, sizeof(r->head), "POST " BASE "%s%s%s%s "
	    "HTTP/1.1\r\nHost: %s\r\nUser-Agent: snek/" PACKAGE_VERSION "\r\n"
	    "Content-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n",
	    path, id, *id ? "/" : "", end, r->host, type, body.n);
	struct iovec out[2] = { { r->head, (size_t)n },
		{ (void *)body.p, body.n } };
	int rc = ask(r, out, e);

	if (rc)
		return rc == SNEK_EFORMAT ? SNEK_EIO : rc;
	return r->http.status / 100 == 2 ? 0 : refused(r, "an answer", e);
}

int sk_runtime_answer(sk_runtime *r, const char *id, bool failed,
    struct sk_span body, struct snek_error *e)
{
	return post(r, "invocation/", id, failed ? "error" : "response", body, e);
}

int sk_runtime_never(sk_runtime *r, struct sk_span body, struct snek_error *e)
{
	return post(r, "init/error", "", "", body, e);
}

/* ---- the last ---- */

static size_t put(char *to, size_t at, size_t size, const char *s)
{
	while (*s && at + 1 < size)
		to[at++] = *s++;
	return at;
}

static size_t put_number(char *to, size_t at, size_t size, size_t v)
{
	char digits[24], *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	return put(to, at, size, p);
}

static bool say_last(const sk_runtime *r, size_t head, struct sk_span body)
{
	struct iovec out[2] = { { (void *)r->head, head },
		{ (void *)body.p, body.n } };
	struct pollfd p = { .fd = r->fd, .events = POLLIN };
	char heard[512];

	if (!send_all(r, out, 2))
		return false;
	/* it is heard when it is answered; who leaves before may cut it off */
	return poll(&p, 1, LAST_MS) <= 0 || recv(r->fd, heard, sizeof(heard),
	    0) > 0;
}

void sk_runtime_last(sk_runtime *r, const char *id, struct sk_span body)
{
	const char *const parts[] = { "POST " BASE "invocation/", id,
		"/error HTTP/1.1\r\nHost: ", r->host, "\r\n" TYPE
		"Content-Type: application/json\r\nContent-Length: " };
	size_t n = 0, i;

	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		n = put(r->head, n, sizeof(r->head), parts[i]);
	n = put_number(r->head, n, sizeof(r->head), body.n);
	n = put(r->head, n, sizeof(r->head), "\r\n\r\n");
	if (r->fd >= 0 && say_last(r, n, body))
		return;
	hang_up(r);
	if (dial(r))
		say_last(r, n, body);
}
