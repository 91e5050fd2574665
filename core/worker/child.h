/* SPDX-License-Identifier: MIT */
/* child.h - the process that runs other people's code. */
#ifndef SK_CHILD_H
#define SK_CHILD_H
#include "exec/wire.h"
#include "task/sandbox.h"

/* Its descriptors, besides the standard ones. */
enum { SK_CHILD_SOCK = 3, SK_CHILD_TMP = 4, SK_CHILD_FIRST = 5 };

/* Memory that worker and child share: the child writes, and what it writes
 * may be anything. */
struct sk_shared {
	struct sk_control control;      /* cancelled: written by the worker */
	struct sk_mark mark;
	uint8_t confined;               /* or never was: why says what failed; no
	                                 * bool, which may not be just anything */
	char why[256];
};

/* Everything from the sandbox to the end; does not return. */
__attribute__((noreturn))
void sk_child_run(const struct sk_wire_hello *,
    const struct sk_sandbox_filter *, struct sk_shared *);
#endif
