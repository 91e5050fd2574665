/* SPDX-License-Identifier: MIT */
#include "category/catalog.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/hash.h"
#include "small_disk.h"
#include "tempdir.h"

static char dir[64], at[80];
static struct snek_error err;

static void setup(void)
{
	tempdir_make(dir);
	snprintf(at, sizeof(at), "%s/cluster", dir);
	memset(&err, 0, sizeof(err));
}

static void teardown(void)
{
	tempdir_remove(dir);
}

static const char *in(const char *name)
{
	static char path[8][200];
	static int i;

	i = (i + 1) % 8;
	snprintf(path[i], sizeof(path[i]), "%s/%s", at, name);
	return path[i];
}

static void made(uint32_t shards, uint32_t level)
{
	int rc = sk_catalog_create(at, shards, level, &err);

	ck_assert_msg(!rc, "%s", err.text);
}

static struct sk_catalog *opened(void)
{
	struct sk_catalog *c;
	int rc = sk_catalog_open(at, &c, &err);

	ck_assert_msg(!rc, "%s", err.text);
	return c;
}

static int reopen(void)
{
	struct sk_catalog *c;
	int rc = sk_catalog_open(at, &c, &err);

	if (!rc)
		sk_catalog_close(c);
	return rc;
}

#define TOLD(text_) ck_assert_msg(strstr(err.text, text_) != NULL, "%s", err.text)

/* One record, inlined or (shard) as a segment of size bytes. */
static int write_one(struct sk_catalog *c, bool inlined, size_t size)
{
	static char bytes[65536];
	struct sk_meta_part part = { 0, 1, 1, size };
	struct sk_meta_entry m = { .records = 1, .bytes = size, .parts = 1,
		.part = &part };
	struct sk_span chunk = { bytes, size };
	struct sk_segment_writer *w;
	struct sk_meta_category cat;
	struct sk_meta_receipt r;
	struct sk_shard *s;
	int rc = c->meta->ops->category_get_or_create(c->meta, "x", &cat, &err);

	if (!rc)
		rc = sk_write_id_new(&m.write, &err);
	if (rc)
		return rc;
	part.shard = cat.shard[0];
	s = c->shard[part.shard];
	if (inlined) {
		m.inlined = chunk;
		return c->meta->ops->commit(c->meta, cat.id, NULL, &m, &r, &err);
	}
	rc = s->ops->begin(s, m.write, &w, &err);
	if (rc)
		return rc;
	rc = s->ops->put(w, chunk, 1, (struct sk_place){ 0, 0 }, &err);
	if (!rc)
		rc = s->ops->seal(w, &err);
	if (!rc)
		rc = c->meta->ops->commit(c->meta, cat.id, NULL, &m, &r, &err);
	if (rc)
		s->ops->abandon(w);
	s->ops->free(w);
	return rc;
}

struct tally { struct sk_catalog *c; unsigned n; };

static int tally(void *arg, const struct sk_meta_entry *m)
{
	struct tally *t = arg;
	struct sk_segment *s;
	struct sk_shard *shard = t->c->shard[m->part[0].shard];

	t->n++;
	if (m->inlined.n)
		return 0;
	if (shard->ops->open(shard, m->write, &s, &err))
		return -1000;
	shard->ops->close(s);
	return 0;
}

/* Every write that the manifest names is there; how many. */
static int writes(struct sk_catalog *c)
{
	struct tally t = { c, 0 };
	struct sk_meta_category cat;
	int rc = c->meta->ops->snapshot(c->meta, "x", 0, &cat, tally, &t, &err);

	return rc ? rc : (int)t.n;
}

/* ---- creating ---- */

START_TEST(a_cluster_is_what_was_asked_for)
{
	struct sk_catalog *c;

	made(6, 2);
	c = opened();
	ck_assert_uint_eq(c->cluster.shards, 6);
	ck_assert_uint_eq(c->cluster.level, 2);
	ck_assert_uint_eq(c->cluster.format, 1);
	ck_assert_str_eq(c->shard[5]->ops->location(c->shard[5]), in("shards/005"));
	ck_assert(!c->meta->ops->read_only(c->meta));
	sk_catalog_close(c);
}
END_TEST

START_TEST(the_largest_cluster_opens_with_few_descriptors)
{
	made(1024, 1024);
	ck_assert_int_eq(reopen(), 0);
	ck_assert_int_eq(access(in("shards/1023/stamp"), F_OK), 0);
}
END_TEST

static const struct { uint32_t shards, level; } odd[] = {
	{ 0, 0 }, { 4, 0 }, { 4, 5 }, { 1025, 1 }, { UINT32_MAX, 1 },
};

