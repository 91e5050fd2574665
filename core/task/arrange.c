/* SPDX-License-Identifier: MIT */
/*
 * Entries are sorted by eight bytes of their keys at a time, and where those
 * are equal, by the next eight: dealt by the first byte that differs, and what
 * is left of them again, until few are left.
 */
#include "task/arrange.h"
#include "base/hash.h"
#include "value/key.h"

#include <stdlib.h>

#define LEVELS 16u              /* beyond their words whole keys are compared */
#define FEW 40u
#define LINE 40u                /* on from here an entry may be in another */

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

static void fetch_ahead(const struct sk_reference *r)
{
	__builtin_prefetch(r[SK_ARRANGE_AHEAD].at);
	__builtin_prefetch((const void *)((uintptr_t)r[SK_ARRANGE_AHEAD].at +
	    LINE));
}

/* ---- words ---- */

static void set_words(struct sk_reference *a, size_t n, uint32_t level)
{
	struct sk_span key;

	for (size_t i = 0; i < n; i++) {
		fetch_ahead(&a[i]);
		key = key_at(a[i].at);
		a[i].word = sk_key_word(key.p, key.n, 8 * (size_t)level);
	}
}

static int by_key(const void *x, const void *y)
{
	const struct sk_reference *a = x, *b = y;
	struct sk_span p = key_at(a->at), q = key_at(b->at);

	return sk_key_compare(p.p, p.n, q.p, q.n);
}

/* ---- by words ---- */

static void insert(struct sk_reference *a, size_t n)
{
	size_t i, k;

	for (i = 1; i < n; i++) {
		struct sk_reference r = a[i];

		for (k = i; k && a[k - 1].word > r.word; k--)
			a[k] = a[k - 1];
		a[k] = r;
	}
}

static uint8_t digit(const struct sk_reference *r, int d)
{
	return (uint8_t)(r->word >> (8 * d));
}

/* From a to to, by one digit, of which there are so many of each value. */
static void deal(const struct sk_reference *a, struct sk_reference *to, size_t n,
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

/* Where they are, by one digit: whoever stands where another belongs changes
 * places with him. */
static void permute(struct sk_reference *a, int d, const uint32_t count[256])
{
	uint32_t next[256], end[256], i, sum = 0;

	for (i = 0; i < 256; i++) {
		next[i] = sum;
		end[i] = sum += count[i];
	}
	for (i = 0; i < 256; i++)
		while (next[i] < end[i]) {
			struct sk_reference r = a[next[i]], t;
			uint8_t k;

			while ((k = digit(&r, d)) != i) {
				t = a[next[k]];
				a[next[k]++] = r;
				r = t;
			}
			a[next[i]++] = r;
		}
}

static void sort_words(struct sk_reference *a, struct sk_reference *spare,
    size_t n);

/* By the first byte in which they differ, then each of its values. */
static void split(struct sk_reference *a, struct sk_reference *spare, size_t n,
    int d)
{
	uint32_t count[256] = { 0 };
	size_t i, at = 0;

	for (i = 0; i < n; i++)
		count[digit(&a[i], d)]++;
	if (n <= SK_ARRANGE_SPARE) {
		deal(a, spare, n, d, count);
		memcpy(a, spare, n * sizeof(*a));
	} else {
		permute(a, d, count);
	}
	for (i = 0; i < 256 && d; at += count[i++])
		if (count[i] > 1)
			sort_words(a + at, spare, count[i]);
}

static void sort_words(struct sk_reference *a, struct sk_reference *spare,
    size_t n)
{
	uint64_t differ = 0;
	size_t i;

	if (n <= FEW) {
		insert(a, n);
		return;
	}
	for (i = 1; i < n; i++)
		differ |= a[i].word ^ a[0].word;
	if (differ)
		split(a, spare, n, 7 - __builtin_clzll(differ) / 8);
}

/* ---- by keys ---- */

static void sort(struct sk_reference *a, struct sk_reference *spare, size_t n,
    uint32_t level);

static void sort_next(struct sk_reference *a, struct sk_reference *spare,
    size_t n, uint32_t level)
{
	set_words(a, n, level);
	sort(a, spare, n, level);
}

/* Keys that end within a word end in zeroes there: so may others, and these are
 * compared.  One that ends with its word has nothing but zeroes in the next. */
static void sort(struct sk_reference *a, struct sk_reference *spare, size_t n,
    uint32_t level)
{
	size_t i, k;

	sort_words(a, spare, n);
	for (i = 0; i < n; i = k) {
		for (k = i + 1; k < n && a[k].word == a[i].word; k++)
			;
		if (k - i < 2)
			continue;
		if (!(uint8_t)a[i].word || level + 1 == LEVELS)
			qsort(a + i, k - i, sizeof(*a), by_key);
		else
			sort_next(a + i, spare, k - i, level + 1);
	}
}

void sk_arrange(struct sk_reference *a, size_t n, struct sk_reference *spare)
{
	sort(a, spare, n, 0);
}
