/* SPDX-License-Identifier: MIT */
/*
 * step.h - the steps of the write protocol, by name, for tests that stop or
 * spoil it: "begin", "put", "seal", "commit", "committed" of a write,
 * "compact", "fold", "unlink" of a compaction.  Each is announced before it
 * is taken ("committed": after the commit).  Only a test that compiles these
 * files with SK_FAULTS has the hooks; the library never does.
 */
#ifndef SK_STEP_H
#define SK_STEP_H
#include <stdbool.h>

#ifdef SK_FAULTS
extern void (*sk_step_hook)(const char *step);
extern const char *sk_fault;            /* the one promise to break, or NULL */
bool sk_fault_is(const char *name);
#define SK_STEP(name) do { if (sk_step_hook) sk_step_hook(name); } while (0)
#define SK_FAULT(name) sk_fault_is(name)
#else
#define SK_STEP(name) do { } while (0)
#define SK_FAULT(name) false
#endif
#endif
