/* SPDX-License-Identifier: MIT */
#include "job/addition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/weburl.h"
#include "job/about.h"
#include "job/function_parts.h"
#include "task/elf.h"

void sk_addition_free(struct sk_addition *a)
{
	free(a->record);
	sk_buf_free(&a->bytes);
	sk_function_free(&a->file);
	memset(a, 0, sizeof(*a));
}

/* ---- names ---- */

static int check_shipped(const char *name, struct snek_error *e)
{
	char *path;
	int rc = sk_function_shipped(name, strlen(name), &path);

	if (rc != 1)
		return rc ? sk_enomem(e) : 0;
	free(path);
	return sk_fail(e, SNEK_EEXIST, "%s ships with snek; --replace puts this "
	    "one in its place", name);
}

static const char *kind_name(uint32_t kind)
{
	static const char *const name[] = { "an op of the plugin", "a URL",
		"a C function" };

	return name[kind < 3 ? kind : 0];
}

static int check_registered(struct sk_catalog *cat,
    const struct sk_meta_function *m, struct snek_error *e)
{
	struct snek_error why = { 0 };
	struct sk_meta_function old;
	int rc = cat->meta->ops->function_get(cat->meta, m->name, &old, &why);

	if (rc == SNEK_ENOENT || (!rc && old.kind == m->kind &&
	    !strcmp(old.plugin, m->plugin)))
		return 0;
	if (rc) {
		if (e)
			*e = why;
		return rc;
	}
	return sk_fail(e, SNEK_EEXIST, "%s is registered already, as %s%s%s; "
	    "--replace takes the name", m->name, kind_name(old.kind),
	    old.kind ? "" : " ", old.kind ? "" : old.plugin);
}

static int check_names(struct sk_catalog *cat, const struct sk_addition *a,
    struct snek_error *e)
{
	uint32_t i;
	int rc = check_shipped(a->name, e);

	for (i = 0; i < a->records && !rc; i++)
		rc = check_registered(cat, &a->record[i], e);
	return rc;
}

static bool make_records(struct sk_addition *a, uint32_t n)
{
	a->record = calloc(n ? n : 1, sizeof(*a->record));
	a->records = n;
	return a->record;
}

/* ---- files ---- */

static int take_file(sk_worker *w, struct sk_addition *a, const char *path,
    struct snek_error *e)
{
	int rc = sk_elf_check(path, e);

	if (rc)
		return rc;
	a->file.path = strdup(path);
	if (!a->file.path)
		return sk_enomem(e);
	rc = sk_function_take(w, &a->file, &a->bytes, e);
	if (!rc)
		sk_sha256_hex(a->bytes.p, a->bytes.n, a->file.sha256);
	return rc;
}

/* ---- a plugin ---- */

static int describe(const struct sk_plugin *p, uint32_t i, const char *sha256,
    struct sk_meta_function *m, struct snek_error *e)
{
	if (p->ops == 1)
		snprintf(m->name, sizeof(m->name), "%s", p->name);
	else
		snprintf(m->name, sizeof(m->name), "%.63s.%.64s", p->name,
		    p->op[i].op.name);
	snprintf(m->plugin, sizeof(m->plugin), "%s", p->name);
	snprintf(m->op, sizeof(m->op), "%.128s", p->op[i].op.name);
	snprintf(m->version, sizeof(m->version), "%s", p->version);
	memcpy(m->sha256, sha256, sizeof(m->sha256));
	return sk_about_put(p, i, m, e);
}

static int describe_all(struct sk_addition *a, struct snek_error *e)
{
	const struct sk_plugin *p = a->file.plugin;
	uint32_t i;
	int rc = 0;

	snprintf(a->name, sizeof(a->name), "%s", p->name);
	if (!make_records(a, p->ops))
		return sk_enomem(e);
	for (i = 0; i < p->ops && !rc; i++)
		rc = describe(p, i, a->file.sha256, &a->record[i], e);
	return rc;
}

int sk_addition_described(struct sk_plugin *p, const char *sha256,
    struct sk_addition *a, struct snek_error *e)
{
	int rc;

	memset(a, 0, sizeof(*a));
	a->file.plugin = p;
	snprintf(a->file.sha256, sizeof(a->file.sha256), "%s", sha256);
	rc = describe_all(a, e);
	if (rc)
		sk_addition_free(a);
	return rc;
}

/* It is described by its sealed copy, whose bytes are those that are stored. */
int sk_addition_plugin(struct sk_catalog *cat, sk_worker *w, const char *path,
    bool replace, struct sk_addition *a, struct snek_error *e)
{
	int rc;

	memset(a, 0, sizeof(*a));
	rc = take_file(w, a, path, e);
	if (!rc)
		rc = sk_function_open(w, true, path, a->file.file,
		    &a->file.plugin, e);
	if (!rc)
		rc = describe_all(a, e);
	if (!rc && !replace)
		rc = check_names(cat, a, e);
	if (rc)
		sk_addition_free(a);
	return rc;
}

/* ---- a C function ---- */

static int too_long(const char *what, struct snek_error *e)
{
	return sk_fail(e, SNEK_ELIMIT, "%s is too long to be registered", what);
}

static int describe_call(struct sk_addition *a, const struct sk_call *c,
    struct snek_error *e)
{
	const char *slash = strrchr(c->lib, '/');
	const char *lib = slash ? slash + 1 : c->lib;
	struct sk_meta_function *m = a->record;

