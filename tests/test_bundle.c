/* SPDX-License-Identifier: MIT */
/* A plugin as a zip: what is in it, that it is the same whoever makes it, and
 * what is refused. */
#include <elf.h>
#include <locale.h>
#include <openssl/opensslv.h>
#include <stddef.h>
#include <time.h>
#include <zip.h>

#include "aws/module.h"
#include "base/base64.h"
#include "base/hash.h"
#include "check_main.h"
#include "elf_world.h"

#ifdef __aarch64__
#define ARCH "arm64"
#define OTHER EM_X86_64
#else
#define ARCH "x86_64"
#define OTHER EM_AARCH64
#endif

static struct sk_bundle_options set;
static struct sk_bundle made;
static struct snek_error error;

static void set_up(void)
{
	static char worker[300], launcher[300], plugin[300];

	tempdir_make(elf_dir);
	unsetenv("LD_LIBRARY_PATH");
	elf_worker();
	elf_link("libb1.so", "int b1(void) { return 1; }", "");
	elf_link("p.so", "int b1(void); int p(void) { return b1(); }",
	    "DIR/libb1.so -Wl,-rpath,DIR");
	snprintf(worker, sizeof(worker), "%s", elf_path("worker"));
	snprintf(launcher, sizeof(launcher), "%s", elf_path("launcher"));
	snprintf(plugin, sizeof(plugin), "%s", elf_path("p.so"));
	set = (struct sk_bundle_options){ .plugin = plugin, .worker = worker,
		.launcher = launcher };
	memset(&made, 0, sizeof(made));
	memset(&error, 0, sizeof(error));
}

static void tear_down(void)
{
	sk_bundle_free(&made);
	tempdir_remove(elf_dir);
}

static int make(void)
{
	sk_bundle_free(&made);
	memset(&error, 0, sizeof(error));
	return sk_bundle_make(&set, &made, &error);
}

static void include(const char *const *path, size_t n)
{
	set.include = path;
	set.includes = n;
}

static void refused(int code, const char *part, const char *other)
{
	int rc = make();

	ck_assert_msg(rc == code, "%d: %s", rc, error.text);
	ck_assert_msg(strstr(error.text, part) && strstr(error.text, other),
	    "%s", error.text);
	ck_assert_ptr_null(made.zip.p);
}

static zip_t *open_zip(void)
{
	zip_source_t *s = zip_source_buffer_create(made.zip.p, made.zip.n, 0,
	    NULL);
	zip_t *z = s ? zip_open_from_source(s, ZIP_RDONLY | ZIP_CHECKCONS, NULL)
	    : NULL;

	ck_assert_ptr_nonnull(z);
	return z;
}

/* Its text, with a NUL; freed by the caller. */
static char *read_entry(const char *name, size_t *n)
{
	zip_t *z = open_zip();
	zip_file_t *f = zip_fopen(z, name, 0);
	zip_stat_t st;
	char *p;

	ck_assert_msg(f && !zip_stat(z, name, 0, &st), "%s", name);
	p = calloc(1, st.size + 1);
	ck_assert_int_eq(zip_fread(f, p, st.size), (zip_int64_t)st.size);
	zip_fclose(f);
	zip_discard(z);
	if (n)
		*n = st.size;
	return p;
}

static void say_names(char all[2000])
{
	zip_uint32_t attributes;
	zip_uint8_t system;
	zip_t *z = open_zip();
	zip_int64_t i;
	size_t n;

	*all = '\0';
	for (i = 0; i < zip_get_num_entries(z, 0); i++) {
		ck_assert(!zip_file_get_external_attributes(z, (zip_uint64_t)i,
		    0, &system, &attributes));
		ck_assert_uint_eq(system, ZIP_OPSYS_UNIX);
		n = strlen(all);
		snprintf(all + n, 2000 - n, "%o %s\n", attributes >> 16,
		    zip_get_name(z, (zip_uint64_t)i, 0));
	}
	zip_discard(z);
}

