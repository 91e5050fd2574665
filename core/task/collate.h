/* SPDX-License-Identifier: MIT */
/*
 * collate.h - entries of many runs in the order of their keys.  For more keys
 * than a table in the caches has room for: there every key costs several misses,
 * and the keys have to be sorted anyway.
 */
#ifndef SK_COLLATE_H
#define SK_COLLATE_H
#include "task/run.h"

typedef struct sk_collate sk_collate;

/* The runs are not needed afterwards.  SNEK_ENOENT without text: some are not
 * in memory, or it would take more than so much of it. */
int sk_collate_new(const struct sk_run *const *runs, size_t n, size_t memory,
    sk_collate **, struct snek_error *);
/* At most, for so many bytes of so many entries. */
uint64_t sk_collate_need(uint64_t bytes, uint64_t entries);
/* What it takes, the runs included. */
size_t sk_collate_bytes(const sk_collate *);
/* 1 and the next entry, which stays until the one after it is asked for; 0 at
 * the end; of equal keys in any order. */
int sk_collate_next(sk_collate *, struct sk_entry *, struct snek_error *);
void sk_collate_free(sk_collate *);
#endif
