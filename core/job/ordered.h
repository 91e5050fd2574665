/* SPDX-License-Identifier: MIT */
/*
 * ordered.h - pairs put in order of their values, or of what lies at a path in
 * them (null where there is nothing), ties by the order they came in; with a
 * limit only so many are ever held.  What is more than memory goes to files.
 */
#ifndef SK_ORDERED_H
#define SK_ORDERED_H
#include "base/arena.h"
#include "base/err.h"
#include "task/sorter.h"
#include "value/value.h"

struct sk_ordered_pair {
	struct sk_span rank;            /* the value as a key */
	struct sk_span key, value;
	uint64_t seq;
};
struct sk_ordered {                     /* zeroed, then the first five: */
	uint64_t limit;                 /* 0: all */
	bool down;                      /* largest first */
	const struct sk_path *path;     /* in the value; NULL: the value itself */
	size_t memory;                  /* 0: any */
	const char *tmp;
	struct sk_arena arena;
	struct sk_ordered_pair *pair;
	size_t n, cap, next;
	uint64_t seq;
	struct sk_buf scratch;
	struct sk_sorter sorter;        /* what was put off */
	bool put_off;
	struct sk_runs runs;
	const struct sk_run **run;
	sk_merge *merge;
};

/* Copies the entry. */
int sk_ordered_add(struct sk_ordered *, const struct sk_entry *, struct snek_error *);
/* All have come: put them in order. */
int sk_ordered_end(struct sk_ordered *, struct snek_error *);
/* 1, and key and value of the next, valid until the next call; 0 at the end. */
int sk_ordered_next(struct sk_ordered *, struct sk_entry *, struct snek_error *);
void sk_ordered_free(struct sk_ordered *);
#endif
