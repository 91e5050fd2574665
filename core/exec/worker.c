/* SPDX-License-Identifier: MIT */
#include "exec/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/spawn.h"

#define LIVES 4u                /* of a worker that ends by itself */
#define MAX_ANSWER ((uint64_t)256 << 20)
#define MAX_FILES 65536u
#define ENDING_MS 2000          /* for it to end its children */
#define ROOM_MS 30000           /* for it to read what is sent */

struct queued {
	struct queued *next;
	struct sk_message message;
};

struct sk_worker {
	struct sk_worker_options set;
	char *program, *tmp, *lib;
	struct sk_channel channel;
	pid_t pid;
	int pidfd;                      /* -1: an old kernel */
	uint32_t lives;
	uint64_t asked;
	int64_t room_until;             /* of what is being sent */
	struct queued *heard, **tail;   /* while there was no room to send */
};

extern char **environ;

/* ---- starting ---- */

static char *find_program(const char *given)
{
	const char *env = getenv("SNEK_WORKER");

	return strdup(given ? given : env && *env ? env
	    : SNEK_LIBEXECDIR "/snek-worker");
}

/* With what a plugin has no business: who its user is elsewhere. */
static bool is_secret(const char *variable)
{
	return !strncmp(variable, "AWS_", 4) ||
	    !strncmp(variable, "SNEK_REDIS_", 11);
}

/* Our environment without secrets, but all of it where plugins are trusted;
 * free() what is *own. */
static char **environment(const sk_worker *w, char ***own)
{
	size_t n = 0, kept = 0, i;

	*own = NULL;
	if (w->set.trust || !environ)
		return environ;
	while (environ[n])
		n++;
	*own = malloc((n + 1) * sizeof(**own));
	if (!*own)
		return NULL;
	for (i = 0; i < n; i++)
		if (!is_secret(environ[i]))
			(*own)[kept++] = environ[i];
	(*own)[kept] = NULL;
	return *own;
}

static int spawn(sk_worker *w, int sock)
{
	char *const argv[] = { (char *)"snek-worker", NULL };
	posix_spawn_file_actions_t f;
	posix_spawnattr_t a;
	char **own, **env;
	int rc;

	if (posix_spawn_file_actions_init(&f))
		return ENOMEM;
	if (posix_spawnattr_init(&a)) {
		posix_spawn_file_actions_destroy(&f);
		return ENOMEM;
	}
	env = environment(w, &own);
	rc = sk_spawn_signals(&a);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&f, sock, 3);
	if (!rc)
		rc = environ && !env ? ENOMEM :
		    posix_spawn(&w->pid, w->program, &f, &a, argv, env);
	free(own);
	posix_spawnattr_destroy(&a);
	posix_spawn_file_actions_destroy(&f);
	return rc;
}

static int send_hello(sk_worker *w)
{
	struct sk_wire_hello h = { .version = SK_CHANNEL_VERSION,
		.workers = w->set.workers, .trust = w->set.trust,
		.memory = w->set.memory, .cpu_ms = w->set.cpu_ms };
	struct sk_put out = { { 0 }, false };
	struct sk_message m = { .kind = SK_MSG_HELLO };
	int rc;

	snprintf(h.tmp, sizeof(h.tmp), "%s", w->tmp);
	if (w->lib)
		snprintf(h.libraries, sizeof(h.libraries), "%s", w->lib);
	sk_put_hello(&out, &h);
	m.body = out.buf;
	rc = out.nomem ? SNEK_ENOMEM : sk_worker_send(w, &m);
	sk_message_free(&m);
	return rc;
}

static int no_start(const sk_worker *w, int sys, struct snek_error *e)
{
	errno = sys;
	if (sys == ENOENT)
		return sk_fail(e, SNEK_ENOENT, "no worker program %s: install "
		    "it, name it in $SNEK_WORKER, or run --on threads",
		    w->program);
	return sk_fail_errno(e, "start %s", w->program);
}

/* It is gone: something killed it, and another one may live. */
static int lost(int rc)
{
	return rc == SNEK_EIO ? SNEK_EAGAIN : rc;
}

static int start(sk_worker *w, struct snek_error *e)
{
	int end[2], sys, rc = sk_channel_pair(end, e);

	if (rc)
		return rc;
	sys = spawn(w, end[1]);
	close(end[1]);
	if (sys) {
		close(end[0]);
		w->pid = 0;
		return no_start(w, sys, e);
	}
	w->pidfd = (int)syscall(SYS_pidfd_open, w->pid, 0);
	w->channel = (struct sk_channel){ .fd = end[0], .max = MAX_ANSWER,
		.max_fds = MAX_FILES };
	rc = send_hello(w);
	return rc ? sk_fail(e, lost(rc), "%s ended at once", w->program) : 0;
}

int sk_worker_open(const struct sk_worker_options *o, sk_worker **out,
    struct snek_error *e)
{
	sk_worker *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return sk_enomem(e);
	w->set = *o;
	w->set.workers = o->workers ? o->workers : 1;
	w->channel.fd = w->pidfd = -1;
	w->lives = LIVES;
	w->tail = &w->heard;
	w->program = find_program(o->program);
	w->tmp = strdup(o->tmp ? o->tmp : "/tmp");
	if (o->lib && strchr(o->lib, '/'))
		w->lib = realpath(o->lib, NULL);        /* or none */
	rc = w->program && w->tmp ? start(w, e) : sk_enomem(e);
	if (rc)
		sk_worker_close(w);
	else
		*out = w;
	return rc;
}

