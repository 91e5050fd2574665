/* SPDX-License-Identifier: MIT */
/*
 * dpkg's records: info/NAME.list or info/NAME:ARCH.list has the paths of a
 * package, a line each; status has stanzas of "Field: value" lines, with
 * Package, Architecture and Version among them.
 */
#include "aws/dpkg.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define FILE_MOST ((size_t)64 << 20)

/* What cannot be read is empty; false: memory is out. */
static bool read_file(int dir, const char *name, struct sk_buf *out)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = 1;
	bool ok = true;

	out->n = 0;
	while (ok && fd >= 0 && n > 0 && out->n < FILE_MOST) {
		ok = sk_buf_reserve(out, 65536);
		n = ok ? read(fd, out->p + out->n, 65535) : 0;
		out->n += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	if (ok && out->n)
		out->p[out->n] = '\0';
	return ok;
}

/* ---- who has a path ---- */

/* /lib is in /usr now, but not in all lists. */
static const char *without_usr(const char *path)
{
	return strncmp(path, "/usr/", 5) ? path : path + 4;
}

static bool has_line(const struct sk_buf *list, const char *path)
{
	const char *line = list->p, *end = list->p + list->n, *stop, *from;
	size_t n = strlen(without_usr(path));

	for (; line && line < end; line = stop + 1) {
		stop = memchr(line, '\n', (size_t)(end - line));
		if (!stop)
			return false;
		from = stop - line > 5 ? without_usr(line) : line;
		if ((size_t)(stop - from) == n &&
		    !memcmp(from, without_usr(path), n))
			return true;
	}
	return false;
}

/* Of two that have it the first by name, whichever was read first. */
static void look_in(const struct sk_buf *list, const char *package,
    const char *const *path, size_t n, struct sk_package *out)
{
	size_t i;

	for (i = 0; i < n; i++)
		if ((!*out[i].name || strcmp(package, out[i].name) < 0) &&
		    has_line(list, path[i]))
			snprintf(out[i].name, sizeof(out[i].name), "%s",
			    package);
}

static int look_in_all(DIR *d, const char *const *path, size_t n,
    struct sk_package *out)
{
	struct sk_buf list = { 0 };
	const struct dirent *f;
	char package[128];
	size_t len;
	bool ok = true;

	while (ok && (f = readdir(d))) {
		len = strlen(f->d_name);
		if (len < 6 || len > 120 || strcmp(f->d_name + len - 5, ".list"))
			continue;
		ok = read_file(dirfd(d), f->d_name, &list);
		snprintf(package, sizeof(package), "%.*s", (int)(len - 5),
		    f->d_name);
		if (ok)
			look_in(&list, package, path, n, out);
	}
	sk_buf_free(&list);
	return ok ? 0 : SNEK_ENOMEM;
}

/* ---- of which version ---- */

/* The value of a field in a stanza, or NULL. */
static const char *field(const char *stanza, const char *end, const char *name,
    int *n)
{
	size_t len = strlen(name);
	const char *line, *stop;

	for (line = stanza; line < end; line = stop + 1) {
		stop = memchr(line, '\n', (size_t)(end - line));
		if (!stop)
			return NULL;
		if ((size_t)(stop - line) > len + 2 &&
		    !memcmp(line, name, len) && !memcmp(line + len, ": ", 2)) {
			*n = (int)(stop - line - (ssize_t)len - 2);
			return line + len + 2;
		}
	}
	return NULL;
}

static bool field_is(const char *stanza, const char *end, const char *name,
    const char *value, size_t n)
{
	int len = 0;
	const char *is = field(stanza, end, name, &len);

	return is && (size_t)len == n && !memcmp(is, value, n);
}

/* "libc6:amd64" is package and architecture. */
static void find_version(const struct sk_buf *status, struct sk_package *p)
{
	size_t n = strcspn(p->name, ":");
	const char *arch = p->name[n] ? p->name + n + 1 : NULL, *at, *end, *v;
	int len;

	for (at = status->n ? status->p : NULL; at && *at; at = end + 2) {
		end = strstr(at, "\n\n");
		if (!end)
			return;
		if (!field_is(at, end + 1, "Package", p->name, n) ||
		    (arch && !field_is(at, end + 1, "Architecture", arch,
		    strlen(arch))))
			continue;
		v = field(at, end + 1, "Version", &len);
		if (v)
			snprintf(p->version, sizeof(p->version), "%.*s", len, v);
		return;
	}
}

int sk_dpkg_find(const char *dir, const char *const *path, size_t n,
    struct sk_package *out, struct snek_error *e)
{
	struct sk_buf status = { 0 };
	char info[PATH_MAX];
	size_t i;
	DIR *d;
	int rc;

	memset(out, 0, n * sizeof(*out));
	snprintf(info, sizeof(info), "%.4000s/info", dir);
	d = opendir(info);
	if (!d)
		return errno == ENOMEM ? sk_enomem(e) : 0;
	rc = look_in_all(d, path, n, out);
	if (!rc && !read_file(dirfd(d), "../status", &status))
		rc = SNEK_ENOMEM;
	closedir(d);
	for (i = 0; !rc && i < n; i++)
		if (*out[i].name)
			find_version(&status, &out[i]);
	sk_buf_free(&status);
	return rc ? sk_enomem(e) : 0;
}
