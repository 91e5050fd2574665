/* SPDX-License-Identifier: MIT */
/* ask.c - of a plugin, through a worker: what it is and what it wants. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "exec/worker.h"

#define PATIENCE_MS 10000       /* for loading and opening */
#define LOOK_MS 20              /* whether somebody cancelled */

/* ---- the words for a death ---- */

static const char *signal_name(int n)
{
	const char *s = sigabbrev_np(n);

	return s ? s : "?";
}

static int say_signal(const struct sk_wire_death *d, const char *op,
    const char *at, const char *doing, struct snek_error *e)
{
	if (d->status == SIGKILL)
		return sk_fail(e, SNEK_EAGAIN, "the process of %s was killed "
		    "from outside%s (out of memory?)", op, at);
	return sk_fail(e, SNEK_EPLUGIN, "%s crashed%s%s: SIG%s (%s)%s%s", op,
	    doing, at, signal_name(d->status), sigdescr_np(d->status) ?
	    sigdescr_np(d->status) : "unknown signal", *d->at ? " at " : "",
	    d->at);
}

int sk_worker_say_death(const struct sk_wire_death *d, const char *op,
    const char *where, struct snek_error *e)
{
	char at[224], doing[48];

	snprintf(at, sizeof(at), "%s%.200s", *where ? " at " : "", where);
	snprintf(doing, sizeof(doing), "%s%s", *d->callback ? " in " : "",
	    !strcmp(d->callback, "loading") ? "its loading" : d->callback);
	switch (d->end) {
	case SK_END_SIGNAL:
		return say_signal(d, op, at, doing, e);
	case SK_END_EXIT:
		return sk_fail(e, SNEK_EPLUGIN, "%s ended its process%s%s with "
		    "exit status %d", op, doing, at, d->status);
	case SK_END_CANCELLED:
		return sk_fail(e, SNEK_ECANCELED, "%s was stopped%s", op, at);
	case SK_END_CPU:
		return sk_fail(e, SNEK_EPLUGIN, "%s used more than its "
		    "processor time%s%s; --worker-cpu allows more", op, doing, at);
	case SK_END_LATE:
		return sk_fail(e, SNEK_EPLUGIN, "%s did not end%s%s within the "
		    "%d s that were left of its function's time; --timeout of "
		    "snek-add-function gives it more", op, doing, at, d->status);
	case SK_END_START:
		return sk_fail(e, SNEK_EAGAIN, "cannot start a process: %s",
		    d->text);
	case SK_END_SANDBOX:
		return sk_fail(e, SNEK_EACCES, "%s", *d->text ? d->text :
		    "a process ended while it was being confined");
	default:
		return sk_fail(e, SNEK_EPLUGIN, "%s sent what is no answer, or "
		    "closed the descriptor for it%s%s", op, doing, at);
	}
}

/* ---- asking ---- */

static int give_up(const sk_worker *w, int64_t until, struct snek_error *e)
{
	const struct sk_worker_options *o = sk_worker_set(w);
	int64_t now = sk_clock_ms();

	if (o->cancelled && __atomic_load_n(o->cancelled, __ATOMIC_SEQ_CST))
		return sk_fail(e, SNEK_ECANCELED, "cancelled");
	if (o->deadline_ms && now >= o->deadline_ms)
		return sk_fail(e, SNEK_ETIMEDOUT, "timed out while the plugin "
		    "was being loaded");
	if (now >= until)
		return sk_fail(e, SNEK_EPLUGIN, "the plugin did not load within "
		    "%d s, and was stopped: look what a constructor of it, or "
		    "its open, waits for", PATIENCE_MS / 1000);
	return 0;
}

static void hear_print(const sk_worker *w, const char *path,
    const struct sk_message *m)
{
	const struct sk_worker_options *o = sk_worker_set(w);
	struct sk_get r = { m->body.p, m->body.n, false };
	const char *s = m->kind == SK_MSG_PRINT ? sk_get_text(&r) : NULL;
	char line[1200];

	if (!s || !o->log)
		return;
	snprintf(line, sizeof(line), "%.190s: %.1000s", path, s);
	sk_wire_tame(line, false);
	o->log(o->log_arg, SNEK_WARN, line);
}

static int wait_answer(sk_worker *w, uint64_t id, const char *path,
    struct sk_message *m, struct snek_error *e)
{
	struct pollfd p = { .fd = sk_worker_fd(w), .events = POLLIN };
	int64_t until = sk_clock_ms() + PATIENCE_MS;
	int rc;

	for (;;) {
		rc = sk_worker_recv(w, m);
		if (rc < 0)
			return sk_fail(e, rc == SNEK_EIO ? SNEK_EAGAIN : rc,
			    rc == SNEK_EVERSION ? "snek-worker is of another "
			    "version" : "snek-worker ended");
		if (rc && m->id == id && (m->kind == SK_MSG_DONE ||
		    m->kind == SK_MSG_DIED))
			return 0;
		if (rc) {
			hear_print(w, path, m);
			sk_message_free(m);
			continue;
		}
		rc = give_up(w, until, e);
		if (rc)
			return rc;
		poll(&p, 1, LOOK_MS);
	}
}

static int read_answer(struct sk_message *m, const char *path,
    struct sk_get *r, struct snek_error *e)
{
	struct sk_wire_death d;
	int rc;

