/* SPDX-License-Identifier: MIT */
/*
 * The directory of an embedded cluster:
 *
 *   cluster             "snek cluster\nformat 1\nuuid <32 hex digits>\n"
 *   cluster.new         while it is being made, and then no cluster
 *   meta.mdb            and its lock, meta.mdb-lock (store/meta_lmdb.c)
 *   shards/000 ...      a stamp and segments (store/segment_shard.c)
 *   plugins/SHA256.so
 *
 * The file `cluster` is made last: whatever has none was never finished.
 */
#include "category/catalog.h"
#include "category/manifest.h"
#include "category/servers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/file.h"

#define CLUSTER_FILE_MAX 4096

bool sk_catalog_is_late(const struct sk_catalog *c)
{
	return c->until && sk_clock_ms() >= c->until;
}

int sk_catalog_late(const struct sk_catalog *c, struct snek_error *e)
{
	return !sk_catalog_is_late(c) ? 0 : sk_fail(e, SNEK_ELIMIT, "this takes "
	    "longer than an answer may; do it where the cluster itself is "
	    "reached");
}

int sk_name_check(const char *what, const char *name, struct snek_error *e)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t n = name ? strlen(name) : 0;

	if (!n)
		return sk_fail(e, SNEK_EINVAL, "the %s is empty", what);
	if (n > SK_NAME_MAX)
		return sk_fail(e, SNEK_EINVAL, "the %s has %zu characters; at "
		    "most %u are allowed", what, n, SK_NAME_MAX);
	if (strspn(name, ok) != n)
		return sk_fail(e, SNEK_EINVAL, "%s \"%s\": only letters, digits "
		    "and . _ - are allowed", what, name);
	return 0;
}

/* ---- the file `cluster` ---- */

static int damaged(const char *dir, struct snek_error *e)
{
	return sk_fail(e, SNEK_ECORRUPT, "%s/cluster is damaged, or no file of "
	    "a snek cluster", dir);
}

static int parse(const char *dir, char *text, struct sk_meta_cluster *c,
    struct snek_error *e)
{
	static const char first[] = "snek cluster\nformat ";
	struct sk_write_id uuid;
	unsigned long format;
	char *end;

	if (strncmp(text, first, sizeof(first) - 1))
		return damaged(dir, e);
	text += sizeof(first) - 1;
	errno = 0;
	format = strtoul(text, &end, 10);
	if (end == text || errno || *text == '-' || *end != '\n' || !format)
		return damaged(dir, e);
	if (format > SK_CLUSTER_FORMAT)
		return sk_fail(e, SNEK_EVERSION, "%s: written by a newer snek "
		    "(format %lu; this one reads up to %u)", dir, format,
		    SK_CLUSTER_FORMAT);
	if (strncmp(end, "\nuuid ", 6) || !sk_write_id_parse(&uuid, end + 6) ||
	    strcmp(end + 6 + 32, "\n"))
		return damaged(dir, e);
	c->format = (uint32_t)format;
	memcpy(c->uuid, uuid.b, 16);
	return 0;
}

static bool is_there(int fd, const char *name)
{
	struct stat st;

	return !fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW);
}

static int no_cluster(int fd, const char *dir, struct snek_error *e)
{
	if (is_there(fd, "cluster.new"))
		return sk_fail(e, SNEK_ENOENT, "the cluster in %s was never "
		    "finished; create it again", dir);
	if (is_there(fd, "meta.mdb") || is_there(fd, "shards"))
		return sk_fail(e, SNEK_ECORRUPT, "%s/cluster is missing", dir);
	return sk_fail(e, SNEK_ENOENT, "%s is no snek cluster", dir);
}

static int read_cluster(int fd, const char *dir, struct sk_meta_cluster *c,
    struct snek_error *e)
{
	struct sk_buf b = { 0 };
	int rc = sk_file_read(fd, dir, "cluster", CLUSTER_FILE_MAX, &b, e);

	if (rc == SNEK_ENOENT)
		rc = no_cluster(fd, dir, e);
	else if (rc == SNEK_ELIMIT)
		rc = damaged(dir, e);
	else if (!rc && !sk_buf_byte(&b, 0))
		rc = sk_enomem(e);
	if (!rc)
		rc = parse(dir, b.p, c, e);
	sk_buf_free(&b);
	return rc;
}

/* ---- opening ---- */

