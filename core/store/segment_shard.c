/* SPDX-License-Identifier: MIT */
/*
 * A shard is a directory of segment files and a stamp, SHARD/stamp, 40 bytes,
 * little-endian, of the same size in every format to come:
 *
 *      0  magic "SNEKSHD\n"       8  u32 format (1)      12  u32 shard
 *     16  cluster uuid           32  u32 zero            36  u32 CRC32C of 0..35
 */
#include "store/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "store/file.h"

struct stamp_file {
	char magic[8];
	uint32_t format, shard;
	uint8_t cluster[16];
	uint32_t zero, crc;
};
_Static_assert(sizeof(struct stamp_file) == 40, "drawn above");

static const char magic[] = "SNEKSHD\n";

struct shard {
	struct sk_shard base;
	struct sk_segment_dir dir;
};

/* ---- stamps ---- */

static int write_stamp(int fd, const char *dir, const struct sk_stamp *stamp,
    struct snek_error *e)
{
	struct stamp_file f = { .format = stamp->format, .shard = stamp->shard };

	memcpy(f.magic, magic, 8);
	memcpy(f.cluster, stamp->cluster, 16);
	f.crc = sk_crc32c(0, &f, offsetof(struct stamp_file, crc));
	return sk_file_replace(fd, dir, "stamp",
	    (struct sk_span){ &f, sizeof(f) }, e);
}

static int check_empty(const char *dir, struct snek_error *e)
{
	DIR *d = opendir(dir);
	struct dirent *de;
	bool empty = true;

	if (!d)
		return sk_fail_errno(e, "%s", dir);
	while ((de = readdir(d)))
		empty &= !strcmp(de->d_name, ".") || !strcmp(de->d_name, "..");
	closedir(d);
	return empty ? 0 : sk_fail(e, SNEK_EEXIST, "%s is not empty", dir);
}

int sk_segment_shard_create(const char *dir, const struct sk_stamp *stamp,
    struct snek_error *e)
{
	int fd, rc;

	if (mkdir(dir, 0755) && errno != EEXIST)
		return sk_fail_errno(e, "%s", dir);
	rc = check_empty(dir, e);
	if (rc)
		return rc;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return sk_fail_errno(e, "%s", dir);
	rc = write_stamp(fd, dir, stamp, e);
	close(fd);
	return rc;
}

static int check_stamp(const char *dir, const struct sk_stamp *want,
    const struct stamp_file *f, size_t n, struct snek_error *e)
{
	if (n != sizeof(*f) || memcmp(f->magic, magic, 8) ||
	    f->crc != sk_crc32c(0, f, offsetof(struct stamp_file, crc)))
		return sk_fail(e, SNEK_ECORRUPT, "%s/stamp is damaged", dir);
	if (f->format > SK_SEGMENT_FORMAT)
		return sk_fail(e, SNEK_EVERSION, "%s: written by a newer snek "
		    "(format %u; this one reads up to %u)", dir, f->format,
		    SK_SEGMENT_FORMAT);
	if (memcmp(f->cluster, want->cluster, 16))
		return sk_fail(e, SNEK_ECORRUPT, "%s is shard %u of another "
		    "cluster; expected shard %u of this one", dir, f->shard,
		    want->shard);
	if (f->shard != want->shard)
		return sk_fail(e, SNEK_ECORRUPT, "%s is shard %u by its stamp; "
		    "expected shard %u", dir, f->shard, want->shard);
	return 0;
}

static int read_stamp(int fd, const char *dir, const struct sk_stamp *want,
    struct snek_error *e)
{
	struct sk_buf b = { 0 };
	struct stamp_file f = { .zero = 0 };
	int rc = sk_file_read(fd, dir, "stamp", 4096, &b, e);

	if (rc == SNEK_ENOENT)
		rc = sk_fail(e, SNEK_ECORRUPT, "%s/stamp is missing; expected "
		    "shard %u", dir, want->shard);
	if (!rc) {
		memcpy(&f, b.p, b.n < sizeof(f) ? b.n : sizeof(f));
		rc = check_stamp(dir, want, &f, b.n, e);
	}
	sk_buf_free(&b);
	return rc;
}

/* ---- the directory ---- */

static int begin(struct sk_shard *s, struct sk_write_id id,
    struct sk_segment_writer **out, struct snek_error *e)
{
	return sk_segment_begin(&((struct shard *)s)->dir, id, out, e);
}

