/* SPDX-License-Identifier: MIT */
/*
 * Files are made below descriptors of directories that are no links, and
 * links only when all files are there: so no name leads out.
 */
#include "host/unzip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

enum { BLOCK = 1 << 16, NAME = 1024, LINK = 1024 };

struct unzip {
	zip_t *zip;
	int dir;
	uint64_t bytes;
	struct snek_error *e;
	char block[BLOCK];
};

struct entry {
	zip_uint64_t index;
	const char *name;
	uint64_t size;
	mode_t mode;                    /* with its type */
};

/* ---- names ---- */

static bool is_dots(const char *s, size_t n)
{
	return n == 0 || (n == 1 && s[0] == '.') ||
	    (n == 2 && s[0] == '.' && s[1] == '.');
}

/* No part of it is empty, "." or "..": relative and below.  A directory's
 * ends with a slash. */
static bool name_is_safe(const char *s)
{
	size_t n;

	if (!*s || strlen(s) >= NAME)
		return false;
	do {
		n = strcspn(s, "/");
		if (is_dots(s, n))
			return false;
		s += n;
	} while (*s && *++s);
	return true;
}

/* Walking from where the link is, never above the top. */
static bool link_is_safe(const char *name, const char *to)
{
	const char *p;
	long depth = 0;
	size_t n;

	if (*to == '/' || !*to)
		return false;
	for (p = name; (p = strchr(p, '/')); p++)
		depth++;
	for (p = to; *p; p += n + (p[n] == '/')) {
		n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.')
			depth--;
		else if (!is_dots(p, n))
			depth++;
		if (depth < 0)
			return false;
	}
	return true;
}

/* ---- making ---- */

/* Step into a directory, which is made when missing. */
static int step_into(int at, const char *name, mode_t mode)
{
	int fd;

	if (mkdirat(at, name, mode) < 0 && errno != EEXIST)
		return -1;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd;
}

/* The directory that holds the name's last part, or the one that a name with
 * a slash at its end is; to be closed. */
static int open_parent(struct unzip *u, const char *name, const char **last)
{
	char part[NAME];
	int at = dup(u->dir), next;
	size_t n;

	while (at >= 0 && name[n = strcspn(name, "/")] == '/') {
		memcpy(part, name, n);
		part[n] = '\0';
		next = step_into(at, part, 0755);
		close(at);
		at = next;
		name += n + 1;
	}
	*last = name;
	return at;
}

static int refuse(struct unzip *u, const struct entry *n, const char *why)
{
	return sk_fail(u->e, SNEK_EFORMAT, "%.200s in the zip %s", n->name, why);
}

static int not_made(struct unzip *u, const struct entry *n)
{
	if (errno == EEXIST || errno == ENOTDIR || errno == ELOOP)
		return refuse(u, n, "is there twice");
	return sk_fail_errno(u->e, "unpack %.200s", n->name);
}

static int copy(struct unzip *u, const struct entry *n, zip_file_t *from, int to)
{
	zip_int64_t got;
	ssize_t put;
	char *p;

	while ((got = zip_fread(from, u->block, BLOCK)) > 0) {
		u->bytes += (uint64_t)got;
		if (u->bytes > SK_UNZIP_MAX)
			return sk_fail(u->e, SNEK_ELIMIT, "the zip unpacks to "
			    "more than %llu bytes",
			    (unsigned long long)SK_UNZIP_MAX);
		for (p = u->block; got; p += put, got -= put) {
			put = write(to, p, (size_t)got);
			if (put < 0)
				return not_made(u, n);
		}
	}
	return got < 0 ? refuse(u, n, "is damaged") : 0;
}