/* ---- what is in it ---- */

START_TEST(a_bundle_has_all_that_its_plugin_needs)
{
	char all[2000], *text;
	unsigned char *p;
	size_t n, size;

	ck_assert_msg(!make(), "%s", error.text);
	say_names(all);
	ck_assert_str_eq(all, "100755 bootstrap\n100755 plugin.so\n"
	    "100644 snek/copyright/snek\n100755 snek/ld.so\n"
	    "100644 snek/libb1.so\n100644 snek/manifest\n"
	    "100644 snek/plugin.sha256\n100755 snek/snek-worker\n");
	ck_assert_str_eq(made.arch, ARCH);
	p = file_read(set.plugin, &size);
	text = read_entry("plugin.so", &n);
	ck_assert(n == size && !memcmp(p, text, n));
	free(text);
	free(p);
	text = read_entry("snek/plugin.sha256", &n);
	ck_assert_uint_eq(n, 65);
	ck_assert(!strncmp(text, made.plugin_sha256, 64) && text[64] == '\n');
	free(text);
	ck_assert(!made.by_s3);
}
END_TEST

START_TEST(the_api_is_bundled_with_what_it_may_load)
{
	const char *const shipped[] = { set.plugin };
	struct sk_bundle first;
	char all[2000], *text;

	elf_link("m.so", "int m(void) { return 1; }", "");
	setenv("SNEK_AWS", elf_path("m.so"), 1);
	set.plugin = NULL;
	set.shipped = shipped;
	set.shippeds = 1;
	ck_assert_msg(!make(), "%s", error.text);
	say_names(all);
	ck_assert_str_eq(all, "100755 bootstrap\n"
	    "100644 snek/copyright/snek\n100755 snek/ld.so\n"
	    "100644 snek/libb1.so\n100644 snek/manifest\n"
	    "100755 snek/plugins/p.so\n100755 snek/snek-api\n"
	    "100755 snek/snek-aws.so\n");
	ck_assert_str_eq(made.arch, ARCH);
	ck_assert_str_eq(made.plugin_sha256, "");
	text = read_entry("snek/copyright/snek", NULL);
	ck_assert_str_eq(text, "ours\n");
	free(text);
	first = made;
	memset(&made, 0, sizeof(made));
	ck_assert(!make() && !strcmp(made.code_sha256, first.code_sha256));
	sk_bundle_free(&first);
	setenv("SNEK_AWS", "/nowhere.so", 1);
	refused(SNEK_ENOENT, "/nowhere.so", "install snek");
	unsetenv("SNEK_AWS");
}
END_TEST

START_TEST(its_manifest_is_of_its_bytes)
{
	char *manifest, *line, *next, *text, hex[65];
	uint64_t bytes = 0;
	size_t n, files = 0;

	ck_assert_msg(!make(), "%s", error.text);
	manifest = read_entry("snek/manifest", &n);
	bytes += n;
	ck_assert_msg(!strncmp(manifest, "# snek ", 7), "%s", manifest);
	for (line = manifest; *line; line = next) {
		next = strchr(line, '\n');
		ck_assert_ptr_nonnull(next);
		*next++ = '\0';
		if (*line == '#')
			continue;
		text = read_entry(line + 66, &n);
		sk_sha256_hex(text, n, hex);
		ck_assert(!strncmp(hex, line, 64));
		free(text);
		bytes += n;
		files++;
	}
	ck_assert_uint_eq(files, 7);
	ck_assert_uint_eq(bytes, made.unzipped);
	free(manifest);
}
END_TEST

/* As Lambda says CodeSha256. */
START_TEST(its_sum_is_of_the_zip_in_base64)
{
	struct sk_buf sum = { 0 };
	char hex[65], again[65];
	size_t i;

	ck_assert_msg(!make(), "%s", error.text);
	ck_assert(!sk_base64_get(&sum, made.code_sha256, 44));
	ck_assert_uint_eq(sum.n, 32);
	sk_sha256_hex(made.zip.p, made.zip.n, hex);
	for (i = 0; i < 32; i++)
		snprintf(again + 2 * i, 3, "%02x", (uint8_t)sum.p[i]);
	ck_assert_str_eq(again, hex);
	sk_buf_free(&sum);
}
END_TEST

