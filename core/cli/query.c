/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

static const struct cli_option options[] = {
	CLI_JOB_OPTIONS("processes|threads|local|lambda|http",
	    "where to run; default: processes; a URL: http"),
	{ "batch", 0, CLI_COUNT, CLI_AT(cli_job, batch), "N",
	  "of records in a call of a URL; default: by size" },
	{ "call-timeout", 0, CLI_SECONDS, CLI_AT(cli_job, call_timeout),
	  "SECONDS", "that such a call may take; default: 60" },
	{ "into", 0, CLI_TEXT, CLI_AT(cli_job, into), "CATEGORY",
	  "write results there, all or none; print a receipt" },
	{ "request-id", 0, CLI_TEXT, CLI_AT(cli_job, request_id), "ID",
	  "a repeat with the same ID writes nothing twice" },
	{ "durability", 0, CLI_TEXT, CLI_AT(cli_job, durability), "LEVEL",
	  "memory, process, machine, replicated=N; or fail" },
	CLI_OPTION_CLUSTER,
	{ 0 }
};

static int query(struct cli_job *j, snek_cluster *cluster, int argc,
    char **argv)
{
	struct snek_error e = { 0 };
	snek_job *job = NULL;
	int rc = snek_job_new(cluster, argv[0], &job, &e);

	if (rc < 0)
		return cli_error_of(&j->c, rc, &e, argv[0],
		    rc == SNEK_ENOENT ? "snek ls lists what there is" : NULL);
	rc = cli_job_setup(j, job, argc - 1, argv + 1);
	if (!rc)
		rc = cli_job_finish(j, job, argv[0],
		    cli_job_function(j, argv + 1));
	snek_job_free(job);
	return rc;
}

static int with_options(struct cli_job *j, int argc, char **argv)
{
	snek_cluster *cluster = NULL;
	int rc = cli_job_check(j, argc - 1, argv + 1);

	if (!rc)
		rc = cli_into_check(j);
	if (rc || (rc = cli_cluster_open(&j->c, &cluster)))
		return rc;
	cli_signal_begin();
	j->cluster = cluster;
	rc = query(j, cluster, argc, argv);
	snek_cluster_close(cluster);
	return rc;
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct cli_job j = { .c.command = cmd };
	int rc = cli_option_parse(&j.c, &argc, &argv);

	if (rc == CLI_GO)
		rc = with_options(&j, argc, argv);
	cli_job_free(&j);
	return rc;
}

const struct cli_command cli_query = {
	"snek", "query", "CATEGORY FUNCTION [NAME=VALUE...]",
	"Map a function over a category and print what comes out", NULL,
	1, -1, options, run
};
