/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct logs {
	struct cli c;
	const char *since, *job, *task, *grep;
	const char *stack, *region, *aws_profile, *endpoint;
	bool follow;
	regex_t pattern;
	uint64_t shown;
};

#define AT(field) CLI_AT(logs, field)

static const struct cli_option options[] = {
	{ "follow", 'f', CLI_FLAG, AT(follow), NULL,
	  "go on with what comes, until interrupted" },
	{ "since", 0, CLI_TEXT, AT(since), "WHEN",
	  "30m, 2h, 3d, or a time in UTC; default: 30m" },
	{ "job", 0, CLI_TEXT, AT(job), "ID",
	  "lines of this job; how its id begins will do" },
	{ "task", 0, CLI_COUNT, AT(task), "N", "lines of this task" },
	{ "grep", 0, CLI_TEXT, AT(grep), "RE",
	  "lines that match, as by grep -E" },
	{ "stack", 0, CLI_TEXT, AT(stack), "NAME",
	  "whose functions they are; default: the profile's" },
	{ "region", 0, CLI_TEXT, AT(region), "REGION",
	  "of AWS; default: the profile's" },
	{ "aws-profile", 0, CLI_TEXT, AT(aws_profile), "NAME",
	  "of ~/.aws: who we are there" },
	{ "lambda-endpoint", 0, CLI_TEXT, AT(endpoint), "URL",
	  "of an emulator, in place of AWS" },
	CLI_OPTION_JSON,
	CLI_OPTION_CLUSTER,
	{ 0 }
};

/* ---- lines ---- */

/* 2026-11-29T08:00:00.123Z */
static struct cli_text time_text(int64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	struct cli_text out;
	struct tm day;
	size_t n = 0;

	if (gmtime_r(&t, &day))
		n = strftime(out.s, sizeof(out.s), "%Y-%m-%dT%H:%M:%S", &day);
	snprintf(out.s + n, sizeof(out.s) - n, ".%03dZ", (int)(ms % 1000));
	return out;
}

static void put_json(const struct snek_log_line *l)
{
	cli_out_begin(stdout, "log");
	cli_out_text(stdout, "time", time_text(l->ms).s);
	cli_out_text(stdout, "function", l->function);
	cli_out_text(stdout, "stream", l->stream);
	cli_out_text(stdout, "id", l->id);
	cli_out_text(stdout, "line", l->text);
	cli_out_close(stdout);
}

static void put_line(const struct snek_log_line *l)
{
	printf("%s  ", time_text(l->ms).s);
	cli_out_plain(stdout, l->function);
	if (l->level) {
		fputs("  ", stdout);
		cli_out_plain(stdout, l->level);
	}
	if (l->job) {
		fputs("  job ", stdout);
		cli_out_plain(stdout, l->job);
	}
	if (l->task >= 0)
		printf(" task %lld", (long long)l->task);
	if (l->attempt >= 0)
		printf(" attempt %lld", (long long)l->attempt);
	fputs("  ", stdout);
	cli_out_plain(stdout, l->message ? l->message : l->text);
	putchar('\n');
}

static int show(void *arg, const struct snek_log_line *l)
{
	struct logs *o = arg;

	if (o->grep && regexec(&o->pattern, l->text, 0, NULL, 0))
		return 0;
	o->shown++;
	if (o->c.json)
		put_json(l);
	else
		put_line(l);
	if (o->follow)
		fflush(stdout);
	return ferror(stdout) ? SNEK_EIO : 0;
}

static int waits(void *arg)
{
	(void)arg;
	return cli_signal_caught() ? SNEK_ECANCELED : 0;
}

/* ---- what was asked for ---- */

static bool take_ago(const char *text, int64_t *ms)
{
	static const char units[] = "smhd";
	static const int64_t seconds[] = { 1, 60, 3600, 86400 };
	const char *unit;
	int64_t n = 0;

	if (*text < '0' || *text > '9')
		return false;
	for (; *text >= '0' && *text <= '9' && n < 100000000; text++)
		n = n * 10 + (*text - '0');
	unit = *text ? strchr(units, *text) : NULL;
	if (!unit || text[1])
		return false;
	*ms = ((int64_t)time(NULL) - n * seconds[unit - units]) * 1000;
	return *ms > 0;
}

static bool take_date(const char *text, int64_t *ms)
{
	struct tm day = { 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &day);

	if (!end)
		end = strptime(text, "%Y-%m-%d", &day);
	if (!end || (strcmp(end, "Z") && *end))
		return false;
	*ms = (int64_t)timegm(&day) * 1000;
	return *ms > 0;
}

static int understand(struct logs *l, const char *function,
    struct snek_log_options *o)
{
	char why[128];
	int rc;

	*o = (struct snek_log_options){ .size = sizeof(*o),
		.function = function, .stack = l->stack, .region = l->region,
		.aws_profile = l->aws_profile, .endpoint = l->endpoint,
		.job = l->job, .has_task = l->task,
		.task = (uint32_t)cli_option_count(l->task, 0),
		.follow = l->follow, .waits = waits, .arg = l };
	if (l->since && !take_ago(l->since, &o->since_ms) &&
	    !take_date(l->since, &o->since_ms))
		return cli_error_usage(&l->c, "--since %s: 90s, 30m, 2h, 3d or "
		    "2026-11-29T08:00:00Z", l->since);
	rc = l->grep ? regcomp(&l->pattern, l->grep, REG_EXTENDED | REG_NOSUB) :
	    0;
	if (!rc)
		return 0;
	regerror(rc, &l->pattern, why, sizeof(why));
	return cli_error_usage(&l->c, "--grep %s: %s", l->grep, why);
}

static int read_all(struct logs *l, const struct snek_log_options *o,
    const char *where)
{
	struct snek_error e = { 0 };
	int rc = snek_logs(where, o, show, &e);

	if (ferror(stdout))
		return cli_out_failed(&l->c);
	if (rc == SNEK_ECANCELED)
		return cli_signal_exit(&l->c, NULL);
	if (rc < 0)
		return cli_error_of(&l->c, rc, &e, where, NULL);
	if (!l->shown)
		cli_error_say(&l->c, "no lines%s", l->since ? "" : " in the last "
		    "30 minutes; --since looks back further");
	return 0;
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct logs l = { .c.command = cmd };
	struct snek_log_options o;
	char *where = NULL;
	bool named;
	int rc = cli_option_parse(&l.c, &argc, &argv);

	if (rc != CLI_GO)
		return rc;
	rc = understand(&l, argc ? argv[0] : NULL, &o);
	if (rc)
		return rc;
	cli_signal_begin();
	rc = cli_cluster_where(&l.c, &where, &named);
	if (!rc)
		rc = read_all(&l, &o, where);
	if (l.grep)
		regfree(&l.pattern);
	free(where);
	return cli_out_end(&l.c, rc);
}

const struct cli_command cli_logs = {
	"snek", "logs", "[FUNCTION]",
	"Print what functions at AWS have logged",
	"FUNCTION is one of the cluster; of its stack: write, query, find,\n"
	"coordinator or api; or the name of a log group.  Default: all.",
	0, 1, options, run
};
