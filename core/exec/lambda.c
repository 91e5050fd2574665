/* SPDX-License-Identifier: MIT */
#include "exec/lambda.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/clock.h"
#include "exec/event.h"
#include "exec/hear.h"
#include "exec/price.h"
#include "exec/away.h"

_Static_assert(SK_LAMBDA_A_CHUNK == SK_EVENT_A_CHUNK, "two words for it");

struct lambda_exec {
	struct sk_away r;
	char name[160], arch[16];
	char path[1024];
	char job[33];
	uint32_t memory_mb, timeout_s, keep_s;
	bool keep_all, quiet;
	uint64_t priced;                /* calls that were answered */
	sk_event_job *event;
	sk_json_reader *json;
};

static struct lambda_exec *lambda_of(const struct sk_away_item *it)
{
	return (struct lambda_exec *)it->x;
}

/* ---- asking ---- */

static const struct sk_aws_header headers[] = {
	{ "Content-Type", "application/json" },
	{ "X-Amz-Log-Type", "Tail" },
};

/* The worker gives up before its time is over there, and when nobody waits
 * for it here. */
static int64_t left_ms(const struct lambda_exec *x)
{
	int64_t ms = (int64_t)x->timeout_s * 1000, left;

	if (!x->r.job.deadline_ms)
		return ms;
	left = x->r.job.deadline_ms - sk_clock_ms();
	return left < ms ? left : ms;
}

static uint64_t bytes_of(const struct sk_attempt *a)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < a->chunks; i++)
		n += (a->chunk[i].bytes.p ? a->chunk[i].bytes.n : 0) +
		    SK_EVENT_A_CHUNK;
	return n;
}

/* Its chunks are more than travels at once: some of them would do. */
static int too_much(struct sk_away_item *it, struct snek_error *e)
{
	struct lambda_exec *x = lambda_of(it);
	struct snek_error why = *e;

	it->event.carries = sk_event_room(x->event);
	it->event.too_large = bytes_of(&it->attempt);
	if (it->event.too_large <= it->event.carries)
		it->event.too_large = it->event.carries + 1;
	return sk_fail(e, SNEK_ELIMIT, "%s%s%.250s; write with a smaller "
	    "--chunk-size, or run it --on processes",
	    it->attempt.chunks == 1 ? it->attempt.chunk->origin : "",
	    it->attempt.chunks == 1 ? ": " : "", why.text);
}

/* What comes of a task stays where its input is. */
static struct sk_event_keep keep_of(const struct lambda_exec *x,
    const struct sk_attempt *a)
{
	struct sk_event_keep k = { SK_KEEP_NOWHERE, x->keep_s,
		x->keep_all && !a->stage };

	if (!x->keep_s)
		return k;
	if (!a->stage && a->chunks)
		k.shard = a->chunk[0].ref.shard;
	else if (a->stage && a->runs)
		k.shard = a->run[a->task % a->runs]->kept.shard;
	return k;
}

static int ask(struct sk_away_item *it, struct sk_aws_request *q,
    struct snek_error *e)
{
	struct lambda_exec *x = lambda_of(it);
	const struct sk_event_keep keep = keep_of(x, &it->attempt);
	int rc;

	it->body.n = 0;
	rc = sk_event_put(x->event, &it->attempt, &keep, left_ms(x), &it->body,
	    e);
	if (rc == SNEK_ELIMIT && !it->attempt.stage)
		rc = too_much(it, e);
	q->service = "lambda";
	q->action = "Invoke";
	q->path = x->path;
	q->header = headers;
	q->headers = sizeof(headers) / sizeof(*headers);
	q->max_reply = SK_ANSWER_MAX + 1;
	return rc;
}

/* ---- what it cost ---- */

/* What is billed stands at the end of the log; without one it is no more than
 * what it took from here. */
static void count(struct lambda_exec *x, const struct sk_away_item *it)
{
	const char *text = sk_aws_reply_header(&it->reply, "X-Amz-Log-Result");
	struct sk_exec_stat *s = &x->r.stat;
	struct sk_buf log = { 0 };
	uint64_t ms = 0;

	if (text && !sk_base64_get(&log, text, strlen(text)) && log.n)
		ms = sk_price_billed(log.p, log.n);
	sk_buf_free(&log);
	if (!ms) {
		s->guessed = true;
		ms = (uint64_t)(sk_clock_ms() - it->began) + 1;
	}
	x->priced++;
	s->billed_ms += ms;
	s->dollars = sk_price(x->arch, x->memory_mb, x->priced, s->billed_ms);
}

