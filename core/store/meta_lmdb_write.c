/* SPDX-License-Identifier: MIT */
#include "store/meta_lmdb.h"

#include <stdlib.h>

#include "base/clock.h"

/* ---- request ids ---- */

static int request_key(struct sk_buf *b, uint64_t category, const char *id,
    struct snek_error *e)
{
	size_t n = strlen(id);
	uint8_t key[16];

	if (!n || n > SK_REQUEST_MAX)
		return sk_fail(e, SNEK_EINVAL, "a request id has 1 to %u bytes, "
		    "this one %zu", SK_REQUEST_MAX, n);
	sk_record_key(key, category);
	return sk_buf_put(b, key, 8) && sk_buf_put(b, id, n) ? 0 : sk_enomem(e);
}

static int read_request(struct sk_lmdb_txn *t, uint64_t category, const char *id,
    struct sk_meta_receipt *out, struct snek_error *e)
{
	struct sk_record_request q;
	struct sk_buf key = { 0 };
	struct sk_span v;
	int rc = request_key(&key, category, id, e);

	if (!rc)
		rc = sk_lmdb_get(t, DB_REQUEST, (struct sk_span){ key.p, key.n },
		    &v, e);
	sk_buf_free(&key);
	if (rc)
		return rc;
	if (!sk_record_unpack_request(v, &q))
		return sk_lmdb_damaged(t, "a request", e);
	if (q.time <= sk_clock_wall() - SK_REQUEST_WINDOW)
		return SNEK_ENOENT;
	*out = q.receipt;
	return 0;
}

static int write_request(struct sk_lmdb_txn *t, uint64_t category, const char *id,
    const struct sk_meta_receipt *receipt, struct snek_error *e)
{
	struct sk_record_request q = { sk_clock_wall(), *receipt };
	struct sk_buf key = { 0 }, b = { 0 };
	int rc = request_key(&key, category, id, e);

	if (!rc)
		rc = sk_lmdb_put_packed(t, DB_REQUEST,
		    (struct sk_span){ key.p, key.n }, &b,
		    sk_record_pack_request(&b, &q), e);
	sk_buf_free(&key);
	return rc;
}

int sk_lmdb_request(struct sk_meta *m, uint64_t category, const char *id,
    struct sk_meta_receipt *out, struct snek_error *e)
{
	struct sk_lmdb_txn t;
	int rc = sk_lmdb_begin(m, false, &t, e);

	return rc ? rc : sk_lmdb_end(&t, read_request(&t, category, id, out, e), e);
}

struct expirer {
	struct sk_lmdb_txn *t;
	int64_t before;
	bool writing;
};

static int expire_one(void *arg, struct sk_span key, struct sk_span value,
    struct snek_error *e)
{
	struct expirer *x = arg;
	struct sk_record_request q;

	(void)key;
	if (!sk_record_unpack_request(value, &q))
		return sk_lmdb_damaged(x->t, "a request", e);
	if (q.time >= x->before)
		return 0;
	return x->writing ? SK_LMDB_DROP : 1;
}

/* 1: there is something to drop. */
static int expire(struct expirer *x, struct snek_error *e)
{
	const struct sk_span none = { NULL, 0 };

	return sk_lmdb_walk(x->t, DB_REQUEST, none, none, expire_one, x, e);
}

int sk_lmdb_expire_requests(struct sk_meta *m, int64_t before,
    struct snek_error *e)
{
	struct sk_lmdb_txn t;
	struct expirer x = { &t, before, false };
	int rc = sk_lmdb_begin(m, false, &t, e);

	if (!rc)
		rc = sk_lmdb_end(&t, expire(&x, e), e);
	if (rc <= 0)
		return rc;
	x.writing = true;
	rc = sk_lmdb_begin(m, true, &t, e);
	return rc ? rc : sk_lmdb_commit(&t, expire(&x, e), e);
}

/* ---- write ids ---- */

/* 1 if the sub-database has the write id, 0 if not. */
static int has(struct sk_lmdb_txn *t, enum sk_lmdb_db db,
    const struct sk_write_id *id, struct snek_error *e)
{
	struct sk_span v;
	int rc = sk_lmdb_get(t, db, sk_record_write(id), &v, e);

	return rc == SNEK_ENOENT ? 0 : rc ? rc : 1;
}

static int put_name(struct sk_lmdb_txn *t, enum sk_lmdb_db db,
    const struct sk_write_id *id, uint64_t x, uint64_t y, struct snek_error *e)
{
	struct sk_buf b = { 0 };

	return sk_lmdb_put_packed(t, db, sk_record_write(id), &b,
	    sk_record_pack_numbers(&b, x, y), e);
}

int sk_lmdb_is_named(struct sk_meta *m, struct sk_write_id id,
    struct snek_error *e)
{
	struct sk_lmdb_txn t;
	int rc = sk_lmdb_begin(m, false, &t, e);

	return rc ? rc : sk_lmdb_end(&t, has(&t, DB_NAMED, &id, e), e);
}

static int mark_aborted(struct sk_lmdb_txn *t, const struct sk_write_id *id,
    struct snek_error *e)
{
	char hex[33];
	int rc = has(t, DB_NAMED, id, e);

