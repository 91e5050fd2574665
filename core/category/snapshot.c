/* SPDX-License-Identifier: MIT */
#include "category/snapshot.h"
#include "category/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/segment.h"

#define TRIES 100               /* with a pause from the tenth on */
#define NOWHERE UINT32_MAX
#define AHEAD 1024u             /* segments that are on their way at once */

struct held {
	struct sk_shard *shard;
	struct sk_segment *segment;
	struct sk_write_id write;
};

struct owned {
	struct sk_catalog *catalog;
	struct sk_manifest *manifest;   /* NULL: the caller's */
	const struct sk_manifest *of;
	size_t n;
	struct held *held;
};

/* What is known while a snapshot is being opened. */
struct opening {
	struct sk_catalog *catalog;
	const struct sk_manifest *manifest;
	const struct sk_meta_entry *entry;
	size_t n;
	struct sk_snapshot *s;
	struct owned *owned;
	size_t announced, ahead;        /* entries; segments of them to be opened */
	bool rest;                      /* list what cannot be opened */
	uint32_t bound;                 /* over all ids of the placement */
	uint32_t *nth;                  /* shard id -> where in the placement */
	size_t *at;                     /* next chunk of the nth shard */
};

static int contradiction(const struct opening *o, const struct sk_meta_entry *m,
    const struct sk_meta_part *p, struct snek_error *e)
{
	char hex[33];

	sk_write_id_hex(m->write, hex);
	return sk_fail(e, SNEK_ECORRUPT, "category %s, version %" PRIu64
	    ", shard %" PRIu32 ": segment %s holds other counts than the "
	    "manifest says", o->manifest->category.name, m->first, p->shard, hex);
}

static int lost(const struct opening *o, const struct sk_meta_entry *m,
    const struct sk_meta_part *p, struct snek_error *e)
{
	struct sk_shard *s = o->catalog->shard[p->shard];
	char hex[33];

	sk_write_id_hex(m->write, hex);
	return sk_fail(e, SNEK_ECORRUPT, "data loss: category %s, version %"
	    PRIu64 ", shard %" PRIu32 ": there is no segment %s in %s",
	    o->manifest->category.name, m->first, p->shard, hex,
	    s->ops->location(s));
}

/* ---- room ---- */

static bool map_placement(struct opening *o)
{
	const struct sk_meta_category *c = &o->manifest->category;
	uint32_t i;

	for (i = 0; i < c->shards; i++)
		if (c->shard[i] >= o->bound)
			o->bound = c->shard[i] + 1;
	o->at = calloc(1, c->shards * sizeof(*o->at) +
	    o->bound * sizeof(*o->nth));
	if (!o->at)
		return false;
	o->nth = (uint32_t *)(o->at + c->shards);
	memset(o->nth, 0xff, o->bound * sizeof(*o->nth));
	for (i = 0; i < c->shards; i++)
		o->nth[c->shard[i]] = i;
	return true;
}

static uint32_t nth_of(const struct opening *o, uint32_t shard)
{
	return shard < o->bound ? o->nth[shard] : NOWHERE;
}

/* Count chunks and segments; at[] becomes where each shard's chunks begin. */
static int measure(struct opening *o, size_t *chunks, size_t *segments,
    struct snek_error *e)
{
	size_t i, n, sum = 0;
	uint32_t j, nth;

	for (i = 0; i < o->n; i++) {
		for (j = 0; j < o->entry[i].parts; j++) {
			nth = nth_of(o, o->entry[i].part[j].shard);
			if (nth == NOWHERE)
				return contradiction(o, &o->entry[i],
				    &o->entry[i].part[j], e);
			o->at[nth] += o->entry[i].part[j].chunks;
			*segments += !o->entry[i].inlined.n;
		}
	}
	for (j = 0; j < o->manifest->category.shards; j++) {
		n = o->at[j];
		o->at[j] = sum;
		sum += n;
	}
	*chunks = sum;
	return 0;
}

static int make_room(struct opening *o, struct snek_error *e)
{
	size_t chunks = 0, segments = 0;
	int rc = measure(o, &chunks, &segments, e);

	if (rc)
		return rc;
	o->s->chunk = calloc(chunks + 1, sizeof(*o->s->chunk));
	o->owned->held = calloc(segments + 1, sizeof(*o->owned->held));
	if (!o->s->chunk || !o->owned->held)
		return sk_enomem(e);
	o->s->n = chunks;
	return 0;
}

/* ---- chunks ---- */

static void fill_inlined(struct opening *o, const struct sk_meta_entry *m)
{
	const struct sk_meta_part *p = &m->part[0];

	o->s->chunk[o->at[o->nth[p->shard]]++] = (struct sk_snapshot_chunk){
		.bytes = m->inlined, .shard = p->shard,
		.rows = (uint32_t)p->records, .base = { m->first, 0 },
		.write = m->write };
}

