/* SPDX-License-Identifier: MIT */
/*
 * lambda.h - the worker as a function's runtime: invocation after invocation,
 * each an attempt in this process, until there is nobody to ask for more.
 *
 * The bundle lies under a root: plugin.so in it, what is ours in root/snek.
 */
#ifndef SK_WORKER_LAMBDA_H
#define SK_WORKER_LAMBDA_H
#include "worker/last.h"
#include "worker/warm.h"

struct sk_lambda {
	char root[2048], plugin[2064];
	char sha256[65];                /* of the plugin */
	const char *tmp;
	size_t memory;                  /* bytes an attempt may take */
	sk_runtime *runtime;
	sk_json_reader *json;
	struct sk_control control;      /* of the op */
	int64_t until;                  /* for all else, on sk_clock_ms */
	struct sk_mark mark;
	struct sk_crash crash;
	struct sk_say say;
	struct sk_warm warm;
	bool ready;                     /* for other people's code */
	struct sk_event event;
	struct sk_buf answer;
};

/* program: argv[0].  Returns the exit status. */
int sk_lambda_run(const char *program, const char *api);

/* invoke.c: what there is to say to an invocation goes into answer; false:
 * nothing could be said, for memory is out. */
bool sk_invoke(struct sk_lambda *, const struct sk_invocation *);
/* smoke.c: the same for an event that is one. */
bool sk_smoke(struct sk_lambda *, const struct sk_invocation *);

/* invoke.c: for both.  Ready for other people's code; a load of the plugin;
 * between these an op may take the process with it. */
int sk_invoke_ready(struct sk_lambda *, struct snek_error *);
int sk_invoke_load(struct sk_lambda *, const struct sk_wire_op *,
    struct sk_plugin **, struct snek_error *);
void sk_invoke_begin(struct sk_lambda *, const struct sk_invocation *,
    const char *op);
void sk_invoke_end(struct sk_lambda *);
#endif