/* ---- the end ---- */

/* Before Linux 5.3.  While it is our child the number is its own. */
static void reap_by_number(pid_t pid)
{
	int64_t until = sk_clock_ms() + ENDING_MS;
	pid_t rc;

	while (!(rc = waitpid(pid, NULL, WNOHANG)) && sk_clock_ms() < until)
		poll(NULL, 0, 5);
	if (!rc)
		kill(pid, SIGKILL);
	while (!rc && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* The host may have reaped it already, by ignoring SIGCHLD or waiting for any
 * child: that is no error, and its number is not used after that. */
static void reap(sk_worker *w)
{
	struct pollfd p = { .fd = w->pidfd, .events = POLLIN };
	siginfo_t how;

	if (w->pidfd < 0) {
		reap_by_number(w->pid);
	} else {
		if (poll(&p, 1, ENDING_MS) == 0)
			syscall(SYS_pidfd_send_signal, w->pidfd, SIGKILL, NULL, 0);
		while (waitid(P_PIDFD, (id_t)w->pidfd, &how, WEXITED) &&
		    errno == EINTR)
			;
		close(w->pidfd);
	}
	w->pidfd = -1;
	w->pid = 0;
}

static void forget_heard(sk_worker *w)
{
	struct queued *q;

	while ((q = w->heard)) {
		w->heard = q->next;
		sk_message_free(&q->message);
		free(q);
	}
	w->tail = &w->heard;
}

static void end(sk_worker *w)
{
	if (w->channel.fd >= 0)
		close(w->channel.fd);
	sk_channel_free(&w->channel);
	w->channel.fd = -1;
	if (w->pid)
		reap(w);
}

void sk_worker_close(sk_worker *w)
{
	if (!w)
		return;
	end(w);
	forget_heard(w);
	free(w->program);
	free(w->tmp);
	free(w->lib);
	free(w);
}

int sk_worker_again(sk_worker *w, struct snek_error *e)
{
	end(w);
	forget_heard(w);
	if (w->lives)
		w->lives--;
	if (!w->lives)
		return sk_fail(e, SNEK_EPLUGIN, "%s ended by itself %u times",
		    w->program, LIVES);
	return start(w, e);
}

/* ---- talking ---- */

int sk_worker_fd(const sk_worker *w)
{
	return w->channel.fd;
}

static int check_hello(struct sk_message *m)
{
	struct sk_get r = { m->body.p, m->body.n, false };
	struct sk_wire_hello h;

	sk_get_hello(&r, &h);
	sk_message_free(m);
	return r.bad || h.version != SK_CHANNEL_VERSION ? SNEK_EVERSION : 0;
}

static int receive(sk_worker *w, struct sk_message *m)
{
	int rc;

	if (w->channel.fd < 0)
		return SNEK_EIO;
	rc = sk_channel_recv(&w->channel, m);
	if (rc == 1 && m->kind == SK_MSG_HELLO)
		rc = check_hello(m);
	return rc;
}

/* A worker that is there and reads nothing is as good as none. */
static int may_wait(const sk_worker *w)
{
	const struct sk_worker_options *o = &w->set;
	int64_t now = sk_clock_ms();

	if (o->cancelled && __atomic_load_n(o->cancelled, __ATOMIC_SEQ_CST))
		return SNEK_ECANCELED;
	if (o->deadline_ms && now >= o->deadline_ms)
		return SNEK_ETIMEDOUT;
	return now >= w->room_until ? SNEK_EIO : 0;
}

/* No room to send: hear what it has to say, or both would wait for ever. */
static int hear_first(void *arg)
{
	sk_worker *w = arg;
	struct pollfd p = { .fd = w->channel.fd, .events = POLLIN | POLLOUT };
	struct queued *q;
	int rc = may_wait(w);

	if (rc)
		return rc;
	if (poll(&p, 1, 20) < 0 && errno != EINTR)
		return SNEK_EIO;
	if (!(p.revents & (POLLIN | POLLHUP)))
		return 0;
	q = calloc(1, sizeof(*q));
	if (!q)
		return SNEK_ENOMEM;
	rc = receive(w, &q->message);
	if (rc != 1) {
		free(q);
		return rc;
	}
	*w->tail = q;
	w->tail = &q->next;
	return 0;
}

int sk_worker_send(sk_worker *w, const struct sk_message *m)
{
	const struct sk_channel_wait wait = { hear_first, w };

	w->room_until = sk_clock_ms() + ROOM_MS;
	return w->channel.fd < 0 ? SNEK_EIO
	    : sk_channel_send(w->channel.fd, m, &wait);
}

int sk_worker_recv(sk_worker *w, struct sk_message *out)
{
	struct queued *q = w->heard;

	if (!q)
		return receive(w, out);
	if (!(w->heard = q->next))
		w->tail = &w->heard;
	*out = q->message;
	free(q);
	return 1;
}

const struct sk_worker_options *sk_worker_set(const sk_worker *w)
{
	return &w->set;
}

uint64_t sk_worker_next_id(sk_worker *w)
{
	return ++w->asked | (uint64_t)1 << 63;  /* an attempt's has no such bit */
}
