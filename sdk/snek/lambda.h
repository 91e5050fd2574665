/* SPDX-License-Identifier: MIT */
/* snek/lambda.h - functions that have an AWS Lambda of their own; part of
 * snek/snek.h, which includes it. */
#ifndef SNEK_LAMBDA_H
#define SNEK_LAMBDA_H

#include <snek/snek.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where functions of a cluster go at AWS, as a profile of snek.conf(5) says;
 * NULL and 0: it does not. */
struct snek_target {
	size_t size;
	const char *profile;            /* its name */
	const char *region, *role, *endpoint, *bucket, *aws_profile;
	uint32_t memory_mb, timeout_s;
	/* The network that functions are in, ids with commas between; and the
	 * stack that they belong to, for a tag. */
	const char *subnets, *security_groups, *stack;
};
/* Remember it in the profile of that name, or, with NULL, in the one by which
 * the cluster was opened or which means it, or in a new one that is called as
 * its directory.  What is NULL or 0 stays as it was. */
SNEK_API int snek_target_put(snek_cluster *, const struct snek_target *,
             struct snek_error *);
/* Visit it, if there is one: a profile with a region, else SNEK_ENOENT.  It
 * lives until the visit returns, whose value is returned. */
SNEK_API int snek_target_get(snek_cluster *,
             int (*visit)(void *, const struct snek_target *), void *,
             struct snek_error *);

/* ---- one function's ---- */

/* A function's own Lambda, as the cluster knows it; lives until the visit
 * returns. */
struct snek_lambda_info {
	size_t size;
	const char *name, *arn, *version, *region;      /* arn: with the version */
	const char *arch, *code_sha256, *plugin_sha256;
	const char *endpoint;           /* of an emulator; NULL: AWS's own */
	uint32_t memory_mb, timeout_s;
	/* What AWS says, where it was asked; NULL otherwise. */
	const char *state, *role;       /* state: "Active", ... or "gone" */
	const char *differs;            /* from the cluster, in words; NULL */
};

/* How a plugin is put into a Lambda of its own.  NULL and 0: as the cluster's
 * target says, else as AWS's own programs would have it. */
struct snek_lambda_options {
	size_t size;
	const char *region, *role, *endpoint, *bucket, *aws_profile;
	uint32_t memory_mb, timeout_s;
	const char *arch;               /* that it must be: "x86_64", "arm64" */
	const char *const *include;     /* files that are put beside it */
	uint32_t includes;
	const char *const *env;         /* "NAME=VALUE"; "NAME=": not any more */
	uint32_t envs;
	bool tls;                       /* for rediss:// of other clusters */
	bool dry_run;                   /* look, say, change nothing */
	/* Each step as it is done, in words; and what a function that does not
	 * work has printed. */
	void (*said)(void *arg, const char *text);
	void *said_arg;
};

struct snek_bundle_report {
	size_t size;
	char arch[16], code_sha256[45], plugin_sha256[65];
	uint64_t bytes, unzipped;
	bool by_s3;                     /* over 50 MB: it goes through a bucket */
};
/* Write the zip that a Lambda of the plugin or library is made of; AWS is not
 * asked.  cluster (may be NULL): whether TLS is needed.  out may be NULL. */
SNEK_API int snek_function_bundle(snek_cluster *, const char *path,
             const struct snek_lambda_options *, const char *zip,
             struct snek_bundle_report *out, struct snek_error *);

/* Ask AWS what a function's Lambda (by its or its plugin's name) is like; and
 * visit that.  SNEK_ENOENT: it has none. */
SNEK_API int snek_lambda_get(snek_cluster *, const char *name,
             const struct snek_lambda_options *,
             int (*visit)(void *, const struct snek_lambda_info *), void *,
             struct snek_error *);
/* Back to the version before the one that is registered, the plugin too; jobs
 * that run keep theirs.  added is called as by snek_function_put.  SNEK_ENOENT:
 * there is none before. */
SNEK_API int snek_lambda_rollback(snek_cluster *, const char *name,
             const struct snek_lambda_options *,
             int (*added)(void *, const struct snek_function_info *), void *,
             struct snek_error *);
/* Remove it from AWS, with all its versions; the function stays in the cluster.
 * 0 too when it was gone already.  A dry run only says what would be removed.
 * SNEK_ECONFLICT: other functions of the plugin have the same. */
SNEK_API int snek_lambda_remove(snek_cluster *, const char *name,
             const struct snek_lambda_options *, struct snek_error *);

#ifdef __cplusplus
}
#endif
#endif