static int open_segment(struct sk_shard *s, struct sk_write_id id,
    struct sk_segment **out, struct snek_error *e)
{
	return sk_segment_open(&((struct shard *)s)->dir, id, out, e);
}

static bool is_segment(const char *name, struct sk_write_id *id)
{
	return strlen(name) == SK_SEGMENT_NAME - 1 &&
	    !strcmp(name + 32, ".seg") && sk_write_id_parse(id, name);
}

/* A shared lock, so that two who list do not take each other for writers. */
static int look(int fd, struct stat *st, bool *alive)
{
	*alive = flock(fd, LOCK_SH | LOCK_NB) != 0;
	if (*alive && errno != EWOULDBLOCK)
		return -1;
	return fstat(fd, st);
}

static int visit_one(int at, const struct sk_segment_dir *dir,
    const char *name, struct sk_write_id id, int (*visit)(void *, struct sk_write_id, uint64_t,
    int64_t, bool), void *arg, struct snek_error *e)
{
	int fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	bool alive;
	int64_t age;
	int rc;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return sk_fail_errno(e, "%s/%s", dir->path, name);
	rc = look(fd, &st, &alive);
	if (rc)
		sk_fail_errno(e, "%s/%s", dir->path, name);
	close(fd);
	if (rc)
		return SNEK_EIO;
	age = sk_clock_wall() - st.st_mtime;
	return visit(arg, id, (uint64_t)st.st_size, age > 0 ? age : 0, alive);
}

static int list(struct sk_shard *s, int (*visit)(void *, struct sk_write_id,
    uint64_t, int64_t, bool), void *arg, struct snek_error *e)
{
	const struct sk_segment_dir *dir = &((struct shard *)s)->dir;
	DIR *d = opendir(dir->path);
	struct sk_write_id id;
	struct dirent *de;
	int rc = 0;

	if (!d)
		return sk_fail_errno(e, "%s", dir->path);
	errno = 0;
	while (!rc && (de = readdir(d))) {
		if (is_segment(de->d_name, &id))
			rc = visit_one(dirfd(d), dir, de->d_name, id, visit, arg,
			    e);
		errno = 0;
	}
	if (!rc && errno)
		rc = sk_fail_errno(e, "%s", dir->path);
	closedir(d);
	return rc;
}

static int sweep(struct sk_shard *s, struct sk_write_id id, struct snek_error *e)
{
	char *path = sk_segment_path(&((struct shard *)s)->dir, id);
	int rc;

	if (!path)
		return sk_enomem(e);
	rc = unlink(path) && errno != ENOENT ? sk_fail_errno(e, "%s", path) : 0;
	free(path);
	return rc;
}

static const char *location(const struct sk_shard *s)
{
	return ((const struct shard *)s)->dir.path;
}

static void shut(struct sk_shard *base)
{
	struct shard *s = (struct shard *)base;

	if (!s)
		return;
	free(s->dir.path);
	free(s);
}

static const struct sk_shard_ops ops = {
	.begin = begin, .put = sk_segment_put, .seal = sk_segment_seal,
	.abandon = sk_segment_abandon, .free = sk_segment_free,
	.open = open_segment, .close = sk_segment_close, .list = list,
	.sweep = sweep, .location = location, .shut = shut,
};

static int open_dir(const char *path, uint32_t shard, struct snek_error *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return sk_fail(e, SNEK_ECORRUPT, "%s is %s; expected shard %u",
		    path, errno == ENOENT ? "missing" : "no directory", shard);
	return fd < 0 ? sk_fail_errno(e, "%s", path) : fd;
}

static int check_dir(struct shard *s, const char *path, struct snek_error *e)
{
	int fd, rc;

	s->dir.path = strdup(path);
	if (!s->dir.path)
		return sk_enomem(e);
	fd = open_dir(path, s->dir.stamp.shard, e);
	if (fd < 0)
		return fd;
	rc = read_stamp(fd, path, &s->dir.stamp, e);
	close(fd);
	return rc;
}

int sk_segment_shard_open(const char *path, const struct sk_stamp *stamp,
    struct sk_shard **out, struct snek_error *e)
{
	struct shard *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return sk_enomem(e);
	s->base.ops = &ops;
	s->dir.stamp = *stamp;
	rc = check_dir(s, path, e);
	if (rc) {
		shut(&s->base);
		return rc;
	}
	*out = &s->base;
	return 0;
}
