/* SPDX-License-Identifier: MIT */
/*
 * line.h - what may take long waits in a bounded line for a few workers, threads
 * of their own.
 */
#ifndef SK_API_LINE_H
#define SK_API_LINE_H
#include "base/err.h"

struct sk_line;
struct sk_line_item { struct sk_line_item *next; };     /* the line's */

/* serve: by a worker.  late: the line has ended, and it is to be turned away. */
int sk_line_new(unsigned workers, unsigned most,
    void (*serve)(struct sk_line_item *, bool late), struct sk_line **,
    struct snek_error *);
/* Any thread.  enter, with nobody served meanwhile, once there is room; false:
 * there is none. */
bool sk_line_up(struct sk_line *, struct sk_line_item *,
    void (*enter)(struct sk_line_item *));
/* How many are being served. */
unsigned sk_line_served(struct sk_line *);
/* Who still waits is turned away; then no worker is left.  May be called again. */
void sk_line_end(struct sk_line *);
void sk_line_free(struct sk_line *);
#endif
