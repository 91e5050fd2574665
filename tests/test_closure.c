/* SPDX-License-Identifier: MIT */
/* What libraries a plugin needs, to the last, and whether it would run with
 * them alone; found as the loader finds them, and files that lie. */
#include <elf.h>
#include <stddef.h>
#include <stdio.h>

#include "aws/closure.h"
#include "aws/dpkg.h"
#include "aws/ldcache.h"
#include "check_main.h"
#include "elf_world.h"

static struct sk_closure closure;
static struct snek_error error;

static unsigned machine(void)
{
	struct sk_elf_file f;
	unsigned is;

	ck_assert_int_eq(sk_elf_file_open(&f, "/proc/self/exe", NULL), 0);
	is = f.machine;
	sk_elf_file_free(&f);
	return is;
}

static void set_up(void)
{
	tempdir_make(elf_dir);
	unsetenv("LD_LIBRARY_PATH");
	memset(&error, 0, sizeof(error));
	ck_assert(!sk_closure_open(&closure, machine(), &error));
}

static void tear_down(void)
{
	sk_closure_close(&closure);
	tempdir_remove(elf_dir);
}

/* A fresh one, with the environment as it is now. */
static int close_over(const char *path)
{
	int rc;

	sk_closure_close(&closure);
	memset(&error, 0, sizeof(error));
	ck_assert(!sk_closure_open(&closure, machine(), &error));
	rc = sk_closure_add(&closure, "p.so", path, &error);
	if (!rc)
		rc = sk_closure_add_opened(&closure, &error);
	return rc ? rc : sk_closure_check(&closure, &error);
}

static void has(const char *names)
{
	char all[500] = "";
	size_t i, n;

	for (i = 0; i < closure.n; i++) {
		n = strlen(all);
		snprintf(all + n, sizeof(all) - n, "%s%s", i ? " " : "",
		    closure.object[i]->name);
	}
	ck_assert_msg(!*error.text, "%s", error.text);
	ck_assert_str_eq(all, names);
}

static void refused(int rc, int code, const char *part, const char *other)
{
	ck_assert_msg(rc == code, "%d: %s", rc, error.text);
	ck_assert_msg(strstr(error.text, part) && strstr(error.text, other),
	    "%s", error.text);
}

/* ---- what is needed ---- */

START_TEST(what_a_plugin_needs_is_found_to_the_last)
{
	elf_link("libc1.so", "int c1(void) { return 1; }", "");
	elf_link("libb1.so", "int c1(void); int b1(void) { return c1(); }",
	    "DIR/libc1.so -Wl,-rpath,'$ORIGIN'");
	close_over(elf_link("p.so", "int b1(void); int p(void) { return b1(); }",
	    "DIR/libb1.so -Wl,-rpath,'${ORIGIN}'"));
	has("p.so libb1.so libc1.so");
	ck_assert_str_eq(closure.object[2]->by->name, "libb1.so");
}
END_TEST

START_TEST(libraries_may_need_each_other)
{
	const char *p;

	elf_link("libb1.so", "int b1(void) { return 1; }", "");
	elf_link("libc1.so", "int b1(void); int c1(void) { return b1(); }",
	    "DIR/libb1.so -Wl,-rpath,DIR");
	elf_link("libb1.so", "int c1(void); int b1(void) { return c1(); }",
	    "DIR/libc1.so -Wl,-rpath,DIR");
	p = elf_link("p.so", "int b1(void); int p(void) { return b1(); }",
	    "DIR/libb1.so -Wl,-rpath,DIR");
	close_over(p);
	has("p.so libb1.so libc1.so");
}
END_TEST

/* The order of ld.so(8): RPATH, LD_LIBRARY_PATH, RUNPATH, then the system's. */
START_TEST(directories_are_looked_at_as_the_loader_does)
{
	static const char source[] = "int b1(void); int p(void) { return b1(); }";

	ck_assert_int_eq(mkdir(elf_path("one"), 0755), 0);
	ck_assert_int_eq(mkdir(elf_path("two"), 0755), 0);
	elf_link("libb1.so", "int b1(void) { return 1; }", "");
	ck_assert(!link(elf_path("libb1.so"), elf_path("one/libb1.so")));
	ck_assert(!rename(elf_path("libb1.so"), elf_path("two/libb1.so")));
	setenv("LD_LIBRARY_PATH", elf_path("two"), 1);
	close_over(elf_link("p.so", source, "DIR/one/libb1.so -Wl,"
	    "--enable-new-dtags,-rpath,'/nowhere:$ORIGIN/one'"));
	ck_assert_str_eq(closure.object[1]->path, elf_path("two/libb1.so"));
	close_over(elf_link("p.so", source, "DIR/one/libb1.so -Wl,"
	    "--disable-new-dtags,-rpath,'$ORIGIN/none:$ORIGIN/one'"));
	ck_assert_str_eq(closure.object[1]->path, elf_path("one/libb1.so"));
}
END_TEST

