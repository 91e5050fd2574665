/* SPDX-License-Identifier: MIT */
/*
 * Where the buckets' ranges begin says a sample, taken at even distances.  What
 * all keys of the sample begin with is passed over, and of the rest eight bytes
 * decide; a key with another beginning goes to the first bucket or the last.
 */
#include "task/deal.h"
#include "base/copy.h"
#include "value/key.h"

#include <stdlib.h>

#define BUCKET (128u << 10)     /* bytes that are wanted: with references to its
                                 * entries it fits half of a small second cache */
#define MOST 1024u              /* buckets: more are too many places to write to */
#define SAMPLES 8u              /* a bucket */

struct dealing {
	const struct sk_run *const *run;
	const struct sk_run_view *view;
	size_t runs;
	uint64_t entries, bytes;
	struct sk_span *sample;         /* keys */
	size_t samples, taken;
	struct sk_span common;          /* what they begin with */
	uint64_t first, mask;           /* its first eight bytes */
	uint64_t from[MOST];            /* the least word of a bucket but the
	                                 * first */
	uint16_t *of;                   /* by entry: its bucket */
	struct sk_dealt *to;
};

static int malformed(uint64_t i, const struct sk_run *run, struct snek_error *e)
{
	return sk_fail(e, SNEK_EFORMAT, "entry %llu of %llu of a run is malformed",
	    (unsigned long long)i + 1, (unsigned long long)run->entries);
}

/* ---- looking at all of them ---- */

static int look_at(struct dealing *d, const struct sk_run *run,
    const struct sk_run_view *v, uint64_t before, struct snek_error *e)
{
	uint64_t every = d->entries / d->samples, next, i, need;
	const uint8_t *p = v->p;
	size_t left = v->n, n;
	struct sk_entry entry;

	next = (before + every - 1) / every * every - before;
	for (i = 0; i < run->entries; i++, p += n, left -= n) {
		n = left ? sk_entry_get(p, left, &entry, &need) : 0;
		if (!n || !entry.key.n)
			return malformed(i, run, e);
		if (i == next && d->taken < d->samples)
			d->sample[d->taken++] = entry.key;
		next += i == next ? every : 0;
	}
	return left ? sk_fail(e, SNEK_EFORMAT, "a run of %llu entries holds more",
	    (unsigned long long)run->entries) : 0;
}

static int look(struct dealing *d, struct snek_error *e)
{
	uint64_t before = 0;
	size_t i;
	int rc = 0;

	for (i = 0; i < d->runs && !rc; before += d->run[i++]->entries)
		rc = look_at(d, d->run[i], &d->view[i], before, e);
	return rc;
}

/* ---- ranges ---- */

static int by_bytes(const void *x, const void *y)
{
	const struct sk_span *a = x, *b = y;

	return sk_key_compare(a->p, a->n, b->p, b->n);
}

static size_t common_of(struct sk_span a, struct sk_span b)
{
	const uint8_t *p = a.p, *q = b.p;
	size_t n = 0;

	while (n < a.n && n < b.n && p[n] == q[n])
		n++;
	return n;
}

static void set_ranges(struct dealing *d)
{
	uint32_t i;

	if (!d->taken)
		return;
	qsort(d->sample, d->taken, sizeof(*d->sample), by_bytes);
	d->common = d->sample[0];
	d->common.n = common_of(d->sample[0], d->sample[d->taken - 1]);
	d->first = sk_key_word(d->common.p, d->common.n, 0);
	d->mask = !d->common.n ? 0 : d->common.n >= 8 ? UINT64_MAX
	    : ~(UINT64_MAX >> (8 * d->common.n));
	for (i = 1; i < d->to->buckets; i++) {
		struct sk_span key = d->sample[i * d->taken / d->to->buckets];

		d->from[i] = sk_key_word(key.p, key.n, d->common.n);
	}
}

/* Such a key is before or behind all that begin as the sample does. */
static uint64_t word_of_other(const struct dealing *d, struct sk_span key)
{
	return sk_key_compare(key.p, key.n, d->common.p, d->common.n) < 0 ? 0
	    : UINT64_MAX;
}

static inline uint32_t bucket_of(const struct dealing *d, struct sk_span key)
{
	uint64_t word = sk_key_word(key.p, key.n, 0);
	uint32_t i = 0, step;

	if (((word ^ d->first) & d->mask) || (d->common.n > 8 && (key.n <
	    d->common.n || memcmp(key.p, d->common.p, d->common.n))))
		word = word_of_other(d, key);
	else
		word = sk_key_word(key.p, key.n, d->common.n);
	for (step = d->to->buckets / 2; step; step /= 2)
		i += word >= d->from[i + step] ? step : 0;
	return i;
}

