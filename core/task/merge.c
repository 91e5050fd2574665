/* SPDX-License-Identifier: MIT */
#include "task/run.h"
#include "value/key.h"

#include <stdlib.h>

#define WINDOW_MIN (16u << 10)
#define CHECK_EVERY 1024u       /* entries */

struct source {
	sk_run_reader *reader;
	struct sk_entry entry;
	size_t number;          /* equal entries come by it */
};

struct sk_merge {
	const struct sk_run **run;
	struct sk_run **own;    /* by run: what was merged into it before; NULL:
	                         * the caller's */
	size_t runs;
	struct source *source;
	struct source **heap;   /* the least first */
	size_t n, sources;
	bool used;              /* the least was given out */
};

/* As sk_key_compare; neighbours in sorted runs begin alike, and are compared
 * faster here than by a call. */
static inline int compare_keys(struct sk_span a, struct sk_span b)
{
	size_t i;

	for (i = 0; i < a.n && i < b.n; i += 8) {
		uint64_t v = sk_key_word(a.p, a.n, i);
		uint64_t w = sk_key_word(b.p, b.n, i);

		if (v != w)
			return v < w ? -1 : 1;
	}
	return (a.n > b.n) - (a.n < b.n);
}

static inline int compare(const struct sk_entry *a, const struct sk_entry *b)
{
	int c = compare_keys(a->key, b->key);

	if (c)
		return c;
	if (a->place.version != b->place.version)
		return a->place.version < b->place.version ? -1 : 1;
	if (a->place.record != b->place.record)
		return a->place.record < b->place.record ? -1 : 1;
	return a->emit < b->emit ? -1 : a->emit > b->emit;
}

int sk_entry_compare(const struct sk_entry *a, const struct sk_entry *b)
{
	return compare(a, b);
}

static inline bool before(const struct source *a, const struct source *b)
{
	int c = compare(&a->entry, &b->entry);

	return c ? c < 0 : a->number < b->number;
}

static void sink_down(sk_merge *m, size_t i)
{
	struct source *s = m->heap[i];
	size_t kid;

	while ((kid = 2 * i + 1) < m->n) {
		if (kid + 1 < m->n && before(m->heap[kid + 1], m->heap[kid]))
			kid++;
		if (!before(m->heap[kid], s))
			break;
		m->heap[i] = m->heap[kid];
		i = kid;
	}
	m->heap[i] = s;
}

/* ---- how much a reader takes ---- */

/* Of a file, at least: an entry must fit. */
static uint64_t room_of(const struct sk_run *r)
{
	uint64_t room = r->largest > WINDOW_MIN ? r->largest : WINDOW_MIN;

	return !r->fd ? 0 : r->bytes < room ? r->bytes : room;
}

static uint64_t room_of_all(const sk_merge *m)
{
	uint64_t room = 0;
	size_t i;

	for (i = 0; i < m->runs; i++)
		room += room_of(m->run[i]);
	return room;
}

static size_t files_of(const sk_merge *m)
{
	size_t n = 0, i;

	for (i = 0; i < m->runs; i++)
		n += m->run[i]->fd != 0;
	return n;
}

/* What is left beyond the least is shared out. */
static size_t window_of(const sk_merge *m, const struct sk_merge_limits *l)
{
	uint64_t room = room_of_all(m), window;
	size_t files = files_of(m);

	if (!l || !files)
		return SK_RUN_WINDOW;
	window = WINDOW_MIN;
	if (l->memory > room)
		window += (l->memory - room) / files;
	return window < SK_RUN_WINDOW ? (size_t)window : SK_RUN_WINDOW;
}

/* ---- reading ---- */

static int start(sk_merge *m, size_t window, struct snek_error *e)
{
	struct source *s;
	size_t i;
	int rc;

	m->source = calloc(m->runs + 1, sizeof(*m->source));
	m->heap = calloc(m->runs + 1, sizeof(*m->heap));
	if (!m->source || !m->heap)
		return sk_enomem(e);
	for (i = 0; i < m->runs; i++) {
		s = &m->source[m->sources];
		rc = sk_run_reader_sized(m->run[i], window, &s->reader, e);
		if (rc)
			return rc;
		m->sources++;
		s->number = i;
		rc = sk_run_reader_next(s->reader, &s->entry, e);
		if (rc < 0)
			return rc;
		if (rc)
			m->heap[m->n++] = s;
	}
	for (i = m->n / 2; i-- > 0;)
		sink_down(m, i);
	return 0;
}

static int new(const struct sk_run *const *runs, size_t n, sk_merge **out,
    struct snek_error *e)
{
	sk_merge *m = calloc(1, sizeof(*m));

	if (!m)
		return sk_enomem(e);
	m->run = calloc(n + 1, sizeof(*m->run));
	m->own = calloc(n + 1, sizeof(*m->own));
	if (!m->run || !m->own) {
		sk_merge_free(m);
		return sk_enomem(e);
	}
	if (n)
		memcpy(m->run, runs, n * sizeof(*runs));
	m->runs = n;
	*out = m;
	return 0;
}

