/* SPDX-License-Identifier: MIT */
#include "category/manifest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

static int bad(const struct sk_meta_entry *m, struct snek_error *e)
{
	return sk_fail(e, SNEK_ECORRUPT, "manifest: the counts of version "
	    "%" PRIu64 " contradict each other", m->first);
}

/* The sums of the parts are those of the entry, and an inlined chunk is the
 * only one. */
static int check(const struct sk_meta_entry *m, struct snek_error *e)
{
	uint64_t records = 0, bytes = 0;
	uint32_t i;

	for (i = 0; i < m->parts; i++) {
		if (m->part[i].shard >= SK_MAX_SHARDS)
			return bad(m, e);
		records += m->part[i].records;
		bytes += m->part[i].bytes;
	}
	if (m->first > m->last || records != m->records || bytes != m->bytes)
		return bad(m, e);
	if (m->inlined.n && (m->parts != 1 || m->part[0].chunks != 1 ||
	    m->inlined.n != bytes))
		return bad(m, e);
	return 0;
}

static bool more(struct sk_manifest *m)
{
	size_t cap = m->cap ? 2 * m->cap : 4;
	void *p;

	if (m->n < m->cap)
		return true;
	p = reallocarray(m->entry, cap, sizeof(*m->entry));
	if (!p)
		return false;
	m->entry = p;
	m->cap = cap;
	return true;
}

struct reading {
	struct sk_manifest *manifest;
	struct snek_error *error;
};

static int visit(void *arg, const struct sk_meta_entry *from)
{
	struct reading *r = arg;
	struct sk_manifest *m = r->manifest;
	struct sk_meta_entry *to;
	int rc = check(from, r->error);

	if (rc)
		return rc;
	if (!more(m))
		return sk_enomem(r->error);
	to = &m->entry[m->n];
	*to = *from;
	if (from->parts)
		to->part = (void *)sk_arena_copy(&m->memory, from->part,
		    from->parts * sizeof(*from->part));
	if (from->inlined.n)
		to->inlined.p = sk_arena_copy(&m->memory, from->inlined.p,
		    from->inlined.n);
	if ((from->parts && !to->part) || (from->inlined.n && !to->inlined.p))
		return sk_enomem(r->error);
	m->n++;
	return 0;
}

static int read_anew(struct sk_catalog *c, const char *category, uint64_t from,
    struct sk_manifest **out, struct snek_error *e)
{
	struct reading r = { calloc(1, sizeof(*r.manifest)), e };
	int rc;

	if (!r.manifest)
		return sk_enomem(e);
	rc = c->meta->ops->snapshot(c->meta, category, from,
	    &r.manifest->category, visit, &r, e);
	if (rc) {
		sk_manifest_free(r.manifest);
		return rc;
	}
	if (from)
		r.manifest->category.moment = 0;        /* not all of it */
	*out = r.manifest;
	return 0;
}

/* ---- at rest ---- */

#define LARGEST (16u << 10)     /* bytes: there may be many handles */

static struct sk_manifest **place_of(struct sk_catalog *c, const char *category)
{
	uint64_t hash = sk_hash64(category, strlen(category), 0);

	return &c->resting[hash % SK_RESTING];
}

/* What rests is taken out, so that who has it is alone with it. */
static struct sk_manifest *take(struct sk_catalog *c, const char *category)
{
	struct sk_manifest *m = __atomic_exchange_n(place_of(c, category), NULL,
	    __ATOMIC_ACQ_REL);

	if (m && !strcmp(m->category.name, category) &&
	    c->meta->ops->unchanged(c->meta, m->category.moment))
		return m;
	sk_manifest_free(m);
	return NULL;
}

void sk_manifest_rest(struct sk_catalog *c, struct sk_manifest *m)
{
	if (m && m->category.moment && c->meta->ops->unchanged &&
	    m->memory.total + m->cap * sizeof(*m->entry) <= LARGEST)
		m = __atomic_exchange_n(place_of(c, m->category.name), m,
		    __ATOMIC_ACQ_REL);
	sk_manifest_free(m);
}

void sk_manifest_free_resting(struct sk_catalog *c)
{
	uint32_t i;

	for (i = 0; i < SK_RESTING; i++)
		sk_manifest_free(c->resting[i]);
}

int sk_manifest_read(struct sk_catalog *c, const char *category, uint64_t from,
    struct sk_manifest **out, struct snek_error *e)
{
	struct sk_manifest *m = from ? NULL : take(c, category);

	if (!m)
		return read_anew(c, category, from, out, e);
	*out = m;
	return 0;
}

void sk_manifest_free(struct sk_manifest *m)
{
	if (!m)
		return;
	sk_arena_free(&m->memory);
	free(m->entry);
	free(m);
}
