/* SPDX-License-Identifier: MIT */
/* answer_get.c - what came back from an invocation, which may be anything. */
#include <stdio.h>

#include "base/base64.h"
#include "exec/event.h"
#include "exec/flat.h"

/* ---- what the service says by itself ---- */

static int get_foreign(struct sk_flat *f, struct sk_answer_got *a,
    struct snek_error *e)
{
	a->kind = SK_ANSWER_FOREIGN;
	sk_flat_get_text(f, "errorType", a->type, sizeof(a->type));
	sk_flat_get_text(f, "errorMessage", a->said, sizeof(a->said));
	return a->type[0] || a->said[0] ? 0 : sk_fail(e, SNEK_EFORMAT,
	    "the function answered with an object that is not snek's: is it "
	    "one that snek-add-function made?");
}

/* A refusal is read in every version. */
static int get_other_version(struct sk_flat *f, uint64_t v,
    struct snek_error *e)
{
	char release[SK_EVENT_TEXT];
	struct snek_error said = { 0 };

	sk_flat_get_text(f, "error", said.text, sizeof(said.text));
	if (said.text[0])
		return sk_fail(e, SNEK_EVERSION, "%s", said.text);
	sk_flat_get_text(f, "release", release, sizeof(release));
	return sk_fail(e, SNEK_EVERSION, "the function is of snek %s and "
	    "answered in version %llu of %u: add it again with "
	    "snek-add-function", release, (unsigned long long)v,
	    SK_EVENT_VERSION);
}

/* ---- ours ---- */

static int get_done(struct sk_flat *f, struct sk_answer_got *a,
    struct snek_error *e)
{
	struct sk_span log = sk_flat_get_bytes(f, "log");
	int rc = sk_event_parcel(sk_flat_get_bytes(f, "answer"), SK_MSG_DONE,
	    &a->message, e);

	a->kind = SK_ANSWER_DONE;
	if (rc || !log.n)
		return rc;
	rc = sk_base64_get(&a->log, log.p, log.n);
	if (rc == SNEK_EFORMAT)
		f->bad = "log";
	return rc == SNEK_ENOMEM ? sk_enomem(e) : 0;
}

static void get_death(struct sk_flat *f, struct sk_wire_death *d)
{
	char *p = d->callback;

	d->end = (uint32_t)sk_flat_get_number(f, "end", SK_END_LATE, 0);
	d->status = (int32_t)sk_flat_get_signed(f, "status");
	sk_flat_get_text(f, "callback", d->callback, sizeof(d->callback));
	d->chunk = (uint32_t)sk_flat_get_number(f, "chunk", UINT32_MAX,
	    UINT32_MAX);
	d->row = (uint32_t)sk_flat_get_number(f, "row", UINT32_MAX, SK_NO_ROW);
	sk_flat_get_text(f, "text", d->text, sizeof(d->text));
	sk_flat_get_text(f, "at", d->at, sizeof(d->at));
	sk_flat_get_text(f, "trace", d->trace, sizeof(d->trace));
	while ((*p >= 'a' && *p <= 'z') || *p == '_')
		p++;
	*p = '\0';
	if (!d->end)
		f->bad = "end";
}

static void get_refused(struct sk_flat *f, struct sk_answer_got *a)
{
	int64_t code = sk_flat_get_signed(f, "code");

	a->error.code = code >= SNEK_EINTERNAL && code < 0 ? (int)code
	    : SNEK_EINTERNAL;
	sk_flat_get_text(f, "error", a->error.text, sizeof(a->error.text));
	a->chunk = (uint32_t)sk_flat_get_number(f, "chunk", UINT32_MAX,
	    UINT32_MAX);
}

static int get_smoke(struct sk_flat *f, struct sk_answer_got *a,
    struct snek_error *e)
{
	struct sk_span about = sk_flat_get_bytes(f, "about");
	int rc = sk_base64_get(&a->about, about.n ? about.p : "", about.n);

