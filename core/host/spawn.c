/* SPDX-License-Identifier: MIT */
#include "host/spawn_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 30000 };           /* until the spawner has its root */

struct sk_spawner {
	int socket;
	pid_t pid;
};

/* Whether it has what it was to have. */
static int hear_first(struct sk_spawner *s, struct snek_error *e)
{
	struct pollfd p = { .fd = s->socket, .events = POLLIN };
	struct sk_tale t;

	if (poll(&p, 1, PATIENCE_MS) <= 0)
		return sk_fail(e, SNEK_EACCES, "no answer");
	sk_spawn_hear(s->socket, &t);
	if (t.kind == SK_TOLD_BORN)
		return 0;
	return sk_fail(e, SNEK_EACCES, "%s: %s", t.what, strerror(t.sys));
}

static int start(struct sk_spawner *s, const char *dir, const char *root,
    bool no_network, struct snek_error *e)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return sk_fail_errno(e, "socketpair");
	s->pid = fork();
	if (!s->pid) {
		close(pair[0]);
		sk_spawner_run(pair[1], dir, root, no_network);
		_exit(0);
	}
	close(pair[1]);
	s->socket = pair[0];
	return s->pid < 0 ? sk_fail_errno(e, "fork") : hear_first(s, e);
}

int sk_spawner_open(const char *dir, const char *root, bool no_network,
    struct sk_spawner **out, struct snek_error *e)
{
	struct sk_spawner *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return sk_enomem(e);
	s->socket = -1;
	rc = start(s, dir, root, no_network, e);
	if (rc)
		sk_spawner_close(s);
	else
		*out = s;
	return rc;
}

void sk_spawner_close(struct sk_spawner *s)
{
	if (!s)
		return;
	if (s->socket >= 0)
		close(s->socket);
	if (s->pid > 0)
		while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
			;
	free(s);
}

/* ---- asking ---- */

static int send_order(struct sk_spawner *s, const struct sk_spawn *p,
    int control, struct snek_error *e)
{
	struct sk_spawn_head h = { .tmp_mb = p->tmp_mb,
		.task = (uint32_t)strlen(p->task) + 1,
		.env = (uint32_t)p->env.n };
	struct iovec v[] = { { &h, sizeof(h) }, { (void *)p->task, h.task },
		{ (void *)p->env.p, h.env } };
	union { struct cmsghdr head; char room[CMSG_SPACE(2 * sizeof(int))]; } c;
	struct msghdr m = { .msg_iov = v, .msg_iovlen = sizeof(v) / sizeof(*v),
		.msg_control = &c, .msg_controllen = sizeof(c.room) };
	const int fds[2] = { control, p->out };

	memset(&c, 0, sizeof(c));
	c.head.cmsg_level = SOL_SOCKET;
	c.head.cmsg_type = SCM_RIGHTS;
	c.head.cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(&c.head), fds, sizeof(fds));
	if (sendmsg(s->socket, &m, MSG_NOSIGNAL) < 0)
		return sk_fail_errno(e, "the spawner of environments is gone");
	return 0;
}

int sk_spawn(struct sk_spawner *s, const struct sk_spawn *p, int *control,
    struct snek_error *e)
{
	int pair[2], one = 1, rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return sk_fail_errno(e, "socketpair");
	/* So that processes are known by their numbers out here. */
	if (setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) < 0 ||
	    fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0)
		rc = sk_fail_errno(e, "a socket");
	else
		rc = send_order(s, p, pair[1], e);
	close(pair[1]);
	if (rc)
		close(pair[0]);
	else
		*control = pair[0];
	return rc;
}

/* ---- hearing ---- */

/* Who said it, and the descriptor that came with it. */
static void take_control(struct msghdr *m, struct sk_tale *t)
{
	struct cmsghdr *h;
	struct ucred who;

	for (h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h))
		if (h->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&who, CMSG_DATA(h), sizeof(who));
			t->pid = who.pid;
		} else if (h->cmsg_type == SCM_RIGHTS) {
			memcpy(&t->fd, CMSG_DATA(h), sizeof(t->fd));
		}
}

void sk_spawn_hear(int control, struct sk_tale *t)
{
	union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(struct ucred)) +
		CMSG_SPACE(sizeof(int))]; } c;
	struct iovec v = { t, sizeof(*t) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c,
		.msg_controllen = sizeof(c.room) };
	ssize_t n;

	memset(t, 0, sizeof(*t));
	do
		n = recvmsg(control, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	t->pid = 0;
	t->fd = -1;
	t->what[sizeof(t->what) - 1] = '\0';
	if (n > 0)
		take_control(&m, t);
	if (n != (ssize_t)sizeof(*t))
		t->kind = n < 0 && errno == EAGAIN ? SK_TOLD_NOTHING :
		    SK_TOLD_GONE;
}

void sk_spawn_freeze(int control, bool frozen)
{
	send(control, frozen ? "F" : "T", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}
