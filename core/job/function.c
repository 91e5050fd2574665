/* SPDX-License-Identifier: MIT */
#include "job/function_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "job/about.h"

static int load(sk_worker *w, struct sk_function *f, const char *op,
    struct snek_error *e)
{
	int rc = sk_function_open(w, false, f->path, f->file, &f->plugin, e);

	if (rc)
		return rc;
	f->op = sk_plugin_op(f->plugin, op, e);
	return f->op ? 0 : SNEK_ENOENT;
}

static int find_file(sk_worker *w, const char *name, struct sk_function *f,
    struct snek_error *e)
{
	const char *colon = strrchr(name, ':');
	const char *op = colon && !strchr(colon, '/') && access(name, F_OK)
	    ? colon + 1 : NULL;
	int rc;

	f->origin = "file";
	f->path = op ? strndup(name, (size_t)(colon - name)) : strdup(name);
	if (!f->path)
		return sk_enomem(e);
	rc = sk_function_take_file(w, f, e);
	return rc ? rc : load(w, f, op, e);
}

/* ---- registered ones ---- */

static const char *what_of(const struct sk_function *f)
{
	return f->record->kind == SK_FUNCTION_CALL ? "library" : "plugin";
}

static int check_digest(sk_worker *w, struct sk_function *f,
    const char *name, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	char recorded[65];
	int rc;

	memcpy(recorded, f->sha256, sizeof(recorded));
	rc = sk_function_take(w, f, &b, e);
	if (!rc)
		sk_sha256_hex(b.p, b.n, f->sha256);
	sk_buf_free(&b);
	if (rc == SNEK_ENOENT)
		return sk_fail(e, SNEK_ECORRUPT, "function %s: its %s %s is "
		    "missing; add it again with snek-add-function", name,
		    what_of(f), f->path);
	if (!rc && strcmp(recorded, f->sha256))
		return sk_fail(e, SNEK_ECORRUPT, "function %s: its %s %s is "
		    "damaged; add it again with snek-add-function", name,
		    what_of(f), f->path);
	return rc;
}

/* Where its bytes are; a URL, and a library that the loader finds, have none
 * here. */
static int find_path(struct sk_catalog *cat, struct sk_function *f,
    struct snek_error *e)
{
	struct sk_buf path = { 0 };
	int rc;

	if (!*f->record->sha256)
		return 0;
	rc = sk_catalog_plugin_path(cat, f->record->sha256, &path, e);
	if (!rc) {
		f->path = path.p;
		return 0;
	}
	sk_buf_free(&path);
	return rc == SNEK_ENOENT ? sk_fail(e, SNEK_ECORRUPT, "function %s: its "
	    "%s is missing; add it again with snek-add-function",
	    f->record->name, what_of(f)) : rc;
}

static void describe_call(struct sk_function *f)
{
	const struct sk_meta_function *m = f->record;

	if (m->kind != SK_FUNCTION_CALL)
		return;
	f->call = (struct sk_call){ f->path ? f->path : m->lib, m->op,
		m->signature, *m->fields ? m->fields : NULL };
}

/* Registered from where the cluster's plugins are not kept: its Lambda alone
 * has its bytes. */
static bool is_away(const struct sk_meta_function *m)
{
	return m->kind == SK_FUNCTION_OP && *m->lambda.arn && m->about_n;
}

static int look(struct sk_catalog *cat, const char *name,
    struct sk_function *f, struct snek_error *e)
{
	struct sk_meta_function m;
	int rc = cat ? cat->meta->ops->function_get(cat->meta, name, &m, e)
	    : SNEK_ENOENT;

	if (rc)
		return rc;
	f->record = malloc(sizeof(m));
	if (!f->record)
		return sk_enomem(e);
	*f->record = m;
	f->origin = "registered";
	f->generation = m.generation;
	memcpy(f->sha256, m.sha256, sizeof(f->sha256));
	rc = cat->bare ? 0 : find_path(cat, f, e);
	if (rc == SNEK_ECORRUPT && is_away(&m)) {
		if (e)
			memset(e, 0, sizeof(*e));
		rc = 0;
	}
	if (!rc)
		describe_call(f);
	return rc;
}

int sk_function_look(struct sk_catalog *cat, const char *name,
    struct sk_function *f, struct snek_error *e)
{
	struct snek_error why = { 0 };
	int rc = strchr(name, '/') ? SNEK_ENOENT : look(cat, name, f, &why);

	if (!rc || (rc == SNEK_ENOENT && !f->origin))
		return 0;
	if (e)
		*e = why;
	sk_function_free(f);
	return rc;
}

static int map_url(snek_ctx *c, void *self, struct snek_record r)
{
	(void)self;
	(void)r;
	return snek_fail(c, SNEK_EINVAL, "it is a URL, which runs elsewhere");
}

