/* SPDX-License-Identifier: MIT */
/*
 * Entries are sorted by eight bytes of their keys at a time, and where those
 * are equal, by the next eight.  Many are dealt by the first byte that differs
 * until what is left of them fits the cache; there the rest of the bytes is
 * sorted from the last to the first.
 */
#include "task/collate.h"
#include "base/hash.h"
#include "base/pages.h"
#include "value/key.h"

#include <stdlib.h>

#define LEVELS 16u              /* beyond their words whole keys are compared */
#define FEW 48u
#define CACHED (16u << 10)      /* references that are sorted in the cache */
#define AHEAD 16u               /* entries fetched before their turn */
#define LINE 40u                /* on from here an entry may be in another */

struct reference {
	uint64_t word;          /* of the key, big-endian, zeroes behind it */
	const uint8_t *at;      /* the entry */
};

struct sk_collate {
	struct sk_run_view *view;
	size_t views, bytes;
	struct reference *ref, *spare;  /* spare: CACHED of them */
	size_t n, cap, next;
};

/* Entries were looked at when they were listed. */
static struct sk_span long_key_at(const uint8_t *p)
{
	struct sk_entry n;
	uint64_t need;

	sk_entry_get_long(p, SIZE_MAX / 2, &n, &need);
	return n.key;
}

static inline struct sk_span key_at(const uint8_t *p)
{
	return sk_entry_is_short(p) ? (struct sk_span){ p + SK_ENTRY_SHORT,
	    p[0] } : long_key_at(p);
}

/* There are as many references behind the last one, all of them NULL. */
static void fetch_ahead(const struct reference *r)
{
	__builtin_prefetch(r[AHEAD].at);
	__builtin_prefetch((const void *)((uintptr_t)r[AHEAD].at + LINE));
}

/* ---- words ---- */

static uint64_t word_at(struct sk_span key, size_t at)
{
	const uint8_t *p = key.p;
	uint64_t v = 0;

	if (key.n >= at + 8)
		return __builtin_bswap64(sk_load64(p + at));
	if (key.n > at)
		memcpy(&v, p + at, key.n - at);
	return __builtin_bswap64(v);
}

/* Sets the words; which bits are not the same in all of them. */
static uint64_t set_words(struct reference *a, size_t n, uint32_t level)
{
	uint64_t differ = 0;

	for (size_t i = 0; i < n; i++) {
		fetch_ahead(&a[i]);
		a[i].word = word_at(key_at(a[i].at), 8 * (size_t)level);
		differ |= a[i].word ^ a[0].word;
	}
	return differ;
}

static int by_key(const void *x, const void *y)
{
	const struct reference *a = x, *b = y;
	struct sk_span p = key_at(a->at), q = key_at(b->at);

	return sk_key_compare(p.p, p.n, q.p, q.n);
}

/* ---- by words ---- */

static void insert(struct reference *a, size_t n)
{
	size_t i, k;

	for (i = 1; i < n; i++) {
		struct reference r = a[i];

		for (k = i; k && a[k - 1].word > r.word; k--)
			a[k] = a[k - 1];
		a[k] = r;
	}
}

static uint8_t digit(const struct reference *r, int d)
{
	return (uint8_t)(r->word >> (8 * d));
}

/* From a to to, by one digit, of which there are so many of each value. */
static void deal(const struct reference *a, struct reference *to, size_t n,
    int d, const uint32_t count[256])
{
	size_t start[256], i, sum = 0;

	for (i = 0; i < 256; i++) {
		start[i] = sum;
		sum += count[i];
	}
	for (i = 0; i < n; i++)
		to[start[digit(&a[i], d)]++] = a[i];
}

/* The last byte first; those that are the same everywhere cost nothing. */
static void radix(struct reference *a, struct reference *spare, size_t n,
    uint64_t differ)
{
	struct reference *from = a, *to = spare, *t;
	uint32_t count[8][256];
	size_t i;
	int d;

	memset(count, 0, sizeof(count));
	for (i = 0; i < n; i++)
		for (d = 0; d < 8; d++)
			count[d][digit(&a[i], d)]++;
	for (d = 0; d < 8; d++) {
		if (!(uint8_t)(differ >> (8 * d)))
			continue;
		deal(from, to, n, d, count[d]);
		t = from;
		from = to;
		to = t;
	}
	if (from != a)
		memcpy(a, from, n * sizeof(*a));
}

/* Where they are, by one digit: whoever stands where another belongs changes
 * places with him. */
static void permute(struct reference *a, int d, const uint32_t count[256])
{
	uint32_t next[256], end[256], i, sum = 0;

	for (i = 0; i < 256; i++) {
		next[i] = sum;
		end[i] = sum += count[i];
	}
	for (i = 0; i < 256; i++)
		while (next[i] < end[i]) {
			struct reference r = a[next[i]], t;
			uint8_t k;

			while ((k = digit(&r, d)) != i) {
				t = a[next[k]];
				a[next[k]++] = r;
				r = t;
			}
			a[next[i]++] = r;
		}
}

