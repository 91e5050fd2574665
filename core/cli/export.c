/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

static const struct cli_option options[] = {
	{ "json", 0, CLI_FLAG, CLI_AT(cli, json), NULL, "errors in JSON" },
	CLI_OPTION_CLUSTER,
	{ 0 }
};

static int put_all(const struct cli *c, snek_reader *reader,
    const char *category)
{
	struct snek_error e = { 0 };
	struct snek_value v;
	int rc;

	while ((rc = snek_reader_next(reader, &v, &e)) == 1) {
		if (snek_value_json(v, stdout) < 0 || putchar('\n') == EOF)
			return cli_out_failed(c);
		if (cli_signal_caught())
			return cli_signal_exit(c, "the output is not complete");
	}
	return rc < 0 ? cli_error_of(c, rc, &e, category, NULL) : 0;
}

static int export(const struct cli *c, snek_cluster *cluster,
    const char *category)
{
	struct snek_error e = { 0 };
	snek_reader *reader = NULL;
	int rc = snek_reader_open(cluster, category, &reader, &e);

	if (rc < 0)
		return cli_error_of(c, rc, &e, category,
		    rc == SNEK_ENOENT ? "snek ls lists what there is" : NULL);
	rc = put_all(c, reader, category);
	snek_reader_close(reader);
	return cli_out_end(c, rc);
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct cli c = { .command = cmd };
	snek_cluster *cluster = NULL;
	int rc = cli_option_parse(&c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	if ((rc = cli_cluster_open(&c, &cluster)))
		return rc;
	cli_signal_begin();
	rc = export(&c, cluster, argv[0]);
	snek_cluster_close(cluster);
	return rc;
}

const struct cli_command cli_export = {
	"snek", "export", "CATEGORY",
	"Print the records of a category in the order written",
	NULL, 1, 1, options, run
};
