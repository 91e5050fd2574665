/* SPDX-License-Identifier: MIT */
#include "job/hold.h"

/* A file for less is not worth its descriptor. */
#define WORTH_A_FILE (64u << 10)

static int hold_run(struct sk_hold *h, struct sk_run *r, struct snek_error *e)
{
	int rc;

	if (r->fd)
		return 0;
	if (r->mem.n < WORTH_A_FILE || h->held + r->mem.n <= h->budget) {
		h->held += r->mem.n;
		return 0;
	}
	rc = sk_run_spill(r, h->tmp, e);
	return rc ? rc : sk_run_end(r, e);
}

int sk_hold_add(struct sk_hold *h, struct sk_outcome *o, struct snek_error *e)
{
	uint32_t p;
	size_t i;
	int rc = hold_run(h, &o->run, e);

	for (p = 0; p < o->parts; p++)
		for (i = 0; i < o->part[p].n && !rc; i++)
			rc = hold_run(h, &o->part[p].run[i], e);
	return rc;
}
