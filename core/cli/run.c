/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdlib.h>

struct run {
	struct cli_job j;
	struct cli_list input;
	const char *format, *duplicates;
	uint64_t max_record;
	bool gdb, valgrind;
	snek_job *job;
};

static const struct cli_option options[] = {
	{ "input", 'i', CLI_LIST, CLI_AT(run, input), "FILE",
	  "in place of standard input; may be repeated" },
	{ "format", 0, CLI_CHOICE, CLI_AT(run, format), CLI_FORMATS,
	  "of the input; default: jsonl, or array by name" },
	{ "max-record", 0, CLI_SIZE, CLI_AT(run, max_record), "SIZE",
	  "largest record; default: 64M" },
	{ "duplicates", 0, CLI_CHOICE, CLI_AT(run, duplicates), "error|last",
	  "what a key given twice means; default: error" },
	{ "gdb", 0, CLI_FLAG, CLI_AT(run, gdb), NULL,
	  "the same in gdb, in threads" },
	{ "valgrind", 0, CLI_FLAG, CLI_AT(run, valgrind), NULL,
	  "the same in valgrind, in threads" },
	CLI_JOB_OPTIONS("processes|threads|local",
	    "where to run; default: processes, or local"),
	{ 0 }
};

static int read_one(void *arg, int fd, const char *name, struct snek_error *e)
{
	struct run *r = arg;

	return snek_job_read(r->job, fd, name, cli_input_format(r->format), e);
}

static int prepare(struct run *r)
{
	const struct cli *c = &r->j.c;
	struct snek_error e = { 0 };
	char size[24];
	int rc = 0;

	snprintf(size, sizeof(size), "%" PRIu64, r->max_record);
	if (r->max_record)
		rc = snek_job_set(r->job, "max-record", size, &e);
	if (rc >= 0 && r->duplicates)
		rc = snek_job_set(r->job, "duplicates", r->duplicates, &e);
	return rc < 0 ? cli_error_of(c, rc, &e, NULL, NULL) : 0;
}

static int seen(void *arg, const struct snek_function_info *i)
{
	(void)arg;
	(void)i;
	return 0;
}

/* Before all the input is read, which may take its time. */
static int check_function(const struct run *r, const char *name)
{
	struct snek_error e = { 0 };
	const struct snek_function_options o = { .size = sizeof(o),
		.trust = r->j.trust };
	int rc = snek_function_visit(NULL, name, &o, seen, NULL, &e);

	return rc < 0 ? cli_error_of(&r->j.c, rc, &e, name, NULL) : 0;
}

static int with_job(struct run *r, struct cli_input *in, int argc, char **argv)
{
	int rc = r->j.call ? 0 : check_function(r, argv[0]);

	if (!rc)
		rc = cli_job_setup(&r->j, r->job, argc, argv);
	if (!rc)
		rc = prepare(r);
	if (!rc)
		rc = cli_input_each(&r->j.c, in, NULL, read_one, r);
	if (!rc && cli_signal_caught())
		return cli_signal_exit(&r->j.c, "nothing was printed");
	return rc ? rc : cli_job_finish(&r->j, r->job,
	    cli_job_function(&r->j, argv), NULL);
}

static int with_input(struct run *r, struct cli_input *in, int argc,
    char **argv)
{
	struct snek_error e = { 0 };
	int rc = snek_job_new(NULL, NULL, &r->job, &e);

	if (rc < 0)
		return cli_error_of(&r->j.c, rc, &e, NULL, NULL);
	rc = with_job(r, in, argc, argv);
	snek_job_free(r->job);
	return rc;
}

static int with_options(struct run *r, int argc, char **argv)
{
	struct cli_input in;
	int rc = cli_job_check(&r->j, argc, argv);

	if (rc)
		return rc;
	cli_signal_begin();
	rc = cli_input_expand(&r->j.c, &in, r->input.v, r->input.n);
	if (!rc)
		rc = with_input(r, &in, argc, argv);
	cli_input_free(&in);
	return rc;
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct run r = { .j.c.command = cmd };
	char **all = argv;
	int rc = cli_option_parse(&r.j.c, &argc, &argv);

	if (rc == CLI_GO && (r.gdb || r.valgrind))
		rc = cli_debug(&r.j.c, r.gdb ? "gdb" : "valgrind", all);
	else if (rc == CLI_GO)
		rc = with_options(&r, argc, argv);
	free(r.input.v);
	cli_job_free(&r.j);
	return rc;
}

const struct cli_command cli_run = {
	"snek", "run", "PLUGIN|FUNCTION [NAME=VALUE...]",
	"Map a function over files or standard input, without a cluster", NULL,
	0, -1, options, run
};
