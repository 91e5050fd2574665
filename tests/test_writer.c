/* SPDX-License-Identifier: MIT */
#include "category.h"
#include "category/snapshot.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct world world;

static void setup(void)
{
	world_make(&world, NULL, 4, 4);
}

static void teardown(void)
{
	world_remove(&world);
}

static void whole(struct census *c)
{
	ck_assert_msg(census_take(world.catalog, "cat", c), "%s", c->fault);
}

/* Without a commit there is no such category. */
static void none(void)
{
	struct snek_error e;
	struct sk_snapshot *s;

	ck_assert_int_eq(sk_snapshot_open(world.catalog, "cat", &s, &e),
	    SNEK_ENOENT);
}

/* ---- whole writes ---- */

static const struct job shapes[] = {
	{ .n = 1, .pad = 10 },
	{ .n = 5, .pad = 100 },
	{ .n = 1000, .pad = 20 },
	{ .n = 1, .pad = 100000 },
	{ .n = 1, .pad = 3000000 },
	{ .n = 700, .pad = 1500 },
	{ .n = 700, .pad = 1500, .chunk_size = SK_CHUNK_MIN },
	{ .n = 40, .pad = 100000, .chunk_size = SK_CHUNK_MIN },
	{ .n = 2000, .pad = 3000, .chunk_size = SK_CHUNK_MAX },
};

START_TEST(a_write_comes_back_whole_and_in_order)
{
	struct job j = shapes[_i];
	struct sk_meta_receipt r;
	struct census c;
	uint64_t w;

	for (w = 1; w <= 3; w++) {
		j.w = w;
		r = job_must(world.catalog, &j);
		ck_assert_uint_eq(r.version, w);
		ck_assert_uint_eq(r.records, j.n);
		ck_assert_uint_ge(r.bytes, j.n * j.pad);
		ck_assert(!r.repeated);
	}
	whole(&c);
	ck_assert_uint_eq(c.records, 3 * j.n);
	ck_assert_uint_eq(c.seen[1] + c.seen[2] + c.seen[3], 3);
	ck_assert_uint_eq(litter_count(world.catalog).unnamed, 0);
}
END_TEST

START_TEST(a_small_write_rests_in_the_manifest)
{
	struct job small = { .w = 1, .n = 10, .pad = 100 };
	struct job large = { .w = 2, .n = 10, .pad = 10000 };

	job_must(world.catalog, &small);
	ck_assert_uint_eq(litter_count(world.catalog).segments, 0);
	job_must(world.catalog, &large);
	ck_assert_uint_eq(litter_count(world.catalog).segments, 1);
}
END_TEST

START_TEST(an_empty_write_is_a_version_of_no_records)
{
	struct job empty = { .w = 1 }, next = { .w = 2, .n = 3 };
	struct sk_meta_receipt r = job_must(world.catalog, &empty);
	struct census c;

	ck_assert_uint_eq(r.version, 1);
	ck_assert_uint_eq(r.records, 0);
	ck_assert_uint_eq(job_must(world.catalog, &next).version, 2);
	whole(&c);
	ck_assert_uint_eq(c.records, 3);
	ck_assert_uint_eq(litter_count(world.catalog).segments, 0);
}
END_TEST

START_TEST(a_commit_is_once)
{
	struct job j = { .w = 1, .n = 3 };
	struct sk_meta_receipt r;
	struct snek_error e;
	sk_writer *w;

	ck_assert_int_eq(job_begin(world.catalog, &j, &w, &e), 0);
	ck_assert_int_eq(sk_writer_commit(w, &r, &e), 0);
	ck_assert_int_eq(sk_writer_commit(w, &r, &e), SNEK_EINVAL);
	ck_assert_int_eq(sk_writer_add(w, &(struct sk_record){ 0 },
	    (struct sk_span){ 0 }, &e), SNEK_EINVAL);
	sk_writer_free(w);
}
END_TEST

START_TEST(a_bad_name_is_refused)
{
	static const char *const bad[] = { "", "a/b", "a b", "\xc3\xa9" };
	struct job j = { .category = bad[_i] };
	struct sk_meta_receipt r;
	struct snek_error e;

	ck_assert_int_eq(job_run(world.catalog, &j, &r, &e), SNEK_EINVAL);
	j = (struct job){ .request = "" };
	ck_assert_int_eq(job_run(world.catalog, &j, &r, &e), SNEK_EINVAL);
}
END_TEST

