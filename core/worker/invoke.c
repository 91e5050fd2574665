/* SPDX-License-Identifier: MIT */
/* invoke.c - one invocation: an event in, an answer out. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "worker/keep.h"
#include "worker/pull.h"
#include "worker/slot.h"

/* Of the time that is left until the function is ended from outside: kept for
 * the answer.  An op that does not stop by itself has half of it. */
#define MARGIN_MS 1000
#define MARGIN_PART 10

/* ---- for other people's code ---- */

static void say_op(void *arg, int level, const char *text)
{
	struct sk_lambda *l = arg;

	sk_say_op(&l->say, level, false, text);
}

int sk_invoke_load(struct sk_lambda *l, const struct sk_wire_op *o,
    struct sk_plugin **out, struct snek_error *e)
{
	struct sk_call call = o->call;
	int rc;

	snprintf(l->mark.callback, sizeof(l->mark.callback), "loading");
	sk_crash_name(l->plugin, 0, "plugin.so");
	if (call.lib) {
		call.lib = l->plugin;
		rc = sk_call_open(&call, out, e);
	} else {
		rc = sk_plugin_open(l->plugin, out, e);
	}
	sk_crash_look();
	l->mark.callback[0] = '\0';
	return rc;
}

static int load(void *arg, const struct sk_wire_op *o,
    const struct sk_message *m, size_t at, struct sk_plugin **out,
    struct snek_error *e)
{
	(void)m;
	if (at)
		return sk_fail(e, SNEK_EINVAL, "the job reduces with %s, of "
		    "another plugin than the function's: reduce with an op of "
		    "the same plugin, or run it --on local", o->op);
	return sk_invoke_load(arg, o, out, e);
}

int sk_invoke_ready(struct sk_lambda *l, struct snek_error *e)
{
	const struct sk_last last = { l->runtime, &l->mark, &l->say, &l->crash };
	int rc;

	if (l->ready)
		return 0;
	l->warm.attempts = (struct sk_attempts){ .control = &l->control,
		.mark = &l->mark, .tmp = l->tmp, .load = load,
		.gather = sk_keep_gather, .log = say_op, .arg = l };
	rc = sk_say_open(&l->say, e);
	if (!rc)
		rc = sk_last_open(&last, e);
	l->ready = !rc;
	return rc;
}

/* Until when the op may work, and until when it may stay. */
static int64_t set_deadline(struct sk_lambda *l, const struct sk_invocation *v)
{
	int64_t now = sk_clock_ms(), left = v->left_ms, margin;

	if (left < 0)
		left = INT_MAX;
	margin = left / MARGIN_PART < MARGIN_MS ? left / MARGIN_PART : MARGIN_MS;
	left -= margin;
	if (l->event.left_ms && l->event.left_ms < left)
		left = l->event.left_ms;
	l->control = (struct sk_control){ .deadline_ms = now + left };
	l->until = now + left + margin - margin / 4;
	return left + margin / 2;
}

void sk_invoke_begin(struct sk_lambda *l, const struct sk_invocation *v,
    const char *op)
{
	int64_t late = set_deadline(l, v);

	l->mark = (struct sk_mark){ .row = SK_NO_ROW };
	l->crash.frames = 0;
	sk_last_begin(v->id, &l->event.id, op, late);
}

void sk_invoke_end(struct sk_lambda *l)
{
	fflush(stdout);                 /* what it printed is of this task */
	sk_last_end();
	sk_say_prints(&l->say);
}

/* ---- chunks from shards ---- */

static int wait_source(struct sk_lambda *l)
{
	struct pollfd p = { .fd = sk_source_fd(l->warm.source),
		.events = POLLIN };
	int64_t due = sk_source_due(l->warm.source);
	int64_t now = sk_clock_ms();

	if (now >= l->control.deadline_ms)
		return SNEK_ETIMEDOUT;
	if (due > l->control.deadline_ms)
		due = l->control.deadline_ms;
	due = due < now ? 0 : due - now;
	if (poll(&p, 1, due > INT_MAX ? INT_MAX : (int)due) < 0 &&
	    errno != EINTR)
		return SNEK_EIO;
	return sk_source_step(l->warm.source);
}

static int pull_all(struct sk_lambda *l, struct sk_pull *p,
    struct snek_error *e)
{
	int rc = 0;