START_TEST(impossible_shapes_are_refused)
{
	ck_assert_int_eq(sk_catalog_create(at, odd[_i].shards, odd[_i].level,
	    &err), SNEK_EINVAL);
	ck_assert_int_ne(access(at, F_OK), 0);
}
END_TEST

START_TEST(a_cluster_is_created_once)
{
	struct sk_catalog *c;

	made(4, 4);
	c = opened();
	ck_assert_int_eq(write_one(c, true, 10), 0);
	ck_assert_int_eq(sk_catalog_create(at, 4, 4, &err), SNEK_EEXIST);
	TOLD(at);
	ck_assert_int_eq(writes(c), 1);
	sk_catalog_close(c);
	ck_assert_int_eq(reopen(), 0);
}
END_TEST

START_TEST(directories_above_are_made_and_an_empty_one_is_taken)
{
	ck_assert_int_eq(mkdir(at, 0755), 0);
	made(2, 1);
	snprintf(at, sizeof(at), "%s/a/b/c/", dir);
	made(2, 1);
	ck_assert_int_eq(reopen(), 0);
}
END_TEST

START_TEST(what_is_no_cluster_is_left_alone)
{
	file_write(at, "hello", 5);
	ck_assert_int_eq(sk_catalog_create(at, 2, 1, &err), SNEK_EINVAL);
	TOLD("is no directory");
	ck_assert_int_eq(reopen(), SNEK_EINVAL);
	TOLD("is no directory");
	ck_assert_int_eq(unlink(at), 0);
	ck_assert_int_eq(mkdir(at, 0755), 0);
	file_write(in("thesis.txt"), "hello", 5);
	ck_assert_int_eq(sk_catalog_create(at, 2, 1, &err), SNEK_EINVAL);
	TOLD("exists and is no snek cluster");
	ck_assert_int_eq(access(in("thesis.txt"), F_OK), 0);
	ck_assert_int_eq(reopen(), SNEK_ENOENT);
	TOLD("is no snek cluster");
	/* Even beside what looks like a half made one. */
	file_write(in("cluster.new"), "", 0);
	ck_assert_int_eq(sk_catalog_create(at, 2, 1, &err), SNEK_EINVAL);
	ck_assert_int_eq(access(in("thesis.txt"), F_OK), 0);
}
END_TEST

/* Killed at each step: the last step but one, and what is there before it. */
static const char *const steps[][6] = {
	{ NULL },
	{ "shards", NULL },
	{ "shards", "plugins", "shards/000", NULL },
	{ "shards", "plugins", "shards/000", "shards/007", NULL },
};

START_TEST(a_half_made_cluster_is_made_again)
{
	int i;

	ck_assert_int_eq(mkdir(at, 0755), 0);
	file_write(in("cluster.new"), "", 0);
	for (i = 0; steps[_i][i]; i++)
		ck_assert_int_eq(mkdir(in(steps[_i][i]), 0755), 0);
	if (i > 2) {
		file_write(in("shards/000/stamp"), "torn", 4);
		file_write(in("shards/000/stamp.77.tmp"), "", 0);
		file_write(in("cluster.77.tmp"), "snek", 4);
		file_write(in("meta.mdb"), "torn", 4);
		file_write(in("meta.mdb-lock"), "torn", 4);
	}
	ck_assert_int_eq(reopen(), SNEK_ENOENT);
	TOLD("create it again");
	made(3, 2);
	ck_assert_int_eq(reopen(), 0);
	ck_assert_int_ne(access(in("cluster.new"), F_OK), 0);
	ck_assert_int_ne(access(in("cluster.77.tmp"), F_OK), 0);
	ck_assert_int_ne(access(in("shards/007"), F_OK), 0);
}
END_TEST

START_TEST(one_of_many_creators_wins)
{
	int i, status, won = 0;

	for (i = 0; i < 4; i++)
		if (!fork())
			_exit(-sk_catalog_create(at, 4, 2, &err));
	for (i = 0; i < 4; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert(WIFEXITED(status));
		won += !WEXITSTATUS(status);
		ck_assert(!WEXITSTATUS(status) ||
		    WEXITSTATUS(status) == -SNEK_EEXIST);
	}
	ck_assert_int_eq(won, 1);
	ck_assert_int_eq(reopen(), 0);
}
END_TEST

/* ---- opening ---- */

