/* SPDX-License-Identifier: MIT */
/* wire.c - the pieces, and the small messages. */
#include "exec/wire.h"

#include <stdio.h>
#include <stdlib.h>

#include "value/pack.h"
#include "value/utf8.h"
#include "value/value.h"

#define NO_TEXT UINT32_MAX

/* ---- the pieces ---- */

static void put(struct sk_put *w, const void *p, size_t n)
{
	if (!w->nomem && !sk_buf_put(&w->buf, p, n))
		w->nomem = true;
}

void sk_put_u8(struct sk_put *w, uint8_t v)
{
	put(w, &v, sizeof(v));
}

void sk_put_u32(struct sk_put *w, uint32_t v)
{
	put(w, &v, sizeof(v));
}

void sk_put_u64(struct sk_put *w, uint64_t v)
{
	put(w, &v, sizeof(v));
}

void sk_put_bytes(struct sk_put *w, const void *p, size_t n)
{
	sk_put_u64(w, n);
	put(w, p, n);
}

void sk_put_raw(struct sk_put *w, const void *p, size_t n)
{
	put(w, p, n);
}

void sk_put_text(struct sk_put *w, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	sk_put_u32(w, s ? (uint32_t)n : NO_TEXT);
	if (s)
		put(w, s, n + 1);
}

static const char *take(struct sk_get *r, size_t n)
{
	const char *p = r->p;

	if (r->bad || n > r->n) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	r->n -= n;
	return p;
}

uint8_t sk_get_u8(struct sk_get *r)
{
	const char *p = take(r, 1);

	return p ? (uint8_t)*p : 0;
}

uint32_t sk_get_u32(struct sk_get *r)
{
	const char *p = take(r, 4);
	uint32_t v = 0;

	if (p)
		memcpy(&v, p, 4);
	return v;
}

uint64_t sk_get_u64(struct sk_get *r)
{
	const char *p = take(r, 8);
	uint64_t v = 0;

	if (p)
		memcpy(&v, p, 8);
	return v;
}

struct sk_span sk_get_bytes(struct sk_get *r)
{
	uint64_t n = sk_get_u64(r);
	const char *p = take(r, n);

	return (struct sk_span){ p, p ? n : 0 };
}

const void *sk_get_raw(struct sk_get *r, size_t n)
{
	return take(r, n);
}

const char *sk_get_text(struct sk_get *r)
{
	uint32_t n = sk_get_u32(r);
	const char *p;

	if (r->bad || n == NO_TEXT)
		return NULL;
	p = take(r, (size_t)n + 1);
	if (p && (p[n] || memchr(p, 0, n))) {
		r->bad = true;
		return NULL;
	}
	return p;
}

uint32_t sk_get_count(struct sk_get *r, size_t least)
{
	uint32_t n = sk_get_u32(r);

	if (n > r->n / least) {
		r->bad = true;
		return 0;
	}
	return n;
}

bool sk_get_end(const struct sk_get *r)
{
	return !r->bad && !r->n;
}

/* A text into room of ours; a longer one is bad. */
static void get_into(struct sk_get *r, char *to, size_t size)
{
	const char *s = sk_get_text(r);

	if (!s || strlen(s) >= size) {
		r->bad = true;
		*to = '\0';
		return;
	}
	snprintf(to, size, "%s", s);
}

/* ---- hello ---- */

void sk_put_hello(struct sk_put *w, const struct sk_wire_hello *h)
{
	sk_put_u32(w, h->version);
	sk_put_u32(w, h->workers);
	sk_put_u8(w, h->trust);
	sk_put_u64(w, h->memory);
	sk_put_u64(w, h->cpu_ms);
	sk_put_text(w, h->tmp);
	sk_put_text(w, h->libraries);
}

void sk_get_hello(struct sk_get *r, struct sk_wire_hello *h)
{
	memset(h, 0, sizeof(*h));
	h->version = sk_get_u32(r);
	h->workers = sk_get_u32(r);
	h->trust = sk_get_u8(r);
	h->memory = sk_get_u64(r);
	h->cpu_ms = sk_get_u64(r);
	get_into(r, h->tmp, sizeof(h->tmp));
	get_into(r, h->libraries, sizeof(h->libraries));
}

/* ---- errors and deaths ---- */

void sk_put_error(struct sk_put *w, int code, const struct snek_error *e)
{
	sk_put_u32(w, (uint32_t)code);
	sk_put_u32(w, (uint32_t)e->sys);
	sk_put_text(w, e->text);
}

/* What a child may not say has happened. */
static int believed(int code)
{
	return code >= 0 || code < SNEK_EINTERNAL ? SNEK_EPLUGIN : code;
}

int sk_get_error(struct sk_get *r, struct snek_error *e)
{
	int code = (int)sk_get_u32(r);
	int sys = (int)sk_get_u32(r);
	const char *s = sk_get_text(r);

	if (r->bad || !s)
		return SNEK_EFORMAT;
	if (!code)
		return 0;
	code = believed(code);
	sk_fail(e, code, "%s", *s ? s : sk_strerror(code));
	if (e)
		e->sys = sys;
	return code;
}

void sk_put_death(struct sk_put *w, const struct sk_wire_death *d)
{
	sk_put_u32(w, d->end);
	sk_put_u32(w, (uint32_t)d->status);
	sk_put_text(w, d->callback);
	sk_put_u32(w, d->chunk);
	sk_put_u32(w, d->row);
	sk_put_text(w, d->text);
	sk_put_trace(w, d);
}

