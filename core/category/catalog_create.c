/* SPDX-License-Identifier: MIT */
/* Making the directory that catalog.c draws, in steps that may be cut short
 * anywhere and begun again. */
#include "category/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file.h"


static int failed(struct snek_error *e, const char *dir, const char *name)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return sk_file_failed(e, path);
}

/* Make one directory, durably: commits in it must not vanish with it. */
static int make_one(const char *path, struct snek_error *e)
{
	struct sk_buf up = { 0 };
	int rc;

	if (mkdir(path, 0755))
		return errno == EEXIST ? 0 : sk_file_failed(e, path);
	rc = sk_buf_printf(&up, "%s/..", path) && sk_buf_byte(&up, 0) ?
	    sk_file_sync_dir(up.p, e) : sk_enomem(e);
	sk_buf_free(&up);
	return rc;
}

/* Make the directory and those above it. */
static int make_dirs(const char *dir, struct snek_error *e)
{
	char *path = strdup(dir), *s;
	int rc = 0;

	if (!path)
		return sk_enomem(e);
	for (s = path + 1; *path && *s && !rc; s++) {
		if (*s != '/')
			continue;
		*s = 0;
		rc = make_one(path, e);
		*s = '/';
	}
	if (!rc)
		rc = make_one(path, e);
	free(path);
	return rc;
}

/* ---- what is there already ---- */

