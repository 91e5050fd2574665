/* SPDX-License-Identifier: MIT */
/* What is found in a plugin file without loading it; files that lie. */
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "task/elf_file.h"
#include "task/lint.h"
#include "check_main.h"
#include "tempdir.h"

struct found {
	char text[4096];                /* "PASS exports: ...\n" */
	unsigned count[3];
};

static int visit(void *arg, uint32_t verdict, const char *check,
    const char *text, const char *cure)
{
	static const char *const names[] = { "PASS", "WARN", "FAIL" };
	struct found *f = arg;
	size_t n = strlen(f->text);

	ck_assert_uint_le(verdict, 2);
	ck_assert_int_eq(cure == NULL, verdict == SK_LINT_PASS);
	f->count[verdict]++;
	snprintf(f->text + n, sizeof(f->text) - n, "%s %s: %s\n", names[verdict],
	    check, text);
	return 0;
}

static char dir[64], path[128];
static unsigned char *bytes;
static size_t size;

static void lint(const char *file, struct found *f)
{
	struct snek_error e = { 0 };

	memset(f, 0, sizeof(*f));
	ck_assert_msg(!sk_lint(file, visit, f, &e), "%s", e.text);
}

static void set_up(void)
{
	tempdir_make(dir);
	snprintf(path, sizeof(path), "%s/x.so", dir);
	bytes = file_read("tests/plugins/.libs/function.so", &size);
}

static void tear_down(void)
{
	free(bytes);
	tempdir_remove(dir);
}

/* Compile and link a text; flags "" or more.  False: no compiler. */
static bool build(const char *source, const char *flags)
{
	char command[512], c[128];
	const char *cc = getenv("CC");

	snprintf(c, sizeof(c), "%s/x.c", dir);
	file_write(c, source, strlen(source));
	snprintf(command, sizeof(command), "%s -shared -fPIC -I%s/sdk %s %s -o %s",
	    cc && *cc ? cc : "cc", getenv("srcdir") ? getenv("srcdir") : ".", c,
	    flags, path);
	return system(command) == 0;
}

#define HEAD "#include <snek/plugin.h>\n" \
	"static int map(snek_ctx *c, void *s, struct snek_record r)\n" \
	"{ (void)s; (void)r; return snek_emit(c, snek_null(), snek_int(1)); }\n" \
	"SNEK_PLUGIN(\"x\", \"1\", SNEK_OP(.name = \"x\", .map = map));\n"

START_TEST(a_good_plugin_passes)
{
	struct found f;

	ck_assert(build(HEAD, ""));
	lint(path, &f);
	ck_assert_msg(f.count[SK_LINT_PASS] == 9 && !f.count[SK_LINT_WARN] &&
	    !f.count[SK_LINT_FAIL], "%s", f.text);
}
END_TEST

static const struct {
	const char *source, *flags, *want;
} mistakes[] = {
	{ "int x;", "", "FAIL exports: there is no symbol snek_plugin" },
	{ HEAD "int other(void) { return 1; }\nint more;", "",
	  "WARN exports: exports more than snek_plugin: " },
	{ "int snek_plugin(void) { return 0; }", "", "FAIL abi: its symbol "
	  "snek_plugin is a function" },
	{ "int snek_plugin;", "", "FAIL abi: its symbol snek_plugin is no" },
	{ "unsigned snek_plugin[10] = { 7, 40 };", "",
	  "FAIL abi: built for plugin ABI 7" },
	{ "unsigned snek_plugin[10] = { 1, 4000 };", "",
	  "FAIL abi: its symbol snek_plugin claims 4000 bytes" },
	{ HEAD, "-Wl,-rpath,/opt/lib", "WARN rpath: RUNPATH /opt/lib" },
	{ HEAD, "-Wl,--disable-new-dtags,-rpath,/opt/lib",
	  "WARN rpath: RPATH /opt/lib" },
	{ HEAD, "-Wl,-rpath,'$ORIGIN'", "WARN rpath: RUNPATH $ORIGIN" },
	{ HEAD, "-Wl,-z,execstack", "FAIL stack: wants" },
	{ HEAD "double nowhere(double);\n"
	  "SNEK_EXPORT double f(void); double f(void) { return nowhere(2); }", "",
	  "FAIL symbols: nothing that it names provides nowhere" },
	{ HEAD "#include <zlib.h>\n"
	  "SNEK_EXPORT const void *f(void); const void *f(void)"
	  "{ return zlibVersion(); }", "-lz", "WARN libraries: needs libz.so.1" },
};

START_TEST(a_mistake_is_found)
{
	struct found f;

	if (!build(mistakes[_i].source, mistakes[_i].flags)) {
		ck_assert_msg(strstr(mistakes[_i].flags, "-lz"), "cc failed");
		return;
	}
	lint(path, &f);
	ck_assert_msg(strstr(f.text, mistakes[_i].want), "no %s in:\n%s",
	    mistakes[_i].want, f.text);
}
END_TEST

/* The version's name is in the string table: raise it there. */
START_TEST(a_newer_glibc_is_named_with_its_symbol)
{
	static const char source[] = HEAD "#include <stdlib.h>\n"
	    "SNEK_EXPORT void *f(void *p, size_t n);\n"
	    "void *f(void *p, size_t n) { return reallocarray(p, n, n); }";
	unsigned char *b, *at;
	struct found f;
	size_t n;

	ck_assert(build(source, "-fno-builtin"));
	lint(path, &f);
	ck_assert_msg(strstr(f.text, "PASS glibc: needs GLIBC_2.26 (reallocarray)")
	    || strstr(f.text, "PASS glibc: needs GLIBC_2.3"), "%s", f.text);
	b = file_read(path, &n);
	at = memmem(b, n, "GLIBC_2.26", 10);
	if (at) {
		memcpy(at, "GLIBC_2.99", 10);
		file_write(path, b, n);
		lint(path, &f);
		ck_assert_msg(strstr(f.text, "FAIL glibc: reallocarray needs "
		    "GLIBC_2.99; this machine, and what it bundles"), "%s", f.text);
	}
	free(b);
}
END_TEST

