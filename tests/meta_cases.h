/* SPDX-License-Identifier: MIT */
/* meta_cases.h - what every meta store does, and words to say it with. */
#ifndef META_CASES_H
#define META_CASES_H
#include <check.h>

#include "store/meta.h"

struct meta_store {
	void (*make)(void);             /* a cluster of meta_shape, */
	int (*open)(struct sk_meta **); /* opened (words in err), */
	void (*end)(void);              /* removed */
	/* The request id of cat got its (empty) receipt then. */
	void (*age)(const char *request, int64_t time);
};
extern const struct meta_store *const meta_store;       /* the program's */

struct meta_seen {
	int n;
	struct sk_meta_entry m[64];
	struct sk_meta_part part[64];
	char text[64][16];
};

/* Of the test that runs. */
extern struct sk_meta_cluster meta_shape;
extern struct sk_meta *meta;
extern const struct sk_meta_ops *ops;
extern struct snek_error err;
extern struct sk_meta_category cat;
extern struct meta_seen meta_seen;

void meta_setup(void);
void meta_teardown(void);
void meta_shut(void);
bool meta_in_child(void);                       /* that a test forked */
void meta_cases(TCase *);

struct sk_write_id meta_id(unsigned n);
void meta_category(const char *name);           /* into cat */
/* A record of 10 bytes, inlined, in cat; commit: the digest is n. */
int meta_commit_as(unsigned n, const char *request, uint64_t digest,
    struct sk_meta_receipt *);
void meta_commit(unsigned n);
int meta_look(uint64_t from);                   /* snapshot of x, meta_seen */
void meta_six_writes(void);                     /* 1 to 6, in x */
int meta_fold(unsigned first, unsigned last, unsigned id, uint64_t records);
struct sk_meta_function meta_function(const char *name, const char *op,
    char sha);
/* One of each kind, with and without a Lambda. */
enum { META_FUNCTIONS = 7 };
struct sk_meta_function meta_function_of(int i);
#endif
