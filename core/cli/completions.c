/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <string.h>

static const struct cli_option options[] = { { 0 } };

static void put_commands(void)
{
	size_t i;

	for (i = 0; cli_commands[i]; i++)
		printf("%s%s", i ? " " : "", cli_commands[i]->name);
}

/* What may follow --option=, for those with a choice. */
static void put_choices(const struct cli_option *o)
{
	const char *p;

	printf("	--%s", o->name);
	if (o->letter)
		printf("|-%c", o->letter);
	fputs(") words='", stdout);
	for (p = o->arg; *p; p++)
		putchar(*p == '|' ? ' ' : *p);
	fputs("' ;;\n", stdout);
}

static void put_options(const struct cli_command *cmd)
{
	const struct cli_option *o;

	printf("	%s) words='", cmd->name);
	for (o = cmd->options; o->name; o++)
		printf("--%s ", o->name);
	printf("--%s' ;;\n", cli_option_of_help.name);
}

static bool seen(size_t command, const struct cli_option *option)
{
	const struct cli_option *o;
	size_t i;

	for (i = 0; i <= command; i++)
		for (o = cli_commands[i]->options; o->name && o != option; o++)
			if (o->kind == CLI_CHOICE &&
			    strcmp(o->name, option->name) == 0)
				return true;
	return false;
}

static void put_script(void)
{
	const struct cli_option *o;
	size_t i;

	fputs("# bash completion for snek; eval \"$(snek completions bash)\"\n"
	    "_snek()\n{\n"
	    "	local word=${COMP_WORDS[COMP_CWORD]} words=\n"
	    "	local before=${COMP_WORDS[COMP_CWORD-1]}\n"
	    "	case $before in\n", stdout);
	for (i = 0; cli_commands[i]; i++)
		for (o = cli_commands[i]->options; o->name; o++)
			if (o->kind == CLI_CHOICE && !seen(i, o))
				put_choices(o);
	fputs("	snek) words='", stdout);
	put_commands();
	fputs(" deploy add-function' ;;\n	esac\n"
	    "	if [[ $word == -* ]]; then\n"
	    "	case ${COMP_WORDS[1]} in\n", stdout);
	for (i = 0; cli_commands[i]; i++)
		put_options(cli_commands[i]);
	fputs("	esac\n	elif [[ -z $words && $COMP_CWORD -eq 2 ]]; then\n"
	    "	case ${COMP_WORDS[1]} in\n"
	    "	write|query|find|peek|describe|export|copy|rm|compact|stat)\n"
	    "		words=$(snek ls 2>/dev/null | cut -f1) ;;\n"
	    "	functions|run|rm-function|logs)\n"
	    "		words=$(snek functions 2>/dev/null | cut -f1) ;;\n"
	    "	help) words='", stdout);
	put_commands();
	fputs("' ;;\n	esac\n"
	    "	elif [[ -z $words && $COMP_CWORD -eq 3 &&"
	    " ${COMP_WORDS[1]} == query ]]; then\n"
	    "	words=$(snek functions 2>/dev/null | cut -f1)\n"
	    "	fi\n"
	    "	COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\n"
	    "complete -o default -F _snek snek\n", stdout);
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct cli c = { .command = cmd };
	int rc = cli_option_parse(&c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	if (strcmp(argv[0], "bash") != 0)
		return cli_error_usage(&c, "%s: there is only bash", argv[0]);
	put_script();
	return cli_out_end(&c, 0);
}

const struct cli_command cli_completions = {
	"snek", "completions", "bash", "Print a shell's completion script",
	NULL, 1, 1, options, run
};
