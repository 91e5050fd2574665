/* SPDX-License-Identifier: MIT */
#include "cli/lambda.h"

#include <string.h>

void cli_lambda_options(const struct cli_lambda *l,
    struct snek_lambda_options *o)
{
	o->size = sizeof(*o);
	o->region = l->region;
	o->aws_profile = l->aws_profile;
	o->endpoint = l->endpoint;
}

void cli_lambda_said(void *arg, const char *text)
{
	const struct cli *c = arg;

	if (!c->json) {
		cli_error_say(c, "%s", text);
		return;
	}
	cli_out_begin(stdout, "step");
	cli_out_text(stdout, "text", text);
	cli_out_close(stdout);
	fflush(stdout);
}

void cli_lambda_json(const struct snek_lambda_info *l)
{
	fputs(",\"lambda\":{\"name\":", stdout);
	cli_out_string(stdout, l->name, strlen(l->name));
	cli_out_text(stdout, "arn", l->arn);
	cli_out_text(stdout, "version", l->version);
	cli_out_text(stdout, "region", l->region);
	cli_out_text(stdout, "arch", l->arch);
	cli_out_text(stdout, "code_sha256", l->code_sha256);
	cli_out_text(stdout, "plugin_sha256", l->plugin_sha256);
	cli_out_text(stdout, "endpoint", l->endpoint);
	cli_out_number(stdout, "memory_mb", l->memory_mb);
	cli_out_number(stdout, "timeout_s", l->timeout_s);
	cli_out_text(stdout, "state", l->state);
	cli_out_text(stdout, "role", l->role);
	cli_out_text(stdout, "differs", l->differs);
	putchar('}');
}

struct cli_lambda_words cli_lambda_words(const struct snek_lambda_info *l,
    bool whole)
{
	bool at = whole && l->endpoint;
	struct cli_lambda_words w;

	snprintf(w.s, sizeof(w.s), "version %s in %s%s%s", l->version,
	    l->region, at ? " at " : "", at ? l->endpoint : "");
	return w;
}

const char *cli_lambda_differs(const struct snek_function_info *i)
{
	if (!i->lambda || !strcmp(i->lambda->plugin_sha256, i->sha256))
		return NULL;
	return "the Lambda has other bytes";
}
