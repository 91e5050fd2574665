/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct doctor {
	struct cli c;
	bool aws;
	const char *stack, *region, *aws_profile;
	bool lines;             /* for people; else tabs */
	unsigned failed;
};

static const struct cli_option options[] = {
	{ "aws", 0, CLI_FLAG, CLI_AT(doctor, aws), NULL,
	  "check AWS and the cluster's stack instead" },
	{ "stack", 0, CLI_TEXT, CLI_AT(doctor, stack), "NAME",
	  "with --aws; default: as the profile says" },
	{ "region", 0, CLI_TEXT, CLI_AT(doctor, region), "REGION",
	  "of AWS; default: as the profile says" },
	{ "aws-profile", 0, CLI_TEXT, CLI_AT(doctor, aws_profile), "NAME",
	  "of ~/.aws: who we are there" },
	CLI_OPTION_JSON,
	CLI_OPTION_CLUSTER,
	{ 0 }
};

/* ---- one line a check ---- */

static const char *const verdicts[] = { "PASS", "WARN", "FAIL", "SKIP" };
static const char *const verdict_words[] = { "pass", "warn", "fail", "skip" };

/* Paths and what programs say may hold anything. */
static void put_plain(const char *s)
{
	for (; *s; s++)
		putchar((unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s);
}

static void put_json(const struct snek_check *k)
{
	cli_out_begin(stdout, "check");
	cli_out_text(stdout, "verdict", verdict_words[k->verdict]);
	cli_out_text(stdout, "name", k->name);
	cli_out_text(stdout, "text", k->text);
	cli_out_text(stdout, "cure", k->cure);
	cli_out_close(stdout);
}

static void put_line(const struct doctor *d, const struct snek_check *k)
{
	static const char *const colours[] = { "32", "33", "31", "2" };
	bool colour = d->lines && cli_tty_has_colour(STDOUT_FILENO);

	if (colour)
		printf("\033[%sm%s\033[0m", colours[k->verdict],
		    verdicts[k->verdict]);
	else
		fputs(verdicts[k->verdict], stdout);
	printf(d->lines ? "  %-11s " : "\t%s\t", k->name);
	put_plain(k->text);
	if (k->cure) {
		fputs(d->lines ? "; " : "\t", stdout);
		put_plain(k->cure);
	}
	putchar('\n');
}

static int show(void *arg, const struct snek_check *k)
{
	struct doctor *d = arg;

	if (k->verdict > SNEK_CHECK_SKIP)
		return 0;
	d->failed += k->verdict == SNEK_CHECK_FAIL;
	if (d->c.json)
		put_json(k);
	else
		put_line(d, k);
	return 0;
}

/* ---- what plugins are made with ---- */

static void say(struct doctor *d, uint32_t verdict, const char *name,
    const char *text, const char *cure)
{
	struct snek_check k = { sizeof(k), verdict, 0, name, text, cure };

	show(d, &k);
}

/* The first line that a command prints; 0 when it ends well. */
static int first_line(const char *command, char *line, size_t size)
{
	FILE *f = popen(command, "re");
	char rest[256];

	*line = '\0';
	if (!f)
		return -1;
	if (fgets(line, (int)size, f))
		line[strcspn(line, "\n")] = '\0';
	while (fread(rest, 1, sizeof(rest), f) == sizeof(rest))
		;
	return pclose(f);
}

static void check_compiler(struct doctor *d)
{
	char line[256];

	if (!first_line("${CC:-cc} --version 2>/dev/null </dev/null", line,
	    sizeof(line)) && *line)
		say(d, SNEK_CHECK_PASS, "compiler", line, NULL);
	else
		say(d, SNEK_CHECK_WARN, "compiler",
		    "no C compiler: plugins cannot be built here",
		    "install gcc or clang, or set CC");
}

static void check_sdk(struct doctor *d)
{
	char line[256], text[320];

	if (first_line("pkg-config --version 2>/dev/null </dev/null", line,
	    sizeof(line))) {
		say(d, SNEK_CHECK_WARN, "sdk", "no pkg-config: Makefiles of "
		    "plugins cannot find snek/plugin.h", "install pkg-config");
	} else if (first_line("pkg-config --modversion snek-plugin "
	    "2>/dev/null </dev/null", line, sizeof(line)) || !*line) {
		say(d, SNEK_CHECK_WARN, "sdk",
		    "pkg-config does not find snek-plugin",
		    "set PKG_CONFIG_PATH to where snek-plugin.pc is installed");
	} else if (strcmp(line, snek_version()) != 0) {
		snprintf(text, sizeof(text), "pkg-config finds snek-plugin "
		    "%.40s; this is snek %.40s", line, snek_version());
		say(d, SNEK_CHECK_WARN, "sdk", text,
		    "set PKG_CONFIG_PATH to that of this snek");
	} else {
		snprintf(text, sizeof(text), "pkg-config finds snek-plugin %s",
		    line);
		say(d, SNEK_CHECK_PASS, "sdk", text, NULL);
	}
}

/* ---- the command ---- */

static int examine_aws(struct doctor *d, const char *where)
{
	const struct snek_doctor_options o = { .size = sizeof(o),
		.stack = d->stack, .region = d->region,
		.aws_profile = d->aws_profile };
	struct snek_error e = { 0 };
	int rc = snek_doctor_aws(where, &o, show, d, &e);

	if (rc < 0)
		return cli_error_of(&d->c, rc, &e, NULL, NULL);
	return d->failed ? CLI_FAILED : CLI_OK;
}

static int examine(struct doctor *d, const char *where)
{
	struct snek_error e = { 0 };
	int rc = snek_doctor(where, show, d, &e);

	if (rc < 0)
		return cli_error_of(&d->c, rc, &e, NULL, NULL);
	fflush(stdout);         /* before the programs that are run */
	check_compiler(d);
	check_sdk(d);
	return d->failed ? CLI_FAILED : CLI_OK;
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct doctor d = { .c.command = cmd, .lines = isatty(STDOUT_FILENO) };
	char *where = NULL;
	bool named;
	int rc = cli_option_parse(&d.c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	if (!d.aws && (d.stack || d.region || d.aws_profile))
		return cli_error_usage(&d.c, "--stack, --region and --aws-profile "
		    "go with --aws");
	if ((rc = cli_cluster_where(&d.c, &where, &named)))
		return rc;
	rc = d.aws ? examine_aws(&d, where) : examine(&d, named ? where : NULL);
	free(where);
	return cli_out_end(&d.c, rc);
}

const struct cli_command cli_doctor = {
	"snek", "doctor", "",
	"Check this machine, this build and the cluster",
	"Prints PASS, WARN, FAIL or SKIP for each check, with the cure.\n"
	"With --aws: credentials, permissions, quotas, the stack, each hop.\n"
	"Fails when any check does.",
	0, 0, options, run
};