/* ---- hearing ---- */

static void log_lines(const struct lambda_exec *x,
    const struct sk_away_item *it, struct sk_span lines)
{
	const struct sk_exec_job *j = &x->r.job;
	struct sk_get r = { lines.p, lines.n, false };
	struct sk_event_line l;
	char text[1400];

	while (j->log && !x->quiet && sk_event_log_next(&r, &l)) {
		snprintf(text, sizeof(text), l.printed ? "%.128s: %s" : "%.0s%s",
		    sk_hear_op(j, &it->attempt), l.text);
		j->log(j->log_arg, l.printed ? SNEK_WARN : l.level, text);
	}
}

/* The service says it, not the worker. */
static int hear_foreign(const struct lambda_exec *x, struct sk_away_item *it,
    const struct sk_answer_got *a)
{
	if (!*it->reply.function_error)
		return sk_away_fail(it, SNEK_EFORMAT, "the answer is not "
		    "snek's: %s %s; is it what snek-add-function made?",
		    a->type, a->said);
	if (strstr(a->type, "Timedout") || strstr(a->said, "timed out after"))
		return sk_away_fail(it, SNEK_ETIMEDOUT, "it took more than its "
		    "%u s; add it again with a longer --timeout, or cut the "
		    "work smaller with --workers", x->timeout_s);
	if (strstr(a->type, "OutOfMemory") || strstr(a->said, "signal: killed"))
		return sk_away_fail(it, SNEK_ENOMEM, "it ran out of its %u MB; "
		    "add it again with more --memory", x->memory_mb);
	return sk_away_fail(it, SNEK_EAGAIN, "%s: %s", a->type, a->said);
}

static int hear_too_large(struct sk_away_item *it,
    const struct sk_answer_got *a)
{
	it->event.too_large = a->bytes ? a->bytes : 1;
	it->event.carries = a->limit;
	return sk_away_fail(it, SNEK_ELIMIT, "%s%san answer of %ju bytes is "
	    "more than the %ju that an invocation may give; write with a "
	    "smaller --chunk-size, --reduce to less, keep the category on "
	    "Redis, or run it --on processes",
	    it->attempt.stage || it->attempt.chunks != 1 ? ""
	    : it->attempt.chunk->origin,
	    it->attempt.stage || it->attempt.chunks != 1 ? "" : ": ",
	    (uintmax_t)a->bytes, (uintmax_t)a->limit);
}

static bool is_of(const struct lambda_exec *x, const struct sk_attempt *a,
    const struct sk_event_id *id)
{
	return !strcmp(id->job, x->job) && id->stage == a->stage &&
	    id->task == a->task && id->attempt == a->number;
}

static int hear_ours(struct lambda_exec *x, struct sk_away_item *it,
    struct sk_answer_got *a)
{
	const struct sk_exec_job *j = &x->r.job;
	struct sk_outcome *o = &it->event.outcome;

	if (!is_of(x, &it->attempt, &a->id))
		return sk_away_fail(it, SNEK_EAGAIN, "the answer is that of "
		    "another attempt");
	switch (a->kind) {
	case SK_ANSWER_DONE:
		log_lines(x, it, (struct sk_span){ a->log.p, a->log.n });
		sk_hear_done(j, &it->attempt, false, &a->message, o);
		return 0;
	case SK_ANSWER_DIED:
		sk_hear_death(j, &it->attempt, &a->death, o);
		return 0;
	case SK_ANSWER_TOO_LARGE:
		return hear_too_large(it, a);
	case SK_ANSWER_REFUSED:
		sk_hear_unread(j, &it->attempt, a->chunk, a->error.code,
		    a->error.text, o);
		return 0;
	default:
		return sk_away_fail(it, SNEK_EFORMAT, "that is no answer to "
		    "a task");
	}
}

