/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

static const struct cli_option options[] = {
	CLI_OPTION_JSON,
	CLI_OPTION_QUIET,
	CLI_OPTION_CLUSTER,
	{ 0 }
};

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct cli c = { .command = cmd };
	struct snek_error e = { 0 };
	snek_cluster *cluster = NULL;
	int rc = cli_option_parse(&c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	if ((rc = cli_cluster_open(&c, &cluster)))
		return rc;
	rc = snek_function_remove(cluster, argv[0], &e);
	snek_cluster_close(cluster);
	if (rc < 0)
		return cli_error_of(&c, rc, &e, argv[0], rc == SNEK_ENOENT ?
		    "snek functions lists what there is" : NULL);
	if (c.json) {
		cli_out_begin(stdout, "removed");
		cli_out_text(stdout, "function", argv[0]);
		cli_out_close(stdout);
	} else {
		cli_error_say(&c, "%s: removed", argv[0]);
	}
	return cli_out_end(&c, 0);
}

const struct cli_command cli_rm_function = {
	"snek", "rm-function", "PLUGIN|FUNCTION",
	"Take a function, or all of a plugin, out of the cluster",
	NULL, 1, 1, options, run
};
