/* SPDX-License-Identifier: MIT */
#include "category.h"
#include "category/compact.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct world world;

static void setup(void)
{
	world_make(&world, NULL, 4, 4);
}

static void teardown(void)
{
	world_remove(&world);
}

static struct sk_gc_report gc(int64_t grace)
{
	struct sk_gc_report report = { 0 };
	struct snek_error e = { 0 };

	if (sk_gc(world.catalog, grace, &report, &e))
		die("gc: %s", e.text);
	return report;
}

/* What a writer that died leaves: sealed or not, and committed by nobody. */
static struct sk_write_id leave_dead(const uint32_t *shard, size_t n, bool seal)
{
	struct sk_segment_writer *w;
	struct snek_error e = { 0 };
	struct sk_write_id id;
	struct sk_shard *s;

	if (sk_write_id_new(&id, &e))
		die("id: %s", e.text);
	while (n--) {
		s = world.catalog->shard[shard[n]];
		if (s->ops->begin(s, id, &w, &e) ||
		    s->ops->put(w, (struct sk_span){ "12345678", 8 }, 1,
		    (struct sk_place){ 0, 0 }, &e) ||
		    (seal && s->ops->seal(w, &e)))
			die("segment: %s", e.text);
		s->ops->free(w);
	}
	return id;
}

START_TEST(what_takes_longer_than_it_may_ends_and_can_be_done_later)
{
	static const uint32_t on[] = { 0, 2 };
	struct sk_gc_report report;
	struct snek_error e = { 0 };

	leave_dead(on, 2, true);
	world.catalog->until = 1;       /* long ago */
	ck_assert_int_eq(sk_gc(world.catalog, 0, NULL, &e), SNEK_ELIMIT);
	ck_assert(strstr(e.text, "where the cluster itself is reached"));
	world.catalog->until = 0;
	report = gc(0);
	ck_assert_uint_eq(report.writes, 1);
	ck_assert_uint_eq(report.segments, 2);
}
END_TEST

START_TEST(a_dead_write_is_swept_from_all_shards)
{
	static const uint32_t on[] = { 0, 2, 3 };
	struct job j = { .w = 1, .n = 400, .pad = 3000 };
	struct sk_gc_report report;
	struct census c;

	job_must(world.catalog, &j);
	leave_dead(on, 3, _i);
	leave_dead(on, 1, _i);
	ck_assert_uint_eq(litter_count(world.catalog).unnamed, 4);
	report = gc(0);
	ck_assert_uint_eq(report.writes, 2);
	ck_assert_uint_eq(report.segments, 4);
	ck_assert_uint_gt(report.bytes, 4 * 8);
	ck_assert_uint_eq(report.waiting, 0);
	ck_assert_uint_eq(litter_count(world.catalog).unnamed, 0);
	ck_assert_uint_eq(litter_count(world.catalog).segments, 4);
	ck_assert_msg(census_take(world.catalog, "cat", &c), "%s", c.fault);
	ck_assert_uint_eq(c.records, 400);
	ck_assert_uint_eq(gc(0).writes, 0);
}
END_TEST

START_TEST(a_young_dead_write_waits)
{
	static const uint32_t on[] = { 1 };
	struct sk_gc_report report;

	leave_dead(on, 1, true);
	report = gc(3600);
	ck_assert_uint_eq(report.writes, 0);
	ck_assert_uint_eq(report.waiting, 1);
	ck_assert_uint_eq(litter_count(world.catalog).unnamed, 1);
}
END_TEST

START_TEST(a_living_write_is_left_alone_and_commits)
{
	struct job j = { .w = 1, .n = 700, .pad = 3000 };
	struct sk_gc_report report;
	struct sk_meta_receipt r;
	struct snek_error e = { 0 };
	struct census c;
	sk_writer *w;

	ck_assert_int_eq(job_begin(world.catalog, &j, &w, &e), 0);
	report = gc(0);
	ck_assert_uint_eq(report.writes, 0);
	ck_assert_uint_eq(report.waiting, 1);
	ck_assert_msg(!sk_writer_commit(w, &r, &e), "%s", e.text);
	sk_writer_free(w);
	ck_assert_uint_eq(gc(0).waiting, 0);
	ck_assert_msg(census_take(world.catalog, "cat", &c), "%s", c.fault);
	ck_assert_uint_eq(c.seen[1], 1);
}
END_TEST