static int hear_answer(struct sk_away_item *it)
{
	struct lambda_exec *x = lambda_of(it);
	const struct sk_buf *b = &it->reply.body;
	struct snek_error why = { 0 };
	struct sk_answer_got a;
	int rc;

	count(x, it);
	rc = sk_answer_get(x->json, (struct sk_span){ b->p, b->n }, &a, &why);
	if (rc)
		return sk_away_fail(it, rc, "%s", why.text);
	rc = a.kind == SK_ANSWER_FOREIGN ? hear_foreign(x, it, &a)
	    : hear_ours(x, it, &a);
	sk_answer_got_free(&a);
	return rc;
}

/* It was not run, and that will not change, or nobody knows. */
static int hear_refused(struct sk_away_item *it,
    const struct sk_lambda_refused *why)
{
	struct snek_error e;

	sk_lambda_say_refused(why, &it->reply, &e);
	return sk_away_fail(it, why->code, "%s", e.text);
}

static int hear(struct sk_away_item *it)
{
	const struct sk_lambda_refused *why;
	int rc;

	if (!it->reply.code && it->reply.status == 200) {
		rc = hear_answer(it);
		if (it->event.outcome.code < 0)
			sk_lambda_log(&it->reply, &it->event.outcome.error);
		return rc;
	}
	if (sk_lambda_is_waited_for(&it->reply))
		return sk_away_throttled(it);
	why = sk_lambda_refused(&it->reply);
	if (why)
		return hear_refused(it, why);
	return sk_away_refused(it, "it is not there any more; add it again "
	    "with snek-add-function", "the caller needs to be allowed "
	    "lambda:InvokeFunction on it");
}

/* ---- the executor ---- */

static void drop(struct sk_away_item *it)
{
	(void)it;
}

static void close_lambda(struct sk_away *r)
{
	struct lambda_exec *x = (struct lambda_exec *)r;

	sk_event_job_free(x->event);
	sk_json_reader_free(x->json);
}

static const struct sk_away_kind kind = { ask, hear, drop, close_lambda };

bool sk_lambda_path(const char *arn, char *to, size_t room)
{
	char *end = to + room;

	to += snprintf(to, room, "/2015-03-31/functions/");
	for (; *arn && to + 32 < end; arn++)
		to += snprintf(to, 4, *arn == ':' || *arn == '$' ? "%%%02X"
		    : "%c", (unsigned char)*arn);
	snprintf(to, (size_t)(end - to), "/invocations");
	return !*arn;
}

static int set_up(struct lambda_exec *x, const struct sk_exec_lambda *o,
    struct snek_error *e)
{
	const struct sk_json_options json = { .last_duplicate = false };

	snprintf(x->name, sizeof(x->name), "Lambda %s", o->name);
	snprintf(x->arch, sizeof(x->arch), "%s", o->arch);
	snprintf(x->job, sizeof(x->job), "%s", o->job);
	x->memory_mb = o->memory_mb;
	x->timeout_s = o->timeout_s;
	x->keep_s = o->keep_s;
	x->keep_all = o->keep_all;
	x->quiet = o->quiet;
	if (!sk_lambda_path(o->arn, x->path, sizeof(x->path)))
		return sk_fail(e, SNEK_EINVAL, "%s: no ARN is so long", o->arn);
	if (sk_json_reader_new(&json, &x->json))
		return sk_enomem(e);
	return sk_event_job_new(&x->r.job, o->job, o->plugin_sha256, &x->event,
	    e);
}

static void put_away(const struct sk_exec_lambda *o)
{
	if (o->local)
		o->local->ops->close(o->local);
	o->aws->close(o->caller);
}

int sk_exec_lambda(const struct sk_exec_job *job,
    const struct sk_exec_lambda *o, struct sk_exec **out, struct snek_error *e)
{
	struct lambda_exec *x = calloc(1, sizeof(*x));
	int rc = x ? 0 : sk_enomem(e);

	if (x) {
		x->r.job = *job;
		rc = set_up(x, o, e);
	}
	if (rc) {
		put_away(o);
		if (x)
			close_lambda(&x->r);
		free(x);
		return rc;
	}
	x->r.kind = &kind;
	x->r.aws = o->aws;
	x->r.caller = o->caller;
	x->r.local = o->local;
	x->r.what = x->name;
	x->r.longest_ms = (int64_t)o->timeout_s * 1000;
	sk_away_open(&x->r);
	*out = &x->r.exec;
	return 0;
}
