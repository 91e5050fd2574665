/* SPDX-License-Identifier: MIT */
#include "task/plugin.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "task/call.h"
#include "task/elf.h"
#include "task/fpmode.h"

#define MAX_OPS 1024u
#define MAX_ARGS 256u
#define MAX_STRUCT 4096u        /* beyond: no size of a struct of ours, ever */
#define MAX_NAME 64u
#define MAX_TEXT 4096u

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* ---- copying what the plugin says ---- */

/* Can it be the address of a struct of pointers and words? */
static bool is_address(const void *p)
{
	return (uintptr_t)p >= 4096 && (uintptr_t)p % 8 == 0;
}

/* from states its size at byte at.  Sizes from least on are accepted. */
static int copy_sized(void *to, size_t ours, size_t least, const void *from,
    size_t at, const char *what, struct snek_error *e)
{
	const char *tail = (const char *)from + ours;
	uint32_t size;

	if (!is_address(from))
		return sk_fail(e, SNEK_EABI, "%s is at no address that can hold "
		    "it (%p)", what, from);
	memcpy(&size, (const char *)from + at, 4);
	if (size < least || size > MAX_STRUCT || size % 4)
		return sk_fail(e, SNEK_EABI, "%s has an impossible size of %u "
		    "bytes (use the macros of snek/plugin.h)", what, size);
	for (size_t i = 0; ours + i < size; i++)
		if (tail[i])
			return sk_fail(e, SNEK_EABI, "%s uses what was added "
			    "after this snek; a newer one is needed", what);
	memset(to, 0, ours);
	memcpy(to, from, size < ours ? size : ours);
	return 0;
}

static bool is_name(const char *s, const char *first, const char *rest)
{
	size_t n = s ? strnlen(s, MAX_NAME + 1) : 0;

	return n && n <= MAX_NAME && strchr(first, *s) &&
	    strspn(s, rest) == n;
}

static bool is_short(const char *s)
{
	return !s || strnlen(s, MAX_TEXT + 1) <= MAX_TEXT;
}

static int check_arg(const struct snek_arg *a, const char *op,
    struct snek_error *e)
{
	int rc;

	if (!is_name(a->name, LOWER, LOWER DIGITS "_-"))
		return sk_fail(e, SNEK_EABI, "op '%s': argument '%.80s' is not "
		    "named [a-z][a-z0-9_-]*, at most %u of them", op,
		    a->name ? a->name : "(NULL)", MAX_NAME);
	if (!is_short(a->help) || !is_short(a->value) || !is_short(a->choices))
		return sk_fail(e, SNEK_EABI, "op '%s': argument '%s' has a text "
		    "of over %u bytes", op, a->name, MAX_TEXT);
	if (a->type > SNEK_ARG_LIST)
		return sk_fail(e, SNEK_EABI, "op '%s': argument '%s' is of a "
		    "type that this snek does not know (%u)", op, a->name,
		    a->type);
	rc = sk_arg_check(a, e);
	if (rc < 0 && rc != SNEK_ENOMEM) {
		sk_fail_in(e, rc, "op '%s'", op);
		rc = SNEK_EABI;
		if (e)
			e->code = rc;
	}
	return rc;
}

static int copy_args(struct sk_op *o, struct snek_error *e)
{
	const struct snek_arg *const *list = o->op.args;
	uint32_t n = 0;
	int rc = 0;

	if (!list)
		return 0;
	while (list[n])
		if (++n > MAX_ARGS)
			return sk_fail(e, SNEK_EABI, "op '%s' has over %u "
			    "arguments (is the list's NULL missing?)",
			    o->op.name, MAX_ARGS);
	o->arg = calloc(n + 1, sizeof(*o->arg));
	if (!o->arg)
		return sk_enomem(e);
	for (; rc >= 0 && o->args < n; o->args++) {
		struct snek_arg *a = &o->arg[o->args];

		rc = copy_sized(a, sizeof(*a), offsetof(struct snek_arg, help),
		    list[o->args], 0, "an argument", e);
		rc = rc < 0 ? sk_fail_in(e, rc, "op '%s'", o->op.name)
		    : check_arg(a, o->op.name, e);
		for (uint32_t i = 0; rc >= 0 && i < o->args; i++)
			if (!strcmp(o->arg[i].name, a->name))
				rc = sk_fail(e, SNEK_EABI, "op '%s' has two "
				    "arguments named '%s'", o->op.name, a->name);
	}
	return rc;
}

static bool has_callback(const struct snek_op *o)
{
	return o->args || o->open || o->close || o->map || o->map_shard ||
	    o->finish || o->combine || o->reduce || o->partition;
}

