/* SPDX-License-Identifier: MIT */
#include "category/reader.h"
#include "category/load.h"

#include <inttypes.h>
#include <stdlib.h>

/* A shard's chunks, in order: each lies at a row whose place is known. */
struct head {
	struct sk_ahead from;           /* chunks of the snapshot */
	struct sk_chunk *view;          /* of chunk from.at */
	uint32_t row;
	struct sk_place place;
};

struct sk_reader {
	struct sk_snapshot *snapshot;
	uint32_t n;                     /* heads that are not at their end */
	struct head *head;
	struct head *now;               /* gave the last record, or NULL */
	struct sk_place limit;          /* of the others' places, the least */
	bool failed;
};

static const struct sk_place NEVER = { UINT64_MAX, UINT64_MAX };

static bool before(struct sk_place a, struct sk_place b)
{
	return a.version != b.version ? a.version < b.version :
	    a.record < b.record;
}

static const struct sk_snapshot_chunk *chunk_of(const sk_reader *r,
    const struct head *h)
{
	return &r->snapshot->chunk[h->from.at];
}

static int which(const sk_reader *r, const struct head *h, int rc,
    struct snek_error *e)
{
	const struct sk_snapshot_chunk *c = chunk_of(r, h);
	char hex[33];

	sk_write_id_hex(c->write, hex);
	return sk_fail_in(e, rc, "shard %" PRIu32 ", segment %s, chunk %" PRIu32,
	    c->shard, hex, c->number);
}

static int enter_chunk(sk_reader *r, struct head *h, struct snek_error *e)
{
	struct sk_span b;
	int rc = sk_ahead_get(&h->from, &b, e);

	if (rc)
		return rc;
	if (h->view)
		rc = sk_chunk_reopen(h->view, b.p, b.n, e);
	else
		rc = sk_chunk_open(b.p, b.n, &h->view, e);
	if (!rc && sk_chunk_rows(h->view) != chunk_of(r, h)->rows)
		rc = sk_fail(e, SNEK_ECORRUPT, "%" PRIu32 " records instead "
		    "of %" PRIu32, sk_chunk_rows(h->view), chunk_of(r, h)->rows);
	h->row = 0;
	return rc;
}

static int place(sk_reader *r, struct head *h, struct snek_error *e)
{
	int rc = sk_chunk_place(h->view, chunk_of(r, h)->base, h->row,
	    &h->place, e);

	return rc ? which(r, h, rc, e) : 0;
}

/* To the next row; *over when there is none. */
static int advance(sk_reader *r, struct head *h, bool *over,
    struct snek_error *e)
{
	int rc;

	h->row++;
	while (h->row >= chunk_of(r, h)->rows) {
		if (!sk_ahead_next(&h->from)) {
			*over = true;
			return 0;
		}
		rc = enter_chunk(r, h, e);
		if (rc)
			return which(r, h, rc, e);
	}
	return place(r, h, e);
}

static void drop(sk_reader *r, struct head *h)
{
	sk_chunk_close(h->view);
	sk_ahead_end(&h->from);
	*h = r->head[--r->n];
}

/* The head that stands first, and how far it may go alone. */
static void choose(sk_reader *r)
{
	struct sk_place least = NEVER;
	uint32_t i;

	r->now = NULL;
	r->limit = NEVER;
	for (i = 0; i < r->n; i++) {
		if (!r->now || before(r->head[i].place, least)) {
			r->limit = least;
			r->now = &r->head[i];
			least = r->now->place;
		} else if (before(r->head[i].place, r->limit)) {
			r->limit = r->head[i].place;
		}
	}
}

/* now becomes the head that has the next record, or NULL. */
static int step(sk_reader *r, struct snek_error *e)
{
	bool over = false;
	int rc = r->now ? advance(r, r->now, &over, e) : 0;

	if (rc)
		return rc;
	if (over)
		drop(r, r->now);
	if (!r->now || over || !before(r->now->place, r->limit))
		choose(r);
	return 0;
}