/* The mark says it in the moment of the commit, and is gone afterwards. */
START_TEST(a_swept_write_s_mark_is_forgotten)
{
	static const uint32_t on[] = { 0 };
	struct sk_write_id id = leave_dead(on, 1, true);
	struct sk_meta_part part = { 0, 1, 1, 8 };
	struct sk_meta_entry entry = { .write = id, .records = 1, .bytes = 8,
	    .parts = 1, .part = &part };
	struct sk_meta *m = world.catalog->meta;
	struct sk_meta_category c;
	struct sk_meta_receipt r;
	struct snek_error e;

	ck_assert_int_eq(m->ops->category_get_or_create(m, "cat", &c, &e), 0);
	part.shard = c.shard[0];
	ck_assert_int_eq(m->ops->abort(m, id, &e), 0);
	ck_assert_int_eq(m->ops->commit(m, c.id, NULL, &entry, &r, &e),
	    SNEK_EAGAIN);
	ck_assert_uint_eq(gc(0).writes, 1);
	ck_assert_int_eq(m->ops->commit(m, c.id, NULL, &entry, &r, &e), 0);
}
END_TEST

/* ---- gc against a commit that comes at the worst moment ---- */

static struct racing {
	const struct sk_meta_ops *meta;
	const struct sk_shard_ops *shard;
	struct sk_meta_ops meta_ops;
	struct sk_shard_ops shard_ops;
	uint64_t category;
	struct sk_meta_part part;
	struct sk_meta_entry entry;
	int outcome;                    /* of the commit */
	unsigned commits;
} racing;

static void commit_now(void)
{
	struct sk_meta_receipt r;

	racing.commits++;
	racing.outcome = racing.meta->commit(world.catalog->meta,
	    racing.category, NULL, &racing.entry, &r, NULL);
}

static int commit_before_mark(struct sk_meta *m, struct sk_write_id id,
    struct snek_error *e)
{
	commit_now();
	return racing.meta->abort(m, id, e);
}

static int commit_before_sweep(struct sk_shard *s, struct sk_write_id id,
    struct snek_error *e)
{
	commit_now();
	return racing.shard->sweep(s, id, e);
}

/* A write that has all but committed, and whose writer seems dead. */
static void set_up_race(void)
{
	static const uint32_t on[] = { 2 };
	struct sk_meta *m = world.catalog->meta;
	struct sk_meta_category c;
	struct snek_error e;
	uint32_t i;

	ck_assert_int_eq(m->ops->category_get_or_create(m, "cat", &c, &e), 0);
	racing = (struct racing){ .meta = m->ops,
	    .shard = world.catalog->shard[0]->ops, .category = c.id,
	    .part = { 2, 1, 1, 8 }, .outcome = 1 };
	racing.entry = (struct sk_meta_entry){ .write = leave_dead(on, 1, true),
	    .records = 1, .bytes = 8, .parts = 1, .part = &racing.part };
	racing.meta_ops = *racing.meta;
	racing.shard_ops = *racing.shard;
	m->ops = &racing.meta_ops;
	for (i = 0; i < 4; i++)
		world.catalog->shard[i]->ops = &racing.shard_ops;
}

START_TEST(a_commit_that_beats_the_mark_keeps_its_segments)
{
	set_up_race();
	racing.meta_ops.abort = commit_before_mark;
	ck_assert_uint_eq(gc(0).writes, 0);
	ck_assert_uint_eq(racing.commits, 1);
	ck_assert_int_eq(racing.outcome, 0);
	ck_assert_uint_eq(litter_count(world.catalog).segments, 1);
	ck_assert_uint_eq(litter_count(world.catalog).unnamed, 0);
}
END_TEST

START_TEST(a_commit_that_comes_after_the_mark_fails)
{
	set_up_race();
	racing.shard_ops.sweep = commit_before_sweep;
	ck_assert_uint_eq(gc(0).writes, 1);
	ck_assert_uint_eq(racing.commits, 1);
	ck_assert_int_eq(racing.outcome, SNEK_EAGAIN);
	ck_assert_uint_eq(litter_count(world.catalog).segments, 0);
}
END_TEST

/* A sweep that fails leaves the mark, and the next gc tries again. */
static int no_sweep(struct sk_shard *s, struct sk_write_id id,
    struct snek_error *e)
{
	(void)s;
	(void)id;
	return sk_fail(e, SNEK_EIO, "broken disk");
}

START_TEST(what_could_not_be_swept_stays_marked)
{
	struct snek_error e = { 0 };

	set_up_race();
	racing.shard_ops.sweep = no_sweep;
	ck_assert_int_eq(sk_gc(world.catalog, 0, NULL, &e), SNEK_EIO);
	commit_now();
	ck_assert_int_eq(racing.outcome, SNEK_EAGAIN);
	racing.shard_ops.sweep = racing.shard->sweep;
	ck_assert_uint_eq(gc(0).writes, 1);
	ck_assert_uint_eq(litter_count(world.catalog).segments, 0);
}
END_TEST

/* It seemed to have gone, and yet it lay there: the mark has to stay. */
static int lie_about_sweep(struct sk_shard *s, struct sk_write_id id,
    struct snek_error *e)
{
	(void)s;
	(void)id;
	(void)e;
	return 0;
}

