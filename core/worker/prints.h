/* SPDX-License-Identifier: MIT */
/*
 * prints.h - what a child prints, line by line and within bounds.
 *
 * The pipe is always read, and what is too much is thrown away here: a child
 * that floods it waits for the worker as long as one turn takes, and is
 * stopped by the limits that hold for any op.
 */
#ifndef SK_PRINTS_H
#define SK_PRINTS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SK_PRINTS_TASK ((uint64_t)64 << 10)     /* bytes of a task */
#define SK_PRINTS_ALL ((uint64_t)1 << 20)       /* of a worker's children */

struct sk_prints {
	int fd;                         /* the end to read; -1: none */
	uint64_t taken, dropped;        /* bytes of this task */
	size_t n;
	char line[1000];
};

/* What all children together may print; zeroed: nothing yet. */
struct sk_prints_all {
	uint64_t taken;
	bool told;                      /* that it is enough */
};

/* Read what has come, at most as much as a pipe holds, and give out whole
 * lines: lines(arg, text), which returns 0 or what ends it. */
typedef int sk_prints_line(void *arg, const char *text);
int sk_prints_read(struct sk_prints *, struct sk_prints_all *,
    sk_prints_line *, void *);
/* The task is over: what it printed last, and how much was dropped. */
int sk_prints_end(struct sk_prints *, struct sk_prints_all *,
    sk_prints_line *, void *);
void sk_prints_close(struct sk_prints *);
#endif