START_TEST(a_missing_cluster_is_not_made_by_opening)
{
	ck_assert_int_eq(reopen(), SNEK_ENOENT);
	TOLD(at);
	ck_assert_int_ne(access(at, F_OK), 0);
}
END_TEST

static const struct { const char *text; int code; const char *told; } bad[] = {
	{ "", SNEK_ECORRUPT, "damaged" },
	{ "hello\n", SNEK_ECORRUPT, "damaged" },
	{ "snek cluster\nformat 7\nand so on", SNEK_EVERSION, "written by a newer "
	  "snek (format 7; this one reads up to 1)" },
	{ "snek cluster\nformat -1\n", SNEK_ECORRUPT, "damaged" },
	{ "snek cluster\nformat 0\n", SNEK_ECORRUPT, "damaged" },
	{ "snek cluster\nformat 1\nuuid 12\n", SNEK_ECORRUPT, "damaged" },
	{ "snek cluster\nformat 1\nuuid 00112233445566778899aabbccddeeff\nmore",
	  SNEK_ECORRUPT, "damaged" },
	{ "snek cluster\nformat 1\nuuid 00112233445566778899aabbccddeeff\n",
	  SNEK_ECORRUPT, "meta.mdb belongs to another cluster" },
};

START_TEST(the_file_cluster_says_what_this_is)
{
	made(2, 1);
	file_write(in("cluster"), bad[_i].text, strlen(bad[_i].text));
	ck_assert_int_eq(reopen(), bad[_i].code);
	TOLD(bad[_i].told);
	TOLD(at);
}
END_TEST

static const struct { const char *gone, *told; } parts[] = {
	{ "cluster", "cluster is missing" },
	{ "meta.mdb", "meta.mdb is missing" },
	{ "shards/001", "shards/001 is missing; expected shard 1" },
	{ "shards/001/stamp", "shards/001/stamp is missing; expected shard 1" },
	{ "shards", "shards/000 is missing" },
};

START_TEST(a_half_deleted_cluster_is_corrupt_by_name)
{
	char path[200];

	made(3, 1);
	snprintf(path, sizeof(path), "%s", in(parts[_i].gone));
	tempdir_remove(path);
	ck_assert_int_eq(reopen(), SNEK_ECORRUPT);
	TOLD(parts[_i].told);
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(swapped_shards_are_refused)
{
	made(3, 1);
	ck_assert_int_eq(rename(in("shards/000"), in("shards/tmp")), 0);
	ck_assert_int_eq(rename(in("shards/001"), in("shards/000")), 0);
	ck_assert_int_eq(rename(in("shards/tmp"), in("shards/001")), 0);
	ck_assert_int_eq(reopen(), SNEK_ECORRUPT);
	TOLD("is shard 1 by its stamp; expected shard 0");
}
END_TEST

START_TEST(a_cluster_opens_twice_in_one_process)
{
	struct sk_catalog *a, *b;

	made(4, 2);
	a = opened();
	b = opened();
	ck_assert_int_eq(write_one(a, false, 100), 0);
	ck_assert_int_eq(write_one(b, true, 100), 0);
	sk_catalog_close(a);
	ck_assert_int_eq(write_one(b, false, 100), 0);
	ck_assert_int_eq(writes(b), 3);
	sk_catalog_close(b);
}
END_TEST

START_TEST(a_cluster_opened_by_a_relative_path_stays_where_it_is)
{
	struct sk_catalog *c;

	made(2, 2);
	ck_assert_int_eq(chdir(dir), 0);
	ck_assert_int_eq(sk_catalog_open("cluster", &c, &err), 0);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(write_one(c, false, 100), 0);
	ck_assert_int_eq(writes(c), 1);
	sk_catalog_close(c);
}
END_TEST

/* ---- a medium that refuses ---- */

static int drop_write(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)type;
	(void)ftw;
	return chmod(path, S_ISDIR(st->st_mode) ? 0555 : 0444);
}

static int give_write(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)type;
	(void)ftw;
	return chmod(path, S_ISDIR(st->st_mode) ? 0755 : 0644);
}

/* In a child that is not root: 0 is good, else the line that was not. */
static int use_read_only(void)
{
	struct sk_catalog *c;

	if (!getuid() && (setgid(65534) || setuid(65534)))
		return 1;
	if (sk_catalog_open(at, &c, &err))
		return 2;
	if (!c->meta->ops->read_only(c->meta))
		return 3;
	if (writes(c) != 2)
		return 4;
	if (write_one(c, true, 10) != SNEK_EACCES)
		return 5;
	if (!strstr(err.text, "read-only"))
		return 6;
	if (write_one(c, false, 10) != SNEK_EACCES)
		return 7;
	if (sk_catalog_plugin_put(c, (struct sk_span){ "x", 1 },
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    &err) != SNEK_EACCES)
		return 8;
	sk_catalog_close(c);
	return 0;
}