	sk_flat_get_text(f, "ops", a->ops, sizeof(a->ops));
	a->records = sk_flat_get_number(f, "records", UINT64_MAX, 0);
	sk_flat_get_text(f, "said", a->said, sizeof(a->said));
	if (rc == SNEK_EFORMAT)
		f->bad = "about";
	return rc == SNEK_ENOMEM ? sk_enomem(e) : 0;
}

static void get_head(struct sk_flat *f, struct sk_answer_got *a)
{
	sk_flat_get_text(f, "release", a->release, sizeof(a->release));
	sk_flat_get_hex(f, "job", a->id.job, sizeof(a->id.job) - 1);
	a->id.stage = (uint32_t)sk_flat_get_number(f, "stage", 1, 0);
	a->id.task = (uint32_t)sk_flat_get_number(f, "task", UINT32_MAX, 0);
	a->id.attempt = (uint32_t)sk_flat_get_number(f, "attempt", UINT32_MAX,
	    0);
	a->ms = sk_flat_get_number(f, "ms", UINT64_MAX, 0);
}

static int get_ours(struct sk_flat *f, struct sk_answer_got *a,
    struct snek_error *e)
{
	int rc = 0;

	get_head(f, a);
	if (sk_flat_has(f, "answer")) {
		rc = get_done(f, a, e);
	} else if (sk_flat_has(f, "end")) {
		a->kind = SK_ANSWER_DIED;
		get_death(f, &a->death);
	} else if (sk_flat_has(f, "too_large")) {
		a->kind = SK_ANSWER_TOO_LARGE;
		a->bytes = sk_flat_get_number(f, "too_large", UINT64_MAX, 0);
		a->limit = sk_flat_get_number(f, "limit", UINT64_MAX, 0);
	} else if (sk_flat_has(f, "code")) {
		a->kind = SK_ANSWER_REFUSED;
		get_refused(f, a);
	} else if (sk_flat_has(f, "ops")) {
		a->kind = SK_ANSWER_SMOKE;
		rc = get_smoke(f, a, e);
	} else {
		a->kind = SK_ANSWER_PONG;
	}
	if (!rc && f->bad)
		rc = sk_fail(e, SNEK_EFORMAT, "the answer: \"%s\" is not what "
		    "it should be", f->bad);
	return rc;
}

int sk_answer_get(sk_json_reader *r, struct sk_span text,
    struct sk_answer_got *a, struct snek_error *e)
{
	struct sk_flat f;
	uint64_t v;
	int rc;

	memset(a, 0, sizeof(*a));
	a->chunk = UINT32_MAX;
	if (text.n > SK_ANSWER_MAX)
		return sk_fail(e, SNEK_ELIMIT, "an answer of %zu bytes, over %u",
		    text.n, SK_ANSWER_MAX);
	rc = sk_flat_read(r, text, &f, e);
	if (rc)
		return sk_fail_in(e, rc, "the answer");
	v = sk_flat_get_number(&f, "snek", UINT32_MAX, 0);
	rc = !v ? get_foreign(&f, a, e) : v != SK_EVENT_VERSION
	    ? get_other_version(&f, v, e) : get_ours(&f, a, e);
	if (rc)
		sk_answer_got_free(a);
	return rc;
}

void sk_answer_got_free(struct sk_answer_got *a)
{
	sk_message_free(&a->message);
	sk_buf_free(&a->log);
	sk_buf_free(&a->about);
}

bool sk_event_log_next(struct sk_get *r, struct sk_event_line *l)
{
	const char *s;

	if (r->bad || !r->n)
		return false;
	l->printed = sk_get_u8(r);
	l->level = (int)sk_get_u32(r);
	s = sk_get_text(r);
	if (!s)
		return false;
	snprintf(l->text, sizeof(l->text), "%s", s);
	sk_wire_tame(l->text, false);
	if (l->level < SNEK_DEBUG || l->level > SNEK_ERROR)
		l->level = SNEK_ERROR;
	return true;
}
