/* SPDX-License-Identifier: MIT */
/*
 * crash.h - what a child that dies by a signal of its own making notes of
 * where: addresses, and which file lies there.
 *
 * The notes are made in memory that the op can write too, so they may be
 * anything; they are read by a child that is as confined as the one that died.
 */
#ifndef SK_CRASH_H
#define SK_CRASH_H
#include <stdbool.h>
#include <stdint.h>

enum { SK_CRASH_FRAMES = 32, SK_CRASH_MODULES = 32 };

struct sk_crash_module {
	uint64_t base, from, to;        /* what addresses in the file are from */
	int32_t file;                   /* number of a plugin; -1: another library */
	char path[228];
};

struct sk_crash {
	uint32_t frames;                /* complete when it is not 0 */
	uint32_t modules;
	uint64_t pc[SK_CRASH_FRAMES];   /* within the call, not after it */
	struct sk_crash_module module[SK_CRASH_MODULES];
};

/*
 * From here on a deadly signal is noted on its way: it ends the process all
 * the same, as it would have.  Signals that somebody else handles already, a
 * sanitizer, are left alone.  One call a process, from its only thread.
 */
void sk_crash_watch(struct sk_crash *);
/* Called before the process ends by that signal, once, on the handler's stack;
 * what could be noted is noted.  NULL: nobody. */
void sk_crash_last(void (*)(int sig));
/* fake, the loader's name of a file, stands for the plugin of that number and
 * path; say so before it is loaded. */
void sk_crash_name(const char *fake, int32_t file, const char *path);
/* Libraries have been loaded: remember where, while the loader's lists can be
 * trusted. */
void sk_crash_look(void);
#endif
