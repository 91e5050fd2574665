/* SPDX-License-Identifier: MIT */
/*
 * process.c - the op runs in children of a snek-worker.  Attempts go there as
 * bytes and descriptors and come back so; what comes back is not trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "exec/hear.h"
#include "exec/request.h"
#include "exec/worker.h"

#define CANCEL_MS 5000          /* for a worker to end what was cancelled */

struct item {
	struct item *next;
	struct sk_attempt attempt;
	bool cancelled;
	int64_t over;                   /* ms: when it is to be, if cancelled */
	struct sk_outcome outcome;      /* once it has ended */
};

struct process_exec {
	struct sk_exec exec;
	struct sk_exec_job job;
	sk_worker *worker;
	bool bare;                      /* it was not told of the job */
	struct sk_request_files files;
	struct item *running, *done, **tail;
	int event;
};

/* ---- lists ---- */

static struct item *take_running(struct process_exec *x, uint64_t id)
{
	struct item **p, *it;

	for (p = &x->running; (it = *p); p = &it->next)
		if (it->attempt.id == id) {
			*p = it->next;
			return it;
		}
	return NULL;
}

static void ended(struct process_exec *x, struct item *it)
{
	it->next = NULL;
	*x->tail = it;
	x->tail = &it->next;
}

static struct item *take_done(struct process_exec *x)
{
	struct item *it = x->done;

	if (it && !(x->done = it->next))
		x->tail = &x->done;
	return it;
}

/* ---- setting up ---- */

static int send_files(struct process_exec *x)
{
	struct sk_message m = { .kind = SK_MSG_FILES };
	uint32_t sent = 0;
	size_t i;
	int fd, rc = 0;

	for (i = 0; i < x->job.files && !rc; i++) {
		fd = x->job.open_file(x->job.open_arg, i);
		x->files.number[i] = fd < 0 ? SK_NO_FILE : sent++;
		if (fd >= 0 && !sk_message_take(&m, fd))
			rc = SNEK_ENOMEM;
		if (!rc && (m.fds == 64 || i + 1 == x->job.files)) {
			rc = sk_worker_send(x->worker, &m);
			sk_message_free(&m);
			m.kind = SK_MSG_FILES;
		}
	}
	sk_message_free(&m);
	return rc;
}

static bool take_copy(struct sk_message *m, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return copy >= 0 && sk_message_take(m, copy);
}

static int send_init(struct process_exec *x)
{
	const struct sk_exec_job *j = &x->job;
	struct sk_put w = { { 0 }, false };
	struct sk_message m = { .kind = SK_MSG_INIT };
	int rc = 0;

	sk_put_job(&w, j);
	m.body = w.buf;
	if (w.nomem || (!j->call && !take_copy(&m, j->map_file.fd)) ||
	    (j->reduce_op && j->reduce_op != j->op &&
	    !take_copy(&m, j->reduce_file.fd)) || !sk_take_sides(&m, &j->sides))
		rc = SNEK_ENOMEM;
	if (!rc)
		rc = sk_worker_send(x->worker, &m);
	sk_message_free(&m);
	return rc;
}

/* Where from goes as a file: the process that children are forked from does
 * not look into it. */
static int send_source(struct process_exec *x)
{
	const struct sk_exec_job *j = &x->job;
	struct sk_put w = { { 0 }, false };
	struct sk_message m = { .kind = SK_MSG_SOURCE };
	int rc, fd;

	if (!j->source.n)
		return 0;
	sk_put_want(&w, j);
	m.body = w.buf;
	fd = sk_channel_sealed("snek-source", j->source.p, j->source.n);
	rc = !w.nomem && fd >= 0 && sk_message_take(&m, fd)
	    ? sk_worker_send(x->worker, &m) : SNEK_ENOMEM;
	sk_message_free(&m);
	return rc;
}

static int set_up(struct process_exec *x)
{
	int rc = send_files(x);

	if (!rc)
		rc = send_source(x);
	return rc ? rc : send_init(x);
}

/* ---- the worker's end ---- */

/* A worker that ends while it is set up is replaced like any other; there is
 * an end to it, for a worker has so many lives. */
static int set_up_one(struct process_exec *x, bool again, struct snek_error *e)
{
	int rc;

	x->bare = true;
	do {
		rc = again ? sk_worker_again(x->worker, e) : 0;
		if (rc == SNEK_EAGAIN)          /* ended at once */
			continue;
		if (rc)
			return rc;
		rc = set_up(x);
		again = true;
	} while (rc == SNEK_EIO || rc == SNEK_EAGAIN);
	x->bare = rc != 0;
	return rc ? sk_fail(e, rc, "cannot set up snek-worker: %s",
	    sk_strerror(rc)) : 0;
}

