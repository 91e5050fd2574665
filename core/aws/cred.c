/* SPDX-License-Identifier: MIT */
#include "aws/cred.h"

#include <stdlib.h>

static void forget(char **s)
{
	if (*s)
		explicit_bzero(*s, strlen(*s));
	free(*s);
	*s = NULL;
}

void sk_cred_free(struct sk_cred *c)
{
	forget(&c->key_id);
	forget(&c->secret);
	forget(&c->token);
	c->expires = 0;
}

int sk_cred_find(const struct sk_settings *s, struct sk_cred *c,
    struct snek_error *e)
{
	const char *id = sk_settings_env("AWS_ACCESS_KEY_ID");
	const char *secret = sk_settings_env("AWS_SECRET_ACCESS_KEY");
	const char *token = sk_settings_env("AWS_SESSION_TOKEN");

	(void)s;
	memset(c, 0, sizeof(*c));
	if (!id || !secret)
		return sk_fail(e, SNEK_EACCES, "no credentials for AWS: "
		    "environment: AWS_ACCESS_KEY_ID and "
		    "AWS_SECRET_ACCESS_KEY are not both set");
	c->key_id = strdup(id);
	c->secret = strdup(secret);
	c->token = token ? strdup(token) : NULL;
	if (c->key_id && c->secret && (!token || c->token))
		return 0;
	sk_cred_free(c);
	return sk_enomem(e);
}
