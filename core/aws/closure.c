/* SPDX-License-Identifier: MIT */
#include "aws/closure.h"

#include <stdio.h>
#include <stdlib.h>

#include "task/elf.h"

#define OBJECTS 1024u
#define BYTES ((uint64_t)512 << 20)     /* what is held in memory */

int sk_closure_open(struct sk_closure *c, unsigned machine,
    struct snek_error *e)
{
	memset(c, 0, sizeof(*c));
	return sk_library_open(&c->library, machine, e);
}

static void free_object(struct sk_object *o)
{
	free(o->name);
	free(o->path);
	sk_elf_file_free(&o->elf);
	free(o);
}

void sk_closure_close(struct sk_closure *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		free_object(c->object[i]);
	free(c->object);
	sk_library_close(&c->library);
	memset(c, 0, sizeof(*c));
}

const struct sk_object *sk_closure_find(const struct sk_closure *c,
    const char *name)
{
	const char *soname;
	size_t i;

	for (i = 0; i < c->n; i++) {
		soname = sk_elf_soname(&c->object[i]->elf);
		if (!strcmp(c->object[i]->name, name) ||
		    (soname && !strcmp(soname, name)))
			return c->object[i];
	}
	return NULL;
}

/* ---- one more ---- */

static int check_room(const struct sk_closure *c, const struct sk_elf_file *f,
    struct snek_error *e)
{
	if (c->n == OBJECTS)
		return sk_fail(e, SNEK_ELIMIT, "it needs over %u libraries",
		    OBJECTS);
	if (f->bytes.n > BYTES - c->bytes)
		return sk_fail(e, SNEK_ELIMIT, "it and its libraries are over "
		    "%u MiB", (unsigned)(BYTES >> 20));
	return 0;
}

/* Takes the file over, even when it fails. */
static int append(struct sk_closure *c, const char *name, const char *path,
    struct sk_elf_file *f, const struct sk_object *by, struct snek_error *e)
{
	struct sk_object **more, *o;
	int rc = check_room(c, f, e);

	o = rc ? NULL : calloc(1, sizeof(*o));
	more = o ? realloc(c->object, (c->n + 1) * sizeof(*more)) : NULL;
	if (more)
		c->object = more;
	if (!more || !(o->name = strdup(name)) || !(o->path = strdup(path))) {
		sk_elf_file_free(f);
		if (o)
			free_object(o);
		return rc ? rc : sk_enomem(e);
	}
	o->elf = *f;
	o->by = by;
	c->object[c->n++] = o;
	c->bytes += f->bytes.n;
	return 0;
}

const char *sk_object_who(const struct sk_object *o, char buf[200])
{
	const struct sk_object *root = o;

	while (root->by)
		root = root->by;
	if (root == o)
		snprintf(buf, 200, "%.190s", o->name);
	else
		snprintf(buf, 200, "%.90s (of %.90s)", o->name, root->name);
	return buf;
}

static int say_missing(const char *name, const struct sk_object *by,
    const struct snek_error *why, struct snek_error *e)
{
	char buf[200];

	return sk_fail(e, SNEK_EABI, "%s needs %s, which is not on this "
	    "machine%s%.150s%s: install its package, name its directory in "
	    "LD_LIBRARY_PATH, or link it statically", sk_object_who(by, buf), name,
	    *why->text ? " (" : "", why->text, *why->text ? ")" : "");
}

static int add_library(struct sk_closure *c, const char *name,
    const struct sk_object *by, struct snek_error *e)
{
	struct snek_error why = { 0 };
	struct sk_elf_file f;
	char path[PATH_MAX], buf[200];
	int rc;

	if (sk_closure_find(c, name))
		return 0;
	if (!*name || strchr(name, '/'))
		return sk_fail(e, SNEK_EABI, "%s needs a library by its path, "
		    "'%.150s': give that one a name of its own "
		    "(-Wl,-soname,NAME) and link again", sk_object_who(by, buf), name);
	rc = sk_library_find(&c->library, name, by, path, &f, &why);
	if (rc == SNEK_ENOENT)
		return say_missing(name, by, &why, e);
	return rc ? sk_enomem(e) : append(c, name, path, &f, by, e);
}

/* All that the objects from the ith on need; each adds to the end. */
static int add_needed(struct sk_closure *c, size_t i, struct snek_error *e)
{
	const char *name;
	uint32_t n;
	int rc;

	for (; i < c->n; i++)
		for (n = 0; (name = sk_elf_needed(&c->object[i]->elf, n)); n++) {
			rc = n < OBJECTS ? add_library(c, name, c->object[i], e)
			    : sk_fail(e, SNEK_ELIMIT, "%s needs over %u "
			    "libraries", c->object[i]->path, OBJECTS);
			if (rc)
				return rc;
		}
	return 0;
}

int sk_closure_add_library(struct sk_closure *c, const char *name,
    const struct sk_object *by, struct snek_error *e)
{
	size_t i = c->n;
	int rc = add_library(c, name, by, e);

	return rc ? rc : add_needed(c, i, e);
}

int sk_closure_add(struct sk_closure *c, const char *name, const char *path,
    struct snek_error *e)
{
	char there[24], here[24];
	struct sk_elf_file f;
	size_t i = c->n;
	int rc = sk_elf_file_open(&f, path, e);

	if (rc)
		return rc;
	if (f.machine != c->library.machine) {
		sk_fail(e, SNEK_EABI, "%s: is for %s, not for %s", path,
		    sk_elf_machine_name(f.machine, there),
		    sk_elf_machine_name(c->library.machine, here));
		sk_elf_file_free(&f);
		return SNEK_EABI;
	}
	rc = append(c, name, path, &f, NULL, e);
	return rc ? rc : add_needed(c, i, e);
}

/* These make glibc open the unwinder, or end the process without it. */
static bool unwinds(const struct sk_elf_file *f)
{
	static const char *const names[] = { "backtrace", "pthread_cancel",
	    "pthread_exit", "thrd_exit" };
	struct sk_elf_symbol s;
	uint32_t i;
	size_t k;

	for (i = 1; i < f->symbol_n; i++)
		for (k = 0; k < sizeof(names) / sizeof(*names); k++)
			if (sk_elf_symbol_get(f, i, &s) && !s.defined &&
			    !strcmp(s.name, names[k]))
				return true;
	return false;
}

int sk_closure_add_opened(struct sk_closure *c, struct snek_error *e)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (unwinds(&c->object[i]->elf))
			return sk_closure_add_library(c, "libgcc_s.so.1",
			    c->object[i], e);
	return 0;
}