	if (rc > 0) {
		sk_write_id_hex(*id, hex);
		return sk_fail(e, SNEK_EEXIST, "write %s is committed", hex);
	}
	if (rc)
		return rc;
	return put_name(t, DB_ABORTED, id, (uint64_t)sk_clock_wall(), 0, e);
}

int sk_lmdb_abort(struct sk_meta *m, struct sk_write_id id, struct snek_error *e)
{
	struct sk_lmdb_txn t;
	int rc = sk_lmdb_begin(m, true, &t, e);

	return rc ? rc : sk_lmdb_commit(&t, mark_aborted(&t, &id, e), e);
}

int sk_lmdb_forget(struct sk_meta *m, struct sk_write_id id, struct snek_error *e)
{
	struct sk_lmdb_txn t;
	int rc = sk_lmdb_begin(m, true, &t, e);

	return rc ? rc : sk_lmdb_commit(&t, sk_lmdb_del(&t, DB_ABORTED,
	    sk_record_write(&id), e), e);
}

/* A write id may be committed once, and not after it was aborted. */
static int check_id(struct sk_lmdb_txn *t, const struct sk_write_id *id,
    struct snek_error *e)
{
	char hex[33];
	int aborted = has(t, DB_ABORTED, id, e);
	int named = aborted ? aborted : has(t, DB_NAMED, id, e);

	if (named < 0)
		return named;
	sk_write_id_hex(*id, hex);
	if (aborted)
		return sk_fail(e, SNEK_EAGAIN, "write %s was given up for dead "
		    "and swept; write again", hex);
	return named ? sk_fail(e, SNEK_EEXIST, "write %s is committed already",
	    hex) : 0;
}

/* ---- commit ---- */

static int put_entry(struct sk_lmdb_txn *t, const struct sk_meta_category *c,
    const struct sk_meta_entry *m, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	uint8_t key[16];
	int rc;

	rc = sk_lmdb_put_packed(t, DB_MANIFEST,
	    sk_record_key2(key, c->id, m->first), &b, sk_record_pack_entry(&b, m), e);
	return rc ? rc : put_name(t, DB_NAMED, &m->write, c->id, m->first, e);
}

static int check_entry(const struct sk_meta_category *c,
    const struct sk_meta_entry *m, struct snek_error *e)
{
	uint32_t i, k;

	if (m->parts > c->shards || m->inlined.n > SK_CHUNK_MAX ||
	    (m->inlined.n && m->parts != 1))
		return sk_fail(e, SNEK_EINTERNAL, "a write of %u parts and %zu "
		    "inlined bytes", m->parts, m->inlined.n);
	for (i = 0; i < m->parts && !m->inlined.n; i++) {
		for (k = 0; k < c->shards && c->shard[k] != m->part[i].shard; )
			k++;
		if (k == c->shards)
			return sk_fail(e, SNEK_EINTERNAL, "shard %u is not of "
			    "category %s", m->part[i].shard, c->name);
	}
	return 0;
}

static int append(struct sk_lmdb_txn *t, struct sk_meta_category *c,
    const struct sk_meta_entry *entry, struct snek_error *e)
{
	struct sk_meta_entry m = *entry;
	struct sk_meta_part part;
	int rc = check_entry(c, entry, e);

	if (rc)
		return rc;
	m.first = m.last = ++c->version;
	if (m.inlined.n) {
		part = entry->part[0];
		part.shard = c->shard[c->version % c->shards];
		m.part = &part;
	}
	c->writes++;
	c->records += m.records;
	c->bytes += m.bytes;
	rc = put_entry(t, c, &m, e);
	return rc ? rc : sk_lmdb_write_state(t, c, e);
}

static int commit(struct sk_lmdb_txn *t, struct sk_meta_category *c,
    const char *request, const struct sk_meta_entry *m,
    struct sk_meta_receipt *r, struct snek_error *e)
{
	int rc = check_id(t, &m->write, e);

	if (!rc)
		rc = append(t, c, m, e);
	if (rc)
		return rc;
	*r = (struct sk_meta_receipt){
		.version = c->version, .records = m->records,
		.bytes = m->bytes, .digest = { m->digest[0], m->digest[1] },
		.write = m->write,
	};
	return request ? write_request(t, c->id, request, r, e) : 0;
}

static int find_category(struct sk_lmdb_txn *t, uint64_t id,
    struct sk_meta_category *c, struct snek_error *e)
{
	int rc = sk_lmdb_read_category(t, id, c, e);

	return rc == SNEK_ENOENT ? sk_fail(e, rc, "the category was removed") : rc;
}

/* 1: the request was committed before, and r is its receipt. */
static int check_request(struct sk_lmdb_txn *t, uint64_t category,
    const char *request, const struct sk_meta_entry *m,
    struct sk_meta_receipt *r, struct snek_error *e)
{
	int rc;

