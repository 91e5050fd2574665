/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct peek {
	struct cli c;
	const char *records, *output;
	bool pretty;
};

static const struct cli_option options[] = {
	{ "records", 'n', CLI_COUNT, CLI_AT(peek, records), "N",
	  "how many; default: 3" },
	{ "output", 'o', CLI_CHOICE, CLI_AT(peek, output), "pretty|jsonl",
	  "default: pretty on a terminal, else jsonl" },
	{ "json", 0, CLI_FLAG, CLI_AT(cli, json), NULL,
	  "records in jsonl, errors in JSON" },
	CLI_OPTION_CLUSTER,
	{ 0 }
};

static int put_pretty(const struct cli *c, struct snek_value v)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int rc = f ? snek_value_json(v, f) : SNEK_ENOMEM;

	/* Without memory for the last byte, fclose gives no text. */
	if (f && (fclose(f) || !text))
		rc = SNEK_ENOMEM;
	if (!rc)
		cli_pretty(stdout, text, len);
	free(text);
	if (rc < 0)
		return cli_error(c, SNEK_ENOMEM, NULL, NULL, "out of memory");
	return ferror(stdout) ? cli_out_failed(c) : 0;
}

static int put(const struct peek *p, struct snek_value v)
{
	if (p->pretty)
		return put_pretty(&p->c, v);
	if (snek_value_json(v, stdout) < 0 || putchar('\n') == EOF)
		return cli_out_failed(&p->c);
	return 0;
}

static int put_some(const struct peek *p, snek_reader *reader,
    const char *category)
{
	uint64_t left = cli_option_count(p->records, 3);
	struct snek_error e = { 0 };
	struct snek_value v;
	int rc = 1, failed;

	while (left-- && (rc = snek_reader_next(reader, &v, &e)) == 1)
		if ((failed = put(p, v)))
			return failed;
	return rc < 0 ? cli_error_of(&p->c, rc, &e, category, NULL) : 0;
}

static int peek(const struct peek *p, snek_cluster *cluster,
    const char *category)
{
	struct snek_error e = { 0 };
	snek_reader *reader = NULL;
	int rc = snek_reader_open(cluster, category, &reader, &e);

	if (rc < 0)
		return cli_error_of(&p->c, rc, &e, category,
		    rc == SNEK_ENOENT ? "snek ls lists what there is" : NULL);
	rc = put_some(p, reader, category);
	snek_reader_close(reader);
	return rc;
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct peek p = { .c.command = cmd };
	snek_cluster *cluster = NULL;
	int rc = cli_option_parse(&p.c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	if (p.output)
		p.pretty = strcmp(p.output, "pretty") == 0;
	else
		p.pretty = !p.c.json && isatty(STDOUT_FILENO);
	if ((rc = cli_cluster_open(&p.c, &cluster)))
		return rc;
	rc = peek(&p, cluster, argv[0]);
	snek_cluster_close(cluster);
	return cli_out_end(&p.c, rc);
}

const struct cli_command cli_peek = {
	"snek", "peek", "CATEGORY", "Print the first records of a category",
	NULL, 1, 1, options, run
};
