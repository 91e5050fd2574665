/* SPDX-License-Identifier: MIT */
/* lambda.h - what the commands about functions' own Lambdas share. */
#ifndef CLI_LAMBDA_H
#define CLI_LAMBDA_H
#include "cli/cli.h"

/* Where they are, and who we are there. */
struct cli_lambda {
	const char *region, *aws_profile, *endpoint;
};
#define CLI_OPTIONS_LAMBDA(type) \
	{ "region", 0, CLI_TEXT, CLI_AT(type, at.region), "REGION", \
	  "of AWS; default: as the cluster's target says" }, \
	{ "aws-profile", 0, CLI_TEXT, CLI_AT(type, at.aws_profile), "NAME", \
	  "of ~/.aws: who we are there" }, \
	{ "lambda-endpoint", 0, CLI_TEXT, CLI_AT(type, at.endpoint), "URL", \
	  "of an emulator, in place of AWS" }

void cli_lambda_options(const struct cli_lambda *, struct snek_lambda_options *);
/* Say a step; for said, whose argument is a struct cli. */
void cli_lambda_said(void *cli, const char *text);
/* ,"lambda":{...} */
void cli_lambda_json(const struct snek_lambda_info *);
/* In a few words: "version 7 in eu-west-1"; whole: at which URL, too. */
struct cli_lambda_words { char s[256]; };
struct cli_lambda_words cli_lambda_words(const struct snek_lambda_info *,
    bool whole);
/* What it has that the cluster does not, without asking AWS; NULL: nothing. */
const char *cli_lambda_differs(const struct snek_function_info *);
#endif
