/* SPDX-License-Identifier: MIT */
/* snek/stack.h - a cluster as a stack of AWS CloudFormation; part of
 * snek/snek.h, which includes it. */
#ifndef SNEK_STACK_H
#define SNEK_STACK_H

#include <snek/snek.h>

#ifdef __cplusplus
extern "C" {
#endif

struct snek_stack_tag {
	const char *name, *value;
};
/* One resource that would be added, modified or removed; or, of an event, what
 * became of it.  Until the call returns. */
struct snek_stack_change {
	size_t size;
	const char *action;             /* Add, Modify, Remove */
	const char *name, *type;        /* Shard0, AWS::ElastiCache::... */
	bool replaces;                  /* what is there goes, or may go */
	bool loses;                     /* a server goes so, or may, with its
	                                 * data: that is never done */
};
struct snek_stack_event {
	size_t size;
	const char *time, *name, *type, *status, *reason;
};
/* What somebody changed by hand: a property (by its path, as /MemorySize), or
 * (path NULL) the resource is gone.  Until the call returns. */
struct snek_stack_drift {
	size_t size;
	const char *name, *type, *path;
};
/* NULL and 0: as a stack that is there has it, else the default. */
struct snek_stack_options {
	size_t size;
	const char *name;               /* snek */
	const char *region, *aws_profile;       /* as its profile in snek.conf
	                                 * says, else the environment */
	uint32_t shards, level;         /* 2; all of them */
	uint32_t replicas, zones;       /* 0 of each server; 1 */
	const char *zone_names;         /* names or ids, commas between; the
	                                 * region's first ones */
	const char *node;               /* cache.t4g.micro */
	const char *engine, *auth;      /* valkey or redis; iam or token */
	bool bastion;
	uint32_t log_retention;         /* days; 14 */
	const struct snek_stack_tag *tag;
	size_t tags;
	const char *code;               /* the zip with snek-api; one made of
	                                 * what is installed */
	/* Told while it lasts; each may be NULL.  Other than 0 from waits ends
	 * the waiting with that code; AWS goes on. */
	void (*said)(void *, const char *text);
	void (*event)(void *, const struct snek_stack_event *);
	int (*waits)(void *, const char *status);
	void *arg;
	bool no_replicas, no_bastion;   /* also where the stack has them */
	bool recovers;                  /* a plan may go on with a rollback that
	                                 * failed, before which nothing can be
	                                 * planned but the stack itself */
	/* Told what the options come to with what the stack has, before anything
	 * is planned; until it returns. */
	void (*settled)(void *, const struct snek_stack_options *);
};

/* The CloudFormation template, as JSON; AWS is not asked. */
SNEK_API int snek_stack_template(const struct snek_stack_options *, FILE *,
             struct snek_error *);
struct snek_bundle_report;              /* snek/lambda.h */
/* Write the zip with snek-api that the stack's functions run; the same files
 * make the same bytes.  out may be NULL. */
SNEK_API int snek_stack_bundle(const char *zip, struct snek_bundle_report *out,
             struct snek_error *);
/* What deploying would change, resource by resource; nothing is changed. */
SNEK_API int snek_stack_plan(const struct snek_stack_options *,
             int (*visit)(void *, const struct snek_stack_change *), void *,
             struct snek_error *);
/* Bring it there, from wherever it is, unless servers would be lost
 * (SNEK_EEXIST): 1 if anything changed, else 0.  From
 * then on the profile of the stack's name in snek.conf is this cluster. */
SNEK_API int snek_stack_deploy(const struct snek_stack_options *,
             struct snek_error *);
/* Visit what it is: status, whether its profile is of another stack, then each
 * output.  SNEK_ENOENT: there is none. */
SNEK_API int snek_stack_look(const struct snek_stack_options *,
             int (*visit)(void *, const char *name, const char *value), void *,
             struct snek_error *);
/* Have CloudFormation compare it with what it made, which takes minutes: 1, each
 * difference visited; 0: there is none. */
SNEK_API int snek_stack_compare(const struct snek_stack_options *,
             int (*visit)(void *, const struct snek_stack_drift *), void *,
             struct snek_error *);
/* Remove it with all data and what snek-add-function made for it; then visit
 * what is still found by tag or name, and if nothing is, remove its profile.  1:
 * it is gone, but what is left could not be looked for; the error says why.
 * SNEK_ENOENT: there is none, nor anything left of one. */
SNEK_API int snek_stack_destroy(const struct snek_stack_options *,
             int (*left)(void *, const char *arn), void *,
             struct snek_error *);

#ifdef __cplusplus
}
#endif
#endif
