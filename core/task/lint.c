/* SPDX-License-Identifier: MIT */
#include "task/lint.h"

#include <gnu/libc-version.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "task/elf.h"
#include "task/elf_file.h"
#include <snek/plugin.h>

struct lint {
	const struct sk_elf_file *f;
	sk_lint_visit *visit;
	void *arg;
};

__attribute__((format(printf, 5, 6)))
static int say(struct lint *l, uint32_t verdict, const char *check,
    const char *cure, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return l->visit(l->arg, verdict, check, text, cure);
}

/* A list of a few names: "a, b, c and 4 more". */
struct names {
	char text[240];
	size_t n, shown;
};

static void add_name(struct names *l, const char *name)
{
	size_t at = strlen(l->text), room = sizeof(l->text) - at;

	if (l->n++ > l->shown || l->shown == 4 || strlen(name) + 3 > room)
		return;
	l->shown++;
	snprintf(l->text + at, room, "%s%s", at ? ", " : "", name);
}

static const char *name_list(struct names *l, char all[280])
{
	if (l->n > l->shown)
		snprintf(all, 280, "%s%s%zu more", l->text,
		    l->shown ? " and " : "", l->n - l->shown);
	else
		snprintf(all, 280, "%s", l->text);
	return all;
}

static bool starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* ---- what it exports ---- */

