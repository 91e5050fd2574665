/* SPDX-License-Identifier: MIT */
/* Which functions there are. */
#include "job/function_parts.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	int rc = sk_function_take_file(w, &f, e);

	if (!rc)
		rc = sk_function_open(w, true, path, f.file, out, e);
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

int sk_function_none(struct sk_catalog *cat, sk_worker *w, const char *name,
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
