/* SPDX-License-Identifier: MIT */
#include "worker/noproc.h"
#include "worker/tend.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "task/tmp.h"

#define GRACE_MS 250            /* from its socket's end to its own */
#define TRACE_MS 2000           /* for finding out where one crashed */
#define MOST_TRACES 16u

/* ---- to the coordinator ---- */

static int wait_room(void *arg)
{
	struct pollfd p = { .fd = SK_COORDINATOR, .events = POLLOUT };

	(void)arg;
	return poll(&p, 1, -1) < 0 && errno != EINTR ? SNEK_EIO : 0;
}

int sk_tend_tell(uint32_t kind, uint64_t id, struct sk_put *w)
{
	const struct sk_channel_wait patient = { wait_room, NULL };
	struct sk_message m = { .kind = kind, .id = id, .body = w->buf };
	int rc = w->nomem ? SNEK_ENOMEM
	    : sk_channel_send(SK_COORDINATOR, &m, &patient);

	sk_buf_free(&w->buf);
	return rc;
}

int sk_tend_tell_death(uint64_t id, const struct sk_wire_death *d)
{
	struct sk_put w = { { 0 }, false };

	sk_put_death(&w, d);
	return sk_tend_tell(SK_MSG_DIED, id, &w);
}

/* ---- what children print ---- */

static int tell_line(void *arg, const char *text)
{
	const struct sk_slot *s = arg;
	struct sk_put put = { { 0 }, false };

	sk_put_text(&put, text);
	return sk_tend_tell(SK_MSG_PRINT, s->task ? s->task->request.id : 0,
	    &put);
}

static int hear_prints(struct sk_tend *w, struct sk_slot *s)
{
	return sk_prints_read(&s->prints, &w->prints, tell_line, s);
}

static int end_prints(struct sk_tend *w, struct sk_slot *s)
{
	return sk_prints_end(&s->prints, &w->prints, tell_line, s);
}

/* ---- children ---- */

void sk_tend_drop(struct sk_slot *s)
{
	sk_worker_task_free(s->task);
	s->task = NULL;
	free(s->death);
	s->death = NULL;
}

static int end_death(struct sk_slot *s, const struct sk_wire_death *d)
{
	int rc = sk_tend_tell_death(s->task->request.id, d);

	sk_tend_drop(s);
	return rc;
}

int sk_tend_start(struct sk_tend *w, struct sk_slot *s,
    const struct sk_worker_task *t, struct snek_error *e)
{
	struct sk_wire_hello h = w->hello;
	int rc = w->hello.trust || w->filter ? 0
	    : sk_sandbox_filter_new(false, &w->filter, e);

	if (t && sk_noproc())
		sk_noproc_allow(&w->init, t, &h);
	return rc ? rc : sk_slot_start(s, &h, w->filter, e);
}

/* The plugins' files: the job's, or those that came with what was asked. */
static int put_plugins(struct sk_tend *w, struct sk_slot *s,
    struct sk_message *m)
{
	const struct sk_message *task = &s->task->request;
	uint8_t what = task->body.n ? (uint8_t)task->body.p[0] : 0;
	const struct sk_message *from = what == SK_ASK_MAP ||
	    what == SK_ASK_REDUCE ? &w->init : task;
	size_t i;
	int fd;

	for (i = 0; i < from->fds && i < 2; i++) {
		fd = dup(from->fd[i]);
		if (fd < 0 || !sk_message_take(m, fd))
			return SNEK_ENOMEM;
	}
	return 0;
}

/* In a fresh child, for the notes and the plugin's tables are the op's own:
 * they are copied here and not looked at. */
static int start_trace(struct sk_tend *w, struct sk_slot *s)
{
	struct sk_put put = { { 0 }, false };
	struct sk_message m = { .kind = SK_MSG_TASK };
	int rc = put_plugins(w, s, &m);

	sk_put_u8(&put, SK_ASK_TRACE);
	sk_put_bytes(&put, &s->shared->crash, sizeof(s->shared->crash));
	m.body = put.buf;
	if (!rc)
		rc = put.nomem ? SNEK_ENOMEM : sk_tend_start(w, s, NULL, NULL);
	if (!rc && sk_slot_trace(s, &m))
		sk_slot_kill(s, 0);     /* its end ends the story */
	if (!rc)
		s->kill_at = sk_clock_ms() + TRACE_MS;
	sk_message_free(&m);
	return rc;
}

