/* SPDX-License-Identifier: MIT */
/* reader.h - a category's records one by one, in the order of their places. */
#ifndef SK_READER_H
#define SK_READER_H
#include "category/snapshot.h"

typedef struct sk_reader sk_reader;

/* Everything committed as of now.  SNEK_ENOENT: no such category. */
int sk_reader_open(struct sk_catalog *, const char *category, sk_reader **,
    struct snek_error *);
/* The same from a place on: what stands before it is not even fetched. */
int sk_reader_open_at(struct sk_catalog *, const char *category,
    struct sk_place from, sk_reader **, struct snek_error *);
void sk_reader_close(sk_reader *);

/* 1, a record (views until the next call) and its place; 0 at the end. */
int sk_reader_next(sk_reader *, struct sk_record *, struct sk_place *,
    struct snek_error *);
uint64_t sk_reader_records(const sk_reader *);  /* in all */
uint64_t sk_reader_category(const sk_reader *); /* the id: one that was made again
						 * has another */
#endif
