/* SPDX-License-Identifier: MIT */
/*
 * target.h - where functions of a cluster go at AWS, as a profile of snek.conf
 * says (lambda-region and so on): the one by whose name the cluster was opened,
 * else the first that has a region and means the same directory or servers.
 */
#ifndef SK_TARGET_H
#define SK_TARGET_H
#include "category/cluster.h"

struct sk_target {
	char *profile, *file;           /* that says so */
	char *region, *role, *endpoint, *bucket;
	char *aws_profile;              /* of ~/.aws */
	char *subnets, *security_groups;        /* with commas between */
	char *stack;                    /* that they belong to */
	uint32_t memory_mb, timeout_s;  /* 0: not said */
	uint32_t log_days;              /* of what is in a stack; the same */
};

/* SNEK_ENOENT without text: none; and what reading snek.conf says. */
int sk_target_find(const struct sk_catalog *, struct sk_target *,
    struct snek_error *);
void sk_target_free(struct sk_target *);

/*
 * Remember it, by the name of the target's profile (NULL: that of one which is
 * there, or of the directory); what is NULL or 0 stays as it was.  *name: the
 * profile's, the caller's to free.  SNEK_EINVAL: a value that cannot be one, or
 * no name; SNEK_EEXIST: the name means another cluster.
 */
int sk_target_save(const struct sk_catalog *, const struct sk_target *,
    char **name, struct snek_error *);
#endif
