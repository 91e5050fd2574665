/* SPDX-License-Identifier: MIT */
/*
 * cluster.h - clusters by what a user calls them: a URL if it has "://", a
 * directory if it has a "/" or begins with ".", else a profile of snek.conf;
 * and clusters on servers, made, grown and taken down.
 */
#ifndef SK_CLUSTER_H
#define SK_CLUSTER_H
#include "category/catalog.h"
#include "category/servers.h"

struct sk_where {               /* one of both */
	char *dir;
	char *url;              /* of the server that has the meta store */
	struct sk_profile profile;      /* that named it; zeroed: none */
};
/* SNEK_ENOENT when there is no such profile. */
int sk_where_find(struct sk_where *, const char *name, struct snek_error *);
void sk_where_free(struct sk_where *);

/* As sk_catalog_open, of whatever kind; who waits for servers, or NULL. */
int sk_cluster_open(const char *name, const struct sk_waiting *,
    struct sk_catalog **, struct snek_error *);

/* A cluster on servers, as it is to be. */
struct sk_cluster_plan {
	const char *meta;               /* URL; its prefix is that of all keys */
	const char *const *server;      /* URLs, a shard each */
	uint32_t servers, level;
	struct sk_login login;
	const char *profile;            /* to be saved under this name, or NULL;
	                                 * what it says already is used, too */
	bool allow_eviction;
	struct sk_waiting waiting;
};

/* The profile that the plan is to be saved under, zeroed if there is none yet.
 * SNEK_EEXIST, or SNEK_EINVAL if the plan says where its own meta store is:
 * the name means another cluster. */
int sk_cluster_named(const struct sk_cluster_plan *, struct sk_profile *,
    struct snek_error *);
/* Do two URLs mean the same meta store, prefix and all? */
int sk_cluster_same(const char *url, const char *other, bool *same,
    struct snek_error *);
/* Save what the plan says of it: a new profile, or its changes. */
int sk_cluster_name(const struct sk_cluster_plan *, struct snek_error *);

/*
 * Meta first, then the shards' stamps: what a killed one left undone, the next
 * one does.  SNEK_EEXIST: there is a cluster of other servers, or a finished
 * one.  SNEK_EINVAL: a server that cannot be used, and why.
 */
int sk_cluster_create(const struct sk_cluster_plan *, struct snek_error *);
/* Has it not got all servers of the plan, or another level (0: whichever)? */
int sk_cluster_lacks(struct sk_catalog *, const struct sk_cluster_plan *,
    bool *lacks, struct snek_error *);
/* Register the servers that are not yet; new categories use them.  *added: how
 * many were; level 0: as it is.  Several may do it at once. */
int sk_cluster_grow(const char *name, const struct sk_cluster_plan *,
    uint32_t *added, struct snek_error *);
/* Remove every key of it, and the profile by whose name it was called.
 * Nothing else on the servers is touched.  SNEK_EINVAL for a directory. */
int sk_cluster_destroy(const char *name, struct snek_error *);
#endif