	*r = (struct sk_get){ m->body.p, m->body.n, false };
	if (m->kind == SK_MSG_DIED) {
		sk_get_death(r, &d);
		return sk_worker_say_death(&d, path, "", e);
	}
	rc = sk_get_error(r, e);
	if (rc == SNEK_EFORMAT && r->bad)
		return sk_fail(e, SNEK_EPLUGIN, "%s answered with bytes that "
		    "make no sense", path);
	return rc;
}

/* w's buffer becomes the message's. */
static int ask(sk_worker *w, struct sk_put *out, int fd,
    const struct sk_exec_sides *sides, const char *path,
    struct sk_message *answer, struct sk_get *r, struct snek_error *e)
{
	struct sk_message m = { .kind = SK_MSG_TASK, .body = out->buf };
	int rc = out->nomem ? SNEK_ENOMEM : 0, copy = fd > 0 ? dup(fd) : -1;

	m.id = sk_worker_next_id(w);
	if (!rc && fd > 0 && (copy < 0 || !sk_message_take(&m, copy)))
		rc = SNEK_ENOMEM;
	if (!rc && sides && !sk_take_sides(&m, sides))
		rc = SNEK_ENOMEM;
	if (!rc)
		rc = sk_worker_send(w, &m);
	if (rc == SNEK_EIO)
		rc = sk_fail(e, SNEK_EAGAIN, "snek-worker ended");
	else if (rc)
		sk_fail(e, rc, "cannot ask snek-worker: %s", sk_strerror(rc));
	else
		rc = wait_answer(w, m.id, path, answer, e);
	sk_message_free(&m);
	return rc ? rc : read_answer(answer, path, r, e);
}

static void put_head(struct sk_put *w, bool alone, uint8_t what)
{
	sk_put_u8(w, alone ? SK_TASK_ONCE : 0);
	sk_put_u32(w, 0);
	sk_put_u32(w, 0);
	sk_put_u8(w, what);
}

int sk_worker_describe(sk_worker *w, const struct sk_exec_plugin *p, bool alone,
    struct sk_plugin **out, struct snek_error *e)
{
	struct sk_put q = { { 0 }, false };
	struct sk_message answer = { 0 };
	struct sk_get r;
	int rc;

	put_head(&q, alone, SK_ASK_DESCRIBE);
	sk_put_text(&q, p->path);
	rc = ask(w, &q, p->fd, NULL, p->path, &answer, &r, e);
	if (!rc) {
		rc = sk_get_plugin(&r, out, e);
		if (rc)
			sk_fail_in(e, rc, "%s", p->path);
	}
	sk_message_free(&answer);
	return rc;
}

static int get_fields(struct sk_get *r, struct sk_opened *o)
{
	uint32_t n = sk_get_count(r, 4);
	const char *s;

	if (n > SK_SEEN_PATHS)
		return SNEK_EFORMAT;
	o->field = calloc(n + 1, sizeof(*o->field));
	if (!o->field)
		return SNEK_ENOMEM;
	for (; o->fields < n; o->fields++) {
		s = sk_get_text(r);
		o->field[o->fields] = s ? strdup(s) : NULL;
		if (s && !o->field[o->fields])
			return SNEK_ENOMEM;
	}
	return sk_get_end(r) ? 0 : SNEK_EFORMAT;
}

static int get_opened(struct sk_get *r, struct sk_opened *o)
{
	int rc;

	o->aggregates = sk_get_u8(r);
	rc = sk_get_reducer(r, &o->reducer);
	if (!rc && o->aggregates && (o->reducer.kind != SK_AGGREGATED ||
	    !o->reducer.n))
		rc = SNEK_EFORMAT;
	return rc ? rc : get_fields(r, o);
}

int sk_opened_get(struct sk_get *r, const char *op, struct sk_opened *out,
    struct snek_error *e)
{
	int rc;

	memset(out, 0, sizeof(*out));
	rc = get_opened(r, out);
	if (!rc)
		return 0;
	sk_opened_free(out);
	return rc == SNEK_ENOMEM ? sk_fail(e, rc, "%s: out of memory", op) :
	    sk_fail(e, SNEK_EPLUGIN, "%s declared what makes no sense", op);
}

int sk_worker_open_op(sk_worker *w, const struct sk_exec_plugin *p,
    const struct sk_op *op, const struct sk_args *args, const char *category,
    const struct sk_exec_sides *sides, struct sk_opened *out,
    struct snek_error *e)
{
	struct sk_put q = { { 0 }, false };
	struct sk_message answer = { 0 };
	struct sk_get r;
	int rc;

	memset(out, 0, sizeof(*out));
	put_head(&q, false, SK_ASK_OPEN);
	sk_put_op(&q, p, op, args);
	sk_put_text(&q, category);
	sk_put_u8(&q, 0);
	sk_put_sides(&q, sides);
	rc = ask(w, &q, p->fd, sides, op->op.name, &answer, &r, e);
	if (!rc)
		rc = sk_opened_get(&r, op->op.name, out, e);
	sk_message_free(&answer);
	return rc;
}

void sk_opened_free(struct sk_opened *o)
{
	while (o->fields)
		free(o->field[--o->fields]);
	free(o->field);
	sk_reducer_free(&o->reducer);
	memset(o, 0, sizeof(*o));
}
