/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>

#include "job/sched.h"

static sk_sched *s;
static int64_t now;

static void begin(struct sk_sched_config c)
{
	now = 1000;
	c.now = now;
	ck_assert_int_eq(sk_sched_new(&c, &s), 0);
}

static void teardown(void)
{
	sk_sched_free(s);
	s = NULL;
}

static int event(uint32_t kind, uint64_t attempt, int code)
{
	struct sk_event e = { .kind = kind, .now = now, .attempt = { attempt },
		.code = code };

	return sk_sched_event(s, &e);
}

static void tell(uint32_t kind, uint64_t attempt, int code)
{
	ck_assert_int_eq(event(kind, attempt, code), 0);
}

static int restore(uint32_t stage, uint32_t n)
{
	struct sk_event e = { .kind = SK_EV_RESTORED, .now = now,
		.task = { stage, n } };

	return sk_sched_event(s, &e);
}

static struct sk_action next(uint32_t kind)
{
	struct sk_action a;

	sk_sched_next(s, &a);
	ck_assert_uint_eq(a.kind, kind);
	return a;
}

/* The action is about this attempt. */
static void about(uint32_t kind, uint64_t attempt)
{
	ck_assert_uint_eq(next(kind).attempt.n, attempt);
}

static uint64_t start(uint32_t stage, uint32_t task)
{
	struct sk_action a = next(SK_ACT_START);

	ck_assert_uint_eq(a.task.stage, stage);
	ck_assert_uint_eq(a.task.n, task);
	return a.attempt.n;
}

static void commit(uint64_t attempt)
{
	tell(SK_EV_FINISHED, attempt, 0);
	about(SK_ACT_COMMIT, attempt);
	tell(SK_EV_COMMITTED, attempt, 0);
}

static struct sk_sched_stat stat_of(void)
{
	struct sk_sched_stat st;

	sk_sched_stat(s, &st);
	return st;
}

START_TEST(an_empty_job_is_done)
{
	begin((struct sk_sched_config){ .slots = 1 });
	next(SK_ACT_DONE);
}
END_TEST

START_TEST(a_job_without_slots_is_refused)
{
	struct sk_sched_config c = { .map_tasks = 1 };

	ck_assert_int_eq(sk_sched_new(&c, &s), SNEK_EINVAL);
}
END_TEST

START_TEST(two_stages_run_one_after_the_other)
{
	uint64_t a, b;

	begin((struct sk_sched_config){ .map_tasks = 2, .reduce_tasks = 1,
	    .slots = 8 });
	a = start(0, 0);
	b = start(0, 1);
	ck_assert_int_eq(next(SK_ACT_WAIT).until, 0);
	commit(b);
	next(SK_ACT_WAIT);
	tell(SK_EV_FINISHED, a, 0);
	about(SK_ACT_COMMIT, a);
	next(SK_ACT_WAIT);
	tell(SK_EV_COMMITTED, a, 0);
	next(SK_ACT_STAGE);
	a = start(1, 0);
	next(SK_ACT_WAIT);
	commit(a);
	next(SK_ACT_DONE);
	next(SK_ACT_DONE);
	ck_assert_uint_eq(stat_of().done, 3);
}
END_TEST

START_TEST(no_maps_go_straight_to_reduce)
{
	begin((struct sk_sched_config){ .reduce_tasks = 1, .slots = 1 });
	next(SK_ACT_STAGE);
	commit(start(1, 0));
	next(SK_ACT_DONE);
}
END_TEST

START_TEST(slots_bound_what_runs)
{
	uint64_t a;

	begin((struct sk_sched_config){ .map_tasks = 3, .slots = 2 });
	a = start(0, 0);
	start(0, 1);
	next(SK_ACT_WAIT);
	ck_assert_uint_eq(stat_of().running, 2);
	tell(SK_EV_FINISHED, a, 0);
	about(SK_ACT_COMMIT, a);
	start(0, 2);
	next(SK_ACT_WAIT);
}
END_TEST

static const int machine[] = { SNEK_EAGAIN, SNEK_EIO, SNEK_ENOMEM,
	SNEK_ETIMEDOUT };

