/* SPDX-License-Identifier: MIT */
#include "category/writer.h"
#include "base/clock.h"
#include "base/hash.h"
#include "category/compact.h"
#include "category/parts.h"
#include "category/step.h"

#include <stdlib.h>

#ifdef SK_FAULTS
void (*sk_step_hook)(const char *step);
const char *sk_fault;

bool sk_fault_is(const char *name)
{
	return sk_fault && !strcmp(sk_fault, name);
}
#endif

/*
 *   WRITING --commit--> DONE
 *      \--failed add--> FAILED
 *   REPEAT --commit--> DONE         the request id is committed: chunks are
 *                                   built (so that the same records are left
 *                                   out) but not put, and digests compared
 */
enum state { WRITING, REPEAT, FAILED, DONE };

struct sk_writer {
	struct sk_catalog *catalog;
	struct sk_meta_category category;
	char *request;                  /* or NULL */
	struct sk_meta_receipt old;     /* of the request, in state REPEAT */
	enum state state;
	bool no_compact;
	int64_t since;                  /* sk_clock_ms */
	sk_chunk_builder *builder;
	struct sk_buf chunk;            /* the one sealed last */
	uint32_t chunk_rows;
	uint64_t chunk_first;           /* number of the builder's first record */
	struct sk_parts parts;
	struct sk_promise reach;        /* what a commit promises */
	uint32_t turn;                  /* whose turn it is, in the placement */
	uint64_t chunks, records;
	struct sk_digest digest;        /* with a request id alone: reading every
					 * byte again takes a tenth of a write */
};

static int look_up(sk_writer *w, struct snek_error *e)
{
	struct sk_meta *m = w->catalog->meta;
	int rc;

	if (!w->request)
		return 0;
	rc = m->ops->request(m, w->category.id, w->request, &w->old, e);
	if (rc == SNEK_ENOENT)
		return 0;
	if (!rc)
		w->state = REPEAT;
	return rc;
}

/* Chunks are dealt in turn; the write id, being random, says who begins, so
 * that small writes spread too. */
static uint32_t begin_at(const sk_writer *w)
{
	return (uint32_t)(sk_load64(w->parts.id.b) % w->category.shards);
}

static int begin(sk_writer *w, const char *category,
    const struct sk_writer_options *o, struct snek_error *e)
{
	struct sk_meta *m = w->catalog->meta;
	int rc;

	if (o->request_id && !(w->request = strdup(o->request_id)))
		return sk_enomem(e);
	SK_STEP("begin");
	rc = m->ops->category_get_or_create(m, category, &w->category, e);
	if (!rc)
		rc = look_up(w, e);
	if (!rc)
		rc = sk_durability_agree(w->catalog, &w->category,
		    o->durability, &w->reach, e);
	if (!rc)
		rc = sk_parts_init(&w->parts, w->catalog, &w->category, e);
	if (rc)
		return rc;
	w->parts.replicas = w->reach.replicas;
	w->turn = begin_at(w);
	rc = sk_chunk_builder_new(o->chunk_size ? o->chunk_size :
	    SK_CHUNK_TARGET, &w->builder);
	return rc == SNEK_ENOMEM ? sk_enomem(e) : rc;
}

int sk_writer_open(struct sk_catalog *c, const char *category,
    const struct sk_writer_options *o, sk_writer **out, struct snek_error *e)
{
	static const struct sk_writer_options none;
	sk_writer *w;
	int rc = sk_name_check("category", category, e);

	o = o ? o : &none;
	if (!rc && c->meta->ops->read_only(c->meta))
		rc = sk_fail(e, SNEK_EACCES, "the cluster is read-only");
	if (rc)
		return rc;
	w = calloc(1, sizeof(*w));
	if (!w)
		return sk_enomem(e);
	w->catalog = c;
	w->no_compact = o->no_compact;
	w->since = sk_clock_ms();
	sk_digest_init(&w->digest);
	rc = begin(w, category, o, e);
	if (rc) {
		sk_writer_free(w);
		return rc;
	}
	*out = w;
	return 0;
}

