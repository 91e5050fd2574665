/* SPDX-License-Identifier: MIT */
/* gateway.c - look at the options, then become snek-gateway, which alone is
 * linked with an HTTP server. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct gateway {
	struct cli c;
	const char *listen, *token_file, *log, *on, *tmp, *wait, *keep, *jobs,
	    *connections, *workers, *patience, *drain;
	uint64_t max_body;
	bool no_token, proxy;
};

static const struct cli_option options[] = {
	{ "listen", 0, CLI_TEXT, CLI_AT(gateway, listen), "HOST:PORT|unix:PATH",
	  "default: 127.0.0.1:8470" },
	{ "token-file", 0, CLI_TEXT, CLI_AT(gateway, token_file), "FILE",
	  "with the token; default: $SNEK_GATEWAY_TOKEN" },
	{ "no-token", 0, CLI_FLAG, CLI_AT(gateway, no_token), NULL,
	  "who reaches it may ask; loopback and unix only" },
	{ "behind-tls-proxy", 0, CLI_FLAG, CLI_AT(gateway, proxy), NULL,
	  "listen where others reach it; a proxy has TLS" },
	{ "on", 0, CLI_CHOICE, CLI_AT(gateway, on), "processes|threads|lambda",
	  "where queries run; default: processes" },
	{ "wait", 0, CLI_SECONDS, CLI_AT(gateway, wait), "SECONDS",
	  "until a query is a job to ask about; default: 20" },
	{ "jobs", 0, CLI_COUNT, CLI_AT(gateway, jobs), "N",
	  "queries at once; default: 8" },
	{ "keep", 0, CLI_COUNT, CLI_AT(gateway, keep), "SECONDS",
	  "results, since last asked for; default: 3600" },
	{ "max-body", 0, CLI_SIZE, CLI_AT(gateway, max_body), "SIZE",
	  "of one request; default: 64M" },
	{ "connections", 0, CLI_COUNT, CLI_AT(gateway, connections), "N",
	  "at once; default: 512" },
	{ "workers", 0, CLI_COUNT, CLI_AT(gateway, workers), "N",
	  "threads for what takes long; default: 16" },
	{ "patience", 0, CLI_COUNT, CLI_AT(gateway, patience), "SECONDS",
	  "for a request to come whole; default: 30" },
	{ "drain", 0, CLI_COUNT, CLI_AT(gateway, drain), "SECONDS",
	  "for requests under way at the end; default: 30" },
	{ "log", 0, CLI_TEXT, CLI_AT(gateway, log), "FILE|-",
	  "a line a request; -: standard error" },
	{ "tmp", 0, CLI_TEXT, CLI_AT(gateway, tmp), "DIR",
	  "for results and parts; default: $TMPDIR, else /tmp" },
	CLI_OPTION_JSON,
	CLI_OPTION_CLUSTER,
	{ 0 }
};

#define MOST 1000000            /* of anything that is counted here */

struct argv {
	char *v[24];
	size_t n;
	bool failed;
};

__attribute__((format(printf, 2, 3)))
static void put(struct argv *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&a->v[a->n], fmt, ap) < 0)
		a->failed = true;
	else
		a->n++;
	va_end(ap);
}

static void put_text(struct argv *a, const char *name, const char *value)
{
	if (value)
		put(a, "%s=%s", name, value);
}

static void put_all(struct argv *a, const struct gateway *g)
{
	put(a, "snek-gateway");
	put_text(a, "cluster", g->c.cluster);
	put_text(a, "listen", g->listen);
	put_text(a, "token-file", g->token_file);
	put_text(a, "no-token", g->no_token ? "yes" : NULL);
	put_text(a, "behind-tls-proxy", g->proxy ? "yes" : NULL);
	put_text(a, "on", g->on);
	put_text(a, "wait", g->wait);
	put_text(a, "jobs", g->jobs);
	put_text(a, "keep", g->keep);
	put_text(a, "connections", g->connections);
	put_text(a, "workers", g->workers);
	put_text(a, "patience", g->patience);
	put(a, "drain=%s", g->drain ? g->drain : "30");
	put_text(a, "log", g->log);
	put_text(a, "tmp", g->tmp);
	if (g->max_body)
		put(a, "max-body=%llu", (unsigned long long)g->max_body);
	put_text(a, "json", g->c.json ? "yes" : NULL);
	a->v[a->n] = NULL;
}

static int become(struct gateway *g)
{
	const char *program = getenv("SNEK_GATEWAY");
	struct argv a = { .n = 0 };
	size_t i;

	if (!program || !*program)
		program = SNEK_LIBEXECDIR "/snek-gateway";
	put_all(&a, g);
	if (!a.failed)
		execv(program, a.v);
	for (i = 0; i < a.n; i++)
		free(a.v[i]);
	if (errno == ENOENT)
		return cli_error(&g->c, SNEK_ENOENT, program, "install "
		    "libmicrohttpd-dev and configure again", "this snek was "
		    "built without the gateway");
	return cli_error_file(&g->c, program);
}

/* 0 is the program's word for what was not said. */
static int check_numbers(const struct gateway *g)
{
	const struct {
		const char *name, *text;
	} given[] = { { "wait", g->wait }, { "keep", g->keep },
		{ "jobs", g->jobs }, { "connections", g->connections },
		{ "workers", g->workers }, { "patience", g->patience },
		{ "drain", g->drain && strtod(g->drain, NULL) == 0 ? NULL :
		    g->drain } };
	size_t i;

	for (i = 0; i < sizeof(given) / sizeof(*given); i++)
		if (given[i].text && (strtod(given[i].text, NULL) < 0.001 ||
		    strtod(given[i].text, NULL) > MOST))
			return cli_error_usage(&g->c, "--%s %s: more than 0, and "
			    "at most %d", given[i].name, given[i].text, MOST);
	return 0;
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct gateway g = { .c.command = cmd };
	int rc = cli_option_parse(&g.c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	rc = check_numbers(&g);
	return rc ? rc : become(&g);
}

const struct cli_command cli_gateway = {
	"snek", "gateway", "",
	"Serve the HTTP API", NULL, 0, 0, options, run
};