static void fill_chunk(struct opening *o, const struct sk_meta_entry *m,
    uint32_t shard, const struct sk_segment *segment, uint32_t number)
{
	const struct sk_chunk_entry *c = &segment->entry[number];
	struct sk_snapshot_chunk *to = &o->s->chunk[o->at[o->nth[shard]]++];

	to->bytes = (struct sk_span){ segment->bytes ? segment->bytes +
	    c->offset : NULL, c->bytes };
	to->shard = shard;
	to->rows = c->rows;
	to->base = c->first;
	if (to->base.version)
		to->last_version = m->last;
	else
		to->base.version = m->first;
	to->write = m->write;
	to->number = number;
}

static bool counts_agree(const struct sk_segment *s,
    const struct sk_meta_part *p)
{
	uint64_t records = 0, bytes = 0;
	uint32_t i;

	if (s->chunks != p->chunks || s->records != p->records)
		return false;
	for (i = 0; i < s->chunks; i++) {
		if (s->bytes && (s->entry[i].offset > s->size ||
		    s->entry[i].bytes > s->size - s->entry[i].offset))
			return false;
		records += s->entry[i].rows;
		bytes += s->entry[i].bytes;
	}
	return records == p->records && bytes == p->bytes;
}

static int hold(struct opening *o, const struct sk_meta_entry *m,
    const struct sk_meta_part *p, struct snek_error *e)
{
	struct sk_shard *shard = o->catalog->shard[p->shard];
	struct sk_segment *segment;
	uint32_t i;
	int rc = shard->ops->open(shard, m->write, &segment, e);

	if (rc == SNEK_ENOENT)
		return lost(o, m, p, e);
	if (rc)
		return sk_fail_in(e, rc, "category %s, version %" PRIu64
		    ", shard %" PRIu32, o->manifest->category.name, m->first,
		    p->shard);
	if (!counts_agree(segment, p)) {
		shard->ops->close(segment);
		return contradiction(o, m, p, e);
	}
	o->owned->held[o->owned->n++] = (struct held){ shard, segment,
	    m->write };
	for (i = 0; i < segment->chunks; i++)
		fill_chunk(o, m, p->shard, segment, i);
	return 0;
}

/* Have the segments that come next on their way, entry by entry. */
static void announce(struct opening *o)
{
	const struct sk_meta_entry *m;
	struct sk_shard *s;
	uint32_t j;

	while (o->announced < o->n && o->ahead < AHEAD) {
		m = &o->entry[o->announced++];
		for (j = 0; !m->inlined.n && j < m->parts; j++, o->ahead++) {
			s = o->catalog->shard[m->part[j].shard];
			if (s->ops->prefetch)
				s->ops->prefetch(s, m->write);
		}
	}
}

/* ---- what is left without ---- */

static bool add_shard(struct sk_snapshot_loss *l, uint32_t shard)
{
	uint32_t *p = realloc(l->shard, (l->shards + 1) * sizeof(*p));

	if (!p)
		return false;
	l->shard = p;
	p[l->shards++] = shard;
	return true;
}

static int add_loss(struct opening *o, const struct sk_meta_entry *m,
    const struct sk_meta_part *p, const struct snek_error *why)
{
	struct sk_snapshot *s = o->s;
	struct sk_snapshot_loss *l = realloc(s->loss,
	    (s->losses + 1) * sizeof(*l));

	if (!l)
		return SNEK_ENOMEM;
	s->loss = l;
	l += s->losses++;
	*l = (struct sk_snapshot_loss){ .version = m->first,
		.last_version = m->last, .records = p->records, .why = *why };
	s->lost += p->records;
	return add_shard(l, p->shard) ? 0 : SNEK_ENOMEM;
}

static void free_loss(struct sk_snapshot_loss *l)
{
	sk_ranges_free(&l->ranges);
	free(l->shard);
}

/* The one that comes after it becomes part of it. */
static bool join_losses(struct sk_snapshot_loss *l)
{
	struct snek_error first = l->why;
	struct sk_snapshot_loss *next = l + 1;
	bool ok = add_shard(l, next->shard[0]);

	l->records += next->records;
	sk_fail(&l->why, first.code, "%.240s; %.240s", first.text,
	    next->why.text);
	free_loss(next);
	return ok;
}

/* The records of a write that are in none of the segments from held on. */
static bool find_rest(const struct opening *o, const struct sk_meta_entry *m,
    size_t held, struct sk_ranges *out)
{
	const struct sk_segment *g;
	struct sk_ranges there = { 0 };
	bool ok = true;
	uint32_t i;

	for (; held < o->owned->n && ok; held++) {
		g = o->owned->held[held].segment;
		for (i = 0; i < g->chunks && ok; i++)
			ok = sk_ranges_add(&there, g->entry[i].first,
			    g->entry[i].rows);
	}
	ok = ok && sk_ranges_rest(&there, m->first, m->records, out);
	sk_ranges_free(&there);
	return ok;
}

