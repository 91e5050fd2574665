/* SPDX-License-Identifier: MIT */
/* sim_parts.h - the simulator's world (sim.c) and its watcher (sim_watch.c). */
#ifndef SIM_PARTS_H
#define SIM_PARTS_H
#include "job/plan.h"
#include "job/sched.h"
#include "sim.h"

#define SIM_START 1000000               /* of the virtual clock */
#define SIM_COORDS 4
#define SIM_LIMIT(c) ((c)->attempts ? (c)->attempts : 4)
/* From the start of an attempt to the end of all that it leads to, but another
 * one: stragglers, those that vanish, journal and slow coordinators. */
#define SIM_LONGEST(c) (60000 + 90 * (c)->usual_ms + 1000)

/* WINS, LOSES, FAILS, SPLITS: it has ended, and the coordinator is to be told what
 * that means. */
enum sim_fate { RUNS, WINS, LOSES, FAILS, SPLITS, ASKS, GONE };

/* An attempt as the world sees it. */
struct sim_attempt {
	uint32_t coord, task;           /* task: maps, then, from base on, reduces */
	uint32_t number;
	uint8_t fate;
	bool cancelled, to_cancel, backup;
	bool stale;                     /* of what was its task before a split */
	uint32_t parts;                 /* of the split that is to be told */
	int64_t started;
	uint32_t ends;                  /* the event that ends it */
	uint64_t records;               /* that it has seen */
};

/* What a coordinator may believe of a task. */
struct sim_task {
	uint32_t number, tries, running;
	uint32_t last;                  /* attempt, the newest */
	bool touched, decided, committed, backed, restored, listed;
	int64_t not_before;
};

struct sim_coord {
	sk_sched *sched;                /* NULL: dead */
	struct sim_task *task;
	uint32_t *attempt;              /* in the world's list, by id */
	size_t attempts, cap;
	int64_t *took;                  /* of the stage's winners */
	size_t tooks;
	int64_t wake;
	int code;                       /* how it must end, once known */
	int first;                      /* why the first task is missing */
	bool over, staged;
	int64_t began;
	uint32_t running, backing, committing, to_cancel, to_tell;
	uint32_t committed[2], missing[2], untouched[2], waiting, throttled;
	uint64_t records[2], records_missing;   /* of maps, as listed */
};

struct sim_event {
	int64_t at;
	uint32_t seq;                   /* breaks ties */
	uint32_t kind, coord, attempt;
	int code;
};

struct sim_journal {
	bool taken;
	uint32_t attempt;
};

struct sim {
	const struct sim_config *c;
	struct sim_result *r;
	uint64_t rng;
	int64_t now;
	struct sk_plan plan;
	struct sk_plan_chunk *chunk;
	uint32_t maps, reduces;
	uint32_t base;                  /* of the reduces: maps that may come to be */
	struct sim_journal *journal;
	struct sim_coord coord[SIM_COORDS];
	uint32_t coords;                /* the last one has the fencing token */
	struct sim_attempt *attempt;
	size_t attempts, cap;
	struct sim_event *event;        /* a heap */
	size_t events, room;
	uint32_t seq;
	uint32_t in;                    /* attempts the executors have let in */
};

static inline bool sim_is_map(const struct sim *s, uint32_t task)
{
	return task < s->base;
}

/* The task after this one, which begins with 0; the last is base + reduces. */
static inline uint32_t sim_after(const struct sim *s, uint32_t task)
{
	return task + 1 == s->maps ? s->base : task + 1;
}

static inline uint32_t sim_first(const struct sim *s)
{
	return s->maps ? 0 : s->base;
}

/* The world. */
uint32_t sim_random(struct sim *, uint32_t below);
bool sim_chance(struct sim *, uint32_t of_10000);
void *sim_more(void *p, size_t n, size_t *cap, size_t size);
bool sim_begin(struct sim *, uint32_t coord, uint32_t attempt);
void sim_stop(struct sim *, uint32_t attempt);
void sim_ask(struct sim *, uint32_t coord, uint32_t attempt);
/* Cut the plan's task; the new ones are the last. */
void sim_cut(struct sim *, uint32_t task, uint32_t parts);

/* The watcher.  False: a check failed, and the result says which. */
__attribute__((format(printf, 3, 4)))
bool sim_bad(struct sim *, const char *check, const char *fmt, ...);
bool sim_tell(struct sim *, uint32_t coord, struct sk_event *, uint32_t attempt);
bool sim_restore(struct sim *, uint32_t coord);
bool sim_drain(struct sim *, uint32_t coord);
#endif
