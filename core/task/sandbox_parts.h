/* SPDX-License-Identifier: MIT */
/*
 * sandbox_parts.h - the two parts of the sandbox that a build may lack, and
 * what a build with sanitizers relaxes.
 */
#ifndef SK_SANDBOX_PARTS_H
#define SK_SANDBOX_PARTS_H
#include "task/sandbox.h"

/* Landlock: the version of the kernel's interface, 0 where there is none. */
int sk_landlock_abi(void);
/* Nothing of the file system from here on but reading beneath the directories
 * of libraries, and beneath more (as in struct sk_sandbox_options).  Success
 * where there is none. */
int sk_landlock_enter(const char *more, struct snek_error *);

/* seccomp, after no_new_privs.  f may be NULL: then it is made. */
bool sk_seccomp_there(void);
int sk_seccomp_enter(const struct sk_sandbox_filter *f, struct snek_error *);
/* Put the calls into a scmp_filter_ctx; 0 or libseccomp's negative errno. */
int sk_sandbox_fill(void *filter, bool strict);

/*
 * Under sanitizers, and only there:
 * - no RLIMIT_DATA: their shadow is terabytes of private memory, and counts.  A
 *   plugin that allocates without end is stopped by deadlines alone.
 * - prctl in all its forms, and readlink: they name their maps and threads, and
 *   look at themselves when they report.
 * Reports come without symbols, for nothing can be opened or started to find
 * them.  LeakSanitizer cannot look at a child that calls exit() (it clones and
 * traces): run children with detect_leaks=0, or end them by _exit().
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define SK_SANITIZED true
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SK_SANITIZED true
#endif
#ifndef SK_SANITIZED
#define SK_SANITIZED false
#endif
#endif
