/* SPDX-License-Identifier: MIT */
#include "lambda_holder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define REQUEST 8192                    /* bytes of one, at most */
#define LATE_US 1000000

struct peer {
	int fd;
	size_t n;
	bool held;
	char job[33];
	unsigned stage, task, attempt;
	char in[REQUEST];
};

static struct lambda_holder_seen *seen;
static struct peer **held;
static uint32_t holding, hold_most;
static int64_t wait_us, full;           /* full: when the last came; 0: not yet */
static const char *answer_tail;
static size_t answer_n;

static _Noreturn void die(const char *what)
{
	perror(what);
	_exit(1);
}

static unsigned number_of(const char *body, const char *name)
{
	const char *p = strstr(body, name);

	return p ? (unsigned)strtoul(p + strlen(name), NULL, 10) : 0;
}

static void send_all(struct peer *p, const char *text, size_t n)
{
	if (send(p->fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
		die("send");
}

static void answer(struct peer *p)
{
	char body[4096], all[5120];
	int n = snprintf(body, sizeof(body), "{\"snek\":1,\"release\":\"bench\","
	    "\"job\":\"%s\",\"stage\":%u,\"task\":%u,\"attempt\":%u,\"ms\":50,"
	    "\"answer\":%s}", p->job, p->stage, p->task, p->attempt,
	    answer_tail);

	n = snprintf(all, sizeof(all), "HTTP/1.1 200 OK\r\n"
	    "Content-Type: application/json\r\nContent-Length: %d\r\n"
	    "X-Amz-Executed-Version: 1\r\n\r\n%s", n, body);
	send_all(p, all, (size_t)n);
	p->held = false;
	seen->open--;
}

static void let_go(void)
{
	while (holding)
		answer(held[--holding]);
	full = 0;
}

static void hold(struct peer *p, const char *body)
{
	const char *job = strstr(body, "\"job\":\"");

	snprintf(p->job, sizeof(p->job), "%.32s", job ? job + 7 : "");
	p->stage = number_of(body, "\"stage\":");
	p->task = number_of(body, "\"task\":");
	p->attempt = number_of(body, "\"attempt\":");
	p->held = true;
	held[holding++] = p;
	seen->calls++;
	seen->last = sk_clock_us();
	if (seen->calls == 1)
		seen->first = seen->last;
	if (++seen->open > seen->peak)
		seen->peak = seen->open;
	if (holding == hold_most)
		full = seen->last;
}

static void serve(struct peer *p, char *body)
{
	static const char room[] = "HTTP/1.1 200 OK\r\nContent-Length: 86\r\n\r\n"
	    "{\"AccountLimit\":{\"ConcurrentExecutions\":100000,"
	    "\"UnreservedConcurrentExecutions\":100000}}";

	if (!strncmp(p->in, "POST ", 5))
		hold(p, body);
	else
		send_all(p, room, sizeof(room) - 1);
	p->n = 0;
}

static void hear(struct peer *p)
{
	ssize_t n = recv(p->fd, p->in + p->n, sizeof(p->in) - 1 - p->n, 0);
	char *end, *length;
	size_t want;

	if (n <= 0) {
		close(p->fd);
		free(p);
		return;
	}
	p->n += (size_t)n;
	p->in[p->n] = '\0';
	end = strstr(p->in, "\r\n\r\n");
	if (!end)
		return;
	length = strcasestr(p->in, "content-length: ");
	want = length && length < end ? strtoul(length + 16, NULL, 10) : 0;
	if (p->n >= (size_t)(end + 4 - p->in) + want)
		serve(p, end + 4);
}

static void welcome(int epoll, int listener)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct peer *p;
	int one = 1, fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		p = calloc(1, sizeof(*p));
		if (!p)
			die("memory");
		p->fd = fd;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		ev.data.ptr = p;
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev))
			die("epoll");
	}
}

/* ms until something is to be done by itself. */
static int tend(void)
{
	int64_t now = sk_clock_us(), due = full ? full + wait_us
	    : holding ? seen->last + LATE_US : 0;

	if (due && now >= due) {
		let_go();
		return -1;
	}
	return due ? (int)((due - now + 999) / 1000) : -1;
}

static _Noreturn void run(int listener)
{
	struct epoll_event ev[64];
	int epoll = epoll_create1(0), n, i;

	ev[0] = (struct epoll_event){ .events = EPOLLIN };
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, ev))
		die("epoll");
	for (;;) {
		n = epoll_wait(epoll, ev, 64, tend());
		for (i = 0; i < n; i++) {
			if (ev[i].data.ptr)
				hear(ev[i].data.ptr);
			else
				welcome(epoll, listener);
		}
	}
}

static int listen_on(char *url, size_t size)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) || listen(fd, 4096) ||
	    getsockname(fd, (struct sockaddr *)&a, &n))
		die("listen");
	snprintf(url, size, "http://127.0.0.1:%u", ntohs(a.sin_port));
	return fd;
}

void lambda_holder_start(struct lambda_holder *s, uint32_t most, uint32_t ms,
    const char *done)
{
	int fd = listen_on(s->url, sizeof(s->url));

	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	held = calloc((size_t)most * 2 + 64, sizeof(*held));
	if (seen == MAP_FAILED || !held)
		die("memory");
	hold_most = most;
	wait_us = (int64_t)ms * 1000;
	answer_tail = done;
	answer_n = strlen(done);
	s->seen = seen;
	s->pid = fork();
	if (s->pid < 0)
		die("fork");
	if (!s->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(fd);
	}
	close(fd);
}

void lambda_holder_stop(struct lambda_holder *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}
