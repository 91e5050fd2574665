/* SPDX-License-Identifier: MIT */
/*
 * wire.c - a long wire on this machine: what goes through comes half a round
 * trip later at the other end, at any rate of bytes, and is counted.
 *
 *   wire TRIP COUNTS PORT ...
 *
 * For each port of 127.0.0.1 it listens on another one, and prints those in one
 * line.  Opening a connection takes a round trip, too.  The file TRIP has the
 * microseconds of one.
 * On SIGUSR1 a line for each port goes to the file COUNTS (by renaming): its
 * connections, its round trips, bytes there, bytes back; then it reads TRIP and
 * counts anew.
 * A round trip is a turn: bytes that go there after bytes came back, or first.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TARGETS = 16, WIRES = 512, ROOM = 65536 };

struct piece {
	struct piece *next;
	int64_t due;                    /* us */
	size_t n, at;                   /* n 0: the end */
	char bytes[];
};

struct way {
	struct piece *first, **last;
	bool ended;                     /* nothing more is read */
};

struct wire {
	bool used, asking;
	int target;
	int fd[2];                      /* client, server */
	int64_t open;                   /* us: nothing gets there before */
	struct way way[2];              /* from fd[i] to fd[!i] */
};

struct target {
	int port, listener;
	long connections, trips, bytes[2];
};

static struct target target[TARGETS];
static struct wire wire[WIRES];
static int targets;
static int64_t half;
static volatile sig_atomic_t asked;

