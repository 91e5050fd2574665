/* SPDX-License-Identifier: MIT */
/*
 * sim.h - jobs without work: plan and scheduler against a simulated world of
 * executors, a journal and coordinators that die, on a virtual clock, all of
 * it drawn from a seed.  Every step is checked against a plain model.
 */
#ifndef SIM_H
#define SIM_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_config {
	uint64_t seed;
	uint32_t chunks, shards, workers;       /* about 4 tasks a worker */
	uint32_t slots, attempts, partitions;
	bool reduces, backups, keep_going;
	int64_t usual_ms;               /* an attempt's duration */
	/* Attempts in 10,000 that ... */
	uint32_t straggle;              /* take 10 to 60 times as long */
	uint32_t vanish;                /* are reported as failed much later */
	uint32_t fail;                  /* fail, but another try may do better */
	uint32_t poison;                /* fail for good */
	uint32_t throttle;              /* are not let in */
	uint32_t room;                  /* more at once are throttled; 0: no end */
	int64_t retry_after;            /* ms that a throttled one is told to wait */
	uint32_t ramp;                  /* as the scheduler's; 0: none */
	int64_t ramp_ms;
	uint32_t large;                 /* say too much, of tasks of more chunks
					 * than one; with replace: none */
	uint32_t replace;               /* so many coordinators take over */
	int64_t deadline, cancel_at;    /* 0: none */
};
struct sim_result {
	const char *check;              /* which one failed, or NULL */
	char text[160];
	int code;                       /* of the last coordinator */
	uint64_t events, attempts, throttled, retries, backups, lost, missing,
		splits, tasks;
	int64_t ms;                     /* virtual */
};

/* A job of any kind, of up to so many tasks. */
void sim_draw(struct sim_config *, uint64_t seed, uint32_t tasks);
/* False: a check failed. */
bool sim_run(const struct sim_config *, struct sim_result *);
#endif
