/* SPDX-License-Identifier: MIT */
/* Files that are no plugins, plugins that lie, and plugins that load. */
#include "task_tool.h"
#include "check_main.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* ---- files ---- */

static char dir[32];
static char file[64];

static void make_dir(void)
{
	strcpy(dir, "/tmp/snek-plugin-XXXXXX");
	ck_assert(mkdtemp(dir));
}

static void make_file(const void *p, size_t n)
{
	int fd;

	make_dir();
	snprintf(file, sizeof(file), "%s/x.so", dir);
	fd = open(file, O_CREAT | O_WRONLY | O_EXCL, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, p, n), (ssize_t)n);
	close(fd);
}

static void drop_file(void)
{
	unlink(file);
	rmdir(dir);
}

static size_t read_module(const char *where, char *p, size_t size)
{
	char path[256];
	size_t n;
	FILE *f;

	task_tool_path(path, sizeof(path), where);
	f = fopen(path, "rb");
	ck_assert_msg(f, "%s", path);
	n = fread(p, 1, size, f);
	fclose(f);
	ck_assert_uint_lt(n, size);
	return n;
}

enum change { MACHINE, BITS, ENDIAN, OBJECT, PROGRAM, CUT_HEAD, CUT_BODY,
	CUT_END };

static const struct { enum change change; const char *text; } changes[] = {
	{ MACHINE, ": is for aarch64; this machine is x86-64" },
	{ BITS, ": is for i386, 32 bits; this machine is x86-64" },
	{ ENDIAN, ": is no plugin: a big-endian ELF file" },
	{ OBJECT, ": is no plugin: an object file, not a shared object (build it "
	    "with cc -shared -fPIC)" },
	{ PROGRAM, ": is no plugin: a program, not a shared object (build it with "
	    "cc -shared -fPIC)" },
	{ CUT_HEAD, ": is no plugin: the ELF file is cut short" },
	{ CUT_BODY, ": is no plugin: the ELF file is cut short" },
	{ CUT_END, ": is no plugin: the ELF file is cut short" },
};

/* Where the last byte that is loaded lies. */
static size_t last_loaded(const char *bytes, const Elf64_Ehdr *h)
{
	Elf64_Phdr p;
	size_t end = 0;

	for (unsigned i = 0; i < h->e_phnum; i++) {
		memcpy(&p, bytes + h->e_phoff + i * sizeof(p), sizeof(p));
		if (p.p_type == PT_LOAD && p.p_offset + p.p_filesz > end)
			end = p.p_offset + p.p_filesz;
	}
	return end - 1;
}

static size_t apply(enum change change, const char *bytes, Elf64_Ehdr *h, size_t n)
{
	switch (change) {
	case MACHINE: h->e_machine = EM_AARCH64; return n;
	case BITS:
		h->e_ident[EI_CLASS] = ELFCLASS32;
		h->e_machine = EM_386;
		return n;
	case ENDIAN:  h->e_ident[EI_DATA] = ELFDATA2MSB; return n;
	case OBJECT:  h->e_type = ET_REL; return n;
	case PROGRAM: h->e_type = ET_EXEC; return n;
	case CUT_HEAD: return 40;
	case CUT_END: return last_loaded(bytes, h);
	default:      return 0x1800;
	}
}

static void refused(const char *path, int code, const char *text)
{
	struct sk_plugin *p = NULL;
	struct snek_error e = {0};
	char want[600];

	snprintf(want, sizeof(want), "%s%s", path, text);
	ck_assert_int_eq(sk_plugin_open(path, &p, &e), code);
	ck_assert_msg(!strncmp(e.text, want, strlen(want)), "%s\nwanted: %s",
	    e.text, want);
	ck_assert_int_eq(e.code, code);
	ck_assert_ptr_null(p);
}

START_TEST(files_for_other_machines_are_told_apart)
{
	enum { MOST = 1 << 20 };
	char *bytes = malloc(MOST);
	Elf64_Ehdr h;
	size_t n = read_module("tests/plugins/echo", bytes, MOST);

	memcpy(&h, bytes, sizeof(h));
	if (h.e_machine == EM_X86_64 || changes[_i].change > BITS) {
		n = apply(changes[_i].change, bytes, &h, n);
		memcpy(bytes, &h, sizeof(h));
		make_file(bytes, n);
		refused(file, SNEK_EABI, changes[_i].text);
		drop_file();
	}
	free(bytes);
}
END_TEST

