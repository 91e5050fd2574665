/* SPDX-License-Identifier: MIT */
/* deploy.c - snek-deploy: make a cluster, or tell what it is. */
#include "cli/deploy.h"

#include <stdlib.h>
#include <string.h>

enum { SHARDS = 4, SHARDS_MAX = 1024 };

#define AT(field) CLI_AT(deploy, field)

static const struct cli_option options[] = {
	{ "local", 0, CLI_TEXT, AT(local), "DIR",
	  "make an embedded cluster in DIR" },
	{ "redis", 0, CLI_TEXT, AT(redis), "URL,...",
	  "make a cluster of these servers, or give it more" },
	{ "meta", 0, CLI_TEXT, AT(meta), "URL",
	  "the server with the meta store; default: the first" },
	{ "aws", 0, CLI_FLAG, AT(aws), NULL,
	  "make a stack at AWS, as without any of these" },
	{ "stack", 0, CLI_TEXT, AT(stack), "NAME", "its name; default: snek" },
	{ "region", 0, CLI_TEXT, AT(aws_region), "REGION",
	  "where it is; default: of its profile, or ~/.aws" },
	{ "replicas", 0, CLI_COUNT, AT(replicas), "R",
	  "of each server, 0 to 5; default: as it has, or 0" },
	{ "zones", 0, CLI_TEXT, AT(zones), "N|NAME,...",
	  "1 to 6, or which; default: as it has, or 1" },
	{ "node", 0, CLI_TEXT, AT(node), "TYPE",
	  "default: as it has, or cache.t4g.micro" },
	{ "engine", 0, CLI_CHOICE, AT(engine), "valkey|redis",
	  "default: as it has, or valkey" },
	{ "auth", 0, CLI_CHOICE, AT(auth), "iam|token",
	  "who asks servers; default: as it has, or iam" },
	{ "tag", 0, CLI_LIST, AT(tags), "NAME=VALUE",
	  "on each of its resources; may be repeated" },
	{ "bastion", 0, CLI_FLAG, AT(bastion), NULL,
	  "with a machine to look around from, through SSM" },
	{ "no-bastion", 0, CLI_FLAG, AT(no_bastion), NULL,
	  "without one, where the stack has it" },
	{ "log-retention", 0, CLI_COUNT, AT(log_retention), "DAYS",
	  "how long logs are kept; default: as it has, or 14" },
	{ "code", 0, CLI_TEXT, AT(code), "FILE",
	  "the zip with snek-api; default: it is made" },
	{ "bundle", 0, CLI_TEXT, AT(bundle), "FILE.zip",
	  "write that zip and do nothing else" },
	{ "dry-run", 0, CLI_FLAG, AT(dry_run), NULL,
	  "tell what would change, and what it costs" },
	{ "detailed-exitcode", 0, CLI_FLAG, AT(detailed), NULL,
	  "exit 10 where there are changes" },
	{ "print-template", 0, CLI_FLAG, AT(print_template), NULL,
	  "write the CloudFormation template, do nothing" },
	{ "name", 0, CLI_TEXT, AT(name), "PROFILE",
	  "call it so from now on (snek.conf)" },
	{ "shards", 0, CLI_COUNT, AT(shards), "N",
	  "how many shards it has, 1 to 1024; default: 4 (2)" },
	{ "level", 0, CLI_COUNT, AT(level), "K",
	  "over how many a category is spread; default: all" },
	{ "status", 0, CLI_FLAG, AT(status), NULL,
	  "change nothing, tell what the cluster is" },
	{ "drift", 0, CLI_FLAG, AT(drift), NULL,
	  "with --aws --status: was it changed by hand?" },
	{ "destroy", 0, CLI_FLAG, AT(destroy), NULL,
	  "remove a cluster of servers with all its data" },
	{ "copy-to", 0, CLI_TEXT, AT(copy_to), "WHERE",
	  "with --aws --destroy: copy its categories first" },
	{ "yes", 'y', CLI_FLAG, AT(yes), NULL, "do not ask" },
	{ "user", 0, CLI_TEXT, AT(user), "USER",
	  "for servers whose URL names none" },
	{ "password-file", 0, CLI_TEXT, AT(password_file), "FILE",
	  "whose first line is the password" },
	{ "ca-file", 0, CLI_TEXT, AT(ca_file), "FILE",
	  "who may vouch for a server (TLS)" },
	{ "cert-file", 0, CLI_TEXT, AT(cert_file), "FILE",
	  "our own certificate (TLS)" },
	{ "key-file", 0, CLI_TEXT, AT(key_file), "FILE", "its key" },
	{ "server-name", 0, CLI_TEXT, AT(server_name), "NAME",
	  "that certificates must show" },
	{ "allow-eviction", 0, CLI_FLAG, AT(allow_eviction), NULL,
	  "take servers that drop data when memory is full" },
	{ "lambda-region", 0, CLI_TEXT, AT(region), "REGION",
	  "where its functions go at AWS" },
	{ "role", 0, CLI_TEXT, AT(role), "ARN", "of the role that they have" },
	{ "bucket", 0, CLI_TEXT, AT(bucket), "NAME",
	  "in S3, for what is over 50 MB" },
	{ "aws-profile", 0, CLI_TEXT, AT(aws_profile), "NAME",
	  "of ~/.aws: who we are there" },
	{ "lambda-endpoint", 0, CLI_TEXT, AT(endpoint), "URL",
	  "of an emulator, in place of AWS" },
	CLI_OPTION_JSON,
	CLI_OPTION_QUIET,
	CLI_OPTION_CLUSTER,
	{ 0 }
};

