/* SPDX-License-Identifier: MIT */
#include "category.h"
#include "category/compact.h"
#include "category/manifest.h"
#include "category/snapshot.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct world world;

static void setup(void)
{
	world_make(&world, in_memory(), 4, 3);
}

static void teardown(void)
{
	world_remove(&world);
}

static void compact(bool all)
{
	struct snek_error e = { 0 };

	if (sk_compact(world.catalog, "cat", all, &e))
		die("compact: %s", e.text);
}

static struct sk_manifest *manifest(void)
{
	struct snek_error e = { 0 };
	struct sk_manifest *m;

	if (sk_manifest_read(world.catalog, "cat", 0, &m, &e))
		die("manifest: %s", e.text);
	return m;
}

static size_t entries(void)
{
	struct sk_manifest *m = manifest();
	size_t n = m->n;

	sk_manifest_free(m);
	return n;
}

static void whole(uint64_t versions)
{
	struct census c;

	ck_assert_msg(census_take(world.catalog, "cat", &c), "%s", c.fault);
	ck_assert_uint_eq(c.versions, versions);
}

/* Inlined, of several chunks, and empty ones. */
static void write_mixed(uint64_t from, uint64_t n, bool no_compact)
{
	struct job j = { .no_compact = no_compact };

	for (j.w = from; j.w < from + n; j.w++) {
		j.n = j.w % 7 == 0 ? 0 : j.w % 3 ? 7 : 300;
		j.pad = j.w % 3 ? 50 : 1000;
		job_must(world.catalog, &j);
	}
}

START_TEST(each_record_keeps_its_place_and_its_shard)
{
	char *before, *after;

	write_mixed(1, 100, true);
	before = dump(world.catalog, "cat");
	compact(_i);
	after = dump(world.catalog, "cat");
	ck_assert_str_eq(before, after);
	free(after);
	write_mixed(101, 100, true);
	free(before);
	before = dump(world.catalog, "cat");
	compact(_i);
	after = dump(world.catalog, "cat");
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
	whole(200 - 28);
	ck_assert_uint_eq(litter_count(world.catalog).unnamed, 0);
}
END_TEST

START_TEST(all_of_it_becomes_one_entry_and_stays_so)
{
	struct sk_manifest *m;
	struct sk_write_id id;

	write_mixed(1, 40, true);
	ck_assert_uint_eq(entries(), 40);
	compact(true);
	m = manifest();
	ck_assert_uint_eq(m->n, 1);
	ck_assert_uint_eq(m->entry[0].first, 1);
	ck_assert_uint_eq(m->entry[0].last, 40);
	id = m->entry[0].write;
	sk_manifest_free(m);
	compact(true);
	m = manifest();
	ck_assert_mem_eq(&id, &m->entry[0].write, sizeof(id));
	sk_manifest_free(m);
	ck_assert_uint_eq(litter_count(world.catalog).segments, 3);
}
END_TEST

START_TEST(a_lone_small_write_goes_to_its_shard_when_all_is_asked_for)
{
	struct job j = { .w = 1, .n = 3, .pad = 10 };
	char *before, *after;

	job_must(world.catalog, &j);
	before = dump(world.catalog, "cat");
	compact(false);
	ck_assert_uint_eq(litter_count(world.catalog).segments, 0);
	compact(true);
	ck_assert_uint_eq(litter_count(world.catalog).segments, 1);
	after = dump(world.catalog, "cat");
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
}
END_TEST

START_TEST(writes_of_nothing_fold_too)
{
	struct job j = { .no_compact = true };
	struct sk_manifest *m;

	for (j.w = 1; j.w <= 20; j.w++)
		job_must(world.catalog, &j);
	compact(true);
	m = manifest();
	ck_assert_uint_eq(m->n, 1);
	ck_assert_uint_eq(m->entry[0].last, 20);
	ck_assert_uint_eq(m->entry[0].parts, 0);
	sk_manifest_free(m);
	whole(0);
}
END_TEST

