/* SPDX-License-Identifier: MIT */
#include "aws/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPARSE ((off_t)1 << 50) /* so that no sum of sizes wraps */

static int too_large(uint64_t bytes, struct snek_error *e)
{
	return sk_fail(e, SNEK_ELIMIT, "the bundle would be %.1f MB unzipped, "
	    "and Lambda takes %.1f MB: include less, or leave data in the "
	    "cluster and have it as a side input", (double)bytes / 1e6,
	    (double)SK_LAYOUT_MOST / 1e6);
}

/* ---- the list ---- */

void sk_layout_free(struct sk_layout *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		free((char *)l->file[i].name);
		sk_buf_free(&l->own[i]);
	}
	free(l->file);
	free(l->own);
	memset(l, 0, sizeof(*l));
}

static bool grow(struct sk_layout *l)
{
	size_t cap = l->cap ? l->cap * 2 : 64;
	struct sk_zip_file *file;
	struct sk_buf *own;

	if (l->n < l->cap)
		return true;
	file = realloc(l->file, cap * sizeof(*file));
	if (file)
		l->file = file;
	own = file ? realloc(l->own, cap * sizeof(*own)) : NULL;
	if (!own)
		return false;
	l->own = own;
	l->cap = cap;
	return true;
}

int sk_layout_put(struct sk_layout *l, const char *name, struct sk_span bytes,
    bool runs, struct snek_error *e)
{
	char *copy = strdup(name);

	if (!copy || !grow(l)) {
		free(copy);
		return sk_enomem(e);
	}
	l->file[l->n] = (struct sk_zip_file){ copy, bytes, runs };
	l->own[l->n++] = (struct sk_buf){ 0 };
	l->bytes += bytes.n;
	return 0;
}

int sk_layout_take(struct sk_layout *l, const char *name, struct sk_buf *b,
    bool runs, struct snek_error *e)
{
	int rc = sk_layout_put(l, name, (struct sk_span){ b->p, b->n }, runs,
	    e);

	if (rc)
		sk_buf_free(b);
	else
		l->own[l->n - 1] = *b;
	memset(b, 0, sizeof(*b));
	return rc;
}

static int by_name(const void *a, const void *b)
{
	const struct sk_zip_file *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int sk_layout_sort(struct sk_layout *l, struct snek_error *e)
{
	size_t i;

	if (l->bytes > SK_LAYOUT_MOST)
		return too_large(l->bytes, e);
	qsort(l->file, l->n, sizeof(*l->file), by_name);
	for (i = 1; i < l->n; i++)
		if (!strcmp(l->file[i - 1].name, l->file[i].name))
			return sk_fail(e, SNEK_EINVAL, "two files would be %s "
			    "in the bundle", l->file[i].name);
	return 0;
}

/* ---- files of this machine ---- */

static int read_all(int fd, const char *path, size_t size, struct sk_buf *out,
    struct snek_error *e)
{
	ssize_t n;

	if (!sk_buf_reserve(out, size + 1))
		return sk_enomem(e);
	while (out->n < size) {
		n = read(fd, out->p + out->n, size - out->n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sk_fail_errno(e, "%s", path);
		if (n == 0)
			return sk_fail(e, SNEK_EIO, "%s: became shorter while "
			    "it was read", path);
		out->n += (size_t)n;
	}
	return 0;
}

/* NONBLOCK: opening a FIFO must not wait for a writer. */
static int open_file(const char *path, struct stat *st, struct snek_error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return sk_fail_errno(e, "%s", path);
	memset(st, 0, sizeof(*st));
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	close(fd);
	return sk_fail(e, SNEK_EINVAL, S_ISDIR(st->st_mode) ? "%s: is a "
	    "directory: name the files in it" : "%s: is not a regular file",
	    path);
}

int sk_layout_read(const char *path, uint64_t max, struct sk_buf *out,
    bool *runs, struct snek_error *e)
{
	struct stat st;
	int rc, fd = open_file(path, &st, e);

	if (fd < 0)
		return fd;
	if ((uint64_t)st.st_size > max)
		rc = sk_fail(e, SNEK_ELIMIT, "%s: is over %llu bytes", path,
		    (unsigned long long)max);
	else
		rc = read_all(fd, path, (size_t)st.st_size, out, e);
	close(fd);
	if (!rc && runs)
		*runs = st.st_mode & S_IXUSR;
	return rc;
}

/* ---- what is included ---- */

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int check_name(const char *path, struct snek_error *e)
{
	static const char *const ours[] = { "bootstrap", "plugin.so", "snek" };
	const char *name = base(path), *p;
	size_t i;

	for (i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (!strcmp(name, ours[i]))
			return sk_fail(e, SNEK_EINVAL, "%s: the bundle has a "
			    "%s of its own: give the file another name", path,
			    name);
	for (p = name; *p; p++)
		if ((unsigned char)*p < ' ' || *p == '\\' || *p == 127)
			return sk_fail(e, SNEK_EINVAL, "a file with a control "
			    "character or a backslash in its name cannot be "
			    "included");
	return 0;
}

static int check_others(const char *const *path, size_t i,
    struct snek_error *e)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (!strcmp(base(path[k]), base(path[i])))
			return sk_fail(e, SNEK_EINVAL, "%s and %s would both "
			    "be %s in the bundle: give one another name",
			    path[k], path[i], base(path[i]));
	return 0;
}

static int check_size(const char *path, uint64_t *bytes, struct snek_error *e)
{
	struct stat st;
	int fd = open_file(path, &st, e);

	if (fd < 0)
		return fd;
	close(fd);
	*bytes += (uint64_t)(st.st_size < SPARSE ? st.st_size : SPARSE);
	return 0;
}

static int check_all(const struct sk_layout *l, const char *const *path,
    size_t n, struct snek_error *e)
{
	uint64_t bytes = l->bytes;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < n; i++) {
		rc = check_size(path[i], &bytes, e);
		if (!rc)
			rc = check_name(path[i], e);
		if (!rc)
			rc = check_others(path, i, e);
	}
	return !rc && bytes > SK_LAYOUT_MOST ? too_large(bytes, e) : rc;
}

int sk_layout_include(struct sk_layout *l, const char *const *path, size_t n,
    struct snek_error *e)
{
	struct sk_buf b = { 0 };
	bool runs;
	size_t i;
	int rc = check_all(l, path, n, e);

	for (i = 0; !rc && i < n; i++) {
		rc = sk_layout_read(path[i], SK_LAYOUT_MOST, &b, &runs, e);
		if (rc)
			sk_buf_free(&b);
		else
			rc = sk_layout_take(l, base(path[i]), &b, runs, e);
	}
	return rc;
}
