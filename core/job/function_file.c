/* SPDX-License-Identifier: MIT */
/* Where the bytes of a function are, and what loads them. */
#include "job/function_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLUGIN_MAX (256u << 20)         /* bytes of a plugin file */

/* ---- files ---- */

static int read_all(int fd, struct sk_buf *b, size_t n)
{
	ssize_t got;

	while (b->n < n) {
		got = read(fd, b->p + b->n, n - b->n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -1 : 0;
		b->n += (size_t)got;
	}
	return 0;
}

static int read_open(int fd, const char *path, struct sk_buf *b,
    struct snek_error *e)
{
	struct stat st;

	if (fstat(fd, &st))
		return sk_fail_errno(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return sk_fail(e, SNEK_EABI, "%s: is no plugin: not a file", path);
	if (st.st_size > (off_t)PLUGIN_MAX)
		return sk_fail(e, SNEK_ELIMIT, "%s: larger than 256 MiB", path);
	if (!sk_buf_reserve(b, (size_t)st.st_size + 1))
		return sk_enomem(e);
	if (read_all(fd, b, (size_t)st.st_size))
		return sk_fail_errno(e, "%s", path);
	return 0;
}

static int read_file(const char *path, struct sk_buf *b, struct snek_error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);  /* no fifo */
	int rc;

	if (fd < 0)
		return sk_fail_errno(e, "%s", path);
	rc = read_open(fd, path, b, e);
	close(fd);
	return rc;
}

/* ---- loading ---- */

int sk_function_take(sk_worker *w, struct sk_function *f, struct sk_buf *b,
    struct snek_error *e)
{
	int rc = read_file(f->path, b, e);

	if (rc)
		return rc;
	f->file = w ? sk_channel_sealed("snek-plugin", b->p, b->n) : 0;
	if (f->file >= 0)
		return 0;
	f->file = 0;
	return sk_fail_errno(e, "a copy of %s", f->path);
}

int sk_function_take_file(sk_worker *w, struct sk_function *f, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	int rc = sk_function_take(w, f, &b, e);

	sk_buf_free(&b);
	return rc;
}

int sk_function_open(sk_worker *w, bool alone, const char *path, int file,
    struct sk_plugin **out, struct snek_error *e)
{
	struct sk_exec_plugin p = { file, path, NULL };

	if (!w)
		return sk_plugin_open(path, out, e);
	return sk_worker_describe(w, &p, alone, out, e);
}

/* ---- shipped plugins ---- */

int sk_function_dirs(int (*visit)(void *, const char *dir), void *arg)
{
	const char *p = getenv("SNEK_PLUGIN_PATH");
	char dir[4096];
	size_t n;
	int rc = 0;

	for (; p && *p && !rc; p += n + (p[n] == ':')) {
		n = strcspn(p, ":");
		if (!n || n >= sizeof(dir))
			continue;
		memcpy(dir, p, n);
		dir[n] = '\0';
		rc = visit(arg, dir);
	}
	return rc ? rc : visit(arg, SNEK_PLUGINDIR);
}

struct wanted {
	const char *name;
	size_t len;
	char *path;
};

static int try_dir(void *arg, const char *dir)
{
	struct wanted *w = arg;
	char path[8192];

	snprintf(path, sizeof(path), "%s/%.*s.so", dir, (int)w->len, w->name);
	if (access(path, F_OK))
		return 0;
	w->path = strdup(path);
	return w->path ? 1 : SNEK_ENOMEM;
}

int sk_function_shipped(const char *name, size_t len, char **out)
{
	struct wanted w = { name, len, NULL };
	int rc = 0;

	if (len && !memchr(name, '/', len))
		rc = sk_function_dirs(try_dir, &w);
	*out = w.path;
	return rc;
}
