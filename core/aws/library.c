/* SPDX-License-Identifier: MIT */
#include "aws/library.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "aws/ldcache.h"
#include "task/elf.h"

#define CACHE "/etc/ld.so.cache"
#define CACHE_MOST ((size_t)16 << 20)

struct search {
	const struct sk_library *lib;
	const char *name;
	char *path;                     /* PATH_MAX; what is looked at */
	struct sk_elf_file *elf;
	struct snek_error *e;           /* why the first was of no use */
	int rc;                         /* SNEK_ENOENT until it is found */
};

/* ---- what is asked ---- */

static int read_cache(struct sk_buf *out)
{
	int fd = open(CACHE, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	while (fd >= 0 && n > 0 && out->n < CACHE_MOST) {
		if (!sk_buf_reserve(out, 65536)) {
			close(fd);
			return SNEK_ENOMEM;
		}
		n = read(fd, out->p + out->n, 65536);
		out->n += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	return 0;
}

int sk_library_open(struct sk_library *l, unsigned machine,
    struct snek_error *e)
{
	const char *env = secure_getenv("LD_LIBRARY_PATH");

	memset(l, 0, sizeof(*l));
	l->machine = machine;
	l->env = strdup(env ? env : "");
	if (l->env && !read_cache(&l->cache))
		return 0;
	sk_library_close(l);
	return sk_enomem(e);
}

void sk_library_close(struct sk_library *l)
{
	free(l->env);
	sk_buf_free(&l->cache);
	memset(l, 0, sizeof(*l));
}

/* ---- one place ---- */

static int refuse(struct search *s, int rc, const struct snek_error *why)
{
	if (rc != SNEK_ENOENT && s->e && !*s->e->text)
		*s->e = *why;
	return rc == SNEK_ENOMEM ? rc : SNEK_ENOENT;
}

/* Is there one, and for this machine?  The loader looks on if not. */
static bool try(struct search *s)
{
	struct snek_error why = { 0 };
	char there[24];
	int rc = sk_elf_file_open(s->elf, s->path, &why);

	if (!rc && s->elf->machine != s->lib->machine) {
		rc = sk_fail(&why, SNEK_EABI, "%s is for %s", s->path,
		    sk_elf_machine_name(s->elf->machine, there));
		sk_elf_file_free(s->elf);
	}
	s->rc = rc ? refuse(s, rc, &why) : 0;
	return s->rc != SNEK_ENOENT;
}

static bool try_dir(struct search *s, const char *dir, size_t n)
{
	int len = snprintf(s->path, PATH_MAX, "%.*s/%s", (int)n, dir, s->name);

	return len < PATH_MAX && try(s);
}

/* "$ORIGIN/x" or "${ORIGIN}/x": the directory of who says so.  The loader knows
 * other names, whose values are its own. */
static bool try_origin(struct search *s, const char *dir, size_t n,
    const struct sk_object *of)
{
	static const char *const names[] = { "$ORIGIN", "${ORIGIN}" };
	const char *slash = strrchr(of->path, '/');
	char at[PATH_MAX];
	size_t i, skip;
	int len;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		skip = strlen(names[i]);
		if (n < skip || strncmp(dir, names[i], skip))
			continue;
		len = snprintf(at, sizeof(at), "%.*s%.*s", slash ?
		    (int)(slash - of->path) : 1, slash ? of->path : ".",
		    (int)(n - skip), dir + skip);
		return len < PATH_MAX && try_dir(s, at, (size_t)len);
	}
	return false;
}

/* Directories between colons. */
static bool try_list(struct search *s, const char *list,
    const struct sk_object *of)
{
	size_t n;

	for (; list && *list; list += n + !!list[n]) {
		n = strcspn(list, ":");
		if (!n || n >= PATH_MAX)
			continue;
		if (memchr(list, '$', n)) {
			if (of && try_origin(s, list, n, of))
				return true;
		} else if (try_dir(s, list, n)) {
			return true;
		}
	}
	return false;
}

/* ---- all places, in the loader's order ---- */

/* Of who needs it and of all who brought him, unless they say RUNPATH. */
static bool try_rpaths(struct search *s, const struct sk_object *by)
{
	if (sk_elf_runpath(&by->elf))
		return false;
	for (; by; by = by->by)
		if (!sk_elf_runpath(&by->elf) &&
		    try_list(s, sk_elf_rpath(&by->elf), by))
			return true;
	return false;
}

static bool try_cache(struct search *s)
{
	struct sk_span cache = { s->lib->cache.p, s->lib->cache.n };
	const char *path;
	uint32_t i = 0;

	while ((path = sk_ldcache_next(cache, s->name, &i))) {
		if (snprintf(s->path, PATH_MAX, "%s", path) < PATH_MAX && try(s))
			return true;
	}
	return false;
}

static const char *default_dirs(unsigned machine)
{
	switch (machine) {
	case EM_X86_64:
		return "/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu:"
		    "/lib64:/usr/lib64:/lib:/usr/lib";
	case EM_AARCH64:
		return "/lib/aarch64-linux-gnu:/usr/lib/aarch64-linux-gnu:"
		    "/lib64:/usr/lib64:/lib:/usr/lib";
	default:
		return "/lib64:/usr/lib64:/lib:/usr/lib";
	}
}

int sk_library_find(const struct sk_library *l, const char *name,
    const struct sk_object *by, char path[PATH_MAX], struct sk_elf_file *elf,
    struct snek_error *e)
{
	struct search s = { l, name, path, elf, e, SNEK_ENOENT };

	if (!try_rpaths(&s, by) && !try_list(&s, l->env, NULL) &&
	    !try_list(&s, sk_elf_runpath(&by->elf), by) && !try_cache(&s))
		try_list(&s, default_dirs(l->machine), NULL);
	return s.rc;
}