static int make_file(struct unzip *u, const struct entry *n, int at,
    const char *last)
{
	zip_file_t *from;
	int to, rc;

	to = openat(at, last, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (to < 0)
		return not_made(u, n);
	from = zip_fopen_index(u->zip, n->index, 0);
	rc = from ? copy(u, n, from, to) : refuse(u, n, "cannot be unpacked");
	if (!rc && fchmod(to, n->mode & 0777) < 0)
		rc = not_made(u, n);
	if (from)
		zip_fclose(from);
	close(to);
	return rc;
}

static int make_link(struct unzip *u, const struct entry *n, int at,
    const char *last)
{
	char to[LINK];
	zip_file_t *from = zip_fopen_index(u->zip, n->index, 0);
	zip_int64_t got = from ? zip_fread(from, to, sizeof(to) - 1) : -1;

	if (from)
		zip_fclose(from);
	if (got <= 0 || (uint64_t)got != n->size || memchr(to, 0, (size_t)got))
		return refuse(u, n, "is no link");
	to[got] = '\0';
	if (!link_is_safe(n->name, to))
		return refuse(u, n, "is a link that leads out of the zip");
	return symlinkat(to, at, last) < 0 ? not_made(u, n) : 0;
}

static int make(struct unzip *u, const struct entry *n)
{
	const char *last;
	int at = open_parent(u, n->name, &last), rc = 0;

	if (at < 0)
		return not_made(u, n);
	if (!*last)
		rc = fchmod(at, (n->mode & 0777) | 0700) < 0 ? not_made(u, n) : 0;
	else if (S_ISLNK(n->mode))
		rc = make_link(u, n, at, last);
	else
		rc = make_file(u, n, at, last);
	close(at);
	return rc;
}

/* ---- reading ---- */

static mode_t mode_of(zip_t *z, zip_uint64_t i, const char *name)
{
	zip_uint32_t attributes;
	zip_uint8_t system;
	bool is_dir = *name && name[strlen(name) - 1] == '/';
	mode_t mode = 0;

	if (zip_file_get_external_attributes(z, i, 0, &system, &attributes) == 0 &&
	    system == ZIP_OPSYS_UNIX)
		mode = (mode_t)(attributes >> 16);
	if (!mode)
		mode = is_dir ? 0755 : 0644;
	if (!(mode & S_IFMT))
		mode |= is_dir ? S_IFDIR : S_IFREG;
	return mode;
}

static int read_entry(struct unzip *u, zip_uint64_t i, struct entry *n)
{
	zip_stat_t st;

	if (zip_stat_index(u->zip, i, ZIP_FL_ENC_RAW, &st) < 0 ||
	    !(st.valid & ZIP_STAT_NAME) || !(st.valid & ZIP_STAT_SIZE))
		return sk_fail(u->e, SNEK_EFORMAT, "the zip has a damaged entry");
	n->index = i;
	n->name = st.name;
	n->size = st.size;
	n->mode = mode_of(u->zip, i, st.name);
	if (!name_is_safe(n->name))
		return refuse(u, n, "is no name for a file");
	if ((st.valid & ZIP_STAT_ENCRYPTION_METHOD) && st.encryption_method)
		return refuse(u, n, "is encrypted");
	if (S_ISDIR(n->mode) != (n->name[strlen(n->name) - 1] == '/') ||
	    (!S_ISREG(n->mode) && !S_ISDIR(n->mode) && !S_ISLNK(n->mode)))
		return refuse(u, n, "is no file");
	if (n->size > SK_UNZIP_MAX)
		return sk_fail(u->e, SNEK_ELIMIT, "%.200s in the zip is of %llu "
		    "bytes", n->name, (unsigned long long)n->size);
	return 0;
}

static int each(struct unzip *u, bool links)
{
	zip_int64_t count = zip_get_num_entries(u->zip, 0), i;
	struct entry n;
	int rc = 0;

	if (count <= 0)
		return sk_fail(u->e, SNEK_EFORMAT, "the zip is empty");
	if (count > SK_UNZIP_FILES)
		return sk_fail(u->e, SNEK_ELIMIT, "the zip has %lld entries",
		    (long long)count);
	for (i = 0; !rc && i < count; i++) {
		rc = read_entry(u, (zip_uint64_t)i, &n);
		if (!rc && S_ISLNK(n.mode) == links)
			rc = make(u, &n);
	}
	return rc;
}

static int open_zip(struct unzip *u, struct sk_span zip)
{
	zip_error_t why;
	zip_source_t *s;

	zip_error_init(&why);
	s = zip_source_buffer_create(zip.p, zip.n, 0, &why);
	u->zip = s ? zip_open_from_source(s, ZIP_RDONLY, &why) : NULL;
	if (u->zip)
		return 0;
	sk_fail(u->e, SNEK_EFORMAT, "it is no zip: %s", zip_error_strerror(&why));
	zip_error_fini(&why);
	if (s)
		zip_source_free(s);
	return SNEK_EFORMAT;
}

int sk_unzip(struct sk_span zip, const char *dir, uint64_t *bytes,
    struct snek_error *e)
{
	struct unzip *u = calloc(1, sizeof(*u));
	int rc;

	if (!u)
		return sk_enomem(e);
	u->e = e;
	u->dir = -1;
	rc = open_zip(u, zip);
	if (!rc && mkdir(dir, 0755) < 0)
		rc = sk_fail_errno(e, "%s", dir);
	if (!rc) {
		u->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		rc = u->dir < 0 ? sk_fail_errno(e, "%s", dir) : each(u, false);
	}
	if (!rc)
		rc = each(u, true);
	if (!rc)
		*bytes = u->bytes;
	if (u->dir >= 0)
		close(u->dir);
	if (u->zip)
		zip_discard(u->zip);
	free(u);
	return rc;
}
