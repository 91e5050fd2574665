/* SPDX-License-Identifier: MIT */
/* A job's memory, divided. */
#include "job/budget.h"
#include "check_main.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

static const struct {
	uint64_t all, limit;
	uint32_t workers;
} shape[] = {
	{ SK_BUDGET_LEAST, 0, 1 }, { SK_BUDGET_LEAST, 4 * GIB, 64 },
	{ 32 * MIB, 4 * GIB, 2 }, { 64 * MIB, 64 * MIB, 4 },
	{ GIB, 0, 1 }, { 12 * GIB, 4 * GIB, 2 }, { 512 * GIB, 4 * GIB, 128 },
	{ (uint64_t)1 << 46, 0, 1024 },
};

START_TEST(the_parts_are_no_more_than_the_whole)
{
	uint64_t all = shape[_i].all, sum;
	struct sk_budget b;
	int processes;

	for (processes = 0; processes < 2; processes++) {
		sk_budget_make(&b, all, shape[_i].workers, processes,
		    shape[_i].limit);
		sum = b.workers * (uint64_t)b.attempt;
		ck_assert_uint_le(sum + b.hold, all);
		ck_assert_uint_eq(b.weight, processes ? 4 : 1);
		ck_assert_uint_le(2 * b.result + b.hold, all);
		ck_assert_uint_ge(b.workers, 1);
		ck_assert_uint_le(b.workers, shape[_i].workers);
		ck_assert_uint_gt(b.hold, 0);
		ck_assert_uint_gt(b.fetch, 0);
	}
}
END_TEST

START_TEST(where_it_is_not_enough_for_all_fewer_work)
{
	struct sk_budget b;

	sk_budget_make(&b, 16 * MIB, 64, true, 4 * GIB);
	ck_assert_uint_eq(b.workers, 5);
	ck_assert_uint_ge(b.attempt, 2 * MIB);
	sk_budget_make(&b, GIB, 64, true, 4 * GIB);
	ck_assert_uint_eq(b.workers, 64);
}
END_TEST

START_TEST(a_child_leaves_half_of_what_it_may_take_to_the_plugin)
{
	struct sk_budget b;

	sk_budget_make(&b, 16 * GIB, 1, true, GIB);
	ck_assert_uint_eq(b.attempt, GIB / 2);
	sk_budget_make(&b, 16 * GIB, 1, false, GIB);
	ck_assert_uint_gt(b.attempt, GIB);
}
END_TEST

static void setup(TCase *t)
{
	tcase_add_loop_test(t, the_parts_are_no_more_than_the_whole, 0,
	    sizeof(shape) / sizeof(*shape));
	tcase_add_test(t, where_it_is_not_enough_for_all_fewer_work);
	tcase_add_test(t, a_child_leaves_half_of_what_it_may_take_to_the_plugin);
}

int main(void)
{
	return check_main("budget", setup);
}
