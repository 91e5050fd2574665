/* SPDX-License-Identifier: MIT */
#include "store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void advance(struct iovec **v, int *n, size_t done)
{
	while (*n && done >= (*v)->iov_len) {
		done -= (*v)->iov_len;
		(*v)++;
		(*n)--;
	}
	if (*n) {
		(*v)->iov_base = (char *)(*v)->iov_base + done;
		(*v)->iov_len -= done;
	}
}

int sk_file_write(int fd, struct iovec *v, int n)
{
	ssize_t k;

	advance(&v, &n, 0);
	while (n) {
		k = writev(fd, v, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -1;
		if (!k) {
			errno = EIO;
			return -1;
		}
		advance(&v, &n, (size_t)k);
	}
	return 0;
}

int sk_file_failed(struct snek_error *e, const char *path)
{
	int sys = errno;

	if (sys != ENOSPC && sys != EDQUOT)
		return sk_fail_errno(e, "%s", path);
	sk_fail(e, SNEK_EIO, "disk full: %s; free space and write again; "
	    "nothing of this write is visible", path);
	if (e)
		e->sys = sys;
	return SNEK_EIO;
}

static int failed_at(struct snek_error *e, const char *where, const char *name)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", where, name);
	return sk_file_failed(e, path);
}

int sk_file_sync_dir(const char *path, struct snek_error *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 || fsync(fd) ? sk_file_failed(e, path) : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

static int write_new(int dir, const char *name, struct sk_span bytes)
{
	struct iovec v = { (void *)(uintptr_t)bytes.p, bytes.n };
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int rc, sys;

	if (fd < 0)
		return -1;
	rc = sk_file_write(fd, &v, 1);
	if (!rc)
		rc = fsync(fd);
	sys = errno;
	if (close(fd) && !rc)
		return -1;
	errno = sys;
	return rc;
}

int sk_file_replace(int dir, const char *where, const char *name,
    struct sk_span bytes, struct snek_error *e)
{
	char tmp[320];
	int rc;

	/* The thread keeps two writers from one temporary file; what a
	 * dead one left behind is in the way of nobody but its successor. */
	snprintf(tmp, sizeof(tmp), "%s.%ld.tmp", name, (long)gettid());
	if (unlinkat(dir, tmp, 0) && errno != ENOENT)
		return failed_at(e, where, tmp);
	if (!write_new(dir, tmp, bytes) && !renameat(dir, tmp, dir, name) &&
	    !fsync(dir))
		return 0;
	rc = failed_at(e, where, name);
	unlinkat(dir, tmp, 0);
	return rc;
}

static int read_all(int fd, size_t max, struct sk_buf *out)
{
	size_t start = out->n;
	ssize_t k;

	for (;;) {
		if (!sk_buf_reserve(out, 4096))
			return SNEK_ENOMEM;
		k = read(fd, out->p + out->n, out->cap - out->n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return SNEK_EIO;
		out->n += (size_t)k;
		if (out->n - start > max)
			return SNEK_ELIMIT;
		if (!k)
			return 0;
	}
}

int sk_file_read(int dir, const char *where, const char *name, size_t max,
    struct sk_buf *out, struct snek_error *e)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int rc;

	if (fd < 0 && errno == ENOENT)
		return SNEK_ENOENT;
	if (fd < 0)
		return sk_fail_errno(e, "%s/%s", where, name);
	rc = read_all(fd, max, out);
	if (rc == SNEK_ENOMEM)
		sk_enomem(e);
	else if (rc == SNEK_ELIMIT)
		sk_fail(e, rc, "%s/%s is larger than %zu bytes", where, name, max);
	else if (rc)
		rc = sk_fail_errno(e, "%s/%s", where, name);
	close(fd);
	return rc;
}
