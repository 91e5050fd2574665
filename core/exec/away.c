/* SPDX-License-Identifier: MIT */
#include "exec/away.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define AFTER_MOST 60000                /* ms that an answer may have us wait */
#define NOT_LET_IN 900000               /* ms, then it is no queue any more */
#define WHILE_LOCAL 10                  /* ms, where two loops are waited for */
#define EXTRA 30000                     /* ms beyond what a call may take */

/* ---- lists ---- */

static void link_item(struct sk_away *x, struct sk_away_item *it)
{
	it->prev = NULL;
	it->next = x->under_way;
	if (it->next)
		it->next->prev = it;
	x->under_way = it;
	x->calls++;
}

static void unlink_item(struct sk_away *x, struct sk_away_item *it)
{
	if (it->next)
		it->next->prev = it->prev;
	if (it->prev)
		it->prev->next = it->next;
	else
		x->under_way = it->next;
	x->calls--;
}

static void append(struct sk_away_item ***end, struct sk_away_item *it)
{
	it->next = NULL;
	**end = it;
	*end = &it->next;
}

static struct sk_away_item *take(struct sk_away_item **head,
    struct sk_away_item ***end)
{
	struct sk_away_item *it = *head;

	if (it && !(*head = it->next))
		*end = head;
	return it;
}

static void ended(struct sk_away *x, struct sk_away_item *it)
{
	struct sk_exec_event *ev = &it->event;

	ev->id = it->attempt.id;
	ev->number = it->attempt.number;
	ev->attempt = it->attempt;
	x->kind->drop(it);
	sk_buf_free(&it->body);
	append(&x->done_end, it);
}

/* ---- what may be running although nobody waits for it ---- */

static void forget_old(struct sk_away *x, int64_t now)
{
	size_t i, n = 0;

	for (i = 0; i < x->losts; i++)
		if (x->lost[i] > now)
			x->lost[n++] = x->lost[i];
	x->losts = n;
}

/* Without memory it is not counted. */
static void lose(struct sk_away *x, const struct sk_away_item *it)
{
	size_t cap = x->lost_cap ? 2 * x->lost_cap : 64;
	int64_t *more;

	if (x->losts == x->lost_cap)
		forget_old(x, sk_clock_ms());
	if (x->losts == x->lost_cap) {
		more = realloc(x->lost, cap * sizeof(*more));
		if (!more)
			return;
		x->lost = more;
		x->lost_cap = cap;
	}
	x->lost[x->losts++] = it->began + x->longest_ms;
}

static void stat_of(struct sk_exec *exec, struct sk_exec_stat *out)
{
	struct sk_away *x = (struct sk_away *)exec;
	int64_t now = sk_clock_ms();

	if (x->losts)
		forget_old(x, now);
	*out = x->stat;
	out->left = x->calls + (uint32_t)x->losts;
	out->left_ms = out->left ? x->last - now : 0;
}

/* ---- how attempts end ---- */

int sk_away_fail(struct sk_away_item *it, int code, const char *fmt, ...)
{
	struct sk_outcome *o = &it->event.outcome;
	char text[480];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sk_outcome_free(o);
	memset(o, 0, sizeof(*o));
	o->code = sk_fail(&o->error, code, "%s: %s", it->x->what, text);
	return 0;
}

int sk_away_throttled(struct sk_away_item *it)
{
	const struct sk_aws_reply *r = &it->reply;
	struct sk_away *x = it->x;
	int64_t after = r->retry_after_ms;

	it->kept_out = true;
	if (!x->calls && sk_clock_ms() - x->let_in > NOT_LET_IN)
		return sk_away_fail(it, SNEK_ELIMIT, "not one call was let in "
		    "for %d minutes (%u %s): see what else uses its "
		    "concurrency, what is reserved for it, and in which state "
		    "it is", NOT_LET_IN / 60000, r->status, r->type);
	sk_away_fail(it, SNEK_EAGAIN, "%u %s", r->status, r->type);
	it->event.throttled = true;
	it->event.after_ms = after < 0 ? 0
	    : after > AFTER_MOST ? AFTER_MOST : after;
	return 0;
}

