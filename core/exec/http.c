/* SPDX-License-Identifier: MIT */
#include "exec/http.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/weburl.h"
#include "exec/http_parts.h"

#define ANSWER_MAX ((size_t)32 << 20)

static struct sk_http *http_of(const struct sk_away_item *it)
{
	return (struct sk_http *)it->x;
}

/* ---- the attempt ---- */

static void close_chunk(const struct sk_away_item *it, struct sk_http_task *t)
{
	sk_chunk_close(t->view);
	t->view = NULL;
	if (t->held)
		it->x->job.release(t->held);
	t->held = NULL;
}

static void free_task(struct sk_http_task *t)
{
	sk_sink_free(t->sink);
	free(t->place);
	free(t);
}

static bool may_go_on(const struct sk_http_task *t, int code)
{
	return t->sink && (t->heard.chunk || t->heard.row) &&
	    (code == SNEK_EAGAIN || code == SNEK_EIO ||
	    code == SNEK_ETIMEDOUT);
}

static void drop(struct sk_away_item *it)
{
	struct sk_http *x = http_of(it);
	struct sk_http_task *t = it->own;

	it->own = NULL;
	if (!t)
		return;
	close_chunk(it, t);
	if (!may_go_on(t, it->event.outcome.code)) {
		free_task(t);
		return;
	}
	t->at = t->heard;
	t->next = x->parked;
	x->parked = t;
}

static struct sk_http_task *unpark(struct sk_http *x, const struct sk_attempt *a)
{
	struct sk_http_task **p, *t;

	for (p = &x->parked; (t = *p); p = &t->next)
		if (t->of == a->chunk && t->chunks == a->chunks &&
		    t->skips == a->skips) {
			*p = t->next;
			return t;
		}
	return NULL;
}

static int begin(struct sk_away_item *it, struct snek_error *e)
{
	const struct sk_exec_job *j = &it->x->job;
	const struct sk_attempt *a = &it->attempt;
	struct sk_sink_options o = { .reducer = j->reducer,
		.partitions = j->partitions, .memory = j->memory,
		.tmp = j->tmp };
	struct sk_http_task *t = unpark(http_of(it), a);

	it->own = t ? t : calloc(1, sizeof(*t));
	if (t || !it->own)
		return t ? 0 : sk_enomem(e);
	t = it->own;
	t->of = a->chunk;
	t->chunks = a->chunks;
	t->skips = a->skips;
	return sk_sink_new(&o, &t->sink, e);
}

/* ---- records ---- */

/* While one is fetched nothing else goes on; they are small. */
static int bytes_of(const struct sk_away_item *it, struct sk_http_task *t,
    struct sk_span *out, struct snek_error *e)
{
	const struct sk_exec_job *j = &it->x->job;
	const struct sk_task_chunk *c = &it->attempt.chunk[t->at.chunk];
	const struct sk_control control = { .deadline_ms = j->deadline_ms };

	*out = c->bytes;
	if (c->bytes.p)
		return 0;
	return j->fetch(j->fetch_arg, c, 1, true, &control, out, &t->held, e);
}

static int open_chunk(const struct sk_away_item *it, struct sk_http_task *t,
    struct snek_error *e)
{
	struct sk_span bytes;
	int rc = t->view ? 0 : bytes_of(it, t, &bytes, e);

	if (!rc && !t->view) {
		rc = sk_chunk_open(bytes.p, bytes.n, &t->view, e);
		t->at.bytes_in += rc || t->at.row ? 0 : bytes.n;
	}
	return rc ? sk_fail_in(e, rc, "%s",
	    it->attempt.chunk[t->at.chunk].origin) : 0;
}

static bool is_skipped(const struct sk_away_item *it, struct sk_http_task *t)
{
	const struct sk_attempt *a = &it->attempt;

	if (t->at.skip == a->skips || a->skip[t->at.skip].chunk != t->at.chunk ||
	    a->skip[t->at.skip].row != t->at.row)
		return false;
	t->at.skip++;
	return true;
}

/* 1: the next record stands at chunk and row; 0: there is none. */
static int find_next(const struct sk_away_item *it, struct sk_http_task *t,
    struct snek_error *e)
{
	int rc;

	while (t->at.chunk < it->attempt.chunks) {
		rc = open_chunk(it, t, e);
		if (rc)
			return rc;
		for (; t->at.row < sk_chunk_rows(t->view); t->at.row++) {
			if (!is_skipped(it, t))
				return 1;
			t->at.records_in++;
			t->at.skipped++;
		}
		close_chunk(it, t);
		t->at.chunk++;
		t->at.row = 0;
	}
	return 0;
}

static int put_place(const struct sk_away_item *it, struct sk_http_task *t,
    struct snek_error *e)
{
	uint32_t cap = t->cap ? 2 * t->cap : 256;
	struct sk_place *more;

	if (t->n == t->cap) {
		more = realloc(t->place, cap * sizeof(*more));
		if (!more)
			return sk_enomem(e);
		t->place = more;
		t->cap = cap;
	}
	return sk_chunk_place(t->view, it->attempt.chunk[t->at.chunk].base,
	    t->at.row, &t->place[t->n], e);
}

static int put_record(const struct sk_away_item *it, struct sk_http_task *t,
    struct sk_buf *b, struct snek_error *e)
{
	struct sk_record r;
	int rc = sk_chunk_record(t->view, t->at.row, &r, e);

	if (rc < 0)
		return sk_fail_in(e, rc, "%s",
		    it->attempt.chunk[t->at.chunk].origin);
	if ((t->n && !sk_buf_byte(b, ',')) || !sk_json_write_record(b, &r))
		return sk_enomem(e);
	return 0;
}

