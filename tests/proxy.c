/* SPDX-License-Identifier: MIT */
#include "proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { WIRES = 64, ROOM = 65536 };

struct way {                    /* one direction of a wire */
	int64_t passed, cut, stall, corrupt;
	size_t n, at;           /* bytes that wait in the buffer */
	int64_t not_before;
	bool ended;
	char *bytes;
};

struct wire {
	int fd[2];              /* client, server; -1: no wire */
	struct way way[2];      /* up, down: from fd[i] to fd[!i] */
	struct proxy_fault fault;
};

struct proxy {
	pthread_t thread;
	pthread_mutex_t lock;
	int listener, port, to_port, wake[2];
	struct sockaddr_un to_path;
	struct proxy_fault fault;
	bool faulty, refuse, cut, stop;
	unsigned count;
	struct wire wire[WIRES];        /* the thread's alone */
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int listen_on(int port)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 64) == 0)
		return fd;
	close(fd);
	return -1;
}

/* ---- wires ---- */

static int dial(const struct proxy *p)
{
	struct sockaddr_in in = loopback(p->to_port);
	bool path = p->to_path.sun_path[0];
	int fd = socket(path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc = path ? connect(fd, (const struct sockaddr *)&p->to_path,
	    sizeof(p->to_path)) : connect(fd, (struct sockaddr *)&in, sizeof(in));

	if (rc == 0)
		return fd;
	close(fd);
	return -1;
}

static void drop(struct wire *w)
{
	struct linger now = { 1, 0 };
	int i;

	for (i = 0; i < 2; i++) {
		if (w->fault.reset)
			setsockopt(w->fd[i], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(w->fd[i]);
		free(w->way[i].bytes);
		w->fd[i] = -1;
	}
}

static void set_ways(struct wire *w)
{
	const struct proxy_fault *f = &w->fault;

	w->way[0] = (struct way){ 0, f->cut_up, f->stall_up, f->corrupt_up,
	    .bytes = malloc(ROOM) };
	w->way[1] = (struct way){ 0, f->cut_down, f->stall_down, f->corrupt_down,
	    .bytes = malloc(ROOM) };
}

static struct proxy_fault next_fault(struct proxy *p)
{
	struct proxy_fault f = { PROXY_FAULT };

	pthread_mutex_lock(&p->lock);
	p->count++;
	if (p->faulty) {
		f = p->fault;
		if (p->fault.times && !--p->fault.times)
			p->faulty = false;
	}
	pthread_mutex_unlock(&p->lock);
	return f;
}

static void accept_one(struct proxy *p)
{
	int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC), to, one = 1;
	struct wire *w = p->wire;

	if (fd < 0)
		return;
	while (w < p->wire + WIRES && w->fd[0] >= 0)
		w++;
	to = w < p->wire + WIRES ? dial(p) : -1;
	if (to < 0) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(to, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	w->fd[0] = fd;
	w->fd[1] = to;
	w->fault = next_fault(p);
	set_ways(w);
}

/* ---- bytes ---- */

static bool is_stalled(const struct way *y)
{
	return y->stall >= 0 && y->passed + (int64_t)y->n >= y->stall;
}

static void take(struct wire *w, int from)
{
	struct way *y = &w->way[from];
	size_t room = w->fault.trickle ? 1 : ROOM;
	int64_t upto = y->passed, left;
	ssize_t n;

	if (y->stall >= 0 && (left = y->stall - upto) < (int64_t)room)
		room = (size_t)left;
	if (y->cut >= 0 && (left = y->cut - upto) < (int64_t)room)
		room = (size_t)left;
	n = recv(w->fd[from], y->bytes, room, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		y->ended = true;
	if (n <= 0)
		return;
	if (y->corrupt >= y->passed && y->corrupt < y->passed + n)
		y->bytes[y->corrupt - y->passed] ^= 0x15;
	y->n = (size_t)n;
	y->at = 0;
	y->not_before = now_ms() + w->fault.delay_ms;
}

static void give(struct wire *w, int from)
{
	struct way *y = &w->way[from];
	ssize_t n = send(w->fd[!from], y->bytes + y->at, y->n - y->at,
	    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN)
		y->ended = true;
	if (n <= 0)
		return;
	y->at += (size_t)n;
	if (y->at < y->n)
		return;
	y->passed += (int64_t)y->n;
	y->n = y->at = 0;
}

static bool is_cut(const struct way *y)
{
	return !y->n && (y->ended || (y->cut >= 0 && y->passed >= y->cut));
}

static void move(struct wire *w, const struct pollfd *f)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct way *y = &w->way[i];

		if (!y->n && !is_stalled(y) && !is_cut(y) &&
		    f[i].revents & (POLLIN | POLLHUP | POLLERR))
			take(w, i);
		if (y->n && now_ms() >= y->not_before)
			give(w, i);
	}
	if (is_cut(&w->way[0]) || is_cut(&w->way[1]))
		drop(w);
}

/* ---- the thread ---- */

static int soonest(int a, int64_t b)
{
	return b < 0 ? 0 : b < a ? (int)b : a;
}

static int watch(struct wire *w, struct pollfd *f, int timeout)
{
	int i;

	for (i = 0; i < 2; i++)
		f[i] = (struct pollfd){ .fd = w->fd[i] };
	for (i = 0; i < 2 && w->fd[0] >= 0; i++) {
		struct way *y = &w->way[i];

		if (!y->n && !is_stalled(y))
			f[i].events |= POLLIN;
		else if (y->n && now_ms() >= y->not_before)
			f[!i].events |= POLLOUT;
		else if (y->n)
			timeout = soonest(timeout, y->not_before - now_ms());
		if (is_stalled(y) && !f[i].events)
			f[i].fd = -1;   /* or its end would be told for ever */
	}
	return timeout;
}

static void obey(struct proxy *p)
{
	char c[64];
	int i;

	while (recv(p->wake[0], c, sizeof(c), MSG_DONTWAIT) > 0)
		continue;
	pthread_mutex_lock(&p->lock);
	if (p->refuse && p->listener >= 0) {
		close(p->listener);
		p->listener = -1;
	} else if (!p->refuse && p->listener < 0) {
		p->listener = listen_on(p->port);
	}
	for (i = 0; i < WIRES && p->cut; i++)
		if (p->wire[i].fd[0] >= 0)
			drop(&p->wire[i]);
	p->cut = false;
	pthread_mutex_unlock(&p->lock);
}

static bool is_stopped(struct proxy *p)
{
	bool yes;

	pthread_mutex_lock(&p->lock);
	yes = p->stop;
	pthread_mutex_unlock(&p->lock);
	return yes;
}

static void *run(void *arg)
{
	struct proxy *p = arg;
	struct pollfd f[2 + 2 * WIRES];
	int i, timeout;

	while (!is_stopped(p)) {
		obey(p);
		f[0] = (struct pollfd){ p->listener, POLLIN, 0 };
		f[1] = (struct pollfd){ p->wake[0], POLLIN, 0 };
		timeout = 1000;
		for (i = 0; i < WIRES; i++)
			timeout = watch(&p->wire[i], f + 2 + 2 * i, timeout);
		if (poll(f, 2 + 2 * WIRES, timeout) < 0)
			continue;
		for (i = 0; i < WIRES; i++)
			if (p->wire[i].fd[0] >= 0)
				move(&p->wire[i], f + 2 + 2 * i);
		if (f[0].revents)
			accept_one(p);
	}
	for (i = 0; i < WIRES; i++)
		if (p->wire[i].fd[0] >= 0)
			drop(&p->wire[i]);
	return NULL;
}

static int own_port(int fd)
{
	struct sockaddr_in a;
	socklen_t n = sizeof(a);

	return getsockname(fd, (struct sockaddr *)&a, &n) ? -1 : ntohs(a.sin_port);
}

struct proxy *proxy_start(int port, int to_port, const char *to_path)
{
	struct proxy *p = calloc(1, sizeof(*p));
	int i;

	for (i = 0; i < WIRES; i++)
		p->wire[i].fd[0] = p->wire[i].fd[1] = -1;
	p->to_port = to_port;
	if (to_path) {
		p->to_path.sun_family = AF_UNIX;
		snprintf(p->to_path.sun_path, sizeof(p->to_path.sun_path), "%s",
		    to_path);
	}
	p->listener = listen_on(port);
	p->port = p->listener >= 0 ? own_port(p->listener) : -1;
	pthread_mutex_init(&p->lock, NULL);
	if (p->listener < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->wake) < 0 ||
	    pthread_create(&p->thread, NULL, run, p) != 0) {
		free(p);
		return NULL;
	}
	return p;
}

int proxy_port(const struct proxy *p)
{
	return p->port;
}

static void wake(struct proxy *p)
{
	pthread_mutex_unlock(&p->lock);
	send(p->wake[1], "", 1, MSG_NOSIGNAL);
}

void proxy_set(struct proxy *p, const struct proxy_fault *f)
{
	pthread_mutex_lock(&p->lock);
	p->faulty = f != NULL;
	if (f)
		p->fault = *f;
	wake(p);
}

void proxy_cut_all(struct proxy *p)
{
	pthread_mutex_lock(&p->lock);
	p->cut = true;
	wake(p);
}

void proxy_refuse(struct proxy *p, bool refuse)
{
	pthread_mutex_lock(&p->lock);
	p->refuse = refuse;
	wake(p);
}

unsigned proxy_count(const struct proxy *p)
{
	unsigned n;

	pthread_mutex_lock((pthread_mutex_t *)&p->lock);
	n = p->count;
	pthread_mutex_unlock((pthread_mutex_t *)&p->lock);
	return n;
}

void proxy_stop(struct proxy *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	wake(p);
	pthread_join(p->thread, NULL);
	if (p->listener >= 0)
		close(p->listener);
	close(p->wake[0]);
	close(p->wake[1]);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
