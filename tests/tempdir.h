/* SPDX-License-Identifier: MIT */
/* tempdir.h - a directory for one test, gone after it; and small file tools. */
#ifndef TESTS_TEMPDIR_H
#define TESTS_TEMPDIR_H
#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((unused))
static int tempdir_drop(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

__attribute__((unused))
static void tempdir_remove(const char *dir)
{
	nftw(dir, tempdir_drop, 16, FTW_DEPTH | FTW_PHYS);
}

/* dir: at least 64 bytes. */
__attribute__((unused))
static void tempdir_make(char *dir)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, 64, "%.40s/snek-test.XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

/* The whole file; *n its size; freed by the caller. */
__attribute__((unused))
static unsigned char *file_read(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	unsigned char *p;
	struct stat st;

	ck_assert_msg(f != NULL, "%s", path);
	ck_assert_int_eq(fstat(fileno(f), &st), 0);
	p = malloc((size_t)st.st_size + 1);
	*n = fread(p, 1, (size_t)st.st_size, f);
	ck_assert_int_eq(*n, st.st_size);
	fclose(f);
	return p;
}

__attribute__((unused))
static void file_write(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "wb");

	ck_assert_msg(f != NULL, "%s", path);
	ck_assert_uint_eq(fwrite(p, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
}
#endif
