/* SPDX-License-Identifier: MIT */
#include "category/compact.h"
#include "base/clock.h"

#include <stdlib.h>

#define REQUEST_WINDOW (7 * 24 * 3600)  /* seconds a request id is kept */

/*
 * A write id found on a shard goes through
 *
 *   found --named or young or alive--> left alone
 *   found --abort--> marked --sweep--> swept --not found any more--> forgotten
 *                      \--alive after all--> left alone, but never committed
 *
 * A commit loses against the mark, and the mark against a commit; so nothing
 * that is committed is ever swept, and nothing that is swept committed.
 */
enum fate { FOUND, WAITING, MARKED, SWEPT };

struct found {
	struct sk_write_id id;
	uint32_t shard;
	uint64_t bytes;
	int64_t age;
	bool alive;
	enum fate fate;
};

struct listing {
	struct found *found;
	size_t n, cap;
	uint32_t shard;
	struct snek_error *error;
};

static int visit(void *arg, struct sk_write_id id, uint64_t bytes, int64_t age,
    bool alive)
{
	struct listing *l = arg;
	size_t cap = l->cap ? 2 * l->cap : 256;
	void *p;

	if (l->n == l->cap) {
		p = reallocarray(l->found, cap, sizeof(*l->found));
		if (!p)
			return sk_enomem(l->error);
		l->found = p;
		l->cap = cap;
	}
	l->found[l->n++] = (struct found){ .id = id, .shard = l->shard,
	    .bytes = bytes, .age = age, .alive = alive };
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return memcmp(&x->id, &y->id, sizeof(x->id));
}

/* All that lies on all shards, the same ids side by side. */
static int list(struct sk_catalog *c, struct listing *l, struct snek_error *e)
{
	struct sk_shard *s;
	int rc = 0;

	*l = (struct listing){ .error = e };
	for (; !rc && l->shard < c->cluster.shards; l->shard++) {
		s = c->shard[l->shard];
		rc = s->ops->list(s, visit, l, e);
	}
	if (!rc && l->n)
		qsort(l->found, l->n, sizeof(*l->found), compare);
	if (rc)
		free(l->found);
	return rc;
}

static size_t group(const struct listing *l, size_t i)
{
	size_t n = 1;

	while (i + n < l->n && !compare(&l->found[i], &l->found[i + n]))
		n++;
	return n;
}

/* A write is as young, and as alive, as any of its segments. */
static bool is_silent(const struct found *f, size_t n, int64_t grace)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (f[i].alive || f[i].age < grace)
			return false;
	return true;
}

static int sweep(struct sk_catalog *c, const struct found *f, size_t n,
    struct sk_gc_report *report, struct snek_error *e)
{
	struct sk_shard *s;
	size_t i;
	int rc;

	for (i = 0; i < n; i++) {
		s = c->shard[f[i].shard];
		rc = s->ops->sweep(s, f[i].id, e);
		if (rc)
			return rc;
		report->segments++;
		report->bytes += f[i].bytes;
	}
	report->writes++;
	return 0;
}

/* Mark one write id, found n times, unless it is to be left alone. */
static int judge(struct sk_catalog *c, struct found *f, size_t n,
    int64_t grace, struct sk_gc_report *report, struct snek_error *e)
{
	struct snek_error mine = { 0 };
	struct sk_meta *m = c->meta;
	int rc = m->ops->is_named(m, f->id, e);

	if (rc)
		return rc < 0 ? rc : 0;
	if (!is_silent(f, n, grace)) {
		f->fate = WAITING;
		report->waiting++;
		return 0;
	}
	rc = m->ops->abort(m, f->id, &mine);
	if (rc == SNEK_EEXIST)
		return 0;               /* committed in this very moment */
	if (rc && e)
		*e = mine;
	if (!rc)
		f->fate = MARKED;
	return rc;
}

static int mark(struct sk_catalog *c, struct listing *l, int64_t grace,
    struct sk_gc_report *report, struct snek_error *e)
{
	size_t i, n;
	int rc = 0;

	for (i = 0; !rc && i < l->n; i += n) {
		n = group(l, i);
		rc = sk_catalog_late(c, e);
		if (!rc)
			rc = judge(c, &l->found[i], n, grace, report, e);
	}
	return rc;
}

/* The first of those in the listing with this id, or NULL. */
static struct found *look_up(const struct listing *l, const struct found *f)
{
	struct found *at = l->n ? bsearch(f, l->found, l->n,
	    sizeof(*l->found), compare) : NULL;

	while (at && at > l->found && !compare(at - 1, f))
		at--;
	return at;
}

static int sweep_marked(struct sk_catalog *c, struct listing *l,
    const struct listing *now, struct sk_gc_report *report,
    struct snek_error *e)
{
	struct found *f, *again;
	size_t i, n;
	int rc = 0;

	for (i = 0; !rc && i < l->n; i += group(l, i)) {
		f = &l->found[i];
		if (f->fate != MARKED)
			continue;
		rc = sk_catalog_late(c, e);
		if (rc)
			break;
		again = look_up(now, f);
		n = again ? group(now, (size_t)(again - now->found)) : 0;
		if (!is_silent(again, n, 0)) {
			report->waiting++;
			continue;
		}
		f->fate = SWEPT;
		if (n)
			rc = sweep(c, again, n, report, e);
	}
	return rc;
}

static int forget_swept(struct sk_catalog *c, const struct listing *l,
    const struct listing *now, struct snek_error *e)
{
	struct sk_meta *m = c->meta;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < l->n; i += group(l, i))
		if (l->found[i].fate == SWEPT && !look_up(now, &l->found[i]))
			rc = m->ops->forget(m, l->found[i].id, e);
	return rc;
}

static bool any(const struct listing *l, enum fate fate)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->found[i].fate == fate)
			return true;
	return false;
}

/* Each step looks at the shards anew. */
static int collect(struct sk_catalog *c, struct listing *l, int64_t grace,
    struct sk_gc_report *report, struct snek_error *e)
{
	struct listing now;
	int rc = mark(c, l, grace, report, e);

	if (rc || !any(l, MARKED))
		return rc;
	rc = list(c, &now, e);
	if (rc)
		return rc;
	rc = sweep_marked(c, l, &now, report, e);
	free(now.found);
	if (rc || !any(l, SWEPT))
		return rc;
	rc = list(c, &now, e);
	if (rc)
		return rc;
	rc = forget_swept(c, l, &now, e);
	free(now.found);
	return rc;
}

int sk_gc(struct sk_catalog *c, int64_t grace, struct sk_gc_report *out,
    struct snek_error *e)
{
	struct sk_gc_report report = { 0 };
	struct sk_meta *m = c->meta;
	struct listing l;
	int rc;

	if (m->ops->read_only(m))
		return sk_fail(e, SNEK_EACCES, "the cluster is read-only");
	rc = list(c, &l, e);
	if (rc)
		return rc;
	rc = collect(c, &l, grace, &report, e);
	free(l.found);
	if (!rc)
		rc = m->ops->expire_requests(m,
		    sk_clock_wall() - REQUEST_WINDOW, e);
	if (!rc && out)
		*out = report;
	return rc;
}
