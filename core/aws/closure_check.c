/* SPDX-License-Identifier: MIT */
#include "aws/closure.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- versions ---- */

static bool has_version(const struct sk_elf_file *f, const char *version)
{
	const char *own;
	uint64_t at = 0;

	while ((own = sk_elf_version(f, &at)))
		if (!strcmp(own, version))
			return true;
	return !at;             /* it has none: the loader takes it as it is */
}

static const char *symbol_of(const struct sk_elf_file *f,
    const struct sk_elf_need *need)
{
	struct sk_elf_symbol s;
	uint32_t i;

	for (i = 1; i < f->symbol_n; i++)
		if (sk_elf_symbol_get(f, i, &s) && !s.defined && s.version &&
		    !strcmp(s.version, need->version) &&
		    !strcmp(s.lib, need->lib))
			return s.name;
	return "something";
}

static int check_versions(const struct sk_closure *c, const struct sk_object *o,
    struct snek_error *e)
{
	const struct sk_object *from;
	const struct sk_elf_need *n;
	char buf[200];
	uint32_t i;

	for (i = 0; o->elf.need && i < SK_ELF_VERSIONS; i++) {
		n = &o->elf.need[i];
		from = n->lib && !n->weak ? sk_closure_find(c, n->lib) : NULL;
		if (from && !has_version(&from->elf, n->version))
			return sk_fail(e, SNEK_EABI, "%s needs %.100s of "
			    "version %.60s, which %s, that would go along, has "
			    "not: build it where libraries are no newer, or "
			    "bundle it where they are as new",
			    sk_object_who(o, buf), symbol_of(&o->elf, n),
			    n->version, from->path);
	}
	return 0;
}

/* ---- symbols ---- */

struct names {
	const char **p;
	size_t n, cap;
};

static bool add_name(struct names *l, const char *name)
{
	const char **more;

	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 4096;
		more = realloc(l->p, l->cap * sizeof(*more));
		if (!more)
			return false;
		l->p = more;
	}
	l->p[l->n++] = name;
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What all of them define, sorted. */
static bool list_names(const struct sk_closure *c, struct names *l)
{
	struct sk_elf_symbol s;
	uint32_t k;
	size_t i;

	for (i = 0; i < c->n; i++)
		for (k = 1; k < c->object[i]->elf.symbol_n; k++)
			if (sk_elf_symbol_get(&c->object[i]->elf, k, &s) &&
			    s.defined && !s.local && !add_name(l, s.name))
				return false;
	if (l->n)
		qsort(l->p, l->n, sizeof(*l->p), by_name);
	return true;
}

/* Those with a version were looked at by that. */
static int check_symbols(const struct names *l, const struct sk_object *o,
    struct snek_error *e)
{
	struct sk_elf_symbol s;
	char buf[200];
	uint32_t i;

	for (i = 1; i < o->elf.symbol_n; i++)
		if (sk_elf_symbol_get(&o->elf, i, &s) && !s.defined &&
		    !s.weak && !s.local && !s.version && *s.name && !(l->n &&
		    bsearch(&s.name, l->p, l->n, sizeof(*l->p), by_name)))
			return sk_fail(e, SNEK_EABI, "%s needs %.200s, which no "
			    "library that it names has: link the one that has "
			    "it (-Wl,-z,defs tells when linking)",
			    sk_object_who(o, buf), s.name);
	return 0;
}

static int check_all_symbols(const struct sk_closure *c, struct snek_error *e)
{
	struct names l = { 0 };
	size_t i;
	int rc = list_names(c, &l) ? 0 : sk_enomem(e);

	for (i = 0; !rc && i < c->n; i++)
		rc = check_symbols(&l, c->object[i], e);
	free(l.p);
	return rc;
}

/* ---- places ---- */

/* A directory by its full name: there may be other libraries in it there. */
static bool has_place(const char *list)
{
	for (; list && *list; list += strcspn(list, ":") + !!strchr(list, ':'))
		if (*list == '/')
			return true;
	return false;
}

/* An RPATH comes before --library-path, a RUNPATH behind it; it holds for what
 * they need whom it brought, too. */
static int check_places(const struct sk_object *o, struct snek_error *e)
{
	const struct sk_object *by = o->by;
	char buf[200];

	if (!by || sk_elf_runpath(&by->elf))
		return 0;
	for (; by; by = by->by)
		if (!sk_elf_runpath(&by->elf) &&
		    has_place(sk_elf_rpath(&by->elf)))
			return sk_fail(e, SNEK_EABI, "%s looks for %s in %.150s "
			    "before it looks into the bundle (RPATH): link it "
			    "with -Wl,--enable-new-dtags, or without -rpath",
			    sk_object_who(by, buf), o->name,
			    sk_elf_rpath(&by->elf));
	return 0;
}

int sk_closure_check(const struct sk_closure *c, struct snek_error *e)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < c->n; i++) {
		rc = check_places(c->object[i], e);
		if (!rc)
			rc = check_versions(c, c->object[i], e);
	}
	return rc ? rc : check_all_symbols(c, e);
}
