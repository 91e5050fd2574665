/* SPDX-License-Identifier: MIT */
#include "worker/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define MAX_ANSWER ((uint64_t)256 << 20)
#define MAX_FILES 65536u        /* that come with an answer */
#define SHARE 4u                /* of a child's memory, in files */
#define MOST_SHARE ((uint64_t)1 << 30)

/* ---- starting ---- */

/* Of each the worker's first and the child's second; out is a pipe. */
struct ends {
	int sock[2], tmp[2], out[2];
};

/* The numbers 3 and 4 are taken in the worker, so the ends lie above them. */
static void become_child(const struct ends *e, pid_t worker,
    const struct sk_wire_hello *hello,
    const struct sk_sandbox_filter *filter, struct sk_shared *shared)
{
	const struct rlimit none = { 0, 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != worker || dup2(e->sock[1], SK_CHILD_SOCK) < 0 ||
	    dup2(e->tmp[1], SK_CHILD_TMP) < 0 || dup2(e->out[1], 1) < 0 ||
	    dup2(e->out[1], 2) < 0)
		_exit(1);
	closefrom(SK_CHILD_FIRST);
	setrlimit(RLIMIT_CORE, &none);
	sk_child_run(hello, filter, shared);
}

static int share(struct sk_slot *s, struct snek_error *e)
{
	if (!s->shared) {
		s->shared = mmap(NULL, sizeof(*s->shared), PROT_READ |
		    PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (s->shared == MAP_FAILED) {
			s->shared = NULL;
			return sk_fail_errno(e, "memory to share");
		}
	}
	memset(s->shared, 0, sizeof(*s->shared));
	s->shared->mark.row = SK_NO_ROW;
	return 0;
}

static int fork_child(struct sk_slot *s, const struct ends *n,
    const struct sk_wire_hello *hello,
    const struct sk_sandbox_filter *filter, struct snek_error *e)
{
	pid_t worker = getpid(), pid = fork();

	if (!pid)
		become_child(n, worker, hello, filter, s->shared);
	if (pid < 0)
		return sk_fail_errno(e, "start a process");
	s->pid = pid;
	s->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	s->channel = (struct sk_channel){ .fd = n->sock[0], .max = MAX_ANSWER,
		.max_fds = MAX_FILES };
	s->tmp = n->tmp[0];
	s->share = hello->memory && hello->memory / SHARE < MOST_SHARE
	    ? hello->memory / SHARE : MOST_SHARE;
	s->prints = (struct sk_prints){ .fd = n->out[0] };
	s->greeted = s->confined = false;
	s->why[0] = '\0';
	return 0;
}

static void close_ends(const struct ends *n, int which)
{
	const int fd[] = { n->sock[which], n->tmp[which], n->out[which] };
	size_t i;

	for (i = 0; i < sizeof(fd) / sizeof(*fd); i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

static int open_ends(struct ends *n, struct snek_error *e)
{
	int rc = sk_channel_pair(n->sock, e);

	if (!rc)
		rc = sk_channel_pair(n->tmp, e);
	if (rc)
		return rc;
	if (pipe2(n->out, O_CLOEXEC) || fcntl(n->out[0], F_SETFL, O_NONBLOCK))
		return sk_fail_errno(e, "a pipe");
	return 0;
}

int sk_slot_start(struct sk_slot *s, const struct sk_wire_hello *hello,
    const struct sk_sandbox_filter *filter, struct snek_error *e)
{
	struct ends n = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
	int rc = share(s, e);

	if (!rc)
		rc = open_ends(&n, e);
	if (!rc)
		rc = fork_child(s, &n, hello, filter, e);
	close_ends(&n, 1);
	if (rc)
		close_ends(&n, 0);
	return rc;
}

/* ---- tasks ---- */

static int wait_room(void *arg)
{
	const struct sk_slot *s = arg;
	struct pollfd p = { .fd = s->channel.fd, .events = POLLOUT };

	return poll(&p, 1, 1000) > 0 && !(p.revents & POLLHUP) ? 0 : SNEK_EIO;
}

static int64_t used_ms(const struct sk_slot *s)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(s->pid, &clock) || clock_gettime(clock, &t))
		return 0;
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

int64_t sk_slot_cpu_ms(const struct sk_slot *s)
{
	return used_ms(s) - s->cpu_began;
}

int sk_slot_give(struct sk_slot *s, const struct sk_message *init,
    struct sk_worker_task *t)
{
	struct sk_channel_wait w = { wait_room, s };
	int rc = 0;

	s->task = t;
	s->used = true;
	s->kill_at = 0;
	s->killed = 0;
	s->memory = s->share;
	s->cpu_began = used_ms(s);
	__atomic_store_n(&s->shared->control.cancelled, 0, __ATOMIC_RELAXED);
	s->shared->mark.row = SK_NO_ROW;
	s->shared->mark.callback[0] = '\0';
	if (init->kind && !s->has_init) {
		rc = sk_channel_send(s->channel.fd, init, &w);
		s->has_init = true;
	}
	return rc ? rc : sk_channel_send(s->channel.fd, &t->request, &w);
}

int sk_slot_trace(struct sk_slot *s, const struct sk_message *m)
{
	struct sk_channel_wait w = { wait_room, s };

	s->cpu_began = 0;
	return sk_channel_send(s->channel.fd, m, &w);
}

static int take_hello(struct sk_slot *s, struct sk_message *m)
{
	struct sk_get r = { m->body.p, m->body.n, false };
	bool confined = sk_get_u8(&r);
	const char *why = sk_get_text(&r);

	s->greeted = true;
	if (m->kind != SK_MSG_HELLO || !why || !sk_get_end(&r))
		return SNEK_EFORMAT;
	s->confined = confined;
	snprintf(s->why, sizeof(s->why), "%.255s", why);
	return 0;
}

int sk_slot_recv(struct sk_slot *s, struct sk_message *m)
{
	int rc = sk_channel_recv(&s->channel, m);

	if (rc != 1 || s->greeted)
		return rc;
	rc = take_hello(s, m);
	sk_message_free(m);
	return rc ? rc : sk_channel_recv(&s->channel, m);
}

/* ---- the end ---- */

void sk_slot_kill(struct sk_slot *s, uint32_t why)
{
	if (!s->pid)
		return;
	if (!s->killed)
		s->killed = why;
	kill(s->pid, SIGKILL);          /* not reaped: the number is its own */
}

static bool was_killed(const struct sk_wire_death *d)
{
	return d->end == SK_END_CANCELLED ||
	    (d->end == SK_END_SIGNAL && d->status == SIGKILL);
}

static void describe_end(const struct sk_slot *s, const siginfo_t *how,
    struct sk_wire_death *d)
{
	const struct sk_mark *m = &s->shared->mark;
	size_t i;

	memset(d, 0, sizeof(*d));
	d->end = s->killed ? s->killed : how->si_code == CLD_EXITED ? SK_END_EXIT
	    : SK_END_SIGNAL;
	d->status = how->si_status;
	if (!s->confined && !was_killed(d)) {
		d->end = SK_END_SANDBOX;
		snprintf(d->text, sizeof(d->text), "%.255s", s->why);
	}
	d->chunk = m->chunk;
	d->row = m->row;
	for (i = 0; i + 1 < sizeof(d->callback); i++) {
		d->callback[i] = m->callback[i];
		if ((d->callback[i] < 'a' || d->callback[i] > 'z') &&
		    d->callback[i] != '_')
			break;
	}
	d->callback[i] = '\0';
}

/* It may have come and gone between two looks. */
static void hear_hello(struct sk_slot *s)
{
	struct sk_message m = { 0 };

	if (!s->greeted)
		sk_slot_recv(s, &m);
	sk_message_free(&m);
}

bool sk_slot_reap(struct sk_slot *s, bool wait, struct sk_wire_death *d)
{
	siginfo_t how = { 0 };
	int rc;

	if (!s->pid)
		return false;
	do
		rc = waitid(P_PID, (id_t)s->pid, &how,
		    WEXITED | (wait ? 0 : WNOHANG));
	while (rc && errno == EINTR);
	if (!rc && !how.si_pid)
		return false;
	hear_hello(s);
	describe_end(s, &how, d);
	close(s->channel.fd);
	sk_channel_free(&s->channel);
	if (s->tmp >= 0)
		close(s->tmp);
	if (s->pidfd >= 0)
		close(s->pidfd);
	s->pid = 0;
	s->has_init = s->used = false;
	s->killed = 0;
	s->kill_at = 0;
	return true;
}
