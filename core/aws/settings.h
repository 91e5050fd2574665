/* SPDX-License-Identifier: MIT */
/* settings.h - what options, environment and files say of AWS. */
#ifndef SK_SETTINGS_H
#define SK_SETTINGS_H
#include "aws/aws.h"

struct sk_settings {
	char *profile;                  /* as given; NULL: it was not */
	char *region, *endpoint;
};

int sk_settings_open(const struct sk_aws_options *, struct sk_settings *,
    struct snek_error *);
void sk_settings_close(struct sk_settings *);
/* Of the environment; NULL: unset or empty. */
const char *sk_settings_env(const char *name);
#endif
