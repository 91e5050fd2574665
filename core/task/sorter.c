/* SPDX-License-Identifier: MIT */
#include "task/sorter.h"
#include "task/group.h"
#include "value/key.h"

#include <stdlib.h>

#define FOLD 16u        /* runs of one size that become one of the next */

/* An entry to be sorted: the first bytes of its key, and where it lies. */
struct reference {
	uint64_t prefix;        /* big-endian, zeroes behind a shorter key */
	const uint8_t *at;
	size_t bytes;
};

int sk_sorter_add(struct sk_sorter *s, const struct sk_entry *n, struct snek_error *e)
{
	struct sk_entry last = {
		.key = { s->last.p, s->last.n }, .place = s->place, .emit = s->emit,
	};

	if (s->any && !s->unsorted)
		s->unsorted = sk_entry_compare(&last, n) > 0;
	if (!s->unsorted) {
		s->last.n = 0;
		if (!sk_buf_put(&s->last, n->key.p, n->key.n))
			return sk_enomem(e);
		s->place = n->place;
		s->emit = n->emit;
		s->any = true;
	}
	return sk_run_add(&s->mem, n, e);
}

size_t sk_sorter_held(const struct sk_sorter *s, bool combines)
{
	size_t bytes = s->mem.mem.n;

	if (s->unsorted)
		return 2 * bytes + 2 * s->mem.entries * sizeof(struct reference);
	return combines ? 2 * bytes : bytes;
}

/* ---- sorting ---- */

static uint64_t prefix_of(struct sk_span key)
{
	uint64_t v = 0;

	memcpy(&v, key.p, key.n < 8 ? key.n : 8);
	return __builtin_bswap64(v);
}