void sk_get_death(struct sk_get *r, struct sk_wire_death *d)
{
	d->end = sk_get_u32(r);
	d->status = (int32_t)sk_get_u32(r);
	get_into(r, d->callback, sizeof(d->callback));
	d->chunk = sk_get_u32(r);
	d->row = sk_get_u32(r);
	get_into(r, d->text, sizeof(d->text));
	sk_wire_tame(d->text, false);
	sk_get_trace(r, d);
}

void sk_put_trace(struct sk_put *w, const struct sk_wire_death *d)
{
	sk_put_text(w, d->at);
	sk_put_text(w, d->trace);
}

void sk_get_trace(struct sk_get *r, struct sk_wire_death *d)
{
	get_into(r, d->at, sizeof(d->at));
	get_into(r, d->trace, sizeof(d->trace));
	sk_wire_tame(d->at, false);
	sk_wire_tame(d->trace, true);
}

/* C1 controls are two bytes in UTF-8, and terminals obey them too. */
static bool is_tame(const char *s, unsigned n, bool lines)
{
	unsigned char c = (unsigned char)*s;

	if (n == 1)
		return (c >= 0x20 && c != 0x7f) || c == '\t' ||
		    (lines && c == '\n');
	return n && !(c == 0xc2 && (unsigned char)s[1] < 0xa0);
}

void sk_wire_tame(char *s, bool lines)
{
	size_t left = strlen(s);
	unsigned n;

	for (; left; s += n, left -= n) {
		n = sk_utf8_length(s, left);
		if (is_tame(s, n, lines))
			continue;
		n = n ? n : 1;
		memset(s, '?', n);
	}
}

/* ---- arguments and reducers ---- */

void sk_put_args(struct sk_put *w, const struct sk_args *a)
{
	struct sk_buf b = { 0 };
	uint32_t i;

	sk_put_u32(w, a ? a->n : 0);
	for (i = 0; a && i < a->n; i++) {
		b.n = 0;
		if (a->value[i].type != SNEK_NONE &&
		    !sk_pack_value(&b, a->value[i]))
			w->nomem = true;
		sk_put_bytes(w, b.p, b.n);
	}
	sk_buf_free(&b);
}

static int get_arg(struct sk_span s, struct sk_args *a, struct snek_value *out)
{
	char *copy;
	size_t used;
	int rc;

	*out = sk_none();
	if (!s.n)
		return 0;
	copy = sk_arena_copy(&a->arena, s.p, s.n);
	if (!copy)
		return SNEK_ENOMEM;
	rc = sk_unpack(copy, s.n, out, &used);
	if (rc < 0 || used != s.n)
		return SNEK_EFORMAT;
	if (out->type != SNEK_STRING)
		return 0;
	out->as.s = sk_arena_copy(&a->arena, out->as.s, out->len);
	return out->as.s ? 0 : SNEK_ENOMEM;
}

int sk_get_args(struct sk_get *r, struct sk_args *a, struct snek_error *e)
{
	uint32_t n = sk_get_count(r, 8), i;
	int rc = 0;

	memset(a, 0, sizeof(*a));
	a->value = calloc(n + 1, sizeof(*a->value));
	if (!a->value)
		return sk_enomem(e);
	for (i = 0; i < n && !rc; i++)
		rc = get_arg(sk_get_bytes(r), a, &a->value[i]);
	a->n = i;
	if (!rc && r->bad)
		rc = SNEK_EFORMAT;
	if (rc)
		sk_args_free(a);
	return rc ? sk_fail(e, rc, "malformed arguments") : 0;
}

void sk_put_reducer(struct sk_put *w, const struct sk_reducer *d)
{
	uint32_t i;

	sk_put_u32(w, d->kind);
	sk_put_u32(w, d->group);
	sk_put_u32(w, d->top);
	sk_put_u32(w, d->n);
	for (i = 0; i < d->n; i++) {
		sk_put_text(w, d->aggregate[i].name);
		sk_put_u32(w, d->aggregate[i].kind);
	}
}

static bool reducer_makes_sense(const struct sk_reducer *d)
{
	uint32_t i;

	for (i = 0; i < d->n; i++)
		if (d->aggregate[i].kind > SNEK_MEAN ||
		    (!d->aggregate[i].name && d->n > 1))
			return false;
	return d->kind <= SK_GROUPED && d->group <= SK_GROUP_OP_ALONE;
}

int sk_get_reducer(struct sk_get *r, struct sk_reducer *d)
{
	uint32_t n;
	const char *s;

	memset(d, 0, sizeof(*d));
	d->kind = sk_get_u32(r);
	d->group = sk_get_u32(r);
	d->top = sk_get_u32(r);
	n = sk_get_u32(r);
	if (n > SK_MAX_AGGREGATES)
		r->bad = true;
	while (!r->bad && d->n < n) {
		s = sk_get_text(r);
		d->aggregate[d->n].kind = sk_get_u32(r);
		d->aggregate[d->n].name = s ? strdup(s) : NULL;
		if (s && !d->aggregate[d->n].name) {
			sk_reducer_free(d);
			return SNEK_ENOMEM;
		}
		d->n++;
	}
	if (!r->bad && reducer_makes_sense(d))
		return 0;
	sk_reducer_free(d);
	memset(d, 0, sizeof(*d));
	return SNEK_EFORMAT;
}
