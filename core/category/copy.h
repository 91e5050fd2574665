/* SPDX-License-Identifier: MIT */
/*
 * copy.h - a category to another cluster, record by record.
 *
 * What is there already must be the beginning of what is to be copied; the
 * copy goes on behind it.  So one that was broken off is resumed by the next,
 * and a copy is brought up to date by another.  Each part is one write with a
 * request id of its own (who, and from which record), so that two copies at the
 * same time cannot double anything.
 */
#ifndef SK_COPY_H
#define SK_COPY_H
#include "category/catalog.h"

struct sk_copy_options {
	const char *as;                 /* its name there; NULL: the same */
	uint64_t part;                  /* records of a write at most; 0: a million */
	/* Now and then; other than 0 ends the copy with that value. */
	int (*progress)(void *, uint64_t done, uint64_t of);
	void *arg;
};

struct sk_copy_report {
	uint64_t records;               /* there now */
	uint64_t copied;                /* of them, by this call */
	uint64_t writes;
	uint64_t digest[2];             /* of all, read back from there */
};

/*
 * SNEK_ENOENT: no such category.  SNEK_ECONFLICT: the other one holds something
 * else, and at which record.  SNEK_ECORRUPT: what was read back is not what
 * was copied.  After a failure whole parts stay.
 */
int sk_copy(struct sk_catalog *from, const char *category,
    struct sk_catalog *to, const struct sk_copy_options *,
    struct sk_copy_report *, struct snek_error *);
#endif