static int load_url(struct sk_function *f, struct snek_error *e)
{
	struct sk_plugin *p = calloc(1, sizeof(*p));

	if (p)
		p->op = calloc(1, sizeof(*p->op));
	if (!p || !p->op) {
		free(p);
		return sk_enomem(e);
	}
	p->ops = 1;
	p->op->op = (struct snek_op){ .size = sizeof(p->op->op),
		.name = f->record->name, .map = map_url,
		.summary = f->record->url };
	snprintf(p->name, sizeof(p->name), "%.64s", f->record->name);
	f->plugin = p;
	f->op = p->op;
	return 0;
}

static int load_call(sk_worker *w, struct sk_function *f, struct snek_error *e)
{
	int rc = w ? sk_call_describe(&f->call, &f->plugin, e)
	    : sk_call_open(&f->call, &f->plugin, e);

	if (rc)
		return rc;
	snprintf(f->plugin->name, sizeof(f->plugin->name), "%.64s",
	    f->record->lib);
	f->op = f->plugin->op;
	return 0;
}

/* As its record has it: what it is, and none of its code. */
static int load_described(struct sk_function *f, struct snek_error *e)
{
	int rc;

	if (f->record->kind == SK_FUNCTION_CALL) {
		rc = sk_call_describe(&f->call, &f->plugin, e);
		f->op = rc ? NULL : f->plugin->op;
		return rc;
	}
	rc = sk_about_get(f->record, &f->plugin, e);
	if (rc)
		return rc;
	f->op = sk_plugin_op(f->plugin, f->record->op, e);
	return f->op ? 0 : SNEK_ENOENT;
}

/* A child need not be started to say what the record does. */
static bool is_told(struct sk_function *f)
{
	if (f->record->kind != SK_FUNCTION_OP || !f->record->about_n)
		return false;
	if (!load_described(f, NULL))
		return true;
	sk_plugin_close(f->plugin);     /* another release wrote it */
	f->plugin = NULL;
	return false;
}

static int load_registered(struct sk_catalog *cat, sk_worker *w,
    struct sk_function *f, struct snek_error *e)
{
	int rc = f->path ? check_digest(w, f, f->record->name, e) : 0;

	if (rc)
		return rc;
	if (f->record->kind == SK_FUNCTION_URL)
		return load_url(f, e);
	if (cat->bare || (!f->path && f->record->kind == SK_FUNCTION_OP))
		return load_described(f, e);
	if (f->record->kind == SK_FUNCTION_CALL)
		return load_call(w, f, e);
	if (w && is_told(f))
		return 0;
	return load(w, f, f->record->op, e);
}

/* ---- any ---- */

static int find_shipped(sk_worker *w, const char *name,
    struct sk_function *f, struct snek_error *e)
{
	const char *dot = strchr(name, '.');
	int rc;

	rc = sk_function_shipped(name, strlen(name), &f->path);
	if (rc == 1)
		dot = NULL;
	else if (!rc && dot)
		rc = sk_function_shipped(name, (size_t)(dot - name), &f->path);
	if (rc != 1)
		return rc ? sk_enomem(e) : SNEK_ENOENT;
	f->origin = "shipped";
	rc = sk_function_take_file(w, f, e);
	return rc ? rc : load(w, f, dot ? dot + 1 : NULL, e);
}

/* SNEK_ENOENT without an origin: look further. */
static int find(struct sk_catalog *cat, sk_worker *w, const char *name,
    struct sk_function *f, struct snek_error *e)
{
	int rc;

	if (strchr(name, '/'))
		return find_file(w, name, f, e);
	if (f->record)
		return load_registered(cat, w, f, e);
	rc = find_shipped(w, name, f, e);
	if (rc == SNEK_ENOENT && !f->origin)
		rc = sk_function_none(cat, w, name, e);
	return rc;
}

int sk_function_load(struct sk_catalog *cat, sk_worker *w, const char *name,
    struct sk_function *f, struct snek_error *e)
{
	struct snek_error why = { 0 };  /* e stays untouched on success */
	int rc = find(cat, w, name, f, &why);

	if (!rc)
		return 0;
	if (e)
		*e = why;
	sk_function_free(f);
	return rc;
}

int sk_function_find(struct sk_catalog *cat, sk_worker *w, const char *name,
    struct sk_function *f, struct snek_error *e)
{
	int rc;

	memset(f, 0, sizeof(*f));
	rc = sk_function_look(cat, name, f, e);
	return rc ? rc : sk_function_load(cat, w, name, f, e);
}

int sk_function_digest(struct sk_function *f, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	struct stat st;
	int rc = 0;

	if (*f->sha256 || !f->path)
		return 0;
	if (!f->file)
		rc = sk_function_take(NULL, f, &b, e);
	else if (fstat(f->file, &st) ||
	    !sk_channel_slurp(f->file, (uint64_t)st.st_size, &b))
		rc = sk_fail(e, SNEK_ENOMEM, "cannot read the copy of %s",
		    f->path);
	if (!rc)
		sk_sha256_hex(b.p, b.n, f->sha256);
	sk_buf_free(&b);
	return rc;
}

void sk_function_free(struct sk_function *f)
{
	sk_plugin_close(f->plugin);
	free(f->record);
	free(f->path);
	if (f->file > 0)
		close(f->file);
	memset(f, 0, sizeof(*f));
}