static int compare(const void *x, const void *y)
{
	const struct reference *a = x, *b = y;
	struct sk_entry p, q;
	uint64_t need;
	int c;

	if (a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	sk_entry_get(a->at, a->bytes, &p, &need);
	sk_entry_get(b->at, b->bytes, &q, &need);
	c = sk_entry_compare(&p, &q);
	return c ? c : a->at < b->at ? -1 : a->at > b->at;
}

static int list(struct reference *ref, const struct sk_run *run,
    struct snek_error *e)
{
	const uint8_t *p = (const uint8_t *)run->mem.p;
	size_t left = run->mem.n, n;
	struct sk_entry entry;
	uint64_t i, need;

	for (i = 0; i < run->entries; i++, p += n, left -= n) {
		n = sk_entry_get(p, left, &entry, &need);
		if (!n)
			return sk_fail(e, SNEK_EINTERNAL, "a run in memory is torn");
		ref[i].prefix = prefix_of(entry.key);
		ref[i].at = p;
		ref[i].bytes = n;
	}
	return 0;
}

/* The entries of a run in memory, sorted, in another one. */
static int sorted_copy(const struct sk_run *run, struct sk_run *out,
    struct snek_error *e)
{
	size_t bytes = (run->entries + 1) * sizeof(struct reference);
	struct reference *ref = sk_pages_alloc(bytes);
	uint64_t i;
	int rc;

	if (!ref || !sk_pages_reserve(&out->mem, run->mem.n)) {
		sk_pages_free(ref, bytes);
		return sk_enomem(e);
	}
	rc = list(ref, run, e);
	if (!rc)
		qsort(ref, run->entries, sizeof(*ref), compare);
	for (i = 0; i < run->entries && !rc; i++) {
		rc = sk_pages_put(&out->mem, ref[i].at, ref[i].bytes) ? 0
		    : sk_enomem(e);
		out->bytes += ref[i].bytes;
		out->entries++;
	}
	out->largest = run->largest;
	sk_pages_free(ref, bytes);
	return rc;
}

static int sort(struct sk_sorter *s, struct snek_error *e)
{
	struct sk_run out = { 0 };
	int rc;

	if (!s->unsorted)
		return 0;
	rc = sorted_copy(&s->mem, &out, e);
	if (rc) {
		sk_run_free(&out);
		return rc;
	}
	sk_run_free(&s->mem);
	s->mem = out;
	return 0;
}

static int add_entry(void *run, const struct sk_entry *n, struct snek_error *e)
{
	return sk_run_add(run, n, e);
}

static int combine(struct sk_sorter *s, const struct sk_grouper *g,
    struct snek_error *e)
{
	const struct sk_run *run = &s->mem;
	struct sk_run out = { 0 };
	struct sk_group_all all = {
		.grouper = g, .same_key = true, .add = add_entry, .add_arg = &out,
	};
	sk_merge *m;
	int rc = sk_merge_new(&run, 1, &m, e);

	if (rc)
		return rc;
	rc = sk_group_all(&all, m, e);
	sk_merge_free(m);
	if (rc) {
		sk_run_free(&out);
		return rc;
	}
	sk_run_free(&s->mem);
	s->mem = out;
	return 0;
}

static int settle(struct sk_sorter *s, const struct sk_sorter_options *o,
    struct snek_error *e)
{
	int rc = s->mem.entries ? sort(s, e) : 0;

	if (!rc && s->mem.entries && o->combine && o->combine->group)
		rc = combine(s, o->combine, e);
	return rc;
}

/* ---- spilling ---- */

/* The last FOLD finished runs become one. */
static int fold(struct sk_sorter *s, const struct sk_sorter_options *o,
    struct snek_error *e)
{
	const struct sk_merge_limits l = { .memory = o->memory, .tmp = o->tmp };
	const struct sk_run *run[FOLD];
	struct sk_run out = { 0 };
	size_t first = s->done.n - FOLD, i;
	sk_merge *m;
	int rc;

	for (i = 0; i < FOLD; i++)
		run[i] = &s->done.run[first + i];
	rc = sk_merge_within(&l, run, FOLD, &m, e);
	if (rc)
		return rc;
	rc = sk_run_spill(&out, o->tmp, e);
	if (!rc)
		rc = sk_merge_all(m, &l, &out, e);
	if (!rc)
		rc = sk_run_end(&out, e);
	sk_merge_free(m);
	if (rc) {
		sk_run_free(&out);
		return rc;
	}
	for (i = 0; i < FOLD; i++)
		sk_run_free(&s->done.run[first + i]);
	s->done.run[first] = out;
	s->done.n = first + 1;
	return 0;
}

/* A run that stands alone; sixteen of a size are folded, so that there are
 * never many files. */
static int put_away(struct sk_sorter *s, struct sk_run *run,
    const struct sk_sorter_options *o, struct snek_error *e)
{
	uint64_t n;
	int rc = sk_run_end(run, e);

	if (rc || !run->entries)
		return rc;
	if (!sk_runs_add(&s->done, run))
		return sk_enomem(e);
	for (n = ++s->spilled; n % FOLD == 0 && !rc; n /= FOLD)
		rc = fold(s, o, e);
	return rc;
}

static int continue_file(struct sk_sorter *s, const char *tmp, struct snek_error *e)
{
	struct sk_pages empty = s->file.mem;
	int rc;

	if (!s->file.fd) {
		rc = sk_run_spill(&s->file, tmp, e);
		if (rc)
			return rc;
	} else if (empty.n) {
		return sk_run_append(&s->file, &s->mem, e);
	}
	s->file.mem = s->mem.mem;
	s->file.entries += s->mem.entries;
	s->file.bytes += s->mem.mem.n;
	if (s->mem.largest > s->file.largest)
		s->file.largest = s->mem.largest;
	memset(&s->mem, 0, sizeof(s->mem));
	rc = sk_run_spill(&s->file, tmp, e);
	s->mem.mem = s->file.mem;
	s->file.mem = empty;
	return rc;
}

int sk_sorter_spill(struct sk_sorter *s, const struct sk_sorter_options *o,
    struct snek_error *e)
{
	int rc = settle(s, o, e);

	if (rc || !s->mem.entries)
		return rc;
	if (!s->unsorted)
		return continue_file(s, o->tmp, e);
	rc = put_away(s, &s->file, o, e);
	if (!rc)
		rc = sk_run_spill(&s->mem, o->tmp, e);
	if (!rc)
		rc = put_away(s, &s->mem, o, e);
	s->unsorted = s->any = false;
	return rc;
}

int sk_sorter_cut(struct sk_sorter *s, const struct sk_sorter_options *o,
    struct snek_error *e)
{
	int rc = sk_sorter_spill(s, o, e);

	if (!rc)
		rc = put_away(s, &s->file, o, e);
	s->any = false;
	return rc;
}

int sk_sorter_finish(struct sk_sorter *s, const struct sk_sorter_options *o,
    struct sk_runs *out, struct snek_error *e)
{
	size_t i;
	int rc = settle(s, o, e);

	if (!rc && s->file.fd && !s->unsorted && s->mem.entries)
		rc = continue_file(s, o->tmp, e);
	if (!rc)
		rc = put_away(s, &s->file, o, e);
	if (!rc)
		rc = put_away(s, &s->mem, o, e);
	for (i = 0; !rc && i < s->done.n; i++)
		if (!sk_runs_add(out, &s->done.run[i]))
			rc = sk_enomem(e);
	sk_sorter_free(s);
	return rc;
}

void sk_sorter_free(struct sk_sorter *s)
{
	sk_run_free(&s->mem);
	sk_run_free(&s->file);
	sk_buf_free(&s->last);
	sk_runs_free(&s->done);
	memset(s, 0, sizeof(*s));
}
