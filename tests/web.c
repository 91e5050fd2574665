/* SPDX-License-Identifier: MIT */
#include "web.h"

#include "base/buf.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer {
	struct peer *next, *prev;
	int fd;
	unsigned number;
	struct sk_buf in, out;
	size_t sent;
	bool waits, drop;               /* waits: for its time, or for others */
	int64_t due;
	unsigned hold;
};

struct web {
	pthread_t thread;
	int epoll, listener, stop;
	char url[40];
	web_handler *handler;
	void *arg;
	struct peer *peers;
	unsigned held;
	atomic_uint requests, connections, open, peak;
};

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

const char *web_header(const struct web_request *r, const char *name)
{
	static _Thread_local char value[16384];
	size_t n = strlen(name), len;
	const char *line;

	for (line = r->head; line && *line; line = strstr(line, "\r\n")) {
		line += line != r->head || *line == '\r' ? 2 : 0;
		if (strncasecmp(line, name, n) || line[n] != ':')
			continue;
		line += n + 1;
		line += strspn(line, " ");
		len = strcspn(line, "\r");
		assert(len < sizeof(value));
		memcpy(value, line, len);
		value[len] = '\0';
		return value;
	}
	return NULL;
}

static void close_peer(struct web *w, struct peer *p)
{
	if (p->prev)
		p->prev->next = p->next;
	else
		w->peers = p->next;
	if (p->next)
		p->next->prev = p->prev;
	w->held -= p->waits && p->hold;
	/* A child that was forked just now has it open still. */
	epoll_ctl(w->epoll, EPOLL_CTL_DEL, p->fd, NULL);
	close(p->fd);
	sk_buf_free(&p->in);
	sk_buf_free(&p->out);
	free(p);
	w->open--;
}

/* false: it is closed. */
static bool flush(struct web *w, struct peer *p)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = p };
	ssize_t n;

	while (!p->waits && p->sent < p->out.n) {
		n = send(p->fd, p->out.p + p->sent, p->out.n - p->sent,
		    MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			close_peer(w, p);
			return false;
		}
		p->sent += (size_t)n;
	}
	if (!p->waits && p->sent == p->out.n && p->drop) {
		close_peer(w, p);
		return false;
	}
	if (!p->waits && p->sent < p->out.n)
		ev.events |= EPOLLOUT;
	epoll_ctl(w->epoll, EPOLL_CTL_MOD, p->fd, &ev);
	return true;
}

static void put_answer(struct peer *p, const struct web_answer *a)
{
	size_t n = a->body_n ? a->body_n : a->body ? strlen(a->body) : 0;

	p->out.n = p->sent = 0;
	if (!a->raw && !a->drop)
		check(sk_buf_printf(&p->out, "HTTP/1.1 %u x\r\n"
		    "Content-Length: %zu\r\n%s\r\n", a->status ? a->status : 200,
		    n, a->headers ? a->headers : ""), "memory");
	check(sk_buf_put(&p->out, a->body, n), "memory");
	p->drop = a->drop;
}

static void let_go(struct web *w)
{
	struct peer *p, *next;

	for (p = w->peers; p; p = next) {
		next = p->next;
		if (p->waits && p->hold && w->held >= p->hold)
			p->due = 0;
	}
	for (p = w->peers; p; p = next) {
		next = p->next;
		if (p->waits && p->hold && !p->due) {
			p->waits = false;
			w->held--;
			flush(w, p);
		}
	}
}

/* The length of a whole request in the buffer, or 0. */
static size_t whole(const struct peer *p, size_t *head)
{
	const char *end = p->in.n ? memmem(p->in.p, p->in.n, "\r\n\r\n", 4) : NULL;
	struct web_request r = { .head = p->in.p };
	const char *length;

	if (!end)
		return 0;
	*head = (size_t)(end + 4 - p->in.p);
	length = web_header(&r, "content-length");
	*head = (size_t)(end + 4 - p->in.p);
	return *head + (length ? strtoul(length, NULL, 10) : 0);
}

static void answer(struct web *w, struct peer *p, size_t head, size_t all)
{
	struct web_request r = { .number = w->requests++,
		.connection = p->number };
	struct web_answer a = { 0 };
	char *text = p->in.p, *space, *line;
	char *body = strndup("", 0);

	body = realloc(body, all - head + 1);
	memcpy(body, text + head, all - head);
	body[all - head] = '\0';
	text[head - 2] = '\0';
	line = strstr(text, "\r\n");
	*line = '\0';
	space = strchr(text, ' ');
	check(space, "request");
	*space = '\0';
	r.method = text;
	r.target = space + 1;
	*strchr(r.target, ' ') = '\0';
	r.head = line + 2;
	r.body = body;
	r.body_n = all - head;
	w->handler(w->arg, &r, &a);
	free(body);
	put_answer(p, &a);
	p->hold = a.hold;
	p->due = a.hold ? 1 : sk_clock_ms() + a.delay_ms;
	p->waits = a.hold || a.delay_ms;
	w->held += a.hold != 0;
}