START_TEST(an_rpath_holds_for_what_they_need_whom_it_brought)
{
	elf_link("libc1.so", "int c1(void) { return 1; }", "");
	elf_link("libb1.so", "int c1(void); int b1(void) { return c1(); }",
	    "DIR/libc1.so");
	close_over(elf_link("p.so", "int b1(void); int p(void) { return b1(); }",
	    "DIR/libb1.so -Wl,--disable-new-dtags,-rpath,'$ORIGIN'"));
	has("p.so libb1.so libc1.so");
	refused(close_over(elf_link("p.so", "int b1(void);"
	    "int p(void) { return b1(); }", "DIR/libb1.so "
	    "-Wl,--enable-new-dtags,-rpath,'$ORIGIN'")), SNEK_EABI,
	    "libb1.so (of p.so) needs libc1.so, which is not on this machine: ",
	    "LD_LIBRARY_PATH");
}
END_TEST

START_TEST(the_systems_libraries_are_found_with_their_loader)
{
	close_over(elf_link("p.so", "int puts(const char *);"
	    "int p(void) { return puts(\"\"); }", "-lc"));
	ck_assert_msg(!*error.text, "%s", error.text);
	ck_assert_uint_eq(closure.n, 3);
	ck_assert_str_eq(closure.object[1]->name, "libc.so.6");
	ck_assert_msg(!strncmp(closure.object[2]->name, "ld-linux", 8), "%s",
	    closure.object[2]->name);
}
END_TEST

/* glibc opens it, and ends the process if it is not there. */
START_TEST(who_ends_threads_gets_the_unwinder)
{
	if (access("/lib/x86_64-linux-gnu/libgcc_s.so.1", F_OK) &&
	    access("/lib/aarch64-linux-gnu/libgcc_s.so.1", F_OK))
		return;
	close_over(elf_link("p.so", "void pthread_exit(void *);"
	    "void p(void) { pthread_exit(0); }", "-lc"));
	ck_assert_ptr_nonnull(sk_closure_find(&closure, "libgcc_s.so.1"));
}
END_TEST

/* ---- what is refused ---- */

START_TEST(a_missing_library_is_named_with_who_needs_it)
{
	elf_link("libb1.so", "int b1(void) { return 1; }", "");
	elf_link("p.so", "int b1(void); int p(void) { return b1(); }",
	    "DIR/libb1.so -Wl,-rpath,DIR");
	ck_assert(!unlink(elf_path("libb1.so")));
	refused(close_over(elf_path("p.so")), SNEK_EABI, "p.so needs "
	    "libb1.so, which is not on this machine: install its package",
	    "link it statically");
	ck_assert(!symlink("libb1.so", elf_path("libb1.so")));
	refused(close_over(elf_path("p.so")), SNEK_EABI, "p.so needs "
	    "libb1.so, which is not on this machine (", "symbolic links");
}
END_TEST

START_TEST(a_library_for_another_machine_is_passed_over_and_named)
{
	uint16_t other = machine() == EM_AARCH64 ? EM_X86_64 : EM_AARCH64;
	const char *p;

	elf_link("libb1.so", "int b1(void) { return 1; }", "");
	p = elf_link("p.so", "int b1(void); int p(void) { return b1(); }",
	    "DIR/libb1.so -Wl,-rpath,DIR");
	elf_patch(elf_path("libb1.so"), offsetof(Elf64_Ehdr, e_machine), &other,
	    2);
	refused(close_over(p), SNEK_EABI, "libb1.so is for ", "is not on this "
	    "machine (");
}
END_TEST

START_TEST(a_version_that_the_library_has_not_is_named_with_its_symbol)
{
	file_write(elf_path("old.map"), "B_1 { b0; };", 12);
	file_write(elf_path("new.map"), "B_1 { b0; }; B_2 { b1; };", 25);
	elf_link("libb1.so", "int b0; int b1(void) { return 1; }",
	    "-Wl,--version-script=DIR/new.map");
	elf_link("p.so", "int b1(void); int p(void) { return b1(); }",
	    "DIR/libb1.so -Wl,-rpath,DIR");
	ck_assert_int_eq(close_over(elf_path("p.so")), 0);
	elf_link("libb1.so", "int b0;", "-Wl,--version-script=DIR/old.map");
	refused(close_over(elf_path("p.so")), SNEK_EABI, "p.so needs b1 of "
	    "version B_2, which ", "build it where libraries are no newer");
}
END_TEST

