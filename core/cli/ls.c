/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

static const struct cli_option options[] = {
	CLI_OPTION_JSON,
	CLI_OPTION_CLUSTER,
	{ 0 }
};

static int visit_json(void *arg, const struct snek_category_info *i)
{
	(void)arg;
	cli_out_category(stdout, i);
	return 0;
}

static int visit_row(void *arg, const struct snek_category_info *i)
{
	struct cli_grid *g = arg;

	cli_grid_text(g, i->name);
	cli_grid_number(g, i->version);
	cli_grid_number(g, i->records);
	cli_grid_number(g, i->bytes);
	cli_grid_number(g, i->level);
	cli_grid_row(g);
	return 0;
}

static int list(const struct cli *c, snek_cluster *cluster, struct cli_grid *g)
{
	struct snek_error e = { 0 };
	int rc;

	cli_grid_head(g, "category", 8);
	cli_grid_head(g, "version", 7);
	cli_grid_head(g, "records", 7);
	cli_grid_head(g, "bytes", 5);
	cli_grid_head(g, "level", 5);
	rc = snek_category_list(cluster, c->json ? visit_json : visit_row, g, &e);
	if (rc < 0)
		return cli_error_of(c, rc, &e, NULL, NULL);
	if (!cli_grid_end(g))
		return cli_error(c, SNEK_ENOMEM, NULL, NULL, "out of memory");
	return 0;
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct cli c = { .command = cmd };
	snek_cluster *cluster = NULL;
	struct cli_grid *g;
	int rc = cli_option_parse(&c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	if ((rc = cli_cluster_open(&c, &cluster)))
		return rc;
	g = cli_grid_of_stdout();
	rc = g ? list(&c, cluster, g) :
	    cli_error(&c, SNEK_ENOMEM, NULL, NULL, "out of memory");
	cli_grid_free(g);
	snek_cluster_close(cluster);
	return cli_out_end(&c, rc);
}

const struct cli_command cli_ls = {
	"snek", "ls", "", "List the categories",
	NULL, 0, 0, options, run
};
