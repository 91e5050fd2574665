/* SPDX-License-Identifier: MIT */
/*
 * servers.h - the servers of a cluster as clients of one loop: who we are to
 * each of them, from URL, environment and profile.
 */
#ifndef SK_SERVERS_H
#define SK_SERVERS_H
#include "category/profile.h"
#include "store/meta.h"
#include "store/redis.h"

#include <pthread.h>

/* What a caller says beside a URL; texts may be NULL. */
struct sk_login {
	const char *user, *password, *password_file;
	const char *ca_file, *cert_file, *key_file, *server_name;
};

struct sk_servers {
	sk_redis_loop *loop;
	struct sk_profile profile;      /* zeroed: none */
	struct sk_login login;          /* the profile's or the caller's own */
	char *secret;                   /* read from the password file */
	struct sk_redis_url main;       /* of the meta store; or zeroed */
	/* Of an open cluster: the meta store's client, then that of each shard
	 * by id; owned by these. */
	struct sk_redis **client;
	uint32_t clients;
	struct sk_known *known;         /* of each: durability.c */
	pthread_mutex_t lock;           /* of known */
};

/* The profile becomes ours (NULL: none; zeroed then).  SNEK_EACCES and such
 * for a password file that cannot be read. */
int sk_servers_open(struct sk_servers *, struct sk_profile *,
    const struct sk_login *, struct snek_error *);
void sk_servers_close(struct sk_servers *);     /* after its clients */

/* The cluster's own URL: its user and password are told to its server, and to
 * others if nobody says otherwise. */
int sk_servers_at(struct sk_servers *, const char *url, struct snek_error *);

/* A URL with the user and password that its server is told, and the prefix of
 * all keys if that is not NULL. */
int sk_servers_resolve(const struct sk_servers *, const char *url,
    const char *prefix, struct sk_redis_url *, struct snek_error *);
/* The same for those who map elsewhere: the profile may name others for them. */
int sk_servers_mapper(const struct sk_servers *, const char *url,
    const char *prefix, struct sk_redis_url *, struct snek_error *);
/* A client for such a URL, which has begun to connect. */
int sk_servers_client(struct sk_servers *, const char *url, const char *prefix,
    struct sk_redis **, struct snek_error *);

/* Was it said that servers may drop data when their memory is full? */
bool sk_servers_may_evict(const struct sk_servers *);

/* The meta store at a URL, which owns its client. */
int sk_servers_meta(struct sk_servers *, const char *url, struct sk_meta **,
    struct sk_redis **client, struct snek_error *);

/* The URL as it is recorded: without user, password, prefix and what is usual;
 * freed by the caller. */
int sk_servers_address(const char *url, char **out, struct snek_error *);
#endif