/* Every write made, and yet few entries: writers fold as they go. */
START_TEST(many_small_writes_leave_few_entries)
{
	struct job j = { .n = 1, .pad = 10 };
	size_t n;

	for (j.w = 1; j.w <= 1100; j.w++) {
		job_must(world.catalog, &j);
		if (j.w % 100)
			continue;
		n = entries();
		ck_assert_msg(n <= 63 + 7 + 7 + 7, "%zu after %u", n,
		    (unsigned)j.w);
	}
	whole(1100);
	/* 1 .. 512, 513 .. 1024, 1025 .. 1088, twelve alone */
	ck_assert_uint_eq(entries(), 2 + 1 + 12);
}
END_TEST

/* The same entries when the folding is done afterwards. */
START_TEST(what_is_due_does_not_depend_on_when)
{
	struct job j = { .n = 1, .pad = 10, .no_compact = true };

	for (j.w = 1; j.w <= 600; j.w++)
		job_must(world.catalog, &j);
	ck_assert_uint_eq(entries(), 600);
	compact(false);
	ck_assert_uint_eq(entries(), 1 + 1 + 24);
	compact(false);
	ck_assert_uint_eq(entries(), 1 + 1 + 24);
	whole(600);
}
END_TEST

/* Due: what lies before it in its window, if that is not too little, what
 * follows, the next window, and two alone.  All: what lies before and behind. */
static const struct {
	uint64_t at;
	bool all;
	size_t entries;
} larges[] = {
	{ 30, false, 1 + 1 + 1 + 1 + 2 }, { 5, false, 4 + 1 + 1 + 1 + 2 },
	{ 30, true, 3 }, { 5, true, 3 },
};

START_TEST(a_large_segment_is_not_rewritten)
{
	uint64_t at = larges[_i].at, i = 0;
	struct job large = { .w = at, .n = 70, .pad = 1 << 20 };
	struct job small = { .n = 1, .pad = 10 };
	struct sk_write_id id = { { 0 } };
	struct sk_manifest *m;

	world_remove(&world);
	world_make(&world, in_memory(), 1, 1);
	for (small.w = 1; small.w <= 130; small.w++) {
		if (small.w == at)
			id = job_must(world.catalog, &large).write;
		else
			job_must(world.catalog, &small);
	}
	compact(larges[_i].all);
	m = manifest();
	while (m->entry[i].first != at)
		ck_assert_uint_lt(++i, m->n);
	ck_assert_uint_eq(m->entry[i].last, at);
	ck_assert_mem_eq(&id, &m->entry[i].write, sizeof(id));
	ck_assert_uint_eq(m->n, larges[_i].entries);
	sk_manifest_free(m);
	whole(130);
}
END_TEST

/* An entry that began before the window has been rewritten for its share. */
START_TEST(what_reaches_beyond_its_window_is_left)
{
	struct job j = { .n = 1, .pad = 10, .no_compact = _i };
	struct sk_manifest *m;
	struct sk_write_id id;

	for (j.w = 1; j.w <= 100; j.w++)
		job_must(world.catalog, &j);
	compact(true);
	m = manifest();
	id = m->entry[0].write;
	sk_manifest_free(m);
	for (; j.w <= 128; j.w++)
		job_must(world.catalog, &j);
	compact(false);
	m = manifest();
	ck_assert_uint_eq(m->n, 2);
	ck_assert_uint_eq(m->entry[0].last, 100);
	ck_assert_mem_eq(&id, &m->entry[0].write, sizeof(id));
	sk_manifest_free(m);
	whole(128);
}
END_TEST

/* Chunks that are far too small are what `all` is for, even then. */
START_TEST(a_fragmented_segment_is_rewritten)
{
	struct job j = { .w = 1, .n = 2000, .pad = 1000,
	    .chunk_size = SK_CHUNK_MIN };
	struct sk_manifest *m;
	unsigned i;

	job_must(world.catalog, &j);
	m = manifest();
	ck_assert_uint_ge(m->entry[0].part[0].chunks, 8);
	sk_manifest_free(m);
	for (i = 0; i < 2; i++) {
		compact(true);
		m = manifest();
		ck_assert_uint_le(m->entry[0].part[0].chunks, 4);
		sk_manifest_free(m);
	}
	whole(1);
}
END_TEST

