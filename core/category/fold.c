/* SPDX-License-Identifier: MIT */
#include "category/fold.h"
#include "category/durability.h"
#include "category/load.h"
#include "category/parts.h"
#include "category/snapshot.h"
#include "category/step.h"

#include <stdlib.h>

struct fold {
	struct sk_catalog *catalog;
	const struct sk_manifest *manifest;
	const struct sk_meta_entry *entry;
	size_t n;
	struct sk_snapshot *from;
	struct sk_ahead ahead;
	struct sk_parts to;
	sk_chunk_builder *builder;
	struct sk_chunk *view;
	struct sk_buf chunk;
	uint32_t nth;                   /* of the shard that is being filled */
	struct sk_place first;          /* of the builder's first record */
};

/* ---- records from old chunks into new ones ---- */

static int flush(struct fold *f, struct snek_error *e)
{
	uint32_t rows = sk_chunk_builder_rows(f->builder);
	struct sk_span bytes;
	int rc;

	if (!rows)
		return 0;
	f->chunk.n = 0;
	rc = sk_chunk_builder_seal(f->builder, &f->chunk, e);
	if (rc)
		return rc;
	bytes = (struct sk_span){ f->chunk.p, f->chunk.n };
	return sk_parts_put(&f->to, f->nth, bytes, rows, f->first, e);
}

static int add_once(struct fold *f, const struct sk_record *r,
    struct sk_place at, struct snek_error *e)
{
	uint32_t rows = sk_chunk_builder_rows(f->builder);
	int rc = sk_chunk_builder_place(f->builder, at);

	if (rc)
		return rc == SNEK_ENOMEM ? sk_enomem(e) : rc;
	rc = sk_chunk_builder_add(f->builder, r, e);
	if (rc == 1 && !rows)
		f->first = at;
	return rc;
}

static int add(struct fold *f, const struct sk_record *r, struct sk_place at,
    struct snek_error *e)
{
	int rc = add_once(f, r, at, e);

	if (rc == 0) {
		rc = flush(f, e);
		if (!rc)
			rc = add_once(f, r, at, e);
		if (rc == 0)
			return sk_fail(e, SNEK_EINTERNAL,
			    "a record does not fit into an empty chunk");
	}
	return rc < 0 ? rc : 0;
}

static int copy_row(struct fold *f, const struct sk_snapshot_chunk *c,
    uint32_t row, struct snek_error *e)
{
	struct sk_record r;
	struct sk_place at;
	int rc = sk_chunk_place(f->view, c->base, row, &at, e);

	if (!rc)
		rc = sk_chunk_record(f->view, row, &r, e);
	return rc ? rc : add(f, &r, at, e);
}

static int copy_chunk(struct fold *f, const struct sk_snapshot_chunk *c,
    struct snek_error *e)
{
	struct sk_span b;
	uint32_t row;
	int rc = sk_ahead_get(&f->ahead, &b, e);

	if (rc)
		return rc;
	if (f->view)
		rc = sk_chunk_reopen(f->view, b.p, b.n, e);
	else
		rc = sk_chunk_open(b.p, b.n, &f->view, e);
	if (!rc && sk_chunk_rows(f->view) != c->rows)
		rc = sk_fail(e, SNEK_ECORRUPT, "a chunk holds other counts "
		    "than its segment says");
	for (row = 0; !rc && row < c->rows; row++)
		rc = copy_row(f, c, row, e);
	return rc;
}

static int in_chunk(const struct fold *f, const struct sk_snapshot_chunk *c,
    int rc, struct snek_error *e)
{
	char hex[33];

	sk_write_id_hex(c->write, hex);
	return sk_fail_in(e, rc, "category %s, shard %u, segment %s, chunk %u",
	    f->manifest->category.name, c->shard, hex, c->number);
}

/* The snapshot's chunks are in the order of the placement. */
static int copy(struct fold *f, struct snek_error *e)
{
	const struct sk_snapshot_chunk *c = f->from->chunk;
	size_t i;
	int rc;

	f->ahead = (struct sk_ahead){ .catalog = f->catalog,
	    .snapshot = f->from, .end = f->from->n };
	for (i = 0; i < f->from->n; i++, sk_ahead_next(&f->ahead)) {
		while (f->to.part[f->nth].sum.shard != c[i].shard) {
			rc = flush(f, e);
			if (rc)
				return rc;
			f->nth++;
		}
		rc = copy_chunk(f, &c[i], e);
		if (rc)
			return in_chunk(f, &c[i], rc, e);
	}
	return flush(f, e);
}

