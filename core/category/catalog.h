/* SPDX-License-Identifier: MIT */
/* catalog.h - an open cluster: its meta store and its shards. */
#ifndef SK_CATALOG_H
#define SK_CATALOG_H
#include "store/address.h"
#include "store/meta.h"
#include "store/redis.h"

struct sk_profile;
struct sk_servers;

#define SK_CLUSTER_FORMAT 1u

#define SK_RESTING 64u

struct sk_catalog {
	struct sk_meta *meta;
	struct sk_meta_cluster cluster;
	struct sk_shard **shard;        /* by id */
	char *where;                    /* directory or URL, for messages */
	char *profile;                  /* by whose name it was opened; or NULL */
	char *dir;                      /* of an embedded cluster; or NULL and: */
	struct sk_servers *servers;
	bool bare;                      /* registered plugins run elsewhere: none
					 * is loaded here or in a child; set by
					 * who opened it */
	struct sk_told *told;           /* what ops said elsewhere (base/told.h);
					 * of who opened it, or NULL */
	int64_t until;                  /* sk_clock_ms; what looks at much ends
					 * then; 0: never; of who opened it */
	struct sk_manifest *resting[SK_RESTING];        /* manifest.h; by a hash
					 * of the name; taken and put with
					 * __atomic */
	/* Of the shards by id: for other processes that read them. */
	struct sk_address *address;
};

/*
 * create: the directory, and those above it, are made.  SNEK_EEXIST: there is
 * a cluster; SNEK_EINVAL: something else is there.  What a killed create left
 * is cleared away by the next one.
 * open: SNEK_ENOENT: no cluster; SNEK_ECORRUPT: parts are missing, damaged or
 * of another cluster, by name; SNEK_EVERSION.
 */
int sk_catalog_create(const char *dir, uint32_t shards, uint32_t level,
    struct snek_error *);
int sk_catalog_open(const char *dir, struct sk_catalog **, struct snek_error *);
/* The same of a cluster on servers, by the URL of its meta store; the profile
 * (may be zeroed) becomes the catalog's.  Of a server that does not answer:
 * SNEK_EAGAIN, SNEK_ETIMEDOUT; who waits for it may be NULL. */
int sk_catalog_open_servers(const char *url, struct sk_profile *,
    const struct sk_waiting *, struct sk_catalog **, struct snek_error *);
void sk_catalog_close(struct sk_catalog *);
/* The stamp of its shard i. */
void sk_catalog_stamp(const struct sk_meta_cluster *, uint32_t i,
    struct sk_stamp *);
/* Append the addresses of its shards (address.h); nothing where all is mapped. */
int sk_catalog_source(const struct sk_catalog *, struct sk_buf *,
    struct snek_error *);

/* Has what it may take (until) come to its end? */
bool sk_catalog_is_late(const struct sk_catalog *);
/* SNEK_ELIMIT if so, and what to do instead. */
int sk_catalog_late(const struct sk_catalog *, struct snek_error *);

/* SNEK_EINVAL with text unless [A-Za-z0-9._-]{1,128}. */
int sk_name_check(const char *what, const char *name, struct snek_error *);

/* Plugin files by digest.  put copies the bytes (atomically, durably). */
int sk_catalog_plugin_put(struct sk_catalog *, struct sk_span bytes,
    const char *sha256, struct snek_error *);
/* Append the file's path, and a NUL that out->n does not count; SNEK_ENOENT
 * when it is missing. */
int sk_catalog_plugin_path(struct sk_catalog *, const char *sha256,
    struct sk_buf *out, struct snek_error *);
#endif