START_TEST(a_failure_of_the_machine_is_tried_again)
{
	struct sk_action w;
	int64_t most = 50;
	uint32_t try;
	uint64_t a;

	begin((struct sk_sched_config){ .map_tasks = 1, .slots = 1,
	    .attempts = 12, .seed = (uint64_t)_i });
	a = start(0, 0);
	for (try = 1; try < 12; try++) {
		tell(SK_EV_FAILED, a, machine[_i]);
		w = next(SK_ACT_WAIT);
		ck_assert_int_gt(w.until, now);
		ck_assert_int_le(w.until, now + most);
		most = most * 2 < 20000 ? most * 2 : 20000;
		now = w.until - 1;
		tell(SK_EV_TICK, 0, 0);
		ck_assert_int_eq(next(SK_ACT_WAIT).until, w.until);
		now = w.until;
		tell(SK_EV_TICK, 0, 0);
		w = next(SK_ACT_START);
		ck_assert_uint_eq(w.number, try + 1);
		ck_assert_uint_eq(w.attempt.n, try + 1);
		a = w.attempt.n;
	}
	ck_assert_uint_eq(stat_of().retries, 11);
	tell(SK_EV_FAILED, a, machine[_i]);
	ck_assert_int_eq(next(SK_ACT_FAIL).code, machine[_i]);
}
END_TEST

START_TEST(the_jitter_uses_the_whole_range)
{
	int64_t least = INT64_MAX, most = 0, d;
	uint64_t seed;

	for (seed = 0; seed < 300; seed++) {
		begin((struct sk_sched_config){ .map_tasks = 1, .slots = 1,
		    .seed = seed });
		tell(SK_EV_FAILED, start(0, 0), SNEK_EAGAIN);
		d = next(SK_ACT_WAIT).until - now;
		least = d < least ? d : least;
		most = d > most ? d : most;
		sk_sched_free(s);
	}
	s = NULL;
	ck_assert_int_le(least, 3);
	ck_assert_int_ge(most, 48);
	ck_assert_int_le(most, 50);
}
END_TEST

static const int own[] = { SNEK_EPLUGIN, SNEK_EINVAL, SNEK_ELIMIT,
	SNEK_ECORRUPT, SNEK_ECANCELED, SNEK_EINTERNAL };

START_TEST(a_failure_of_the_op_ends_the_job)
{
	uint64_t a, b, c;

	begin((struct sk_sched_config){ .map_tasks = 4, .slots = 3 });
	a = start(0, 0);
	b = start(0, 1);
	c = start(0, 2);
	next(SK_ACT_WAIT);
	tell(SK_EV_FAILED, b, own[_i]);
	about(SK_ACT_CANCEL, a);
	about(SK_ACT_CANCEL, c);
	ck_assert_int_eq(next(SK_ACT_WAIT).until, 0);
	tell(SK_EV_FINISHED, a, 0);
	about(SK_ACT_DROP, a);
	next(SK_ACT_WAIT);
	tell(SK_EV_FAILED, c, SNEK_ELIMIT);
	ck_assert_int_eq(next(SK_ACT_FAIL).code, own[_i]);
}
END_TEST

START_TEST(a_job_that_keeps_going_says_what_is_missing)
{
	uint64_t a, b;

	begin((struct sk_sched_config){ .map_tasks = 3, .reduce_tasks = 2,
	    .slots = 2, .keep_going = true });
	a = start(0, 0);
	b = start(0, 1);
	next(SK_ACT_WAIT);
	tell(SK_EV_FAILED, a, own[_i]);
	about(SK_ACT_MISSING, a);
	commit(start(0, 2));
	next(SK_ACT_WAIT);
	commit(b);
	next(SK_ACT_STAGE);
	a = start(1, 0);
	b = start(1, 1);
	tell(SK_EV_FAILED, b, own[_i]);
	about(SK_ACT_MISSING, b);
	ck_assert_int_eq(event(SK_EV_FAILED, b, own[_i]), SNEK_EINTERNAL);
	next(SK_ACT_WAIT);
	commit(a);
	next(SK_ACT_DONE);
	ck_assert_uint_eq(stat_of().done, 3);
	ck_assert_uint_eq(stat_of().missing, 2);
	ck_assert_uint_eq(stat_of().tasks, 5);
}
END_TEST

