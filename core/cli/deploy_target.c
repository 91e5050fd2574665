/* SPDX-License-Identifier: MIT */
/* Where the cluster's functions go at AWS: remembered, told. */
#include "cli/deploy.h"

bool deploy_has_target(const struct deploy *d)
{
	return d->region || d->role || d->endpoint || d->bucket ||
	    d->aws_profile;
}

int deploy_target_check(const struct deploy *d)
{
	if (!deploy_has_target(d))
		return 0;
	if (d->status || d->destroy)
		return cli_error_usage(&d->c, "where functions go at AWS is "
		    "said with --local or --redis");
	return 0;
}

static int put_json(const struct snek_target *t)
{
	cli_out_begin(stdout, "target");
	cli_out_text(stdout, "profile", t->profile);
	cli_out_text(stdout, "region", t->region);
	cli_out_text(stdout, "role", t->role);
	cli_out_text(stdout, "endpoint", t->endpoint);
	cli_out_text(stdout, "bucket", t->bucket);
	cli_out_text(stdout, "aws_profile", t->aws_profile);
	cli_out_close(stdout);
	return 0;
}

static int visit(void *arg, const struct snek_target *t)
{
	const struct deploy *d = arg;

	if (d->c.json)
		return put_json(t);
	if (d->status)
		printf("profile\t%s\nlambda\t%s%s%s\n", t->profile, t->region,
		    t->endpoint ? " at " : "", t->endpoint ? t->endpoint : "");
	else
		cli_error_say(&d->c, "functions go to AWS Lambda in %s%s%s "
		    "(profile %s)", t->region, t->endpoint ? " at " : "",
		    t->endpoint ? t->endpoint : "", t->profile);
	return 0;
}

static int tell(const struct deploy *d, snek_cluster *cluster)
{
	struct snek_error e = { 0 };
	int rc = snek_target_get(cluster, visit, (void *)(uintptr_t)d, &e);

	/* EINVAL: behind a gateway, whose own affair it is. */
	return rc < 0 && rc != SNEK_ENOENT && rc != SNEK_EINVAL ?
	    cli_error_of(&d->c, rc, &e, NULL, NULL) : 0;
}

static int put(const struct deploy *d, snek_cluster *cluster)
{
	const struct snek_target t = { .size = sizeof(t), .profile = d->name,
		.region = d->region, .role = d->role, .endpoint = d->endpoint,
		.bucket = d->bucket, .aws_profile = d->aws_profile };
	struct snek_error e = { 0 };
	int rc = snek_target_put(cluster, &t, &e);

	return rc < 0 ? cli_error_of(&d->c, rc, &e, NULL,
	    rc == SNEK_EEXIST ? "--name PROFILE gives another" : NULL) : 0;
}

/* A directory that is given a name only is remembered by it, too. */
int deploy_target(const struct deploy *d, const char *where)
{
	bool changes = deploy_has_target(d) || (d->local && d->name);
	struct snek_error e = { 0 };
	snek_cluster *cluster = NULL;
	int rc;

	if (!changes && !d->status)
		return 0;
	rc = cli_cluster_at(&d->c, where, &cluster, &e);
	if (rc < 0)
		return cli_error_of(&d->c, rc, &e, where, NULL);
	rc = changes && !d->status ? put(d, cluster) : 0;
	if (!rc)
		rc = tell(d, cluster);
	snek_cluster_close(cluster);
	return rc;
}
