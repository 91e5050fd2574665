/* SPDX-License-Identifier: MIT */
#include "store/meta_lmdb.h"

#include "store/placement.h"

/* ---- records ---- */

int sk_lmdb_read_cluster(struct sk_lmdb_txn *t, struct sk_record_cluster *out,
    struct snek_error *e)
{
	struct sk_span v;
	int rc = sk_lmdb_get(t, DB_CLUSTER, sk_record_text("cluster"), &v, e);

	if (rc == SNEK_ENOENT || (!rc && !sk_record_unpack_cluster(v, out)))
		return sk_lmdb_damaged(t, "the cluster", e);
	return rc;
}

static int read_state(struct sk_lmdb_txn *t, struct sk_meta_category *c,
    struct snek_error *e)
{
	struct sk_record_state s;
	struct sk_span v;
	uint8_t key[16];
	int rc = sk_lmdb_get(t, DB_STATE, sk_record_key(key, c->id), &v, e);

	if (rc == SNEK_ENOENT || (!rc && !sk_record_unpack_state(v, &s)))
		return sk_lmdb_damaged(t, c->name, e);
	if (rc)
		return rc;
	c->version = s.version;
	c->epoch = s.epoch;
	c->writes = s.writes;
	c->records = s.records;
	c->bytes = s.bytes;
	return 0;
}

int sk_lmdb_write_state(struct sk_lmdb_txn *t, const struct sk_meta_category *c,
    struct snek_error *e)
{
	struct sk_record_state s = {
		c->version, c->epoch, c->writes, c->records, c->bytes,
	};
	struct sk_buf b = { 0 };
	uint8_t key[16];

	return sk_lmdb_put_packed(t, DB_STATE, sk_record_key(key, c->id), &b,
	    sk_record_pack_state(&b, &s), e);
}

int sk_lmdb_read_category(struct sk_lmdb_txn *t, uint64_t id,
    struct sk_meta_category *c, struct snek_error *e)
{
	struct sk_span v;
	uint8_t key[16];
	int rc = sk_lmdb_get(t, DB_CATEGORY, sk_record_key(key, id), &v, e);

	if (rc)
		return rc;
	if (!sk_record_unpack_category(v, c))
		return sk_lmdb_damaged(t, "a category", e);
	c->id = id;
	return read_state(t, c, e);
}

static int read_by_name(struct sk_lmdb_txn *t, const char *name,
    struct sk_meta_category *c, struct snek_error *e)
{
	uint64_t id, zero;
	struct sk_span v;
	int rc = *name && strlen(name) <= SK_NAME_MAX ?
	    sk_lmdb_get(t, DB_NAME, sk_record_text(name), &v, e) : SNEK_ENOENT;

	if (rc)
		return rc;
	if (!sk_record_unpack_numbers(v, &id, &zero))
		return sk_lmdb_damaged(t, name, e);
	rc = sk_lmdb_read_category(t, id, c, e);
	return rc == SNEK_ENOENT ? sk_lmdb_damaged(t, name, e) : rc;
}

/* Without a commit a category is known to its writers only. */
static int read_visible(struct sk_lmdb_txn *t, const char *name,
    struct sk_meta_category *c, struct snek_error *e)
{
	int rc = read_by_name(t, name, c, e);

	if (rc == SNEK_ENOENT || (!rc && !c->version))
		return sk_fail(e, SNEK_ENOENT, "no such category: %s", name);
	return rc;
}

int sk_lmdb_entry(struct sk_lmdb_txn *t, struct sk_span key,
    struct sk_span value, struct sk_buf *scratch, struct sk_meta_entry *m,
    struct snek_error *e)
{
	scratch->n = 0;
	/* A part is no larger in memory than in its record. */
	if (!sk_buf_reserve(scratch, value.n))
		return sk_enomem(e);
	return sk_record_unpack_entry(key, value, scratch, m) ? 0
	    : sk_lmdb_damaged(t, "a write", e);
}

/* ---- the interface ---- */

int sk_lmdb_cluster(struct sk_meta *m, struct sk_meta_cluster *out,
    struct snek_error *e)
{
	struct sk_record_cluster c;
	struct sk_lmdb_txn t;
	int rc = sk_lmdb_begin(m, false, &t, e);

	if (rc)
		return rc;
	rc = sk_lmdb_end(&t, sk_lmdb_read_cluster(&t, &c, e), e);
	if (!rc)
		*out = c.c;
	return rc;
}