/* The linker's own, and what the sanitizers add. */
static bool is_of_the_tools(const char *name)
{
	static const char *const own[] = { "_init", "_fini", "_edata", "_end",
	    "__bss_start", "_start", "__end__" };
	size_t i;

	for (i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (!strcmp(name, own[i]))
			return true;
	return starts(name, "__asan_") || starts(name, "__odr_asan");
}

static bool find_export(struct lint *l, struct sk_elf_symbol *plugin,
    struct names *others)
{
	struct sk_elf_symbol s;
	bool found = false;
	uint32_t i;

	for (i = 1; i < l->f->symbol_n; i++) {
		if (!sk_elf_symbol_get(l->f, i, &s) || !s.defined || s.local ||
		    s.hidden || is_of_the_tools(s.name))
			continue;
		if (strcmp(s.name, "snek_plugin")) {
			add_name(others, s.name);
			continue;
		}
		*plugin = s;
		found = true;
	}
	return found;
}

static int check_abi(struct lint *l, const struct sk_elf_symbol *s)
{
	uint32_t head[2];

	if (s->function)
		return say(l, SK_LINT_FAIL, "abi", "use SNEK_PLUGIN(...)",
		    "its symbol snek_plugin is a function");
	if (s->size < sizeof(head) || !sk_elf_memory(l->f, s->at, head,
	    sizeof(head)))
		return say(l, SK_LINT_FAIL, "abi", "use SNEK_PLUGIN(...)",
		    "its symbol snek_plugin is no struct snek_plugin");
	if (head[0] != SNEK_ABI)
		return say(l, SK_LINT_FAIL, "abi", head[0] > SNEK_ABI ?
		    "a newer snek is needed" : "build it anew with this SDK",
		    "built for plugin ABI %u; this snek speaks %u", head[0],
		    SNEK_ABI);
	if (head[1] < sizeof(struct snek_plugin) || head[1] > s->size)
		return say(l, SK_LINT_FAIL, "abi", "use SNEK_PLUGIN(...)",
		    "its symbol snek_plugin claims %u bytes", head[1]);
	return say(l, SK_LINT_PASS, "abi", NULL, "plugin ABI %u", head[0]);
}

static int check_exports(struct lint *l)
{
	struct sk_elf_symbol plugin = { 0 };
	struct names others = { 0 };
	char all[280];
	int rc;

	if (!find_export(l, &plugin, &others))
		return say(l, SK_LINT_FAIL, "exports", "end the source with "
		    "SNEK_PLUGIN(...); if it does, no version script may hide it",
		    "there is no symbol snek_plugin");
	if (others.n)
		rc = say(l, SK_LINT_WARN, "exports", "compile with "
		    "-fvisibility=hidden, so that no other plugin's names meet "
		    "these", "exports more than snek_plugin: %s",
		    name_list(&others, all));
	else
		rc = say(l, SK_LINT_PASS, "exports", NULL, "snek_plugin alone");
	return rc ? rc : check_abi(l, &plugin);
}

/* ---- what it needs ---- */

static bool is_of_glibc(const char *name)
{
	static const char *const own[] = { "libc.so.6", "libm.so.6", "ld-linux",
	    "libpthread.so.0", "libdl.so.2", "librt.so.1", "libmvec.so.1",
	    "libresolv.so.2", "libutil.so.1", "libanl.so.1", "ld64.so" };
	size_t i;

	for (i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (starts(name, own[i]))
			return true;
	return false;
}

static bool is_of_sanitizer(const char *name)
{
	return starts(name, "libasan.") || starts(name, "libubsan.") ||
	    starts(name, "libtsan.") || starts(name, "liblsan.");
}

static int check_libraries(struct lint *l)
{
	struct names others = { 0 };
	const char *name;
	char all[280];
	uint32_t i;

	for (i = 0; (name = sk_elf_needed(l->f, i)); i++) {
		if (starts(name, "libsnek."))
			return say(l, SK_LINT_FAIL, "libraries", "build with "
			    "the flags of pkg-config snek-plugin, not of snek",
			    "needs %s; a plugin links against nothing of "
			    "snek's", name);
		if (is_of_sanitizer(name))
			return say(l, SK_LINT_WARN, "libraries", "build without "
			    "-fsanitize what is to run elsewhere", "needs %s, "
			    "which runs only in a program that has it too", name);
		if (!is_of_glibc(name))
			add_name(&others, name);
	}
	if (others.n)
		return say(l, SK_LINT_WARN, "libraries", "they must be installed "
		    "wherever it runs, but in Lambda, where a bundle takes them "
		    "along; link them statically to be free of that",
		    "needs %s", name_list(&others, all));
	return say(l, SK_LINT_PASS, "libraries", NULL, i ? "the C library's own"
	    : "none");
}

/* Unversioned, and no library that it could be from: -lm forgotten. */
static int check_symbols(struct lint *l)
{
	struct names lost = { 0 };
	struct sk_elf_symbol s;
	const char *name;
	char all[280];
	uint32_t i;

	for (i = 0; (name = sk_elf_needed(l->f, i)); i++)
		if (!is_of_glibc(name))
			return 0;
	for (i = 1; i < l->f->symbol_n; i++)
		if (sk_elf_symbol_get(l->f, i, &s) && !s.defined && !s.weak &&
		    !s.version && *s.name)
			add_name(&lost, s.name);
	if (lost.n)
		return say(l, SK_LINT_FAIL, "symbols", "link the library that "
		    "has them (-lm?); -Wl,-z,defs tells when linking",
		    "nothing that it names provides %s", name_list(&lost, all));
	return say(l, SK_LINT_PASS, "symbols", NULL, "all have a library");
}

/* "GLIBC_2.34" as 2 << 16 | 34; 0: something else. */
static uint32_t glibc_version(const char *version)
{
	unsigned long major, minor = 0;
	char *end;

	if (!version || !starts(version, "GLIBC_") || version[6] < '0' ||
	    version[6] > '9')
		return 0;
	major = strtoul(version + 6, &end, 10);
	if (*end == '.')
		minor = strtoul(end + 1, &end, 10);
	if (major > 0x7fff || minor > 0xffff)
		return 0x7fffu << 16;
	return (uint32_t)(major << 16 | minor);
}

/* A bundle for Lambda takes along the one that is here. */
static int check_glibc(struct lint *l)
{
	char here[32];
	struct sk_elf_symbol s, worst = { .name = "" };
	uint32_t i, v, highest = 0;

	snprintf(here, sizeof(here), "GLIBC_%.20s", gnu_get_libc_version());
	for (i = 1; i < l->f->symbol_n; i++) {
		if (!sk_elf_symbol_get(l->f, i, &s) || s.defined)
			continue;
		v = glibc_version(s.version);
		if (v > highest) {
			highest = v;
			worst = s;
		}
	}
	if (highest > glibc_version(here))
		return say(l, SK_LINT_FAIL, "glibc", "build it on a system with "
		    "a glibc no newer than here, or do without that function",
		    "%s needs %s; this machine, and what it bundles for Lambda, "
		    "has %s", worst.name, worst.version, here);
	if (!highest)
		return say(l, SK_LINT_PASS, "glibc", NULL, "no version needed");
	return say(l, SK_LINT_PASS, "glibc", NULL, "needs GLIBC_%u.%u (%s); "
	    "there is %s here, and in a bundle for Lambda", highest >> 16,
	    highest & 0xffff, worst.name, here);
}

/* ---- how it is made ---- */

static int check_paths(struct lint *l)
{
	const char *path = sk_elf_runpath(l->f), *kind = "RUNPATH";

	if (!path) {
		path = sk_elf_rpath(l->f);
		kind = "RPATH";
	}
	if (!path || !*path)
		return say(l, SK_LINT_PASS, "rpath", NULL, "none");
	if (strstr(path, "ORIGIN"))
		return say(l, SK_LINT_WARN, "rpath", "a plugin is loaded from a "
		    "copy of its bytes: link statically what lies beside it",
		    "%s %s", kind, path);
	return say(l, SK_LINT_WARN, "rpath", "link without -rpath: the directory "
	    "is of this machine", "%s %s", kind, path);
}

static int check_relocations(struct lint *l)
{
	if (l->f->text_relocations)
		return say(l, SK_LINT_FAIL, "relocations", "compile everything "
		    "in it with -fPIC", "its code is changed when it is loaded");
	return say(l, SK_LINT_PASS, "relocations", NULL, "none in code");
}

static int check_stack(struct lint *l)
{
	if (!l->f->stack_is_said || l->f->stack_runs)
		return say(l, SK_LINT_FAIL, "stack", "link with "
		    "-Wl,-z,noexecstack, and pass no nested function's address",
		    "wants a stack that code can run on");
	return say(l, SK_LINT_PASS, "stack", NULL, "not executable");
}

static int check_all(struct lint *l)
{
	static int (*const checks[])(struct lint *) = { check_exports,
	    check_libraries, check_symbols, check_glibc, check_paths,
	    check_relocations, check_stack };
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < sizeof(checks) / sizeof(*checks); i++)
		rc = checks[i](l);
	return rc;
}

int sk_lint(const char *path, sk_lint_visit *visit, void *arg,
    struct snek_error *e)
{
	struct snek_error why = { 0 };
	struct sk_elf_file f;
	struct lint l = { &f, visit, arg };
	int rc = sk_elf_check(path, &why);

	if (!rc)
		rc = sk_elf_file_open(&f, path, &why);
	if (rc == SNEK_EABI)
		return say(&l, SK_LINT_FAIL, "file", "build it with cc -shared "
		    "-fPIC, for this machine", "%s", why.text);
	if (rc) {
		if (e)
			*e = why;
		return rc;
	}
	rc = say(&l, SK_LINT_PASS, "file", NULL, "a shared object for this "
	    "machine");
	if (!rc)
		rc = check_all(&l);
	sk_elf_file_free(&f);
	return rc;
}
