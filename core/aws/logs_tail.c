/* SPDX-License-Identifier: MIT */
/*
 * logs_tail.c - several groups at once, and again and again.
 *
 * Events come late, and not in the order of their times: each look goes back a
 * while behind the newest, and what the look before has shown is not shown
 * again.  Two looks are enough to remember, for no look goes back further than
 * the one before it.
 */
#include "aws/logs.h"

#include <stdlib.h>

#include "base/hash.h"

enum { PAUSE_MS = 1000, LATE_MS = 30000, PAUSES = 4 };
#define HELD_MAX ((size_t)64 << 20)     /* bytes of one look at several */

struct seen {                           /* hashes of ids; 0: free */
	uint64_t *slot;
	size_t n, size;                 /* size: a power of two */
};

struct line {
	int64_t ms;
	size_t number, at, id, stream, text;    /* in held; ending with NULs */
	size_t len;
	const char *group;
};

struct tail {
	const struct sk_logs *o;
	struct seen now, before;
	struct line *line;
	size_t lines, room;
	struct sk_buf held;
	int64_t newest;
	struct snek_error *e;
};

/* ---- seen ---- */

static bool has(const struct seen *s, uint64_t h)
{
	size_t i;

	if (!s->size)
		return false;
	for (i = h & (s->size - 1); s->slot[i]; i = (i + 1) & (s->size - 1))
		if (s->slot[i] == h)
			return true;
	return false;
}

static void put(struct seen *s, uint64_t h)
{
	size_t i = h & (s->size - 1);

	while (s->slot[i])
		i = (i + 1) & (s->size - 1);
	s->slot[i] = h;
	s->n++;
}

static bool add(struct seen *s, uint64_t h)
{
	struct seen more = { .size = s->size ? s->size * 2 : 256 };
	size_t i;

	if (s->n * 2 < s->size) {
		put(s, h);
		return true;
	}
	more.slot = calloc(more.size, sizeof(*more.slot));
	if (!more.slot)
		return false;
	for (i = 0; i < s->size; i++)
		if (s->slot[i])
			put(&more, s->slot[i]);
	put(&more, h);
	free(s->slot);
	*s = more;
	return true;
}

/* ---- one look ---- */

static size_t keep(struct tail *t, const void *p, size_t n)
{
	size_t at = t->held.n;

	return sk_buf_put(&t->held, p, n) && sk_buf_byte(&t->held, 0) ? at :
	    SIZE_MAX;
}

static int hold(struct tail *t, const struct sk_log_event *l)
{
	struct line *to;
	void *p;

	if (t->lines == t->room) {
		p = reallocarray(t->line, t->room * 2 + 64, sizeof(*t->line));
		if (!p)
			return sk_enomem(t->e);
		t->line = p;
		t->room = t->room * 2 + 64;
	}
	to = &t->line[t->lines];
	*to = (struct line){ .ms = l->ms, .number = t->lines, .group = l->group,
		.id = keep(t, l->id, strlen(l->id)),
		.stream = keep(t, l->stream, strlen(l->stream)),
		.text = keep(t, l->text.p, l->text.n), .len = l->text.n };
	if (to->id == SIZE_MAX || to->stream == SIZE_MAX || to->text == SIZE_MAX)
		return sk_enomem(t->e);
	t->lines++;
	return t->held.n < HELD_MAX ? 0 : sk_fail(t->e, SNEK_ELIMIT, "more than "
	    "%zu MB of lines in several groups, which cannot be put into one "
	    "order: name one function, or look back less far",
	    HELD_MAX >> 20);
}

static int look_at(void *arg, const struct sk_log_event *l)
{
	struct tail *t = arg;
	uint64_t h = sk_hash64(l->id, strlen(l->id), sk_hash64(l->group,
	    strlen(l->group), 0)) | 1;
	bool old = has(&t->before, h);

	if (has(&t->now, h))
		return 0;
	if (t->o->follow && !add(&t->now, h))
		return sk_enomem(t->e);
	if (l->ms > t->newest)
		t->newest = l->ms;
	if (old)
		return 0;
	return t->o->groups == 1 ? t->o->event(t->o->arg, l) : hold(t, l);
}

static int by_time(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->ms != y->ms)
		return x->ms < y->ms ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static int show(struct tail *t)
{
	size_t i;
	int rc = 0;

	if (t->lines)
		qsort(t->line, t->lines, sizeof(*t->line), by_time);
	for (i = 0; !rc && i < t->lines; i++) {
		const struct line *l = &t->line[i];
		const struct sk_log_event v = { .ms = l->ms, .group = l->group,
			.id = t->held.p + l->id, .stream = t->held.p + l->stream,
			.text = { t->held.p + l->text, l->len } };

		rc = t->o->event(t->o->arg, &v);
	}
	t->lines = 0;
	t->held.n = 0;
	return rc;
}

/* missing: groups that are not there, of which e tells the last. */
static int look(struct tail *t, struct sk_aws *aws, int64_t since,
    size_t *missing)
{
	struct snek_error why = { 0 };
	size_t i;
	int rc = 0;

	*missing = 0;
	for (i = 0; !rc && i < t->o->groups; i++) {
		rc = sk_logs_read(aws, t->o, t->o->group[i], since, look_at, t,
		    &why);
		if (rc == SNEK_ENOENT)
			++*missing;
		if (rc && why.code && t->e)
			*t->e = why;
		if (rc == SNEK_ENOENT)
			rc = 0;
	}
	return rc ? rc : show(t);
}

static void turn(struct tail *t)
{
	free(t->before.slot);
	t->before = t->now;
	memset(&t->now, 0, sizeof(t->now));
}

static int follow(struct tail *t, struct sk_aws *aws)
{
	struct sk_stack_watch w = t->o->watch;
	int64_t since = t->o->since_ms, newest;
	size_t missing;
	unsigned n = 0;
	int rc = 0;

	w.pause_ms = w.pause_ms ? w.pause_ms : PAUSE_MS;
	while (!rc) {
		turn(t);
		rc = sk_stack_pause(&w, "the next look", &n);
		if (rc)
			return sk_fail(t->e, rc, "cancelled");
		if (t->newest - LATE_MS > since)
			since = t->newest - LATE_MS;
		newest = t->newest;
		rc = look(t, aws, since, &missing);
		if (t->newest > newest || n > PAUSES)
			n = t->newest > newest ? 0 : PAUSES;
	}
	return rc;
}

int sk_logs_tail(struct sk_aws *aws, const struct sk_logs *o,
    struct snek_error *e)
{
	struct snek_error why = { 0 };
	struct tail t = { .o = o, .e = &why };
	size_t missing;
	int rc = look(&t, aws, o->since_ms, &missing);

	if (!rc && o->follow)
		rc = follow(&t, aws);
	else if (!rc && missing == o->groups)
		rc = SNEK_ENOENT;
	if (rc && why.code && e)
		*e = why;
	free(t.now.slot);
	free(t.before.slot);
	free(t.line);
	sk_buf_free(&t.held);
	return rc;
}