START_TEST(a_task_is_missing_when_its_tries_are_spent)
{
	struct sk_action w;

	begin((struct sk_sched_config){ .map_tasks = 2, .slots = 1,
	    .attempts = 2, .keep_going = true });
	tell(SK_EV_FAILED, start(0, 0), SNEK_EIO);
	commit(start(0, 1));
	now = next(SK_ACT_WAIT).until;
	tell(SK_EV_TICK, 0, 0);
	w = next(SK_ACT_START);
	ck_assert_uint_eq(w.number, 2);
	tell(SK_EV_FAILED, w.attempt.n, SNEK_EIO);
	about(SK_ACT_MISSING, w.attempt.n);
	next(SK_ACT_DONE);
}
END_TEST

/* The first failure is told, as if it had not kept going. */
START_TEST(nothing_but_missing_tasks_is_no_result)
{
	uint64_t a, b;

	begin((struct sk_sched_config){ .map_tasks = _i ? 2 : 1,
	    .reduce_tasks = _i ? 0 : 2, .slots = 2, .keep_going = true });
	if (!_i) {
		commit(start(0, 0));
		next(SK_ACT_STAGE);
	}
	a = start(!_i, 0);
	b = start(!_i, 1);
	tell(SK_EV_FAILED, b, SNEK_EPLUGIN);
	about(SK_ACT_MISSING, b);
	next(SK_ACT_WAIT);
	tell(SK_EV_FAILED, a, SNEK_ECORRUPT);
	ck_assert_int_eq(next(SK_ACT_FAIL).code, SNEK_EPLUGIN);
}
END_TEST

/* Time and cancels fail a job that keeps going like any other, even when they
 * are heard of through the last task's failure. */
START_TEST(a_deadline_is_no_missing_task)
{
	uint64_t a;

	begin((struct sk_sched_config){ .map_tasks = 2, .slots = 1,
	    .attempts = 1, .keep_going = true, .deadline = 1500 });
	commit(start(0, 0));
	a = start(0, 1);
	now = 1500;
	tell(SK_EV_FAILED, a, _i ? SNEK_ETIMEDOUT : SNEK_EPLUGIN);
	ck_assert_int_eq(next(SK_ACT_FAIL).code, SNEK_ETIMEDOUT);
	ck_assert_uint_eq(stat_of().missing, 0);
}
END_TEST

START_TEST(a_cancel_ends_a_job_that_keeps_going)
{
	uint64_t a;

	begin((struct sk_sched_config){ .map_tasks = 3, .slots = 1,
	    .keep_going = true });
	tell(SK_EV_FAILED, start(0, 0), SNEK_EPLUGIN);
	next(SK_ACT_MISSING);
	a = start(0, 1);
	tell(SK_EV_CANCEL, 0, 0);
	about(SK_ACT_CANCEL, a);
	tell(SK_EV_FAILED, a, SNEK_ECANCELED);
	ck_assert_int_eq(next(SK_ACT_FAIL).code, SNEK_ECANCELED);
}
END_TEST

START_TEST(throttling_spends_no_try)
{
	struct sk_action w;
	uint32_t i;

	begin((struct sk_sched_config){ .map_tasks = 1, .slots = 1,
	    .attempts = 1 });
	for (i = 0; i < 40; i++) {
		w = next(SK_ACT_START);
		ck_assert_uint_eq(w.number, i + 1);
		tell(SK_EV_THROTTLED, w.attempt.n, 0);
		w = next(SK_ACT_WAIT);
		ck_assert_int_le(w.until, now + (i < 4 ? 1000 << i : 20000));
		now = w.until;
		tell(SK_EV_TICK, 0, 0);
	}
	ck_assert_uint_eq(stat_of().throttled, 40);
	ck_assert_uint_eq(stat_of().retries, 0);
	commit(start(0, 0));
	next(SK_ACT_DONE);
}
END_TEST