START_TEST(what_is_included_lies_beside_the_plugin)
{
	static const char *path[2];
	char all[2000], *text;

	file_write(elf_path("words.txt"), "to be", 5);
	file_write(elf_path("run.sh"), "", 0);
	ck_assert(!chmod(elf_path("run.sh"), 0700));
	path[0] = elf_path("words.txt");
	path[1] = elf_path("run.sh");
	include(path, 2);
	ck_assert_msg(!make(), "%s", error.text);
	say_names(all);
	ck_assert_msg(strstr(all, "100755 run.sh\n") &&
	    strstr(all, "100644 words.txt\n"), "%s", all);
	text = read_entry("words.txt", NULL);
	ck_assert_str_eq(text, "to be");
	free(text);
}
END_TEST

START_TEST(tls_is_in_it_only_if_asked_for)
{
	static char tls[300];
	char all[2000];

	elf_link("libs1.so", "int s1(void) { return 1; }", "");
	elf_link("tls.so", "int s1(void); int t(void) { return s1(); }",
	    "DIR/libs1.so -Wl,-rpath,DIR");
	snprintf(tls, sizeof(tls), "%s", elf_path("tls.so"));
	set.tls = tls;
	ck_assert_msg(!make(), "%s", error.text);
	say_names(all);
	ck_assert_ptr_null(strstr(all, "libs1.so"));
	set.with_tls = true;
	ck_assert_msg(!make(), "%s", error.text);
	say_names(all);
	ck_assert(strstr(all, "snek/libs1.so\n") &&
	    strstr(all, "100755 snek/snek-tls.so\n"));
}
END_TEST

/* ---- the same everywhere ---- */

START_TEST(it_is_the_same_in_every_zone_and_language)
{
	static const char *const zones[] = { "UTC", "America/New_York",
	    "Asia/Kolkata", "Pacific/Apia", "Antarctica/Troll", "XXX-13:59",
	    "YYY+12", "right/Europe/Berlin", "AAA3BBB,1/12,1/20" };
	static const char *one[2], *two[2];
	struct sk_bundle first;
	size_t i;

	file_write(elf_path("b"), "b", 1);
	file_write(elf_path("a"), "a", 1);
	one[0] = two[1] = elf_path("a");
	one[1] = two[0] = elf_path("b");
	include(one, 2);
	ck_assert_msg(!make(), "%s", error.text);
	first = made;
	memset(&made, 0, sizeof(made));
	include(two, 2);
	setlocale(LC_ALL, "de_DE.UTF-8");       /* or none such */
	for (i = 0; i < sizeof(zones) / sizeof(*zones); i++) {
		setenv("TZ", zones[i], 1);
		tzset();
		ck_assert_msg(!make(), "%s", error.text);
		ck_assert_str_eq(made.code_sha256, first.code_sha256);
		ck_assert(made.zip.n == first.zip.n &&
		    !memcmp(made.zip.p, first.zip.p, made.zip.n));
	}
	sk_bundle_free(&first);
}
END_TEST

START_TEST(another_plugin_is_another_bundle)
{
	char was[45];

	ck_assert_msg(!make(), "%s", error.text);
	snprintf(was, sizeof(was), "%s", made.code_sha256);
	elf_link("p.so", "int p(void) { return 2; }", "");
	ck_assert_msg(!make(), "%s", error.text);
	ck_assert_str_ne(made.code_sha256, was);
}
END_TEST

/* ---- plugins that are refused ---- */

