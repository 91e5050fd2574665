/* SPDX-License-Identifier: MIT */
/*
 * The entries are dealt to buckets by ranges of their keys, in one go over them
 * as they lie; a bucket is sorted, in the cache, when its turn has come.
 */
#include "task/collate.h"
#include "task/arrange.h"
#include "task/deal.h"
#include "value/key.h"

#include <stdlib.h>

struct sk_collate {
	struct sk_dealt dealt;
	uint32_t bucket;                /* the next one */
	struct sk_reference *ref, *spare;
	size_t cap;                     /* references there is room for */
	size_t n, next;                 /* of the bucket that is given out */
	size_t bytes;
};

static void close_views(struct sk_run_view *view, size_t n)
{
	while (n)
		sk_run_view_close(&view[--n]);
	free(view);
}

static int open_views(const struct sk_run *const *runs, size_t n,
    struct sk_run_view **out, struct snek_error *e)
{
	struct sk_run_view *view = calloc(n + 1, sizeof(*view));
	size_t i = 0;
	int rc = view ? 0 : sk_enomem(e);

	for (; i < n && !rc; i += !rc)
		rc = sk_run_view_open(runs[i], &view[i], e);
	if (rc)
		close_views(view, i);
	else
		*out = view;
	return rc;
}

static uint64_t need_of_references(uint64_t entries)
{
	return sizeof(struct sk_reference) * (entries + SK_ARRANGE_AHEAD +
	    SK_ARRANGE_SPARE);
}

uint64_t sk_collate_need(uint64_t bytes, uint64_t entries)
{
	return 2 * bytes + sk_deal_need(entries) + need_of_references(entries);
}

static uint64_t largest(const struct sk_dealt *d)
{
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; i < d->buckets; i++)
		if (d->bucket[i].entries > n)
			n = d->bucket[i].entries;
	return n;
}

static int make_room(sk_collate *c, size_t memory, struct snek_error *e)
{
	uint64_t n = largest(&c->dealt);

	c->bytes += need_of_references(n);
	if (c->bytes > memory)
		return SNEK_ENOENT;
	c->cap = n + SK_ARRANGE_AHEAD;
	c->ref = sk_pages_alloc(c->cap * sizeof(*c->ref));
	c->spare = sk_pages_alloc(SK_ARRANGE_SPARE * sizeof(*c->spare));
	return c->ref && c->spare ? 0 : sk_enomem(e);
}

static int deal(sk_collate *c, const struct sk_run *const *runs, size_t n,
    struct snek_error *e)
{
	struct sk_run_view *view;
	int rc = open_views(runs, n, &view, e);

	if (rc)
		return rc;
	rc = sk_deal(runs, view, n, &c->dealt, e);
	close_views(view, n);
	return rc;
}

int sk_collate_new(const struct sk_run *const *runs, size_t n, size_t memory,
    sk_collate **out, struct snek_error *e)
{
	uint64_t bytes = 0, entries = 0;
	sk_collate *c;
	size_t i;
	int rc;

	for (i = 0; i < n; i++) {
		bytes += runs[i]->bytes;
		entries += runs[i]->entries;
	}
	if (bytes > memory || 2 * bytes + sk_deal_need(entries) > memory)
		return SNEK_ENOENT;
	c = calloc(1, sizeof(*c));
	if (!c)
		return sk_enomem(e);
	c->bytes = 2 * bytes + sk_deal_need(entries);
	rc = deal(c, runs, n, e);
	if (!rc)
		rc = make_room(c, memory, e);
	if (rc) {
		sk_collate_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

size_t sk_collate_bytes(const sk_collate *c)
{
	return c->bytes;
}

/* References to the next bucket's entries, in order; 0: there is none. */
static int next_bucket(sk_collate *c, struct snek_error *e)
{
	const struct sk_bucket *b = &c->dealt.bucket[c->bucket++];
	const uint8_t *p = c->dealt.bytes + b->at;
	size_t left = b->bytes, n;
	struct sk_entry entry;
	uint64_t need;

	for (c->n = c->next = 0; c->n < b->entries; p += n, left -= n) {
		n = left ? sk_entry_get(p, left, &entry, &need) : 0;
		if (!n || !entry.key.n)
			return sk_fail(e, SNEK_EFORMAT, "a run in memory has "
			    "changed while it was read");
		c->ref[c->n++] = (struct sk_reference){ sk_key_word(entry.key.p,
		    entry.key.n, 0), p };
	}
	memset(c->ref + c->n, 0, SK_ARRANGE_AHEAD * sizeof(*c->ref));
	sk_arrange(c->ref, c->n, c->spare);
	return 0;
}

int sk_collate_next(sk_collate *c, struct sk_entry *out, struct snek_error *e)
{
	uint64_t need;
	int rc;

	while (c->next == c->n) {
		if (c->bucket == c->dealt.buckets)
			return 0;
		rc = next_bucket(c, e);
		if (rc)
			return rc;
	}
	sk_entry_get(c->ref[c->next++].at, SIZE_MAX / 2, out, &need);
	return 1;
}

void sk_collate_free(sk_collate *c)
{
	if (!c)
		return;
	sk_dealt_free(&c->dealt);
	sk_pages_free(c->ref, c->cap * sizeof(*c->ref));
	sk_pages_free(c->spare, SK_ARRANGE_SPARE * sizeof(*c->spare));
	free(c);
}