static int no_answer(struct sk_away_item *it)
{
	const struct sk_aws_reply *r = &it->reply;

	if (r->sent)
		lose(it->x, it);
	return sk_away_fail(it, r->code, "%s%s", r->error.text, r->sent
	    ? "; what was asked for may still be running there" : "");
}

/* A status, what was said, and who to name when somebody else is to look into
 * it. */
static const char *status_text(const struct sk_aws_reply *r, char *to, size_t n)
{
	bool mute = !*r->type && !*r->message;
	int said = !mute ? 0 : r->body.n < 160 ? (int)r->body.n : 160;

	snprintf(to, n, "%u%s%s%s%s%s%.*s%s%s%s", r->status, *r->type ? " " : "",
	    r->type, *r->message ? ": " : "", r->message, said ? ": " : "",
	    said, said ? r->body.p : "", *r->request_id ? " (request " : "",
	    r->request_id, *r->request_id ? ")" : "");
	return to;
}

int sk_away_refused(struct sk_away_item *it, const char *missing,
    const char *denied)
{
	const struct sk_aws_reply *r = &it->reply;
	const char *cure = it->x->aws->cure(r);
	char text[448];

	if (r->code)
		return no_answer(it);
	status_text(r, text, sizeof(text));
	if (r->status == 429 || r->status == 409)
		return sk_away_throttled(it);
	if (r->status >= 500)
		return sk_away_fail(it, SNEK_EAGAIN, "%s", text);
	if (r->status == 404 || r->status == 410)
		return sk_away_fail(it, SNEK_ENOENT, "%s: %s", text, missing);
	if (r->status == 401 || r->status == 403)
		return sk_away_fail(it, SNEK_EACCES, "%s: %s", text, cure ? cure
		    : denied);
	if (r->status == 413)
		return sk_away_fail(it, SNEK_ELIMIT, "%s: a request of %zu "
		    "bytes is too large for it", text, it->body.n);
	if (r->status >= 300 && r->status < 400)
		return sk_away_fail(it, SNEK_EINVAL, "%s: it sends callers "
		    "elsewhere, and is not followed", text);
	return sk_away_fail(it, SNEK_EINVAL, "%s", text);
}

/* ---- calls ---- */

static void on_done(void *arg, struct sk_aws_reply *r)
{
	struct sk_away_item *it = arg;

	it->call = NULL;
	it->reply = *r;
	unlink_item(it->x, it);
	append(&it->x->heard_end, it);
}

/* Of one call: no longer than it may take there, or than somebody waits. */
static int64_t timeout_of(const struct sk_away *x, int64_t now)
{
	int64_t ms = x->longest_ms + EXTRA, left = x->job.deadline_ms - now;

	if (!x->job.deadline_ms || left > ms)
		return ms;
	return left > 1 ? left : 1;
}

/* The next call of an attempt, or its end. */
static void ask(struct sk_away *x, struct sk_away_item *it)
{
	struct sk_aws_request q = { .method = "POST", .tries = 1 };
	struct snek_error why = { 0 };
	int rc;

	it->began = sk_clock_ms();
	it->kept_out = false;
	rc = x->kind->ask(it, &q, &why);
	if (!rc) {
		q.body = (struct sk_span){ it->body.p, it->body.n };
		q.timeout_ms = timeout_of(x, it->began);
		rc = x->aws->begin(x->caller, &q, on_done, it, &it->call, &why);
	}
	if (rc < 0)
		sk_away_fail(it, rc, "%s", why.text);
	if (rc) {
		ended(x, it);
		return;
	}
	x->stat.calls++;
	x->last = it->began + x->longest_ms;
	link_item(x, it);
}

static void hear(struct sk_away *x, struct sk_away_item *it)
{
	bool more;

	more = x->kind->hear(it) > 0;
	if (!it->kept_out)
		x->let_in = sk_clock_ms();
	sk_aws_reply_free(&it->reply);
	memset(&it->reply, 0, sizeof(it->reply));
	if (more)
		ask(x, it);
	else
		ended(x, it);
}

static void hear_all(struct sk_away *x)
{
	struct sk_away_item *it;

	while ((it = take(&x->heard, &x->heard_end)))
		hear(x, it);
}

/* The loop itself is broken: nothing more will come. */
static void give_up(struct sk_away *x, const struct snek_error *why)
{
	struct sk_away_item *it;

	while ((it = x->under_way)) {
		x->aws->cancel(x->caller, it->call);
		unlink_item(x, it);
		lose(x, it);
		sk_away_fail(it, why->code, "%s", why->text);
		ended(x, it);
	}
}

