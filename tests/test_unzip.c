/* SPDX-License-Identifier: MIT */
#include "host/disk.h"
#include "host/unzip.h"
#include "check_main.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

struct file {
	const char *name, *text;
	unsigned mode;
};

static char top[] = "/tmp/snek-unzip-XXXXXX";
static char dir[64];

static void make_top(void)
{
	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(dir, sizeof(dir), "%s/in", top);
}

static void remove_top(void)
{
	sk_remove_tree(top);
	ck_assert_int_lt(access(top, F_OK), 0);
}

static struct sk_buf zip_of(const struct file *f, size_t n)
{
	zip_source_t *s = zip_source_buffer_create(NULL, 0, 0, NULL), *data;
	zip_t *z = zip_open_from_source(s, ZIP_TRUNCATE, NULL);
	struct sk_buf out = { 0 };
	zip_int64_t index, got;
	size_t i;

	zip_source_keep(s);
	for (i = 0; i < n; i++) {
		data = zip_source_buffer(z, f[i].text, strlen(f[i].text), 0);
		index = zip_file_add(z, f[i].name, data, ZIP_FL_ENC_UTF_8);
		ck_assert_int_ge(index, 0);
		zip_file_set_external_attributes(z, (zip_uint64_t)index, 0,
		    ZIP_OPSYS_UNIX, f[i].mode << 16);
	}
	ck_assert_int_eq(zip_close(z), 0);
	zip_source_open(s);
	do {
		ck_assert(sk_buf_reserve(&out, 4096));
		got = zip_source_read(s, out.p + out.n, 4096);
		out.n += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	zip_source_close(s);
	zip_source_free(s);
	return out;
}

static int unzip(const struct sk_buf *zip, struct snek_error *e)
{
	uint64_t bytes = 0;

	return sk_unzip((struct sk_span){ zip->p, zip->n }, dir, &bytes, e);
}

static const struct file good[] = {
	{ "bootstrap", "#!", 0100755 }, { "a/", "", 040755 },
	{ "a/b/c", "text", 0100640 }, { "a/link", "b/c", 0120777 },
	{ "up", "a/../bootstrap", 0120777 }, { "odd name \303\251", "", 0106755 },
};

START_TEST(files_links_and_modes_are_there)
{
	struct sk_buf zip = zip_of(good, 6);
	struct snek_error e = { 0 };
	struct stat st;
	char path[128], text[8] = "";
	int fd;

	make_top();
	ck_assert_int_eq(unzip(&zip, &e), 0);
	snprintf(path, sizeof(path), "%s/bootstrap", dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode, 0100755);
	snprintf(path, sizeof(path), "%s/a/link", dir);
	fd = open(path, O_RDONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(read(fd, text, sizeof(text)), 4);
	close(fd);
	ck_assert_str_eq(text, "text");
	snprintf(path, sizeof(path), "%s/odd name \303\251", dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode, 0100755);  /* not setuid */
	sk_buf_free(&zip);
	remove_top();
}
END_TEST

static const struct {
	struct file f[2];
	int n;
} bad[] = {
	{ { { "../evil", "x", 0100644 } }, 1 },
	{ { { "/evil", "x", 0100644 } }, 1 },
	{ { { "a/../../evil", "x", 0100644 } }, 1 },
	{ { { "a/./b", "x", 0100644 } }, 1 }, { { { "a//b", "x", 0100644 } }, 1 },
	{ { { ".", "x", 0100644 } }, 1 }, { { { "..", "x", 0100644 } }, 1 },
	{ { { "link", "/etc/passwd", 0120777 } }, 1 },
	{ { { "link", "../evil", 0120777 } }, 1 },
	{ { { "a/link", "b/../../../evil", 0120777 } }, 1 },
	{ { { "link", "", 0120777 } }, 1 },
	{ { { "link", ".", 0120777 }, { "link/evil", "x", 0100644 } }, 2 },
	{ { { "a", "x", 0100644 }, { "a/b", "x", 0100644 } }, 2 },
	{ { { "pipe", "", 0010644 } }, 1 }, { { { "device", "", 0020644 } }, 1 },
	{ { { "file/", "", 0100644 } }, 1 }, { { { "dir", "", 0040755 } }, 1 },
};

START_TEST(what_leads_out_or_is_no_file_is_refused_by_name)
{
	struct sk_buf zip = zip_of(bad[_i].f, (size_t)bad[_i].n);
	struct snek_error e = { 0 };
	char path[128];

	make_top();
	ck_assert_int_eq(unzip(&zip, &e), SNEK_EFORMAT);
	ck_assert_str_ne(e.text, "");
	snprintf(path, sizeof(path), "%s/evil", top);
	ck_assert_int_lt(access(path, F_OK), 0);
	sk_buf_free(&zip);
	remove_top();
}
END_TEST

/* Whatever it becomes, nothing is made outside. */
static void see_that_all_is_inside(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/in", top);
	sk_remove_tree(path);
	ck_assert_int_eq(rmdir(top), 0);
	ck_assert_int_eq(mkdir(top, 0700), 0);
}

START_TEST(damage_is_told_and_goes_nowhere)
{
	struct sk_buf zip = zip_of(good, 6), copy = { 0 };
	struct snek_error e;
	size_t i;
	int told = 0, rc;

	make_top();
	for (i = 0; i < zip.n; i += 3) {
		copy.n = 0;
		ck_assert(sk_buf_put(&copy, zip.p, zip.n));
		copy.p[i] = (char)(copy.p[i] ^ (1 << i % 8));
		memset(&e, 0, sizeof(e));
		rc = unzip(&copy, &e);
		ck_assert(!rc || *e.text);
		told += rc != 0;
		see_that_all_is_inside();
		copy.n = i;
		memset(&e, 0, sizeof(e));
		rc = unzip(&copy, &e);
		ck_assert_msg(rc && *e.text, "%zu of %zu bytes", i, zip.n);
		see_that_all_is_inside();
	}
	ck_assert_int_gt(told, 10);
	sk_buf_free(&zip);
	sk_buf_free(&copy);
	remove_top();
}
END_TEST

START_TEST(too_many_files_are_refused)
{
	struct file *many = calloc(SK_UNZIP_FILES + 1, sizeof(*many));
	static char name[SK_UNZIP_FILES + 1][8];
	struct snek_error e = { 0 };
	struct sk_buf zip;
	size_t i;

	ck_assert_ptr_nonnull(many);
	for (i = 0; i <= SK_UNZIP_FILES; i++) {
		snprintf(name[i], sizeof(name[i]), "%zu", i);
		many[i] = (struct file){ name[i], "", 0100644 };
	}
	zip = zip_of(many, SK_UNZIP_FILES + 1);
	make_top();
	ck_assert_int_eq(unzip(&zip, &e), SNEK_ELIMIT);
	sk_buf_free(&zip);
	free(many);
	remove_top();
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_test(t, files_links_and_modes_are_there);
	tcase_add_loop_test(t, what_leads_out_or_is_no_file_is_refused_by_name, 0,
	    sizeof(bad) / sizeof(*bad));
	tcase_add_test(t, damage_is_told_and_goes_nowhere);
	tcase_add_test(t, too_many_files_are_refused);
}

int main(void)
{
	umask(022);
	return check_main("unzip", setup);
}