/* The losses of one write, from the given one on, are together what is in no
 * other segment.  Of what was folded, only the lost segment knew the places. */
static int place_losses(struct opening *o, const struct sk_meta_entry *m,
    size_t held, size_t loss)
{
	struct sk_snapshot_loss *l = &o->s->loss[loss];
	size_t n = o->s->losses - loss - 1, i;
	bool ok = true;

	if (m->first != m->last)
		return 0;
	for (i = 0; i < n && ok; i++) {
		ok = join_losses(l);
		memmove(l + 1, l + 2, (n - i - 1) * sizeof(*l));
		o->s->losses--;
	}
	ok = ok && find_rest(o, m, held, &l->ranges);
	if (ok && l->ranges.records != l->records)
		sk_ranges_free(&l->ranges);     /* they contradict each other */
	return ok ? 0 : SNEK_ENOMEM;
}

static bool may_lose(const struct opening *o, int rc)
{
	return o->rest && (rc == SNEK_ECORRUPT || rc == SNEK_EIO);
}

static int fill_parts(struct opening *o, const struct sk_meta_entry *m,
    struct snek_error *e)
{
	size_t held = o->owned->n, losses = o->s->losses;
	struct snek_error why = { 0 };
	uint32_t j;
	int rc = 0;

	for (j = 0; j < m->parts && !rc; j++) {
		announce(o);
		o->ahead--;
		rc = hold(o, m, &m->part[j], &why);
		if (may_lose(o, rc))
			rc = add_loss(o, m, &m->part[j], &why);
		else if (rc && e)
			*e = why;
	}
	if (!rc && o->s->losses > losses)
		rc = place_losses(o, m, held, losses);
	return rc == SNEK_ENOMEM ? sk_enomem(e) : rc;
}

/* Where chunks would be of what is lost, there is nothing. */
static void close_gaps(struct sk_snapshot *s)
{
	size_t i, n = 0;

	for (i = 0; i < s->n; i++)
		if (s->chunk[i].bytes.n)
			s->chunk[n++] = s->chunk[i];
	s->n = n;
}

static int fill(struct opening *o, struct snek_error *e)
{
	const struct sk_meta_entry *m;
	int rc;

	for (m = o->entry; m < o->entry + o->n; m++) {
		o->s->records += m->records;
		o->s->bytes += m->bytes;
		if (m->inlined.n) {
			fill_inlined(o, m);
			continue;
		}
		rc = fill_parts(o, m, e);
		if (rc)
			return rc;
	}
	if (o->s->losses)
		close_gaps(o->s);
	return 0;
}

static int open_entries(struct opening *o, struct snek_error *e)
{
	int rc;

	o->s->version = o->manifest->category.version;
	o->s->category = o->manifest->category.id;
	o->s->shards = o->manifest->category.shards;
	rc = map_placement(o) ? make_room(o, e) : sk_enomem(e);
	if (!rc)
		rc = fill(o, e);
	free(o->at);
	return rc;
}

static int open_of(struct sk_catalog *c, const struct sk_manifest *m, size_t i,
    size_t n, bool rest, struct sk_snapshot **out, struct snek_error *e)
{
	struct sk_snapshot *s = calloc(1, sizeof(*s));
	struct owned *owned = calloc(1, sizeof(*owned));
	struct opening o = { .catalog = c, .manifest = m, .entry = m->entry + i,
		.n = n, .s = s, .owned = owned, .rest = rest };
	int rc;

	if (!s || !owned) {
		free(s);
		free(owned);
		return sk_enomem(e);
	}
	s->owned = owned;
	owned->catalog = c;
	owned->of = m;
	rc = open_entries(&o, e);
	if (rc)
		sk_snapshot_close(s);
	else
		*out = s;
	return rc;
}

int sk_snapshot_of(struct sk_catalog *c, const struct sk_manifest *m, size_t i,
    size_t n, struct sk_snapshot **out, struct snek_error *e)
{
	return open_of(c, m, i, n, false, out, e);
}

/* ---- the moment ---- */

int sk_snapshot_moved(struct sk_catalog *c, const struct sk_manifest *m,
    struct snek_error *e)
{
	struct sk_meta_category now;
	int rc = c->meta->ops->category_get(c->meta, m->category.name, &now, e);

	if (rc)
		return rc;
	return now.id != m->category.id || now.epoch != m->category.epoch;
}