void deploy_put_json(const char *where, const struct snek_cluster_info *i,
    bool changed)
{
	cli_out_begin(stdout, "cluster");
	cli_out_text(stdout, "location", where);
	cli_out_text(stdout, "uuid", i->uuid);
	cli_out_number(stdout, "shards", i->shards);
	cli_out_number(stdout, "level", i->level);
	cli_out_number(stdout, "format", i->format);
	cli_out_bool(stdout, "read_only", i->read_only);
	cli_out_number(stdout, "categories", i->categories);
	cli_out_bool(stdout, "changed", changed);
	cli_out_close(stdout);
}

static void put_status(const char *where, const struct snek_cluster_info *i)
{
	printf("cluster\t%s\nuuid\t%s\nshards\t%u\nlevel\t%u\nformat\t%u\n"
	    "categories\t%llu\n", where, i->uuid, i->shards, i->level,
	    i->format, (unsigned long long)i->categories);
	if (i->read_only)
		puts("access\tread-only");
}

int deploy_info(const struct cli *c, const char *where,
    struct snek_cluster_info *i)
{
	struct snek_error e = { 0 };
	snek_cluster *cluster = NULL;
	char cure[512];
	int rc = cli_cluster_at(c, where, &cluster, &e);

	if (rc >= 0)
		rc = snek_cluster_info(cluster, i, &e);
	snek_cluster_close(cluster);
	snprintf(cure, sizeof(cure), strstr(where, "://") ?
	    "snek-deploy --redis %s,... makes one" :
	    "snek-deploy --local %s makes one", where);
	return rc < 0 ? cli_error_of(c, rc, &e, where,
	    rc == SNEK_ENOENT ? cure : NULL) : 0;
}

static int status(const struct deploy *d, const char *where)
{
	struct snek_cluster_info i = { .size = sizeof(i) };
	int rc = deploy_info(&d->c, where, &i);

	if (rc)
		return rc;
	if (d->c.json)
		deploy_put_json(where, &i, false);
	else
		put_status(where, &i);
	return cli_out_end(&d->c, deploy_target(d, where));
}

void deploy_say(const struct cli *c, const char *where, const char *what,
    const struct snek_cluster_info *i)
{
	cli_error_say(c, "%s: %s %u shard%s, level %u", where, what, i->shards,
	    i->shards == 1 ? "" : "s", i->level);
}

/* It is there already.  What was not asked for may be as it is. */
static int compare(const struct deploy *d, const char *where,
    const struct snek_cluster_info *i)
{
	if (cli_option_count(d->shards, i->shards) != i->shards ||
	    cli_option_count(d->level, i->level) != i->level)
		return cli_error(&d->c, SNEK_EEXIST, where,
		    "deploy elsewhere, or leave --shards and --level out",
		    "exists with %u shard%s, level %u", i->shards,
		    i->shards == 1 ? "" : "s", i->level);
	if (!d->c.json)
		deploy_say(&d->c, where, "nothing to change:", i);
	return 0;
}