	if (!request)
		return 0;
	rc = read_request(t, category, request, r, e);
	if (rc)
		return rc == SNEK_ENOENT ? 0 : rc;
	if (r->digest[0] != m->digest[0] || r->digest[1] != m->digest[1])
		return sk_fail(e, SNEK_ECONFLICT, "request id %s was used for "
		    "other data (version %llu)", request,
		    (unsigned long long)r->version);
	return 1;
}

int sk_lmdb_commit_write(struct sk_meta *m, uint64_t category,
    const char *request, struct sk_meta_entry *entry,
    struct sk_meta_receipt *out, struct snek_error *e)
{
	struct sk_meta_category c;
	struct sk_meta_receipt r;
	struct sk_lmdb_txn t;
	int rc = sk_lmdb_begin(m, true, &t, e);

	if (rc)
		return rc;
	rc = find_category(&t, category, &c, e);
	if (!rc)
		rc = check_request(&t, category, request, entry, &r, e);
	if (rc > 0) {
		*out = r;
		return sk_lmdb_end(&t, 0, e);
	}
	if (!rc)
		rc = commit(&t, &c, request, entry, &r, e);
	rc = sk_lmdb_commit(&t, rc, e);
	if (rc)
		return rc;
	entry->first = entry->last = r.version;
	*out = r;
	return 0;
}

/* ---- fold ---- */

struct folder {
	struct sk_lmdb_txn *t;
	const struct sk_write_id *old;
	uint32_t n, seen;
	uint64_t next, records, bytes;
	struct sk_buf scratch;
};

static int lost(struct snek_error *e)
{
	return sk_fail(e, SNEK_EAGAIN, "these writes are no longer there to fold");
}

/* Is each entry still what the caller folded?  1: that was the last. */
static int fold_one(void *arg, struct sk_span key, struct sk_span value,
    struct snek_error *e)
{
	struct folder *f = arg;
	struct sk_meta_entry m;
	int rc = sk_lmdb_entry(f->t, key, value, &f->scratch, &m, e);

	if (rc)
		return rc;
	if (m.first != f->next ||
	    memcmp(&m.write, &f->old[f->seen], sizeof(m.write)))
		return lost(e);
	f->next = m.last + 1;
	f->records += m.records;
	f->bytes += m.bytes;
	return ++f->seen == f->n;
}

static int drop_one(void *arg, struct sk_span key, struct sk_span value,
    struct snek_error *e)
{
	struct folder *f = arg;
	int rc;

	(void)key;
	(void)value;
	if (f->seen == f->n)
		return 1;
	rc = sk_lmdb_del(f->t, DB_NAMED, sk_record_write(&f->old[f->seen++]), e);
	return rc ? rc : SK_LMDB_DROP;
}

static int walk_old(struct folder *f, uint64_t category, uint64_t first,
    int (*visit)(void *, struct sk_span, struct sk_span, struct snek_error *),
    struct snek_error *e)
{
	uint8_t key[16], from[16];
	int rc;

	f->seen = 0;
	rc = sk_lmdb_walk(f->t, DB_MANIFEST, sk_record_key(key, category),
	    sk_record_key2(from, category, first), visit, f, e);
	return rc > 0 ? 0 : rc;
}

static int check_fold(struct folder *f, uint64_t category,
    const struct sk_meta_entry *m, struct snek_error *e)
{
	int rc;

	f->next = m->first;
	rc = walk_old(f, category, m->first, fold_one, e);
	if (rc)
		return rc;
	if (f->seen != f->n || f->next != m->last + 1)
		return lost(e);
	if (f->records != m->records)
		return sk_fail(e, SNEK_EINTERNAL, "folding %llu records into "
		    "%llu", (unsigned long long)f->records,
		    (unsigned long long)m->records);
	return 0;
}

static int fold(struct folder *f, struct sk_meta_category *c,
    const struct sk_meta_entry *m, struct snek_error *e)
{
	int rc = check_fold(f, c->id, m, e);

	if (!rc)
		rc = check_entry(c, m, e);
	if (!rc)
		rc = check_id(f->t, &m->write, e);
	if (!rc)
		rc = walk_old(f, c->id, m->first, drop_one, e);
	if (!rc)
		rc = put_entry(f->t, c, m, e);
	if (rc)
		return rc;
	c->epoch++;
	c->bytes = c->bytes - f->bytes + m->bytes;
	return sk_lmdb_write_state(f->t, c, e);
}

int sk_lmdb_fold(struct sk_meta *m, uint64_t category,
    const struct sk_write_id *old, uint32_t n,
    const struct sk_meta_entry *entry, struct snek_error *e)
{
	struct sk_meta_category c;
	struct sk_lmdb_txn t;
	struct folder f = { .t = &t, .old = old, .n = n };
	int rc;

	if (!n)
		return sk_fail(e, SNEK_EINTERNAL, "folding nothing");
	rc = sk_lmdb_begin(m, true, &t, e);
	if (rc)
		return rc;
	rc = sk_lmdb_read_category(&t, category, &c, e);
	rc = rc == SNEK_ENOENT ? lost(e) : rc ? rc : fold(&f, &c, entry, e);
	rc = sk_lmdb_commit(&t, rc, e);
	sk_buf_free(&f.scratch);
	return rc;
}
