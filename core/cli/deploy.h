/* SPDX-License-Identifier: MIT */
/* deploy.h - between the files of snek-deploy. */
#ifndef SK_CLI_DEPLOY_H
#define SK_CLI_DEPLOY_H
#include "cli/cli.h"

struct deploy {
	struct cli c;
	const char *local, *shards, *level, *redis, *meta, *name;
	const char *user, *password_file, *ca_file, *cert_file, *key_file;
	const char *server_name;
	const char *region, *role, *endpoint, *bucket, *aws_profile;
	bool status, destroy, yes, allow_eviction;
	/* of a stack at AWS */
	bool aws, bastion, no_bastion, dry_run, detailed, print_template, drift;
	const char *stack, *aws_region, *replicas, *zones, *node, *engine, *auth,
	    *log_retention, *copy_to, *code, *bundle;
	struct cli_list tags;
};

void deploy_put_json(const char *where, const struct snek_cluster_info *,
    bool changed);
int deploy_info(const struct cli *, const char *where,
    struct snek_cluster_info *);
/* What was done to it, and its shape. */
void deploy_say(const struct cli *, const char *where, const char *what,
    const struct snek_cluster_info *);

/* deploy_redis.c: clusters on servers. */
int deploy_redis(const struct deploy *);
int deploy_destroy(const struct deploy *, const char *where);

/* deploy_aws.c: a stack at AWS. */
int deploy_aws(const struct deploy *);
int deploy_aws_check(const struct deploy *);

/* deploy_drift.c: tell what of a stack was changed by hand. */
int deploy_drift(const struct deploy *, const struct snek_stack_options *,
    bool *drifted, struct snek_error *);

/* deploy_keep.c: tell what a stack holds, and copy it to where the user says,
 * if he does or is asked; 0, or what to exit with. */
int deploy_keep(const struct deploy *, const char *stack);

/* What another command needs to mean the same stack, with a blank before it. */
#define DEPLOY_WHERE 400
void deploy_where(const struct deploy *, const char *stack,
    char b[DEPLOY_WHERE]);

/* deploy_cost.c */
void deploy_shape_tell(const struct deploy *, const struct snek_stack_options *);
double deploy_cost_hour(const struct snek_stack_options *);
void deploy_cost_tell(const struct deploy *, const struct snek_stack_options *);

/* deploy_target.c: where its functions go at AWS. */
bool deploy_has_target(const struct deploy *);
int deploy_target_check(const struct deploy *);
/* Remember what was said of it, and tell. */
int deploy_target(const struct deploy *, const char *where);
#endif
