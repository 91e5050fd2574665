/* SPDX-License-Identifier: MIT */
/*
 * template.h - a stack's CloudFormation template, from its options alone.
 *
 *   template_net.c       VPC, subnets, endpoints, security groups
 *   template_store.c     shards and the meta store on ElastiCache, their users
 *   template_code.c      the API's functions, roles and log groups
 *   template_api.c       the HTTP API in front of them, alarms
 *   template_bastion.c   a machine to look around from
 *   template_options.c   what it remembers of its options
 *
 * The same options give the same bytes.
 */
#ifndef SK_TEMPLATE_H
#define SK_TEMPLATE_H
#include "base/buf.h"
#include "base/err.h"

#define SK_TEMPLATE_ZONES 6u            /* at most */

struct sk_stack_tag {
	const char *name, *value;
};
struct sk_stack_options {               /* NULL and 0: the default */
	const char *name;               /* of the stack; [a-z][a-z0-9-]* */
	uint32_t shards, level;         /* 2; all of them */
	uint32_t replicas;              /* of each server; 0 */
	uint32_t zones;                 /* 1, or as many as have names */
	const char *zone_names;         /* names or ids, commas between; the
					 * region's first ones */
	const char *node;               /* cache.t4g.micro */
	const char *engine;             /* valkey, redis */
	const char *auth;               /* iam, token */
	bool bastion;
	/* What a stack that is there may have is not kept. */
	bool no_replicas, no_bastion;
	uint32_t log_retention;         /* days; 14 */
	const struct sk_stack_tag *tag;
	size_t tags;
	/* The code in the artifacts' bucket; key NULL: the bucket alone, as
	 * long as nothing lies in it. */
	const char *code_key, *code_version;
};

int sk_template_check_name(const char *, struct snek_error *);
/* SNEK_EINVAL: an option that cannot be.  Fills in the defaults. */
int sk_template_check(struct sk_stack_options *, struct snek_error *);
/* Append it.  The options have been checked. */
int sk_template_make(const struct sk_stack_options *, struct sk_buf *,
    struct snek_error *);

/* Check them, and append it. */
int sk_template_text(struct sk_stack_options *, struct sk_buf *,
    struct snek_error *);

/* ---- template_options.c ---- */

struct sk_template_was {                /* 0 and "": it does not say */
	uint32_t shards, level, replicas, zones, log_retention;
	char node[40], engine[16], auth[16], bastion[4];
	char zone_names[SK_TEMPLATE_ZONES * 33];
};
#define SK_TEMPLATE_OPTIONS 480         /* AWS takes 1024 bytes of an output */
/* Of options that have been checked. */
void sk_template_options_text(const struct sk_stack_options *,
    char text[SK_TEMPLATE_OPTIONS]);
/* SNEK_EVERSION: it is none of ours. */
int sk_template_options_read(const char *text, struct sk_template_was *,
    struct snek_error *);

/* ---- between the files template*.c ---- */

struct sk_template {
	const struct sk_stack_options *o;
	struct sk_buf *out;
	bool comma, nomem;
};
/* A member or element, printf-like, ' standing for "; a comma goes before it
 * where one is wanted. */
__attribute__((format(printf, 2, 3)))
void sk_template_put(struct sk_template *, const char *fmt, ...);
/* How long the name of zone n is, and where. */
size_t sk_template_zone(const char *names, uint32_t n, const char **name);
/* A resource's tags: {'Key':...},...; name: its Name. */
void sk_template_tags(struct sk_template *, const char *name);
void sk_template_net(struct sk_template *);
void sk_template_store(struct sk_template *);
void sk_template_code(struct sk_template *);
void sk_template_api(struct sk_template *);
void sk_template_bastion(struct sk_template *);
/* The prefix list's id is another in each region, and is given with the
 * template. */
#define SK_TEMPLATE_S3_LIST "S3PrefixList"
void sk_template_bastion_parameters(struct sk_template *);
/* A statement that lets a user, and another if that is not NULL, or whoever has
 * the token, to the servers. */
void sk_template_store_rights(struct sk_template *, const char *user,
    const char *other);

/* The functions of the API, in the order of their routes. */
struct sk_template_function {
	const char *id;                 /* logical: "Write" */
	const char *summary;
	uint32_t memory_mb, timeout_s;
	bool invokes;                   /* mappers and the coordinator */
};
extern const struct sk_template_function sk_template_function[];
extern const size_t sk_template_functions;
#endif