START_TEST(what_is_no_plugin_is_refused_as_what_it_is)
{
	static char odd[300];

	snprintf(odd, sizeof(odd), "%s", elf_path("odd"));
	set.plugin = odd;
	refused(SNEK_ENOENT, "odd: ", "No such file");
	ck_assert(!symlink("odd", odd));
	refused(SNEK_EIO, "odd: ", "symbolic links");
	ck_assert(!unlink(odd) && !mkdir(odd, 0700));
	refused(SNEK_EABI, "odd: ", "a directory");
	ck_assert(!rmdir(odd));
	file_write(odd, "int x;", 6);
	refused(SNEK_EABI, "odd: ", "not an ELF file");
	file_write(odd, "\177ELF\2\1\1", 7);
	refused(SNEK_EABI, "odd: ", "cut short");
	set.plugin = set.worker;
	refused(SNEK_EABI, "worker: is a program, not a shared object", "");
}
END_TEST

START_TEST(a_plugin_for_another_machine_is_refused_with_both_names)
{
	uint16_t machine = EM_RISCV;
	long at = offsetof(Elf64_Ehdr, e_machine);

	elf_patch(set.plugin, at, &machine, 2);
	refused(SNEK_EABI, "is for riscv; Lambda runs", "x86-64 and aarch64");
	machine = OTHER;
	elf_patch(set.plugin, at, &machine, 2);
	refused(SNEK_EABI, "worker, which would run it there, for ",
	    "bundle it on a machine of its kind");
}
END_TEST

START_TEST(a_plugin_that_could_not_run_there_is_refused)
{
	ck_assert(!unlink(elf_path("libb1.so")));
	refused(SNEK_EABI, "p.so needs libb1.so", "install its package");
	elf_link("p.so", "int lost(void); int p(void) { return lost(); }", "");
	refused(SNEK_EABI, "p.so needs lost", "link the one that has it");
}
END_TEST

START_TEST(our_own_parts_are_asked_for_by_name)
{
	set.worker = NULL;
	setenv("SNEK_WORKER", "/nowhere/snek-worker", 1);
	refused(SNEK_ENOENT, "/nowhere/snek-lambda-worker", "install snek");
	set.worker = elf_path("worker");
	set.launcher = NULL;
	refused(SNEK_ENOENT, "/nowhere/snek-launcher", "install snek");
	set.launcher = elf_path("source.c");
	refused(SNEK_EABI, "source.c: is no program", "64 bits");
	set.launcher = elf_path("launcher");
	set.worker = elf_path("libb1.so");
	refused(SNEK_EABI, "libb1.so: asks for no loader", "");
}
END_TEST

/* ---- files that are refused ---- */

START_TEST(an_odd_file_is_not_included)
{
	static const char *path[1];

	path[0] = elf_path("odd");
	include(path, 1);
	refused(SNEK_ENOENT, "odd: ", "No such file");
	ck_assert(!mkdir(path[0], 0700));
	refused(SNEK_EINVAL, "odd: is a directory", "name the files in it");
	ck_assert(!rmdir(path[0]) && !mkfifo(path[0], 0600));
	refused(SNEK_EINVAL, "odd: is not a regular file", "");
	ck_assert(!unlink(path[0]) && !symlink("odd", path[0]));
	refused(SNEK_EIO, "odd: ", "symbolic links");
	path[0] = elf_path("a\nb");
	file_write(path[0], "", 0);
	refused(SNEK_EINVAL, "a control character", "name");
	path[0] = elf_path("\xff\xfe");
	file_write(path[0], "", 0);
	refused(SNEK_EINVAL, "cannot be put into a zip", "");
}
END_TEST

START_TEST(no_file_takes_the_name_of_another)
{
	static const char *const ours[] = { "bootstrap", "plugin.so", "snek" };
	static const char *path[2];
	size_t i;

	for (i = 0; i < 3; i++) {
		path[0] = elf_path(ours[i]);
		file_write(path[0], "", 0);
		include(path, 1);
		refused(SNEK_EINVAL, ours[i], "give the file another name");
	}
	ck_assert(!mkdir(elf_path("d"), 0700));
	file_write(elf_path("x"), "1", 1);
	file_write(elf_path("d/x"), "2", 1);
	path[0] = elf_path("x");
	path[1] = elf_path("d/x");
	include(path, 2);
	refused(SNEK_EINVAL, "would both be x", "give one another name");
}
END_TEST

