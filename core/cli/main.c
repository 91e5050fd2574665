/* SPDX-License-Identifier: MIT */
/* main.c - snek: find the command and run it. */
#include "cli/cli.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const struct cli_option none[] = { { 0 } };
static const struct cli_command top = {
	"snek", NULL, "COMMAND", "", NULL, 0, -1, none, NULL
};

/* How many words in front of the command belong to its options. */
static int leading(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++)
		if (strcmp(argv[i], "--cluster") == 0)
			i++;
	return i < argc ? i - 1 : argc - 1;
}

static bool is_plain(const char *name)
{
	return *name && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "0123456789-_")];
}

static int unknown(const struct cli *c, const char *name)
{
	static const char *const others[] = { "deploy", "add-function" };
	struct cli_guess g = { .word = name };
	size_t i;

	for (i = 0; cli_commands[i]; i++)
		cli_guess_offer(&g, cli_commands[i]->name,
		    strlen(cli_commands[i]->name));
	for (i = 0; i < sizeof(others) / sizeof(*others); i++)
		cli_guess_offer(&g, others[i], strlen(others[i]));
	if (g.best)
		return cli_error_usage(c, "%s: no such command, did you mean "
		    "%s?", name, g.best);
	return cli_error_usage(c, "%s: no such command", name);
}

/* snek foo is snek-foo, wherever that may be. */
static int elsewhere(const struct cli *c, const char *name, char **argv)
{
	char program[128];

	if (!is_plain(name) || strlen(name) > 100)
		return unknown(c, name);
	snprintf(program, sizeof(program), "snek-%s", name);
	argv[0] = program;
	execvp(program, argv);
	/* EACCES: a directory of PATH that may not be looked into. */
	if (errno == ENOENT || errno == ENOTDIR || errno == EACCES)
		return unknown(c, name);
	return cli_error_file(c, program);
}

static int no_command(const struct cli *c, int argc, char **argv)
{
	char *const help[] = { (char *)"help", NULL };
	char *const version[] = { (char *)"version", NULL };

	if (argc < 2)
		return cli_error_usage(c, "nothing to do: give a command");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return cli_help.run(&cli_help, 1, (char **)help);
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		return cli_version.run(&cli_version, 1, (char **)version);
	return cli_error_usage(c, "%s: give a command first", argv[1]);
}

int main(int argc, char **argv)
{
	struct cli c = { .command = &top };
	const struct cli_command *cmd;
	int n = leading(argc, argv);
	char *name;

	cli_main_begin();
	if (n + 1 >= argc || strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "--version") == 0)
		return no_command(&c, argc, argv);
	name = argv[n + 1];
	memmove(argv + 2, argv + 1, (size_t)n * sizeof(*argv));
	argv[1] = name;
	cmd = cli_command_find(name);
	if (!cmd)
		return elsewhere(&c, name, argv + 1);
	return cmd->run(cmd, argc - 1, argv + 1);
}