/* A burst halves the cap once; it grows by one with a cap of successes. */
START_TEST(throttling_lowers_the_cap_and_success_raises_it)
{
	uint64_t a[16];
	uint32_t i;

	begin((struct sk_sched_config){ .map_tasks = 1000, .slots = 16 });
	for (i = 0; i < 16; i++)
		a[i] = next(SK_ACT_START).attempt.n;
	for (i = 0; i < 5; i++)
		tell(SK_EV_THROTTLED, a[i], 0);
	ck_assert_uint_eq(stat_of().cap, 8);
	next(SK_ACT_WAIT);
	for (i = 5; i < 13; i++)
		commit(a[i]);
	ck_assert_uint_eq(stat_of().cap, 9);
	for (i = 0; i < 6; i++)
		a[i] = next(SK_ACT_START).attempt.n;
	next(SK_ACT_WAIT);
	ck_assert_uint_eq(stat_of().running, 9);
	tell(SK_EV_THROTTLED, a[0], 0);
	ck_assert_uint_eq(stat_of().cap, 4);
}
END_TEST

START_TEST(who_is_told_to_wait_waits_so_long)
{
	struct sk_event e = { .kind = SK_EV_THROTTLED, .now = 1000,
		.attempt = { 1 }, .after = 30000 };
	int64_t until;

	begin((struct sk_sched_config){ .map_tasks = 1, .slots = 1 });
	start(0, 0);
	ck_assert_int_eq(sk_sched_event(s, &e), 0);
	until = next(SK_ACT_WAIT).until;
	ck_assert_int_gt(until, now + 30000);
	ck_assert_int_le(until, now + 31000);
}
END_TEST

/* Others have room for more, and are not to be woken by nothing. */
START_TEST(a_ramp_lets_more_in_as_time_goes_by)
{
	uint32_t i;

	begin((struct sk_sched_config){ .map_tasks = 30, .slots = 25,
	    .ramp = 10, .ramp_ms = 10000 });
	for (i = 0; i < 10; i++)
		start(0, i);
	ck_assert_uint_eq(stat_of().cap, 10);
	ck_assert_uint_eq(stat_of().queued, 20);
	ck_assert_int_eq(next(SK_ACT_WAIT).until, 11000);
	now = 11000;
	tell(SK_EV_TICK, 0, 0);
	for (i = 10; i < 20; i++)
		start(0, i);
	ck_assert_int_eq(next(SK_ACT_WAIT).until, 21000);
	now = 50000;
	tell(SK_EV_TICK, 0, 0);
	for (i = 20; i < 25; i++)
		start(0, i);
	ck_assert_uint_eq(stat_of().cap, 25);
	ck_assert_int_eq(next(SK_ACT_WAIT).until, 0);
}
END_TEST

static struct sk_action say_split(uint64_t attempt, uint32_t parts)
{
	struct sk_event e = { .kind = SK_EV_SPLIT, .now = now,
		.attempt = { attempt }, .parts = parts };

	ck_assert_int_eq(sk_sched_event(s, &e), 0);
	return next(SK_ACT_SPLIT);
}

START_TEST(a_task_whose_answer_is_too_much_becomes_several)
{
	struct sk_action a;
	uint64_t x, y, z;

	begin((struct sk_sched_config){ .map_tasks = 2, .most_map_tasks = 4,
	    .reduce_tasks = 1, .slots = 8, .attempts = 1 });
	x = start(0, 0);
	y = start(0, 1);
	a = say_split(x, 3);
	ck_assert_uint_eq(a.task.n, 0);
	ck_assert_uint_eq(a.first, 2);
	ck_assert_uint_eq(a.parts, 3);
	ck_assert_uint_eq(stat_of().tasks, 5);
	ck_assert_uint_eq(stat_of().queued, 4);
	x = start(0, 0);
	z = start(0, 2);
	commit(x);
	commit(start(0, 3));
	commit(y);
	commit(z);
	next(SK_ACT_STAGE);
	commit(start(1, 0));
	next(SK_ACT_DONE);
	ck_assert_uint_eq(stat_of().done, 5);
	ck_assert_uint_eq(stat_of().splits, 1);
}
END_TEST