/* ---- merging some of them first ---- */

int sk_merge_all(sk_merge *m, const struct sk_merge_limits *l,
    struct sk_run *out, struct snek_error *e)
{
	struct sk_entry entry;
	uint32_t tick = 0;
	int rc;

	while ((rc = sk_merge_next(m, &entry, e)) > 0) {
		rc = sk_run_add(out, &entry, e);
		if (!rc && ++tick % CHECK_EVERY == 0 && l->check)
			rc = l->check(l->check_arg);
		if (rc)
			return rc > 0 ? SNEK_ECANCELED : rc;
	}
	return rc;
}

static int merge_into(const struct sk_merge_limits *l,
    const struct sk_run *const *runs, size_t n, struct sk_run *out,
    struct snek_error *e)
{
	sk_merge *m;
	int rc = new(runs, n, &m, e);

	if (rc)
		return rc;
	rc = start(m, window_of(m, l), e);
	if (!rc)
		rc = sk_run_spill(out, l->tmp, e);
	if (!rc)
		rc = sk_merge_all(m, l, out, e);
	if (!rc)
		rc = sk_run_end(out, e);
	sk_merge_free(m);
	return rc;
}

static void drop(struct sk_run *r)
{
	if (!r)
		return;
	sk_run_free(r);
	free(r);
}

/* Runs at to at + n become one, at at. */
static int fold(sk_merge *m, const struct sk_merge_limits *l, size_t at,
    size_t n, struct snek_error *e)
{
	struct sk_run *out = calloc(1, sizeof(*out));
	size_t i, rest = m->runs - at - n;
	int rc = out ? merge_into(l, m->run + at, n, out, e) : sk_enomem(e);

	if (rc) {
		drop(out);
		return rc;
	}
	for (i = at; i < at + n; i++)
		drop(m->own[i]);
	m->run[at] = m->own[at] = out;
	memmove(m->run + at + 1, m->run + at + n, rest * sizeof(*m->run));
	memmove(m->own + at + 1, m->own + at + n, rest * sizeof(*m->own));
	m->runs -= n - 1;
	memset(m->own + m->runs, 0, (n - 1) * sizeof(*m->own));
	return 0;
}

/* How many from there on fit at once; at least two, if there are. */
static size_t reach(const sk_merge *m, const struct sk_merge_limits *l, size_t at)
{
	uint64_t room = 0;
	size_t n = 0;

	while (at + n < m->runs) {
		room += room_of(m->run[at + n]);
		if (n >= 2 && room > l->memory)
			break;
		n++;
	}
	return n;
}

static bool fits(const sk_merge *m, const struct sk_merge_limits *l)
{
	return room_of_all(m) <= l->memory || files_of(m) < 3;
}

/* Once over all of them, or until the rest fits. */
static int pass(sk_merge *m, const struct sk_merge_limits *l,
    struct snek_error *e)
{
	size_t at, n;
	int rc = 0;

	for (at = 0; at < m->runs && !rc && !fits(m, l); at++) {
		n = reach(m, l, at);
		if (n > 1)
			rc = fold(m, l, at, n, e);
	}
	return rc;
}

int sk_merge_within(const struct sk_merge_limits *l,
    const struct sk_run *const *runs, size_t n, sk_merge **out,
    struct snek_error *e)
{
	sk_merge *m;
	int rc = new(runs, n, &m, e);

	if (rc)
		return rc;
	while (!rc && l && !fits(m, l))
		rc = pass(m, l, e);
	if (!rc)
		rc = start(m, window_of(m, l), e);
	if (rc) {
		sk_merge_free(m);
		return rc;
	}
	*out = m;
	return 0;
}

int sk_merge_new(const struct sk_run *const *runs, size_t n, sk_merge **out,
    struct snek_error *e)
{
	return sk_merge_within(NULL, runs, n, out, e);
}

/* ---- giving out ---- */

int sk_merge_next(sk_merge *m, struct sk_entry *out, struct snek_error *e)
{
	struct source *s;
	int rc;

	if (m->used && m->n) {
		s = m->heap[0];
		rc = sk_run_reader_next(s->reader, &s->entry, e);
		if (rc < 0)
			return rc;
		if (!rc)
			m->heap[0] = m->heap[--m->n];
		if (m->n)
			sink_down(m, 0);
	}
	m->used = true;
	if (!m->n)
		return 0;
	*out = m->heap[0]->entry;
	return 1;
}

void sk_merge_free(sk_merge *m)
{
	size_t i;

	if (!m)
		return;
	for (i = 0; m->source && i < m->sources; i++)
		sk_run_reader_free(m->source[i].reader);
	for (i = 0; m->own && i < m->runs; i++)
		drop(m->own[i]);
	free(m->run);
	free(m->own);
	free(m->source);
	free(m->heap);
	free(m);
}
