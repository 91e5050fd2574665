/* SPDX-License-Identifier: MIT */
/*
 * watch.h - run a command and hear how it ended, see what it left behind.
 *
 * The process that watches is made a subreaper: whatever the command started
 * and did not end becomes its child, however it hid.
 */
#ifndef SK_TEST_WATCH_H
#define SK_TEST_WATCH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct watched {
	pid_t pid;
	int out, err;                   /* files without a name */
	int status;                     /* as from wait */
	bool hung;                      /* it was still there, and killed */
	long max_rss_kib;               /* of it and all it waited for */
};

void watch_begin(void);
/* Start it; false when it cannot be. */
bool watch_start(struct watched *, char *const argv[]);
/* Until it ends, at most so long. */
void watch_wait(struct watched *, int timeout_ms);
/* What it wrote; out or err.  At most size - 1 bytes and a NUL. */
size_t watch_text(int fd, char *out, size_t size);
void watch_free(struct watched *);

/* -1: a signal. */
int watch_exit(const struct watched *);
/* How many processes are left after so long (and are killed then). */
unsigned watch_leftovers(int timeout_ms);

/* The children of a process, at most max; of all its threads. */
unsigned watch_children(pid_t, pid_t *out, unsigned max);
/* By the name that the kernel knows it by. */
bool watch_is_program(pid_t, const char *name);
/* How many entries a directory has; -1: there is none. */
int watch_entries(const char *dir);
/* Take the reports of crashes that a message names out of a directory, into
 * out the last one's text.  How many entries remain. */
int watch_take_reports(const char *dir, const char *message, char *out,
    size_t size);
/* Name them on standard error. */
void watch_tell_entries(const char *dir);
/* A number that changes with any file below dir: its name, size, mode or
 * time.  Locks are no data. */
uint64_t watch_tree(const char *dir);
int64_t watch_clock_ms(void);
#endif
