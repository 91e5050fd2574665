/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <string.h>

static const struct cli_option options[] = { { 0 } };

const struct cli_command *const cli_commands[] = {
	&cli_write, &cli_query, &cli_run, &cli_ls, &cli_find, &cli_peek,
	&cli_describe, &cli_export, &cli_copy, &cli_rm, &cli_gc, &cli_compact,
	&cli_stat, &cli_functions, &cli_rm_function, &cli_logs, &cli_new, &cli_test,
	&cli_lint, &cli_doctor, &cli_gateway, &cli_lambda_local,
	&cli_completions, &cli_version, &cli_help, NULL
};

const struct cli_command *cli_command_find(const char *name)
{
	size_t i;

	for (i = 0; cli_commands[i]; i++)
		if (strcmp(cli_commands[i]->name, name) == 0)
			return cli_commands[i];
	return NULL;
}

static void list(void)
{
	size_t i;

	fputs("usage: snek COMMAND [OPTION...] [ARGUMENT...]\n\n"
	    "Write JSON records to categories, map functions over them.\n\n",
	    stdout);
	for (i = 0; cli_commands[i]; i++)
		printf("  %-12s  %s\n", cli_commands[i]->name,
		    cli_commands[i]->summary);
	fputs("\nsnek deploy is snek-deploy, snek add-function is "
	    "snek-add-function.\n"
	    "Options: snek COMMAND --help.  Manual: man snek\n", stdout);
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct cli c = { .command = cmd };
	const struct cli_command *about;
	int rc = cli_option_parse(&c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	if (argc == 0) {
		list();
		return cli_out_end(&c, 0);
	}
	about = cli_command_find(argv[0]);
	if (!about)
		return cli_error_usage(&c, "%s: no such command", argv[0]);
	cli_option_help(about, stdout);
	return cli_out_end(&c, 0);
}

const struct cli_command cli_help = {
	"snek", "help", "[COMMAND]", "List the commands, or explain one",
	NULL, 0, 1, options, run
};
