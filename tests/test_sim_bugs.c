/* SPDX-License-Identifier: MIT */
/* Is the simulator worth anything?  Every mistake that sched.c can be made to
 * make must be found by it, and soon. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"
#include "sim_bug.h"

#define SEEDS 2000

enum sim_bug sim_bug;

#define NAME(name) #name,
static const char *const names[] = { SIM_BUGS(NAME) };

/* The seed that finds it, or SEEDS. */
static uint64_t hunt(struct sim_result *r)
{
	struct sim_config c;
	uint64_t seed;

	for (seed = 0; seed < SEEDS; seed++) {
		sim_draw(&c, seed, 60);
		if (!sim_run(&c, r))
			break;
	}
	return seed;
}

START_TEST(a_scheduler_without_a_mistake_passes)
{
	struct sim_result r;
	uint64_t seed;

	sim_bug = SIM_BUG_none;
	seed = hunt(&r);
	ck_assert_msg(seed == SEEDS, "seed %ju: %s: %s", (uintmax_t)seed, r.check,
	    r.text);
}
END_TEST

START_TEST(every_mistake_is_found)
{
	struct sim_result r;
	uint64_t seed;

	sim_bug = (enum sim_bug)_i;
	seed = hunt(&r);
	ck_assert_msg(seed < SEEDS, "%s: not found in %d jobs", names[_i], SEEDS);
	printf("%-28s job %4ju: %s (%s)\n", names[_i], (uintmax_t)seed + 1,
	    r.check, r.text);
	fflush(stdout);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sim_bugs");
	TCase *t = tcase_create("sim_bugs");
	SRunner *r;
	int bad;

	tcase_add_test(t, a_scheduler_without_a_mistake_passes);
	tcase_add_loop_test(t, every_mistake_is_found, 1, SIM_BUG_COUNT);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	bad = srunner_ntests_failed(r);
	srunner_free(r);
	return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