/* What ran there is lost, through no fault of its own; another worker goes
 * on, until it has happened too often. */
static void lost(struct process_exec *x)
{
	struct snek_error why = { 0 };
	struct item *it;

	if (!set_up_one(x, true, &why))
		sk_fail(&why, SNEK_EAGAIN, "snek-worker ended");
	while ((it = x->running)) {
		x->running = it->next;
		it->outcome.code = it->cancelled ? SNEK_ECANCELED : why.code;
		it->outcome.error = why;
		ended(x, it);
	}
}

/* ---- starting ---- */

static int send_attempt(struct process_exec *x, const struct sk_attempt *a,
    struct snek_error *e)
{
	struct sk_message m = { 0 };
	int rc = x->bare ? SNEK_EIO : a->stage == 0
	    ? sk_request_map(&x->job, &x->files, a, &m)
	    : sk_request_reduce(a, &m);

	if (!rc)
		rc = sk_worker_send(x->worker, &m);
	sk_message_free(&m);
	if (rc == SNEK_EIO)
		return sk_fail(e, SNEK_EAGAIN, "snek-worker ended");
	return rc ? sk_fail(e, rc, "send an attempt: %s", sk_strerror(rc)) : 0;
}

static int start(struct sk_exec *exec, const struct sk_attempt *a,
    struct snek_error *e)
{
	struct process_exec *x = (struct process_exec *)exec;
	struct item *it = calloc(1, sizeof(*it));
	int rc;

	if (!it)
		return sk_enomem(e);
	it->attempt = *a;
	rc = send_attempt(x, a, &it->outcome.error);
	if (rc && rc != SNEK_EAGAIN) {
		if (e)
			*e = it->outcome.error;
		free(it);
		return rc;
	}
	it->next = x->running;
	x->running = it;
	if (rc)
		lost(x);        /* as if it had begun */
	return 0;
}

/* ---- hearing ---- */

static const char *op_name(const struct process_exec *x, const struct item *it)
{
	return sk_hear_op(&x->job, &it->attempt);
}

static void hear_death(struct process_exec *x, struct item *it,
    struct sk_message *m)
{
	struct sk_get r = { m->body.p, m->body.n, false };
	struct sk_wire_death d;

	sk_get_death(&r, &d);
	sk_hear_death(&x->job, &it->attempt, &d, &it->outcome);
}

/* What is printed late is of no attempt, and still of the job's op. */
static void hear_print(struct process_exec *x, struct sk_message *m)
{
	struct sk_get r = { m->body.p, m->body.n, false };
	const char *s = sk_get_text(&r);
	const struct item *it = x->running;
	char line[1200];

	if (!s || !x->job.log)
		return;
	while (it && it->attempt.id != m->id)
		it = it->next;
	snprintf(line, sizeof(line), "%.128s: %.1000s",
	    it ? op_name(x, it) : x->job.op->op.name, s);
	sk_wire_tame(line, false);
	x->job.log(x->job.log_arg, SNEK_WARN, line);
}

static void hear_log(struct process_exec *x, struct sk_message *m)
{
	struct sk_get r = { m->body.p, m->body.n, false };
	uint32_t level = sk_get_u32(&r);
	const char *s = sk_get_text(&r);
	char line[1200];

	if (!s || !x->job.log)
		return;
	snprintf(line, sizeof(line), "%.1199s", s);
	sk_wire_tame(line, false);
	x->job.log(x->job.log_arg, level > SNEK_ERROR ? SNEK_ERROR : (int)level,
	    line);
}

static void hear(struct process_exec *x, struct sk_message *m)
{
	struct item *it;

	if (m->kind == SK_MSG_LOG) {
		hear_log(x, m);
		return;
	}
	if (m->kind == SK_MSG_PRINT) {
		hear_print(x, m);
		return;
	}
	if (m->kind != SK_MSG_DONE && m->kind != SK_MSG_DIED)
		return;
	it = take_running(x, m->id);
	if (!it)
		return;
	if (m->kind == SK_MSG_DONE)
		sk_hear_done(&x->job, &it->attempt, it->cancelled, m,
		    &it->outcome);
	else
		hear_death(x, it, m);
	ended(x, it);
}

