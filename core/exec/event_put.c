/* SPDX-License-Identifier: MIT */
/* event_put.c - an attempt as the event that is one invocation. */
#include "config.h"

#include <stdlib.h>

#include "exec/event.h"
#include "exec/flat.h"
#include "exec/request.h"

#define A_REQUEST 512u          /* most bytes of one with no chunk in it */
#define NUMBERS 512u            /* and of its members but the input */

struct sk_event_job {
	struct sk_exec_job job;
	struct sk_buf head;             /* of every event, down to init */
	struct sk_buf parcel, chunks;
};

/* ---- what all share ---- */

static int put_parcel(struct sk_flat_put *f, const char *name,
    const struct sk_message *m, struct sk_buf *room, struct snek_error *e)
{
	int rc;

	room->n = 0;
	rc = sk_parcel_put(room, m, e);
	if (!rc)
		sk_flat_base64(f, name, (struct sk_span){ room->p, room->n });
	if (room->p)
		explicit_bzero(room->p, room->n);       /* passwords */
	return rc ? rc : f->nomem ? sk_enomem(e) : 0;
}

static int put_input(sk_event_job *j, struct sk_flat_put *f,
    const struct sk_message *m, struct snek_error *e)
{
	const struct sk_span chunks = { j->chunks.p, j->chunks.n };
	int rc;

	j->parcel.n = 0;
	rc = sk_parcel_put_with(&j->parcel, m, chunks, e);
	if (!rc)
		sk_flat_base64(f, "input", (struct sk_span){ j->parcel.p,
		    j->parcel.n });
	return rc ? rc : f->nomem ? sk_enomem(e) : 0;
}

/* No clock is compared: left_ms of each event says how long there is. */
static int put_init(sk_event_job *j, struct sk_flat_put *f,
    struct snek_error *e)
{
	struct sk_exec_job job = j->job;
	struct sk_put w = { { 0 }, false };
	struct sk_message m = { .kind = SK_MSG_INIT };
	int rc;

	job.deadline_ms = 0;
	sk_put_job(&w, &job);
	m.body = w.buf;
	rc = w.nomem || !sk_take_sides(&m, &job.sides) ? sk_enomem(e)
	    : put_parcel(f, "init", &m, &j->parcel, e);
	sk_message_free(&m);
	return rc;
}

static int put_source(sk_event_job *j, struct sk_flat_put *f,
    struct snek_error *e)
{
	struct sk_put w = { { 0 }, false };
	struct sk_message m = { .kind = SK_MSG_SOURCE };
	int rc, fd;

	if (!j->job.source.n)
		return 0;
	sk_put_want(&w, &j->job);
	m.body = w.buf;
	fd = sk_channel_sealed("snek-source", j->job.source.p,
	    j->job.source.n);
	rc = !w.nomem && fd >= 0 && sk_message_take(&m, fd)
	    ? put_parcel(f, "source", &m, &j->parcel, e) : sk_enomem(e);
	sk_message_free(&m);
	return rc;
}

static void put_head(struct sk_flat_put *f, const char *what)
{
	sk_flat_open(f);
	sk_flat_number(f, "snek", SK_EVENT_VERSION);
	sk_flat_text(f, "what", what);
}

static int put_job(sk_event_job *j, const char *what, const char *id,
    const char *sha256, struct sk_flat_put *f, struct snek_error *e)
{
	put_head(f, what);
	sk_flat_text(f, "release", PACKAGE_VERSION);
	sk_flat_text(f, "plugin", sha256);
	sk_flat_text(f, "job", id);
	return put_init(j, f, e);
}

int sk_event_job_new(const struct sk_exec_job *job, const char *id,
    const char *sha256, sk_event_job **out, struct snek_error *e)
{
	sk_event_job *j = calloc(1, sizeof(*j));
	struct sk_flat_put f;
	int rc;

	if (!j)
		return sk_enomem(e);
	j->job = *job;
	j->job.files = 0;               /* none there: chunks are copied */
	f = (struct sk_flat_put){ &j->head, false };
	rc = put_job(j, "task", id, sha256, &f, e);
	if (!rc)
		rc = put_source(j, &f, e);
	j->job.source = (struct sk_span){ NULL, 0 };
	if (!rc && sk_event_room(j) < SK_EVENT_MAX / 4)
		rc = sk_fail(e, SNEK_ELIMIT, "the job's arguments, side inputs "
		    "and addresses take %zu bytes of the %u that an invocation "
		    "may have: run it --on processes", j->head.n, SK_EVENT_MAX);
	if (rc)
		sk_event_job_free(j);
	else
		*out = j;
	return rc;
}