static int draw(struct sk_lmdb_txn *t, struct sk_meta_category *c,
    struct snek_error *e)
{
	struct sk_record_cluster r;
	struct sk_buf b = { 0 };
	int rc = sk_lmdb_read_cluster(t, &r, e);

	if (rc)
		return rc;
	c->id = r.next_category++;
	c->shards = r.c.level;
	sk_placement(r.c.draw++, r.c.shards, r.c.level, c->shard);
	return sk_lmdb_put_packed(t, DB_CLUSTER, sk_record_text("cluster"), &b,
	    sk_record_pack_cluster(&b, &r), e);
}

static int create(struct sk_lmdb_txn *t, const char *name,
    struct sk_meta_category *c, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	uint8_t key[16];
	int rc;

	memset(c, 0, sizeof(*c));
	memcpy(c->name, name, strlen(name));
	rc = draw(t, c, e);
	if (rc)
		return rc;
	rc = sk_lmdb_put_packed(t, DB_NAME, sk_record_text(name), &b,
	    sk_record_pack_numbers(&b, c->id, 0), e);
	if (!rc)
		rc = sk_lmdb_put_packed(t, DB_CATEGORY, sk_record_key(key, c->id),
		    &b, sk_record_pack_category(&b, c), e);
	return rc ? rc : sk_lmdb_write_state(t, c, e);
}

static int get(struct sk_meta *m, const char *name, struct sk_meta_category *c,
    struct snek_error *e)
{
	struct sk_lmdb_txn t;
	int rc = sk_lmdb_begin(m, false, &t, e);

	return rc ? rc : sk_lmdb_end(&t, read_by_name(&t, name, c, e), e);
}

int sk_lmdb_category_get_or_create(struct sk_meta *m, const char *name,
    struct sk_meta_category *out, struct snek_error *e)
{
	struct sk_meta_category c;
	struct sk_lmdb_txn t;
	int rc;

	if (!*name || strlen(name) > SK_NAME_MAX)
		return sk_fail(e, SNEK_EINVAL, "a category's name has 1 to %u "
		    "characters", SK_NAME_MAX);
	rc = get(m, name, &c, e);
	if (rc == SNEK_ENOENT) {
		rc = sk_lmdb_begin(m, true, &t, e);
		if (rc)
			return rc;
		rc = read_by_name(&t, name, &c, e);
		if (rc == SNEK_ENOENT)
			rc = sk_lmdb_commit(&t, create(&t, name, &c, e), e);
		else
			sk_lmdb_end(&t, rc, e);
	}
	if (!rc)
		*out = c;
	return rc;
}

int sk_lmdb_category_get(struct sk_meta *m, const char *name,
    struct sk_meta_category *out, struct snek_error *e)
{
	struct sk_meta_category c;
	struct sk_lmdb_txn t;
	int rc = sk_lmdb_begin(m, false, &t, e);

	if (rc)
		return rc;
	rc = sk_lmdb_end(&t, read_visible(&t, name, &c, e), e);
	if (!rc)
		*out = c;
	return rc;
}

struct lister {
	struct sk_lmdb_txn *t;
	int (*visit)(void *, const struct sk_meta_category *);
	void *arg;
};

static int list_one(void *arg, struct sk_span key, struct sk_span value,
    struct snek_error *e)
{
	struct lister *l = arg;
	struct sk_meta_category c;
	uint64_t id, zero;
	int rc;

	(void)key;
	if (!sk_record_unpack_numbers(value, &id, &zero))
		return sk_lmdb_damaged(l->t, "a category's name", e);
	rc = sk_lmdb_read_category(l->t, id, &c, e);
	if (rc == SNEK_ENOENT)
		return sk_lmdb_damaged(l->t, "a category's name", e);
	if (rc || !c.version)
		return rc;
	return l->visit(l->arg, &c);
}

int sk_lmdb_category_list(struct sk_meta *m,
    int (*visit)(void *, const struct sk_meta_category *), void *arg,
    struct snek_error *e)
{
	struct sk_lmdb_txn t;
	struct lister l = { &t, visit, arg };

	return sk_lmdb_list(m, DB_NAME, &t, list_one, &l, e);
}

/* ---- removing ---- */

struct remover {
	struct sk_lmdb_txn *t;
	struct sk_buf scratch;
};

