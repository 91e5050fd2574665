/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { LOG_WARN = 2, LOOK_MS = 100,     /* the third of snek_log_level */
	MOST_FILES = 65536 };

struct log {
	const struct cli *c;
	struct cli_progress *progress;
};

static int settings(struct cli_job *j, snek_job *job)
{
	char memory[24], worker_memory[24];
	const struct { const char *name, *value; } list[] = {
		{ "executor", j->on }, { "workers", j->workers },
		{ "partitions", j->partitions }, { "attempts", j->attempts },
		{ "timeout", j->timeout }, { "order", j->order },
		{ "limit", j->limit }, { "tmp", j->tmp },
		{ "trust", j->trust ? "yes" : NULL },
		{ "skip-bad", j->skip_bad }, { "bad", j->bad },
		{ "keep-going", j->keep_going ? "yes" : NULL },
		{ "worker", j->worker }, { "worker-cpu", j->worker_cpu },
		{ "batch", j->batch }, { "call-timeout", j->call_timeout },
		{ "memory", j->memory ? memory : NULL },
		{ "worker-memory", j->worker_memory ? worker_memory : NULL },
	};
	struct snek_error e = { 0 };
	size_t i;
	int rc;

	snprintf(memory, sizeof(memory), "%" PRIu64, j->memory);
	snprintf(worker_memory, sizeof(worker_memory), "%" PRIu64,
	    j->worker_memory);
	for (i = 0; i < sizeof(list) / sizeof(*list); i++) {
		if (!list[i].value)
			continue;
		rc = snek_job_set(job, list[i].name, list[i].value, &e);
		if (rc < 0)
			return cli_error_of(&j->c, rc, &e, list[i].name, NULL);
	}
	return 0;
}

static int argument(struct cli_job *j, snek_job *job, char *text)
{
	struct snek_error e = { 0 };
	char *equals = strchr(text, '=');
	int rc;

	*equals = '\0';
	rc = snek_job_arg(job, text, equals + 1, &e);
	*equals = '=';
	return rc < 0 ? cli_error_of(&j->c, rc, &e, text, NULL) : 0;
}

static int side(struct cli_job *j, snek_job *job, const char *text)
{
	struct snek_error e = { 0 };
	const char *equals = strchr(text, '=');
	char *name = strndup(text, (size_t)(equals - text));
	int rc = name ? snek_job_side(job, name, equals + 1, &e) : SNEK_ENOMEM;

	free(name);
	return rc < 0 ? cli_error_of(&j->c, rc, &e, text, NULL) : 0;
}

/* A file is named with a slash, so that it is never taken for a function. */
static bool is_bare_file(const char *function)
{
	size_t n = strcspn(function, ":");

	return !strchr(function, '/') && n > 3 &&
	    strncmp(function + n - 3, ".so", 3) == 0;
}

static int check_call(const struct cli_job *j, int argc, char **argv)
{
	const char *colon = strrchr(j->call, ':');

	if (argc)
		return cli_error_usage(&j->c, "%s: --call takes no function "
		    "and no arguments beside it", argv[0]);
	if (!colon || colon == j->call || !colon[1])
		return cli_error_usage(&j->c, "--call %s: give LIBRARY:FUNCTION, "
		    "such as libm.so.6:hypot", j->call);
	if (!j->sig)
		return cli_error_usage(&j->c, "--call needs the function's "
		    "types: --sig 'd(dd)'");
	if (j->args)
		return cli_error_usage(&j->c, "--args goes with a function of "
		    "a plugin, not with --call");
	return 0;
}

static int check_sides(const struct cli_job *j)
{
	size_t i;

	for (i = 0; i < j->side.n; i++)
		if (!strchr(j->side.v[i], '=') || j->side.v[i][0] == '=')
			return cli_error_usage(&j->c, "--side %s: give "
			    "NAME=CATEGORY, or NAME=FILE", j->side.v[i]);
	return 0;
}

int cli_job_check(const struct cli_job *j, int argc, char **argv)
{
	int i;

	if (check_sides(j))
		return CLI_USAGE;
	if (j->call)
		return check_call(j, argc, argv);
	if (j->sig || j->fields)
		return cli_error_usage(&j->c, "--%s goes with --call", j->sig ?
		    "sig" : "fields");
	if (!argc)
		return cli_error_usage(&j->c, "too little: give %s",
		    j->c.command->args);
	if (is_bare_file(argv[0]))
		return cli_error_usage(&j->c, "%s: for a file say ./%s",
		    argv[0], argv[0]);
	for (i = 1; i < argc; i++)
		if (!strchr(argv[i], '=') || argv[i][0] == '=')
			return cli_error_usage(&j->c, "%s: arguments are "
			    "NAME=VALUE", argv[i]);
	return 0;
}

