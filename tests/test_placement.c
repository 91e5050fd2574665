/* SPDX-License-Identifier: MIT */
#include "store/placement.h"

#include <check.h>
#include <stdlib.h>

static const struct { uint32_t shards, level; } shape[] = {
	{ 1, 1 }, { 4, 1 }, { 4, 3 }, { 4, 4 }, { 5, 2 }, { 7, 7 }, { 1024, 3 },
};
#define SHAPES ((int)(sizeof(shape) / sizeof(*shape)))

/* Not at the level, as a counter that wraps too early would. */
START_TEST(draws_go_round_over_all_shards)
{
	uint32_t n = shape[_i].shards, k = shape[_i].level, out[1024], i;
	uint32_t used[1024] = { 0 };
	uint64_t draw;

	for (draw = 0; draw < 3 * (uint64_t)n; draw++) {
		sk_placement(draw, n, k, out);
		for (i = 0; i < k; i++) {
			ck_assert_uint_eq(out[i], (draw + i) % n);
			used[out[i]]++;
		}
	}
	for (i = 0; i < n; i++)
		ck_assert_uint_eq(used[i], 3 * k);
}
END_TEST

START_TEST(the_largest_draw_is_like_any_other)
{
	uint32_t out[3];

	sk_placement(UINT64_MAX, 4, 3, out);
	ck_assert_uint_eq(out[0], 3);
	ck_assert_uint_eq(out[1], 0);
	ck_assert_uint_eq(out[2], 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("placement");
	TCase *t = tcase_create("placement");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, draws_go_round_over_all_shards, 0, SHAPES);
	tcase_add_test(t, the_largest_draw_is_like_any_other);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
