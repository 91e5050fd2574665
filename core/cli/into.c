/* SPDX-License-Identifier: MIT */
/* Results into a category, in place of stdout. */
#include "cli/cli.h"

#include <string.h>

enum { LONGEST = 128 };

/* Before a job that may take its time. */
int cli_into_check(const struct cli_job *j)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

	if (!j->into && (j->request_id || j->durability))
		return cli_error_usage(&j->c, "--%s goes with --into",
		    j->request_id ? "request-id" : "durability");
	if (!j->into)
		return 0;
	if (!*j->into || strlen(j->into) > LONGEST ||
	    j->into[strspn(j->into, letters)])
		return cli_error_usage(&j->c, "--into %s: a category is 1 to %d "
		    "of [A-Za-z0-9._-]", j->into, LONGEST);
	if (j->output)
		return cli_error_usage(&j->c, "--output is for what is printed, "
		    "and --into prints a receipt");
	if (j->keep_going)
		return cli_error_usage(&j->c, "--into writes all or nothing: it "
		    "does not go with --keep-going");
	return 0;
}

static struct snek_writer_options options_of(const struct cli_job *j)
{
	return (struct snek_writer_options){
		.size = sizeof(struct snek_writer_options),
		.request_id = j->request_id, .durability = j->durability };
}

int cli_into_tell(const struct cli_job *j, snek_job *job)
{
	const struct snek_writer_options o = options_of(j);
	struct snek_error e = { 0 };
	int rc = snek_job_into(job, j->into, &o, &e);

	return rc < 0 ? cli_error_of(&j->c, rc, &e, j->into, NULL) : 0;
}

int cli_into_write(struct cli_job *j, snek_job *job)
{
	const struct snek_writer_options o = options_of(j);
	struct snek_receipt r = { .size = sizeof(r) };
	struct snek_error e = { 0 };
	int64_t begun = cli_number_now();
	int rc = snek_result_write(job, j->cluster, j->into, &o, &r, &e);

	if (rc == SNEK_ECANCELED && cli_signal_caught())
		return cli_signal_exit(&j->c, "nothing was written");
	if (rc < 0)
		return cli_receipt_failed(&j->c, j->into, j->request_id, rc, &e);
	cli_receipt_put(&j->c, j->into, &r, begun);
	return 0;
}