	for (;;) {
		sk_pull_more(p, l->warm.source);
		if (sk_pull_ended(p))
			return 0;
		rc = wait_source(l);
		if (rc)
			break;
	}
	p->cancelled = true;
	sk_warm_drop_source(&l->warm);  /* ends what is under way */
	return sk_fail(e, rc, rc == SNEK_ETIMEDOUT ? "timed out while chunks "
	    "were being read" : "chunks cannot be read: %s", sk_strerror(rc));
}

static int fetch(struct sk_lambda *l, struct sk_worker_task *t,
    uint32_t *chunk, struct snek_error *e)
{
	struct sk_get r = { t->fetch.p, t->fetch.n, false };
	struct sk_wire_death d = { 0 };
	struct sk_message m = { 0 };
	struct sk_pull *p = NULL;
	int rc = sk_warm_source(&l->warm, &l->event, e);

	if (!rc && (rc = sk_pull_new(t->request.id, &r, &l->warm.want, &p)))
		return sk_fail(e, rc, "chunks to be read: %s", sk_strerror(rc));
	if (!rc)
		rc = pull_all(l, p, e);
	if (!rc && sk_pull_answer(p, &m))
		rc = sk_enomem(e);
	if (!rc)
		sk_worker_task_fetched(t, &m, &d);
	if (d.end) {
		*chunk = d.chunk;
		rc = sk_fail(e, d.status < 0 ? d.status : SNEK_EIO, "%s", d.text);
	}
	sk_message_free(&m);
	sk_pull_free(p);
	return rc;
}

/* ---- a task ---- */

static void limit_memory(struct sk_lambda *l)
{
	struct sk_wire_job *j = &l->warm.attempts.job;

	if (j->memory > l->memory)
		j->memory = l->memory;
}

static const char *op_name(const struct sk_lambda *l)
{
	const struct sk_wire_job *j = &l->warm.attempts.job;
	const struct sk_wire_op *o = l->event.id.stage && !j->same && j->reduce.op
	    ? &j->reduce : &j->map;

	return o->op ? o->op : o->call.function ? o->call.function : "the op";
}

static bool is_of(const struct sk_worker_task *t, uint32_t stage)
{
	return t->request.body.n && t->request.body.p[0] ==
	    (stage ? SK_ASK_REDUCE : SK_ASK_MAP);
}

static int read_task(struct sk_lambda *l, struct sk_worker_task *t,
    struct snek_error *e)
{
	const struct sk_message none = { 0 };
	struct sk_message m = { 0 };
	int rc = sk_event_parcel(l->event.input, SK_MSG_TASK, &m, e);

	if (rc)
		return rc;
	rc = sk_worker_task_take(t, &none, &m);
	if (rc)
		sk_fail(e, rc, "malformed request");
	else if (!is_of(t, l->event.id.stage))
		rc = sk_fail(e, SNEK_EFORMAT, "a request of another stage");
	sk_message_free(&m);
	return rc;
}

static void attempt(struct sk_lambda *l, const struct sk_invocation *v,
    struct sk_worker_task *t, struct sk_outcome *o)
{
	struct sk_get r = { t->request.body.p, t->request.body.n, false };
	uint8_t what = sk_get_u8(&r);

	sk_invoke_begin(l, v, op_name(l));
	sk_attempts_run(&l->warm.attempts, what, &r, &t->request, o);
	sk_invoke_end(l);
}

static void say_outcome(struct sk_lambda *l, const struct sk_outcome *o,
    int64_t ms)
{
	if (o->code)
		sk_say(&l->say, SNEK_WARN, "%s after %lld ms: %s", op_name(l),
		    (long long)ms, o->error.text);
	else
		sk_say(&l->say, SNEK_INFO, "%s: %llu records in, %llu pairs "
		    "out, %lld ms", op_name(l), (unsigned long long)o->records_in,
		    (unsigned long long)o->emitted, (long long)ms);
}

/* ---- answers ---- */

static bool answer_outcome(struct sk_lambda *l, const struct sk_outcome *o,
    int64_t ms)
{
	struct sk_message m = { .kind = SK_MSG_DONE };
	struct sk_put w = { { 0 }, false };
	uint64_t bytes = 0;
	int rc = sk_put_outcome(&w, o, &m) ? 0 : SNEK_ENOMEM;

	m.body = w.buf;
	if (!rc && w.nomem)
		rc = SNEK_ENOMEM;
	if (!rc && !sk_answer_begin(&l->answer, &l->event.id, (uint64_t)ms))
		rc = SNEK_ENOMEM;
	if (!rc)
		rc = sk_answer_done(&l->answer, &m, (struct sk_span){
		    l->say.kept.buf.p, l->say.kept.buf.n }, &bytes, NULL);
	sk_message_free(&m);
	return rc == SNEK_ELIMIT ? sk_answer_too_large(&l->answer, bytes,
	    SK_ANSWER_MAX) : !rc;
}