/* 1: it is in; 0: it would be too much beside the others. */
static int add(struct sk_away_item *it, struct sk_http_task *t,
    struct snek_error *e)
{
	struct sk_buf *b = &it->body;
	size_t before = b->n;
	int rc = put_record(it, t, b, e);

	if (!rc && b->n > SK_HTTP_BATCH && t->n) {
		b->n = before;
		return 0;
	}
	if (!rc)
		rc = put_place(it, t, e);
	if (rc)
		return rc;
	t->n++;
	t->at.row++;
	t->at.records_in++;
	return 1;
}

static int fill(struct sk_away_item *it, struct sk_http_task *t,
    struct snek_error *e)
{
	const struct sk_http *x = http_of(it);
	int rc = 1;

	it->body.n = 0;
	t->n = 0;
	if (!sk_buf_put(&it->body, "{\"data\":[", 9))
		return sk_enomem(e);
	while (rc > 0 && (!x->batch || t->n < x->batch)) {
		rc = find_next(it, t, e);
		if (rc > 0)
			rc = add(it, t, e);
	}
	if (rc < 0)
		return rc;
	return sk_buf_put(&it->body, "]}", 2) ? 0 : sk_enomem(e);
}

/* ---- the end ---- */

static int finish(struct sk_away_item *it)
{
	const struct sk_exec_job *j = &it->x->job;
	struct sk_outcome *o = &it->event.outcome;
	struct sk_http_task *t = it->own;
	struct snek_error why = { 0 };
	int rc;

	o->part = calloc(j->partitions, sizeof(*o->part));
	rc = o->part ? sk_sink_finish(t->sink, o->part, &why) : sk_enomem(&why);
	o->parts = o->part ? j->partitions : 0;
	if (rc)
		return sk_away_fail(it, rc, "%s", why.text);
	o->records_in = t->at.records_in;
	o->skipped = t->at.skipped;
	o->emitted = sk_sink_emitted(t->sink);
	o->bytes_in = t->at.bytes_in;
	return 0;
}

/* ---- asking and hearing ---- */

static const struct sk_aws_header headers[] = {
	{ "Content-Type", "application/json" },
	{ "Accept", "application/json" },
};

static int ask(struct sk_away_item *it, struct sk_aws_request *q,
    struct snek_error *e)
{
	int rc = it->own ? 0 : begin(it, e);
	struct sk_http_task *t = it->own;

	if (!rc)
		rc = fill(it, t, e);
	if (rc)
		return rc;
	if (!t->n) {
		finish(it);
		return 1;
	}
	q->path = http_of(it)->url;
	q->header = headers;
	q->headers = sizeof(headers) / sizeof(*headers);
	q->max_reply = ANSWER_MAX;
	return 0;
}

static int hear_list(struct sk_away_item *it)
{
	struct sk_http_task *t = it->own;
	struct snek_error why = { 0 };
	struct snek_value list;
	int rc;

	if (sk_http_list(it, &list))
		return 0;
	rc = sk_http_emit(t, list, &why);
	t->heard = rc ? (struct sk_http_at){ 0 } : t->at;
	return rc ? sk_away_fail(it, rc, "%s", why.text) : 1;
}

static int hear(struct sk_away_item *it)
{
	const struct sk_aws_reply *r = &it->reply;

	if (!r->code && r->status >= 200 && r->status < 300)
		return hear_list(it);
	if (!r->code && r->status == 503 && r->retry_after_ms >= 0)
		return sk_away_throttled(it);
	return sk_away_refused(it, "there is no such endpoint",
	    "the endpoint does not allow it");
}

/* ---- the executor ---- */

static void close_http(struct sk_away *r)
{
	struct sk_http *x = (struct sk_http *)r;
	struct sk_http_task *t;

	while ((t = x->parked)) {
		x->parked = t->next;
		free_task(t);
	}
	sk_json_reader_free(x->json);
	free(x->url);
}

static const struct sk_away_kind kind = { ask, hear, drop, close_http };

static int set_up(struct sk_http *x, const struct sk_exec_http *o,
    struct snek_error *e)
{
	const struct sk_json_options json = { .last_duplicate = true };
	int rc = sk_weburl_check(o->url, e);

	if (rc)
		return rc;
	snprintf(x->what, sizeof(x->what), "%s", o->name);
	x->batch = o->batch;
	x->url = strdup(o->url);
	return x->url && !sk_json_reader_new(&json, &x->json) ? 0
	    : sk_enomem(e);
}

static void put_away(const struct sk_exec_http *o)
{
	if (o->local)
		o->local->ops->close(o->local);
	o->aws->close(o->caller);
}

int sk_exec_http(const struct sk_exec_job *job, const struct sk_exec_http *o,
    struct sk_exec **out, struct snek_error *e)
{
	struct sk_http *x = calloc(1, sizeof(*x));
	int rc = x ? set_up(x, o, e) : sk_enomem(e);

	if (rc) {
		put_away(o);
		if (x)
			close_http(&x->r);
		free(x);
		return rc;
	}
	x->r.kind = &kind;
	x->r.job = *job;
	x->r.aws = o->aws;
	x->r.caller = o->caller;
	x->r.local = o->local;
	x->r.what = x->what;
	x->r.longest_ms = o->call_ms ? o->call_ms : SK_HTTP_CALL_MS;
	sk_away_open(&x->r);
	*out = &x->r.exec;
	return 0;
}