	m->kind = SK_FUNCTION_CALL;
	if (strlen(c->function) >= sizeof(m->op))
		return too_long("the function's name", e);
	if (strlen(lib) >= sizeof(m->lib))
		return too_long("the library's name", e);
	if (strlen(c->signature) >= sizeof(m->signature))
		return too_long("the signature", e);
	if (c->fields && strlen(c->fields) >= sizeof(m->fields))
		return too_long("the list of fields", e);
	memcpy(m->op, c->function, strlen(c->function) + 1);
	memcpy(m->lib, lib, strlen(lib) + 1);
	memcpy(m->signature, c->signature, strlen(c->signature) + 1);
	if (c->fields)
		memcpy(m->fields, c->fields, strlen(c->fields) + 1);
	memcpy(m->sha256, a->file.sha256, sizeof(m->sha256));
	return 0;
}

static int named(struct sk_addition *a, const char *name, struct snek_error *e)
{
	int rc = sk_name_check("function", name, e);

	if (rc)
		return rc;
	if (!make_records(a, 1))
		return sk_enomem(e);
	snprintf(a->name, sizeof(a->name), "%s", name);
	snprintf(a->record->name, sizeof(a->record->name), "%s", name);
	snprintf(a->record->plugin, sizeof(a->record->plugin), "%s", name);
	return 0;
}

/* Is it there, and can it be called so?  As a job would find out. */
static int try_call(const struct sk_call *c, bool trust, struct snek_error *e)
{
	const struct sk_worker_options o = { .workers = 1, .trust = trust,
		.lib = c->lib };
	const struct sk_exec_plugin plugin = { 0, NULL, c };
	const struct sk_exec_sides no_sides = { 0 };
	struct sk_args none = { 0 };
	struct sk_plugin *p = NULL;
	struct sk_opened opened;
	sk_worker *w = NULL;
	int rc = sk_call_describe(c, &p, e);

	if (!rc)
		rc = sk_worker_open(&o, &w, e);
	if (!rc)
		rc = sk_worker_open_op(w, &plugin, p->op, &none, "", &no_sides,
		    &opened, e);
	if (!rc)
		sk_opened_free(&opened);
	sk_worker_close(w);
	sk_plugin_close(p);
	return rc;
}

int sk_addition_call(struct sk_catalog *cat, const char *name,
    const struct sk_call *c, bool replace, bool trust, struct sk_addition *a,
    struct snek_error *e)
{
	int rc;

	memset(a, 0, sizeof(*a));
	a->trust = trust;
	rc = named(a, name, e);
	if (!rc)
		rc = try_call(c, trust, e);
	if (!rc && strchr(c->lib, '/'))
		rc = take_file(NULL, a, c->lib, e);
	if (!rc)
		rc = describe_call(a, c, e);
	if (!rc && !replace)
		rc = check_names(cat, a, e);
	if (rc)
		sk_addition_free(a);
	return rc;
}

/* ---- a URL ---- */

int sk_addition_url(struct sk_catalog *cat, const char *name, const char *url,
    bool replace, struct sk_addition *a, struct snek_error *e)
{
	int rc;

	memset(a, 0, sizeof(*a));
	rc = sk_weburl_check(url, e);
	if (!rc)
		rc = named(a, name, e);
	if (!rc) {
		a->record->kind = SK_FUNCTION_URL;
		snprintf(a->record->url, sizeof(a->record->url), "%s", url);
	}
	if (!rc && !replace)
		rc = check_names(cat, a, e);
	if (rc)
		sk_addition_free(a);
	return rc;
}

/* ---- into the cluster ---- */

/* A Lambda that nobody spoke of stays known: it was made for an earlier file,
 * perhaps, which its plugin_sha256 tells. */
static int keep_lambda(struct sk_catalog *cat, struct sk_meta_function *m,
    struct snek_error *e)
{
	struct snek_error why = { 0 };
	struct sk_meta_function old;
	int rc = *m->lambda.arn ? SNEK_ENOENT :
	    cat->meta->ops->function_get(cat->meta, m->name, &old, &why);

	if (rc == SNEK_ENOENT)
		return 0;
	if (rc && e)
		*e = why;
	if (!rc && old.kind == m->kind && !strcmp(old.plugin, m->plugin))
		m->lambda = old.lambda;
	return rc;
}

/* The library as it is stored lies alone. */
static int check_stored(struct sk_catalog *cat, const struct sk_addition *a,
    struct snek_error *e)
{
	const struct sk_meta_function *m = a->record;
	struct sk_call c = { NULL, m->op, m->signature,
		*m->fields ? m->fields : NULL };
	struct sk_buf path = { 0 };
	int rc;

	if (m->kind != SK_FUNCTION_CALL || !a->bytes.n || cat->bare)
		return 0;
	rc = sk_catalog_plugin_path(cat, m->sha256, &path, e);
	c.lib = path.p;
	if (!rc)
		rc = try_call(&c, a->trust, e);
	if (rc && rc != SNEK_ENOMEM)
		rc = sk_fail_in(e, rc, "%s, as the copy that the cluster keeps",
		    m->lib);
	sk_buf_free(&path);
	return rc;
}

int sk_addition_commit(struct sk_catalog *cat, struct sk_addition *a,
    bool *changed, struct snek_error *e)
{
	uint32_t i;
	int rc = a->bytes.n ? sk_catalog_plugin_put(cat,
	    (struct sk_span){ a->bytes.p, a->bytes.n }, a->file.sha256, e) : 0;

	if (!rc)
		rc = check_stored(cat, a, e);
	for (i = 0; i < a->records && !rc; i++)
		rc = keep_lambda(cat, &a->record[i], e);
	return rc ? rc : cat->meta->ops->function_put(cat->meta, a->record,
	    a->records, a->name, changed, e);
}