/* Without the table of sections the symbols are counted by their hashes. */
START_TEST(sections_are_not_needed)
{
	struct found whole, bare;

	ck_assert(build(HEAD "SNEK_EXPORT int f(void); int f(void) { return 1; }",
	    ""));
	lint(path, &whole);
	ck_assert_ptr_nonnull(strstr(whole.text, "exports more than snek_plugin: "
	    "f\n"));
	free(bytes);
	bytes = file_read(path, &size);
	memset(bytes + offsetof(Elf64_Ehdr, e_shoff), 0, 8);
	memset(bytes + offsetof(Elf64_Ehdr, e_shnum), 0, 4);
	file_write(path, bytes, size);
	lint(path, &bare);
	ck_assert_str_eq(bare.text, whole.text);
}
END_TEST

START_TEST(a_missing_file_is_an_error)
{
	struct snek_error e = { 0 };
	struct found f = { 0 };

	ck_assert_int_eq(sk_lint(path, visit, &f, &e), SNEK_ENOENT);
	ck_assert_ptr_nonnull(strstr(e.text, path));
	lint(dir, &f);
	ck_assert_ptr_nonnull(strstr(f.text, "FAIL file: "));
	lint("/dev/null", &f);
	ck_assert_ptr_nonnull(strstr(f.text, "FAIL file: "));
}
END_TEST

/* In memory, for there are thousands. */
static void look(const unsigned char *p, size_t n)
{
	char memory[32];
	int fd = memfd_create("x.so", MFD_CLOEXEC);
	struct sk_elf_symbol s;
	struct sk_elf_file f;
	struct found found;
	uint64_t cursor = 0;
	char to[16];
	uint32_t i;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, p, n), (ssize_t)n);
	snprintf(memory, sizeof(memory), "/proc/self/fd/%d", fd);
	lint(memory, &found);
	n = sk_elf_file_open(&f, memory, NULL) ? 1 : 0;
	close(fd);
	if (n)
		return;
	for (i = 0; i < f.symbol_n + 2; i++)
		if (sk_elf_symbol_get(&f, i, &s))
			sk_elf_memory(&f, s.at, to, sizeof(to));
	for (i = 0; sk_elf_needed(&f, i); i++)
		;
	while (sk_elf_version(&f, &cursor))
		;
	sk_elf_soname(&f);
	sk_elf_interpreter(&f);
	sk_elf_file_free(&f);
}

START_TEST(a_file_cut_anywhere_is_survived)
{
	size_t n;

	for (n = 0; n < size; n += n < 4096 ? 1 : 13)
		look(bytes, n);
}
END_TEST

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	return *state ^= *state << 5;
}

/* Flips where the tables are: the head, the dynamic section and its strings. */
START_TEST(flipped_bits_are_survived)
{
	uint32_t state = 2463534242u + (uint32_t)_i, k, n;
	unsigned char *copy = malloc(size);
	size_t at;

	for (n = 0; n < 1500; n++) {
		memcpy(copy, bytes, size);
		for (k = next_random(&state) % 4 + 1; k; k--) {
			at = next_random(&state) % (_i ? size : 4096);
			copy[at % size] = (unsigned char)(next_random(&state) >> 8);
		}
		look(copy, size);
	}
	free(copy);
}
END_TEST

/* Every entry of the dynamic table in turn says the worst it can. */
START_TEST(offsets_that_lie_are_survived)
{
	static const uint64_t worst[] = { 0, 1, 0x7fffffff, UINT64_MAX,
	    UINT64_MAX - 7, INT64_MAX };
	struct sk_elf_file f;
	uint64_t at;
	size_t i, k;

	ck_assert(build(HEAD "#include <stdlib.h>\n"
	    "SNEK_EXPORT void *f(void); void *f(void) { return malloc(3); }", ""));
	free(bytes);
	bytes = file_read(path, &size);
	ck_assert_int_eq(sk_elf_file_open(&f, path, NULL), 0);
	ck_assert_uint_gt(f.dynamic_n, 8);
	for (i = 0; i < f.dynamic_n; i++)
		for (k = 0; k < sizeof(worst) / sizeof(*worst); k++) {
			at = f.dynamic + i * sizeof(Elf64_Dyn) + 8;
			memcpy(f.bytes.p + at, &worst[k], 8);
			look((unsigned char *)f.bytes.p, size);
			memcpy(f.bytes.p + at, bytes + at, 8);
		}
	sk_elf_file_free(&f);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_good_plugin_passes);
	tcase_add_loop_test(t, a_mistake_is_found, 0,
	    sizeof(mistakes) / sizeof(*mistakes));
	tcase_add_test(t, a_newer_glibc_is_named_with_its_symbol);
	tcase_add_test(t, sections_are_not_needed);
	tcase_add_test(t, a_missing_file_is_an_error);
	tcase_add_test(t, a_file_cut_anywhere_is_survived);
	tcase_add_loop_test(t, flipped_bits_are_survived, 0, 2);
	tcase_add_test(t, offsets_that_lie_are_survived);
}

int main(void)
{
	return check_main("lint", setup);
}