static bool refuse(struct sk_lambda *l, const struct snek_error *e,
    uint32_t chunk)
{
	sk_say(&l->say, SNEK_ERROR, "%s", e->text);
	l->answer.n = 0;
	return sk_answer_begin(&l->answer, &l->event.id, 0) &&
	    sk_answer_refused(&l->answer, e, chunk);
}

static int prepare(struct sk_lambda *l, const struct sk_invocation *v,
    struct sk_worker_task *t, uint32_t *chunk, struct snek_error *e)
{
	int rc = sk_invoke_ready(l, e);

	if (!rc)
		rc = sk_warm_job(&l->warm, &l->event, e);
	if (!rc)
		rc = read_task(l, t, e);
	if (rc)
		return rc;
	limit_memory(l);
	set_deadline(l, v);
	return t->fetch.n ? fetch(l, t, chunk, e) : 0;
}

static bool run_task(struct sk_lambda *l, const struct sk_invocation *v)
{
	struct sk_worker_task t = { .once = false };
	struct sk_outcome o = { 0 };
	struct snek_error e = { 0 };
	uint32_t chunk = UINT32_MAX;
	int64_t began = sk_clock_ms();
	bool ok;
	int rc = prepare(l, v, &t, &chunk, &e);

	if (!rc) {
		attempt(l, v, &t, &o);
		say_outcome(l, &o, sk_clock_ms() - began);
		rc = sk_keep_outcome(l, &o, &e);
	}
	ok = rc ? refuse(l, &e, chunk)
	    : answer_outcome(l, &o, sk_clock_ms() - began);
	sk_outcome_free(&o);
	sk_message_free(&t.request);
	sk_buf_free(&t.fetch);
	return ok;
}

/* ---- what an op says of itself ---- */

static int open_op(struct sk_lambda *l, const struct sk_invocation *v,
    struct sk_put *w, struct snek_error *e)
{
	int rc = sk_invoke_ready(l, e);

	if (!rc)
		rc = sk_warm_job(&l->warm, &l->event, e);
	if (rc)
		return rc;
	sk_invoke_begin(l, v, op_name(l));
	rc = sk_attempts_open_map(&l->warm.attempts, w, e);
	sk_invoke_end(l);
	return !rc && w->nomem ? sk_enomem(e) : rc;
}

static bool run_open(struct sk_lambda *l, const struct sk_invocation *v)
{
	struct sk_message m = { .kind = SK_MSG_DONE };
	struct sk_put w = { { 0 }, false };
	struct snek_error e = { 0 };
	uint64_t bytes = 0;
	bool ok;
	int rc = open_op(l, v, &w, &e);

	m.body = w.buf;
	ok = rc ? refuse(l, &e, UINT32_MAX) : sk_answer_begin(&l->answer,
	    &l->event.id, 0) && !sk_answer_done(&l->answer, &m, (struct sk_span){
	    l->say.kept.buf.p, l->say.kept.buf.n }, &bytes, NULL);
	sk_message_free(&m);
	return ok;
}

/* ---- events ---- */

static int check_plugin(const struct sk_lambda *l, struct snek_error *e)
{
	if (!strcmp(l->sha256, l->event.plugin))
		return 0;
	return sk_fail(e, SNEK_ECONFLICT, "the function has another plugin "
	    "(sha256 %.12s...) than was asked for (%.12s...): add it again with "
	    "snek-add-function", l->sha256, l->event.plugin);
}

bool sk_invoke(struct sk_lambda *l, const struct sk_invocation *v)
{
	struct snek_error e = { 0 };
	int rc = sk_event_get(l->json, v->event, &l->event, &e);

	l->answer.n = 0;
	sk_say_begin(&l->say, v->id, &l->event.id);
	if (!rc && l->event.what == SK_EVENT_PING)
		return sk_answer_begin(&l->answer, &l->event.id, 0) &&
		    sk_answer_pong(&l->answer);
	if (!rc)
		rc = check_plugin(l, &e);
	if (rc)
		return refuse(l, &e, UINT32_MAX);
	if (l->event.what == SK_EVENT_OPEN)
		return run_open(l, v);
	return l->event.what == SK_EVENT_SMOKE ? sk_smoke(l, v) : run_task(l, v);
}