START_TEST(files_that_are_no_elf_are_refused)
{
	make_file("#!/bin/sh\n", 10);
	refused(file, SNEK_EABI, ": is no plugin: not an ELF file");
	refused(dir, SNEK_EABI, ": is no plugin: a directory");
	unlink(file);
	refused(file, SNEK_ENOENT, ": No such file or directory");
	ck_assert_int_eq(mkfifo(file, 0600), 0);
	refused(file, SNEK_EABI, ": is no plugin: not a regular file");
	drop_file();
}
END_TEST

static const struct { const char *where, *text; } modules[] = {
	{ "tests/plugins/abi7", ": was built for plugin ABI 7; this snek speaks "
	    "1" },
	{ "tests/plugins/nosymbol", ": has no symbol snek_plugin "
	    "(SNEK_PLUGIN(...) is missing)" },
	{ "tests/plugins/function", ": its symbol snek_plugin is a function (use "
	    "SNEK_PLUGIN(...))" },
	{ "tests/plugins/liar", ": its symbol snek_plugin claims 1024 bytes and "
	    "has 32" },
};

START_TEST(modules_that_are_no_plugins_are_refused)
{
	char path[256];

	task_tool_path(path, sizeof(path), modules[_i].where);
	refused(path, SNEK_EABI, modules[_i].text);
}
END_TEST

static bool compile(const char *what, const char *source)
{
	const char *cc = getenv("CC");
	char command[1024];

	snprintf(command, sizeof(command), "cd %s && echo '%s' | %s -xc - -shared "
	    "-fPIC -o %s 2>/dev/null", dir, source, cc ? cc : "cc", what);
	return system(command) == 0;
}

START_TEST(a_missing_library_is_named)
{
	char gone[96];

	make_dir();
	snprintf(file, sizeof(file), "%s/x.so", dir);
	snprintf(gone, sizeof(gone), "%s/libgone.so", dir);
	if (compile("libgone.so -Wl,-soname,libgone.so.1", "int gone;") &&
	    compile("x.so -Wl,--no-as-needed ./libgone.so", "int here;")) {
		unlink(gone);
		refused(file, SNEK_EABI, ": needs libgone.so.1, which is not "
		    "found: install it, or set LD_LIBRARY_PATH to where it is");
	}
	if (compile("x.so", "int gone(void); int f(void) { return gone(); }"))
		refused(file, SNEK_EABI, ": needs the symbol gone, which nothing "
		    "provides (link its library)");
	drop_file();
}
END_TEST

START_TEST(loading_leaves_the_floating_point_mode_alone)
{
	volatile double tiny = 2.2250738585072014e-308;
	struct task_tool t;

	ck_assert_int_eq(task_tool_open(&t, "tests/plugins/fastmath", NULL, NULL),
	    0);
	tiny /= 2;
	ck_assert(tiny > 0);
	task_tool_close(&t);
}
END_TEST

START_TEST(ops_are_found_by_name)
{
	struct sk_plugin *p;
	struct snek_error e;
	char path[256];

	task_tool_path(path, sizeof(path), "tests/plugins/echo");
	ck_assert_int_eq(sk_plugin_open(path, &p, &e), 0);
	ck_assert_str_eq(p->name, "echo");
	ck_assert_str_eq(p->version, "1.2.3");
	ck_assert_uint_eq(p->ops, 7);
	ck_assert_str_eq(sk_plugin_op(p, "join", &e)->op.name, "join");
	ck_assert_ptr_null(sk_plugin_op(p, NULL, &e));
	ck_assert_str_eq(e.text, "plugin echo has several ops: say which of echo, "
	    "fields, args, shard, join, totals, spread");
	ck_assert_ptr_null(sk_plugin_op(p, "jion", &e));
	ck_assert_str_eq(e.text, "plugin echo has no op 'jion'; it has echo, "
	    "fields, args, shard, join, totals, spread");
	ck_assert_int_eq(e.code, SNEK_ENOENT);
	sk_plugin_close(p);
	task_tool_path(path, sizeof(path), "plugins/grep");
	ck_assert_int_eq(sk_plugin_open(path, &p, &e), 0);
	ck_assert_str_eq(sk_plugin_op(p, "", &e)->op.name, "grep");
	sk_plugin_close(p);
}
END_TEST

/* ---- what the symbol says ---- */

static int map(snek_ctx *c, void *self, struct snek_record r)
{
	(void)c, (void)self, (void)r;
	return 0;
}

