/* SPDX-License-Identifier: MIT */
/* zoo_kinds.h - every bad plugin, and how a job over it must end. */
#ifndef SK_TEST_ZOO_KINDS_H
#define SK_TEST_ZOO_KINDS_H
#include <stdbool.h>

/* Exit codes of the commands, as bits. */
#define ZOO_EXIT(n) (1u << (n))

enum {
	ZOO_ADD = 1,                    /* given to snek-add-function */
	ZOO_RECORD = 2,                 /* the message names the record */
	ZOO_NO_SAN = 4,                 /* not with a sanitizer in the way */
	ZOO_LANDLOCK = 8,               /* nothing else refuses it */
	ZOO_SLOW = 16,                  /* seconds each: a 20th of the rounds */
	ZOO_ACCOUNT = 64,               /* counted by account: not root itself */
	ZOO_ROUND = 32,                 /* what is the number of the round */
};

/* Seconds for those that are to end by themselves: what hangs fails. */
#define ZOO_TIMEOUT "120"

struct zoo_kind {
	const char *name;
	const char *plugin, *op;        /* op NULL: its only one */
	const char *what;               /* the op's argument, or NULL */
	const char *reduce, *timeout, *memory, *cpu;    /* of the job, or NULL */
	unsigned exits, flags;
	const char *says;               /* extended regexp; NULL: exit 0 */
};

extern const struct zoo_kind zoo_kinds[];       /* name NULL ends it */

/* The path of the plugin, with the op if there is one. */
void zoo_kind_function(const struct zoo_kind *, const char *dir, char *out,
    unsigned long size);

/* Why it cannot be tried here; NULL: it can. */
const char *zoo_kind_skip(const struct zoo_kind *);

/* The records of the category that all of them are tried on; at the
 * 1500th the bad thing happens. */
enum { ZOO_RECORDS = 4000, ZOO_AT = 1500 };
#endif