static int open_meta(struct sk_catalog *c, struct snek_error *e)
{
	uint8_t uuid[16];
	int rc = sk_meta_lmdb_open(c->dir, &c->meta, e);

	if (rc == SNEK_ENOENT)
		return sk_fail(e, SNEK_ECORRUPT, "%s/meta.mdb is missing", c->dir);
	if (rc)
		return rc;
	memcpy(uuid, c->cluster.uuid, 16);
	rc = c->meta->ops->cluster(c->meta, &c->cluster, e);
	if (!rc && memcmp(uuid, c->cluster.uuid, 16))
		return sk_fail(e, SNEK_ECORRUPT, "%s/meta.mdb belongs to another "
		    "cluster", c->dir);
	return rc;
}

static int shard_path(const char *dir, uint32_t i, struct sk_buf *path,
    struct snek_error *e)
{
	path->n = 0;
	return sk_buf_printf(path, "%s/shards/%03u", dir, i) &&
	    sk_buf_byte(path, 0) ? 0 : sk_enomem(e);
}

void sk_catalog_stamp(const struct sk_meta_cluster *c, uint32_t i,
    struct sk_stamp *stamp)
{
	*stamp = (struct sk_stamp){ .shard = i, .format = SK_CLUSTER_FORMAT };
	memcpy(stamp->cluster, c->uuid, 16);
}

static int open_shards(struct sk_catalog *c, struct snek_error *e)
{
	struct sk_buf path = { 0 };
	struct sk_stamp stamp;
	uint32_t i;
	int rc = 0;

	c->shard = calloc(c->cluster.shards, sizeof(struct sk_shard *));
	if (!c->shard)
		return sk_enomem(e);
	for (i = 0; i < c->cluster.shards && !rc; i++) {
		sk_catalog_stamp(&c->cluster, i, &stamp);
		rc = shard_path(c->dir, i, &path, e);
		if (!rc)
			rc = sk_segment_shard_open(path.p, &stamp, &c->shard[i], e);
	}
	sk_buf_free(&path);
	return rc;
}

static int open_dir(const char *dir, struct snek_error *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		return sk_fail(e, SNEK_ENOENT, "no cluster at %s", dir);
	if (errno == ENOTDIR)
		return sk_fail(e, SNEK_EINVAL, "%s is no directory, so no "
		    "cluster", dir);
	return sk_fail_errno(e, "%s", dir);
}

static int fill(struct sk_catalog *c, const char *dir, struct snek_error *e)
{
	int fd, rc;

	fd = open_dir(dir, e);
	if (fd < 0)
		return fd;
	/* Absolute, as the host may change its directory. */
	c->dir = realpath(dir, NULL);
	c->where = c->dir ? strdup(c->dir) : NULL;
	rc = c->where ? read_cluster(fd, c->dir, &c->cluster, e)
	    : sk_fail_errno(e, "%s", dir);
	close(fd);
	if (!rc)
		rc = open_meta(c, e);
	return rc ? rc : open_shards(c, e);
}

int sk_catalog_open(const char *dir, struct sk_catalog **out,
    struct snek_error *e)
{
	struct sk_catalog *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return sk_enomem(e);
	rc = fill(c, dir, e);
	if (rc) {
		sk_catalog_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

static void close_shards(struct sk_catalog *c)
{
	uint32_t i;

	for (i = 0; c->shard && i < c->cluster.shards; i++)
		if (c->shard[i])
			c->shard[i]->ops->shut(c->shard[i]);
	for (i = 0; c->address && i < c->cluster.shards; i++) {
		free((char *)c->address[i].url);
		free((char *)c->address[i].user);
		free((char *)c->address[i].password);
	}
	free(c->shard);
	free(c->address);
}

void sk_catalog_close(struct sk_catalog *c)
{
	if (!c)
		return;
	close_shards(c);
	sk_manifest_free_resting(c);
	if (c->meta)
		c->meta->ops->shut(c->meta);
	if (c->servers)
		sk_servers_close(c->servers);
	free(c->servers);
	free(c->where);
	free(c->profile);
	free(c->dir);
	free(c);
}

int sk_catalog_source(const struct sk_catalog *c, struct sk_buf *out,
    struct snek_error *e)
{
	uint32_t i;

	for (i = 0; c->address && i < c->cluster.shards; i++)
		if (!sk_address_put(out, &c->address[i]))
			return sk_enomem(e);
	return 0;
}