static int deploy(const struct deploy *d, const char *where)
{
	struct snek_cluster_options o = { .size = sizeof(o) };
	struct snek_cluster_info i = { .size = sizeof(i) };
	struct snek_error e = { 0 };
	int rc, made;

	o.shards = (uint32_t)cli_option_count(d->shards, SHARDS);
	o.level = (uint32_t)cli_option_count(d->level, o.shards);
	made = snek_cluster_create(where, &o, &e);
	if (made < 0 && made != SNEK_EEXIST)
		return cli_error_of(&d->c, made, &e, where, NULL);
	if ((rc = deploy_info(&d->c, where, &i)))
		return rc;
	if (made == SNEK_EEXIST && (rc = compare(d, where, &i)))
		return rc;
	if (d->c.json)
		deploy_put_json(where, &i, made >= 0);
	else if (made >= 0)
		deploy_say(&d->c, where, "new cluster,", &i);
	return cli_out_end(&d->c, deploy_target(d, where));
}

static int check_login(const struct deploy *d)
{
	if (!d->user && !d->password_file && !d->ca_file && !d->cert_file &&
	    !d->key_file && !d->server_name && !d->allow_eviction)
		return 0;
	if (!d->redis)
		return cli_error_usage(&d->c, "how to reach servers goes with "
		    "--redis; after that the profile tells it");
	return d->name ? 0 : cli_error_usage(&d->c, "how to reach servers is "
	    "remembered by a profile: say --name PROFILE, too");
}

static int check(const struct deploy *d)
{
	uint64_t n = cli_option_count(d->shards, SHARDS);
	int rc;

	if (n < 1 || n > SHARDS_MAX)
		return cli_error_usage(&d->c, "--shards %s: from 1 to %d",
		    d->shards, SHARDS_MAX);
	if (d->level && (cli_option_count(d->level, 0) < 1 ||
	    (d->shards && cli_option_count(d->level, 0) > n)))
		return cli_error_usage(&d->c, "--level %s: from 1 to the "
		    "number of shards", d->level);
	if (d->status && (d->shards || d->level))
		return cli_error_usage(&d->c, "--status changes nothing: "
		    "leave --shards and --level out");
	if (d->local && d->c.cluster)
		return cli_error_usage(&d->c, "--local and --cluster name the "
		    "same thing: give one");
	if (!!d->local + !!d->redis + d->destroy > 1)
		return cli_error_usage(&d->c, "--local, --redis and --destroy: "
		    "one of them");
	if (d->redis && d->shards)
		return cli_error_usage(&d->c, "--redis: each server is a shard: "
		    "leave --shards out");
	if (!d->redis && d->meta)
		return cli_error_usage(&d->c, "--meta goes with --redis");
	if (!d->redis && !d->local && d->name && d->c.cluster)
		return cli_error_usage(&d->c, "--name and --cluster name the "
		    "same thing: give one");
	if (d->local && (!*d->local || strstr(d->local, "://")))
		return cli_error_usage(&d->c, "--local %s: not a directory",
		    d->local);
	rc = deploy_target_check(d);
	return rc ? rc : check_login(d);
}

/* A directory is never taken for a profile. */
static int where_of(const struct deploy *d, char **where)
{
	bool named;

	if (!d->local)
		return cli_cluster_where(&d->c, where, &named);
	if (asprintf(where, "%s%s", strchr(d->local, '/') ? "" : "./",
	    d->local) < 0)
		return cli_error(&d->c, SNEK_ENOMEM, NULL, NULL,
		    "out of memory");
	return 0;
}

static int run_parsed(struct deploy *p)
{
	struct deploy d = *p;          /* where it is may be found out */
	char *where = NULL;
	int rc;

	/* What is to be made is said nowhere: the whole of it. */
	if (!d.local && !d.redis && !d.status && !d.destroy && !d.name &&
	    !d.c.cluster)
		d.aws = true;
	if ((rc = deploy_aws_check(&d)))
		return rc;
	if (d.aws)
		return deploy_aws(&d);
	if ((rc = check(&d)))
		return rc;
	if (d.redis && !d.status)
		return deploy_redis(&d);
	if (!d.local && !d.redis && d.name)
		d.c.cluster = d.name;   /* of what is there already */
	rc = where_of(&d, &where);
	if (!rc)
		rc = d.status ? status(&d, where) :
		    d.destroy ? deploy_destroy(&d, where) : deploy(&d, where);
	free(where);
	return rc;
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct deploy d = { .c.command = cmd };
	int rc = cli_option_parse(&d.c, &argc, &argv);

	if (rc == CLI_GO)
		rc = run_parsed(&d);
	free(d.tags.v);
	return rc;
}

int main(int argc, char **argv)
{
	static const struct cli_command cmd = {
		"snek-deploy", NULL, "",
		"Make a cluster, or tell what it is", NULL, 0, 0, options, run
	};

	cli_main_begin();
	return run(&cmd, argc, argv);
}