START_TEST(a_symbol_that_nothing_has_is_named)
{
	refused(close_over(elf_link("p.so", "int lost(void);"
	    "int p(void) { return lost(); }", "")), SNEK_EABI,
	    "p.so needs lost, which no library that it names has: ", "link");
	elf_link("p.so", "__attribute__((weak)) int lost(void);"
	    "int p(void) { return lost ? lost() : 0; }", "");
	ck_assert_int_eq(close_over(elf_path("p.so")), 0);
}
END_TEST

/* The loader would look there before it looks into the bundle. */
START_TEST(a_place_of_this_machine_before_the_bundle_is_refused)
{
	static const char source[] = "int b1(void); int p(void) { return b1(); }";

	elf_link("libb1.so", "int b1(void) { return 1; }", "");
	refused(close_over(elf_link("p.so", source, "DIR/libb1.so -Wl,"
	    "--disable-new-dtags,-rpath,'$ORIGIN/x:DIR'")), SNEK_EABI,
	    "p.so looks for libb1.so in ", "-Wl,--enable-new-dtags");
	elf_link("p.so", "int p;", "-Wl,--disable-new-dtags,-rpath,/opt");
	ck_assert_int_eq(close_over(elf_path("p.so")), 0);
}
END_TEST

START_TEST(a_library_that_is_needed_by_path_is_refused)
{
	elf_link("libb1.so", "int b1(void) { return 1; }", "-Wl,-soname,/x/y.so");
	refused(close_over(elf_link("p.so", "int b1(void);"
	    "int p(void) { return b1(); }", "DIR/libb1.so")), SNEK_EABI,
	    "p.so needs a library by its path, '/x/y.so'", "-Wl,-soname");
}
END_TEST

/* ---- files that lie ---- */

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	return *state ^= *state << 5;
}

/* The plugin, or the library that it needs a version of. */
START_TEST(a_file_cut_or_changed_anywhere_is_survived)
{
	const char *plugin, *p;
	unsigned char *bytes, was;
	uint32_t state = 7, at;
	size_t n, i;

	file_write(elf_path("new.map"), "B_2 { b1; };", 12);
	elf_link("libb1.so", "int b1(void) { return 1; }",
	    "-Wl,--version-script=DIR/new.map");
	plugin = elf_link("p.so", "int b1(void); int p(void) { return b1(); }",
	    "DIR/libb1.so -Wl,-rpath,DIR");
	p = _i ? elf_path("libb1.so") : plugin;
	bytes = file_read(p, &n);
	for (i = 0; i < n; i += i < 1024 ? 16 : 509) {
		file_write(p, bytes, i);
		close_over(plugin);
	}
	for (i = 0; i < 1500; i++) {
		at = next_random(&state) % (i % 2 ? 1024 : (uint32_t)n);
		was = bytes[at];
		bytes[at] = (unsigned char)next_random(&state);
		file_write(p, bytes, n);
		close_over(plugin);
		bytes[at] = was;
	}
	file_write(p, bytes, n);
	ck_assert_int_eq(close_over(plugin), 0);
	free(bytes);
}
END_TEST

/* ---- ld.so.cache ---- */

struct entry {
	int32_t flags;
	uint32_t name, path, osversion;
	uint64_t hwcap;
};

#define CACHE_STRINGS (48 + 3 * sizeof(struct entry))

static void make_cache(struct sk_buf *b)
{
	static const char strings[] = "libx.so.1\0/far/libx.so.1\0/a/libx.so.1";
	const uint32_t at = (uint32_t)CACHE_STRINGS, head[7] = { 3,
	    sizeof(strings) };
	const struct entry e[] = { { 3, at, at + 10, 0, 1 },
	    { 3, at, at + 25, 0, 0 }, { 3, at, 1u << 30, 0, 0 } };

	ck_assert(sk_buf_put(b, "glibc-ld.so.cache1.1", 20) &&
	    sk_buf_put(b, head, sizeof(head)) && sk_buf_put(b, e, sizeof(e)) &&
	    sk_buf_put(b, strings, sizeof(strings)));
}

START_TEST(the_cache_is_read_in_both_its_forms)
{
	struct sk_buf old = { 0 }, b = { 0 };
	const uint32_t one = 1, none[3] = { 0 };
	struct sk_span s;
	uint32_t i = 0;

	make_cache(&b);
	s = (struct sk_span){ b.p, b.n };
	ck_assert_str_eq(sk_ldcache_next(s, "libx.so.1", &i), "/a/libx.so.1");
	ck_assert_ptr_null(sk_ldcache_next(s, "libx.so.1", &i));
	ck_assert(sk_buf_put(&old, "ld.so-1.7.0", 12) &&
	    sk_buf_put(&old, &one, 4) && sk_buf_put(&old, none, 12) &&
	    sk_buf_put(&old, none, 4) && sk_buf_put(&old, b.p, b.n));
	s = (struct sk_span){ old.p, old.n };
	i = 0;
	ck_assert_str_eq(sk_ldcache_next(s, "libx.so.1", &i), "/a/libx.so.1");
	sk_buf_free(&old);
	sk_buf_free(&b);
}
END_TEST

