/* SPDX-License-Identifier: MIT */
/* answer_put.c - what an invocation came to, as JSON. */
#include "config.h"

#include "exec/event.h"
#include "exec/flat.h"

/* So much may be the rest of an answer but its parcel and its log. */
#define REST 64u

static struct sk_flat_put put_to(struct sk_buf *b)
{
	return (struct sk_flat_put){ b, false };
}

bool sk_answer_begin(struct sk_buf *b, const struct sk_event_id *id, uint64_t ms)
{
	struct sk_flat_put f = put_to(b);

	sk_flat_open(&f);
	sk_flat_number(&f, "snek", SK_EVENT_VERSION);
	sk_flat_text(&f, "release", PACKAGE_VERSION);
	if (!id->job[0])
		return !f.nomem;
	sk_flat_text(&f, "job", id->job);
	sk_flat_number(&f, "stage", id->stage);
	sk_flat_number(&f, "task", id->task);
	sk_flat_number(&f, "attempt", id->attempt);
	sk_flat_number(&f, "ms", ms);
	return !f.nomem;
}

static size_t base64_bytes(size_t n)
{
	return (n + 2) / 3 * 4;
}

static bool end(struct sk_flat_put *f)
{
	sk_flat_raw(f, "}", 1);
	return !f->nomem;
}

int sk_answer_done(struct sk_buf *b, const struct sk_message *m,
    struct sk_span log, uint64_t *bytes, struct snek_error *e)
{
	struct sk_flat_put f = put_to(b);
	struct sk_buf parcel = { 0 };
	size_t start = b->n, room = b->n + REST < SK_ANSWER_MAX
	    ? SK_ANSWER_MAX - REST - b->n : 0;
	int rc = sk_parcel_put(&parcel, m, e);

	if (!rc && base64_bytes(parcel.n) > room) {
		*bytes = start + REST + base64_bytes(parcel.n);
		rc = sk_fail(e, SNEK_ELIMIT, "an answer of %llu bytes",
		    (unsigned long long)*bytes);
	}
	if (!rc) {
		sk_flat_base64(&f, "answer", (struct sk_span){ parcel.p,
		    parcel.n });
		if (log.n && base64_bytes(log.n) <= room -
		    base64_bytes(parcel.n))
			sk_flat_base64(&f, "log", log);
		rc = end(&f) ? 0 : sk_enomem(e);
	}
	sk_buf_free(&parcel);
	if (rc)
		b->n = start;
	return rc;
}

bool sk_answer_too_large(struct sk_buf *b, uint64_t bytes, uint64_t limit)
{
	struct sk_flat_put f = put_to(b);

	sk_flat_number(&f, "too_large", bytes);
	sk_flat_number(&f, "limit", limit);
	return end(&f);
}

bool sk_answer_refused(struct sk_buf *b, const struct snek_error *e,
    uint32_t chunk)
{
	struct sk_flat_put f = put_to(b);

	sk_flat_signed(&f, "code", e->code);
	sk_flat_text(&f, "error", e->text);
	if (chunk != UINT32_MAX)
		sk_flat_number(&f, "chunk", chunk);
	return end(&f);
}

bool sk_answer_smoke(struct sk_buf *b, const char *ops, uint64_t records,
    const char *said, struct sk_span about)
{
	struct sk_flat_put f = put_to(b);

	sk_flat_text(&f, "ops", ops);
	sk_flat_number(&f, "records", records);
	sk_flat_text(&f, "said", said);
	sk_flat_base64(&f, "about", about);
	return end(&f);
}

bool sk_answer_pong(struct sk_buf *b)
{
	struct sk_flat_put f = put_to(b);

	return end(&f);
}
