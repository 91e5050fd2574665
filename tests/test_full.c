/* SPDX-License-Identifier: MIT */
/* A disk that is full in the middle of a write: a tmpfs of our own. */
#include "category.h"
#include "category/compact.h"
#include "small_disk.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static struct world world;

static char at[] = "/tmp/snek-full-XXXXXX";

static bool mount_small(const char *size)
{
	return mkdtemp(at) && small_disk(at, size);
}

static void whole(uint64_t versions)
{
	struct census c;

	ck_assert_msg(census_take(world.catalog, "cat", &c), "%s", c.fault);
	ck_assert_uint_eq(c.versions, versions);
}

/* Large writes that do not fit, until hardly anything does. */
static uint64_t fill_up(struct job *j, unsigned *failures)
{
	struct sk_meta_receipt r;
	struct snek_error e = { 0 };
	uint64_t good = 0;
	unsigned i;
	int rc;

	for (i = 0; i < 40; i++, j->w++) {
		rc = job_run(world.catalog, j, &r, &e);
		good += !rc;
		*failures += rc != 0;
		if (rc)
			ck_assert_msg(rc == SNEK_EIO && e.text[0],
			    "%d: %s", rc, e.text);
	}
	return good;
}

START_TEST(a_full_disk_fails_the_write_and_nothing_else)
{
	struct job large = { .w = 1, .n = 700, .pad = 3000, .no_compact = true };
	struct job small = { .n = 5, .pad = 50, .no_compact = true };
	struct snek_error e = { 0 };
	unsigned failures = 0;
	uint64_t good;

	if (!mount_small("size=12m")) {
		fputs(SMALL_DISK_SKIP, stderr);
		rmdir(at);
		return;
	}
	world_make(&world, at, 4, 4);
	good = fill_up(&large, &failures);
	ck_assert_uint_gt(good, 0);
	ck_assert_uint_gt(failures, 0);
	whole(good);
	ck_assert_uint_eq(litter_count(world.catalog).unnamed, 0);
	small.w = large.w;
	while (small.w < 3000 && failures < 200)
		good += fill_up(&small, &failures);
	whole(good);
	sk_compact(world.catalog, "cat", true, &e);     /* may find no room */
	whole(good);
	world_shut(&world);
	world_open(&world);
	whole(good);

	/* With room again it goes on. */
	ck_assert_int_eq(mount("snek", at, "tmpfs", MS_REMOUNT, "size=40m"), 0);
	large.w = small.w;
	job_must(world.catalog, &large);
	ck_assert_msg(!sk_compact(world.catalog, "cat", true, &e), "%s", e.text);
	whole(good + 1);
	ck_assert_int_eq(sk_gc(world.catalog, 0, NULL, &e), 0);
	ck_assert_uint_eq(litter_count(world.catalog).unnamed, 0);
	world_remove(&world);
	umount2(at, MNT_DETACH);
	rmdir(at);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("full");
	TCase *t = tcase_create("full");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_full_disk_fails_the_write_and_nothing_else);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