START_TEST(a_split_that_cannot_be_changes_nothing)
{
	struct sk_event e = { .kind = SK_EV_SPLIT, .now = 1000,
		.attempt = { 1 }, .parts = 4 };

	begin((struct sk_sched_config){ .map_tasks = 1, .most_map_tasks = 3,
	    .reduce_tasks = 1, .slots = 8 });
	start(0, 0);
	ck_assert_int_eq(sk_sched_event(s, &e), SNEK_EINTERNAL);
	e.parts = 1;
	ck_assert_int_eq(sk_sched_event(s, &e), SNEK_EINTERNAL);
	commit(1);
	next(SK_ACT_STAGE);
	e.attempt.n = start(1, 0);
	e.parts = 2;
	ck_assert_int_eq(sk_sched_event(s, &e), SNEK_EINTERNAL);
}
END_TEST

/* Eight tasks, the last of which is slow: started at 1000, the others took
 * 500 ms each. */
static uint64_t with_a_straggler(struct sk_sched_config c)
{
	uint64_t a[8];
	uint32_t i;

	c.map_tasks = 8;
	c.slots = 8;
	begin(c);
	for (i = 0; i < 8; i++)
		a[i] = start(0, i);
	now += 500;
	for (i = 0; i < 7; i++)
		commit(a[i]);
	return a[7];
}

/* 3 * 500 ms are over. */
static uint64_t backup(void)
{
	ck_assert_int_eq(next(SK_ACT_WAIT).until, 2501);
	now = 2501;
	tell(SK_EV_TICK, 0, 0);
	return start(0, 7);
}

START_TEST(a_late_attempt_loses_to_the_first)
{
	uint64_t slow = with_a_straggler((struct sk_sched_config){ .backups = true });
	uint64_t quick = backup();
	uint64_t first = _i ? quick : slow, late = _i ? slow : quick;

	next(SK_ACT_WAIT);
	tell(SK_EV_FINISHED, first, 0);
	about(SK_ACT_COMMIT, first);
	about(SK_ACT_CANCEL, late);
	next(SK_ACT_WAIT);
	tell(SK_EV_FINISHED, late, 0);
	about(SK_ACT_DROP, late);
	next(SK_ACT_WAIT);
	tell(SK_EV_COMMITTED, first, 0);
	next(SK_ACT_DONE);
	ck_assert_uint_eq(stat_of().backups, 1);
}
END_TEST

START_TEST(both_finish_before_anything_is_said)
{
	uint64_t slow = with_a_straggler((struct sk_sched_config){ .backups = true });
	uint64_t quick = backup();

	tell(SK_EV_FINISHED, slow, 0);
	tell(SK_EV_FINISHED, quick, 0);
	about(SK_ACT_COMMIT, slow);
	about(SK_ACT_DROP, quick);
	next(SK_ACT_WAIT);
	tell(SK_EV_COMMITTED, slow, 0);
	next(SK_ACT_DONE);
}
END_TEST

START_TEST(a_loser_cannot_fail_the_job)
{
	uint64_t slow = with_a_straggler((struct sk_sched_config){ .backups = true });
	uint64_t quick = backup();

	commit(quick);
	about(SK_ACT_CANCEL, slow);
	next(SK_ACT_WAIT);
	tell(SK_EV_FAILED, slow, SNEK_EPLUGIN);
	next(SK_ACT_DONE);
}
END_TEST

START_TEST(a_backup_takes_over_from_an_attempt_that_fails)
{
	uint64_t slow = with_a_straggler((struct sk_sched_config){ .backups = true,
	    .attempts = 2 });
	uint64_t quick = backup();

	tell(SK_EV_FAILED, slow, SNEK_EIO);
	ck_assert_int_eq(next(SK_ACT_WAIT).until, 0);
	tell(SK_EV_FAILED, quick, SNEK_ENOMEM);
	ck_assert_int_eq(next(SK_ACT_FAIL).code, SNEK_ENOMEM);
}
END_TEST

START_TEST(a_missing_task_needs_no_backup)
{
	uint64_t slow = with_a_straggler((struct sk_sched_config){ .backups = true,
	    .keep_going = true });
	uint64_t quick = backup();

	tell(SK_EV_FAILED, quick, SNEK_EPLUGIN);
	about(SK_ACT_CANCEL, slow);
	about(SK_ACT_MISSING, quick);
	next(SK_ACT_WAIT);
	tell(SK_EV_FINISHED, slow, 0);
	about(SK_ACT_DROP, slow);
	next(SK_ACT_DONE);
	ck_assert_uint_eq(stat_of().missing, 1);
}
END_TEST

