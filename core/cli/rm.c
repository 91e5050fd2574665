/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

struct rm {
	struct cli c;
	bool yes;
};

static const struct cli_option options[] = {
	{ "yes", 'y', CLI_FLAG, CLI_AT(rm, yes), NULL, "do not ask" },
	CLI_OPTION_JSON,
	CLI_OPTION_QUIET,
	CLI_OPTION_CLUSTER,
	{ 0 }
};

static int visit(void *arg, const struct snek_category_info *i)
{
	*(uint64_t *)arg = i->records;
	return 0;
}

/* 0: go on; else what to exit with. */
static int ask(const struct rm *r, const char *category, uint64_t records)
{
	char question[256];
	int yes = 1;

	snprintf(question, sizeof(question), "Remove %s and its %s records?",
	    category, cli_number_grouped(records).s);
	if (!r->yes)
		yes = cli_tty_ask(question);
	if (yes < 0)
		return cli_error_usage(&r->c, "%s: not removed: there is no "
		    "terminal to ask on, say --yes", category);
	if (!yes)
		return cli_error(&r->c, SNEK_OK, category, NULL, "not removed");
	return 0;
}

static int rm(struct rm *r, snek_cluster *cluster, const char *category)
{
	struct snek_error e = { 0 };
	uint64_t records = 0;
	int rc = snek_category_find(cluster, category, visit, &records, &e);

	if (rc >= 0 && (rc = ask(r, category, records)))
		return rc;
	if (rc >= 0)
		rc = snek_category_remove(cluster, category, &e);
	if (rc < 0)
		return cli_error_of(&r->c, rc, &e, category,
		    rc == SNEK_ENOENT ? "snek ls lists what there is" : NULL);
	if (r->c.json) {
		cli_out_begin(stdout, "removed");
		cli_out_text(stdout, "category", category);
		cli_out_number(stdout, "records", records);
		cli_out_close(stdout);
	} else {
		cli_error_say(&r->c, "%s: removed; snek gc frees its space",
		    category);
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

const struct cli_command cli_rm = {
	"snek", "rm", "CATEGORY", "Remove a category and all of its records",
	NULL, 1, 1, options, run
};