static bool is_ours(const char *name)
{
	static const char *const ours[] = {
		".", "..", "cluster.new", "meta.mdb", "meta.mdb-lock", "shards",
		"plugins",
	};
	size_t i, n = strlen(name);

	for (i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (!strcmp(name, ours[i]))
			return true;
	return !strncmp(name, "cluster.", 8) && n > 12 &&
	    !strcmp(name + n - 4, ".tmp");
}

/* Call visit on each entry of the directory `name` in fd (NULL: fd itself)
 * until it returns other than 0.  -1 and errno; none at all is 0. */
static int each(int fd, const char *name, int (*visit)(int, const char *))
{
	int at = openat(fd, name ? name : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = at < 0 ? NULL : fdopendir(at);
	struct dirent *de;
	int rc = d || errno == ENOENT ? 0 : -1, sys = errno;

	if (!d) {
		if (at >= 0)
			close(at);
		errno = sys;
		return rc;
	}
	while (!rc && (de = readdir(d)))
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
			rc = visit(at, de->d_name);
	closedir(d);
	return rc;
}

static int is_foreign(int fd, const char *name)
{
	(void)fd;
	return !is_ours(name);
}

static int is_any(int fd, const char *name)
{
	(void)fd;
	(void)name;
	return 1;
}

static int check_dir(int fd, const char *dir, struct snek_error *e)
{
	int any, foreign;

	if (!faccessat(fd, "cluster", F_OK, AT_SYMLINK_NOFOLLOW))
		return sk_fail(e, SNEK_EEXIST, "a cluster exists already in %s",
		    dir);
	any = each(fd, NULL, is_any);
	foreign = any > 0 ? each(fd, NULL, is_foreign) : any;
	if (foreign < 0)
		return sk_fail_errno(e, "%s", dir);
	if (foreign || (any && faccessat(fd, "cluster.new", F_OK,
	    AT_SYMLINK_NOFOLLOW)))
		return sk_fail(e, SNEK_EINVAL, "%s exists and is no snek cluster",
		    dir);
	return 0;
}

/* ---- clearing away what was half made ---- */

static int drop_stamp(int fd, const char *name)
{
	return !strncmp(name, "stamp", 5) ? unlinkat(fd, name, 0) : 0;
}

static int drop_shard(int fd, const char *name)
{
	return each(fd, name, drop_stamp) ? -1 : unlinkat(fd, name, AT_REMOVEDIR);
}

static int drop_temporary(int fd, const char *name)
{
	return !strncmp(name, "cluster.", 8) && strcmp(name, "cluster.new") ?
	    unlinkat(fd, name, 0) : 0;
}

static int drop(int fd, const char *name, int flags)
{
	return unlinkat(fd, name, flags) && errno != ENOENT ? -1 : 0;
}

static int clear(int fd, const char *dir, struct snek_error *e)
{
	if (!each(fd, "shards", drop_shard) &&
	    !drop(fd, "shards", AT_REMOVEDIR) &&
	    !drop(fd, "plugins", AT_REMOVEDIR) && !drop(fd, "meta.mdb", 0) &&
	    !drop(fd, "meta.mdb-lock", 0) && !each(fd, NULL, drop_temporary))
		return 0;
	return sk_fail_errno(e, "%s: clearing away an unfinished cluster", dir);
}

/* ---- making ---- */

static int mark(int fd, const char *dir, struct snek_error *e)
{
	int at = openat(fd, "cluster.new", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (at < 0 || close(at) || fsync(fd))
		return failed(e, dir, "cluster.new");
	return 0;
}

static int make_dir(int fd, const char *dir, const char *name,
    struct snek_error *e)
{
	return mkdirat(fd, name, 0755) ? failed(e, dir, name) : 0;
}

static int make_shards(const char *dir, const struct sk_meta_cluster *c,
    struct snek_error *e)
{
	struct sk_stamp stamp = { .format = SK_CLUSTER_FORMAT };
	struct sk_buf path = { 0 };
	int rc = 0;

	memcpy(stamp.cluster, c->uuid, 16);
	while (stamp.shard < c->shards && !rc) {
		path.n = 0;
		rc = sk_buf_printf(&path, "%s/shards/%03u", dir, stamp.shard) &&
		    sk_buf_byte(&path, 0) ? 0 : sk_enomem(e);
		if (!rc)
			rc = sk_segment_shard_create(path.p, &stamp, e);
		stamp.shard++;
	}
	path.n = 0;
	if (!rc)
		rc = sk_buf_printf(&path, "%s/shards", dir) &&
		    sk_buf_byte(&path, 0) ? sk_file_sync_dir(path.p, e) : sk_enomem(e);
	sk_buf_free(&path);
	return rc;
}

static int finish(int fd, const char *dir, const struct sk_meta_cluster *c,
    struct snek_error *e)
{
	struct sk_write_id uuid;
	char hex[33], text[128];
	int n, rc;

	memcpy(uuid.b, c->uuid, 16);
	sk_write_id_hex(uuid, hex);
	n = snprintf(text, sizeof(text), "snek cluster\nformat %u\nuuid %s\n",
	    SK_CLUSTER_FORMAT, hex);
	if (fsync(fd))
		return failed(e, dir, "cluster");
	rc = sk_file_replace(fd, dir, "cluster",
	    (struct sk_span){ text, (size_t)n }, e);
	if (!rc)
		unlinkat(fd, "cluster.new", 0);
	return rc;
}

static int make(int fd, const char *dir, const struct sk_meta_cluster *c,
    struct snek_error *e)
{
	int rc = mark(fd, dir, e);

	if (!rc)
		rc = clear(fd, dir, e);
	if (!rc)
		rc = make_dir(fd, dir, "shards", e);
	if (!rc)
		rc = make_dir(fd, dir, "plugins", e);
	if (!rc)
		rc = make_shards(dir, c, e);
	if (!rc)
		rc = sk_meta_lmdb_create(dir, c, e);
	return rc ? rc : finish(fd, dir, c, e);
}

/* The lock is between two who create at once. */
static int open_locked(const char *dir, struct snek_error *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0 && errno == ENOTDIR)
		return sk_fail(e, SNEK_EINVAL, "%s exists and is no directory",
		    dir);
	if (fd < 0)
		return sk_fail_errno(e, "%s", dir);
	do
		rc = flock(fd, LOCK_EX);
	while (rc && errno == EINTR);
	if (!rc)
		return fd;
	rc = sk_fail_errno(e, "%s: flock", dir);
	close(fd);
	return rc;
}

int sk_catalog_create(const char *dir, uint32_t shards, uint32_t level,
    struct snek_error *e)
{
	struct sk_meta_cluster c = {
		.format = SK_CLUSTER_FORMAT, .shards = shards, .level = level,
	};
	struct sk_write_id uuid;
	int fd, rc;

	if (!shards || shards > SK_MAX_SHARDS || !level || level > shards)
		return sk_fail(e, SNEK_EINVAL, "a cluster has 1 to %u shards and "
		    "a level of 1 to as many, not %u and %u", SK_MAX_SHARDS,
		    shards, level);
	rc = sk_write_id_new(&uuid, e);
	if (!rc)
		rc = make_dirs(dir, e);
	if (rc)
		return rc;
	memcpy(c.uuid, uuid.b, 16);
	fd = open_locked(dir, e);
	if (fd < 0)
		return fd;
	rc = check_dir(fd, dir, e);
	if (!rc) {
		rc = make(fd, dir, &c, e);
		if (rc && !drop(fd, "cluster", 0) && !clear(fd, dir, NULL))
			unlinkat(fd, "cluster.new", 0);
	}
	close(fd);
	return rc;
}
