/* SPDX-License-Identifier: MIT */
/*
 * sandbox.h - what a child that runs other people's code may not do.
 *
 * Entered once, before the plugin is loaded, for its constructors are its code
 * too.  What cannot be had on this kernel is left out and told by
 * sk_sandbox_features; what must be relaxed under sanitizers is said in
 * sandbox.c and nowhere else.
 */
#ifndef SK_SANDBOX_H
#define SK_SANDBOX_H
#include "base/err.h"

struct sk_sandbox_options {
	uint64_t memory;                /* bytes of private memory; 0: 4 GiB */
	uint32_t cpu_seconds;           /* 0: unlimited (the coordinator's
	                                 * deadlines still hold) */
	uint64_t file_bytes;            /* the most it may write to a descriptor
	                                 * it was given; 0: 64 GiB */
};

/* Irrevocable.  The calling process is single-threaded and has closed every
 * descriptor but those it needs. */
int sk_sandbox_enter(const struct sk_sandbox_options *, struct snek_error *);

struct sk_sandbox_features {
	bool no_new_privs, seccomp, landlock;
	int landlock_abi;               /* 0: none */
};
void sk_sandbox_features(struct sk_sandbox_features *);
#endif
