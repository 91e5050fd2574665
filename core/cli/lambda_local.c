/* SPDX-License-Identifier: MIT */
/* lambda_local.c - look at the options, then become snek-lambda-local, which
 * alone is linked with what a host of Lambda functions takes. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct local {
	struct cli c;
	const char *port, *environments, *root, *tmp, *key, *create_ms, *cold_ms,
	    *rtt_ms, *late_ms, *event_retry_ms, *retry_after, *seed, *fail,
	    *throttle, *kill, *duplicate, *lose, *late;
	bool no_network, freeze;
};

static const struct cli_option options[] = {
	{ "port", 'p', CLI_COUNT, CLI_AT(local, port), "PORT",
	  "of 127.0.0.1; default: 9000; 0 picks one" },
	{ "environments", 0, CLI_COUNT, CLI_AT(local, environments), "N",
	  "that may run at once; default: 1000" },
	{ "root", 0, CLI_TEXT, CLI_AT(local, root), "empty|none|DIR",
	  "what they see beside their zip; default: empty" },
	{ "tmp", 0, CLI_TEXT, CLI_AT(local, tmp), "DIR",
	  "for all files; default: $TMPDIR, else /tmp" },
	{ "no-network", 0, CLI_FLAG, CLI_AT(local, no_network), NULL,
	  "give each a network of its own: a loopback" },
	{ "freeze", 0, CLI_FLAG, CLI_AT(local, freeze), NULL,
	  "stop the processes of environments without work" },
	{ "key", 0, CLI_TEXT, CLI_AT(local, key), "ID:SECRET",
	  "take only requests that are signed with this key" },
	{ "create-ms", 0, CLI_COUNT, CLI_AT(local, create_ms), "MS",
	  "that a function is Pending, an update InProgress" },
	{ "cold-ms", 0, CLI_COUNT, CLI_AT(local, cold_ms), "MS",
	  "more that a new environment takes" },
	{ "rtt-ms", 0, CLI_COUNT, CLI_AT(local, rtt_ms), "MS",
	  "more that every answer takes" },
	{ "fail", 0, CLI_TEXT, CLI_AT(local, fail), "PART",
	  "of invocations fail and do not run; 5% or 0.05" },
	{ "throttle", 0, CLI_TEXT, CLI_AT(local, throttle), "PART",
	  "are refused with status 429" },
	{ "retry-after", 0, CLI_COUNT, CLI_AT(local, retry_after), "SECONDS",
	  "that a 429 says to wait; default: 1" },
	{ "kill", 0, CLI_TEXT, CLI_AT(local, kill), "PART",
	  "lose their environment midway" },
	{ "duplicate", 0, CLI_TEXT, CLI_AT(local, duplicate), "PART",
	  "run twice" },
	{ "lose", 0, CLI_TEXT, CLI_AT(local, lose), "PART",
	  "run, and get no answer: their connection closes" },
	{ "late", 0, CLI_TEXT, CLI_AT(local, late), "PART",
	  "are answered late, after up to --late-ms" },
	{ "late-ms", 0, CLI_COUNT, CLI_AT(local, late_ms), "MS",
	  "default: 1000" },
	{ "event-retry-ms", 0, CLI_COUNT, CLI_AT(local, event_retry_ms), "MS",
	  "until a failed event runs again; default: 60000" },
	{ "seed", 0, CLI_COUNT, CLI_AT(local, seed), "N",
	  "of all that is left to chance; default: 1" },
	CLI_OPTION_JSON,
	CLI_OPTION_QUIET,
	{ "verbose", 'v', CLI_FLAG, CLI_AT(cli, verbose), NULL,
	  "show what functions print on standard error" },
	{ 0 }
};

struct argv {
	char *v[32];
	size_t n;
	bool failed;
};

static void put(struct argv *a, const char *name, const char *value)
{
	if (!value)
		return;
	if (asprintf(&a->v[a->n], "%s=%s", name, value) < 0)
		a->failed = true;
	else
		a->n++;
}

/* Under the names of the options. */
static void put_all(struct argv *a, struct local *l)
{
	const struct cli_option *o;
	const void *at;

	for (o = options; o->name; o++) {
		at = (const char *)l + o->at;
		if (o->kind == CLI_FLAG)
			put(a, o->name, *(const bool *)at ? "yes" : NULL);
		else
			put(a, o->name, *(const char *const *)at);
	}
}

static int become(struct local *l)
{
	const char *program = getenv("SNEK_LAMBDA_LOCAL");
	struct argv a = { .v = { (char *)"snek-lambda-local" }, .n = 1 };

	if (!program || !*program)
		program = SNEK_LIBEXECDIR "/snek-lambda-local";
	put_all(&a, l);
	if (!a.failed)
		execv(program, a.v);
	while (a.n > 1)
		free(a.v[--a.n]);
	if (errno == ENOENT)
		return cli_error(&l->c, SNEK_ENOENT, program, "install "
		    "libmicrohttpd-dev and libzip-dev and configure again",
		    "this snek was built without the local Lambda host");
	return cli_error_file(&l->c, program);
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct local l = { .c.command = cmd };
	int rc = cli_option_parse(&l.c, &argc, &argv);

	return rc != CLI_GO ? rc : become(&l);
}

const struct cli_command cli_lambda_local = {
	"snek", "lambda-local", "", "Run Lambda functions on this machine",
	"It speaks Lambda's REST interface on loopback, for work without an "
	"account:\nset AWS_ENDPOINT_URL to the address that it prints.",
	0, 0, options, run
};