static int map_shard(snek_ctx *c, void *self, snek_chunks *it)
{
	(void)c, (void)self, (void)it;
	return 0;
}

#define PLUGIN(...) { SNEK_ABI, sizeof(struct snek_plugin), "p", "1", \
	(const struct snek_op *const[]){ __VA_ARGS__, NULL } }
#define OP(...) SNEK_OP(.name = "op", .map = map, __VA_ARGS__)
#define RAW(...) (&(const struct snek_op){ __VA_ARGS__ })
#define NAMED(name_) SNEK_OP(.name = name_, .map = map)
#define ARG(...) OP(.args = (const struct snek_arg *const[]){ \
	SNEK_ARG(__VA_ARGS__), NULL })

/* Ops of another time: more members than ours, and fewer. */
struct later_op {
	struct snek_op op;
	uint64_t added;
};
static const struct later_op later = {
	{ .size = sizeof(later), .name = "op", .map = map }, 1 };
static const struct later_op later_zero = {
	{ .size = sizeof(later), .name = "op", .map = map }, 0 };

#define ADDRESS(n) ((const struct snek_op *)(uintptr_t)(n))

static const struct {
	struct snek_plugin plugin;
	const char *text;               /* NULL: it is fine */
} said[] = {
	{ PLUGIN(OP()), NULL },
	{ PLUGIN(SNEK_OP(.name = "a", .map_shard = map_shard), OP()), NULL },
	{ PLUGIN(&later_zero.op), NULL },
	{ PLUGIN(RAW(.size = offsetof(struct snek_op, combine),
	    .name = "op", .map = map)), NULL },
	{ PLUGIN(OP(.args = (const struct snek_arg *const[]){
	    &(const struct snek_arg){ .size = offsetof(struct snek_arg, help),
	    .name = "a-b_1" }, NULL })),
	    NULL },
	{ PLUGIN(&later.op), "an op uses what was added after this snek; a newer "
	    "one is needed" },
	{ PLUGIN(RAW(.size = 8)), "an op has an impossible size of 8 bytes (use "
	    "the macros of snek/plugin.h)" },
	{ PLUGIN(RAW(.size = 0)), "an op has an impossible size of 0 bytes (use "
	    "the macros of snek/plugin.h)" },
	{ PLUGIN(RAW(.size = 0xfffffff0)), "an op has an impossible size of "
	    "4294967280 bytes (use the macros of snek/plugin.h)" },
	{ PLUGIN(ADDRESS(24)), "an op is at no address that can hold it (0x18)" },
	{ PLUGIN(ADDRESS(0x10001)), "an op is at no address that can hold it "
	    "(0x10001)" },
	{ PLUGIN(NULL), "it has no op" },
	{ { SNEK_ABI, sizeof(struct snek_plugin), "p", "1", NULL }, "it has no "
	    "op" },
	{ { 2, sizeof(struct snek_plugin), "p", "1", NULL }, "was built for "
	    "plugin ABI 2; this snek speaks 1" },
	{ { SNEK_ABI, 12, "p", "1", NULL }, "its symbol snek_plugin has an "
	    "impossible size of 12 bytes (use the macros of snek/plugin.h)" },
	{ { SNEK_ABI, sizeof(struct snek_plugin), NULL, "1", NULL }, "the plugin "
	    "is named '(NULL)', not [A-Za-z0-9_-]{1,64}" },
	{ { SNEK_ABI, sizeof(struct snek_plugin), "a b", "1", NULL }, "the plugin "
	    "is named 'a b', not [A-Za-z0-9_-]{1,64}" },
	{ PLUGIN(NAMED("Op")), "an op is named 'Op', not [a-z][a-z0-9_]*, at "
	    "most 64 of them" },
	{ PLUGIN(NAMED("1op")), "an op is named '1op', not "
	    "[a-z][a-z0-9_]*, at most 64 of them" },
	{ PLUGIN(NAMED("")), "an op is named '', not [a-z][a-z0-9_]*, at "
	    "most 64 of them" },
	{ PLUGIN(NAMED(NULL)), "an op is named '(NULL)', not "
	    "[a-z][a-z0-9_]*, at most 64 of them" },
	{ PLUGIN(OP(), OP()), "two ops are named 'op'" },
	{ PLUGIN(SNEK_OP(.name = "op")), "op 'op' has nothing to call: set map, "
	    "map_shard or reduce" },
	{ PLUGIN(OP(.map_shard = map_shard)), "op 'op' has both map and "
	    "map_shard: set one" },
	{ PLUGIN(OP(.flags = 4)), "op 'op' has flags that this snek does not "
	    "know (0x4)" },
	{ PLUGIN(ARG(.name = "A")), "op 'op': argument 'A' is not named "
	    "[a-z][a-z0-9_-]*, at most 64 of them" },
	{ PLUGIN(ARG(.name = NULL)), "op 'op': argument '(NULL)' is not named "
	    "[a-z][a-z0-9_-]*, at most 64 of them" },
	{ PLUGIN(ARG(.name = "a", .type = 6)), "op 'op': argument 'a' is of a "
	    "type that this snek does not know (6)" },
	{ PLUGIN(ARG(.name = "a", .type = SNEK_ARG_CHOICE)), "op 'op': argument "
	    "'a' has no choices" },
	{ PLUGIN(ARG(.name = "a", .type = SNEK_ARG_CHOICE, .choices = "x|y",
	    .value = "z")), "op 'op': default: argument 'a' of the op must be "
	    "one of x|y, not 'z'" },
	{ PLUGIN(ARG(.name = "a", .type = SNEK_ARG_INT, .value = "ten")), "op "
	    "'op': default: argument 'a' of the op must be a whole number in "
	    "[-2^63, 2^63), not 'ten'" },
	{ PLUGIN(OP(.args = (const struct snek_arg *const[]){
	    SNEK_ARG(.name = "a"), SNEK_ARG(.name = "a"), NULL })), "op 'op' has "
	    "two arguments named 'a'" },
};

