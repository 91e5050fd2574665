/* SPDX-License-Identifier: MIT */
/* deploy_drift.c - what of a stack was changed by hand. */
#include "cli/deploy.h"

static int put(void *arg, const struct snek_stack_drift *f)
{
	const struct deploy *d = arg;

	if (!d->c.json) {
		printf("%s   %-26s  %s%s%s\n", f->path ? "~" : "-", f->name, f->type,
		    f->path ? "  " : "", f->path ? f->path : "");
		return 0;
	}
	cli_out_begin(stdout, "drift");
	cli_out_text(stdout, "name", f->name);
	cli_out_text(stdout, "type", f->type);
	cli_out_text(stdout, "path", f->path ? f->path : "");
	cli_out_bool(stdout, "gone", !f->path);
	cli_out_close(stdout);
	return 0;
}

int deploy_drift(const struct deploy *d, const struct snek_stack_options *o,
    bool *drifted, struct snek_error *e)
{
	int rc;

	cli_error_say(&d->c, "comparing: this takes CloudFormation minutes");
	rc = snek_stack_compare(o, put, (void *)(uintptr_t)d, e);
	*drifted = rc == 1;
	if (!rc)
		cli_error_say(&d->c, "nothing was changed by hand");
	return rc;
}
