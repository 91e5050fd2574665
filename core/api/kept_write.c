/* SPDX-License-Identifier: MIT */
/*
 * kept_write.c - writes in parts where no two requests meet in one process: the
 * bytes of a part lie on a shard (store/kept.h), and what is known of it in the
 * journal.
 *
 * The description is CATEGORY, a line end, and the query that began it; item
 * "p" N is "BYTES HASH SHARD NONCE" in hex; the outcome is what is answered to a
 * commit that is repeated.  The id begins with eight zeros, by which it is told
 * from a job's.
 */
#include "api/kept.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "api/parts.h"
#include "base/clock.h"
#include "base/hash.h"
#include "handle.h"
#include "store/kept.h"

#define ZEROS "00000000"
#define KEEP_S 3600u
#define PATIENCE_MS 25000       /* of shards, for a part */
#define PART_MAX ((uint64_t)16 << 20)

struct part {
	uint64_t bytes, hash, nonce;
	uint32_t shard;
};
struct parts {
	struct sk_api *api;
	snek_cluster *cluster;
	struct sk_journal *journal;
	struct sk_journal_state state;
	const char *id;
	char category[130], query[256];
};

bool sk_kept_is_write(const char *id)
{
	return !strncmp(id, ZEROS, sizeof(ZEROS) - 1);
}

static int enter(struct parts *p, struct sk_api *a, const char *id,
    struct snek_error *e)
{
	int rc;

	*p = (struct parts){ .api = a, .id = id };
	rc = sk_api_take(a, &p->cluster, e);
	return rc ? rc : sk_api_journal(p->cluster, &p->journal, e);
}

static void leave(struct parts *p)
{
	sk_journal_state_free(&p->state);
	if (p->journal)
		p->journal->ops->shut(p->journal);
	sk_api_give(p->api, p->cluster);
}

/* What began it. */
static int look(struct parts *p, struct snek_error *e)
{
	struct snek_error why = { 0 };
	int rc = sk_kept_is_write(p->id) ? p->journal->ops->look(p->journal,
	    p->id, &p->state, &why) : SNEK_ENOENT;
	const struct sk_buf *d = &p->state.description;
	const char *end = rc || !d->n ? NULL : memchr(d->p, '\n', d->n);

	if (rc == SNEK_ENOENT)
		return sk_api_no_write(e);
	if (rc) {
		*e = why;
		return rc;
	}
	if (!end || (size_t)(end - d->p) >= sizeof(p->category) ||
	    d->n - (size_t)(end - d->p) > sizeof(p->query))
		return sk_fail(e, SNEK_ECORRUPT, "the record of a write in "
		    "parts is damaged; begin again");
	memcpy(p->category, d->p, (size_t)(end - d->p));
	memcpy(p->query, end + 1, d->n - (size_t)(end - d->p) - 1);
	return 0;
}

/* ---- begin ---- */

static int begin(struct parts *p, struct sk_api_call *c, char id[SK_JOB_ID],
    struct snek_error *e)
{
	struct sk_buf d = { 0 };
	uint64_t token;
	struct sk_api_writing how;
	int rc = sk_job_id_make(id, e);

	if (!rc)
		rc = sk_api_parts_writing(c->request->query, id, &how, e);
	if (!rc)
		rc = sk_api_try_writer(c->api, c->name[0], &how, e);
	if (!rc && (strlen(c->request->query) >= sizeof(p->query) ||
	    strlen(c->name[0]) >= sizeof(p->category)))
		rc = sk_fail(e, SNEK_EINVAL, "a query that long is not ours");
	if (!rc && !sk_buf_printf(&d, "%s\n%s", c->name[0], c->request->query))
		rc = sk_enomem(e);
	memcpy(id, ZEROS, sizeof(ZEROS) - 1);
	if (!rc)
		rc = p->journal->ops->create(p->journal, id, (struct sk_span){
		    d.p, d.n }, KEEP_S, e);
	if (!rc)
		rc = p->journal->ops->claim(p->journal, id, 1, &token, e);
	sk_buf_free(&d);
	return rc;
}

