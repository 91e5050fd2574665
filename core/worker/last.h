/* SPDX-License-Identifier: MIT */
/*
 * last.h - the last words of a process that an op takes with it: by a signal,
 * by exit, or by not coming to an end.  They are sent as the error of the
 * invocation (exec/event.h) before the process is gone.
 */
#ifndef SK_WORKER_LAST_H
#define SK_WORKER_LAST_H
#include "worker/crash.h"
#include "worker/runtime.h"
#include "worker/say.h"

struct sk_last {
	sk_runtime *runtime;
	const struct sk_mark *mark;
	const struct sk_say *say;
	struct sk_crash *crash;
};

/* Once a process, before anything of others is loaded; what it is told must
 * stay. */
int sk_last_open(const struct sk_last *, struct snek_error *);
/* From here to end an op runs for this invocation, named in the words; the
 * process ends late_ms from now unless it has ended by then. */
void sk_last_begin(const char *request, const struct sk_event_id *,
    const char *op, int64_t late_ms);
void sk_last_end(void);
#endif
