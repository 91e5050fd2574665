/* SPDX-License-Identifier: MIT */
/*
 * sandbox.h - what a child that runs other people's code may not do.
 *
 * Entered once, before the plugin is loaded, for its constructors are its code
 * too.  What is left to it: computing, its memory up to a limit, threads, the
 * descriptors it was given, and reading the directories where libraries lie.
 * What cannot be had on this kernel is left out and told by
 * sk_sandbox_features; what must be relaxed under sanitizers is said in
 * sandbox_parts.h and nowhere else.
 *
 * Not hidden: that a path exists and how large it is (dlopen needs stat); the
 * time; the files under library directories that its account may read.  A
 * descriptor is its own permission: a child writes to a file, or shrinks a
 * memory file, only if it was given one that can be written.  Give it socket
 * pairs of SOCK_STREAM or SOCK_SEQPACKET: over SOCK_DGRAM it can reach other
 * sockets by name.
 */
#ifndef SK_SANDBOX_H
#define SK_SANDBOX_H
#include "base/err.h"

struct sk_sandbox_filter;               /* what system calls are allowed */

struct sk_sandbox_options {
	uint64_t memory;                /* bytes of private memory; 0: 4 GiB */
	uint32_t cpu_seconds;           /* SIGXCPU then, SIGKILL a second later;
	                                 * 0: unlimited (the coordinator's
	                                 * deadlines still hold) */
	uint64_t file_bytes;            /* the longest that a file may grow which
	                                 * it was given; 0: 64 GiB */
	uint32_t descriptors;           /* how many more it may open or be sent;
	                                 * 0: 64 */
	const char *libraries;          /* further directories of libraries, or
	                                 * files, that it may read, separated by
	                                 * ':'; only absolute ones.  Those of
	                                 * LD_LIBRARY_PATH always are. */
	const struct sk_sandbox_filter *filter; /* NULL: made on the spot */
};

/*
 * Irrevocable.  The calling process is single-threaded and has closed every
 * descriptor but those it needs.  SNEK_EACCES: this machine cannot keep it in
 * (the message names the cure); the process may then be half confined and
 * should end.
 */
int sk_sandbox_enter(const struct sk_sandbox_options *, struct snek_error *);

/*
 * The filter, made once for many children (it takes ten times as long as
 * entering).  strict: the surely dangerous calls (exec, ptrace, mount, ...) end
 * the process by SIGSYS instead of failing with EPERM.  Success with *out NULL
 * where snek was built without seccomp.
 */
int sk_sandbox_filter_new(bool strict, struct sk_sandbox_filter **out,
    struct snek_error *);
void sk_sandbox_filter_free(struct sk_sandbox_filter *);

/* What a sandbox entered now would consist of; enters nothing. */
struct sk_sandbox_features {
	bool no_new_privs, seccomp, landlock;
	int landlock_abi;               /* 0: none */
};
void sk_sandbox_features(struct sk_sandbox_features *);
#endif