int sk_reader_next(sk_reader *r, struct sk_record *out, struct sk_place *at,
    struct snek_error *e)
{
	int rc;

	if (r->failed)
		return sk_fail(e, SNEK_EINVAL, "the reader has failed already");
	rc = step(r, e);
	if (!rc && !r->now)
		return 0;
	if (!rc && (rc = sk_chunk_record(r->now->view, r->now->row, out, e)))
		rc = which(r, r->now, rc, e);
	if (rc) {
		r->failed = true;
		return rc;
	}
	*at = r->now->place;
	return 1;
}

/* One head for each run of chunks on one shard, at the last chunk that may
 * hold the place from: a shard's chunks stand in the order of places. */
static void cut(sk_reader *r, struct sk_catalog *c, struct sk_place from)
{
	const struct sk_snapshot *s = r->snapshot;
	struct sk_ahead *a = NULL;
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (!i || s->chunk[i].shard != s->chunk[i - 1].shard) {
			a = &r->head[r->n++].from;
			*a = (struct sk_ahead){ .catalog = c, .snapshot = s,
			    .at = i };
		} else if (!before(from, s->chunk[i].base)) {
			a->at = i;
		}
		a->end = i + 1;
	}
}

/* Its head goes on to the first row that is not before the place. */
static int seek(sk_reader *r, struct head *h, struct sk_place from, bool *over,
    struct snek_error *e)
{
	int rc = 0;

	*over = false;
	while (!rc && !*over && before(h->place, from))
		rc = advance(r, h, over, e);
	return rc;
}

static int seek_all(sk_reader *r, struct sk_place from, struct snek_error *e)
{
	uint32_t i = 0;
	bool over;
	int rc = 0;

	while (i < r->n && !rc) {
		rc = seek(r, &r->head[i], from, &over, e);
		if (!rc && over)
			drop(r, &r->head[i]);
		else
			i++;
	}
	return rc;
}

static int begin(sk_reader *r, struct snek_error *e)
{
	struct head *h;
	int rc = 0;

	for (h = r->head; h < r->head + r->n && !rc; h++)
		rc = sk_ahead_start(&h->from, e);
	for (h = r->head; h < r->head + r->n && !rc; h++) {
		rc = enter_chunk(r, h, e);
		rc = rc ? which(r, h, rc, e) : place(r, h, e);
	}
	return rc;
}

int sk_reader_open(struct sk_catalog *c, const char *category, sk_reader **out,
    struct snek_error *e)
{
	return sk_reader_open_at(c, category, (struct sk_place){ 0, 0 }, out, e);
}

int sk_reader_open_at(struct sk_catalog *c, const char *category,
    struct sk_place from, sk_reader **out, struct snek_error *e)
{
	sk_reader *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return sk_enomem(e);
	rc = sk_snapshot_open(c, category, &r->snapshot, e);
	if (!rc) {
		r->head = calloc((size_t)r->snapshot->shards + 1,
		    sizeof(*r->head));
		if (r->head)
			cut(r, c, from);
		rc = r->head ? begin(r, e) : sk_enomem(e);
		if (!rc && from.version)
			rc = seek_all(r, from, e);
	}
	if (rc) {
		sk_reader_close(r);
		return rc;
	}
	*out = r;
	return 0;
}

uint64_t sk_reader_records(const sk_reader *r)
{
	return r->snapshot->records;
}

uint64_t sk_reader_category(const sk_reader *r)
{
	return r->snapshot->category;
}

void sk_reader_close(sk_reader *r)
{
	uint32_t i;

	if (!r)
		return;
	for (i = 0; i < r->n && r->head; i++) {
		sk_chunk_close(r->head[i].view);
		sk_ahead_end(&r->head[i].from);
	}
	free(r->head);
	sk_snapshot_close(r->snapshot);
	free(r);
}
