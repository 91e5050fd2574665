/* SPDX-License-Identifier: MIT */
#include "task/run.h"
#include "value/key.h"

#include <stdlib.h>

#define WINDOW_MAX (256u << 10)
#define WINDOW_MIN (8u << 10)
#define WINDOWS (32u << 20)     /* of all readers together */

struct source {
	sk_run_reader *reader;
	struct sk_entry entry;
	size_t number;          /* equal entries come by it */
};

struct sk_merge {
	struct source *source;
	struct source **heap;   /* the least first */
	size_t n, sources;
	bool used;              /* the least was given out */
};

int sk_entry_compare(const struct sk_entry *a, const struct sk_entry *b)
{
	int c = sk_key_compare(a->key.p, a->key.n, b->key.p, b->key.n);

	if (c)
		return c;
	if (a->place.version != b->place.version)
		return a->place.version < b->place.version ? -1 : 1;
	if (a->place.record != b->place.record)
		return a->place.record < b->place.record ? -1 : 1;
	return a->emit < b->emit ? -1 : a->emit > b->emit;
}

static bool before(const struct source *a, const struct source *b)
{
	int c = sk_entry_compare(&a->entry, &b->entry);

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

static int start(sk_merge *m, const struct sk_run *const *runs, size_t n,
    struct snek_error *e)
{
	size_t i, window = WINDOWS / n;
	struct source *s;
	int rc;

	if (window > WINDOW_MAX)
		window = WINDOW_MAX;
	if (window < WINDOW_MIN)
		window = WINDOW_MIN;
	for (i = 0; i < n; i++) {
		s = &m->source[m->sources];
		rc = sk_run_reader_sized(runs[i], window, &s->reader, e);
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

int sk_merge_new(const struct sk_run *const *runs, size_t n, sk_merge **out,
    struct snek_error *e)
{
	sk_merge *m = calloc(1, sizeof(*m));
	int rc = 0;

	if (!m)
		return sk_enomem(e);
	m->source = calloc(n + 1, sizeof(*m->source));
	m->heap = calloc(n + 1, sizeof(*m->heap));
	if (!m->source || !m->heap)
		rc = sk_enomem(e);
	else if (n)
		rc = start(m, runs, n, e);
	if (rc) {
		sk_merge_free(m);
		return rc;
	}
	*out = m;
	return 0;
}

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
	free(m->source);
	free(m->heap);
	free(m);
}
