/* SPDX-License-Identifier: MIT */
/*
 * Stores that fail on purpose: the functions of a real one, some of them
 * exchanged.  Whatever fails, a write is there whole or not at all, and the
 * receipt or the error says which.
 */
#include "category.h"
#include "category/compact.h"
#include "category/snapshot.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct world world;
static const struct sk_meta_ops *real_meta;
static const struct sk_shard_ops *real_shard;
static struct sk_meta_ops meta_ops;
static struct sk_shard_ops shard_ops;
static unsigned calls, failing;         /* the failing-th call fails */

static void setup(void)
{
	uint32_t i;

	world_make(&world, in_memory(), 4, 4);
	real_meta = world.catalog->meta->ops;
	real_shard = world.catalog->shard[0]->ops;
	meta_ops = *real_meta;
	shard_ops = *real_shard;
	world.catalog->meta->ops = &meta_ops;
	for (i = 0; i < 4; i++)
		world.catalog->shard[i]->ops = &shard_ops;
	calls = 0;
	failing = 0;
}

static void mend(void)
{
	uint32_t i;

	world.catalog->meta->ops = real_meta;
	for (i = 0; i < 4; i++)
		world.catalog->shard[i]->ops = real_shard;
}

static void teardown(void)
{
	mend();
	world_remove(&world);
}

static const struct job large = { .w = 1, .n = 700, .pad = 3000,
	.request = "r1" };

static bool is_there(void)
{
	struct census c;

	if (census_take(world.catalog, "cat", &c))
		return c.seen[1] == 1;
	ck_assert_msg(strstr(c.fault, "no such category"), "%s", c.fault);
	return false;
}

/* ---- the outcome of a commit ---- */

static int fail_before(struct sk_meta *m, uint64_t category, const char *request,
    struct sk_meta_entry *entry, struct sk_meta_receipt *r,
    struct snek_error *e)
{
	(void)m;
	(void)category;
	(void)request;
	(void)entry;
	(void)r;
	return sk_fail(e, (int)failing * -1, "refused");
}

static int lose_answer(struct sk_meta *m, uint64_t category,
    const char *request, struct sk_meta_entry *entry,
    struct sk_meta_receipt *r, struct snek_error *e)
{
	ck_assert_int_eq(real_meta->commit(m, category, request, entry, r, e),
	    0);
	return sk_fail(e, SNEK_EUNKNOWN, "the answer was lost");
}

START_TEST(a_commit_of_unknown_outcome_keeps_what_it_may_need)
{
	struct sk_meta_receipt r;
	struct snek_error e;

	meta_ops.commit = lose_answer;
	ck_assert_int_eq(job_run(world.catalog, &large, &r, &e),
	    SNEK_EUNKNOWN);
	ck_assert(is_there());
	mend();
	ck_assert(job_must(world.catalog, &large).repeated);
	ck_assert(is_there());
	ck_assert_int_eq(sk_gc(world.catalog, 0, NULL, &e), 0);
	ck_assert(is_there());
}
END_TEST

START_TEST(a_commit_of_unknown_outcome_that_did_not_happen_is_litter)
{
	struct sk_gc_report report;
	struct sk_meta_receipt r;
	struct snek_error e;

	meta_ops.commit = fail_before;
	failing = -SNEK_EUNKNOWN;
	ck_assert_int_eq(job_run(world.catalog, &large, &r, &e),
	    SNEK_EUNKNOWN);
	ck_assert_uint_eq(litter_count(world.catalog).unnamed, 4);
	ck_assert_int_eq(sk_gc(world.catalog, 0, &report, &e), 0);
	ck_assert_uint_eq(report.segments, 4);
	ck_assert(!is_there());
	mend();
	ck_assert(!job_must(world.catalog, &large).repeated);
	ck_assert(is_there());
}
END_TEST

START_TEST(a_commit_that_failed_for_certain_leaves_nothing)
{
	static const int code[] = { SNEK_EIO, SNEK_ENOMEM, SNEK_EAGAIN,
		SNEK_ECONFLICT, SNEK_ENOENT };
	struct sk_meta_receipt r;
	struct snek_error e;

	meta_ops.commit = fail_before;
	failing = (unsigned)-code[_i];
	ck_assert_int_eq(job_run(world.catalog, &large, &r, &e), code[_i]);
	ck_assert_uint_eq(litter_count(world.catalog).segments, 0);
	ck_assert(!is_there());
}
END_TEST

