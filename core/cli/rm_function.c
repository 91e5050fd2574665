/* SPDX-License-Identifier: MIT */
#include "cli/lambda.h"

struct rm {
	struct cli c;
	struct cli_lambda at;
	bool yes, keep;
	char question[512];
};

static const struct cli_option options[] = {
	{ "yes", 'y', CLI_FLAG, CLI_AT(rm, yes), NULL, "do not ask" },
	{ "keep-lambda", 0, CLI_FLAG, CLI_AT(rm, keep), NULL,
	  "leave its Lambda where it is" },
	CLI_OPTIONS_LAMBDA(rm),
	CLI_OPTION_JSON,
	CLI_OPTION_QUIET,
	CLI_OPTION_CLUSTER,
	{ 0 }
};

static void note(void *arg, const char *text)
{
	struct rm *r = arg;

	snprintf(r->question, sizeof(r->question), "%s", text);
}

static int ask(struct rm *r, const char *name)
{
	char question[600];
	int yes = 1;

	snprintf(question, sizeof(question), "Remove %.64s: this %s.  Do it?",
	    name, r->question);
	if (!r->yes)
		yes = cli_tty_ask(question);
	if (yes < 0)
		return cli_error_usage(&r->c, "%s: not removed: this %s, and "
		    "there is no terminal to ask on; say --yes, or "
		    "--keep-lambda", name, r->question);
	return yes ? 0 : cli_error(&r->c, SNEK_OK, name, NULL, "not removed");
}

/* Its Lambda first: what is broken off then is gone on with by the next. */
static int remove_lambda(struct rm *r, snek_cluster *cluster, const char *name)
{
	struct snek_lambda_options o = { .dry_run = true, .said = note,
		.said_arg = r };
	struct snek_error e = { 0 };
	int rc;

	if (r->keep)
		return 0;
	cli_lambda_options(&r->at, &o);
	rc = snek_lambda_remove(cluster, name, &o, &e);
	if (rc == SNEK_ENOENT || rc == SNEK_ECONFLICT || rc == SNEK_EINVAL)
		return 0;       /* none, others need it, or behind a gateway */
	if (rc < 0)
		return cli_error_of(&r->c, rc, &e, name, NULL);
	if ((rc = ask(r, name)))
		return rc;
	o.dry_run = false;
	o.said = cli_lambda_said;
	o.said_arg = &r->c;
	rc = snek_lambda_remove(cluster, name, &o, &e);
	return rc < 0 ? cli_error_of(&r->c, rc, &e, name,
	    "--keep-lambda removes it here alone") : 0;
}

static int rm(struct rm *r, snek_cluster *cluster, const char *name)
{
	struct snek_error e = { 0 };
	int rc = remove_lambda(r, cluster, name);

	if (rc)
		return rc;
	rc = snek_function_remove(cluster, name, &e);
	if (rc < 0)
		return cli_error_of(&r->c, rc, &e, name, rc == SNEK_ENOENT ?
		    "snek functions lists what there is" : NULL);
	if (r->c.json) {
		cli_out_begin(stdout, "removed");
		cli_out_text(stdout, "function", name);
		cli_out_close(stdout);
	} else {
		cli_error_say(&r->c, "%s: removed", name);
	}
	return cli_out_end(&r->c, 0);
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct rm r = { .c.command = cmd };
	snek_cluster *cluster = NULL;
	int rc = cli_option_parse(&r.c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	if ((rc = cli_cluster_open(&r.c, &cluster)))
		return rc;
	rc = rm(&r, cluster, argv[0]);
	snek_cluster_close(cluster);
	return rc;
}

const struct cli_command cli_rm_function = {
	"snek", "rm-function", "PLUGIN|FUNCTION",
	"Take a function, or all of a plugin, out of the cluster",
	NULL, 1, 1, options, run
};