/* Of a part. */
static uint64_t most_bytes(const struct sk_api *a)
{
	return a->o.max_body < PART_MAX ? a->o.max_body : PART_MAX;
}

void sk_kept_write_begin(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	char id[SK_JOB_ID] = "";
	struct parts p;
	int rc = enter(&p, c->api, id, &e);

	if (!rc)
		rc = begin(&p, c, id, &e);
	if (!rc)
		sk_api_put_begun(c, id, most_bytes(c->api));
	leave(&p);
	sk_api_end(c, rc, &e);
}

/* ---- parts ---- */

static void item_of(size_t n, char item[SK_JOB_ITEM])
{
	snprintf(item, SK_JOB_ITEM, "p%zu", n);
}

/* SNEK_ENOENT without text: it is not there. */
static int find(struct parts *p, size_t n, struct part *out,
    struct snek_error *e)
{
	struct snek_error why = { 0 };
	char item[SK_JOB_ITEM];
	struct sk_buf b = { 0 };
	int rc;

	item_of(n, item);
	rc = p->journal->ops->get(p->journal, p->id, item, &b, &why);
	if (rc && rc != SNEK_ENOENT)
		*e = why;
	if (!rc && (!sk_buf_byte(&b, 0) || sscanf(b.p, "%" SCNx64 " %" SCNx64
	    " %" SCNx32 " %" SCNx64, &out->bytes, &out->hash, &out->shard,
	    &out->nonce) != 4 || out->bytes > PART_MAX ||
	    out->shard >= p->cluster->cat->cluster.shards))
		rc = sk_fail(e, SNEK_ECORRUPT, "the record of part %zu is "
		    "damaged; begin again", n);
	sk_buf_free(&b);
	return rc;
}

static struct sk_kept name_of(const struct part *part, size_t n)
{
	return (struct sk_kept){ .shard = part->shard, .task = (uint32_t)n,
		.nonce = part->nonce };
}

enum what { PUT, GET, DROP };

static int move(struct parts *p, size_t n, const struct part *part,
    enum what what, void *bytes, struct snek_error *e)
{
	struct sk_shard *shard = p->cluster->cat->shard[part->shard];
	const struct sk_kept name = name_of(part, n);
	sk_keeper *k = NULL;
	int rc = sk_keeper_new(p->id, &k, e);

	if (!rc)
		rc = what == PUT ? sk_keeper_put(k, shard, &name,
		    (struct sk_span){ bytes, part->bytes }, KEEP_S, e) :
		    what == GET ? sk_keeper_get(k, shard, &name, bytes,
		    part->bytes, e) : sk_keeper_drop(k, shard, &name,
		    part->bytes, e);
	if (!rc)
		rc = sk_keeper_run(k, sk_clock_ms() + PATIENCE_MS, e);
	sk_keeper_free(k);
	return rc;
}

static int note(struct parts *p, size_t n, const struct part *part,
    struct snek_error *e)
{
	char item[SK_JOB_ITEM], text[80];
	int len = snprintf(text, sizeof(text), "%" PRIx64 " %" PRIx64 " %" PRIx32
	    " %" PRIx64, part->bytes, part->hash, part->shard, part->nonce);

	item_of(n, item);
	return p->journal->ops->put(p->journal, p->id, p->state.token, item,
	    (struct sk_span){ text, (size_t)len }, e);
}

static int compare(struct parts *p, size_t n, const struct part *mine,
    struct part *there, struct snek_error *e)
{
	int rc = find(p, n, there, e);

	return rc || (there->bytes == mine->bytes && there->hash == mine->hash) ?
	    rc : sk_fail(e, SNEK_ECONFLICT, "part %zu is there with other bytes",
	    n);
}

/* First the bytes, then what names them; who comes second takes his away.  That
 * somebody has named them may also be the echo of a note whose reply was lost. */
