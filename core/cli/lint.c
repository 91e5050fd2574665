/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

struct lint {
	struct cli c;
	unsigned count[3];              /* by enum snek_lint_verdict */
};

static const struct cli_option options[] = {
	CLI_OPTION_JSON,
	CLI_OPTION_QUIET,
	{ 0 }
};

static void put_text(const char *verdict, const struct snek_lint_finding *f)
{
	printf("%s  %-11s  ", verdict, f->check);
	cli_out_plain(stdout, f->text);
	if (f->cure)
		printf("; %s", f->cure);
	putchar('\n');
}

static void put_json(const char *verdict, const struct snek_lint_finding *f)
{
	cli_out_begin(stdout, "finding");
	cli_out_text(stdout, "verdict", verdict);
	cli_out_text(stdout, "check", f->check);
	cli_out_text(stdout, "text", f->text);
	cli_out_text(stdout, "cure", f->cure);
	cli_out_close(stdout);
}

static int visit(void *arg, const struct snek_lint_finding *f)
{
	static const char *const text[] = { "PASS", "WARN", "FAIL" };
	static const char *const json[] = { "pass", "warn", "fail" };
	struct lint *l = arg;

	l->count[f->verdict]++;
	if (l->c.quiet && f->verdict == SNEK_LINT_PASS)
		return 0;
	if (l->c.json)
		put_json(json[f->verdict], f);
	else
		put_text(text[f->verdict], f);
	return 0;
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct lint l = { .c.command = cmd };
	struct snek_error e = { 0 };
	int rc = cli_option_parse(&l.c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	rc = snek_plugin_lint(argv[0], visit, &l, &e);
	if (rc < 0)
		return cli_error_of(&l.c, rc, &e, argv[0], NULL);
	return cli_out_end(&l.c, l.count[SNEK_LINT_FAIL] ? CLI_PLUGIN : 0);
}

const struct cli_command cli_lint = {
	"snek", "lint", "PLUGIN",
	"Read a plugin file, and say what would keep it from loading", NULL,
	1, 1, options, run
};