/* ---- the executor ---- */

static int start_here(struct sk_away *x, const struct sk_attempt *a,
    struct snek_error *e)
{
	int rc = x->local->ops->start(x->local, a, e);

	x->here += !rc;
	return rc;
}

static int start(struct sk_exec *exec, const struct sk_attempt *a,
    struct snek_error *e)
{
	struct sk_away *x = (struct sk_away *)exec;
	struct sk_away_item *it;

	if (a->stage && x->local)
		return start_here(x, a, e);
	it = calloc(1, sizeof(*it));
	if (!it)
		return sk_enomem(e);
	it->x = x;
	it->attempt = *a;
	ask(x, it);
	return 0;
}

static bool give(struct sk_away *x, struct sk_exec_event *out)
{
	struct sk_away_item *it = take(&x->done, &x->done_end);

	if (!it)
		return false;
	*out = it->event;
	free(it);
	return true;
}

static int wait_here(struct sk_away *x, int timeout_ms,
    struct sk_exec_event *out)
{
	int rc = x->local->ops->wait(x->local, timeout_ms, out);

	x->here -= rc == 1;
	return rc;
}

static int wait_event(struct sk_exec *exec, int timeout_ms,
    struct sk_exec_event *out)
{
	struct sk_away *x = (struct sk_away *)exec;
	bool both = x->here && x->calls;
	struct snek_error why = { 0 };

	if (give(x, out))
		return 1;
	if (x->here && !x->calls)
		return wait_here(x, timeout_ms, out);
	if (both && (timeout_ms < 0 || timeout_ms > WHILE_LOCAL))
		timeout_ms = WHILE_LOCAL;
	if (x->aws->step(x->caller, timeout_ms, &why) < 0)
		give_up(x, &why);
	hear_all(x);
	if (give(x, out))
		return 1;
	return both ? wait_here(x, 0, out) : 0;
}

static struct sk_away_item *find(struct sk_away *x, uint64_t id)
{
	struct sk_away_item *it = x->under_way;

	while (it && it->attempt.id != id)
		it = it->next;
	return it;
}

/* Nobody waits for it any more; there it goes on. */
static void cancel(struct sk_exec *exec, uint64_t id)
{
	struct sk_away *x = (struct sk_away *)exec;
	struct sk_away_item *it = find(x, id);

	if (!it) {
		if (x->local)
			x->local->ops->cancel(x->local, id);
		return;
	}
	x->aws->cancel(x->caller, it->call);
	unlink_item(x, it);
	lose(x, it);
	sk_away_fail(it, SNEK_ECANCELED, "cancelled");
	ended(x, it);
}

static void wake(struct sk_exec *exec)
{
	struct sk_away *x = (struct sk_away *)exec;

	x->aws->wake(x->caller);
	if (x->local)
		x->local->ops->wake(x->local);
}

static void free_items(struct sk_away *x)
{
	struct sk_away_item *it;

	while ((it = x->under_way)) {
		x->aws->cancel(x->caller, it->call);
		unlink_item(x, it);
		x->kind->drop(it);
		sk_buf_free(&it->body);
		free(it);
	}
	while ((it = take(&x->heard, &x->heard_end))) {
		sk_aws_reply_free(&it->reply);
		x->kind->drop(it);
		sk_buf_free(&it->body);
		free(it);
	}
	while ((it = take(&x->done, &x->done_end))) {
		sk_outcome_free(&it->event.outcome);
		free(it);
	}
}

static void close_exec(struct sk_exec *exec)
{
	struct sk_away *x = (struct sk_away *)exec;

	free_items(x);
	if (x->local)
		x->local->ops->close(x->local);
	x->aws->close(x->caller);
	free(x->lost);
	x->kind->close(x);
	free(x);
}

static const struct sk_exec_ops away_ops = {
	start, wait_event, cancel, wake, close_exec, stat_of,
};

void sk_away_open(struct sk_away *x)
{
	x->exec.ops = &away_ops;
	x->heard_end = &x->heard;
	x->done_end = &x->done;
	x->let_in = sk_clock_ms();
}
