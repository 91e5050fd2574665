/* SPDX-License-Identifier: MIT */
#include "job/function.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "task/elf.h"

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

/* The file's bytes, and with a worker a sealed copy of them, so that what is
 * loaded is what was looked at. */
static int take_bytes(sk_worker *w, struct sk_function *f, struct sk_buf *b,
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

static int take_file(sk_worker *w, struct sk_function *f, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	int rc = take_bytes(w, f, &b, e);

	sk_buf_free(&b);
	return rc;
}

static int open_plugin(sk_worker *w, bool alone, const char *path, int file,
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

/* The file of a shipped plugin whose name is the first len bytes: 1, 0 when
 * there is none, or SNEK_ENOMEM. */
static int shipped_path(const char *name, size_t len, char **out)
{
	struct wanted w = { name, len, NULL };
	int rc = 0;

	if (len && !memchr(name, '/', len))
		rc = sk_function_dirs(try_dir, &w);
	*out = w.path;
	return rc;
}

/* ---- finding one ---- */

static int load(sk_worker *w, struct sk_function *f, const char *op,
    struct snek_error *e)
{
	int rc = open_plugin(w, false, f->path, f->file, &f->plugin, e);

	if (rc)
		return rc;
	f->op = sk_plugin_op(f->plugin, op, e);
	return f->op ? 0 : SNEK_ENOENT;
}

static int find_file(sk_worker *w, const char *name, struct sk_function *f,
    struct snek_error *e)
{
	const char *colon = strrchr(name, ':');
	const char *op = colon && !strchr(colon, '/') && access(name, F_OK)
	    ? colon + 1 : NULL;
	int rc;

	f->origin = "file";
	f->path = op ? strndup(name, (size_t)(colon - name)) : strdup(name);
	if (!f->path)
		return sk_enomem(e);
	rc = take_file(w, f, e);
	return rc ? rc : load(w, f, op, e);
}

static int check_digest(sk_worker *w, struct sk_function *f,
    const char *name, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	char recorded[65];
	int rc;

	memcpy(recorded, f->sha256, sizeof(recorded));
	rc = take_bytes(w, f, &b, e);
	if (!rc)
		sk_sha256_hex(b.p, b.n, f->sha256);
	sk_buf_free(&b);
	if (rc == SNEK_ENOENT)
		return sk_fail(e, SNEK_ECORRUPT, "function %s: its plugin %s is "
		    "missing; add it again with snek-add-function", name, f->path);
	if (!rc && strcmp(recorded, f->sha256))
		return sk_fail(e, SNEK_ECORRUPT, "function %s: its plugin %s is "
		    "damaged; add it again with snek-add-function", name, f->path);
	return rc;
}

static int find_registered(struct sk_catalog *cat, sk_worker *w,
    const char *name, struct sk_function *f, struct snek_error *e)
{
	struct sk_meta_function m;
	struct sk_buf path = { 0 };
	int rc = cat ? cat->meta->ops->function_get(cat->meta, name, &m, e)
	    : SNEK_ENOENT;

	if (rc)
		return rc;
	rc = sk_catalog_plugin_path(cat, m.sha256, &path, e);
	if (rc)
		sk_buf_free(&path);
	if (rc)
		return rc == SNEK_ENOENT ? sk_fail(e, SNEK_ECORRUPT, "function %s: "
		    "its plugin is missing; add it again with snek-add-function",
		    name) : rc;
	f->origin = "registered";
	f->path = path.p;
	f->generation = m.generation;
	memcpy(f->sha256, m.sha256, sizeof(f->sha256));
	rc = check_digest(w, f, name, e);
	return rc ? rc : load(w, f, m.op, e);
}

static int find_shipped(sk_worker *w, const char *name,
    struct sk_function *f, struct snek_error *e)
{
	const char *dot = strchr(name, '.');
	int rc;

	rc = shipped_path(name, strlen(name), &f->path);
	if (rc == 1)
		dot = NULL;
	else if (!rc && dot)
		rc = shipped_path(name, (size_t)(dot - name), &f->path);
	if (rc != 1)
		return rc ? sk_enomem(e) : SNEK_ENOENT;
	f->origin = "shipped";
	rc = take_file(w, f, e);
	return rc ? rc : load(w, f, dot ? dot + 1 : NULL, e);
}

struct names {
	char **name;
	size_t n, cap;
};

static int add_name(void *arg, const char *name)
{
	struct names *all = arg;
	size_t i, cap = all->cap ? 2 * all->cap : 16;
	char **p;

	for (i = 0; i < all->n; i++)
		if (!strcmp(all->name[i], name))
			return 0;
	if (all->n == all->cap) {
		p = realloc(all->name, cap * sizeof(*p));
		if (!p)
			return SNEK_ENOMEM;
		all->name = p;
		all->cap = cap;
	}
	all->name[all->n] = strdup(name);
	return all->name[all->n++] ? 0 : SNEK_ENOMEM;
}

static void free_names(struct names *all)
{
	while (all->n)
		free(all->name[--all->n]);
	free(all->name);
}

static int not_found(struct sk_catalog *cat, sk_worker *w, const char *name,
    struct snek_error *e)
{
	struct names all = { 0 };
	const char *near = NULL;

	if (sk_function_names(cat, w, add_name, &all, NULL) == 0)
		near = sk_did_you_mean(name, (const char *const *)all.name, all.n);
	if (near)
		sk_fail(e, SNEK_ENOENT, "no function %s; did you mean %s?", name,
		    near);
	else
		sk_fail(e, SNEK_ENOENT, "no function %s; snek functions lists "
		    "those there are, and ./%s.so would be a file", name, name);
	free_names(&all);
	return SNEK_ENOENT;
}

/* SNEK_ENOENT without an origin: look further. */
static int find(struct sk_catalog *cat, sk_worker *w, const char *name,
    struct sk_function *f, struct snek_error *e)
{
	int rc;

	if (strchr(name, '/'))
		return find_file(w, name, f, e);
	rc = find_registered(cat, w, name, f, e);
	if (rc == SNEK_ENOENT && !f->origin)
		rc = find_shipped(w, name, f, e);
	if (rc == SNEK_ENOENT && !f->origin)
		rc = not_found(cat, w, name, e);
	return rc;
}

int sk_function_find(struct sk_catalog *cat, sk_worker *w, const char *name,
    struct sk_function *f, struct snek_error *e)
{
	struct snek_error why = { 0 };  /* e stays untouched on success */
	int rc;

	memset(f, 0, sizeof(*f));
	rc = find(cat, w, name, f, &why);
	if (!rc)
		return 0;
	if (e)
		*e = why;
	sk_function_free(f);
	return rc;
}

int sk_function_digest(struct sk_function *f, struct snek_error *e)
{
	struct sk_buf b = { 0 };
	struct stat st;
	int rc = 0;

	if (*f->sha256)
		return 0;
	if (!f->file)
		rc = read_file(f->path, &b, e);
	else if (fstat(f->file, &st) ||
	    !sk_channel_slurp(f->file, (uint64_t)st.st_size, &b))
		rc = sk_fail(e, SNEK_ENOMEM, "cannot read the copy of %s",
		    f->path);
	if (!rc)
		sk_sha256_hex(b.p, b.n, f->sha256);
	sk_buf_free(&b);
	return rc;
}

void sk_function_free(struct sk_function *f)
{
	sk_plugin_close(f->plugin);
	free(f->path);
	if (f->file > 0)
		close(f->file);
	memset(f, 0, sizeof(*f));
}

/* ---- listing ---- */

static int visit_registered(void *arg, const struct sk_meta_function *m)
{
	return add_name(arg, m->name);
}

static int add_ops(struct names *all, const struct sk_plugin *p)
{
	char name[2 * 129];
	uint32_t i;
	int rc = 0;

	if (p->ops == 1)
		return add_name(all, p->name);
	for (i = 0; i < p->ops && !rc; i++) {
		snprintf(name, sizeof(name), "%s.%s", p->name, p->op[i].op.name);
		rc = add_name(all, name);
	}
	return rc;
}

int sk_function_describe(sk_worker *w, const char *path,
    struct sk_plugin **out, struct snek_error *e)
{
	struct sk_function f = { .path = (char *)path };
	int rc = take_file(w, &f, e);

	if (!rc)
		rc = open_plugin(w, true, path, f.file, out, e);
	if (f.file > 0)
		close(f.file);
	return rc;
}

/* A file that does not load, or goes by another name than its plugin's, is
 * left out: it cannot be queried either. */
static int add_file(struct names *all, sk_worker *w, const char *dir,
    const char *file)
{
	char path[8192];
	struct sk_plugin *p;
	size_t n = strlen(file);
	int rc;

	if (n < 4 || strcmp(file + n - 3, ".so"))
		return 0;
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	rc = sk_function_describe(w, path, &p, NULL);
	if (rc)
		return rc == SNEK_ENOMEM ? rc : 0;
	if (strlen(p->name) == n - 3 && !strncmp(p->name, file, n - 3))
		rc = add_ops(all, p);
	sk_plugin_close(p);
	return rc;
}

struct listing {
	struct names all;
	sk_worker *worker;
};

static int add_dir(void *arg, const char *dir)
{
	struct listing *l = arg;
	struct dirent **file;
	int n = scandir(dir, &file, NULL, alphasort);
	int i, rc = 0;

	if (n < 0 && errno == ENOMEM)
		return SNEK_ENOMEM;
	for (i = 0; i < n; i++) {
		if (!rc)
			rc = add_file(&l->all, l->worker, dir,
			    file[i]->d_name);
		free(file[i]);
	}
	if (n >= 0)
		free(file);
	return rc;
}

int sk_function_names(struct sk_catalog *cat, sk_worker *w,
    int (*visit)(void *, const char *), void *arg, struct snek_error *e)
{
	struct listing l = { .worker = w };
	struct names *all = &l.all;
	size_t i;
	int rc = 0;

	if (cat)
		rc = cat->meta->ops->function_list(cat->meta, visit_registered,
		    all, e);
	if (!rc)
		rc = sk_function_dirs(add_dir, &l);
	if (rc == SNEK_ENOMEM)
		sk_enomem(e);
	for (i = 0; i < all->n && !rc; i++)
		rc = visit(arg, all->name[i]);
	free_names(all);
	return rc;
}

/* ---- adding ---- */

static int check_shadow(const struct sk_plugin *p, struct snek_error *e)
{
	char *path;
	int rc = shipped_path(p->name, strlen(p->name), &path);

	if (rc != 1)
		return rc ? sk_enomem(e) : 0;
	free(path);
	return sk_fail(e, SNEK_EEXIST, "%s ships with snek; --replace puts this "
	    "one in its place", p->name);
}

static void describe(const struct sk_plugin *p, uint32_t i, const char *sha256,
    struct sk_meta_function *m)
{
	memset(m, 0, sizeof(*m));
	if (p->ops == 1)
		snprintf(m->name, sizeof(m->name), "%s", p->name);
	else
		snprintf(m->name, sizeof(m->name), "%.63s.%.64s", p->name,
		    p->op[i].op.name);
	snprintf(m->plugin, sizeof(m->plugin), "%s", p->name);
	snprintf(m->op, sizeof(m->op), "%.128s", p->op[i].op.name);
	snprintf(m->version, sizeof(m->version), "%s", p->version);
	memcpy(m->sha256, sha256, sizeof(m->sha256));
}

static int put_ops(struct sk_catalog *cat, const struct sk_plugin *p,
    const char *sha256, bool *changed, struct snek_error *e)
{
	struct sk_meta_function *m = calloc(p->ops, sizeof(*m));
	uint32_t i;
	int rc;

	if (!m)
		return sk_enomem(e);
	for (i = 0; i < p->ops; i++)
		describe(p, i, sha256, &m[i]);
	rc = cat->meta->ops->function_put(cat->meta, m, p->ops, p->name, changed, e);
	free(m);
	return rc;
}

/*
 * What is registered is what the stored bytes say.  The loader knows a file by
 * its path: one that was rebuilt since this process loaded it would be
 * described as it was then; the stored one has its digest for a name.
 */
static int put(struct sk_catalog *cat, sk_worker *w, struct sk_span bytes,
    int file, const char *sha256, bool *changed, struct snek_error *e)
{
	struct sk_buf path = { 0 };
	struct sk_plugin *p = NULL;
	int rc = sk_catalog_plugin_put(cat, bytes, sha256, e);

	if (!rc)
		rc = sk_catalog_plugin_path(cat, sha256, &path, e);
	if (!rc)
		rc = open_plugin(w, true, path.p, file, &p, e);
	if (!rc)
		rc = put_ops(cat, p, sha256, changed, e);
	sk_plugin_close(p);
	sk_buf_free(&path);
	return rc;
}

/* Everything that speaks against it, before anything is stored. */
static int check_plugin(sk_worker *w, const struct sk_function *f, bool replace,
    struct snek_error *e)
{
	struct sk_plugin *p;
	int rc = open_plugin(w, true, f->path, f->file, &p, e);

	if (rc)
		return rc;
	rc = replace ? 0 : check_shadow(p, e);
	sk_plugin_close(p);
	return rc;
}

int sk_function_add(struct sk_catalog *cat, sk_worker *w, const char *path,
    bool replace, bool *changed, struct snek_error *e)
{
	struct sk_function f = { .path = (char *)path };
	struct sk_buf b = { 0 };
	int rc = sk_elf_check(path, e);

	if (!rc)
		rc = take_bytes(w, &f, &b, e);
	if (!rc)
		sk_sha256_hex(b.p, b.n, f.sha256);
	if (!rc)
		rc = check_plugin(w, &f, replace, e);
	if (!rc)
		rc = put(cat, w, (struct sk_span){ b.p, b.n }, f.file, f.sha256,
		    changed, e);
	sk_buf_free(&b);
	if (f.file > 0)
		close(f.file);
	return rc;
}
