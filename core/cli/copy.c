/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <string.h>

struct copy {
	struct cli c;
	const char *to, *as, *progress;
	struct cli_progress *bar;
};

static const struct cli_option options[] = {
	{ "to", 0, CLI_TEXT, CLI_AT(copy, to), "WHERE",
	  "the other cluster; needed" },
	{ "as", 0, CLI_TEXT, CLI_AT(copy, as), "NAME",
	  "of the category there; default: the same" },
	{ "progress", 0, CLI_CHOICE, CLI_AT(copy, progress),
	  CLI_PROGRESS_MODES, "auto: a bar when stderr is a terminal" },
	CLI_OPTION_JSON,
	CLI_OPTION_QUIET,
	CLI_OPTION_CLUSTER,
	{ 0 }
};

static int on_progress(void *arg, uint64_t done, uint64_t of)
{
	struct copy *cp = arg;

	(void)of;
	cli_progress_write(cp->bar, done, 0);
	return cli_signal_caught() ? SNEK_ECANCELED : 0;
}

static int tell(const struct copy *cp, const char *category,
    const struct snek_copy_report *r)
{
	if (cp->c.json) {
		cli_out_begin(stdout, "copy");
		cli_out_text(stdout, "category", category);
		cli_out_text(stdout, "to", cp->to);
		cli_out_text(stdout, "as", cp->as ? cp->as : category);
		cli_out_number(stdout, "records", r->records);
		cli_out_number(stdout, "copied", r->copied);
		cli_out_number(stdout, "writes", r->writes);
		cli_out_text(stdout, "digest", r->digest);
		cli_out_close(stdout);
	} else {
		cli_error_say(&cp->c, "%s: %s record%s copied, %s there "
		    "now, read back and the same", category,
		    cli_number_grouped(r->copied).s,
		    r->copied == 1 ? "" : "s",
		    cli_number_grouped(r->records).s);
	}
	return cli_out_end(&cp->c, 0);
}

static int copy(struct copy *cp, snek_cluster *from, snek_cluster *to,
    const char *category)
{
	struct snek_copy_options o = { .size = sizeof(o), .as = cp->as,
		.progress = on_progress, .progress_arg = cp };
	struct snek_copy_report r = { .size = sizeof(r) };
	struct snek_error e = { 0 };
	int rc;

	cp->bar = cli_progress_open(&cp->c, cp->progress, category, NULL);
	rc = snek_category_copy(from, category, to, &o, &r, &e);
	cli_progress_close(cp->bar);
	if (rc == SNEK_ECANCELED && cli_signal_caught())
		return cli_signal_exit(&cp->c, "whole parts are copied; the same "
		    "command goes on from there");
	if (rc < 0)
		return cli_error_of(&cp->c, rc, &e, category,
		    rc == SNEK_ENOENT ? "snek ls lists what there is" :
		    rc == SNEK_ECONFLICT || rc == SNEK_ECORRUPT ? NULL :
		    "the same command goes on from where this one ended");
	return tell(cp, category, &r);
}

/* The other one is named as --cluster names one. */
static int open_other(const struct copy *cp, snek_cluster **out)
{
	struct cli c = cp->c;

	c.cluster = cp->to;
	return cli_cluster_open(&c, out);
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct copy cp = { .c.command = cmd };
	snek_cluster *from = NULL, *to = NULL;
	int rc = cli_option_parse(&cp.c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	if (!cp.to)
		return cli_error_usage(&cp.c, "where to? say --to CLUSTER");
	if ((rc = cli_cluster_open(&cp.c, &from)))
		return rc;
	rc = open_other(&cp, &to);
	cli_signal_begin();
	if (!rc)
		rc = copy(&cp, from, to, argv[0]);
	snek_cluster_close(to);
	snek_cluster_close(from);
	return rc;
}

const struct cli_command cli_copy = {
	"snek", "copy", "CATEGORY", "Copy a category to another cluster",
	NULL, 1, 1, options, run
};