/* ---- dealing ---- */

static int choose(struct dealing *d, const struct sk_run *run,
    const struct sk_run_view *v, uint16_t *of, struct snek_error *e)
{
	const uint8_t *p = v->p;
	size_t left = v->n, n;
	struct sk_entry entry;
	uint64_t i, need;

	for (i = 0; i < run->entries; i++, p += n, left -= n) {
		n = sk_entry_get(p, left, &entry, &need);
		if (!n)
			return malformed(i, run, e);
		of[i] = (uint16_t)bucket_of(d, entry.key);
		d->to->bucket[of[i]].bytes += n;
		d->to->bucket[of[i]].entries++;
	}
	return 0;
}

/* Others may be able to write to what is copied: nothing that was found out
 * before is taken for granted. */
static int deal(struct dealing *d, const struct sk_run *run,
    const struct sk_run_view *v, const uint16_t *of, size_t *fill,
    struct snek_error *e)
{
	const uint8_t *p = v->p;
	size_t left = v->n, n;
	struct sk_entry entry;
	uint64_t i, need;

	for (i = 0; i < run->entries; i++, p += n, left -= n) {
		const struct sk_bucket *b = &d->to->bucket[of[i]];

		n = sk_entry_get(p, left, &entry, &need);
		if (!n || n > b->bytes - fill[of[i]])
			return malformed(i, run, e);
		sk_copy(d->to->bytes + b->at + fill[of[i]], p, n);
		fill[of[i]] += n;
	}
	return 0;
}

static int deal_all(struct dealing *d, struct snek_error *e)
{
	size_t fill[MOST] = { 0 }, at = 0, i;
	uint16_t *of = d->of;
	int rc = 0;

	for (i = 0; i < d->runs && !rc; of += d->run[i++]->entries)
		rc = choose(d, d->run[i], &d->view[i], of, e);
	for (i = 0; i < d->to->buckets; at += d->to->bucket[i++].bytes)
		d->to->bucket[i].at = at;
	of = d->of;
	for (i = 0; i < d->runs && !rc; of += d->run[i++]->entries)
		rc = deal(d, d->run[i], &d->view[i], of, fill, e);
	return rc;
}

/* ---- all of it ---- */

static int make_room(struct dealing *d, struct sk_dealt *to)
{
	size_t i;

	for (i = 0; i < d->runs; i++) {
		d->entries += d->run[i]->entries;
		d->bytes += d->view[i].n;
	}
	to->buckets = 1;
	while (to->buckets < MOST && (uint64_t)to->buckets * BUCKET < d->bytes)
		to->buckets *= 2;
	d->samples = SAMPLES * to->buckets;
	if (d->samples > d->entries)
		d->samples = d->entries ? d->entries : 1;
	to->n = d->bytes;
	to->bytes = sk_pages_alloc(to->n);
	to->bucket = calloc(to->buckets, sizeof(*to->bucket));
	d->sample = calloc(d->samples, sizeof(*d->sample));
	d->of = sk_pages_alloc(d->entries * sizeof(*d->of));
	return to->bytes && to->bucket && d->sample && d->of ? 0 : SNEK_ENOMEM;
}

int sk_deal(const struct sk_run *const *runs, const struct sk_run_view *view,
    size_t n, struct sk_dealt *to, struct snek_error *e)
{
	struct dealing *d = calloc(1, sizeof(*d));
	int rc;

	memset(to, 0, sizeof(*to));
	if (!d)
		return sk_enomem(e);
	d->run = runs;
	d->view = view;
	d->runs = n;
	d->to = to;
	rc = make_room(d, to) ? sk_enomem(e) : look(d, e);
	if (!rc) {
		set_ranges(d);
		rc = deal_all(d, e);
	}
	sk_pages_free(d->of, d->entries * sizeof(*d->of));
	free(d->sample);
	free(d);
	if (rc)
		sk_dealt_free(to);
	return rc;
}

void sk_dealt_free(struct sk_dealt *d)
{
	sk_pages_free(d->bytes, d->n);
	free(d->bucket);
	memset(d, 0, sizeof(*d));
}

uint64_t sk_deal_need(uint64_t entries)
{
	return entries * sizeof(uint16_t) +
	    MOST * (sizeof(struct sk_bucket) + SAMPLES * sizeof(struct sk_span));
}
