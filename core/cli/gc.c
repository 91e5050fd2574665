/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

struct gc {
	struct cli c;
	const char *grace;
};

static const struct cli_option options[] = {
	{ "grace", 0, CLI_COUNT, CLI_AT(gc, grace), "SECONDS",
	  "silence of a write that is dead; default: 3600" },
	CLI_OPTION_JSON,
	CLI_OPTION_QUIET,
	CLI_OPTION_CLUSTER,
	{ 0 }
};

static void report(const struct cli *c, const struct snek_gc_report *r)
{
	if (c->json) {
		cli_out_begin(stdout, "gc");
		cli_out_number(stdout, "writes", r->writes);
		cli_out_number(stdout, "segments", r->segments);
		cli_out_number(stdout, "bytes", r->bytes);
		cli_out_number(stdout, "waiting", r->waiting);
		cli_out_close(stdout);
		return;
	}
	cli_error_say(c, "swept %s dead write%s: %s files, %s; %s waiting",
	    cli_number_grouped(r->writes).s, r->writes == 1 ? "" : "s",
	    cli_number_grouped(r->segments).s,
	    cli_number_bytes((double)r->bytes).s,
	    cli_number_grouped(r->waiting).s);
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct gc g = { .c.command = cmd };
	struct snek_gc_report r = { .size = sizeof(r) };
	struct snek_error e = { 0 };
	snek_cluster *cluster = NULL;
	uint64_t grace;
	int rc = cli_option_parse(&g.c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	grace = cli_option_count(g.grace, 3600);
	if (grace < 1 || grace > UINT32_MAX)
		return cli_error_usage(&g.c, "--grace %s: at least 1 and at "
		    "most %u seconds", g.grace, UINT32_MAX);
	if ((rc = cli_cluster_open(&g.c, &cluster)))
		return rc;
	rc = snek_cluster_gc(cluster, (uint32_t)grace, &r, &e);
	rc = rc < 0 ? cli_error_of(&g.c, rc, &e, NULL, NULL) : 0;
	if (!rc)
		report(&g.c, &r);
	snek_cluster_close(cluster);
	return cli_out_end(&g.c, rc);
}

const struct cli_command cli_gc = {
	"snek", "gc", "", "Remove what dead writes and compaction left behind",
	NULL, 0, 0, options, run
};
