/* SPDX-License-Identifier: MIT */
#include "worker/fetcher.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/fetch.h"

#define MAX_ANSWER ((uint64_t)256 << 20)

/* ---- starting, ending ---- */

static void become_fetcher(const struct sk_fetcher *f, int sock, pid_t worker)
{
	/* what it will know is nobody else's, in no dump and no debugger */
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != worker || dup2(sock, SK_FETCH_SOCK) < 0 ||
	    dup2(f->source.fd[0], SK_FETCH_SOURCE) < 0)
		_exit(1);
	closefrom(SK_FETCH_FIRST);
	sk_fetch_run((struct sk_span){ f->source.body.p, f->source.body.n });
}

static int start(struct sk_fetcher *f, struct snek_error *e)
{
	pid_t worker = getpid(), pid;
	int end[2], rc;

	if (f->pid)
		return 0;
	if (f->source.fds != 1)
		return sk_fail(e, SNEK_EINTERNAL, "chunks from nowhere");
	rc = sk_channel_pair(end, e);
	if (rc)
		return rc;
	pid = fork();
	if (!pid)
		become_fetcher(f, end[1], worker);
	close(end[1]);
	if (pid < 0) {
		close(end[0]);
		return sk_fail_errno(e, "start a process");
	}
	f->pid = pid;
	f->channel = (struct sk_channel){ .fd = end[0], .max = MAX_ANSWER,
		.max_fds = 64 };
	return 0;
}

static void stop(struct sk_fetcher *f)
{
	if (!f->pid)
		return;
	close(f->channel.fd);
	sk_channel_free(&f->channel);
	kill(f->pid, SIGKILL);          /* not reaped: the number is its own */
	while (waitpid(f->pid, NULL, 0) < 0 && errno == EINTR)
		;
	f->pid = 0;
}

void sk_fetcher_end(struct sk_fetcher *f)
{
	struct sk_worker_task *t;

	stop(f);
	while ((t = f->waiting)) {
		f->waiting = t->next;
		sk_worker_task_free(t);
	}
	sk_message_free(&f->source);
}

int sk_fetcher_source(struct sk_fetcher *f, struct sk_message *m)
{
	if (m->fds != 1 || f->waiting)
		return SNEK_EFORMAT;
	stop(f);
	sk_message_free(&f->source);
	/* From here on a descriptor of ours leads to passwords: none of our
	 * children, trusted ones neither, may look at it in /proc. */
	prctl(PR_SET_DUMPABLE, 0);
	f->source = *m;
	memset(m, 0, sizeof(*m));
	return 0;
}

/* ---- tasks ---- */

static int wait_room(void *arg)
{
	const struct sk_fetcher *f = arg;
	struct pollfd p = { .fd = f->channel.fd, .events = POLLOUT };

	return poll(&p, 1, 1000) > 0 && !(p.revents & POLLHUP) ? 0 : SNEK_EIO;
}

static int send(struct sk_fetcher *f, const struct sk_message *m)
{
	const struct sk_channel_wait w = { wait_room, f };

	return sk_channel_send(f->channel.fd, m, &w);
}

int sk_fetcher_give(struct sk_fetcher *f, struct sk_worker_task *t,
    struct snek_error *e)
{
	struct sk_message m = { .kind = SK_MSG_TASK, .id = t->request.id,
		.body = t->fetch };
	int rc = start(f, e);

	if (!rc) {
		rc = send(f, &m);
		if (rc)
			sk_fail(e, rc, "the process that reads shards: %s",
			    sk_strerror(rc));
	}
	if (rc)
		return rc;
	t->next = f->waiting;
	f->waiting = t;
	return 0;
}

static struct sk_worker_task *take(struct sk_fetcher *f, uint64_t id)
{
	struct sk_worker_task **p, *t;

	for (p = &f->waiting; (t = *p); p = &t->next)
		if (t->request.id == id) {
			*p = t->next;
			t->next = NULL;
			return t;
		}
	return NULL;
}

struct sk_worker_task *sk_fetcher_cancel(struct sk_fetcher *f, uint64_t id)
{
	const struct sk_message m = { .kind = SK_MSG_CANCEL, .id = id };
	struct sk_worker_task *t = take(f, id);

	if (t)
		send(f, &m);            /* or it is gone: no matter */
	return t;
}

int sk_fetcher_fd(const struct sk_fetcher *f)
{
	return f->pid ? f->channel.fd : -1;
}

/* ---- answers ---- */

static int fail(struct sk_wire_death *d, int rc, const char *text)
{
	*d = (struct sk_wire_death){ .end = SK_END_FETCH, .status = rc,
	    .chunk = UINT32_MAX, .row = SK_NO_ROW };
	snprintf(d->text, sizeof(d->text), "%s", text);
	return 1;
}

int sk_fetcher_hear(struct sk_fetcher *f, struct sk_worker_task **out,
    struct sk_wire_death *d)
{
	struct sk_message m = { 0 };
	int rc = 0;

	memset(d, 0, sizeof(*d));
	*out = NULL;
	while (f->pid && !*out && (rc = sk_channel_recv(&f->channel, &m))) {
		if (rc < 0) {
			stop(f);
			break;
		}
		*out = take(f, m.id);           /* or it was cancelled */
		if (*out)
			sk_worker_task_fetched(*out, &m, d);
		sk_message_free(&m);
	}
	if (*out || f->pid || !f->waiting)
		return *out != NULL;
	*out = take(f, f->waiting->request.id); /* what it was at is lost */
	return fail(d, SNEK_EAGAIN, "the process that reads shards ended");
}
