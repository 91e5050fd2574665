/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "aws/bundle.h"
#include "aws/dpkg.h"
#include "base/hash.h"

#define COPYRIGHT_MOST ((uint64_t)4 << 20)

/* ---- whose ---- */

static int add_copyright(struct sk_bundler *b, const char *package,
    const char *path, struct snek_error *e)
{
	struct sk_buf text = { 0 };
	char name[300];
	int rc = sk_layout_read(path, COPYRIGHT_MOST, &text, NULL, NULL);

	snprintf(name, sizeof(name), "snek/copyright/%.280s", package);
	if (!rc)
		return sk_layout_take(&b->layout, name, &text, false, e);
	sk_buf_free(&text);
	return rc == SNEK_ENOMEM ? sk_enomem(e) : 0;   /* there is none */
}

static bool is_first(const struct sk_package *p, size_t i)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (!strcmp(p[k].name, p[i].name))
			return false;
	return *p[i].name;
}

/* A package's, once; ours and of what is linked in lies beside the worker. */
static int add_copyrights(struct sk_bundler *b, const struct sk_package *p,
    struct snek_error *e)
{
	char path[PATH_MAX], name[128];
	size_t i;
	int rc;

	snprintf(path, sizeof(path), "%.4000s.copyright", b->worker);
	rc = add_copyright(b, "snek", path, e);
	for (i = 0; !rc && i < b->closure.n; i++) {
		if (!is_first(p, i))
			continue;
		snprintf(name, sizeof(name), "%.*s",
		    (int)strcspn(p[i].name, ":"), p[i].name);
		snprintf(path, sizeof(path), "/usr/share/doc/%s/copyright",
		    name);
		rc = add_copyright(b, name, path, e);
	}
	return rc;
}

/* ---- what ---- */

/* "2.36" of the C library that goes along; "" of another one than glibc. */
static void glibc_version(const struct sk_closure *c, char out[24])
{
	const struct sk_object *libc = sk_closure_find(c, "libc.so.6");
	unsigned major, minor, most = 0;
	const char *version;
	uint64_t at = 0;

	*out = '\0';
	while (libc && (version = sk_elf_version(&libc->elf, &at)))
		if (sscanf(version, "GLIBC_%u.%u", &major, &minor) == 2 &&
		    major * 10000 + minor > most) {
			most = major * 10000 + minor;
			snprintf(out, 24, "%u.%u", major, minor);
		}
}

/* "# libc6:amd64 2.36-9: snek/ld.so snek/libc.so.6" */
static bool put_package(struct sk_buf *text, const struct sk_bundler *b,
    const struct sk_package *p, size_t i)
{
	char buf[300];
	size_t k;
	bool ok = sk_buf_printf(text, "# %s %s:", p[i].name, p[i].version);

	for (k = i; ok && k < b->closure.n; k++)
		if (!strcmp(p[k].name, p[i].name))
			ok = sk_buf_printf(text, " %s", sk_bundle_name(b,
			    b->closure.object[k], buf));
	return ok && sk_buf_byte(text, '\n');
}

static bool put_manifest(struct sk_buf *text, const struct sk_bundler *b,
    const struct sk_package *p)
{
	const struct sk_zip_file *f = b->layout.file;
	char glibc[24], hex[65];
	size_t i;
	bool ok;

	glibc_version(&b->closure, glibc);
	ok = sk_buf_printf(text, "# snek %s%s%s\n", PACKAGE_VERSION,
	    *glibc ? ", glibc " : "", glibc);
	for (i = 0; ok && i < b->closure.n; i++)
		if (is_first(p, i))
			ok = put_package(text, b, p, i);
	for (i = 0; ok && i < b->layout.n; i++) {
		sk_sha256_hex(f[i].bytes.p, f[i].bytes.n, hex);
		ok = sk_buf_printf(text, "%s  %s\n", hex, f[i].name);
	}
	return ok;
}

static int add_manifest(struct sk_bundler *b, const struct sk_package *p,
    struct snek_error *e)
{
	struct sk_buf text = { 0 };
	int rc = sk_layout_sort(&b->layout, e);

	if (rc)
		return rc;
	if (put_manifest(&text, b, p))
		return sk_layout_take(&b->layout, "snek/manifest", &text, false,
		    e);
	sk_buf_free(&text);
	return sk_enomem(e);
}

/* ---- both ---- */

int sk_bundle_add_about(struct sk_bundler *b, struct snek_error *e)
{
	size_t i, n = b->closure.n;
	struct sk_package *p = calloc(n, sizeof(*p));
	char **path = calloc(n, sizeof(*path));
	int rc = p && path ? 0 : sk_enomem(e);

	for (i = 0; !rc && i < n; i++) {
		path[i] = realpath(b->closure.object[i]->path, NULL);
		if (!path[i] && !(path[i] = strdup("")))
			rc = sk_enomem(e);
	}
	if (!rc)
		rc = sk_dpkg_find(SK_DPKG, (const char *const *)path, n, p, e);
	if (!rc)
		rc = add_copyrights(b, p, e);
	if (!rc)
		rc = add_manifest(b, p, e);
	for (i = 0; path && i < n; i++)
		free(path[i]);
	free(path);
	free(p);
	return rc;
}