/* ---- records into chunks, chunks onto shards ---- */

static int seal_chunk(sk_writer *w, struct snek_error *e)
{
	w->chunk.n = 0;
	w->chunk_rows = sk_chunk_builder_rows(w->builder);
	return sk_chunk_builder_seal(w->builder, &w->chunk, e);
}

static int put_chunk(sk_writer *w, struct snek_error *e)
{
	struct sk_place first = { 0, w->chunk_first };
	struct sk_span bytes = { w->chunk.p, w->chunk.n };
	int rc;

	rc = sk_parts_put(&w->parts, w->turn, bytes, w->chunk_rows, first, e);
	if (rc)
		return rc;
	w->chunk_first += w->chunk_rows;
	w->turn = (w->turn + 1) % w->category.shards;
	w->chunks++;
	return 0;
}

/* 0 or an error; *refused: it is about this record alone. */
static int build(sk_writer *w, const struct sk_record *r, bool *refused,
    struct snek_error *e)
{
	int rc = sk_chunk_builder_add(w->builder, r, e);

	if (rc == 0) {
		rc = seal_chunk(w, e);
		if (!rc && w->state == WRITING)
			rc = put_chunk(w, e);
		if (rc)
			return rc;
		rc = sk_chunk_builder_add(w->builder, r, e);
		if (rc == 0)
			return sk_fail(e, SNEK_EINTERNAL,
			    "a record does not fit into an empty chunk");
	}
	*refused = rc == SNEK_EINVAL || rc == SNEK_EFORMAT || rc == SNEK_ELIMIT;
	return rc < 0 ? rc : 0;
}

static int ended(const sk_writer *w, struct snek_error *e)
{
	if (w->state == FAILED || w->state == DONE)
		return sk_fail(e, SNEK_EINVAL, "the write has %s already",
		    w->state == DONE ? "ended" : "failed");
	return 0;
}

int sk_writer_add(sk_writer *w, const struct sk_record *r, struct sk_span text,
    struct snek_error *e)
{
	bool refused = false;
	int rc = ended(w, e);

	if (rc)
		return rc;
	rc = build(w, r, &refused, e);
	if (rc && !refused)
		w->state = FAILED;
	if (rc)
		return rc;
	if (w->request)
		sk_digest_add(&w->digest, text.p, text.n);
	w->records++;
	return 0;
}

/* ---- commit ---- */

/* The rows that are left: into the commit itself when they are all there is
 * and few, else onto a shard. */
static int finish(sk_writer *w, struct sk_meta_entry *entry,
    struct snek_error *e)
{
	int rc;

	if (!sk_chunk_builder_rows(w->builder))
		return 0;
	rc = seal_chunk(w, e);
	if (rc)
		return rc;
	if (w->chunks || w->chunk.n > SK_INLINE_MAX)
		return put_chunk(w, e);
	entry->inlined = (struct sk_span){ w->chunk.p, w->chunk.n };
	return 0;
}

static void fill(sk_writer *w, struct sk_meta_part *part,
    struct sk_meta_entry *entry)
{
	sk_parts_entry(&w->parts, part, entry);
	entry->digest[0] = w->digest.a;
	entry->digest[1] = w->digest.b;
	if (!entry->inlined.n)
		return;
	part[0] = (struct sk_meta_part){ .shard = w->category.shard[0],
	    .chunks = 1, .records = w->chunk_rows, .bytes = w->chunk.n };
	entry->parts = 1;
	entry->records = w->chunk_rows;
	entry->bytes = w->chunk.n;
}

static int given_up(const sk_writer *w, struct snek_error *e)
{
	return sk_fail(e, SNEK_EAGAIN, "the write to %s was given up by gc "
	    "after %lld s; write again", w->category.name,
	    (long long)(sk_clock_ms() - w->since) / 1000);
}

