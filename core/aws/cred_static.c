/* SPDX-License-Identifier: MIT */
/* cred_static.c - keys as they are written down: environment and files. */
#include "aws/cred.h"

#include <stdio.h>

int sk_cred_environment(struct sk_chain *c, struct sk_cred *out,
    struct snek_error *e)
{
	const char *id = sk_settings_env("AWS_ACCESS_KEY_ID");
	const char *secret = sk_settings_env("AWS_SECRET_ACCESS_KEY");
	int rc;

	if (!c->environment)
		return sk_cred_not(c, "environment: --profile comes first");
	if (!id && !secret)
		return sk_cred_not(c, "environment: no AWS_ACCESS_KEY_ID");
	rc = sk_cred_set(out, id, secret, sk_settings_env("AWS_SESSION_TOKEN"),
	    e);
	if (rc == SNEK_EACCES)
		return sk_fail_in(e, rc, "AWS_ACCESS_KEY_ID, "
		    "AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN");
	snprintf(out->source, sizeof(out->source), "environment");
	return rc;
}

struct pair {
	const char *id, *secret, *token;
};

static int take(struct sk_chain *c, const struct pair *p, const char *path,
    struct sk_cred *out, struct snek_error *e)
{
	int rc;

	path = path ? path : "~/.aws";
	if (!p->id && !p->secret)
		return sk_cred_not(c, "%.60s: no aws_access_key_id", path);
	rc = sk_cred_set(out, p->id, p->secret, p->token, e);
	if (rc)
		return rc == SNEK_EACCES ? sk_fail_in(e, rc, "profile %s of %s",
		    c->profile, path) : rc;
	snprintf(out->source, sizeof(out->source), "profile %.40s of %.90s",
	    c->profile, path);
	return 0;
}

int sk_cred_shared(struct sk_chain *c, struct sk_cred *out,
    struct snek_error *e)
{
	const struct sk_ini *i = &c->settings->credentials;
	struct pair p = {
		.id = sk_ini_get(i, c->profile, "aws_access_key_id"),
		.secret = sk_ini_get(i, c->profile, "aws_secret_access_key"),
		.token = sk_ini_get(i, c->profile, "aws_session_token"),
	};

	return take(c, &p, c->settings->credentials_path, out, e);
}

int sk_cred_config(struct sk_chain *c, struct sk_cred *out,
    struct snek_error *e)
{
	const struct sk_settings *s = c->settings;
	struct pair p = {
		.id = sk_settings_config(s, c->profile, "aws_access_key_id"),
		.secret = sk_settings_config(s, c->profile,
		    "aws_secret_access_key"),
		.token = sk_settings_config(s, c->profile, "aws_session_token"),
	};

	return take(c, &p, s->config_path, out, e);
}

/* What `aws login` leaves is in a form of its own, which its own tool reads. */
int sk_cred_login(struct sk_chain *c, struct sk_cred *out, struct snek_error *e)
{
	(void)out;
	if (!sk_cred_setting(c, "login_session"))
		return SK_CRED_NOT;
	return sk_fail(e, SNEK_EACCES, "profile \"%.60s\" is of aws login, which "
	    "snek does not read: make a profile with credential_process = aws "
	    "configure export-credentials --profile %.60s", c->profile,
	    c->profile);
}
