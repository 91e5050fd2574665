/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

static const struct cli_option options[] = {
	CLI_OPTION_JSON,
	CLI_OPTION_CLUSTER,
	{ 0 }
};

static void put_shards(struct cli_grid *g, const struct snek_category_info *i)
{
	uint32_t k;

	cli_grid_head(g, "shard", 5);
	cli_grid_head(g, "chunks", 6);
	cli_grid_head(g, "records", 7);
	cli_grid_head(g, "bytes", 5);
	cli_grid_head(g, "location", 8);
	for (k = 0; i->shard && k < i->shards; k++) {
		if (!cli_grid_is_aligned(g))
			cli_grid_text(g, "shard");
		cli_grid_number(g, i->shard[k].shard);
		cli_grid_number(g, i->shard[k].chunks);
		cli_grid_number(g, i->shard[k].records);
		cli_grid_number(g, i->shard[k].bytes);
		cli_grid_text(g, i->shard[k].location);
		cli_grid_row(g);
	}
}

static int visit(void *arg, const struct snek_category_info *i)
{
	const struct cli *c = arg;
	struct cli_grid *g;
	bool ok;

	if (c->json) {
		cli_out_category(stdout, i);
		return 0;
	}
	g = cli_grid_of_stdout();
	if (!g)
		return SNEK_ENOMEM;
	cli_grid_field(g, "category", i->name);
	cli_grid_count(g, "version", i->version);
	cli_grid_count(g, "writes", i->writes);
	cli_grid_count(g, "records", i->records);
	cli_grid_count(g, "bytes", i->bytes);
	cli_grid_count(g, "level", i->level);
	cli_grid_again(g);
	put_shards(g, i);
	ok = cli_grid_end(g);
	cli_grid_free(g);
	return ok ? 0 : SNEK_ENOMEM;
}

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
	rc = snek_category_find(cluster, argv[0], visit, &c, &e);
	if (rc < 0)
		rc = cli_error_of(&c, rc, &e, argv[0],
		    rc == SNEK_ENOENT ? "snek ls lists what there is" : NULL);
	snek_cluster_close(cluster);
	return cli_out_end(&c, rc);
}

const struct cli_command cli_find = {
	"snek", "find", "CATEGORY",
	"Tell where a category lies, its version and its shards",
	NULL, 1, 1, options, run
};
