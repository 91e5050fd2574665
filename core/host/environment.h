/* SPDX-License-Identifier: MIT */
/*
 * environment.h - where invocations run: processes of one version, which take
 * one invocation after another over a Runtime API of their own.
 *
 *   COLD       --cold-ms have not passed yet
 *   STARTING   until the first GET next
 *   IDLE       it waits in GET next (or was answered and will ask)
 *   BUSY       it has an event
 *   DYING      until its processes are gone
 */
#ifndef SK_ENVIRONMENT_H
#define SK_ENVIRONMENT_H
#include "host/host.h"

enum sk_environment_state { SK_COLD, SK_STARTING, SK_IDLE, SK_BUSY, SK_DYING };

struct sk_environment {
	struct sk_environment *next, *previous;         /* all */
	struct sk_environment *idle_next, *idle_previous;
	struct sk_host *host;
	struct sk_version *version;
	enum sk_environment_state state;
	struct sk_invocation *invocation;       /* its, from the start */
	struct sk_request *asking;      /* GET next, not answered */
	struct sk_port *port;
	struct sk_watch control, out;
	struct sk_timer timer;          /* cold; init; the function's */
	pid_t pid;                      /* 0: not known */
	char *dir;                      /* its /tmp, where it has no root */
	char stream[96];                /* of its log */
	struct sk_buf line;             /* of its output, not ended */
	int64_t started_us, ready_us, looked_us;
	bool was_cold;                  /* the next report tells of its init */
	bool was_born, initialised;
	uint64_t max_rss_kb;
	char last_id[37];               /* of what it answered */
};

/* One that is idle, for this version; NULL: there is none. */
struct sk_environment *sk_environment_idle(struct sk_host *, struct sk_version *);
/* A new one for an invocation, if there is room or something idle to give way;
 * SNEK_EAGAIN: there is not. */
int sk_environment_start(struct sk_host *, struct sk_invocation *,
    struct snek_error *);
/* Give an idle one something to do. */
void sk_environment_give(struct sk_environment *, struct sk_invocation *);
/* It has answered: it may be given the next, or goes. */
void sk_environment_done(struct sk_environment *);
/* End its processes; what it runs has failed so (Lambda's words).  It may be
 * gone when this returns. */
void sk_environment_kill(struct sk_environment *, const char *type,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Those of retired versions that have nothing to do. */
void sk_environment_retire(struct sk_host *);
/* At the end: all of them; false while processes are left. */
bool sk_environment_end_all(struct sk_host *);

/* A line of its log, and of its invocation's. */
void sk_environment_log(struct sk_environment *, const char *, size_t);
/* What it has printed by now goes to its invocation's log, with a line that has
 * not ended. */
void sk_environment_drain(struct sk_environment *);
/* The most that was seen, lately included. */
uint64_t sk_environment_rss_kb(struct sk_environment *);
/* See for a while that those at work keep to their memory. */
void sk_environment_watch(struct sk_host *);

/* ---- between environment.c, birth.c and output.c ---- */

void sk_environment_link(struct sk_environment *);
/* Its processes are gone, or never were. */
void sk_environment_free(struct sk_environment *);
/* Room for one more, if need be of one that is idle and was used longest ago;
 * false: all are busy. */
bool sk_environment_room(struct sk_host *);
void sk_environment_output(void *environment, uint32_t events);

/* ---- runtime.c ---- */

extern const struct sk_port_ops sk_runtime_ops;         /* arg: it */
/* Answer a GET next that waits with its invocation. */
void sk_runtime_deliver(struct sk_environment *);
#endif