/* Said before it is read: it would take minutes, and all memory. */
START_TEST(what_is_too_large_is_refused_with_the_number)
{
	static const char *path[1];

	path[0] = elf_path("big");
	file_write(path[0], "", 0);
	include(path, 1);
	ck_assert(!truncate(path[0], 1ll << 40));
	refused(SNEK_ELIMIT, "would be 10995", "Lambda takes 262.1 MB");
	ck_assert(!truncate(path[0], 262144000));
	refused(SNEK_ELIMIT, "would be 262.2 MB", "include less");
}
END_TEST

START_TEST(a_large_one_goes_by_s3)
{
	static const char *path[1];
	const size_t n = 50100000;
	uint64_t *p = malloc(n), state = 88172645463325252ull;
	size_t i;

	for (i = 0; i < n / 8; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		p[i] = state;
	}
	path[0] = elf_path("big");
	file_write(path[0], p, n);
	free(p);
	include(path, 1);
	ck_assert_msg(!make(), "%s", error.text);
	ck_assert(made.by_s3 && made.zip.n > n);
}
END_TEST

/* ---- as it is shipped ---- */

/* What is promised is promised of Debian 12's; in percent of them. */
static size_t later_libraries(void)
{
	return OPENSSL_VERSION_NUMBER < 0x30200000L ? 100 : 140;
}

/* With loader, C library and copyright files: the worker needs that library
 * alone, not even what of it is libm. */
START_TEST(a_bundle_is_as_small_as_is_promised)
{
	char all[2000];

	set = (struct sk_bundle_options){
		.plugin = "plugins/.libs/wordcount.so" };
	ck_assert_msg(!make(), "%s", error.text);
	say_names(all);
	ck_assert_msg(!strstr(all, "libm."), "%s", all);
	ck_assert_uint_le(made.zip.n, 1300000 * later_libraries() / 100);
	if (access(getenv("SNEK_TLS"), F_OK))
		return;
	set.with_tls = true;
	ck_assert_msg(!make(), "%s", error.text);
	ck_assert_uint_le(made.zip.n, 3500000 * later_libraries() / 100);
}
END_TEST

static void tests(TCase *t)
{
	const char *sanitize = getenv("SANITIZE");

	tcase_set_timeout(t, 300);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_bundle_has_all_that_its_plugin_needs);
	tcase_add_test(t, the_api_is_bundled_with_what_it_may_load);
	tcase_add_test(t, its_manifest_is_of_its_bytes);
	tcase_add_test(t, its_sum_is_of_the_zip_in_base64);
	tcase_add_test(t, what_is_included_lies_beside_the_plugin);
	tcase_add_test(t, tls_is_in_it_only_if_asked_for);
	tcase_add_test(t, it_is_the_same_in_every_zone_and_language);
	tcase_add_test(t, another_plugin_is_another_bundle);
	tcase_add_test(t, what_is_no_plugin_is_refused_as_what_it_is);
	tcase_add_test(t, a_plugin_for_another_machine_is_refused_with_both_names);
	tcase_add_test(t, a_plugin_that_could_not_run_there_is_refused);
	tcase_add_test(t, our_own_parts_are_asked_for_by_name);
	tcase_add_test(t, an_odd_file_is_not_included);
	tcase_add_test(t, no_file_takes_the_name_of_another);
	tcase_add_test(t, what_is_too_large_is_refused_with_the_number);
	if (sanitize && strcmp(sanitize, "no"))
		return;                 /* large, or large then */
	tcase_add_test(t, a_large_one_goes_by_s3);
	tcase_add_test(t, a_bundle_is_as_small_as_is_promised);
}

int main(void)
{
	return check_main("bundle", tests);
}
