/* SPDX-License-Identifier: MIT */
/* meta_on_redis.h - a meta store on a server of the test's, under a prefix of
 * each test's own; and the test's own hand on its keys. */
#ifndef META_ON_REDIS_H
#define META_ON_REDIS_H
#include "meta_cases.h"
#include "redis.h"

extern struct redis_world *world;
extern const char *world_url;           /* instead of the world's */
extern char prefix[32];                 /* of this test */
extern sk_redis_loop *loop;
extern const struct meta_store on_redis;

void world_start(void);                 /* unchecked fixtures */
void world_stop(void);
/* A client of this test's prefix; on another world or through a proxy. */
sk_redis *world_client(void);
sk_redis *world_client_at(const char *url, sk_redis_loop *);
int world_open(const char *url, struct sk_meta **);

/* A command, words separated by blanks, PREFIX:meta for each @: its reply. */
__attribute__((format(printf, 1, 2))) char *cli(const char *, ...);
__attribute__((format(printf, 1, 2))) void tell(const char *, ...);
/* Whether the reply is that line. */
bool replies(const char *line, const char *command);
/* A command of any bytes on a key of ours. */
void put(const char *command, const char *key, struct sk_span, struct sk_span);
#endif
