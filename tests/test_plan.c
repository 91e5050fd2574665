/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "job/plan.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define MOST 20000

static struct sk_plan_chunk chunk[MOST];
static uint64_t rng;

static uint64_t draw(uint64_t below)
{
	rng += SK_HASH_K0;
	return (sk_mix(rng, rng ^ SK_HASH_K1) >> 8) % below;
}

static void fill(size_t n, uint32_t a_shard, uint64_t bytes)
{
	size_t i;

	for (i = 0; i < n; i++)
		chunk[i] = (struct sk_plan_chunk){ .shard = (uint32_t)(i / a_shard),
			.rows = (uint32_t)draw(1000), .bytes = bytes };
}

static void plan(size_t n, struct sk_plan_limits l, struct sk_plan *p)
{
	struct snek_error e;

	ck_assert_int_eq(sk_plan_make(chunk, n, &l, p, &e), 0);
}

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ck_assert costs a message each time: too much for every chunk. */
static void expect(bool ok, const char *what, uint32_t task)
{
	if (!ok)
		ck_abort_msg("%s of task %u", what, task);
}

/* Every chunk once, in order, in a task of its shard; the sums are right. */
static void covers(const struct sk_plan *p, size_t n)
{
	uint64_t bytes = 0, records = 0, b, r;
	uint32_t i, k, next = 0;

	for (i = 0; i < p->tasks; i++) {
		const struct sk_plan_task *t = &p->task[i];

		expect(t->n && t->first == next && t->n <= n - next, "order", i);
		for (k = t->first, b = r = 0; k < t->first + t->n; k++) {
			expect(chunk[k].shard == t->shard, "shard", i);
			b += chunk[k].bytes;
			r += chunk[k].rows;
		}
		expect(t->bytes == b && t->records == r, "sums", i);
		bytes += b;
		records += r;
		next += t->n;
	}
	ck_assert_uint_eq(next, n);
	ck_assert_uint_eq(p->bytes, bytes);
	ck_assert_uint_eq(p->records, records);
	ck_assert_uint_ge(p->partitions, 1);
}

/* No task is large for its neighbours, and there are not too many. */
static void balanced(const struct sk_plan *p, size_t n, struct sk_plan_limits l)
{
	uint64_t aim = max(min(p->bytes / (4 * l.workers) + 1, l.max_bytes),
	    min(l.min_bytes, l.max_bytes));
	uint64_t largest = 0, shards = 0, forced;
	size_t i;

	for (i = 0; i < n; i++) {
		largest = max(largest, chunk[i].bytes);
		shards += !i || chunk[i].shard != chunk[i - 1].shard;
	}
	for (i = 0; i < p->tasks; i++) {
		const struct sk_plan_task *t = &p->task[i];

		expect(t->bytes <= 2 * aim + largest, "balance", (uint32_t)i);
		expect(t->bytes <= l.max_bytes || t->n == 1, "most", (uint32_t)i);
	}
	/* Two neighbours that a full task parts are over max together. */
	forced = 2 * (p->bytes / l.max_bytes + 1);
	ck_assert_uint_le(p->tasks, 2 * (p->bytes / aim) + shards + forced);
}

static size_t draw_chunks(void)
{
	size_t n = draw(4) ? draw(200) : draw(MOST), i;
	uint64_t shape = draw(5), turn = draw(3) ? 1 + draw(1000) : 2;
	uint32_t shard = 0;

	for (i = 0; i < n; i++) {
		if (!draw(turn))
			shard += 1 + (uint32_t)draw(3);
		chunk[i].shard = shard;
		chunk[i].rows = (uint32_t)draw(5000);
		chunk[i].bytes = shape == 0 ? 256 * KIB : shape == 1 ? draw(300 * KIB) :
		    shape == 2 ? draw(20) : shape == 3 ? draw(2) * draw(100) * MIB :
		    (uint64_t)1 << draw(30);
	}
	if (n && !draw(3))
		chunk[draw(n)].bytes = draw(100) * 1024 * MIB;
	return n;
}

START_TEST(any_input_is_covered_and_balanced)
{
	int k;

	rng = (uint64_t)_i;
	for (k = 0; k < 100; k++) {
		size_t n = draw_chunks();
		struct sk_plan_limits l = { .workers = 1 + (uint32_t)draw(100),
			.min_bytes = 1 + draw(draw(2) ? 10 : MIB),
			.max_bytes = 1 + draw(draw(2) ? MIB : 256 * MIB),
			.reduces = draw(2), .partitions = (uint32_t)draw(2) * 7 };
		struct sk_plan p, q;

		plan(n, l, &p);
		covers(&p, n);
		balanced(&p, n, l);
		plan(n, l, &q);
		ck_assert_uint_eq(p.tasks, q.tasks);
		ck_assert_int_eq(memcmp(p.task, q.task, p.tasks * sizeof(*p.task)), 0);
		sk_plan_free(&p);
		sk_plan_free(&q);
	}
}
END_TEST

START_TEST(nothing_makes_no_task)
{
	struct sk_plan p;

	plan(0, (struct sk_plan_limits){ .workers = 8, .reduces = true }, &p);
	ck_assert_uint_eq(p.tasks, 0);
	ck_assert_uint_eq(p.partitions, 1);
	sk_plan_free(&p);
}
END_TEST

