/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>

#include "base/hash.h"
#include "job/heap.h"

static uint64_t rng;

static uint32_t draw(uint32_t below)
{
	rng += SK_HASH_K0;
	return (uint32_t)(sk_mix(rng, rng ^ SK_HASH_K1) >> 16) % below;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

START_TEST(a_heap_gives_back_in_order)
{
	uint32_t n, i;
	struct sk_heap_item was = { INT64_MIN, 0 }, now;
	struct sk_heap h;

	rng = (uint64_t)_i;
	n = 1 + draw(300);
	ck_assert_int_eq(sk_heap_init(&h, n), 0);
	for (i = 0; i < n; i++)
		sk_heap_push(&h, (int64_t)draw(50) - 25, i);
	for (i = 0; i < n; i++) {
		now = sk_heap_pop(&h);
		ck_assert(now.key > was.key || (now.key == was.key && now.n > was.n) ||
		    !i);
		was = now;
	}
	ck_assert_uint_eq(h.n, 0);
	sk_heap_free(&h);
}
END_TEST

START_TEST(a_heap_may_be_used_in_between)
{
	struct sk_heap h;
	uint32_t i;

	ck_assert_int_eq(sk_heap_init(&h, 3), 0);
	sk_heap_push(&h, 5, 1);
	sk_heap_push(&h, 3, 2);
	for (i = 0; i < 1000; i++) {
		sk_heap_push(&h, 4, i);
		ck_assert_int_eq(sk_heap_pop(&h).key, i ? 4 : 3);
	}
	sk_heap_free(&h);
}
END_TEST

START_TEST(a_median_is_that_of_a_sorted_list)
{
	int64_t v[301];
	struct sk_median m;
	size_t n;

	ck_assert_int_eq(sk_median_init(&m, 301), 0);
	ck_assert_int_eq(sk_median_get(&m), -1);
	for (n = 0; n < 301; n++) {
		int64_t x = draw(_i % 2 ? 10 : 1000000);

		v[n] = x;
		qsort(v, n + 1, sizeof(*v), by_size);
		sk_median_add(&m, x);
		ck_assert_int_eq(sk_median_get(&m), v[n / 2]);
	}
	sk_median_reset(&m);
	ck_assert_int_eq(sk_median_get(&m), -1);
	sk_median_free(&m);
}
END_TEST

START_TEST(values_in_order_fill_both_halves)
{
	struct sk_median m;
	int64_t i;

	ck_assert_int_eq(sk_median_init(&m, 1000), 0);
	for (i = 0; i < 1000; i++) {
		sk_median_add(&m, _i ? i : 999 - i);
		ck_assert_uint_le(m.low.n - m.high.n, 1);
	}
	ck_assert_int_eq(sk_median_get(&m), 499);
	sk_median_free(&m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("heap");
	TCase *t = tcase_create("heap");
	SRunner *r;
	int bad;

	tcase_add_loop_test(t, a_heap_gives_back_in_order, 0, 20);
	tcase_add_test(t, a_heap_may_be_used_in_between);
	tcase_add_loop_test(t, a_median_is_that_of_a_sorted_list, 0, 4);
	tcase_add_loop_test(t, values_in_order_fill_both_halves, 0, 2);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	bad = srunner_ntests_failed(r);
	srunner_free(r);
	return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
