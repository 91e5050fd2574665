/* SPDX-License-Identifier: MIT */
#include "job/hold.h"

#include <stdlib.h>
#include <sys/resource.h>

/* A file for less is not worth its descriptor. */
#define WORTH_A_FILE (256u << 10)
#define LEAST_FILES 64u
#define SMALL 8u                /* one of so many parts is for small runs */

static size_t most_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur == RLIM_INFINITY)
		return SIZE_MAX;
	return r.rlim_cur / 2 > LEAST_FILES ? r.rlim_cur / 2 : LEAST_FILES;
}

int sk_hold_open(struct sk_hold *h, uint32_t parts)
{
	h->part = calloc(parts + 1, sizeof(*h->part));
	h->parts = parts;
	if (!h->most)
		h->most = most_files();
	return h->part ? 0 : SNEK_ENOMEM;
}

void sk_hold_close(struct sk_hold *h)
{
	uint32_t p;

	for (p = 0; h->part && p < h->parts; p++)
		sk_runs_free(&h->part[p]);
	free(h->part);
	memset(h, 0, sizeof(*h));
}

/* ---- many runs of a partition into one file ---- */

static bool in_memory(const struct sk_run *r)
{
	return !r->fd || r->in_memory;
}

/* Of memory or not: it takes a descriptor. */
static bool in_file(const struct sk_run *r)
{
	return r->fd > 0;
}

/* Of the budget. */
static uint64_t weight(const struct sk_hold *h, const struct sk_run *r)
{
	if (!in_memory(r))
		return 0;
	return r->fd || !h->weight ? r->bytes : h->weight * r->bytes;
}

static int merge(const struct sk_hold *h, const struct sk_run *const *run,
    size_t n, struct sk_run *out, struct snek_error *e)
{
	const struct sk_merge_limits l = { .memory = h->memory, .tmp = h->tmp };
	sk_merge *m;
	int rc = sk_merge_within(&l, run, n, &m, e);

	if (rc)
		return rc;
	rc = sk_merge_all(m, &l, out, e);
	sk_merge_free(m);
	return rc;
}

static int append(const struct sk_run *run, struct sk_run *out,
    struct snek_error *e)
{
	struct sk_entry n;
	sk_run_reader *r;
	int rc = sk_run_reader_new(run, &r, e);

	if (rc)
		return rc;
	while (!rc && (rc = sk_run_reader_next(r, &n, e)) > 0)
		rc = sk_run_add(out, &n, e);
	sk_run_reader_free(r);
	return rc;
}

static int join(const struct sk_hold *h, const struct sk_run *const *run,
    size_t n, struct sk_run *out, struct snek_error *e)
{
	size_t i;
	int rc = sk_run_spill(out, h->tmp, e);

	if (!rc && h->sorted)
		rc = merge(h, run, n, out, e);
	for (i = 0; i < n && !rc && !h->sorted; i++)
		rc = append(run[i], out, e);
	return rc ? rc : sk_run_end(out, e);
}

/* Those that are picked, and joined, make way for what they came to. */
static void replace(struct sk_hold *h, struct sk_runs *s,
    bool (*pick)(const struct sk_run *), struct sk_run *by)
{
	size_t i, n = 0;

	for (i = 0; i < s->n; i++) {
		if (!pick(&s->run[i])) {
			s->run[n++] = s->run[i];
			continue;
		}
		h->files -= s->run[i].fd > 0;
		h->held -= weight(h, &s->run[i]);
		sk_run_free(&s->run[i]);
	}
	s->run[n++] = *by;
	s->n = n;
	h->files++;
}

static int gather(struct sk_hold *h, struct sk_runs *s,
    bool (*pick)(const struct sk_run *), size_t least, struct snek_error *e)
{
	const struct sk_run **run = calloc(s->n + 1, sizeof(*run));
	struct sk_run out = { 0 };
	size_t n = 0, i;
	int rc = run ? 0 : sk_enomem(e);

	for (i = 0; run && i < s->n; i++)
		if (pick(&s->run[i]))
			run[n++] = &s->run[i];
	if (n >= least && !rc) {
		rc = join(h, run, n, &out, e);
		if (!rc)
			replace(h, s, pick, &out);
		else
			sk_run_free(&out);
	}
	free(run);
	return rc;
}

static int tidy(struct sk_hold *h, struct snek_error *e)
{
	uint32_t p;
	int rc = 0;

	for (p = 0; p < h->parts && !rc && h->held > h->budget; p++)
		rc = gather(h, &h->part[p], in_memory, 1, e);
	for (p = 0; p < h->parts && !rc && h->files > h->most; p++)
		rc = gather(h, &h->part[p], in_file, 2, e);
	return rc;
}

/* ---- taking ---- */

static int spill(struct sk_hold *h, struct sk_run *r, struct snek_error *e)
{
	int rc = sk_run_spill(r, h->tmp, e);

	return rc ? rc : sk_run_end(r, e);
}

/* Some of the budget is for small ones. */
static int settle(struct sk_hold *h, struct sk_run *r, uint64_t least,
    struct snek_error *e)
{
	uint64_t most = h->budget - h->budget / SMALL;
	int rc = 0;

	if (in_memory(r) && r->bytes >= least && h->held + weight(h, r) > most)
		rc = spill(h, r, e);
	if (rc)
		return rc;
	h->held += weight(h, r);
	h->files += r->fd > 0;
	return 0;
}

int sk_hold_count(struct sk_hold *h, struct sk_run *r, struct snek_error *e)
{
	return settle(h, r, h->held > h->budget ? 1 : WORTH_A_FILE, e);
}

static int take_run(struct sk_hold *h, uint32_t p, struct sk_run *r,
    struct snek_error *e)
{
	int rc = r->fd == SK_RUN_KEPT ? 0 : settle(h, r, WORTH_A_FILE, e);

	if (rc)
		return rc;
	return sk_runs_add(&h->part[p], r) ? 0 : sk_enomem(e);
}

int sk_hold_take(struct sk_hold *h, struct sk_outcome *o, struct snek_error *e)
{
	uint32_t p;
	size_t i;
	int rc = 0;

	for (p = 0; p < o->parts && p < h->parts; p++)
		for (i = 0; i < o->part[p].n && !rc; i++)
			rc = take_run(h, p, &o->part[p].run[i], e);
	if (!rc)
		rc = tidy(h, e);
	return rc;
}