static void ask(int sig)
{
	(void)sig;
	asked = 1;
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void listen_for(struct target *t)
{
	struct sockaddr_in a = loopback(0);
	socklen_t n = sizeof(a);

	t->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (bind(t->listener, (struct sockaddr *)&a, n) ||
	    listen(t->listener, 512) ||
	    getsockname(t->listener, (struct sockaddr *)&a, &n))
		die("listen");
	printf("%d ", ntohs(a.sin_port));
}

static void at_once(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void open_wire(int i, int fd)
{
	struct sockaddr_in a = loopback(target[i].port);
	struct wire *w;

	for (w = wire; w < wire + WIRES && w->used; w++)
		;
	if (w == wire + WIRES)
		die("too many connections");
	*w = (struct wire){ .used = true, .target = i, .open = now() + 2 * half };
	w->fd[0] = fd;
	w->fd[1] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(w->fd[1], (struct sockaddr *)&a, sizeof(a)))
		die("connect");
	at_once(fd);
	at_once(w->fd[1]);
	w->way[0].last = &w->way[0].first;
	w->way[1].last = &w->way[1].first;
	target[i].connections++;
}

static void count(struct wire *w, int side, size_t n)
{
	struct target *t = &target[w->target];

	t->bytes[side] += (long)n;
	if (!side && !w->asking)
		t->trips++;
	w->asking = !side;
}

static void take(struct wire *w, int side)
{
	struct way *y = &w->way[side];
	struct piece *p = malloc(sizeof(*p) + ROOM);
	ssize_t n = p ? recv(w->fd[side], p->bytes, ROOM, MSG_DONTWAIT) : 0;

	if (!p)
		die("memory");
	if (n < 0 && errno == EAGAIN) {
		free(p);
		return;
	}
	p->n = n > 0 ? (size_t)n : 0;
	p->at = 0;
	p->next = NULL;
	p->due = (now() > w->open ? now() : w->open) + half;
	y->ended = !p->n;
	if (p->n)
		count(w, side, p->n);
	*y->last = p;
	y->last = &p->next;
}

static void give(struct wire *w, int side, int64_t t)
{
	struct way *y = &w->way[side];
	struct piece *p;
	ssize_t n;

	while ((p = y->first) && p->due <= t) {
		n = p->n ? send(w->fd[!side], p->bytes + p->at, p->n - p->at,
		    MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
		if (n < 0 && errno == EAGAIN)
			return;
		if (!p->n)
			shutdown(w->fd[!side], SHUT_WR);
		p->at += n < 0 ? p->n : (size_t)n;
		if (p->at < p->n)
			return;
		y->first = p->next;
		if (!y->first)
			y->last = &y->first;
		free(p);
	}
}

static void close_ended(struct wire *w)
{
	if (!w->way[0].ended || !w->way[1].ended || w->way[0].first ||
	    w->way[1].first)
		return;
	close(w->fd[0]);
	close(w->fd[1]);
	w->used = false;
}

/* Microseconds until something is due; a piece that could not be given away is
 * tried again soon. */
static int64_t next_due(int64_t t)
{
	int64_t least = 1000000, due;
	struct wire *w;
	int side;

	for (w = wire; w < wire + WIRES; w++)
		for (side = 0; w->used && side < 2; side++)
			if (w->way[side].first) {
				due = w->way[side].first->due - t;
				least = due < 100 ? 100 : due < least ? due : least;
			}
	return least;
}

static void read_trip(const char *path)
{
	FILE *f = fopen(path, "r");
	long us;

	if (!f || fscanf(f, "%ld", &us) != 1)
		die(path);
	fclose(f);
	half = us / 2;
}

static void tell(const char *path)
{
	char name[4096];
	FILE *f;
	int i;

	snprintf(name, sizeof(name), "%s.new", path);
	f = fopen(name, "w");
	if (!f)
		die(name);
	for (i = 0; i < targets; i++) {
		fprintf(f, "%ld %ld %ld %ld\n", target[i].connections,
		    target[i].trips, target[i].bytes[0], target[i].bytes[1]);
		target[i].connections = target[i].trips = 0;
		target[i].bytes[0] = target[i].bytes[1] = 0;
	}
	fclose(f);
	rename(name, path);
	asked = 0;
}

static void step(struct pollfd *p, struct wire **of)
{
	int64_t t = now(), us = next_due(t);
	struct timespec wait = { us / 1000000, us % 1000000 * 1000 };
	sigset_t none;
	nfds_t n = 0, i;
	int side, fd;

	for (i = 0; i < (nfds_t)targets; i++)
		p[n++] = (struct pollfd){ target[i].listener, POLLIN, 0 };
	for (struct wire *w = wire; w < wire + WIRES; w++)
		for (side = 0; w->used && side < 2; side++) {
			of[n] = w;
			p[n++] = (struct pollfd){ w->way[side].ended ? -1 :
			    w->fd[side], POLLIN, 0 };
		}
	sigemptyset(&none);
	if (ppoll(p, n, &wait, &none) < 0)
		return;
	for (i = (nfds_t)targets; i < n; i++)
		if (p[i].revents)
			take(of[i], p[i].fd == of[i]->fd[1]);
	for (i = 0; i < (nfds_t)targets; i++)
		if ((fd = accept(target[i].listener, NULL, NULL)) >= 0)
			open_wire((int)i, fd);
	t = now();
	for (struct wire *w = wire; w < wire + WIRES; w++)
		if (w->used) {
			give(w, 0, t);
			give(w, 1, t);
			close_ended(w);
		}
}

int main(int argc, char **argv)
{
	static struct pollfd p[TARGETS + 2 * WIRES];
	static struct wire *of[TARGETS + 2 * WIRES];
	struct sigaction a = { .sa_handler = ask };
	sigset_t usr1;
	int i;

	if (argc < 4 || argc - 3 > TARGETS)
		return 2;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	sigaction(SIGUSR1, &a, NULL);
	read_trip(argv[1]);
	targets = argc - 3;
	for (i = 0; i < targets; i++) {
		target[i].port = atoi(argv[i + 3]);
		listen_for(&target[i]);
	}
	puts("");
	fflush(stdout);
	for (;;) {
		step(p, of);
		if (!asked)
			continue;
		read_trip(argv[1]);
		tell(argv[2]);
	}
}
