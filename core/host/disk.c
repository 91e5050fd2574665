/* SPDX-License-Identifier: MIT */
#include "host/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "snek-lambda-local."

char *sk_disk_path(const char *dir, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

/* ---- removing ---- */

static void remove_entry(int at, const char *name);

static void remove_below(int fd)
{
	DIR *d = fdopendir(fd);
	struct dirent *entry;

	if (!d) {
		close(fd);
		return;
	}
	while ((entry = readdir(d)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			remove_entry(dirfd(d), entry->d_name);
	closedir(d);
}

static void remove_entry(int at, const char *name)
{
	int fd;

	if (unlinkat(at, name, 0) == 0 || (errno != EISDIR && errno != EPERM))
		return;
	/* A zip may say that a directory is nobody's to write to. */
	fchmodat(at, name, 0700, 0);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	remove_below(fd);
	unlinkat(at, name, AT_REMOVEDIR);
}

void sk_remove_tree(const char *dir)
{
	remove_entry(AT_FDCWD, dir);
}

/* ---- the host's own ---- */

/* True when nobody holds it; then it is locked. */
static bool lock_dir(const char *dir, int *lock)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		*lock = fd;
		return true;
	}
	close(fd);
	return false;
}

static bool is_mine(const char *dir)
{
	struct stat st;

	return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) &&
	    st.st_uid == geteuid();
}

static void sweep(const char *tmp)
{
	DIR *d = opendir(tmp);
	struct dirent *entry;
	char *path;
	int lock;

	while (d && (entry = readdir(d))) {
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0 ||
		    !(path = sk_disk_path(tmp, entry->d_name)))
			continue;
		if (is_mine(path) && lock_dir(path, &lock)) {
			sk_remove_tree(path);
			close(lock);
		}
		free(path);
	}
	if (d)
		closedir(d);
}

/* Between its making and its lock another host may sweep it away. */
int sk_disk_open(const char *tmp, char **dir, int *lock, struct snek_error *e)
{
	char *top = realpath(tmp, NULL);
	int tries, rc = 1;

	if (!top)
		return sk_fail_errno(e, "%s", tmp);
	sweep(top);
	for (tries = 0; rc == 1 && tries < 8; tries++) {
		*dir = sk_disk_path(top, PREFIX "XXXXXX");
		if (!*dir)
			rc = sk_enomem(e);
		else if (!mkdtemp(*dir))
			rc = sk_fail_errno(e, "a directory in %s", top);
		else if (lock_dir(*dir, lock) && access(*dir, F_OK) == 0)
			rc = 0;
		if (rc)
			free(*dir);
	}
	free(top);
	if (rc)
		*dir = NULL;
	return rc == 1 ? sk_fail(e, SNEK_EIO, "a directory in %s", tmp) : rc;
}

/* ---- files ---- */

int sk_disk_write(const char *path, struct sk_span bytes, struct snek_error *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	const char *p = bytes.p;
	ssize_t put = 0;
	size_t at;

	if (fd < 0)
		return sk_fail_errno(e, "%s", path);
	for (at = 0; at < bytes.n; at += (size_t)put) {
		put = write(fd, p + at, bytes.n - at);
		if (put < 0)
			break;
	}
	if (at < bytes.n) {
		sk_fail_errno(e, "%s", path);
		unlink(path);
	}
	close(fd);
	return at < bytes.n ? SNEK_EIO : 0;
}

static int read_all(int fd, size_t max, struct sk_buf *to)
{
	ssize_t got;

	do {
		if (!sk_buf_reserve(to, 1 << 16))
			return SNEK_ENOMEM;
		got = read(fd, to->p + to->n, to->cap - to->n);
		if (got > 0)
			to->n += (size_t)got;
	} while (got > 0 && to->n <= max);
	return got < 0 ? SNEK_EIO : to->n > max ? SNEK_ELIMIT : 0;
}

int sk_disk_read(const char *path, size_t max, struct sk_buf *to,
    struct snek_error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return sk_fail_errno(e, "%s", path);
	rc = read_all(fd, max, to);
	close(fd);
	if (rc)
		sk_buf_free(to);
	return rc ? sk_fail(e, rc, "%s: cannot be read", path) : 0;
}