static void wipe(struct sk_buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	sk_buf_free(b);
}

void sk_event_job_free(sk_event_job *j)
{
	if (!j)
		return;
	wipe(&j->head);
	wipe(&j->parcel);
	sk_buf_free(&j->chunks);
	free(j);
}

size_t sk_event_room(const sk_event_job *j)
{
	size_t used = j->head.n + NUMBERS + 4;

	if (used >= SK_EVENT_MAX)
		return 0;
	used = (SK_EVENT_MAX - used) / 4 * 3;
	return used > A_REQUEST ? used - A_REQUEST : 0;
}

/* ---- one ---- */

static void put_numbers(struct sk_flat_put *f, const struct sk_attempt *a,
    const struct sk_event_keep *k, int64_t left_ms)
{
	sk_flat_number(f, "stage", a->stage);
	sk_flat_number(f, "task", a->task);
	sk_flat_number(f, "attempt", a->number);
	sk_flat_number(f, "left_ms", left_ms > 0 ? (uint64_t)left_ms : 0);
	if (!k || k->shard == SK_KEEP_NOWHERE)
		return;
	sk_flat_number(f, "keep", k->shard);
	sk_flat_number(f, "keep_s", k->seconds);
	sk_flat_number(f, "keep_all", k->all);
}

static int put_event(sk_event_job *j, const struct sk_attempt *a,
    const struct sk_event_keep *k, int64_t left_ms, struct sk_flat_put *f,
    struct snek_error *e)
{
	struct sk_message m = { 0 };
	int rc;

	j->chunks.n = 0;
	rc = a->stage ? sk_request_reduce(a, &m)
	    : sk_request_map_flat(&j->job, a, &m, &j->chunks);
	if (rc)
		sk_fail(e, rc, "an invocation's input: %s", sk_strerror(rc));
	else
		rc = put_input(j, f, &m, e);
	sk_message_free(&m);
	if (!rc)
		put_numbers(f, a, k, left_ms);
	sk_flat_raw(f, "}", 1);
	return rc ? rc : f->nomem ? sk_enomem(e) : 0;
}

int sk_event_put(sk_event_job *j, const struct sk_attempt *a,
    const struct sk_event_keep *k, int64_t left_ms, struct sk_buf *b,
    struct snek_error *e)
{
	struct sk_flat_put f = { b, false };
	size_t start = b->n;
	int rc;

	sk_flat_raw(&f, j->head.p, j->head.n);
	rc = put_event(j, a, k, left_ms, &f, e);
	if (!rc && b->n - start > SK_EVENT_MAX)
		rc = sk_fail(e, SNEK_ELIMIT, "the input of an invocation would "
		    "have %zu bytes; it may have %u", b->n - start,
		    SK_EVENT_MAX);
	if (rc)
		b->n = start;
	return rc;
}

int sk_event_put_open(const struct sk_exec_job *job, const char *id,
    const char *sha256, int64_t left_ms, struct sk_buf *b,
    struct snek_error *e)
{
	sk_event_job j = { .job = *job };
	struct sk_flat_put f = { b, false };
	size_t start = b->n;
	int rc = put_job(&j, "open", id, sha256, &f, e);

	sk_flat_number(&f, "left_ms", left_ms > 0 ? (uint64_t)left_ms : 1);
	sk_flat_raw(&f, "}", 1);
	wipe(&j.parcel);
	if (!rc && f.nomem)
		rc = sk_enomem(e);
	if (!rc && b->n - start > SK_EVENT_MAX)
		rc = sk_fail(e, SNEK_ELIMIT, "the job's arguments and side "
		    "inputs take %zu bytes of the %u that an invocation may "
		    "have", b->n - start, SK_EVENT_MAX);
	if (rc)
		b->n = start;
	return rc;
}

bool sk_event_put_ping(struct sk_buf *b)
{
	struct sk_flat_put f = { b, false };

	put_head(&f, "ping");
	sk_flat_raw(&f, "}", 1);
	return !f.nomem;
}
