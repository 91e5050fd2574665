/* SPDX-License-Identifier: MIT */
#include "aws/settings.h"

#include <stdlib.h>

const char *sk_settings_env(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static int copy(char **to, const char *text, struct snek_error *e)
{
	*to = text ? strdup(text) : NULL;
	return text && !*to ? sk_enomem(e) : 0;
}

static const char *first_of(const char *a, const char *b, const char *c)
{
	return a ? a : b ? b : c;
}

int sk_settings_open(const struct sk_aws_options *o, struct sk_settings *s,
    struct snek_error *e)
{
	int rc;

	memset(s, 0, sizeof(*s));
	rc = copy(&s->profile, o->profile, e);
	if (!rc)
		rc = copy(&s->endpoint, o->endpoint, e);
	if (!rc)
		rc = copy(&s->region, first_of(o->region,
		    sk_settings_env("AWS_REGION"),
		    sk_settings_env("AWS_DEFAULT_REGION")), e);
	if (rc)
		sk_settings_close(s);
	return rc;
}

void sk_settings_close(struct sk_settings *s)
{
	free(s->profile);
	free(s->region);
	free(s->endpoint);
	memset(s, 0, sizeof(*s));
}
