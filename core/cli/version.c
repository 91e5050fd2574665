/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

static const struct cli_option options[] = {
	CLI_OPTION_JSON,
	{ 0 }
};

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct cli c = { .command = cmd };
	int rc = cli_option_parse(&c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	if (c.json) {
		cli_out_begin(stdout, "version");
		cli_out_text(stdout, "version", snek_version());
		cli_out_close(stdout);
	} else {
		printf("snek %s\n", snek_version());
	}
	return cli_out_end(&c, 0);
}

const struct cli_command cli_version = {
	"snek", "version", "", "Print the version", NULL, 0, 0, options, run
};