/* ---- at once ---- */

static int compact_too(void *arg, unsigned i)
{
	struct snek_error e = { 0 };
	int rc;

	(void)arg;
	world_open(&world);
	rc = sk_compact(world.catalog, "cat", i % 2, &e);
	if (rc)
		fprintf(stderr, "compact: %s\n", e.text);
	world_shut(&world);
	return rc != 0;
}

START_TEST(of_two_compactions_at_once_one_wins_and_none_fails)
{
	char *before, *after;

	write_mixed(1, 150, true);
	before = dump(world.catalog, "cat");
	world_shut(&world);
	ck_assert_uint_eq(in_processes(6, compact_too, NULL), 6);
	world_open(&world);
	after = dump(world.catalog, "cat");
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
	ck_assert_uint_eq(litter_count(world.catalog).unnamed, 0);
}
END_TEST

#define EACH 70

static int write_some(unsigned i)
{
	struct job j = { .n = 5, .pad = 30 };
	uint64_t k;

	for (k = 0; k < EACH; k++) {
		j.w = i * EACH + k;
		j.n = k % 10 ? 5 : 150;
		j.pad = k % 10 ? 30 : 1000;
		job_must(world.catalog, &j);
	}
	return 0;
}

/* What a reader has seen it sees again, and more. */
static int read_some(void)
{
	uint64_t versions = 0;
	struct census c;
	unsigned k;

	for (k = 0; k < 25; k++) {
		if (!census_take(world.catalog, "cat", &c)) {
			fprintf(stderr, "read: %s\n", c.fault);
			return 1;
		}
		if (c.versions < versions)
			return 1;
		versions = c.versions;
	}
	return 0;
}

static int compact_some(void)
{
	struct snek_error e = { 0 };
	unsigned k;

	for (k = 0; k < 15; k++)
		if (sk_compact(world.catalog, "cat", k % 3 == 0, &e) ||
		    sk_gc(world.catalog, 60, NULL, &e)) {
			fprintf(stderr, "compact: %s\n", e.text);
			return 1;
		}
	return 0;
}

static int take_part(void *arg, unsigned i)
{
	int rc;

	(void)arg;
	world_open(&world);
	rc = i < 3 ? write_some(i) : i < 5 ? read_some() : compact_some();
	world_shut(&world);
	return rc;
}

START_TEST(processes_write_fold_and_read_at_once)
{
	struct job j = { .w = 4000, .n = 2 };
	struct census c;
	unsigned i;

	job_must(world.catalog, &j);
	world_shut(&world);
	ck_assert_uint_eq(in_processes(7, take_part, NULL), 7);
	world_open(&world);
	ck_assert_msg(census_take(world.catalog, "cat", &c), "%s", c.fault);
	ck_assert_uint_eq(c.versions, 3 * EACH + 1);
	for (i = 0; i < 3 * EACH; i++)
		ck_assert_uint_eq(c.seen[i], 1);
	ck_assert_uint_eq(litter_count(world.catalog).unnamed, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("compact");
	TCase *t = tcase_create("compact");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, each_record_keeps_its_place_and_its_shard, 0, 2);
	tcase_add_test(t, all_of_it_becomes_one_entry_and_stays_so);
	tcase_add_test(t,
	    a_lone_small_write_goes_to_its_shard_when_all_is_asked_for);
	tcase_add_test(t, writes_of_nothing_fold_too);
	tcase_add_test(t, many_small_writes_leave_few_entries);
	tcase_add_test(t, what_is_due_does_not_depend_on_when);
	tcase_add_loop_test(t, a_large_segment_is_not_rewritten, 0, 4);
	tcase_add_loop_test(t, what_reaches_beyond_its_window_is_left, 0, 2);
	tcase_add_test(t, a_fragmented_segment_is_rewritten);
	tcase_add_test(t, of_two_compactions_at_once_one_wins_and_none_fails);
	tcase_add_test(t, processes_write_fold_and_read_at_once);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