/* All that has come; false when nothing had. */
static bool hear_all(struct process_exec *x)
{
	struct sk_message m = { 0 };
	bool any = false;
	int rc;

	while (!x->done && (rc = sk_worker_recv(x->worker, &m))) {
		any = true;
		if (rc < 0) {
			lost(x);
			break;
		}
		hear(x, &m);
		sk_message_free(&m);
	}
	return any;
}

static bool give(struct process_exec *x, struct sk_exec_event *out)
{
	struct item *it = take_done(x);

	if (!it)
		return false;
	out->id = it->attempt.id;
	out->number = it->attempt.number;
	out->attempt = it->attempt;
	out->outcome = it->outcome;
	free(it);
	return true;
}

/* When something that was cancelled has to be over, at the soonest. */
static int64_t first_over(const struct process_exec *x)
{
	int64_t first = INT64_MAX;
	const struct item *it;

	for (it = x->running; it; it = it->next)
		if (it->cancelled && it->over < first)
			first = it->over;
	return first;
}

/* A worker that ends nothing (it may be stopped) is as good as lost. */
static void look_whether_deaf(struct process_exec *x)
{
	if (!x->done && first_over(x) <= sk_clock_ms())
		lost(x);
}

/* As long as may be waited, but not beyond what was cancelled. */
static int wait_of(const struct process_exec *x, int timeout_ms)
{
	int64_t over = first_over(x), left = over - sk_clock_ms();

	if (over == INT64_MAX || (timeout_ms >= 0 && timeout_ms <= left))
		return timeout_ms;
	return left < 0 ? 0 : (int)left;
}

static int wait_event(struct sk_exec *exec, int timeout_ms,
    struct sk_exec_event *out)
{
	struct process_exec *x = (struct process_exec *)exec;
	struct pollfd p[2] = {
		{ .fd = x->event, .events = POLLIN },
		{ .fd = sk_worker_fd(x->worker), .events = POLLIN },
	};
	uint64_t count;

	if (!x->done)
		hear_all(x);
	look_whether_deaf(x);
	if (give(x, out))
		return 1;
	p[1].fd = sk_worker_fd(x->worker);
	if (poll(p, 2, wait_of(x, timeout_ms)) <= 0) {
		look_whether_deaf(x);
		return give(x, out);
	}
	if (p[0].revents && read(x->event, &count, sizeof(count)) > 0)
		return give(x, out);
	hear_all(x);
	return give(x, out);
}

static void cancel(struct sk_exec *exec, uint64_t id)
{
	struct process_exec *x = (struct process_exec *)exec;
	struct sk_message m = { .kind = SK_MSG_CANCEL, .id = id };
	struct item *it;

	for (it = x->running; it; it = it->next)
		if (it->attempt.id == id)
			break;
	if (!it)
		return;
	if (!it->cancelled)
		it->over = sk_clock_ms() + CANCEL_MS;
	it->cancelled = true;
	if (sk_worker_send(x->worker, &m))
		lost(x);
}

/* A signal handler may do this: errno stays. */
static void wake(struct sk_exec *exec)
{
	struct process_exec *x = (struct process_exec *)exec;
	uint64_t one = 1;
	int sys = errno;
	ssize_t n;

	do
		n = write(x->event, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
	errno = sys;
}

static void free_items(struct item *it)
{
	struct item *next;

	for (; it; it = next) {
		next = it->next;
		sk_outcome_free(&it->outcome);
		free(it);
	}
}

/* The worker ends its children when its owner closes it. */
static void close_exec(struct sk_exec *exec)
{
	struct process_exec *x = (struct process_exec *)exec;

	free_items(x->running);
	free_items(x->done);
	if (x->event >= 0)
		close(x->event);
	free(x->files.number);
	free(x);
}

static const struct sk_exec_ops process_ops = {
	start, wait_event, cancel, wake, close_exec, NULL,
};

int sk_exec_processes(const struct sk_exec_job *job, sk_worker *w,
    struct sk_exec **out, struct snek_error *e)
{
	struct process_exec *x = calloc(1, sizeof(*x));
	int rc = 0;

	if (!x)
		return sk_enomem(e);
	x->exec.ops = &process_ops;
	x->job = *job;
	x->worker = w;
	x->tail = &x->done;
	x->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	x->files.number = calloc(job->files + 1, sizeof(*x->files.number));
	if (x->event < 0)
		rc = sk_fail_errno(e, "eventfd");
	else if (!x->files.number)
		rc = sk_enomem(e);
	else
		rc = set_up_one(x, false, e);
	if (rc)
		close_exec(&x->exec);
	else
		*out = &x->exec;
	return rc;
}