static int check_op(const struct snek_op *o, struct snek_error *e)
{
	if (!is_name(o->name, LOWER, LOWER DIGITS "_"))
		return sk_fail(e, SNEK_EABI, "an op is named '%.80s', not "
		    "[a-z][a-z0-9_]*, at most %u of them",
		    o->name ? o->name : "(NULL)", MAX_NAME);
	if (o->flags)
		return sk_fail(e, SNEK_EABI, "op '%s' has flags that this snek "
		    "does not know (%#x)", o->name, o->flags);
	if (!is_short(o->summary) || !is_short(o->reducer))
		return sk_fail(e, SNEK_EABI, "op '%s' has a text of over %u "
		    "bytes", o->name, MAX_TEXT);
	if (o->function && has_callback(o))
		return sk_fail(e, SNEK_EABI, "op '%s' has a function, which "
		    "goes without callbacks and arguments of its own", o->name);
	if (!o->function && !o->map && !o->map_shard && !o->combine &&
	    !o->reduce)
		return sk_fail(e, SNEK_EABI, "op '%s' has nothing to call: set "
		    "map, map_shard or reduce", o->name);
	if (o->map && o->map_shard)
		return sk_fail(e, SNEK_EABI, "op '%s' has both map and "
		    "map_shard: set one", o->name);
	return 0;
}

static int copy_function(struct sk_op *o, struct snek_error *e)
{
	struct snek_function ours;
	int rc;

	rc = copy_sized(&ours, sizeof(ours), sizeof(ours), o->op.function, 0,
	    "its function", e);
	if (rc >= 0)
		rc = sk_callee_declare(o, &ours, e);
	if (rc < 0)
		sk_fail_in(e, rc, "op '%s'", o->op.name);
	return rc < 0 && rc != SNEK_ENOMEM ? SNEK_EABI : rc;
}

static int copy_op(struct sk_plugin *p, const struct snek_op *from,
    struct snek_error *e)
{
	struct sk_op *o = &p->op[p->ops];
	int rc;

	rc = copy_sized(&o->op, sizeof(o->op), offsetof(struct snek_op, combine),
	    from, 0, "an op", e);
	if (rc >= 0)
		rc = check_op(&o->op, e);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < p->ops; i++)
		if (!strcmp(p->op[i].op.name, o->op.name))
			return sk_fail(e, SNEK_EABI, "two ops are named '%s'",
			    o->op.name);
	p->ops++;
	return o->op.function ? copy_function(o, e) : copy_args(o, e);
}

static int copy_ops(struct sk_plugin *p, const struct snek_op *const *list,
    struct snek_error *e)
{
	uint32_t n = 0;
	int rc = 0;

	if (!is_address(list) || !list[0])
		return sk_fail(e, SNEK_EABI, "it has no op");
	while (list[n])
		if (++n > MAX_OPS)
			return sk_fail(e, SNEK_EABI, "over %u ops (is the "
			    "list's NULL missing?)", MAX_OPS);
	p->op = calloc(n, sizeof(*p->op));
	if (!p->op)
		return sk_enomem(e);
	for (uint32_t i = 0; rc >= 0 && i < n; i++)
		rc = copy_op(p, list[i], e);
	return rc;
}

int sk_plugin_read(struct sk_plugin *p, const void *symbol, size_t room,
    struct snek_error *e)
{
	struct snek_plugin ours;
	uint32_t head[2];
	int rc;

	if (room && room < sizeof(head))
		return sk_fail(e, SNEK_EABI, "its symbol snek_plugin is no "
		    "struct snek_plugin (%zu bytes)", room);
	memcpy(head, symbol, sizeof(head));
	if (head[0] != SNEK_ABI)
		return sk_fail(e, SNEK_EABI, "was built for plugin ABI %u; this "
		    "snek speaks %u", head[0], SNEK_ABI);
	if (room && head[1] > room)
		return sk_fail(e, SNEK_EABI, "its symbol snek_plugin claims %u "
		    "bytes and has %zu", head[1], room);
	rc = copy_sized(&ours, sizeof(ours), sizeof(ours), symbol, 4,
	    "its symbol snek_plugin", e);
	if (rc < 0)
		return rc;
	if (!is_name(ours.name, LOWER UPPER DIGITS "_-",
	    LOWER UPPER DIGITS "_-"))
		return sk_fail(e, SNEK_EABI, "the plugin is named '%.80s', not "
		    "[A-Za-z0-9_-]{1,%u}", ours.name ? ours.name : "(NULL)",
		    MAX_NAME);
	snprintf(p->name, sizeof(p->name), "%s", ours.name);
	snprintf(p->version, sizeof(p->version), "%.63s",
	    ours.version ? ours.version : "");
	return copy_ops(p, ours.ops, e);
}

/* ---- loading ---- */

/* The loader's words in ours, where it is plain what is missing. */
static int say_why(const char *path, struct snek_error *e)
{
	const char *why = dlerror(), *at;

	if (!why)
		why = "no reason given";
	at = strstr(why, ": cannot open shared object file");
	if (at && !strchr(path, '/') && !strncmp(why, path, strlen(path)))
		return sk_fail(e, SNEK_ENOENT, "%s is not found: give its path, "
		    "with a '/', or set LD_LIBRARY_PATH to where it is", path);
	if (at && strncmp(why, path, strlen(path)))
		return sk_fail(e, SNEK_EABI, "%s: needs %.*s, which is not "
		    "found: install it, or set LD_LIBRARY_PATH to where it is",
		    path, (int)(at - why), why);
	at = strstr(why, "undefined symbol: ");
	if (at)
		return sk_fail(e, SNEK_EABI, "%s: needs the symbol %s, which "
		    "nothing provides (link its library)", path, at + 18);
	return sk_fail(e, SNEK_EABI, "%s: cannot be loaded: %s", path, why);
}