static int replaced(const struct sk_manifest *m, struct snek_error *e)
{
	return sk_fail(e, SNEK_EAGAIN, "category %s was compacted while it was "
	    "read, and what had been replaced was removed too soon: read it "
	    "again, and give gc a longer grace", m->category.name);
}

int sk_snapshot_gone(struct sk_catalog *c, const struct sk_snapshot *s,
    const struct sk_snapshot_chunk *k, struct snek_error *e)
{
	const struct sk_manifest *m = ((const struct owned *)s->owned)->of;
	struct sk_shard *shard = c->shard[k->shard];
	int rc = sk_snapshot_moved(c, m, e);

	if (rc == SNEK_ENOENT)
		return sk_fail(e, rc, "category %s was removed while it was "
		    "read", m->category.name);
	if (rc)
		return rc < 0 ? rc : replaced(m, e);
	return sk_fail(e, SNEK_ECORRUPT, "data loss: it is not in %s (category "
	    "%s, version %" PRIu64 ")", shard->ops->location(shard),
	    m->category.name, k->base.version);
}

/* 1: the epoch has moved, whatever the text says. */
static int attempt(struct sk_catalog *c, const char *category, bool rest,
    struct sk_snapshot **out, struct snek_error *e)
{
	struct sk_manifest *m;
	struct sk_snapshot *s = NULL;
	struct snek_error other = { 0 };
	int rc = sk_manifest_read(c, category, 0, &m, e);
	int moved;

	if (rc)
		return rc;
	rc = open_of(c, m, 0, m->n, rest, &s, e);
	/* What all lies in the manifest is of one moment. */
	moved = !rc && !sk_snapshot_segments(s) && !s->losses ? 0 :
	    sk_snapshot_moved(c, m, &other);
	if (!rc && !moved) {
		((struct owned *)s->owned)->manifest = m;
		*out = s;
		return 0;
	}
	sk_snapshot_close(s);
	sk_manifest_free(m);
	if (moved < 0)
		*e = other;
	return moved ? moved : rc;
}

static void pause_for(int tried)
{
	struct timespec t = { 0, 1000000 };

	if (tried >= 10)
		nanosleep(&t, NULL);
}

static int open_now(struct sk_catalog *c, const char *category, bool rest,
    struct sk_snapshot **out, struct snek_error *e)
{
	struct snek_error mine = { 0 };
	int i, rc;

	for (i = 0; i < TRIES; i++) {
		rc = attempt(c, category, rest, out, &mine);
		if (rc < 0 && e)
			*e = mine;
		if (rc <= 0)
			return rc;
		pause_for(i);
	}
	return sk_fail(e, SNEK_EAGAIN, "category %s is being compacted too "
	    "fast to be read", category);
}

int sk_snapshot_open(struct sk_catalog *c, const char *category,
    struct sk_snapshot **out, struct snek_error *e)
{
	return open_now(c, category, false, out, e);
}

int sk_snapshot_open_rest(struct sk_catalog *c, const char *category,
    struct sk_snapshot **out, struct snek_error *e)
{
	return open_now(c, category, true, out, e);
}

void sk_snapshot_close(struct sk_snapshot *s)
{
	struct owned *o;
	size_t i;

	if (!s)
		return;
	o = s->owned;
	for (i = 0; i < o->n; i++)
		o->held[i].shard->ops->close(o->held[i].segment);
	for (i = 0; i < s->losses; i++)
		free_loss(&s->loss[i]);
	free(s->loss);
	sk_manifest_rest(o->catalog, o->manifest);
	free(o->held);
	free(o);
	free(s->chunk);
	free(s);
}

/* ---- its files ---- */

size_t sk_snapshot_segments(const struct sk_snapshot *s)
{
	return ((const struct owned *)s->owned)->n;
}

struct sk_span sk_snapshot_segment(const struct sk_snapshot *s, size_t i)
{
	const struct sk_segment *g =
	    ((const struct owned *)s->owned)->held[i].segment;

	return (struct sk_span){ g->bytes, g->size };
}

/* A write id is given once, so a file of this name is the one that is mapped. */
int sk_snapshot_segment_fd(const struct sk_snapshot *s, size_t i)
{
	const struct held *h = &((const struct owned *)s->owned)->held[i];
	char name[SK_SEGMENT_NAME];
	struct sk_buf path = { 0 };
	struct stat st;
	int fd;

	sk_segment_name(h->write, name);
	if (!sk_buf_printf(&path, "%s/%s", h->shard->ops->location(h->shard),
	    name)) {
		sk_buf_free(&path);
		return SNEK_ENOMEM;
	}
	fd = open(path.p, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	sk_buf_free(&path);
	if (fd < 0)
		return SNEK_ENOENT;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) &&
	    (size_t)st.st_size == h->segment->size)
		return fd;
	close(fd);
	return SNEK_ENOENT;
}