/* What the backup says is of more than the task is now. */
START_TEST(a_split_task_forsakes_its_other_attempt)
{
	uint64_t slow = with_a_straggler((struct sk_sched_config){
	    .backups = true, .most_map_tasks = 9 }), half;
	struct sk_event e = { .kind = SK_EV_SPLIT, .attempt = { backup() },
		.parts = 2 };

	e.now = now;
	ck_assert_int_eq(sk_sched_event(s, &e), 0);
	about(SK_ACT_CANCEL, slow);
	next(SK_ACT_SPLIT);
	half = start(0, 7);
	commit(start(0, 8));
	tell(SK_EV_FINISHED, slow, 0);
	about(SK_ACT_DROP, slow);
	next(SK_ACT_WAIT);
	commit(half);
	next(SK_ACT_DONE);
}
END_TEST

START_TEST(a_task_gets_one_backup)
{
	uint64_t slow = with_a_straggler((struct sk_sched_config){ .backups = true,
	    .attempts = 9 });
	uint64_t quick = backup();
	int64_t until;

	tell(SK_EV_FAILED, quick, SNEK_EIO);
	ck_assert_int_eq(next(SK_ACT_WAIT).until, 0);
	tell(SK_EV_FAILED, slow, SNEK_EIO);
	until = next(SK_ACT_WAIT).until;
	ck_assert_int_gt(until, 0);
	now = until;
	tell(SK_EV_TICK, 0, 0);
	start(0, 7);
	ck_assert_int_eq(next(SK_ACT_WAIT).until, 0);
}
END_TEST

START_TEST(no_backup_starts_uncalled_for)
{
	static const struct sk_sched_config c[] = { { .backups = false },
		{ .backups = true, .attempts = 1 } };

	with_a_straggler(c[_i]);
	ck_assert_int_eq(next(SK_ACT_WAIT).until, 0);
	now = 1000000;
	tell(SK_EV_TICK, 0, 0);
	ck_assert_int_eq(next(SK_ACT_WAIT).until, 0);
}
END_TEST

START_TEST(a_deadline_ends_the_job)
{
	uint64_t a;

	begin((struct sk_sched_config){ .map_tasks = 2, .slots = 1,
	    .deadline = 1500 });
	a = start(0, 0);
	ck_assert_int_eq(next(SK_ACT_WAIT).until, 1500);
	now = 1500;
	tell(SK_EV_TICK, 0, 0);
	about(SK_ACT_CANCEL, a);
	ck_assert_int_eq(next(SK_ACT_WAIT).until, 0);
	tell(SK_EV_FAILED, a, SNEK_ECANCELED);
	ck_assert_int_eq(next(SK_ACT_FAIL).code, SNEK_ETIMEDOUT);
}
END_TEST

START_TEST(a_deadline_in_the_past_starts_nothing)
{
	begin((struct sk_sched_config){ .map_tasks = 2, .slots = 1,
	    .deadline = 10 });
	ck_assert_int_eq(next(SK_ACT_FAIL).code, SNEK_ETIMEDOUT);
}
END_TEST

START_TEST(a_cancelled_job_waits_for_attempts_and_commits)
{
	uint64_t a, b;

	begin((struct sk_sched_config){ .map_tasks = 3, .slots = 2 });
	a = start(0, 0);
	b = start(0, 1);
	tell(SK_EV_FINISHED, a, 0);
	about(SK_ACT_COMMIT, a);
	tell(SK_EV_CANCEL, 0, 0);
	tell(SK_EV_CANCEL, 0, 0);
	about(SK_ACT_CANCEL, b);
	next(SK_ACT_WAIT);
	tell(SK_EV_THROTTLED, b, 0);
	next(SK_ACT_WAIT);
	tell(SK_EV_COMMITTED, a, 0);
	ck_assert_int_eq(next(SK_ACT_FAIL).code, SNEK_ECANCELED);
}
END_TEST

