/* SPDX-License-Identifier: MIT */
/* child.h - the process that runs other people's code. */
#ifndef SK_CHILD_H
#define SK_CHILD_H
#include "exec/wire.h"
#include "task/sandbox.h"
#include "worker/crash.h"

/* Its descriptors, besides the standard ones. */
enum { SK_CHILD_SOCK = 3, SK_CHILD_TMP = 4, SK_CHILD_FIRST = 5 };

/* Memory that worker and child share: the child writes, and what it writes
 * may be anything. */
struct sk_shared {
	struct sk_control control;      /* cancelled: written by the worker */
	struct sk_mark mark;
	struct sk_crash crash;
};

/* Everything from the sandbox to the end; does not return.  Its first message
 * is a hello, before there is anything of others in it: one byte, whether it
 * is confined, and a text, why it is not. */
__attribute__((noreturn))
void sk_child_run(const struct sk_wire_hello *,
    const struct sk_sandbox_filter *, struct sk_shared *);
#endif
