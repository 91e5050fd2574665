/* SPDX-License-Identifier: MIT */
/* Into the cluster: what is registered, and only once all that can be checked
 * has been. */
#include "job/function_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "task/elf.h"

static int check_shadow(const struct sk_plugin *p, struct snek_error *e)
{
	char *path;
	int rc = sk_function_shipped(p->name, strlen(p->name), &path);

	if (rc != 1)
		return rc ? sk_enomem(e) : 0;
	free(path);
	return sk_fail(e, SNEK_EEXIST, "%s ships with snek; --replace puts this "
	    "one in its place", p->name);
}

static void describe(const struct sk_plugin *p, uint32_t i, const char *sha256,
    struct sk_meta_function *m)
{
	memset(m, 0, sizeof(*m));
	if (p->ops == 1)
		snprintf(m->name, sizeof(m->name), "%s", p->name);
	else
		snprintf(m->name, sizeof(m->name), "%.63s.%.64s", p->name,
		    p->op[i].op.name);
	snprintf(m->plugin, sizeof(m->plugin), "%s", p->name);
	snprintf(m->op, sizeof(m->op), "%.128s", p->op[i].op.name);
	snprintf(m->version, sizeof(m->version), "%s", p->version);
	memcpy(m->sha256, sha256, sizeof(m->sha256));
}

static int put_ops(struct sk_catalog *cat, const struct sk_plugin *p,
    const char *sha256, bool *changed, struct snek_error *e)
{
	struct sk_meta_function *m = calloc(p->ops, sizeof(*m));
	uint32_t i;
	int rc;

	if (!m)
		return sk_enomem(e);
	for (i = 0; i < p->ops; i++)
		describe(p, i, sha256, &m[i]);
	rc = cat->meta->ops->function_put(cat->meta, m, p->ops, p->name, changed, e);
	free(m);
	return rc;
}

/*
 * What is registered is what the stored bytes say.  The loader knows a file by
 * its path: one that was rebuilt since this process loaded it would be
 * described as it was then; the stored one has its digest for a name.
 */
static int put(struct sk_catalog *cat, sk_worker *w, struct sk_span bytes,
    int file, const char *sha256, bool *changed, struct snek_error *e)
{
	struct sk_buf path = { 0 };
	struct sk_plugin *p = NULL;
	int rc = sk_catalog_plugin_put(cat, bytes, sha256, e);

	if (!rc)
		rc = sk_catalog_plugin_path(cat, sha256, &path, e);
	if (!rc)
		rc = sk_function_open(w, true, path.p, file, &p, e);
	if (!rc)
		rc = put_ops(cat, p, sha256, changed, e);
	sk_plugin_close(p);
	sk_buf_free(&path);
	return rc;
}

/* Everything that speaks against it, before anything is stored. */
static int check_plugin(sk_worker *w, const struct sk_function *f, bool replace,
    struct snek_error *e)
{
	struct sk_plugin *p;
	int rc = sk_function_open(w, true, f->path, f->file, &p, e);

	if (rc)
		return rc;
	rc = replace ? 0 : check_shadow(p, e);
	sk_plugin_close(p);
	return rc;
}

int sk_function_add(struct sk_catalog *cat, sk_worker *w, const char *path,
    bool replace, bool *changed, struct snek_error *e)
{
	struct sk_function f = { .path = (char *)path };
	struct sk_buf b = { 0 };
	int rc = sk_elf_check(path, e);

	if (!rc)
		rc = sk_function_take(w, &f, &b, e);
	if (!rc)
		sk_sha256_hex(b.p, b.n, f.sha256);
	if (!rc)
		rc = check_plugin(w, &f, replace, e);
	if (!rc)
		rc = put(cat, w, (struct sk_span){ b.p, b.n }, f.file, f.sha256,
		    changed, e);
	sk_buf_free(&b);
	if (f.file > 0)
		close(f.file);
	return rc;
}