START_TEST(a_cache_cut_or_changed_anywhere_is_survived)
{
	struct sk_buf b = { 0 };
	uint32_t i, state = 9;
	size_t n;
	char *cut;

	make_cache(&b);
	for (n = 0; n <= b.n; n++) {
		cut = malloc(n + 1);            /* so that its end is watched */
		memcpy(cut, b.p, n);
		cut = realloc(cut, n ? n : 1);
		for (i = 0; sk_ldcache_next((struct sk_span){ cut, n },
		    "libx.so.1", &i); )
			;
		free(cut);
	}
	for (n = 0; n < 20000; n++) {
		b.p[next_random(&state) % b.n] = (char)next_random(&state);
		for (i = 0; sk_ldcache_next((struct sk_span){ b.p, b.n },
		    "libx.so.1", &i); )
			;
	}
	sk_buf_free(&b);
}
END_TEST

/* ---- dpkg ---- */

static void put_file(const char *name, const char *text)
{
	file_write(elf_path(name), text, strlen(text));
}

START_TEST(packages_are_found_by_their_files)
{
	static const char *const path[] = { "/usr/lib/libx.so.1", "/etc/none",
	    "/usr/share/y", "" };
	struct sk_package p[4];

	ck_assert(!mkdir(elf_path("info"), 0755));
	put_file("info/libx1:amd64.list", "/.\n/lib\n/lib/libx.so.1\n/usr\n");
	put_file("info/libx1:arm64.list", "/lib/arm/libx.so.1\n");
	put_file("info/zy.list", "/.\n/usr/share/y\n");
	put_file("info/yy.list", "/usr/share/yy\n/usr/share/y\n");
	put_file("info/yy.md5sums", "/usr/lib/libx.so.1\n");
	put_file("status", "Package: libx1\nArchitecture: arm64\nVersion: 9\n\n"
	    "Package: libx1\nStatus: install ok installed\n"
	    "Architecture: amd64\nVersion: 1.2-3\n\nPackage: yy\n");
	ck_assert(!sk_dpkg_find(elf_dir, path, 4, p, &error));
	ck_assert_str_eq(p[0].name, "libx1:amd64");
	ck_assert_str_eq(p[0].version, "1.2-3");
	ck_assert_str_eq(p[1].name, "");
	ck_assert_str_eq(p[2].name, "yy");
	ck_assert_str_eq(p[2].version, "");
	ck_assert_str_eq(p[3].name, "");
}
END_TEST

START_TEST(without_dpkg_there_are_no_packages)
{
	static const char *const path[] = { "/usr/lib/libx.so.1" };
	struct sk_package p[1];

	ck_assert(!sk_dpkg_find("/nowhere", path, 1, p, &error));
	ck_assert_str_eq(p[0].name, "");
}
END_TEST

static void tests(TCase *t)
{
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, what_a_plugin_needs_is_found_to_the_last);
	tcase_add_test(t, libraries_may_need_each_other);
	tcase_add_test(t, directories_are_looked_at_as_the_loader_does);
	tcase_add_test(t, an_rpath_holds_for_what_they_need_whom_it_brought);
	tcase_add_test(t, the_systems_libraries_are_found_with_their_loader);
	tcase_add_test(t, who_ends_threads_gets_the_unwinder);
	tcase_add_test(t, a_missing_library_is_named_with_who_needs_it);
	tcase_add_test(t, a_library_for_another_machine_is_passed_over_and_named);
	tcase_add_test(t, a_version_that_the_library_has_not_is_named_with_its_symbol);
	tcase_add_test(t, a_symbol_that_nothing_has_is_named);
	tcase_add_test(t, a_place_of_this_machine_before_the_bundle_is_refused);
	tcase_add_test(t, a_library_that_is_needed_by_path_is_refused);
	tcase_add_loop_test(t, a_file_cut_or_changed_anywhere_is_survived, 0,
	    2);
	tcase_add_test(t, the_cache_is_read_in_both_its_forms);
	tcase_add_test(t, a_cache_cut_or_changed_anywhere_is_survived);
	tcase_add_test(t, packages_are_found_by_their_files);
	tcase_add_test(t, without_dpkg_there_are_no_packages);
}

int main(void)
{
	return check_main("closure", tests);
}
