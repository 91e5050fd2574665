/* SPDX-License-Identifier: MIT */
/* Thousands of jobs in a simulated world.  SIM_SEED=n and SIM_TASKS=m run the
 * one job of a failure; SIM_JOBS=n runs more of them. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

static uint64_t from_env(const char *name, uint64_t otherwise)
{
	const char *v = getenv(name);

	return v && *v ? strtoull(v, NULL, 10) : otherwise;
}

struct sum {
	uint64_t jobs, done, events, attempts, retries, throttled, backups, lost,
		missing, splits;
};

static void one(uint64_t seed, uint32_t tasks, struct sum *sum)
{
	struct sim_config c;
	struct sim_result r;
	bool ok;

	sim_draw(&c, seed, tasks);
	ok = sim_run(&c, &r);
	ck_assert_msg(ok, "SIM_SEED=%ju SIM_TASKS=%u: %s: %s", (uintmax_t)seed, tasks,
	    r.check, r.text);
	sum->jobs++;
	sum->done += !r.code;
	sum->events += r.events;
	sum->attempts += r.attempts;
	sum->retries += r.retries;
	sum->throttled += r.throttled;
	sum->backups += r.backups;
	sum->lost += r.lost;
	sum->missing += r.code ? 0 : r.missing;
	sum->splits += r.splits;
}

/* A world in which nothing goes wrong would prove nothing. */
static void tell(const struct sum *s)
{
	printf("%ju jobs, %ju done; %ju events, %ju attempts, %ju retries, "
	    "%ju throttled, %ju backups, %ju commits refused, %ju tasks missing, "
	    "%ju split\n", (uintmax_t)s->jobs,
	    (uintmax_t)s->done, (uintmax_t)s->events, (uintmax_t)s->attempts,
	    (uintmax_t)s->retries, (uintmax_t)s->throttled, (uintmax_t)s->backups,
	    (uintmax_t)s->lost, (uintmax_t)s->missing, (uintmax_t)s->splits);
	fflush(stdout);
	ck_assert_uint_gt(s->done, s->jobs / 4);
	ck_assert_uint_lt(s->done, s->jobs);
	ck_assert(s->retries && s->throttled && s->backups && s->lost &&
	    s->missing && s->splits);
}

START_TEST(any_job_keeps_every_promise)
{
	static const struct {
		uint64_t jobs;
		uint32_t tasks;
	} rounds[] = { { 40000, 4 }, { 40000, 60 }, { 2000, 1000 }, { 300, 10000 } };
	uint64_t i, jobs = from_env("SIM_JOBS", rounds[_i].jobs);
	struct sum sum = { 0 };

	if (getenv("SIM_SEED")) {
		one(from_env("SIM_SEED", 0), (uint32_t)from_env("SIM_TASKS", 60), &sum);
		return;
	}
	for (i = 0; i < jobs; i++)
		one(i, rounds[_i].tasks, &sum);
	tell(&sum);
}
END_TEST

static const struct sim_config calm = { .chunks = 20000, .shards = 4,
	.workers = 2500, .slots = 100, .usual_ms = 100 };

START_TEST(a_calm_job_starts_each_task_once)
{
	struct sim_config c = calm;
	struct sim_result r;

	ck_assert_msg(sim_run(&c, &r), "%s: %s", r.check, r.text);
	ck_assert_int_eq(r.code, 0);
	ck_assert_uint_gt(r.tasks, 5000);
	ck_assert_uint_eq(r.attempts, r.tasks);
}
END_TEST

/* What backups are for: the tail is cut, at the price of few attempts. */
START_TEST(backups_shorten_a_job_with_stragglers)
{
	struct sim_config c = calm;
	struct sim_result without, with;

	c.chunks = 800;
	c.workers = 100;
	c.usual_ms = 2000;
	c.straggle = 100;
	ck_assert(sim_run(&c, &without));
	c.backups = true;
	ck_assert(sim_run(&c, &with));
	ck_assert_int_eq(with.code, 0);
	ck_assert_uint_gt(with.backups, 0);
	ck_assert_uint_lt(with.attempts, without.attempts + without.tasks / 10);
	ck_assert_int_lt(with.ms, without.ms);
}
END_TEST

START_TEST(throttled_attempts_never_fail_a_job)
{
	struct sim_config c = calm;
	struct sim_result r;

	c.chunks = 300;
	c.workers = 50;
	c.attempts = 1;
	c.throttle = 5000;
	ck_assert_msg(sim_run(&c, &r), "%s: %s", r.check, r.text);
	ck_assert_int_eq(r.code, 0);
	ck_assert_uint_gt(r.throttled, r.tasks / 2);
}
END_TEST

START_TEST(the_same_seed_makes_the_same_job)
{
	struct sim_config c;
	struct sim_result a, b;

	sim_draw(&c, 7, 500);
	ck_assert(sim_run(&c, &a));
	ck_assert(sim_run(&c, &b));
	ck_assert_uint_eq(a.events, b.events);
	ck_assert_uint_eq(a.attempts, b.attempts);
	ck_assert_int_eq(a.ms, b.ms);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sim");
	TCase *t = tcase_create("sim");
	SRunner *r;
	int bad;

	tcase_add_loop_test(t, any_job_keeps_every_promise, 0, 4);
	tcase_add_test(t, a_calm_job_starts_each_task_once);
	tcase_add_test(t, backups_shorten_a_job_with_stragglers);
	tcase_add_test(t, throttled_attempts_never_fail_a_job);
	tcase_add_test(t, the_same_seed_makes_the_same_job);
	tcase_set_timeout(t, 120);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	bad = srunner_ntests_failed(r);
	srunner_free(r);
	return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