/* ---- one step in meta, and what is then left over ---- */

static struct sk_write_id *old_ids(const struct fold *f)
{
	struct sk_write_id *old = calloc(f->n, sizeof(*old));
	size_t i;

	for (i = 0; old && i < f->n; i++)
		old[i] = f->entry[i].write;
	return old;
}

static int swap(struct fold *f, struct snek_error *e)
{
	struct sk_meta *m = f->catalog->meta;
	struct sk_meta_entry entry = { .first = f->entry[0].first,
	    .last = f->entry[f->n - 1].last };
	struct sk_meta_part *part = calloc(f->to.n, sizeof(*part));
	struct sk_write_id *old = old_ids(f);
	int rc;

	if (part && old) {
		sk_parts_entry(&f->to, part, &entry);
		SK_STEP("fold");
		rc = m->ops->fold(m, f->manifest->category.id, old,
		    (uint32_t)f->n, &entry, e);
	} else {
		rc = sk_enomem(e);
	}
	free(part);
	free(old);
	return rc;
}

/* Who has a mapped segment open keeps it; elsewhere gc removes what is old,
 * once those who read it have had time to end.  What is not removed here, gc
 * finds. */
static void sweep_old(struct fold *f)
{
	const struct sk_meta_entry *m;
	struct sk_shard *s;
	uint32_t j;

	for (m = f->entry; m < f->entry + f->n; m++) {
		for (j = 0; !m->inlined.n && j < m->parts; j++) {
			SK_STEP("unlink");
			s = f->catalog->shard[m->part[j].shard];
			if (!s->ops->fetch)
				s->ops->sweep(s, m->write, NULL);
			else if (s->ops->retire)
				s->ops->retire(s, m->write, NULL);
		}
	}
}

static int run(struct fold *f, struct snek_error *e)
{
	int rc = sk_chunk_builder_new(SK_CHUNK_TARGET, &f->builder);

	if (rc)
		return rc == SNEK_ENOMEM ? sk_enomem(e) : rc;
	rc = copy(f, e);
	if (!rc)
		rc = sk_parts_seal(&f->to, e);
	return rc ? rc : swap(f, e);
}

/* A segment that is missing because the entries have been folded by somebody
 * else is a race lost. */
static int open_old(struct fold *f, struct snek_error *e)
{
	size_t i = (size_t)(f->entry - f->manifest->entry);
	int rc = sk_snapshot_of(f->catalog, f->manifest, i, f->n, &f->from, e);

	if (rc == SNEK_ECORRUPT &&
	    sk_snapshot_moved(f->catalog, f->manifest, NULL) == 1)
		return SNEK_EAGAIN;
	return rc;
}

/* What is folded must not be on fewer replicas than it was. */
static int as_durable(struct fold *f, struct snek_error *e)
{
	static const struct sk_promise strongest;
	struct sk_promise reach;
	int rc = sk_durability_agree(f->catalog, &f->manifest->category,
	    strongest, &reach, e);

	if (!rc)
		f->to.replicas = reach.replicas;
	return rc;
}

int sk_fold(struct sk_catalog *c, const struct sk_manifest *m, size_t i,
    size_t n, struct snek_error *e)
{
	struct fold f = { .catalog = c, .manifest = m, .entry = m->entry + i,
	    .n = n };
	int rc = open_old(&f, e);

	if (rc)
		return rc;
	SK_STEP("compact");
	rc = sk_parts_init(&f.to, c, &m->category, e);
	if (!rc)
		rc = as_durable(&f, e);
	if (!rc)
		rc = run(&f, e);
	if (!rc)
		sweep_old(&f);
	if (!rc || rc == SNEK_EUNKNOWN)
		sk_parts_free(&f.to);
	else
		sk_parts_drop(&f.to);
	sk_ahead_end(&f.ahead);
	sk_snapshot_close(f.from);
	sk_chunk_builder_free(f.builder);
	sk_chunk_close(f.view);
	sk_buf_free(&f.chunk);
	return rc;
}
