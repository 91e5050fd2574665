/* SPDX-License-Identifier: MIT */
#include "store/meta_lmdb.h"

static int no_function(const char *name, struct snek_error *e)
{
	return sk_fail(e, SNEK_ENOENT, "no such function: %s", name);
}

static int unpack(const struct sk_lmdb_txn *t, struct sk_span name,
    struct sk_span v, struct sk_meta_function *out, struct snek_error *e)
{
	int rc = sk_record_read_function(t->env->path, name, v, out, e);

	return rc == SNEK_ECORRUPT ? sk_lmdb_damaged(t, "a function", e) : rc;
}

/* SNEK_ENOENT without text. */
static int get(struct sk_lmdb_txn *t, const char *name,
    struct sk_meta_function *out, struct snek_error *e)
{
	struct sk_span v;
	int rc = *name && strlen(name) <= SK_NAME_MAX ?
	    sk_lmdb_get(t, DB_FUNCTION, sk_record_text(name), &v, e) : SNEK_ENOENT;

	return rc ? rc : unpack(t, sk_record_text(name), v, out, e);
}

int sk_lmdb_function_get(struct sk_meta *m, const char *name,
    struct sk_meta_function *out, struct snek_error *e)
{
	struct sk_meta_function f;
	struct sk_lmdb_txn t;
	int rc = sk_lmdb_begin(m, false, &t, e);

	if (rc)
		return rc;
	rc = sk_lmdb_end(&t, get(&t, name, &f, e), e);
	if (rc)
		return rc == SNEK_ENOENT ? no_function(name, e) : rc;
	*out = f;
	return 0;
}

static int put_one(struct sk_lmdb_txn *t, const struct sk_meta_function *f,
    bool *changed, struct snek_error *e)
{
	struct sk_meta_function old, new = *f;
	struct sk_buf b = { 0 };
	int rc = get(t, f->name, &old, e);

	if (rc && rc != SNEK_ENOENT)
		return rc;
	if (!rc && sk_record_same_function(&old, f))
		return 0;
	new.generation = rc ? 1 : old.generation + 1;
	*changed = true;
	return sk_lmdb_put_packed(t, DB_FUNCTION, sk_record_text(f->name), &b,
	    sk_record_pack_function(&b, &new), e);
}

struct dropper {
	struct sk_lmdb_txn *t;
	const struct sk_meta_function *keep;
	uint32_t n;
	const char *plugin;
	bool dropped;
};

static int drop_one(void *arg, struct sk_span key, struct sk_span value,
    struct snek_error *e)
{
	struct dropper *d = arg;
	struct sk_meta_function f;
	uint32_t i;
	int rc = unpack(d->t, key, value, &f, e);

	if (rc)
		return rc;
	if (strcmp(f.plugin, d->plugin))
		return 0;
	for (i = 0; i < d->n; i++)
		if (!strcmp(f.name, d->keep[i].name))
			return 0;
	d->dropped = true;
	return SK_LMDB_DROP;
}

/* Functions of the plugin other than those n. */
static int drop_others(struct dropper *d, struct snek_error *e)
{
	const struct sk_span none = { NULL, 0 };

	return sk_lmdb_walk(d->t, DB_FUNCTION, none, none, drop_one, d, e);
}

static int put(struct sk_lmdb_txn *t, const struct sk_meta_function *f,
    uint32_t n, const char *plugin, bool *changed, struct snek_error *e)
{
	struct dropper d = { t, f, n, plugin, false };
	uint32_t i;
	int rc = drop_others(&d, e);

	*changed = d.dropped;
	for (i = 0; i < n && !rc; i++)
		rc = put_one(t, &f[i], changed, e);
	return rc;
}

int sk_lmdb_function_put(struct sk_meta *m, const struct sk_meta_function *f,
    uint32_t n, const char *plugin, bool *out_changed, struct snek_error *e)
{
	struct sk_lmdb_txn t;
	bool changed = false;
	int rc = sk_record_check_functions(f, n, plugin, e);

	if (!rc)
		rc = sk_lmdb_begin(m, true, &t, e);
	if (rc)
		return rc;
	rc = put(&t, f, n, plugin, &changed, e);
	rc = rc || changed ? sk_lmdb_commit(&t, rc, e) : sk_lmdb_end(&t, 0, e);
	if (!rc && out_changed)
		*out_changed = changed;
	return rc;
}

struct lister {
	struct sk_lmdb_txn *t;
	int (*visit)(void *, const struct sk_meta_function *);
	void *arg;
};

static int list_one(void *arg, struct sk_span key, struct sk_span value,
    struct snek_error *e)
{
	struct lister *l = arg;
	struct sk_meta_function f;
	int rc = unpack(l->t, key, value, &f, e);

	return rc ? rc : l->visit(l->arg, &f);
}

int sk_lmdb_function_list(struct sk_meta *m,
    int (*visit)(void *, const struct sk_meta_function *), void *arg,
    struct snek_error *e)
{
	struct sk_lmdb_txn t;
	struct lister l = { &t, visit, arg };

	return sk_lmdb_list(m, DB_FUNCTION, &t, list_one, &l, e);
}

/* One function by its name, or all of a plugin. */
static int remove_named(struct sk_lmdb_txn *t, const char *name,
    struct snek_error *e)
{
	struct dropper d = { t, NULL, 0, name, false };
	struct sk_meta_function f;
	int rc = drop_others(&d, e);

	if (rc || d.dropped)
		return rc;
	rc = get(t, name, &f, e);
	if (rc)
		return rc == SNEK_ENOENT ? no_function(name, e) : rc;
	return sk_lmdb_del(t, DB_FUNCTION, sk_record_text(name), e);
}

int sk_lmdb_function_remove(struct sk_meta *m, const char *name,
    struct snek_error *e)
{
	struct sk_lmdb_txn t;
	int rc = sk_lmdb_begin(m, true, &t, e);

	return rc ? rc : sk_lmdb_commit(&t, remove_named(&t, name, e), e);
}
