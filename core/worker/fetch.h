/* SPDX-License-Identifier: MIT */
/*
 * fetch.h - a process beside the children that reads shards for them.
 *
 * It is forked from the worker as they are, and alone knows where the shards
 * are: neither passwords nor connections were ever in the worker's memory when
 * a child is forked.  It is asked with the ids of tasks and what to fetch for
 * them, and answers with a file that a child maps:
 *
 *   TASK     u32 n, n chunks to be fetched (wire.h)
 *   CANCEL   of the task with this id; nothing is answered any more
 *   DONE     n times u64 offset, u64 bytes; the file
 *   DIED     of SK_END_FETCH
 */
#ifndef SK_WORKER_FETCH_H
#define SK_WORKER_FETCH_H
#include "exec/wire.h"

enum { SK_FETCH_SOCK = 3, SK_FETCH_SOURCE = 4, SK_FETCH_FIRST = 5 };

/* The body of what the coordinator said (SK_MSG_SOURCE); does not return. */
__attribute__((noreturn))
void sk_fetch_run(struct sk_span want);
#endif
