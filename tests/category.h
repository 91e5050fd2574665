/* SPDX-License-Identifier: MIT */
/*
 * category.h - what the tests of core/category share: clusters in a temporary
 * directory, writes whose records tell which write they belong to, and a
 * census that says whether all of that is there, once and whole.
 */
#ifndef SK_TEST_CATEGORY_H
#define SK_TEST_CATEGORY_H
#include "category/catalog.h"
#include "category/writer.h"

struct world {
	char dir[256];          /* whose "c" is the cluster; or its URL */
	struct sk_catalog *catalog;     /* NULL while it is shut */
};

/* In base (NULL: $TMPDIR or /tmp).  Failures end the program. */
void world_make(struct world *, const char *base, uint32_t shards,
    uint32_t level);
/* A base where syncing costs nothing, or NULL: for many small writes. */
const char *in_memory(void);
void world_open(struct world *);
void world_shut(struct world *);
void world_remove(struct world *);

/* A write: n records {"w": w, "i": 0 .. n-1, "n": n, "pad": ...}. */
struct job {
	const char *category;
	const char *request;
	uint64_t w, n;
	size_t pad;
	uint32_t chunk_size;
	bool no_compact;
};
/* Open and add, for tests that look in between. */
int job_begin(struct sk_catalog *, const struct job *, sk_writer **,
    struct snek_error *);
int job_run(struct sk_catalog *, const struct job *, struct sk_meta_receipt *,
    struct snek_error *);
/* The same; failures end the program. */
struct sk_meta_receipt job_must(struct sk_catalog *, const struct job *);

#define CENSUS 4096u
struct census {
	uint64_t records, versions;     /* that have records */
	uint32_t seen[CENSUS];          /* how often each w was written */
	char fault[600];
};
/* False, with a fault: records are missing, doubled, out of order or other
 * than they were written. */
bool census_take(struct sk_catalog *, const char *category, struct census *);

/* Every record with place and shard, as text, by place: to be compared. */
char *dump(struct sk_catalog *, const char *category);

/* What lies on shards, and how much of it no manifest names. */
struct litter {
	unsigned segments, unnamed;
};
struct litter litter_count(struct sk_catalog *);

/* Run fn(arg, 0 .. n-1) in n processes at once; how many exited with 0.  No
 * cluster may be open here. */
unsigned in_processes(unsigned n, int (*fn)(void *, unsigned), void *arg);

/* Ends the program with a text. */
__attribute__((format(printf, 1, 2), noreturn))
void die(const char *fmt, ...);
#endif