static int put(struct parts *p, size_t n, struct sk_span body,
    struct snek_error *e)
{
	struct part part = { .bytes = body.n, .hash = sk_hash64(body.p, body.n,
	    0), .shard = (uint32_t)(n % p->cluster->cat->cluster.shards) };
	struct part there;
	int rc = compare(p, n, &part, &there, e);

	if (rc != SNEK_ENOENT)
		return rc;
	if (p->state.ended)
		return sk_fail(e, SNEK_ECONFLICT, "this write is committed");
	if (body.n > most_bytes(p->api))
		return sk_fail(e, SNEK_ELIMIT, "a part of %zu bytes; it has %llu "
		    "at most", body.n, (unsigned long long)most_bytes(p->api));
	if (getrandom(&part.nonce, sizeof(part.nonce), 0) != sizeof(part.nonce))
		return sk_fail_errno(e, "no random bytes");
	rc = move(p, n, &part, PUT, (void *)(uintptr_t)body.p, e);
	if (!rc)
		rc = note(p, n, &part, e);
	if (rc != SNEK_EEXIST)
		return rc;
	rc = compare(p, n, &part, &there, e);
	if (rc || there.nonce != part.nonce)
		move(p, n, &part, DROP, NULL, NULL);
	return rc;
}

void sk_kept_write_part(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct parts p;
	size_t n = 0;
	int rc = enter(&p, c->api, c->name[0], &e);

	if (!rc)
		rc = sk_api_part_number(c->name[1], &n, &e);
	if (!rc)
		rc = look(&p, &e);
	if (!rc)
		rc = put(&p, n, c->request->body, &e);
	leave(&p);
	sk_api_end(c, rc, &e);
	if (!rc)
		sk_api_put_part(c, n);
}

/* ---- commit ---- */

static int read_part(struct parts *p, snek_writer *w, size_t n,
    struct sk_api_writing *how, struct snek_error *e)
{
	struct part part;
	char label[48];
	void *room = NULL;
	int rc = find(p, n, &part, e);

	if (rc == SNEK_ENOENT)
		return sk_fail(e, SNEK_EINVAL, "part %zu is missing", n);
	if (!rc && !(room = malloc(part.bytes + 1)))
		rc = sk_enomem(e);
	if (!rc)
		rc = move(p, n, &part, GET, room, e);
	if (rc == SNEK_ENOENT)
		rc = sk_fail(e, rc, "part %zu was forgotten, as after an hour; "
		    "begin again", n);
	if (!rc && sk_hash64(room, part.bytes, 0) != part.hash)
		rc = sk_fail(e, SNEK_ECORRUPT, "part %zu is damaged", n);
	snprintf(label, sizeof(label), "part %zu", n);
	how->name = label;
	if (!rc)
		rc = sk_api_read_body(w, how, (struct sk_span){ room,
		    part.bytes }, e);
	how->name = NULL;
	free(room);
	return rc;
}

static int check_last(struct parts *p, size_t n, struct snek_error *e)
{
	struct part more;
	int rc = find(p, n + 1, &more, e);

	if (rc == SNEK_ENOENT)
		return 0;
	return rc ? rc : sk_fail(e, SNEK_EINVAL, "there are more than %zu "
	    "parts", n);
}

static int write_all(struct parts *p, size_t n, struct snek_receipt *receipt,
    struct snek_error *e)
{
	struct sk_api_writing how;
	snek_writer *w = NULL;
	size_t i;
	int rc = check_last(p, n, e);

	if (!rc)
		rc = sk_api_parts_writing(p->query, p->id, &how, e);
	if (!rc)
		rc = sk_api_writer_open(p->api, p->cluster, p->category, &how, &w,
		    e);
	for (i = 1; i <= n && !rc; i++)
		rc = read_part(p, w, i, &how, e);
	if (!rc)
		rc = snek_writer_commit(w, receipt, e);
	snek_writer_free(w);
	return rc;
}

/* A repeat is told the same; then the parts may go.  Nothing of this makes the
 * write undone. */
