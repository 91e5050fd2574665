/* SPDX-License-Identifier: MIT */
/* check_main.h - a Check program from a list of tests. */
#ifndef CHECK_MAIN_H
#define CHECK_MAIN_H
#include <check.h>
#include <stdlib.h>

#undef fail             /* a macro of Check's, and a member of struct snek_api */

/* Run the tests of a suite that setup fills in (it may set another time limit
 * than a minute); for main to return. */
static inline int check_main(const char *name, void (*setup)(TCase *))
{
	Suite *s = suite_create(name);
	TCase *t = tcase_create(name);
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	setup(t);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
#endif