START_TEST(a_mark_stays_while_anything_is_found)
{
	set_up_race();
	racing.shard_ops.sweep = lie_about_sweep;
	gc(0);
	commit_now();
	ck_assert_int_eq(racing.outcome, SNEK_EAGAIN);
}
END_TEST

static struct sk_segment_writer *revived;

static int revive(struct sk_meta *m, struct sk_write_id id,
    struct snek_error *e)
{
	struct sk_shard *s = world.catalog->shard[3];

	ck_assert_int_eq(s->ops->begin(s, id, &revived, e), 0);
	return racing.meta->abort(m, id, e);
}

START_TEST(a_write_that_is_alive_after_all_is_not_swept_but_never_committed)
{
	struct sk_gc_report report;

	set_up_race();
	racing.meta_ops.abort = revive;
	report = gc(0);
	ck_assert_uint_eq(report.writes, 0);
	ck_assert_uint_eq(report.waiting, 1);
	ck_assert_uint_eq(litter_count(world.catalog).segments, 2);
	commit_now();
	ck_assert_int_eq(racing.outcome, SNEK_EAGAIN);
	racing.shard->free(revived);
	racing.meta_ops.abort = racing.meta->abort;
	ck_assert_uint_eq(gc(0).segments, 2);
}
END_TEST

START_TEST(a_removed_category_is_swept)
{
	struct job j = { .w = 1, .n = 400, .pad = 3000 };
	struct job other = { .category = "other", .w = 1, .n = 400,
	    .pad = 3000 };
	struct sk_meta *m = world.catalog->meta;
	struct snek_error e;
	struct census c;

	job_must(world.catalog, &j);
	job_must(world.catalog, &other);
	ck_assert_int_eq(m->ops->category_remove(m, "cat", &e), 0);
	ck_assert_uint_eq(gc(0).segments, 4);
	ck_assert_uint_eq(litter_count(world.catalog).segments, 4);
	ck_assert_msg(census_take(world.catalog, "other", &c), "%s", c.fault);
	ck_assert_uint_eq(c.records, 400);
}
END_TEST

/* ---- at once ---- */

#define EACH 40

/* gc may give a write up between any two steps: then it is written again. */
static int write_on(unsigned i)
{
	struct sk_meta_receipt r;
	struct snek_error e = { 0 };
	struct job j = { .n = 200, .pad = 1000, .chunk_size = SK_CHUNK_MIN };
	unsigned k, tries;
	int rc;

	for (k = 0; k < EACH; k++) {
		j.w = i * EACH + k;
		tries = 0;
		do
			rc = job_run(world.catalog, &j, &r, &e);
		while (rc == SNEK_EAGAIN && ++tries < 50);
		if (rc) {
			fprintf(stderr, "write: %s\n", e.text);
			return 1;
		}
	}
	return 0;
}

static int take_part(void *arg, unsigned i)
{
	unsigned k;
	int rc = 0;

	(void)arg;
	world_open(&world);
	if (i < 2)
		rc = write_on(i);
	else
		for (k = 0; k < 60; k++)
			gc(0);
	world_shut(&world);
	return rc;
}

START_TEST(gc_with_no_grace_never_takes_what_is_committed)
{
	struct job j = { .w = 4000, .n = 2 };
	struct census c;
	unsigned i;

	job_must(world.catalog, &j);
	world_shut(&world);
	ck_assert_uint_eq(in_processes(4, take_part, NULL), 4);
	world_open(&world);
	gc(0);
	ck_assert_msg(census_take(world.catalog, "cat", &c), "%s", c.fault);
	for (i = 0; i < 2 * EACH; i++)
		ck_assert_uint_eq(c.seen[i], 1);
	ck_assert_uint_eq(litter_count(world.catalog).unnamed, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("gc");
	TCase *t = tcase_create("gc");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, a_dead_write_is_swept_from_all_shards, 0, 2);
	tcase_add_test(t,
	    what_takes_longer_than_it_may_ends_and_can_be_done_later);
	tcase_add_test(t, a_young_dead_write_waits);
	tcase_add_test(t, a_living_write_is_left_alone_and_commits);
	tcase_add_test(t, a_swept_write_s_mark_is_forgotten);
	tcase_add_test(t, a_commit_that_beats_the_mark_keeps_its_segments);
	tcase_add_test(t, a_commit_that_comes_after_the_mark_fails);
	tcase_add_test(t, what_could_not_be_swept_stays_marked);
	tcase_add_test(t, a_mark_stays_while_anything_is_found);
	tcase_add_test(t,
	    a_write_that_is_alive_after_all_is_not_swept_but_never_committed);
	tcase_add_test(t, a_removed_category_is_swept);
	tcase_add_test(t, gc_with_no_grace_never_takes_what_is_committed);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