static int map_call(struct cli_job *j, snek_job *job, struct snek_error *e)
{
	const char *colon = strrchr(j->call, ':');
	char *library = strndup(j->call, (size_t)(colon - j->call));
	int rc;

	if (!library)
		return SNEK_ENOMEM;
	rc = snek_job_call(job, library, colon + 1, j->sig, j->fields, e);
	free(library);
	return rc;
}

const char *cli_job_function(const struct cli_job *j, char **argv)
{
	return j->call ? j->call : argv[0];
}

int cli_job_setup(struct cli_job *j, snek_job *job, int argc, char **argv)
{
	struct snek_error e = { 0 };
	size_t n;
	int rc, i;

	rc = j->call ? map_call(j, job, &e)
	    : snek_job_map(job, argv[0], j->args, &e);
	if (rc < 0)
		return cli_error_of(&j->c, rc, &e, cli_job_function(j, argv),
		    NULL);
	for (i = 1; i < argc; i++)
		if ((rc = argument(j, job, argv[i])))
			return rc;
	for (n = 0; n < j->side.n; n++)
		if ((rc = side(j, job, j->side.v[n])))
			return rc;
	if (j->into && (rc = cli_into_tell(j, job)))
		return rc;
	if (j->reduce && (rc = snek_job_reduce(job, j->reduce, &e)) < 0)
		return cli_error_of(&j->c, rc, &e, j->reduce, NULL);
	return settings(j, job);
}

void cli_job_free(struct cli_job *j)
{
	free(j->side.v);
}

/* ---- while it runs ---- */

static void on_log(void *arg, int level, const char *text)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };
	struct log *l = arg;

	if ((level < LOG_WARN && !l->c->verbose) || l->c->quiet)
		return;
	if (!l->c->json) {
		cli_progress_log(l->progress, text);
		return;
	}
	cli_out_begin(stderr, "log");
	cli_out_text(stderr, "level", names[level < 0 || level > 3 ? 3 : level]);
	cli_out_text(stderr, "text", text);
	cli_out_close(stderr);
}

static int interrupted(struct cli_job *j, snek_job *job)
{
	struct snek_job_stat s = { .size = sizeof(s) };
	char what[192];
	int n;

	snek_job_stat(job, &s);
	n = snprintf(what, sizeof(what), "%" PRIu32 " of %" PRIu32
	    " tasks were done, nothing was printed", s.done, s.tasks);
	if (s.calls_left)
		snprintf(what + n, sizeof(what) - (size_t)n, "; %" PRIu32
		    " call%s may still be running, for %.0f s at most",
		    s.calls_left, s.calls_left == 1 ? "" : "s",
		    s.seconds_left + 0.5);
	return cli_signal_exit(&j->c, what);
}

static const char *cure_of(int code, const struct snek_error *e)
{
	if (code == SNEK_ETIMEDOUT)
		return "allow more with --timeout";
	if (code == SNEK_ENOENT && strstr(e->text, "category"))
		return "snek ls lists what there is";
	return NULL;
}

static int wait_for(struct cli_job *j, snek_job *job, struct cli_progress *p)
{
	struct snek_job_stat s = { .size = sizeof(s) };
	struct snek_error e = { 0 };
	int rc, look = cli_progress_is_on(p) ? LOOK_MS : -1;

	rc = snek_job_start(job, &e);
	while (rc >= 0 && (rc = snek_job_wait(job, look, &e)) == 0)
		if (snek_job_stat(job, &s) >= 0)
			cli_progress_job(p, &s);
	cli_progress_erase(p);
	if (rc >= 0)
		return 0;
	if (rc == SNEK_ECANCELED && cli_signal_caught())
		return interrupted(j, job);
	return cli_error_of(&j->c, rc, &e, NULL, cure_of(rc, &e));
}

/* ---- the closing summary ---- */

static int visit_json(void *arg, const char *name, int64_t value)
{
	bool *more = arg;

	if (*more)
		putc(',', stderr);
	*more = true;
	cli_out_string(stderr, name, strlen(name));
	fprintf(stderr, ":%" PRId64, value);
	return 0;
}

static int visit_text(void *arg, const char *name, int64_t value)
{
	char text[256];

	snprintf(text, sizeof(text), "  %s %" PRId64, name, value);
	cli_progress_log(arg, text);
	return 0;
}

/* Dollars have many digits behind the point. */
static void calls_json(const struct snek_job_stat *s)
{
	cli_out_number(stderr, "calls", s->calls);
	cli_out_number(stderr, "throttled", s->throttled);
	cli_out_number(stderr, "billed_ms", s->billed_ms);
	fprintf(stderr, ",\"dollars\":%.9f", s->dollars);
	cli_out_bool(stderr, "guessed", s->guessed);
}