START_TEST(what_a_plugin_says_of_itself_is_checked)
{
	struct sk_plugin *p = calloc(1, sizeof(*p));
	struct snek_error e = {0};
	int rc = sk_plugin_read(p, &said[_i].plugin, sizeof(struct snek_plugin),
	    &e);

	if (said[_i].text) {
		ck_assert_int_eq(rc, SNEK_EABI);
		ck_assert_str_eq(e.text, said[_i].text);
	} else {
		ck_assert_msg(rc == 0, "%s", e.text);
		ck_assert_str_eq(p->op[p->ops - 1].op.name, "op");
	}
	sk_plugin_close(p);
}
END_TEST

/* What plugins compiled against, byte by byte. */
START_TEST(the_layout_is_what_plugins_were_built_with)
{
	ck_assert_uint_eq(sizeof(struct snek_value), 16);
	ck_assert_uint_eq(sizeof(struct snek_record), 16);
	ck_assert_uint_eq(sizeof(struct snek_column), 72);
	ck_assert_uint_eq(offsetof(struct snek_column, values), 56);
	ck_assert_uint_eq(sizeof(struct snek_chunk), 24);
	ck_assert_uint_eq(sizeof(struct snek_cursor), 24);
	ck_assert_uint_eq(sizeof(struct snek_task_info), 24);
	ck_assert_uint_eq(sizeof(struct snek_arg), 48);
	ck_assert_uint_eq(sizeof(struct snek_op), 112);
	ck_assert_uint_eq(offsetof(struct snek_op, map), 56);
	ck_assert_uint_eq(offsetof(struct snek_op, function), 104);
	ck_assert_uint_eq(sizeof(struct snek_function), 32);
	ck_assert_uint_eq(sizeof(struct snek_plugin), 32);
	ck_assert_uint_eq(offsetof(struct snek_api, emit), 32);
	ck_assert_uint_eq(offsetof(struct snek_api, log), 152);
	/* It grows at its end alone: 160 in the first plugins' time. */
	ck_assert_uint_eq(sizeof(struct snek_api), 192);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_loop_test(c, files_for_other_machines_are_told_apart, 0,
	    COUNT(changes));
	tcase_add_test(c, files_that_are_no_elf_are_refused);
	tcase_add_loop_test(c, modules_that_are_no_plugins_are_refused, 0,
	    COUNT(modules));
	tcase_add_test(c, a_missing_library_is_named);
	tcase_add_test(c, loading_leaves_the_floating_point_mode_alone);
	tcase_add_test(c, ops_are_found_by_name);
	tcase_add_loop_test(c, what_a_plugin_says_of_itself_is_checked, 0,
	    COUNT(said));
	tcase_add_test(c, the_layout_is_what_plugins_were_built_with);
}

int main(void)
{
	return check_main("plugin", add_tests);
}