static int drop_entry(void *arg, struct sk_span key, struct sk_span value,
    struct snek_error *e)
{
	struct remover *r = arg;
	struct sk_meta_entry m;
	int rc = sk_lmdb_entry(r->t, key, value, &r->scratch, &m, e);

	if (rc)
		return rc;
	rc = sk_lmdb_del(r->t, DB_NAMED, sk_record_write(&m.write), e);
	return rc ? rc : SK_LMDB_DROP;
}

static int drop_any(void *arg, struct sk_span key, struct sk_span value,
    struct snek_error *e)
{
	(void)arg;
	(void)key;
	(void)value;
	(void)e;
	return SK_LMDB_DROP;
}

static int remove_category(struct sk_lmdb_txn *t, const char *name,
    struct snek_error *e)
{
	struct remover r = { .t = t };
	struct sk_meta_category c;
	struct sk_span id;
	uint8_t key[16];
	int rc = read_visible(t, name, &c, e);

	if (rc)
		return rc;
	id = sk_record_key(key, c.id);
	rc = sk_lmdb_walk(t, DB_MANIFEST, id, id, drop_entry, &r, e);
	sk_buf_free(&r.scratch);
	if (!rc)
		rc = sk_lmdb_walk(t, DB_REQUEST, id, id, drop_any, NULL, e);
	if (!rc)
		rc = sk_lmdb_del(t, DB_STATE, id, e);
	if (!rc)
		rc = sk_lmdb_del(t, DB_CATEGORY, id, e);
	return rc ? rc : sk_lmdb_del(t, DB_NAME, sk_record_text(name), e);
}

int sk_lmdb_category_remove(struct sk_meta *m, const char *name,
    struct snek_error *e)
{
	struct sk_lmdb_txn t;
	int rc = sk_lmdb_begin(m, true, &t, e);

	return rc ? rc : sk_lmdb_commit(&t, remove_category(&t, name, e), e);
}

/* ---- snapshot ---- */

struct walker {
	struct sk_lmdb_txn *t;
	struct sk_buf scratch;
	uint64_t next, version; /* the entries must cover next .. version */
	uint64_t from;
	int (*visit)(void *, const struct sk_meta_entry *);
	void *arg;
};

static int walk_one(void *arg, struct sk_span key, struct sk_span value,
    struct snek_error *e)
{
	struct walker *w = arg;
	struct sk_meta_entry m;
	int rc = sk_lmdb_entry(w->t, key, value, &w->scratch, &m, e);

	if (rc)
		return rc;
	if (w->next && m.first != w->next)
		return sk_lmdb_damaged(w->t, "a manifest", e);
	w->next = m.last + 1;
	return m.last < w->from ? 0 : w->visit(w->arg, &m);
}

static int snapshot(struct walker *w, const char *name,
    struct sk_meta_category *c, struct snek_error *e)
{
	struct sk_span id, start;
	uint8_t key[16], from[16];
	int rc = read_visible(w->t, name, c, e);

	if (rc || w->from > c->version)
		return rc;
	id = sk_record_key(key, c->id);
	rc = sk_lmdb_floor(w->t, DB_MANIFEST,
	    sk_record_key2(from, c->id, w->from ? w->from : 1), &start, e);
	if (rc == SNEK_ENOENT || (!rc &&
	    (start.n != 16 || memcmp(start.p, id.p, id.n))))
		return sk_lmdb_damaged(w->t, "a manifest", e);
	if (rc)
		return rc;
	rc = sk_lmdb_walk(w->t, DB_MANIFEST, id, start, walk_one, w, e);
	if (!rc && w->next != c->version + 1)
		return sk_lmdb_damaged(w->t, "a manifest", e);
	return rc;
}

int sk_lmdb_snapshot(struct sk_meta *m, const char *name, uint64_t from,
    struct sk_meta_category *c, int (*visit)(void *,
    const struct sk_meta_entry *), void *arg, struct snek_error *e)
{
	struct sk_lmdb_txn t;
	struct walker w = { .t = &t, .from = from, .visit = visit, .arg = arg };
	int rc = sk_lmdb_begin(m, false, &t, e);

	if (rc)
		return rc;
	rc = sk_lmdb_end(&t, snapshot(&w, name, c, e), e);
	c->moment = t.number;
	sk_buf_free(&w.scratch);
	return rc;
}