static int commit(sk_writer *w, struct sk_meta_receipt *receipt,
    struct snek_error *e)
{
	struct sk_meta *m = w->catalog->meta;
	struct sk_meta_entry entry = { 0 };
	struct sk_meta_part *part;
	const char *request = SK_FAULT("no-request") ? NULL : w->request;
	int rc = finish(w, &entry, e);

	if (!rc && !SK_FAULT("commit-before-seal"))
		rc = sk_parts_seal(&w->parts, e);
	if (rc)
		return rc;
	part = calloc(w->category.shards, sizeof(*part));
	if (!part)
		return sk_enomem(e);
	fill(w, part, &entry);
	SK_STEP("commit");
	rc = m->ops->commit(m, w->category.id, request, &entry, receipt, e);
	SK_STEP("committed");
	free(part);
	if (rc == SNEK_EAGAIN)
		return given_up(w, e);
	if (!rc && SK_FAULT("commit-before-seal"))
		rc = sk_parts_seal(&w->parts, e);
	return rc;
}

/* Once it is committed, or perhaps is, the segments are no longer ours. */
static int publish(sk_writer *w, struct sk_meta_receipt *receipt,
    struct snek_error *e)
{
	struct sk_meta_receipt got = { 0 };
	int rc = commit(w, &got, e);

	if (rc == SNEK_EUNKNOWN || (!rc && !got.repeated))
		sk_parts_free(&w->parts);
	else
		sk_parts_drop(&w->parts);
	if (!rc)
		*receipt = got;
	return rc;
}

static int repeat(const sk_writer *w, struct sk_meta_receipt *receipt,
    struct snek_error *e)
{
	const struct sk_meta_receipt *old = &w->old;

	if (old->digest[0] != w->digest.a || old->digest[1] != w->digest.b ||
	    old->records != w->records)
		return sk_fail(e, SNEK_ECONFLICT, "request id %s: committed "
		    "as version %llu of %s with other records", w->request,
		    (unsigned long long)old->version, w->category.name);
	*receipt = *old;
	receipt->repeated = true;
	return 0;
}

/* The write is there; whether it is on the replicas too is another matter. */
static int replicate(const sk_writer *w, const struct sk_meta_receipt *r,
    struct snek_error *e)
{
	struct snek_error why = { 0 };

	if (!w->reach.replicas || !sk_durability_replicate(w->catalog,
	    &w->category, r, w->reach.replicas, &why))
		return 0;
	return sk_fail(e, SNEK_EUNKNOWN, "committed as version %llu, but not "
	    "known to be on %u replica%s: %s%s",
	    (unsigned long long)r->version, w->reach.replicas,
	    w->reach.replicas == 1 ? "" : "s", why.text, w->request ?
	    "; a repeat with the request id waits for it again" : "");
}

int sk_writer_commit(sk_writer *w, struct sk_meta_receipt *receipt,
    struct snek_error *e)
{
	struct sk_meta_receipt got = { 0 };
	enum state was = w->state;
	int rc = ended(w, e);

	if (rc)
		return rc;
	w->state = DONE;
	rc = was == REPEAT ? repeat(w, &got, e) : publish(w, &got, e);
	if (!rc)
		rc = replicate(w, &got, e);
	if (rc)
		sk_durability_forget(w->catalog);
	else
		*receipt = got;
	if (rc || receipt->repeated || w->no_compact)
		return rc;
	/* The write stands, whatever becomes of the folding. */
	sk_compact_due(w->catalog, w->category.name, receipt->version, NULL);
	return 0;
}

void sk_writer_free(sk_writer *w)
{
	if (!w)
		return;
	sk_parts_drop(&w->parts);
	sk_chunk_builder_free(w->builder);
	sk_buf_free(&w->chunk);
	free(w->request);
	free(w);
}

uint64_t sk_writer_records(const sk_writer *w)
{
	return w->records;
}

struct sk_write_id sk_writer_id(const sk_writer *w)
{
	return w->parts.id;
}

struct sk_promise sk_writer_reaches(const sk_writer *w)
{
	return w->reach;
}

uint32_t sk_writer_shards(const sk_writer *w)
{
	return w->category.shards;
}
