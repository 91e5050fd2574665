/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

struct compact {
	struct cli c;
	bool all;
	char **name;
	size_t n;
};

static const struct cli_option options[] = {
	{ "all", 'a', CLI_FLAG, CLI_AT(compact, all), NULL,
	  "every category" },
	CLI_OPTION_JSON,
	CLI_OPTION_QUIET,
	CLI_OPTION_CLUSTER,
	{ 0 }
};

static int compact_one(const struct cli *c, snek_cluster *cluster,
    const char *name)
{
	struct snek_error e = { 0 };
	int rc = snek_category_compact(cluster, name, &e);

	if (rc < 0)
		return cli_error_of(c, rc, &e, name,
		    rc == SNEK_ENOENT ? "snek ls lists what there is" : NULL);
	if (c->json) {
		cli_out_begin(stdout, "compacted");
		cli_out_text(stdout, "category", name);
		cli_out_close(stdout);
	} else {
		cli_error_say(c, "%s: compacted", name);
	}
	return 0;
}

static int visit(void *arg, const struct snek_category_info *i)
{
	struct compact *k = arg;
	char **name = realloc(k->name, (k->n + 1) * sizeof(*name));

	if (name)
		k->name = name;
	if (!name || !(name[k->n] = strdup(i->name)))
		return SNEK_ENOMEM;
	k->n++;
	return 0;
}

static int compact_all(struct compact *k, snek_cluster *cluster)
{
	struct snek_error e = { 0 };
	int rc = snek_category_list(cluster, visit, k, &e);
	size_t i;

	rc = rc < 0 ? cli_error_of(&k->c, rc, &e, NULL, NULL) : 0;
	for (i = 0; i < k->n && !rc; i++)
		rc = compact_one(&k->c, cluster, k->name[i]);
	while (k->n)
		free(k->name[--k->n]);
	free(k->name);
	return rc;
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct compact k = { .c.command = cmd };
	snek_cluster *cluster = NULL;
	int rc = cli_option_parse(&k.c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	if (k.all == (argc > 0))
		return cli_error_usage(&k.c, "give a category, or --all");
	if ((rc = cli_cluster_open(&k.c, &cluster)))
		return rc;
	rc = k.all ? compact_all(&k, cluster) :
	    compact_one(&k.c, cluster, argv[0]);
	snek_cluster_close(cluster);
	return cli_out_end(&k.c, rc);
}

const struct cli_command cli_compact = {
	"snek", "compact", "CATEGORY|--all",
	"Fold small writes into larger segments",
	NULL, 0, 1, options, run
};