START_TEST(what_comes_after_the_last_commit_changes_nothing)
{
	begin((struct sk_sched_config){ .map_tasks = 1, .slots = 1,
	    .deadline = 5000 });
	commit(start(0, 0));
	now = 6000;
	tell(SK_EV_CANCEL, 0, 0);
	next(SK_ACT_DONE);
}
END_TEST

START_TEST(a_lost_commit_ends_the_job)
{
	uint64_t a;

	begin((struct sk_sched_config){ .map_tasks = 2, .slots = 1 });
	a = start(0, 0);
	tell(SK_EV_FINISHED, a, 0);
	about(SK_ACT_COMMIT, a);
	tell(SK_EV_LOST, a, _i ? SNEK_EIO : 0);
	ck_assert_int_eq(next(SK_ACT_FAIL).code, _i ? SNEK_EIO : SNEK_ECONFLICT);
}
END_TEST

START_TEST(restored_tasks_do_not_run_again)
{
	begin((struct sk_sched_config){ .map_tasks = 3, .reduce_tasks = 2,
	    .slots = 9, .deadline = 50000 });
	ck_assert_int_eq(restore(0, 0), 0);
	ck_assert_int_eq(restore(0, 2), 0);
	ck_assert_int_eq(restore(0, 2), SNEK_EINTERNAL);
	ck_assert_int_eq(restore(0, 3), SNEK_EINTERNAL);
	ck_assert_int_eq(restore(2, 0), SNEK_EINTERNAL);
	ck_assert_int_eq(restore(1, 1), 0);
	commit(start(0, 1));
	ck_assert_int_eq(restore(1, 0), SNEK_EINTERNAL);
	next(SK_ACT_STAGE);
	commit(start(1, 0));
	next(SK_ACT_DONE);
}
END_TEST

START_TEST(a_wholly_restored_job_is_done_even_after_its_deadline)
{
	begin((struct sk_sched_config){ .map_tasks = 1, .reduce_tasks = 1,
	    .slots = 1, .deadline = 10 });
	ck_assert_int_eq(restore(1, 0), 0);
	ck_assert_int_eq(restore(0, 0), 0);
	next(SK_ACT_STAGE);
	next(SK_ACT_DONE);
}
END_TEST

START_TEST(events_that_cannot_be_change_nothing)
{
	uint64_t a, b;

	begin((struct sk_sched_config){ .map_tasks = 2, .slots = 2 });
	ck_assert_int_eq(event(SK_EV_FINISHED, 1, 0), SNEK_EINTERNAL);
	a = start(0, 0);
	b = start(0, 1);
	next(SK_ACT_WAIT);
	ck_assert_int_eq(event(SK_EV_FINISHED, 99, 0), SNEK_EINTERNAL);
	ck_assert_int_eq(event(SK_EV_FINISHED, 0, 0), SNEK_EINTERNAL);
	ck_assert_int_eq(event(SK_EV_COMMITTED, a, 0), SNEK_EINTERNAL);
	ck_assert_int_eq(event(SK_EV_LOST, a, 0), SNEK_EINTERNAL);
	ck_assert_int_eq(event(SK_EV_FAILED, a, 0), SNEK_EINTERNAL);
	ck_assert_int_eq(event(SK_EV_FAILED, a, SNEK_SKIP), SNEK_EINTERNAL);
	ck_assert_int_eq(event(99, a, 0), SNEK_EINTERNAL);
	now -= 1;
	ck_assert_int_eq(event(SK_EV_TICK, 0, 0), SNEK_EINTERNAL);
	now += 1;
	tell(SK_EV_FINISHED, a, 0);
	ck_assert_int_eq(event(SK_EV_COMMITTED, a, 0), SNEK_EINTERNAL);
	ck_assert_int_eq(event(SK_EV_FINISHED, a, 0), SNEK_EINTERNAL);
	about(SK_ACT_COMMIT, a);
	ck_assert_int_eq(event(SK_EV_FAILED, a, SNEK_EIO), SNEK_EINTERNAL);
	tell(SK_EV_COMMITTED, a, 0);
	ck_assert_int_eq(event(SK_EV_COMMITTED, a, 0), SNEK_EINTERNAL);
	ck_assert_int_eq(event(SK_EV_LOST, a, 0), SNEK_EINTERNAL);
	now += 1000;
	ck_assert_int_eq(event(SK_EV_FINISHED, a, 0), SNEK_EINTERNAL);
	now -= 1000;
	next(SK_ACT_WAIT);
	commit(b);
	next(SK_ACT_DONE);
}
END_TEST

