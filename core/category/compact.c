/* SPDX-License-Identifier: MIT */
#include "category/compact.h"
#include "category/fold.h"

#include <limits.h>

#define WINDOW 64u              /* versions of the smallest window */
#define WIDER 8u                /* each window is so many of the next smaller */
#define RUN 8u                  /* fewer entries are not worth folding */
#define SEGMENT_MAX (64u << 20) /* as large as a segment has to be */

/*
 * Which entries go together: those that follow one another, are small, and
 * make a segment of about SEGMENT_MAX at most.
 */
struct run {
	size_t at, n;
	uint64_t bytes;                 /* of the largest part, were it folded */
};

static uint64_t largest_part(const struct sk_meta_entry *m)
{
	uint64_t max = 0;
	uint32_t i;

	for (i = 0; i < m->parts; i++)
		if (m->part[i].bytes > max)
			max = m->part[i].bytes;
	return max;
}

/* Is it worth rewriting on its own: chunks of a quarter of the size? */
static bool fragmented(const struct sk_meta_entry *m)
{
	uint64_t chunks = 0;
	uint32_t i;

	for (i = 0; i < m->parts; i++)
		chunks += m->part[i].chunks;
	return chunks > 2 * (uint64_t)m->parts &&
	    m->bytes / chunks < SK_CHUNK_TARGET / 4;
}

static bool is_small(const struct sk_meta_entry *m, bool all)
{
	return largest_part(m) < SEGMENT_MAX || (all && fragmented(m));
}

/* The next run at or behind run->at, of entries that end by version last. */
static bool next_run(const struct sk_manifest *m, uint64_t last, bool all,
    struct run *run)
{
	size_t i = run->at + run->n;

	while (i < m->n && !is_small(&m->entry[i], all))
		i++;
	run->at = i;
	run->bytes = 0;
	while (i < m->n && m->entry[i].last <= last && i - run->at < UINT_MAX &&
	    is_small(&m->entry[i], all) && run->bytes < SEGMENT_MAX)
		run->bytes += largest_part(&m->entry[i++]);
	run->n = i - run->at;
	return run->n > 0;
}

static bool worth_it(const struct sk_manifest *m, const struct run *run,
    bool all)
{
	const struct sk_meta_entry *one = &m->entry[run->at];

	if (!all)
		return run->n >= RUN;
	return run->n > 1 || one->inlined.n || fragmented(one);
}

/* The entries of a manifest from index *at on, up to version last. */
static int fold_runs(struct sk_catalog *c, const struct sk_manifest *m,
    size_t *at, uint64_t last, bool all, struct snek_error *e)
{
	struct run run = { .at = *at };
	int rc = 0;

	while (!rc && next_run(m, last, all, &run))
		if (worth_it(m, &run, all))
			rc = sk_fold(c, m, run.at, run.n, e);
	*at = run.at;
	return rc;
}

/* A race that is lost was won by somebody who did the same. */
static int settle(int rc)
{
	return rc == SNEK_EAGAIN || rc == SNEK_ENOENT ? 0 : rc;
}

/* ---- what is due ---- */

static int fold_window(struct sk_catalog *c, const char *category,
    uint64_t first, uint64_t last, struct snek_error *e)
{
	struct sk_manifest *m;
	size_t at = 0;
	int rc = sk_manifest_read(c, category, first, &m, e);

	if (rc)
		return settle(rc);
	while (at < m->n && m->entry[at].first < first)
		at++;
	rc = fold_runs(c, m, &at, last, false, e);
	sk_manifest_free(m);
	return settle(rc);
}

/* Races that are lost leave a text; who asked shall see none of it. */
static int tell(int rc, const struct snek_error *mine, struct snek_error *e)
{
	if (rc && e)
		*e = *mine;
	return rc;
}

int sk_compact_due(struct sk_catalog *c, const char *category, uint64_t version,
    struct snek_error *e)
{
	struct snek_error mine = { 0 };
	uint64_t width = WINDOW;
	int rc = 0;

	while (!rc && version && version % width == 0) {
		rc = fold_window(c, category, version - width + 1, version,
		    &mine);
		if (width > UINT64_MAX / WIDER)
			break;
		width *= WIDER;
	}
	return tell(rc, &mine, e);
}

/* All windows of one width that are full. */
static int fold_windows(struct sk_catalog *c, const struct sk_manifest *m,
    uint64_t width, struct snek_error *e)
{
	size_t at = 0;
	uint64_t last;
	int rc = 0;

	for (last = width; !rc && last <= m->category.version; last += width) {
		while (at < m->n && m->entry[at].first <= last - width)
			at++;
		rc = fold_runs(c, m, &at, last, false, e);
		if (last > UINT64_MAX - width)
			break;
	}
	return rc;
}

static int fold_due(struct sk_catalog *c, const char *category,
    struct snek_error *e)
{
	struct sk_manifest *m;
	uint64_t width = WINDOW, version;
	int rc;

	do {
		rc = sk_manifest_read(c, category, 0, &m, e);
		if (rc)
			return rc;
		version = m->category.version;
		rc = settle(fold_windows(c, m, width, e));
		sk_manifest_free(m);
		if (width > UINT64_MAX / WIDER)
			break;
		width *= WIDER;
	} while (!rc && width <= version);
	return rc;
}

static int fold_all(struct sk_catalog *c, const char *category,
    struct snek_error *e)
{
	struct sk_manifest *m;
	size_t at = 0;
	int rc = sk_manifest_read(c, category, 0, &m, e);

	if (rc)
		return rc;
	rc = fold_runs(c, m, &at, UINT64_MAX, true, e);
	sk_manifest_free(m);
	return settle(rc);
}

int sk_compact(struct sk_catalog *c, const char *category, bool all,
    struct snek_error *e)
{
	struct snek_error mine = { 0 };
	int rc = sk_name_check("category", category, e);

	if (!rc && c->meta->ops->read_only(c->meta))
		rc = sk_fail(e, SNEK_EACCES, "the cluster is read-only");
	if (rc)
		return rc;
	rc = all ? fold_all(c, category, &mine) : fold_due(c, category, &mine);
	return tell(rc, &mine, e);
}