static bool wants_trace(const struct sk_tend *w, const struct sk_slot *s,
    const struct sk_wire_death *d)
{
	return d->end == SK_END_SIGNAL && d->status != SIGKILL &&
	    s->shared->crash.frames && w->traces < MOST_TRACES;
}

/* It ended, or does now: say what became of its task, once it is known where
 * it was. */
int sk_tend_bury(struct sk_tend *w, struct sk_slot *s, bool wait)
{
	struct sk_wire_death d;
	int rc;

	if (!sk_slot_reap(s, wait, &d))
		return 0;
	rc = s->task && !s->death ? end_prints(w, s) : 0;
	sk_prints_close(&s->prints);
	if (rc || !s->task)
		return rc;
	if (s->death)
		return end_death(s, s->death);
	if (d.end == SK_END_CPU)
		d.status = 0;
	if (!wants_trace(w, s, &d) || !(s->death = malloc(sizeof(d))))
		return end_death(s, &d);
	*s->death = d;
	w->traces++;
	return start_trace(w, s) ? end_death(s, s->death) : 0;
}

static int hear_trace(struct sk_tend *w, struct sk_slot *s,
    const struct sk_message *m)
{
	struct sk_get r = { m->body.p, m->body.n, false };

	if (m->kind == SK_MSG_DONE)
		sk_get_trace(&r, s->death);
	sk_slot_kill(s, 0);
	return sk_tend_bury(w, s, true);
}

static int forward(struct sk_tend *w, struct sk_slot *s, struct sk_message *m)
{
	const struct sk_channel_wait patient = { wait_room, NULL };
	bool once = s->task->once;
	int rc = m->kind == SK_MSG_DONE ? end_prints(w, s) : 0;

	m->id = s->task->request.id;
	if (!rc)
		rc = sk_channel_send(SK_COORDINATOR, m, &patient);
	if (rc || m->kind != SK_MSG_DONE)
		return rc;
	sk_tend_drop(s);
	s->kill_at = 0;
	if (!once)
		return 0;
	sk_slot_kill(s, 0);
	return sk_tend_bury(w, s, true);
}

/* What it says while it has no task is no answer, and what is no message is
 * its end. */
static int hear(struct sk_tend *w, struct sk_slot *s)
{
	struct sk_message m = { 0 };
	int rc = 0;

	while (!rc && s->pid) {
		rc = sk_slot_recv(s, &m);
		if (!rc)
			return 0;
		if (rc < 0 || !s->task ||
		    (m.kind != SK_MSG_DONE && m.kind != SK_MSG_LOG)) {
			/* an EOF of a child that dies by itself is no lie */
			if (rc != SNEK_EIO)
				sk_slot_kill(s, SK_END_LIED);
			sk_message_free(&m);
			return rc == SNEK_EIO ? 1 : sk_tend_bury(w, s, true);
		}
		rc = s->death ? hear_trace(w, s, &m) : forward(w, s, &m);
		sk_message_free(&m);
	}
	return rc;
}

/* Its socket is closed: it is dying, or it closed what it should not have. */
static int hung_up(struct sk_tend *w, struct sk_slot *s)
{
	struct pollfd p = { .fd = s->pidfd, .events = POLLIN };

	if (s->pidfd < 0 || poll(&p, 1, GRACE_MS) <= 0)
		sk_slot_kill(s, SK_END_LIED);
	return sk_tend_bury(w, s, true);
}

int sk_tend_look(struct sk_tend *w, struct sk_slot *s,
    const struct pollfd *p)
{
	int rc = p[3].revents ? hear_prints(w, s) : 0;

	if (!rc && p[0].revents)
		rc = hear(w, s);
	if (rc == 1)
		rc = hung_up(w, s);
	if (!rc && s->pid && s->tmp >= 0 && p[1].revents &&
	    sk_tmp_answer(s->tmp, w->hello.tmp, &s->memory)) {
		close(s->tmp);
		s->tmp = -1;
	}
	if (!rc && s->pid && p[2].revents)
		rc = sk_tend_bury(w, s, false);
	return rc;
}