/* A chunk refuses a record whose names are the same: the others stand. */
START_TEST(a_refused_record_is_left_out_alone)
{
	struct sk_member twice[] = {
		{ "a", 1, sk_int(1) }, { "a", 1, sk_int(2) } };
	struct sk_record bad = { true, 2, twice }, good = { true, 1, twice };
	struct sk_span text = { "{}", 2 };
	struct sk_meta_receipt r;
	struct snek_error e;
	sk_writer *w;
	int rc;

	ck_assert_int_eq(sk_writer_open(world.catalog, "cat", NULL, &w, &e), 0);
	ck_assert_int_eq(sk_writer_add(w, &good, text, &e), 0);
	rc = sk_writer_add(w, &bad, text, &e);
	ck_assert_int_lt(rc, 0);
	ck_assert_int_eq(sk_writer_add(w, &good, text, &e), 0);
	ck_assert_uint_eq(sk_writer_records(w), 2);
	ck_assert_int_eq(sk_writer_commit(w, &r, &e), 0);
	ck_assert_uint_eq(r.records, 2);
	sk_writer_free(w);
}
END_TEST

START_TEST(an_abandoned_writer_leaves_nothing)
{
	struct job j = { .w = 1, .n = 700, .pad = 3000 };
	struct snek_error e;
	struct census c;
	sk_writer *w;

	ck_assert_int_eq(job_begin(world.catalog, &j, &w, &e), 0);
	ck_assert_uint_eq(litter_count(world.catalog).segments, 4);
	sk_writer_free(w);
	ck_assert_uint_eq(litter_count(world.catalog).segments, 0);
	none();
	job_must(world.catalog, &j);
	whole(&c);
	ck_assert_uint_eq(c.seen[1], 1);
}
END_TEST

START_TEST(a_write_that_gc_gave_up_says_so)
{
	struct job j = { .w = 1, .n = 700, .pad = 3000 };
	struct sk_meta *m = world.catalog->meta;
	struct sk_meta_receipt r;
	struct snek_error e;
	struct census c;
	sk_writer *w;

	ck_assert_int_eq(job_begin(world.catalog, &j, &w, &e), 0);
	ck_assert_int_eq(m->ops->abort(m, sk_writer_id(w), &e), 0);
	ck_assert_int_eq(sk_writer_commit(w, &r, &e), SNEK_EAGAIN);
	ck_assert_ptr_nonnull(strstr(e.text, "given up by gc"));
	ck_assert_ptr_nonnull(strstr(e.text, "write again"));
	sk_writer_free(w);
	ck_assert_uint_eq(litter_count(world.catalog).segments, 0);
	none();
	job_must(world.catalog, &j);
	whole(&c);
	ck_assert_uint_eq(c.seen[1], 1);
}
END_TEST

START_TEST(a_category_removed_meanwhile_takes_no_write)
{
	struct job j = { .w = 1, .n = 700, .pad = 3000 };
	struct sk_meta *m = world.catalog->meta;
	struct sk_meta_receipt r;
	struct snek_error e;
	sk_writer *w;

	job_must(world.catalog, &j);
	ck_assert_int_eq(job_begin(world.catalog, &j, &w, &e), 0);
	ck_assert_int_eq(m->ops->category_remove(m, "cat", &e), 0);
	ck_assert_int_eq(sk_writer_commit(w, &r, &e), SNEK_ENOENT);
	ck_assert_uint_eq(litter_count(world.catalog).segments, 4);
	sk_writer_free(w);
}
END_TEST

/* ---- placement ---- */

START_TEST(each_datum_is_on_exactly_one_shard)
{
	struct job j = { .n = 500, .pad = 2000, .chunk_size = SK_CHUNK_MIN };
	char *text, *line, *at, *save = NULL;
	unsigned on[4] = { 0 }, lines = 0;

	for (j.w = 1; j.w <= 4; j.w++)
		job_must(world.catalog, &j);
	text = dump(world.catalog, "cat");
	line = strtok_r(text, "\n", &save);
	for (; line; line = strtok_r(NULL, "\n", &save), lines++) {
		char want[40];

		snprintf(want, sizeof(want), "%u.%u @", lines / 500 + 1,
		    lines % 500);
		ck_assert_msg(!strncmp(line, want, strlen(want)), "%s", line);
		at = strchr(line, '@');
		on[atoi(at + 1)]++;
	}
	free(text);
	ck_assert_uint_eq(lines, 2000);
	ck_assert_uint_gt(on[0], 300);
	ck_assert_uint_gt(on[1], 300);
	ck_assert_uint_gt(on[2], 300);
	ck_assert_uint_gt(on[3], 300);
}
END_TEST

