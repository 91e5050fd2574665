/* SPDX-License-Identifier: MIT */
#include "task/reducer.h"

#include <check.h>
#include <stdlib.h>

static const struct {
	const char *text;
	int rc;
	uint32_t kind, sub, top;
} cases[] = {
	{ "none", 0, SK_LISTED, 0, 0 },
	{ "sum", 0, SK_AGGREGATED, SNEK_SUM, 0 },
	{ "count", 0, SK_AGGREGATED, SNEK_COUNT, 0 },
	{ "min", 0, SK_AGGREGATED, SNEK_MIN, 0 },
	{ "max", 0, SK_AGGREGATED, SNEK_MAX, 0 },
	{ "mean", 0, SK_AGGREGATED, SNEK_MEAN, 0 },
	{ "list", 0, SK_GROUPED, SK_GROUP_LIST, 0 },
	{ "top", 0, SK_GROUPED, SK_GROUP_TOP, SK_TOP_DEFAULT },
	{ "top=1", 0, SK_GROUPED, SK_GROUP_TOP, 1 },
	{ "top=1000000000", 0, SK_GROUPED, SK_GROUP_TOP, 1000000000 },
	{ "top=0", SNEK_EINVAL, 0, 0, 0 },
	{ "top=", SNEK_EINVAL, 0, 0, 0 },
	{ "top=-3", SNEK_EINVAL, 0, 0, 0 },
	{ "top=5x", SNEK_EINVAL, 0, 0, 0 },
	{ "top=99999999999999999999999", SNEK_EINVAL, 0, 0, 0 },
	{ "median", SNEK_ENOENT, 0, 0, 0 },
	{ "Sum", SNEK_ENOENT, 0, 0, 0 },
	{ "", SNEK_ENOENT, 0, 0, 0 },
};

START_TEST(a_name_is_a_reducer_or_an_error)
{
	struct sk_reducer r = { 0 };
	struct snek_error e = { 0 };

	ck_assert_int_eq(sk_reducer_parse(&r, cases[_i].text, &e), cases[_i].rc);
	ck_assert_int_eq(e.code, cases[_i].rc == SNEK_EINVAL ? SNEK_EINVAL : 0);
	if (cases[_i].rc)
		return;
	ck_assert_uint_eq(r.kind, cases[_i].kind);
	if (r.kind == SK_AGGREGATED) {
		ck_assert_uint_eq(r.n, 1);
		ck_assert_uint_eq(r.aggregate[0].kind, cases[_i].sub);
		ck_assert_ptr_null(r.aggregate[0].name);
	} else {
		ck_assert_uint_eq(r.group, cases[_i].sub);
	}
	if (cases[_i].top)
		ck_assert_uint_eq(r.top, cases[_i].top);
	sk_reducer_free(&r);
}
END_TEST

START_TEST(every_name_that_messages_list_is_known)
{
	char *names = strdup(sk_reducer_names()), *save, *p;
	struct sk_reducer r;

	for (p = strtok_r(names, ", ", &save); p; p = strtok_r(NULL, ", ", &save))
		if (strcmp(p, "top=N"))
			ck_assert_int_eq(sk_reducer_parse(&r, p, NULL), 0);
	free(names);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("reducer");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, a_name_is_a_reducer_or_an_error, 0,
	    sizeof(cases) / sizeof(*cases));
	tcase_add_test(t, every_name_that_messages_list_is_known);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
