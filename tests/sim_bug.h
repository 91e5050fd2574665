/* SPDX-License-Identifier: MIT */
/* sim_bug.h - mistakes of a scheduler, for a sched.c that is compiled with
 * this header in front of it; the product knows none of them. */
#ifndef SIM_BUG_H
#define SIM_BUG_H

#define SIM_BUGS(X) \
	X(none) \
	X(commit_both_attempts) \
	X(retry_forgets_try_count) \
	X(reduce_starts_early) \
	X(mixes_attempt_number_and_id) \
	X(throttle_counts_as_failure) \
	X(throttle_keeps_cap) \
	X(restored_task_runs_again) \
	X(cancelled_attempt_commits) \
	X(lost_wakeup) \
	X(lost_commit_counts) \
	X(backup_of_committed_task) \
	X(backups_without_end) \
	X(hasty_backups) \
	X(slots_leak) \
	X(own_failure_is_retried) \
	X(loser_fails_the_job) \
	X(end_without_cancel) \
	X(fails_before_all_ended) \
	X(wait_forgets_deadline) \
	X(over_the_slots) \
	X(busy_wait) \
	X(task_forgotten) \
	X(one_try_too_many) \
	X(done_before_losers_end) \
	X(commit_unasked) \
	X(missing_task_not_said) \
	X(missing_task_counts_as_done) \
	X(missing_task_keeps_its_backup) \
	X(nothing_left_is_done) \
	X(deadline_comes_second) \
	X(ramp_is_ignored) \
	X(ramp_wakes_nobody) \
	X(retry_after_is_ignored) \
	X(whole_task_commits_a_part) \
	X(splitting_counts_as_a_try) \
	X(last_part_is_forgotten)

#define SIM_BUG_ENUM(name) SIM_BUG_##name,
enum sim_bug { SIM_BUGS(SIM_BUG_ENUM) SIM_BUG_COUNT };
extern enum sim_bug sim_bug;
#define SK_BUG(name) (sim_bug == SIM_BUG_##name)
#endif
