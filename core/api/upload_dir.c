/* SPDX-License-Identifier: MIT */
#include "api/upload_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "snek-parts-"
#define TRIES 8                 /* to make one: each may be swept away */

/* ---- removing ---- */

/* Takes the descriptor over, and with it the lock, which is held to the end. */
static void remove_all(int at, const char *path, int fd)
{
	DIR *d = fdopendir(fd);
	struct dirent *file;
	bool again = d != NULL;

	while (again) {                 /* until a look finds nothing */
		again = false;
		rewinddir(d);
		while ((file = readdir(d)))
			if (*file->d_name != '.' &&
			    !unlinkat(fd, file->d_name, 0))
				again = true;
	}
	unlinkat(at, path, AT_REMOVEDIR);
	if (d)
		closedir(d);
	else
		close(fd);
}

void sk_upload_dir_remove(struct sk_upload_dir *d)
{
	if (!d->path)
		return;
	remove_all(AT_FDCWD, d->path, d->fd);
	free(d->path);
	d->path = NULL;
}

static void sweep_one(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && st.st_uid == geteuid() &&
	    !flock(fd, LOCK_EX | LOCK_NB))
		remove_all(at, name, fd);
	else
		close(fd);
}

void sk_upload_dir_sweep(const char *tmp)
{
	DIR *d = opendir(tmp);
	struct dirent *file;

	if (!d)
		return;                 /* who makes one will say why */
	while ((file = readdir(d)))
		if (!strncmp(file->d_name, PREFIX, sizeof(PREFIX) - 1))
			sweep_one(dirfd(d), file->d_name);
	closedir(d);
}

/* ---- making ---- */

static bool is_named(int fd, const char *path)
{
	struct stat open, named;

	return !fstat(fd, &open) && !stat(path, &named) &&
	    open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

/* 1: until it was locked it looked like one that was left, and was swept. */
static int make(struct sk_upload_dir *d)
{
	if (!mkdtemp(d->path))
		return -1;
	d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd < 0 && errno == ENOENT)
		return 1;
	if (d->fd < 0) {
		rmdir(d->path);
		return -1;
	}
	/* A file system that knows no locks has nobody who sweeps, either. */
	if (!(flock(d->fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) &&
	    is_named(d->fd, d->path))
		return 0;
	close(d->fd);
	return 1;
}

int sk_upload_dir_make(struct sk_upload_dir *d, const char *tmp,
    struct snek_error *e)
{
	size_t room = strlen(tmp) + sizeof("/" PREFIX "XXXXXX");
	int tries = TRIES, rc;

	d->path = malloc(room);
	if (!d->path)
		return sk_enomem(e);
	do {
		snprintf(d->path, room, "%s/" PREFIX "XXXXXX", tmp);
		rc = make(d);
	} while (rc == 1 && --tries);
	if (!rc)
		return 0;
	sk_fail_errno(e, "%s: no directory for parts", tmp);
	free(d->path);
	d->path = NULL;
	return e->code;
}

/* ---- parts ---- */

#define NAME 24                         /* bytes of a part's: its number */

int sk_upload_dir_put(const struct sk_upload_dir *d, size_t n,
    struct sk_span b, struct snek_error *e)
{
	const char *p = b.p;
	size_t left = b.n;
	ssize_t put = 0;
	char name[NAME];
	int fd;

	snprintf(name, sizeof(name), "%zu", n);
	fd = openat(d->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return sk_fail_errno(e, "%s", d->path);
	for (; left && (put = write(fd, p, left)) >= 0; left -= (size_t)put)
		p += put;
	if (put < 0)
		sk_fail_errno(e, "%s", d->path);
	if (close(fd) && put >= 0)
		put = sk_fail_errno(e, "%s", d->path);
	if (put >= 0)
		return 0;
	unlinkat(d->fd, name, 0);
	return e->code;
}

int sk_upload_dir_open(const struct sk_upload_dir *d, size_t n,
    struct snek_error *e)
{
	char name[NAME];
	int fd;

	snprintf(name, sizeof(name), "%zu", n);
	fd = openat(d->fd, name, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? sk_fail_errno(e, "part %zu", n) : fd;
}