static void end(struct parts *p, size_t n, struct snek_receipt *receipt)
{
	struct snek_error e = { 0 };
	struct sk_buf b = { 0 };
	struct part part;
	size_t i;

	receipt->repeated = true;
	sk_api_receipt(&b, p->category, receipt, &e);
	if (e.code || p->journal->ops->end(p->journal, p->id, p->state.token,
	    (struct sk_span){ b.p, b.n }, &e))
		n = 0;                  /* they go by themselves */
	sk_buf_free(&b);
	for (i = 1; i <= n && !find(p, i, &part, &e); i++)
		if (move(p, i, &part, DROP, NULL, &e))
			return;
}

/* Were there n of them?  What is known of parts outlives their bytes. */
static int check_count(struct parts *p, size_t n, struct snek_error *e)
{
	struct part part;
	int rc = find(p, n, &part, e);

	if (!rc && (rc = find(p, n + 1, &part, e)) == SNEK_ENOENT)
		return 0;
	return rc && rc != SNEK_ENOENT ? rc : sk_api_other_parts(n, e);
}

/* What was said of the commit that was; false: none was. */
static bool repeat(struct parts *p, struct sk_api_call *c, size_t n, int *rc,
    struct snek_error *e)
{
	const struct sk_buf *said = &p->state.outcome;

	if (!p->state.ended)
		return false;
	*rc = check_count(p, n, e);
	if (!*rc && !sk_buf_put(&c->out->body, said->p, said->n))
		*rc = sk_enomem(e);
	return true;
}

/* Of one that failed: another may have done it meanwhile, and taken the parts. */
static bool was_done(struct parts *p)
{
	sk_journal_state_free(&p->state);
	memset(&p->state, 0, sizeof(p->state));
	return !p->journal->ops->look(p->journal, p->id, &p->state, NULL) &&
	    p->state.ended;
}

static int commit(struct parts *p, struct sk_api_call *c, struct snek_error *e)
{
	struct snek_receipt receipt = { .size = sizeof(receipt) };
	size_t n = 0;
	int rc = look(p, e);

	if (!rc)
		rc = sk_api_parts_said(c->request, &n, e);
	if (rc)
		return rc;
	if (repeat(p, c, n, &rc, e))
		return rc;
	rc = write_all(p, n, &receipt, e);
	if (rc && was_done(p) && repeat(p, c, n, &rc, e))
		return rc;
	if (!rc) {
		sk_api_receipt(&c->out->body, p->category, &receipt, e);
		rc = e->code;
	}
	if (!rc)
		end(p, n, &receipt);
	return rc;
}

void sk_kept_write_commit(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct parts p;
	int rc = enter(&p, c->api, c->name[0], &e);

	if (!rc)
		rc = commit(&p, c, &e);
	leave(&p);
	sk_api_end(c, rc, &e);
}

/* ---- drop ---- */

static int visit(void *arg, const char *item)
{
	struct snek_error e = { 0 };
	struct parts *p = arg;
	struct part part;
	size_t n = 0;

	if (*item == 'p' && !sk_api_part_number(item + 1, &n, &e) &&
	    !find(p, n, &part, &e))
		move(p, n, &part, DROP, NULL, &e);
	return 0;
}

void sk_kept_write_drop(struct sk_api_call *c)
{
	struct snek_error e = { 0 };
	struct sk_object o;
	struct parts p;
	int rc = enter(&p, c->api, c->name[0], &e);

	if (!rc)
		rc = look(&p, &e);
	if (!rc && !p.state.ended)
		rc = p.journal->ops->items(p.journal, p.id, visit, &p, &e);
	if (!rc)
		rc = p.journal->ops->remove(p.journal, p.id, &e);
	leave(&p);
	sk_api_end(c, rc, &e);
	if (rc)
		return;
	sk_object_begin(&o, &c->out->body, "dropped");
	sk_object_text(&o, "write", c->name[0]);
	sk_object_end(&o);
}