/* It says that it failed, and yet it has happened: never remove those. */
static int lie(struct sk_meta *m, uint64_t category, const char *request,
    struct sk_meta_entry *entry, struct sk_meta_receipt *r,
    struct snek_error *e)
{
	real_meta->commit(m, category, request, entry, r, e);
	return sk_fail(e, SNEK_EIO, "it did not work");
}

START_TEST(what_a_manifest_names_is_not_removed_whatever_was_said)
{
	struct sk_meta_receipt r;
	struct snek_error e;

	meta_ops.commit = lie;
	ck_assert_int_eq(job_run(world.catalog, &large, &r, &e), SNEK_EIO);
	ck_assert(is_there());
}
END_TEST

/* ---- shards that fail ---- */

static int now_and_then(struct snek_error *e)
{
	return ++calls == failing ? sk_fail(e, SNEK_EIO, "broken disk") : 0;
}

static int bad_begin(struct sk_shard *s, struct sk_write_id id,
    struct sk_segment_writer **out, struct snek_error *e)
{
	int rc = now_and_then(e);

	return rc ? rc : real_shard->begin(s, id, out, e);
}

static int bad_put(struct sk_segment_writer *w, struct sk_span chunk,
    uint32_t rows, struct sk_place first, struct snek_error *e)
{
	int rc = now_and_then(e);

	return rc ? rc : real_shard->put(w, chunk, rows, first, e);
}

static int bad_seal(struct sk_segment_writer *w, struct snek_error *e)
{
	int rc = now_and_then(e);

	return rc ? rc : real_shard->seal(w, e);
}

static int bad_open(struct sk_shard *s, struct sk_write_id id,
    struct sk_segment **out, struct snek_error *e)
{
	int rc = now_and_then(e);

	return rc ? rc : real_shard->open(s, id, out, e);
}

static int bad_sweep(struct sk_shard *s, struct sk_write_id id,
    struct snek_error *e)
{
	int rc = now_and_then(e);

	return rc ? rc : real_shard->sweep(s, id, e);
}

static void break_shards(void)
{
	shard_ops.begin = bad_begin;
	shard_ops.put = bad_put;
	shard_ops.seal = bad_seal;
	shard_ops.open = bad_open;
	shard_ops.sweep = bad_sweep;
}

/* Every call in turn, until none is left that fails. */
START_TEST(a_write_fails_whole_at_whichever_call_a_shard_fails)
{
	struct sk_meta_receipt r;
	struct snek_error e;
	unsigned n = 0;
	int rc;

	break_shards();
	do {
		calls = 0;
		failing = ++n;
		rc = job_run(world.catalog, &large, &r, &e);
		failing = 0;
		if (!rc)
			break;
		ck_assert_int_eq(rc, SNEK_EIO);
		ck_assert_str_eq(e.text, "broken disk");
		ck_assert(!is_there());
		ck_assert_uint_eq(litter_count(world.catalog).segments, 0);
	} while (n < 1000);
	ck_assert_uint_gt(n, 4 + 8 + 4);
	ck_assert(!r.repeated && is_there());
}
END_TEST

START_TEST(a_repeat_of_what_is_committed_asks_nothing_of_the_shards)
{
	job_must(world.catalog, &large);
	break_shards();
	failing = 1;
	ck_assert(job_must(world.catalog, &large).repeated);
	ck_assert_uint_eq(calls, 0);
}
END_TEST

START_TEST(a_failed_writer_takes_no_more)
{
	struct sk_record record = { false, 1,
	    &(struct sk_member){ NULL, 0, sk_int(1) } };
	struct sk_meta_receipt r;
	struct snek_error e;
	sk_writer *w;

	break_shards();
	ck_assert_int_eq(job_begin(world.catalog, &large, &w, &e), 0);
	failing = calls + 1;
	ck_assert_int_eq(sk_writer_commit(w, &r, &e), SNEK_EIO);
	ck_assert_int_eq(sk_writer_add(w, &record, (struct sk_span){ "1", 1 },
	    &e), SNEK_EINVAL);
	ck_assert_int_eq(sk_writer_commit(w, &r, &e), SNEK_EINVAL);
	sk_writer_free(w);
	ck_assert(!is_there());
}
END_TEST

START_TEST(compaction_changes_nothing_at_whichever_call_a_shard_fails)
{
	struct job j = { .no_compact = true };
	struct snek_error e = { 0 };
	char *before, *after;
	unsigned n = 0;
	int rc;

	for (j.w = 1; j.w <= 10; j.w++) {
		j.n = j.w % 3 ? 5 : 300;
		j.pad = j.w % 3 ? 20 : 2000;
		job_must(world.catalog, &j);
	}
	before = dump(world.catalog, "cat");
	break_shards();
	do {
		calls = 0;
		failing = ++n;
		rc = sk_compact(world.catalog, "cat", true, &e);
		failing = 0;
		after = dump(world.catalog, "cat");
		ck_assert_str_eq(before, after);
		free(after);
		if (rc)
			ck_assert_int_eq(rc, SNEK_EIO);
	} while (rc && n < 1000);
	free(before);
	ck_assert_uint_gt(n, 4 + 4 + 4);
	sk_gc(world.catalog, 0, NULL, NULL);
	ck_assert_uint_eq(litter_count(world.catalog).unnamed, 0);
}
END_TEST

