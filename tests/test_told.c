/* SPDX-License-Identifier: MIT */
/* test_told.c - what ops said is remembered, the newest of it. */
#include "base/told.h"

#include <stdio.h>
#include <stdlib.h>

#include "check_main.h"

static struct sk_told *told;

static void setup(void)
{
	ck_assert_int_eq(sk_told_new(&told), 0);
}

static void teardown(void)
{
	sk_told_free(told);
}

static void put(unsigned question, unsigned answer)
{
	char q[16], a[16];

	snprintf(q, sizeof(q), "q%u", question);
	snprintf(a, sizeof(a), "a%u", answer);
	sk_told_put(told, q, (struct sk_span){ a, strlen(a) });
}

static bool says(unsigned question, unsigned answer)
{
	struct sk_buf b = { 0 };
	char q[16], a[16];
	bool got;

	snprintf(q, sizeof(q), "q%u", question);
	snprintf(a, sizeof(a), "a%u", answer);
	got = sk_told_get(told, q, &b) && b.n == strlen(a) &&
	    !memcmp(b.p, a, b.n);
	sk_buf_free(&b);
	return got;
}

START_TEST(an_answer_is_given_again_and_another_replaces_it)
{
	ck_assert(!says(1, 1));
	put(1, 1);
	ck_assert(says(1, 1));
	ck_assert(says(1, 1));
	put(1, 2);
	ck_assert(says(1, 2));
}
END_TEST

START_TEST(the_oldest_are_forgotten_for_the_newest)
{
	unsigned i;

	for (i = 0; i < SK_TOLD_MOST + 3; i++)
		put(i, i);
	ck_assert(!says(0, 0));
	ck_assert(!says(2, 2));
	ck_assert(says(3, 3));
	ck_assert(says(SK_TOLD_MOST + 2, SK_TOLD_MOST + 2));
}
END_TEST

START_TEST(a_large_answer_is_asked_for_again)
{
	char *large = calloc(1, SK_TOLD_LARGEST + 1);
	struct sk_buf b = { 0 };

	sk_told_put(told, "large", (struct sk_span){ large,
	    SK_TOLD_LARGEST + 1 });
	ck_assert(!sk_told_get(told, "large", &b));
	sk_told_put(told, "large", (struct sk_span){ large, SK_TOLD_LARGEST });
	ck_assert(sk_told_get(told, "large", &b));
	ck_assert_uint_eq(b.n, SK_TOLD_LARGEST);
	sk_buf_free(&b);
	free(large);
}
END_TEST

static void tests(TCase *t)
{
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_answer_is_given_again_and_another_replaces_it);
	tcase_add_test(t, the_oldest_are_forgotten_for_the_newest);
	tcase_add_test(t, a_large_answer_is_asked_for_again);
}

int main(void)
{
	return check_main("told", tests);
}
