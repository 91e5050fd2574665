/* SPDX-License-Identifier: MIT */
/*
 * redis_faults.h - a cluster of two servers, each behind a wire that breaks as
 * told, and what may befall them while somebody writes.  The first has the meta
 * store and a shard, the second one a shard.
 */
#ifndef TESTS_REDIS_FAULTS_H
#define TESTS_REDIS_FAULTS_H
#include "category.h"
#include "proxy.h"
#include "redis.h"

enum { FAULTY_SERVERS = 2 };

struct faulty {
	struct redis_world *server[FAULTY_SERVERS];
	struct redis_world *replica;            /* of the second; or NULL */
	struct proxy *proxy[FAULTY_SERVERS];
	char url[FAULTY_SERVERS][96];
};

enum faulty_kind { FAULTY_PLAIN, FAULTY_TLS, FAULTY_REPLICA };

/* False: built without TLS. */
bool faulty_can(enum faulty_kind);
void faulty_make(struct faulty *, enum faulty_kind);
void faulty_remove(struct faulty *);
/* With a replica, the second shard's seal waits for it. */
struct sk_catalog *faulty_open(const struct faulty *);

/* One fault, befalling one server. */
struct hit {
	struct faulty *f;
	unsigned server;
	uint64_t seed;                  /* says how, where there is a choice */
};

struct fault {
	const char *name;
	/* What can only pass by itself has passed when it returns; the rest is
	 * mended by heal (NULL: nothing is left to do), after the write. */
	void (*strike)(struct hit *);
	void (*heal)(struct hit *);
	enum faulty_kind kind;
	bool data_only;                 /* it befalls the second server alone */
};
extern const struct fault faults[];
extern const int faults_n;

/* What a writer said of a write. */
enum outcome { COMMITTED, NOT_COMMITTED, UNKNOWN };
enum outcome faulty_outcome(int rc);
/* Write w, with a request id; small ones rest in the commit alone. */
struct job faulty_job(uint64_t w, bool small, char request[24]);
unsigned faulty_rounds(void);           /* $ROUNDS, or 3 */
#endif