START_TEST(chunks_are_dealt_in_turn)
{
	struct job j = { .w = 1, .n = 500, .pad = 2000,
	    .chunk_size = SK_CHUNK_MIN };
	struct snek_error e;
	struct sk_snapshot *s;
	size_t i, on[4] = { 0 };

	job_must(world.catalog, &j);
	ck_assert_int_eq(sk_snapshot_open(world.catalog, "cat", &s, &e), 0);
	for (i = 0; i < s->n; i++)
		on[s->chunk[i].shard]++;
	for (i = 0; i < 4; i++)
		ck_assert_uint_le(on[i] - s->n / 4, 1);
	sk_snapshot_close(s);
}
END_TEST

/* Writes of one chunk spread too: the write id says who begins. */
START_TEST(not_every_write_begins_on_the_same_shard)
{
	struct job j = { .n = 1, .pad = 80000, .no_compact = true };
	struct sk_snapshot *s;
	struct snek_error e;
	size_t i, on[4] = { 0 };

	for (j.w = 1; j.w <= 64; j.w++)
		job_must(world.catalog, &j);
	ck_assert_int_eq(sk_snapshot_open(world.catalog, "cat", &s, &e), 0);
	for (i = 0; i < s->n; i++)
		on[s->chunk[i].shard]++;
	ck_assert_uint_eq(on[0] + on[1] + on[2] + on[3], 64);
	for (i = 0; i < 4; i++)
		ck_assert_uint_gt(on[i], 0);
	sk_snapshot_close(s);
}
END_TEST

/* Level k of N: n, n+1 ... n+k-1 (mod N), n one more each time, mod N. */
START_TEST(placement_goes_round_over_all_shards)
{
	struct sk_meta_category got;
	struct snek_error e;
	struct world w;
	char name[16];
	uint32_t i, first = 0;

	world_make(&w, NULL, 5, 2);
	for (i = 0; i < 12; i++) {
		struct job j = { .category = name, .w = i, .n = 3 };

		snprintf(name, sizeof(name), "c%u", i);
		job_must(w.catalog, &j);
		job_must(w.catalog, &j);
		ck_assert_int_eq(w.catalog->meta->ops->category_get(
		    w.catalog->meta, name, &got, &e), 0);
		if (!i)
			first = got.shard[0];
		ck_assert_uint_eq(got.shards, 2);
		ck_assert_uint_eq(got.shard[0], (first + i) % 5);
		ck_assert_uint_eq(got.shard[1], (first + i + 1) % 5);
	}
	world_remove(&w);
}
END_TEST

static int write_first(void *arg, unsigned i)
{
	struct job j = { .category = arg, .w = i + 1, .n = 200, .pad = 1000 };

	world_open(&world);
	job_must(world.catalog, &j);
	world_shut(&world);
	return 0;
}

START_TEST(two_first_writers_agree_on_one_placement)
{
	struct sk_meta_category a, b;
	struct sk_meta *m;
	struct snek_error e;
	struct census c;
	char name[16];

	world_remove(&world);
	world_make(&world, NULL, 7, 3);
	snprintf(name, sizeof(name), "cat");
	world_shut(&world);
	ck_assert_uint_eq(in_processes(8, write_first, name), 8);
	world_open(&world);
	whole(&c);
	ck_assert_uint_eq(c.versions, 8);
	m = world.catalog->meta;
	ck_assert_int_eq(m->ops->category_get(m, "cat", &a, &e), 0);
	ck_assert_int_eq(m->ops->category_get_or_create(m, "next", &b, &e), 0);
	ck_assert_uint_eq(b.shard[0], (a.shard[0] + 1) % 7);
}
END_TEST

/* ---- request ids ---- */

/* The repeat cuts its chunks in another way, which the digest does not see. */
START_TEST(a_retried_write_does_not_double)
{
	struct job j = shapes[_i];
	struct sk_meta_receipt a, b;
	struct census c;

	j.request = "r1";
	j.w = 1;
	a = job_must(world.catalog, &j);
	j.chunk_size = SK_CHUNK_MIN;
	b = job_must(world.catalog, &j);
	ck_assert(!a.repeated && b.repeated);
	ck_assert_uint_eq(b.version, a.version);
	ck_assert_uint_eq(b.records, a.records);
	ck_assert_mem_eq(&b.write, &a.write, sizeof(a.write));
	whole(&c);
	ck_assert_uint_eq(c.records, j.n);
	ck_assert_uint_eq(litter_count(world.catalog).unnamed, 0);
}
END_TEST

