/* SPDX-License-Identifier: MIT */
/* snek_stack_code.c - the program that a stack's functions run, as a zip. */
#include "snek_stack.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "job/function.h"
#include "snek_lambda.h"

enum { ZIP_MAX = 50 << 20 };

/* ---- a file's ---- */

static int read_all(int fd, struct sk_buf *b)
{
	char part[65536];
	ssize_t n;

	while ((n = read(fd, part, sizeof(part))) > 0 && b->n <= ZIP_MAX)
		if (!sk_buf_put(b, part, (size_t)n))
			return SNEK_ENOMEM;
	return n < 0 ? SNEK_EIO : 0;
}

static int read_code(const char *path, struct sk_buf *b, struct snek_error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return sk_fail_errno(e, "%s (the zip with snek-api, which runs "
		    "the stack's functions)", path);
	rc = read_all(fd, b);
	close(fd);
	if (rc)
		return sk_fail(e, rc, "%s cannot be read", path);
	if (b->n > ZIP_MAX || b->n < 4 || memcmp(b->p, "PK", 2))
		return sk_fail(e, SNEK_EFORMAT, "%s is no zip of at most %d MB",
		    path, ZIP_MAX >> 20);
	return 0;
}

/* ---- made ---- */

struct shipped {
	char **path;
	size_t n;
};

static const char *base(const char *path)
{
	return strrchr(path, '/') + 1;
}

static int add_file(struct shipped *s, const char *dir, const char *name)
{
	size_t i, n = strlen(name);
	char **more;

	if (n < 4 || strcmp(name + n - 3, ".so"))
		return 0;
	for (i = 0; i < s->n; i++)
		if (!strcmp(base(s->path[i]), name))
			return 0;
	more = realloc(s->path, (s->n + 1) * sizeof(*more));
	if (!more)
		return SNEK_ENOMEM;
	s->path = more;
	if (asprintf(&s->path[s->n], "%s/%s", dir, name) < 0)
		return SNEK_ENOMEM;
	s->n++;
	return 0;
}

static int add_dir(void *arg, const char *dir)
{
	struct dirent **file;
	int n = scandir(dir, &file, NULL, alphasort), i, rc = 0;

	for (i = 0; i < n; i++) {
		if (!rc)
			rc = add_file(arg, dir, file[i]->d_name);
		free(file[i]);
	}
	if (n >= 0)
		free(file);
	return rc;
}

static int make(struct sk_bundle *out, struct snek_error *e)
{
	struct shipped s = { NULL, 0 };
	struct sk_bundle_options o = { .with_tls = true };
	const struct sk_aws_ops *ops;
	int rc = sk_aws_load(&ops, e);

	if (!rc && sk_function_dirs(add_dir, &s))
		rc = sk_enomem(e);
	o.shipped = (const char *const *)s.path;
	o.shippeds = s.n;
	if (!rc)
		rc = ops->bundle(&o, out, e);
	while (s.n)
		free(s.path[--s.n]);
	free(s.path);
	return rc;
}

/* ---- either ---- */

int sk_stack_code(const char *path, struct sk_buf *b, struct snek_error *e)
{
	struct sk_bundle made = { .unzipped = 0 };
	int rc;

	if (path)
		return read_code(path, b, e);
	rc = make(&made, e);
	if (rc)
		return rc;
	*b = made.zip;
	made.zip = (struct sk_buf){ NULL, 0, 0 };
	sk_bundle_free(&made);
	return 0;
}

int snek_stack_bundle(const char *zip, struct snek_bundle_report *out,
    struct snek_error *e)
{
	struct sk_bundle b = { .unzipped = 0 };
	int rc = sk_need(zip, "zip file", e);

	if (!rc)
		rc = sk_report_check(out, e);
	if (!rc)
		rc = make(&b, e);
	if (!rc)
		rc = sk_bundle_write(&b, zip, out, e);
	sk_bundle_free(&b);
	return rc;
}