START_TEST(each_worker_gets_about_four_tasks)
{
	struct sk_plan_limits l = { .workers = 8 };
	struct sk_plan p;

	fill(4000, 1000, 256 * KIB);
	plan(4000, l, &p);
	covers(&p, 4000);
	ck_assert_uint_eq(p.tasks, 32);
	ck_assert_uint_eq(p.task[0].n, 125);
	sk_plan_free(&p);
}
END_TEST

START_TEST(small_input_is_one_task_a_shard)
{
	struct sk_plan p;

	fill(12, 3, 10 * KIB);
	plan(12, (struct sk_plan_limits){ .workers = 64 }, &p);
	covers(&p, 12);
	ck_assert_uint_eq(p.tasks, 4);
	sk_plan_free(&p);
}
END_TEST

START_TEST(a_giant_chunk_stands_alone)
{
	struct sk_plan p;
	uint32_t i;

	fill(101, 101, KIB);
	chunk[50].bytes = 1024 * MIB;
	plan(101, (struct sk_plan_limits){ .workers = 4 }, &p);
	covers(&p, 101);
	ck_assert_uint_eq(p.tasks, 3);
	for (i = 0; i < 3; i++)
		ck_assert_uint_eq(p.task[i].n, i == 1 ? 1 : 50);
	sk_plan_free(&p);
}
END_TEST

START_TEST(a_task_stays_within_max_bytes)
{
	struct sk_plan p;
	uint32_t i;

	fill(10000, 10000, MIB);
	plan(10000, (struct sk_plan_limits){ .workers = 1 }, &p);
	covers(&p, 10000);
	for (i = 0; i < p.tasks; i++)
		expect(p.task[i].bytes <= 64 * MIB, "most", i);
	ck_assert_uint_lt(p.tasks, 10000 / 64 * 5 / 4);
	sk_plan_free(&p);
}
END_TEST

START_TEST(thousands_of_shards_get_a_task_each)
{
	struct sk_plan p;

	fill(MOST, 4, 100);
	plan(MOST, (struct sk_plan_limits){ .workers = 2 }, &p);
	covers(&p, MOST);
	ck_assert_uint_eq(p.tasks, MOST / 4);
	sk_plan_free(&p);
}
END_TEST

START_TEST(chunks_without_bytes_are_still_read)
{
	struct sk_plan p;

	fill(10, 5, 0);
	plan(10, (struct sk_plan_limits){ .workers = 2 }, &p);
	covers(&p, 10);
	ck_assert_uint_eq(p.tasks, 2);
	sk_plan_free(&p);
}
END_TEST

static const struct {
	uint64_t mib;
	uint32_t workers, asked;
	bool reduces;
	uint32_t want;
} parts[] = {
	{ 1, 8, 0, true, 1 },
	{ 1000, 8, 0, true, 8 },
	{ 40, 8, 0, true, 5 },
	{ 1000, 8, 0, false, 1 },
	{ 1000, 8, 3, true, 3 },
	{ 1, 8, 100, true, 100 },
	{ 1000, 0, 0, true, 1 },
};

START_TEST(partitions_are_asked_for_or_follow_the_input)
{
	struct sk_plan_limits l = { .workers = parts[_i].workers,
		.partitions = parts[_i].asked, .reduces = parts[_i].reduces };
	struct sk_plan p;

	fill(parts[_i].mib, 10, MIB);
	plan(parts[_i].mib, l, &p);
	ck_assert_uint_eq(p.partitions, parts[_i].want);
	sk_plan_free(&p);
}
END_TEST

START_TEST(too_many_bytes_are_an_error)
{
	struct sk_plan_limits l = { .workers = 1 };
	struct snek_error e = { 0 };
	struct sk_plan p;

	fill(2, 2, UINT64_MAX / 2 + 1);
	ck_assert_int_eq(sk_plan_make(chunk, 2, &l, &p, &e), SNEK_ELIMIT);
	ck_assert_int_eq(e.code, SNEK_ELIMIT);
	fill(3, 3, UINT64_MAX / 3);
	plan(3, l, &p);
	covers(&p, 3);
	ck_assert_uint_eq(p.tasks, 3);
	sk_plan_free(&p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("plan");
	TCase *t = tcase_create("plan");
	SRunner *r;
	int bad;

	tcase_add_loop_test(t, any_input_is_covered_and_balanced, 0, 20);
	tcase_add_test(t, nothing_makes_no_task);
	tcase_add_test(t, each_worker_gets_about_four_tasks);
	tcase_add_test(t, small_input_is_one_task_a_shard);
	tcase_add_test(t, a_giant_chunk_stands_alone);
	tcase_add_test(t, a_task_stays_within_max_bytes);
	tcase_add_test(t, thousands_of_shards_get_a_task_each);
	tcase_add_test(t, chunks_without_bytes_are_still_read);
	tcase_add_loop_test(t, partitions_are_asked_for_or_follow_the_input, 0,
	    sizeof(parts) / sizeof(*parts));
	tcase_add_test(t, too_many_bytes_are_an_error);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	bad = srunner_ntests_failed(r);
	srunner_free(r);
	return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
