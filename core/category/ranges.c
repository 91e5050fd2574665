/* SPDX-License-Identifier: MIT */
#include "category/ranges.h"

#include <stdlib.h>
#include <string.h>

static bool grow(struct sk_ranges *r)
{
	size_t cap = r->cap ? 2 * r->cap : 8;
	void *p;

	if (r->n < r->cap)
		return true;
	p = realloc(r->range, cap * sizeof(*r->range));
	if (!p)
		return false;
	r->range = p;
	r->cap = cap;
	return true;
}

bool sk_ranges_add(struct sk_ranges *r, struct sk_place first, uint64_t n)
{
	struct sk_range *last = r->n ? &r->range[r->n - 1] : NULL;

	if (!n)
		return true;
	if (last && last->first.version == first.version &&
	    last->first.record + last->n == first.record) {
		last->n += n;
	} else {
		if (!grow(r))
			return false;
		r->range[r->n++] = (struct sk_range){ first, n };
	}
	r->records += n;
	return true;
}

static int by_record(const void *a, const void *b)
{
	const struct sk_range *x = a, *y = b;

	return x->first.record < y->first.record ? -1 :
	    x->first.record > y->first.record;
}

bool sk_ranges_rest(struct sk_ranges *r, uint64_t version, uint64_t records,
    struct sk_ranges *out)
{
	struct sk_place at = { version, 0 };
	const struct sk_range *g;
	size_t i;

	if (r->n)
		qsort(r->range, r->n, sizeof(*r->range), by_record);
	for (i = 0; i < r->n; i++) {
		g = &r->range[i];
		if (g->first.record > at.record &&
		    !sk_ranges_add(out, at, g->first.record - at.record))
			return false;
		if (g->first.record + g->n > at.record)
			at.record = g->first.record + g->n;
	}
	return at.record >= records ||
	    sk_ranges_add(out, at, records - at.record);
}

void sk_ranges_free(struct sk_ranges *r)
{
	free(r->range);
	memset(r, 0, sizeof(*r));
}
