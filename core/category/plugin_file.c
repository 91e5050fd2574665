/* SPDX-License-Identifier: MIT */
/*
 * Plugin files by digest: in the cluster's directory; of a cluster on servers
 * in its meta store, and from there in the user's cache, where a file counts
 * only as long as its digest is the one it is named after.
 */
#include "category/catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "store/file.h"

#define PLUGIN_MAX ((size_t)256 << 20)

static int file_name(const char *sha256, char out[72], struct snek_error *e)
{
	if (strlen(sha256) != 64 || strspn(sha256, "0123456789abcdef") != 64)
		return sk_fail(e, SNEK_EINVAL, "\"%s\" is no SHA-256", sha256);
	snprintf(out, 72, "%s.so", sha256);
	return 0;
}

/* What others could write would be theirs to choose, digest or not: it is read
 * after it was checked. */
static int trusted(const char *path, struct snek_error *e)
{
	struct stat st;

	if (lstat(path, &st))
		return sk_fail_errno(e, "%s", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
	    st.st_mode & 022)
		return sk_fail(e, SNEK_EACCES, "%s, where plugins are kept, is "
		    "not a directory of this user's alone: remove it, or set "
		    "$XDG_CACHE_HOME", path);
	return 0;
}

static bool cache_name(struct sk_buf *path)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	bool ok;

	if (base && *base == '/')
		ok = sk_buf_printf(path, "%s/snek/plugins", base);
	else if (home && *home)
		ok = sk_buf_printf(path, "%s/.cache/snek/plugins", home);
	else
		ok = sk_buf_printf(path, "/tmp/snek-plugins-%u", geteuid());
	return ok && sk_buf_byte(path, 0);
}

/* The user's cache of plugins, made if need be. */
static int make_cache(struct sk_buf *path, struct snek_error *e)
{
	char *s;

	if (!cache_name(path))
		return sk_enomem(e);
	for (s = strchr(path->p + 1, '/'); s; s = strchr(s + 1, '/')) {
		*s = '\0';
		mkdir(path->p, 0700);
		*s = '/';
	}
	if (mkdir(path->p, 0700) && errno != EEXIST)
		return sk_fail_errno(e, "%s", path->p);
	return trusted(path->p, e);
}

static int directory(const struct sk_catalog *c, struct sk_buf *path,
    struct snek_error *e)
{
	path->n = 0;
	if (!c->dir)
		return make_cache(path, e);
	return sk_buf_printf(path, "%s/plugins", c->dir) &&
	    sk_buf_byte(path, 0) ? 0 : sk_enomem(e);
}

static int replace(const char *dir, const char *name, struct sk_span bytes,
    struct snek_error *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0)
		return sk_fail_errno(e, "%s", dir);
	rc = sk_file_replace(fd, dir, name, bytes, e);
	close(fd);
	return rc;
}

int sk_catalog_plugin_put(struct sk_catalog *c, struct sk_span bytes,
    const char *sha256, struct snek_error *e)
{
	struct sk_buf dir = { 0 };
	char name[72];
	int rc = file_name(sha256, name, e);

	if (!rc && c->meta->ops->read_only(c->meta))
		rc = sk_fail(e, SNEK_EACCES, "%s is read-only", c->where);
	if (!rc && !c->dir)
		return c->meta->ops->plugin_put(c->meta, sha256, bytes, e);
	if (!rc)
		rc = directory(c, &dir, e);
	if (!rc)
		rc = replace(dir.p, name, bytes, e);
	sk_buf_free(&dir);
	return rc;
}

/* ---- the cache ---- */

static bool has_digest(const struct sk_buf *b, const char *sha256)
{
	char hex[65];

	sk_sha256_hex(b->p, b->n, hex);
	return !strcmp(hex, sha256);
}

static bool is_cached(const char *dir, const char *name, const char *sha256)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct sk_buf b = { 0 };
	bool yes = fd >= 0 && !sk_file_read(fd, dir, name, PLUGIN_MAX, &b,
	    NULL) && has_digest(&b, sha256);

	if (fd >= 0)
		close(fd);
	sk_buf_free(&b);
	return yes;
}

static int fetch(struct sk_catalog *c, const char *dir, const char *name,
    const char *sha256, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	int rc = c->meta->ops->plugin_get(c->meta, sha256, &b, e);

	if (rc == SNEK_ENOENT)
		rc = sk_fail(e, SNEK_ECORRUPT, "%s: the meta store has lost the "
		    "plugin %.12s; add it again", c->where, sha256);
	if (!rc)
		rc = replace(dir, name, (struct sk_span){ b.p, b.n }, e);
	sk_buf_free(&b);
	return rc;
}

int sk_catalog_plugin_path(struct sk_catalog *c, const char *sha256,
    struct sk_buf *out, struct snek_error *e)
{
	struct sk_buf dir = { 0 };
	char name[72];
	size_t start = out->n;
	int rc = file_name(sha256, name, e);

	if (!rc)
		rc = directory(c, &dir, e);
	if (!rc && !c->dir && !is_cached(dir.p, name, sha256))
		rc = fetch(c, dir.p, name, sha256, e);
	if (!rc && (!sk_buf_printf(out, "%s/%s", dir.p, name) ||
	    !sk_buf_byte(out, 0)))
		rc = sk_enomem(e);
	sk_buf_free(&dir);
	if (rc)
		return rc;
	if (access(out->p + start, F_OK)) {
		rc = sk_fail_errno(e, "%s", out->p + start);
		out->n = start;
		return rc;
	}
	out->n--;               /* the NUL stays behind the path */
	return 0;
}