/* ---- the snapshot and the deletion epoch ---- */

static unsigned folds;

/* Another process folds between the manifest and the segments. */
static int fold_first(struct sk_shard *s, struct sk_write_id id,
    struct sk_segment **out, struct snek_error *e)
{
	if (folds && !calls) {
		struct job j = { .w = 100 + folds, .n = 5 };

		folds--;
		calls = 1;
		job_must(world.catalog, &j);
		ck_assert_int_eq(sk_compact(world.catalog, "cat", true, e), 0);
		calls = 0;
	}
	return real_shard->open(s, id, out, e);
}

START_TEST(a_snapshot_that_was_overtaken_is_taken_again)
{
	struct census c;

	job_must(world.catalog, &large);
	shard_ops.open = fold_first;
	folds = _i;
	ck_assert_msg(census_take(world.catalog, "cat", &c), "%s", c.fault);
	ck_assert_uint_eq(folds, 0);
	ck_assert_uint_eq(c.versions, (unsigned)_i + 1);
}
END_TEST

/* Removed, swept and (perhaps) made anew under the same name. */
static int remove_first(struct sk_shard *s, struct sk_write_id id,
    struct sk_segment **out, struct snek_error *e)
{
	struct sk_meta *m = world.catalog->meta;
	struct job j = { .w = 7, .n = 700, .pad = 3000 };

	if (!calls++) {
		ck_assert_int_eq(m->ops->category_remove(m, "cat", e), 0);
		ck_assert_int_eq(sk_gc(world.catalog, 0, NULL, e), 0);
		if (folds)
			job_must(world.catalog, &j);
	}
	return real_shard->open(s, id, out, e);
}

START_TEST(a_category_removed_under_a_snapshot_is_gone_and_not_damaged)
{
	struct sk_snapshot *s;
	struct snek_error e = { 0 };

	job_must(world.catalog, &large);
	shard_ops.open = remove_first;
	folds = _i;
	if (!folds) {
		ck_assert_int_eq(sk_snapshot_open(world.catalog, "cat", &s, &e),
		    SNEK_ENOENT);
		return;
	}
	ck_assert_int_eq(sk_snapshot_open(world.catalog, "cat", &s, &e), 0);
	ck_assert_uint_eq(s->version, 1);
	ck_assert_uint_eq(s->records, 700);
	ck_assert_int_eq(e.code, 0);
	sk_snapshot_close(s);
}
END_TEST

START_TEST(a_snapshot_that_is_overtaken_for_ever_gives_up)
{
	struct sk_snapshot *s;
	struct snek_error e = { 0 };

	job_must(world.catalog, &large);
	shard_ops.open = fold_first;
	folds = 100000;
	ck_assert_int_eq(sk_snapshot_open(world.catalog, "cat", &s, &e),
	    SNEK_EAGAIN);
	ck_assert_ptr_nonnull(strstr(e.text, "cat"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("outcome");
	TCase *t = tcase_create("outcome");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_commit_of_unknown_outcome_keeps_what_it_may_need);
	tcase_add_test(t,
	    a_commit_of_unknown_outcome_that_did_not_happen_is_litter);
	tcase_add_loop_test(t, a_commit_that_failed_for_certain_leaves_nothing,
	    0, 5);
	tcase_add_test(t, what_a_manifest_names_is_not_removed_whatever_was_said);
	tcase_add_test(t, a_write_fails_whole_at_whichever_call_a_shard_fails);
	tcase_add_test(t,
	    a_repeat_of_what_is_committed_asks_nothing_of_the_shards);
	tcase_add_test(t, a_failed_writer_takes_no_more);
	tcase_add_test(t,
	    compaction_changes_nothing_at_whichever_call_a_shard_fails);
	tcase_add_loop_test(t, a_snapshot_that_was_overtaken_is_taken_again,
	    1, 4);
	tcase_add_test(t, a_snapshot_that_is_overtaken_for_ever_gives_up);
	tcase_add_loop_test(t,
	    a_category_removed_under_a_snapshot_is_gone_and_not_damaged, 0, 2);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
