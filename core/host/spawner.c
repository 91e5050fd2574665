/* SPDX-License-Identifier: MIT */
/* spawner.c - the process between the host and the inits of environments. */
#include "host/spawn_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- orders ---- */

/* The next n bytes of a message, the last a NUL; NULL: there are none. */
static const char *text(const char **p, const char *end, uint32_t n)
{
	const char *s = *p;

	if (!n || n > (size_t)(end - s) || s[n - 1])
		return NULL;
	*p += n;
	return s;
}

static bool read_order(const char *p, size_t n, struct sk_spawn_order *o)
{
	const char *end = p + n;
	struct sk_spawn_head h;

	if (n < sizeof(h))
		return false;
	memcpy(&h, p, sizeof(h));
	p += sizeof(h);
	o->s.task = text(&p, end, h.task);
	o->s.tmp_mb = h.tmp_mb;
	o->s.env = (struct sk_span){ p, h.env };
	return o->s.task && (size_t)(end - p) == h.env;
}

/* 1 and an order, 0 when the host is gone, -1 when it was none. */
static int receive(int socket, char *room, struct sk_spawn_order *o)
{
	union { struct cmsghdr head; char room[CMSG_SPACE(2 * sizeof(int))]; } c;
	struct iovec v = { room, SK_SPAWN_MESSAGE };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c,
		.msg_controllen = sizeof(c.room) };
	const struct cmsghdr *h;
	int fds[2];
	ssize_t n;

	do
		n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return 0;
	h = CMSG_FIRSTHDR(&m);
	if (!h || h->cmsg_type != SCM_RIGHTS ||
	    h->cmsg_len != CMSG_LEN(sizeof(fds)))
		return -1;
	memcpy(fds, CMSG_DATA(h), sizeof(fds));
	o->control = fds[0];
	o->s.out = fds[1];
	if (read_order(room, (size_t)n, o))
		return 1;
	close(fds[0]);
	close(fds[1]);
	return -1;
}

/* ---- forking ---- */

/* Between spawner and init: what is left here, the init is born outside of. */
static _Noreturn void go_between(const struct sk_spawn_order *o)
{
	const char *what = "fork";
	pid_t pid;

	if (o->has_root && sk_root_leave(!o->no_network, &what))
		sk_init_fail(o, what);
	pid = fork();
	if (!pid)
		sk_init_run(o);
	if (pid < 0)
		sk_init_fail(o, "fork");
	_exit(0);
}

static void obey(int socket, const struct sk_spawn_order *o)
{
	pid_t pid = fork();

	if (!pid) {
		close(socket);
		go_between(o);
	}
	if (pid < 0)
		return;         /* the host sees its end of the socket closed */
}

static void obey_all(int socket, bool has_root, bool no_network)
{
	char *room = malloc(SK_SPAWN_MESSAGE);
	struct sk_spawn_order o;
	int rc = room ? 1 : 0;

	while (rc) {
		memset(&o, 0, sizeof(o));
		o.has_root = has_root;
		o.no_network = no_network;
		rc = receive(socket, room, &o);
		if (rc <= 0)
			continue;
		obey(socket, &o);
		close(o.control);
		close(o.s.out);
	}
	free(room);
}

static bool move_in(int socket, const char *dir, const char *root)
{
	struct sk_tale t = { .kind = SK_TOLD_BORN };
	const char *what = "";

	if (root && sk_root_make(dir, root, &what) < 0) {
		t.kind = SK_TOLD_FAILED;
		t.sys = errno;
		snprintf(t.what, sizeof(t.what), "%s", what);
	}
	return send(socket, &t, sizeof(t), MSG_NOSIGNAL) > 0 &&
	    t.kind == SK_TOLD_BORN;
}

void sk_spawner_run(int socket, const char *dir, const char *root,
    bool no_network)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	/* Signals of a terminal are for the host, which then ends us. */
	setsid();
	/* Inits are left to us by those that went between. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigaction(SIGCHLD, &ignore, NULL);
	sigaction(SIGTERM, &ignore, NULL);
	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	if (!move_in(socket, dir, root))
		return;
	prctl(PR_SET_DUMPABLE, 0);
	obey_all(socket, root != NULL, root && no_network);
}