static int open_library(const char *name, void **out, struct snek_error *e)
{
	struct sk_fpmode fp = sk_fpmode_get();

	*out = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	sk_fpmode_set(fp);
	return *out ? 0 : say_why(name, e);
}

static int load(struct sk_plugin *p, const char *path, struct snek_error *e)
{
	struct sk_buf full = {0};
	int rc;

	/* A bare name would be looked for on the library path. */
	if (!sk_buf_printf(&full, "%s%s", strchr(path, '/') ? "" : "./", path))
		return sk_enomem(e);
	rc = open_library(full.p, &p->handle, e);
	sk_buf_free(&full);
	return rc;
}

static int find_symbol(struct sk_plugin *p, const void **symbol, size_t *room,
    struct snek_error *e)
{
	const ElfW(Sym) *sym = NULL;
	Dl_info info;

	*symbol = dlsym(p->handle, "snek_plugin");
	if (!*symbol)
		return sk_fail(e, SNEK_EABI, "has no symbol snek_plugin "
		    "(SNEK_PLUGIN(...) is missing)");
	*room = 0;
	if (!dladdr1(*symbol, &info, (void **)&sym, RTLD_DL_SYMENT) || !sym)
		return 0;
	if (ELF64_ST_TYPE(sym->st_info) == STT_FUNC)
		return sk_fail(e, SNEK_EABI, "its symbol snek_plugin is a "
		    "function (use SNEK_PLUGIN(...))");
	*room = sym->st_size;
	return 0;
}

int sk_plugin_open(const char *path, struct sk_plugin **out, struct snek_error *e)
{
	struct sk_plugin *p;
	const void *symbol;
	size_t room = 0;
	int rc;

	rc = sk_elf_check(path, e);
	if (rc < 0)
		return rc;
	p = calloc(1, sizeof(*p));
	if (!p)
		return sk_enomem(e);
	rc = load(p, path, e);
	if (rc < 0)
		goto out;
	rc = find_symbol(p, &symbol, &room, e);
	if (rc >= 0)
		rc = sk_plugin_read(p, symbol, room, e);
	if (rc < 0) {
		sk_fail_in(e, rc, "%s", path);
		goto out;
	}
	*out = p;
	return 0;
out:
	sk_plugin_close(p);
	return rc;
}

static bool is_data(void *at)
{
	const ElfW(Sym) *sym = NULL;
	Dl_info info;

	return dladdr1(at, &info, (void **)&sym, RTLD_DL_SYMENT) && sym &&
	    info.dli_saddr == at && ELF64_ST_TYPE(sym->st_info) == STT_OBJECT;
}

int sk_plugin_symbol(const char *library, const char *name,
    void (**out)(void), struct snek_error *e)
{
	void *handle, *at;
	int rc = strchr(library, '/') ? sk_elf_check(library, e) : 0;

	if (!rc)
		rc = open_library(library, &handle, e);
	if (rc)
		return rc;
	at = dlsym(handle, name);
	if (!at)
		return sk_fail(e, SNEK_ENOENT, "%s has no function %s", library,
		    name);
	if (is_data(at))
		return sk_fail(e, SNEK_EABI, "%s of %s is data, no function",
		    name, library);
	memcpy(out, &at, sizeof(*out));
	return 0;
}

void sk_plugin_close(struct sk_plugin *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->ops; i++) {
		sk_callee_free(p->op[i].callee);
		free(p->op[i].arg);
	}
	free(p->op);
	sk_arena_free(&p->text);
	free(p);
}

/* ---- ops by name ---- */

static int list_ops(const struct sk_plugin *p, struct sk_buf *names)
{
	for (uint32_t i = 0; i < p->ops; i++)
		if (!sk_buf_printf(names, "%s%s", i ? ", " : "", p->op[i].op.name))
			return SNEK_ENOMEM;
	return 0;
}

static void say_ops(const struct sk_plugin *p, const char *op, struct snek_error *e)
{
	struct sk_buf names = {0};

	if (list_ops(p, &names) < 0)
		sk_enomem(e);
	else if (!op || !*op)
		sk_fail(e, SNEK_ENOENT, "plugin %s has several ops: say which "
		    "of %s", p->name, names.p);
	else
		sk_fail(e, SNEK_ENOENT, "plugin %s has no op '%s'; it has %s",
		    p->name, op, names.p);
	sk_buf_free(&names);
}

const struct sk_op *sk_plugin_op(const struct sk_plugin *p, const char *op,
    struct snek_error *e)
{
	if ((!op || !*op) && p->ops == 1)
		return &p->op[0];
	for (uint32_t i = 0; op && i < p->ops; i++)
		if (!strcmp(p->op[i].op.name, op))
			return &p->op[i];
	say_ops(p, op, e);
	return NULL;
}