START_TEST(a_read_only_cluster_is_read)
{
	struct sk_catalog *c;
	int status;
	pid_t pid;

	made(2, 1);
	c = opened();
	ck_assert_int_eq(write_one(c, true, 10), 0);
	ck_assert_int_eq(write_one(c, false, 10), 0);
	sk_catalog_close(c);
	ck_assert_int_eq(chmod(dir, 0755), 0);
	ck_assert_int_eq(nftw(at, drop_write, 16, FTW_DEPTH | FTW_PHYS), 0);
	pid = fork();
	if (!pid)
		_exit(use_read_only());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(nftw(at, give_write, 16, FTW_PHYS), 0);
}
END_TEST

static void fill_disk(const char *path, size_t leave)
{
	static char block[4096];
	FILE *f = fopen(path, "wb");

	setvbuf(f, NULL, _IONBF, 0);
	while (fwrite(block, 1, sizeof(block), f) == sizeof(block))
		;
	fclose(f);
	if (leave) {
		struct stat st;

		stat(path, &st);
		if (truncate(path, st.st_size - (off_t)leave))
			_exit(99);
	}
}

/* Until the disk is full; then nothing of the last write is visible, reading
 * goes on, and with free space writing does. */
static int use_small_disk(bool inlined)
{
	char ballast[200];
	struct sk_catalog *c;
	int rc, n = 0;

	snprintf(ballast, sizeof(ballast), "%s/ballast", dir);
	if (sk_catalog_create(at, 2, 1, &err) || sk_catalog_open(at, &c, &err))
		return 2;
	if (write_one(c, inlined, 20000))
		return 3;
	n = 1;
	fill_disk(ballast, 400000);
	while (!(rc = write_one(c, inlined, 20000)) && n < 1000)
		n++;
	if (rc != SNEK_EIO || !strstr(err.text, "disk full: ") ||
	    !strstr(err.text, "free space and write again"))
		return 4;
	if (n < 3 || writes(c) != n)
		return 5;
	unlink(ballast);
	if (write_one(c, inlined, 20000) || writes(c) != n + 1)
		return 6;
	sk_catalog_close(c);
	if (sk_catalog_open(at, &c, &err) || writes(c) != n + 1)
		return 7;
	sk_catalog_close(c);
	return 0;
}

#define SKIPPED 77

START_TEST(a_full_disk_fails_the_write_and_no_more)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(small_disk(dir, "size=2m") ? use_small_disk(_i) : SKIPPED);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED)
		fputs(SMALL_DISK_SKIP, stderr);
	else
		ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

static int create_on_full_disk(void)
{
	char ballast[200];
	int rc;

	snprintf(ballast, sizeof(ballast), "%s/ballast", dir);
	fill_disk(ballast, 12288);
	rc = sk_catalog_create(at, 8, 1, &err);
	if (rc != SNEK_EIO || !strstr(err.text, "disk full"))
		return 2;
	unlink(ballast);
	return sk_catalog_create(at, 8, 1, &err) || reopen() ? 3 : 0;
}

START_TEST(a_cluster_that_found_no_room_is_made_later)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(small_disk(dir, "size=1m") ? create_on_full_disk() : SKIPPED);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED)
		fputs(SMALL_DISK_SKIP, stderr);
	else
		ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

/* ---- kill -9 ---- */

/* Create if need be and write for ever; each version that was acknowledged
 * goes into the pipe. */
static void write_for_ever(int out)
{
	struct sk_meta_category cat;
	struct sk_catalog *c;
	int i;

	if (sk_catalog_create(at, 3, 2, &err) && err.code != SNEK_EEXIST)
		_exit(2);
	if (sk_catalog_open(at, &c, &err))
		_exit(3);
	for (i = 0; ; i++) {
		if (write_one(c, i % 2, 5000) ||
		    c->meta->ops->category_get(c->meta, "x", &cat, &err) ||
		    write(out, &cat.version, 8) != 8)
			_exit(4);
	}
}

