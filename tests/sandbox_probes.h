/* SPDX-License-Identifier: MIT */
/* sandbox_probes.h - what a child in the sandbox tries. */
#ifndef TESTS_SANDBOX_PROBES_H
#define TESTS_SANDBOX_PROBES_H
#include <stddef.h>

enum {
	CALLS = 1,              /* refused by seccomp */
	FILES = 2,              /* refused by Landlock, or not there */
	MEMORY = 4,             /* refused by RLIMIT_DATA: not under sanitizers */
	HARMLESS = 8,           /* succeeds, and may, outside of the sandbox */
	PROC = 16,              /* needs /proc */
	SLOW = 32,              /* seconds: as one account only */
	ALONE = 64,             /* not under the thread sanitizer, whose own
	                         * thread and memory are in its way */
};
struct probe {
	const char *name;
	long (*run)(void);      /* -1 and errno, or another number */
	int error;              /* which errno; 0: succeeds */
	int signal;             /* or which signal ends it */
	unsigned flags;
};
extern const struct probe sandbox_attacks[], sandbox_uses[];
extern const size_t sandbox_attack_count, sandbox_use_count;

enum { GIVEN_FILE = 50, GIVEN_PLUGIN, GIVEN_SOCKET };   /* descriptors */
#endif