static void summary_json(snek_job *job, const struct snek_job_stat *s)
{
	bool more = false;

	cli_out_begin(stderr, "summary");
	cli_out_number(stderr, "tasks", s->tasks);
	cli_out_number(stderr, "retries", s->retries);
	cli_out_number(stderr, "records_in", s->records_in);
	cli_out_number(stderr, "records_skipped", s->records_skipped);
	cli_out_number(stderr, "records_missing", s->records_missing);
	cli_out_number(stderr, "records_out", s->records_out);
	cli_out_number(stderr, "bytes_in", s->bytes_in);
	cli_out_number(stderr, "keys", s->keys);
	cli_out_real(stderr, "seconds", s->seconds);
	if (s->calls)
		calls_json(s);
	fputs(",\"counters\":{", stderr);
	snek_job_counters(job, visit_json, &more);
	putc('}', stderr);
	cli_missing_json(job);
	cli_out_close(stderr);
}

static void calls_text(const struct snek_job_stat *s)
{
	fprintf(stderr, ", %s call%s", cli_number_grouped(s->calls).s,
	    s->calls == 1 ? "" : "s");
	if (s->billed_ms)
		fprintf(stderr, ", %.1f s billed: %s$%.6f",
		    (double)s->billed_ms / 1000, s->guessed ? "about " : "",
		    s->dollars);
}

static void summary_text(const struct snek_job_stat *s)
{
	double t = s->seconds > 0 ? s->seconds : 1e-9;

	fprintf(stderr, "%s record%s, %s in %.2f s",
	    cli_number_grouped(s->records_in).s, s->records_in == 1 ? "" : "s",
	    cli_number_bytes((double)s->bytes_in).s, s->seconds);
	fprintf(stderr, " (%s records/s, %s/s), %" PRIu32 " task%s",
	    cli_number_short((double)s->records_in / t).s,
	    cli_number_bytes((double)s->bytes_in / t).s, s->tasks,
	    s->tasks == 1 ? "" : "s");
	if (s->keys)
		fprintf(stderr, ", %s key%s", cli_number_grouped(s->keys).s,
		    s->keys == 1 ? "" : "s");
	if (s->records_skipped)
		fprintf(stderr, ", %s skipped",
		    cli_number_grouped(s->records_skipped).s);
	if (s->records_missing)
		fprintf(stderr, ", %s missing",
		    cli_number_grouped(s->records_missing).s);
	if (s->retries)
		fprintf(stderr, ", %" PRIu32 " retried", s->retries);
	if (s->throttled)
		fprintf(stderr, ", %" PRIu32 " throttled", s->throttled);
	if (s->calls)
		calls_text(s);
	putc('\n', stderr);
}

/* What is missing is no chat. */
static void summary(const struct cli *c, snek_job *job, bool partial)
{
	struct snek_job_stat s = { .size = sizeof(s) };

	if ((c->quiet && !(c->json && partial)) || snek_job_stat(job, &s) < 0)
		return;
	if (c->json) {
		summary_json(job, &s);
		return;
	}
	if (!c->verbose && !isatty(STDERR_FILENO))
		return;
	fflush(stdout);         /* both may be the same terminal */
	summary_text(&s);
	if (c->verbose)
		snek_job_counters(job, visit_text, NULL);
}

static int report(struct cli_job *j, snek_job *job)
{
	bool partial = cli_missing_any(job);

	if (partial)
		cli_missing_say(&j->c, job);
	summary(&j->c, job, partial);
	return partial ? CLI_PARTIAL : 0;
}

/* A call under way has a descriptor. */
static void more_files(const struct cli_job *j)
{
	struct rlimit l;

	if (!j->on || (strcmp(j->on, "lambda") && strcmp(j->on, "http")) ||
	    getrlimit(RLIMIT_NOFILE, &l))
		return;
	if (l.rlim_cur < MOST_FILES)
		l.rlim_cur = l.rlim_max < MOST_FILES ? l.rlim_max : MOST_FILES;
	setrlimit(RLIMIT_NOFILE, &l);
}

int cli_job_finish(struct cli_job *j, snek_job *job, const char *title,
    const char *function)
{
	struct cli_progress *p = cli_progress_open(&j->c, j->progress, title,
	    function);
	struct log l = { &j->c, p };
	int rc;

	more_files(j);
	snek_job_on_log(job, on_log, &l);
	cli_signal_watch(job, -1);
	rc = wait_for(j, job, p);
	if (!rc && j->into)
		rc = cli_into_write(j, job);
	cli_signal_watch(NULL, -1);
	if (!rc && !j->into)
		rc = cli_result_print(&j->c, job, j->output);
	if (!rc)
		rc = report(j, job);
	snek_job_on_log(job, NULL, NULL);
	cli_progress_close(p);
	return cli_out_end(&j->c, rc);
}