START_TEST(what_a_killed_writer_was_told_is_there)
{
	uint64_t version, acked = 0;
	struct sk_catalog *c;
	int i, status, fd[2];
	pid_t pid;

	for (i = 0; i < 20; i++) {
		ck_assert_int_eq(pipe(fd), 0);
		pid = fork();
		if (!pid)
			write_for_ever(fd[1]);
		close(fd[1]);
		usleep((unsigned)i * 3000);
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status));
		while (read(fd[0], &version, 8) == 8)
			acked = version;
		close(fd[0]);
		if (!acked)
			continue;
		c = opened();
		ck_assert_int_ge(writes(c), (int)acked);
		sk_catalog_close(c);
	}
	/* However slow the disk, in the end it is a cluster. */
	ck_assert(sk_catalog_create(at, 3, 2, &err) != SNEK_EINVAL);
	ck_assert_int_eq(reopen(), 0);
}
END_TEST

/* ---- names and plugins ---- */

static const struct { const char *name; bool good; } names[] = {
	{ "a", true }, { "A-z_0.9", true }, { ".", true }, { "", false },
	{ NULL, false }, { "a b", false }, { "a/b", false }, { "\xc3\xa4", false },
	{ "0123456789012345678901234567890123456789012345678901234567890123"
	  "0123456789012345678901234567890123456789012345678901234567890123",
	  true },
	{ "0123456789012345678901234567890123456789012345678901234567890123"
	  "01234567890123456789012345678901234567890123456789012345678901234",
	  false },
};

START_TEST(names_are_checked)
{
	ck_assert_int_eq(sk_name_check("category", names[_i].name, &err),
	    names[_i].good ? 0 : SNEK_EINVAL);
	if (!names[_i].good)
		TOLD("category");
}
END_TEST

START_TEST(plugins_are_kept_by_digest)
{
	struct sk_catalog *c;
	struct sk_buf path = { 0 };
	unsigned char *p;
	struct stat st;
	char sha[65];
	size_t n;

	sk_sha256_hex("plugin", 6, sha);
	made(2, 1);
	c = opened();
	ck_assert_int_eq(sk_catalog_plugin_path(c, sha, &path, &err), SNEK_ENOENT);
	ck_assert_uint_eq(path.n, 0);
	ck_assert_int_eq(sk_catalog_plugin_put(c, (struct sk_span){ "plugin", 6 },
	    sha, &err), 0);
	ck_assert_int_eq(sk_catalog_plugin_put(c, (struct sk_span){ "plugin", 6 },
	    sha, &err), 0);
	ck_assert_int_eq(sk_catalog_plugin_path(c, sha, &path, &err), 0);
	ck_assert_uint_eq(path.n, strlen(path.p));
	p = file_read(path.p, &n);
	ck_assert_uint_eq(n, 6);
	ck_assert_int_eq(memcmp(p, "plugin", 6), 0);
	ck_assert_int_eq(stat(path.p, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0644 & ~umask(022));
	ck_assert_int_eq(sk_catalog_plugin_put(c, (struct sk_span){ "x", 1 },
	    "../../evil", &err), SNEK_EINVAL);
	free(p);
	sk_buf_free(&path);
	sk_catalog_close(c);
}
END_TEST

#define LOOP(t, test, table) \
	tcase_add_loop_test(t, test, 0, (int)(sizeof(table) / sizeof(*table)))

int main(void)
{
	Suite *s = suite_create("catalog");
	TCase *t = tcase_create("catalog");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_cluster_is_what_was_asked_for);
	tcase_add_test(t, the_largest_cluster_opens_with_few_descriptors);
	LOOP(t, impossible_shapes_are_refused, odd);
	tcase_add_test(t, a_cluster_is_created_once);
	tcase_add_test(t, directories_above_are_made_and_an_empty_one_is_taken);
	tcase_add_test(t, what_is_no_cluster_is_left_alone);
	LOOP(t, a_half_made_cluster_is_made_again, steps);
	tcase_add_test(t, one_of_many_creators_wins);
	tcase_add_test(t, a_missing_cluster_is_not_made_by_opening);
	LOOP(t, the_file_cluster_says_what_this_is, bad);
	LOOP(t, a_half_deleted_cluster_is_corrupt_by_name, parts);
	tcase_add_test(t, swapped_shards_are_refused);
	tcase_add_test(t, a_cluster_opens_twice_in_one_process);
	tcase_add_test(t, a_cluster_opened_by_a_relative_path_stays_where_it_is);
	tcase_add_test(t, a_read_only_cluster_is_read);
	tcase_add_loop_test(t, a_full_disk_fails_the_write_and_no_more, 0, 2);
	tcase_add_test(t, a_cluster_that_found_no_room_is_made_later);
	tcase_add_test(t, what_a_killed_writer_was_told_is_there);
	LOOP(t, names_are_checked, names);
	tcase_add_test(t, plugins_are_kept_by_digest);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