static void serve(struct web *w, struct peer *p)
{
	size_t head = 0, all = whole(p, &head);

	if (!all || all > p->in.n || p->waits || p->sent < p->out.n)
		return;
	answer(w, p, head, all);
	memmove(p->in.p, p->in.p + all, p->in.n - all);
	p->in.n -= all;
	check(sk_buf_reserve(&p->in, 1), "memory");
	p->in.p[p->in.n] = '\0';
	if (p->hold)
		let_go(w);
	else
		flush(w, p);
}

static void hear(struct web *w, struct peer *p, uint32_t events)
{
	ssize_t n;

	if (events & EPOLLOUT && !flush(w, p))
		return;
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	check(sk_buf_reserve(&p->in, 65537), "memory");
	n = recv(p->fd, p->in.p + p->in.n, 65536, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		close_peer(w, p);
		return;
	}
	p->in.n += (size_t)n;
	p->in.p[p->in.n] = '\0';
	serve(w, p);
}

static void welcome(struct web *w)
{
	int fd = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int one = 1;
	struct peer *p;
	struct epoll_event ev = { .events = EPOLLIN };

	if (fd < 0)
		return;
	p = calloc(1, sizeof(*p));
	check(p, "memory");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	p->fd = fd;
	p->number = w->connections++;
	p->next = w->peers;
	if (p->next)
		p->next->prev = p;
	w->peers = p;
	if (++w->open > w->peak)
		w->peak = w->open;
	ev.data.ptr = p;
	check(!epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &ev), "epoll");
}

/* How long until one that waits may go; -1: for ever. */
static int tend(struct web *w)
{
	int64_t now = sk_clock_ms(), next = INT64_MAX;
	struct peer *p, *after;

	for (p = w->peers; p; p = after) {
		after = p->next;
		if (!p->waits || p->hold)
			continue;
		if (p->due <= now) {
			p->waits = false;
			flush(w, p);
		} else if (p->due < next) {
			next = p->due;
		}
	}
	return next == INT64_MAX ? -1 : (int)(next - now);
}

static void *run(void *arg)
{
	struct web *w = arg;
	struct epoll_event ev[1];
	int n;

	for (;;) {
		n = epoll_wait(w->epoll, ev, 1, tend(w));
		if (n < 1)
			continue;
		if (ev->data.ptr == &w->stop)
			return NULL;
		if (ev->data.ptr == &w->listener)
			welcome(w);
		else
			hear(w, ev->data.ptr, ev->events);
	}
}

struct web *web_start(web_handler *handler, void *arg)
{
	return web_start_at("127.0.0.1", 0, handler, arg);
}

struct web *web_start_at(const char *address, int port, web_handler *handler,
    void *arg)
{
	struct web *w = calloc(1, sizeof(*w));
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	struct epoll_event ev = { .events = EPOLLIN };

	check(w, "memory");
	inet_pton(AF_INET, address, &a.sin_addr);
	a.sin_port = htons((uint16_t)port);
	w->handler = handler;
	w->arg = arg;
	w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	check(!bind(w->listener, (struct sockaddr *)&a, n) &&
	    !listen(w->listener, 4096) &&
	    !getsockname(w->listener, (struct sockaddr *)&a, &n), "listen");
	snprintf(w->url, sizeof(w->url), "http://%s:%u", address,
	    ntohs(a.sin_port));
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->stop = eventfd(0, EFD_CLOEXEC);
	ev.data.ptr = &w->listener;
	check(!epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->listener, &ev), "epoll");
	ev.data.ptr = &w->stop;
	check(!epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->stop, &ev), "epoll");
	check(!pthread_create(&w->thread, NULL, run, w), "thread");
	return w;
}

void web_stop(struct web *w)
{
	uint64_t one = 1;

	check(write(w->stop, &one, sizeof(one)) == sizeof(one), "eventfd");
	pthread_join(w->thread, NULL);
	while (w->peers)
		close_peer(w, w->peers);
	close(w->listener);
	close(w->epoll);
	close(w->stop);
	free(w);
}

const char *web_url(const struct web *w)
{
	return w->url;
}

unsigned web_requests(const struct web *w)
{
	return w->requests;
}

unsigned web_connections(const struct web *w)
{
	return w->connections;
}

unsigned web_peak(const struct web *w)
{
	return w->peak;
}