/* differ: the bits by which words may differ. */
static void sort_words(struct reference *a, struct reference *spare, size_t n,
    uint64_t differ)
{
	uint32_t count[256] = { 0 };
	size_t i, at = 0;
	int d;

	if (n <= FEW) {
		insert(a, n);
		return;
	}
	if (!differ)
		return;
	if (n <= CACHED) {
		radix(a, spare, n, differ);
		return;
	}
	d = 7 - __builtin_clzll(differ) / 8;
	for (i = 0; i < n; i++)
		count[digit(&a[i], d)]++;
	permute(a, d, count);
	differ &= ~(0xffull << (8 * d));
	for (i = 0; i < 256; at += count[i++])
		sort_words(a + at, spare, count[i], differ);
}

/* ---- by keys ---- */

/* Keys that end within a word end in zeroes there: so may others, and these are
 * compared.  One that ends with its word has nothing but zeroes in the next. */
static void sort(struct reference *a, struct reference *spare, size_t n,
    uint32_t level)
{
	size_t i, k;

	sort_words(a, spare, n, set_words(a, n, level));
	for (i = 0; i < n; i = k) {
		for (k = i + 1; k < n && a[k].word == a[i].word; k++)
			;
		if (k - i < 2)
			continue;
		if (!(uint8_t)a[i].word || level + 1 == LEVELS)
			qsort(a + i, k - i, sizeof(*a), by_key);
		else
			sort(a + i, spare, k - i, level + 1);
	}
}

/* ---- listing ---- */

static int list(sk_collate *c, const struct sk_run *run,
    const struct sk_run_view *v, struct snek_error *e)
{
	const uint8_t *p = v->p;
	size_t left = v->n, n;
	struct sk_entry entry;
	uint64_t i, need;

	for (i = 0; i < run->entries; i++, p += n, left -= n) {
		n = left ? sk_entry_get(p, left, &entry, &need) : 0;
		if (!n || !entry.key.n)
			return sk_fail(e, SNEK_EFORMAT, "entry %llu of %llu of a "
			    "run is malformed", (unsigned long long)i + 1,
			    (unsigned long long)run->entries);
		c->ref[c->n++].at = p;
	}
	return left ? sk_fail(e, SNEK_EFORMAT, "a run of %llu entries holds more",
	    (unsigned long long)run->entries) : 0;
}

static int open_all(sk_collate *c, const struct sk_run *const *runs, size_t n,
    struct snek_error *e)
{
	int rc = 0;

	for (; c->views < n && !rc; c->views++)
		rc = sk_run_view_open(runs[c->views], &c->view[c->views], e);
	return rc;
}

static int make_room(sk_collate *c, const struct sk_run *const *runs, size_t n,
    size_t memory)
{
	uint64_t bytes = 0, entries = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		bytes += runs[i]->bytes;
		entries += runs[i]->entries;
	}
	if (entries >= UINT32_MAX || bytes > memory ||
	    bytes + sizeof(*c->ref) * (entries + CACHED) > memory)
		return SNEK_ENOENT;
	c->cap = entries + AHEAD;
	c->bytes = bytes + sizeof(*c->ref) * (c->cap + CACHED);
	c->ref = sk_pages_alloc(c->cap * sizeof(*c->ref));
	c->spare = sk_pages_alloc(CACHED * sizeof(*c->ref));
	c->view = calloc(n + 1, sizeof(*c->view));
	return c->ref && c->spare && c->view ? 0 : SNEK_ENOMEM;
}

int sk_collate_new(const struct sk_run *const *runs, size_t n, size_t memory,
    sk_collate **out, struct snek_error *e)
{
	sk_collate *c = calloc(1, sizeof(*c));
	size_t i;
	int rc = c ? make_room(c, runs, n, memory) : SNEK_ENOMEM;

	if (rc == SNEK_ENOMEM)
		sk_enomem(e);
	if (!rc)
		rc = open_all(c, runs, n, e);
	for (i = 0; i < n && !rc; i++)
		rc = list(c, runs[i], &c->view[i], e);
	if (rc) {
		sk_collate_free(c);
		return rc;
	}
	sort(c->ref, c->spare, c->n, 0);
	sk_pages_free(c->spare, CACHED * sizeof(*c->spare));
	c->spare = NULL;
	*out = c;
	return 0;
}

size_t sk_collate_bytes(const sk_collate *c)
{
	return c->bytes;
}

int sk_collate_next(sk_collate *c, struct sk_entry *out)
{
	uint64_t need;

	if (c->next == c->n)
		return 0;
	fetch_ahead(&c->ref[c->next]);
	sk_entry_get(c->ref[c->next++].at, SIZE_MAX / 2, out, &need);
	return 1;
}

void sk_collate_free(sk_collate *c)
{
	if (!c)
		return;
	while (c->views)
		sk_run_view_close(&c->view[--c->views]);
	free(c->view);
	sk_pages_free(c->ref, c->cap * sizeof(*c->ref));
	sk_pages_free(c->spare, CACHED * sizeof(*c->spare));
	free(c);
}