START_TEST(a_request_id_stands_for_one_write_only)
{
	static const struct job others[] = {
		{ .w = 2, .n = 50, .pad = 5 },
		{ .w = 1, .n = 49, .pad = 5 },
		{ .w = 1, .n = 0 },
		{ .w = 1, .n = 5000, .pad = 100 },
	};
	struct job j = { .request = "r1", .w = 1, .n = 50, .pad = 5 };
	struct job other = others[_i];
	struct sk_meta_receipt r;
	struct snek_error e = { 0 };
	struct census c;

	job_must(world.catalog, &j);
	other.request = "r1";
	ck_assert_int_eq(job_run(world.catalog, &other, &r, &e),
	    SNEK_ECONFLICT);
	ck_assert_ptr_nonnull(strstr(e.text, "r1"));
	whole(&c);
	ck_assert_uint_eq(c.records, 50);
	ck_assert_uint_eq(litter_count(world.catalog).unnamed, 0);
	other.category = "other";
	job_must(world.catalog, &other);
}
END_TEST

/* Both have begun before either commits: the commit itself decides. */
START_TEST(of_two_open_writes_with_one_request_id_one_stands)
{
	struct job j = { .request = "r1", .w = 1, .n = 700, .pad = 3000 };
	struct sk_meta_receipt a, b;
	struct snek_error e;
	struct census c;
	sk_writer *v, *w;

	ck_assert_int_eq(job_begin(world.catalog, &j, &v, &e), 0);
	ck_assert_int_eq(job_begin(world.catalog, &j, &w, &e), 0);
	ck_assert_int_eq(sk_writer_commit(v, &a, &e), 0);
	ck_assert_int_eq(sk_writer_commit(w, &b, &e), 0);
	sk_writer_free(v);
	sk_writer_free(w);
	ck_assert(!a.repeated && b.repeated);
	ck_assert_uint_eq(a.version, b.version);
	whole(&c);
	ck_assert_uint_eq(c.seen[1], 1);
	ck_assert_uint_eq(litter_count(world.catalog).unnamed, 0);
	ck_assert_uint_eq(litter_count(world.catalog).segments, 4);
}
END_TEST

static int write_same(void *arg, unsigned i)
{
	struct job j = *(struct job *)arg;
	struct sk_meta_receipt r;
	struct snek_error e;
	int rc;

	world_open(&world);
	j.w = i % 2 + 1;                /* every other one has other data */
	rc = job_run(world.catalog, &j, &r, &e);
	world_shut(&world);
	return rc && rc != SNEK_ECONFLICT;
}

START_TEST(one_request_id_from_many_processes_is_one_version)
{
	struct job j = { .request = "r1", .n = _i ? 700 : 5, .pad = 2000 };
	struct census c;

	world_shut(&world);
	ck_assert_uint_eq(in_processes(16, write_same, &j), 16);
	world_open(&world);
	whole(&c);
	ck_assert_uint_eq(c.versions, 1);
	ck_assert_uint_eq(c.records, j.n);
	ck_assert_uint_eq(litter_count(world.catalog).unnamed, 0);
}
END_TEST

int main(void)
{
	const int n = sizeof(shapes) / sizeof(*shapes);
	Suite *s = suite_create("writer");
	TCase *t = tcase_create("writer");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, a_write_comes_back_whole_and_in_order, 0, n);
	tcase_add_test(t, a_small_write_rests_in_the_manifest);
	tcase_add_test(t, an_empty_write_is_a_version_of_no_records);
	tcase_add_test(t, a_commit_is_once);
	tcase_add_loop_test(t, a_bad_name_is_refused, 0, 4);
	tcase_add_test(t, a_refused_record_is_left_out_alone);
	tcase_add_test(t, an_abandoned_writer_leaves_nothing);
	tcase_add_test(t, a_write_that_gc_gave_up_says_so);
	tcase_add_test(t, a_category_removed_meanwhile_takes_no_write);
	tcase_add_test(t, each_datum_is_on_exactly_one_shard);
	tcase_add_test(t, chunks_are_dealt_in_turn);
	tcase_add_test(t, not_every_write_begins_on_the_same_shard);
	tcase_add_test(t, placement_goes_round_over_all_shards);
	tcase_add_test(t, two_first_writers_agree_on_one_placement);
	tcase_add_loop_test(t, a_retried_write_does_not_double, 0, n);
	tcase_add_loop_test(t, a_request_id_stands_for_one_write_only, 0, 4);
	tcase_add_test(t, of_two_open_writes_with_one_request_id_one_stands);
	tcase_add_loop_test(t, one_request_id_from_many_processes_is_one_version,
	    0, 2);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
