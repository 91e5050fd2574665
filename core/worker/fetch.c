/* SPDX-License-Identifier: MIT */
#include "worker/fetch.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "worker/pull.h"

#define MAX_REQUEST ((uint64_t)1 << 30)
#define MAX_SOURCE ((uint64_t)64 << 20)

struct fetch {
	struct sk_channel channel;
	struct sk_wire_want columns;
	struct sk_want want;
	struct sk_buf addresses;
	struct sk_source *source;       /* opened by the first task */
	int rc;                         /* why it is not */
	struct snek_error error;
	struct sk_pull *pull;
};

/* ---- talking ---- */

static int wait_room(void *arg)
{
	struct pollfd p = { .fd = SK_FETCH_SOCK, .events = POLLOUT };

	(void)arg;
	return poll(&p, 1, -1) < 0 && errno != EINTR ? SNEK_EIO : 0;
}

static void say(struct sk_message *m)
{
	const struct sk_channel_wait patient = { wait_room, NULL };

	if (sk_channel_send(SK_FETCH_SOCK, m, &patient))
		_exit(1);
	sk_message_free(m);
}

static void say_failure(uint64_t id, int rc, const struct snek_error *e)
{
	struct sk_wire_death d = { .end = SK_END_FETCH, .status = rc,
		.chunk = UINT32_MAX, .row = SK_NO_ROW };
	struct sk_message m = { .kind = SK_MSG_DIED, .id = id };
	struct sk_put w = { { 0 }, false };

	snprintf(d.text, sizeof(d.text), "%.255s", e && e->text[0] ? e->text
	    : sk_strerror(rc));
	sk_put_death(&w, &d);
	m.body = w.buf;
	say(&m);
}

/* ---- tasks ---- */

static int open_source(struct fetch *f)
{
	struct stat st;

	if (f->source || f->rc)
		return f->rc;
	if (fstat(SK_FETCH_SOURCE, &st) || (uint64_t)st.st_size > MAX_SOURCE ||
	    !sk_channel_slurp(SK_FETCH_SOURCE, (uint64_t)st.st_size,
	    &f->addresses))
		f->rc = sk_fail(&f->error, SNEK_EINTERNAL, "where shards are "
		    "cannot be read");
	else
		f->rc = sk_source_open((struct sk_span){ f->addresses.p,
		    f->addresses.n }, &f->source, &f->error);
	return f->rc;
}

static void take_task(struct fetch *f, struct sk_message *m)
{
	struct sk_get r = { m->body.p, m->body.n, false };
	struct sk_pull *p;
	int rc = open_source(f);

	if (rc) {
		say_failure(m->id, rc, &f->error);
		return;
	}
	rc = sk_pull_new(m->id, &r, &f->want, &p);
	if (rc) {
		say_failure(m->id, rc, NULL);
		return;
	}
	p->next = f->pull;
	f->pull = p;
}

static void cancel(struct fetch *f, uint64_t id)
{
	struct sk_pull *p;

	for (p = f->pull; p; p = p->next)
		if (p->id == id)
			p->cancelled = true;
}

static void listen_up(struct fetch *f)
{
	struct sk_message m = { 0 };
	int rc;

	while ((rc = sk_channel_recv(&f->channel, &m)) == 1) {
		if (m.kind == SK_MSG_TASK)
			take_task(f, &m);
		else if (m.kind == SK_MSG_CANCEL)
			cancel(f, m.id);
		sk_message_free(&m);
	}
	if (rc < 0) {
		sk_source_close(f->source);
		_exit(rc == SNEK_EIO ? 0 : 1);
	}
}

static void end(struct sk_pull *p)
{
	struct sk_message m = { 0 };
	int rc = p->cancelled ? 0 : sk_pull_answer(p, &m);

	if (rc) {
		sk_message_free(&m);
		say_failure(p->id, rc, NULL);
	} else if (!p->cancelled) {
		say(&m);
	}
	sk_pull_free(p);
}

static void look_after(struct fetch *f)
{
	struct sk_pull **at = &f->pull, *p;

	while ((p = *at)) {
		sk_pull_more(p, f->source);
		if (sk_pull_ended(p)) {
			*at = p->next;
			end(p);
		} else {
			at = &p->next;
		}
	}
}

/* ---- the loop ---- */

static int timeout(const struct fetch *f)
{
	int64_t ms = f->source ? sk_source_due(f->source) : INT64_MAX;

	if (ms == INT64_MAX)
		return -1;
	ms -= sk_clock_ms();
	return ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

static void turn(struct fetch *f)
{
	struct pollfd p[2] = {
		{ .fd = SK_FETCH_SOCK, .events = POLLIN },
		{ .fd = f->source ? sk_source_fd(f->source) : -1,
		    .events = POLLIN },
	};

	look_after(f);
	if (poll(p, 2, timeout(f)) < 0 && errno != EINTR)
		_exit(1);
	if (f->source && (f->rc = sk_source_step(f->source)))
		_exit(1);
	if (p[0].revents)
		listen_up(f);
}

void sk_fetch_run(struct sk_span want)
{
	struct fetch f = { .channel = { .fd = SK_FETCH_SOCK,
	    .max = MAX_REQUEST, .max_fds = 64 } };
	struct sk_get r = { want.p, want.n, false };

	if (sk_get_want(&r, &f.columns))
		_exit(1);
	f.want = (struct sk_want){ .name = f.columns.column,
	    .names = f.columns.columns, .all = f.columns.whole };
	for (;;)
		turn(&f);
}