/* Attempt 3 is the first of task 2: number and id must not be mixed up. */
START_TEST(numbers_count_in_a_task_and_ids_in_the_job)
{
	struct sk_action a = { 0 };
	uint32_t i;

	begin((struct sk_sched_config){ .map_tasks = 3, .slots = 3 });
	for (i = 0; i < 3; i++) {
		a = next(SK_ACT_START);
		ck_assert_uint_eq(a.number, 1);
		ck_assert_uint_eq(a.attempt.n, i + 1);
	}
	tell(SK_EV_FINISHED, 3, 0);
	a = next(SK_ACT_COMMIT);
	ck_assert_uint_eq(a.attempt.n, 3);
	ck_assert_uint_eq(a.number, 1);
	ck_assert_uint_eq(a.task.n, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sched");
	TCase *t = tcase_create("sched");
	SRunner *r;
	int bad;

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, an_empty_job_is_done);
	tcase_add_test(t, a_job_without_slots_is_refused);
	tcase_add_test(t, two_stages_run_one_after_the_other);
	tcase_add_test(t, no_maps_go_straight_to_reduce);
	tcase_add_test(t, slots_bound_what_runs);
	tcase_add_loop_test(t, a_failure_of_the_machine_is_tried_again, 0, 4);
	tcase_add_test(t, the_jitter_uses_the_whole_range);
	tcase_add_loop_test(t, a_failure_of_the_op_ends_the_job, 0, 6);
	tcase_add_loop_test(t, a_job_that_keeps_going_says_what_is_missing, 0, 6);
	tcase_add_test(t, a_task_is_missing_when_its_tries_are_spent);
	tcase_add_loop_test(t, nothing_but_missing_tasks_is_no_result, 0, 2);
	tcase_add_loop_test(t, a_deadline_is_no_missing_task, 0, 2);
	tcase_add_test(t, a_cancel_ends_a_job_that_keeps_going);
	tcase_add_test(t, a_missing_task_needs_no_backup);
	tcase_add_test(t, throttling_spends_no_try);
	tcase_add_test(t, throttling_lowers_the_cap_and_success_raises_it);
	tcase_add_test(t, who_is_told_to_wait_waits_so_long);
	tcase_add_test(t, a_ramp_lets_more_in_as_time_goes_by);
	tcase_add_test(t, a_task_whose_answer_is_too_much_becomes_several);
	tcase_add_test(t, a_split_that_cannot_be_changes_nothing);
	tcase_add_test(t, a_split_task_forsakes_its_other_attempt);
	tcase_add_loop_test(t, a_late_attempt_loses_to_the_first, 0, 2);
	tcase_add_test(t, both_finish_before_anything_is_said);
	tcase_add_test(t, a_loser_cannot_fail_the_job);
	tcase_add_test(t, a_backup_takes_over_from_an_attempt_that_fails);
	tcase_add_test(t, a_task_gets_one_backup);
	tcase_add_loop_test(t, no_backup_starts_uncalled_for, 0, 2);
	tcase_add_test(t, a_deadline_ends_the_job);
	tcase_add_test(t, a_deadline_in_the_past_starts_nothing);
	tcase_add_test(t, a_cancelled_job_waits_for_attempts_and_commits);
	tcase_add_test(t, what_comes_after_the_last_commit_changes_nothing);
	tcase_add_loop_test(t, a_lost_commit_ends_the_job, 0, 2);
	tcase_add_test(t, restored_tasks_do_not_run_again);
	tcase_add_test(t, a_wholly_restored_job_is_done_even_after_its_deadline);
	tcase_add_test(t, events_that_cannot_be_change_nothing);
	tcase_add_test(t, numbers_count_in_a_task_and_ids_in_the_job);
	suite_add_tcase(suite, t);
	r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	bad = srunner_ntests_failed(r);
	srunner_free(r);
	return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
