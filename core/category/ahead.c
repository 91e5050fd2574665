/* SPDX-License-Identifier: MIT */
#include "category/load.h"

static size_t step_of(const struct sk_ahead *a)
{
	return a->step ? a->step : 1;
}

static size_t after(const struct sk_ahead *a, size_t i)
{
	return step_of(a) < a->end - i ? i + step_of(a) : a->end;
}

static bool has_room(const struct sk_ahead *a)
{
	uint64_t bytes = a->snapshot->chunk[a->next].bytes.n;

	return a->n < 2 || (a->n <= SK_AHEAD &&
	    a->bytes + bytes <= SK_AHEAD_BYTES);
}

int sk_ahead_start(struct sk_ahead *a, struct snek_error *e)
{
	const struct sk_snapshot_chunk *c;
	int rc = 0;

	if (!a->n)
		a->next = a->at;
	while (!rc && a->next < a->end && has_room(a)) {
		c = &a->snapshot->chunk[a->next];
		if (c->bytes.p)
			break;
		rc = sk_load_begin(a->catalog, a->snapshot, &c, 1, NULL,
		    &a->load[a->n], e);
		if (rc)
			break;
		a->n++;
		a->bytes += c->bytes.n;
		a->next = after(a, a->next);
	}
	return rc;
}

int sk_ahead_get(struct sk_ahead *a, struct sk_span *out, struct snek_error *e)
{
	const struct sk_snapshot_chunk *c = &a->snapshot->chunk[a->at];
	int rc;

	if (c->bytes.p) {
		*out = c->bytes;
		return 0;
	}
	rc = sk_ahead_start(a, e);
	if (!rc)
		rc = sk_load_wait(a->load[0], NULL, NULL, NULL, e);
	if (!rc)
		*out = sk_load_bytes(a->load[0], 0);
	return rc;
}

bool sk_ahead_next(struct sk_ahead *a)
{
	if (a->n) {
		sk_load_free(a->load[0]);
		a->bytes -= a->snapshot->chunk[a->at].bytes.n;
		a->n--;
		memmove(a->load, a->load + 1, a->n * sizeof(a->load[0]));
	}
	a->at = after(a, a->at);
	return a->at < a->end;
}

void sk_ahead_end(struct sk_ahead *a)
{
	while (a->n)
		sk_load_free(a->load[--a->n]);
}
