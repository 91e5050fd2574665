/* SPDX-License-Identifier: MIT */
/* cred_web.c - a role for who holds a token of another identity provider; the
 * file is read each time, for somebody renews it. */
#include "aws/cred.h"
#include "aws/secret.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

#define TOKEN_MAX 65536u

struct web {
	const char *arn, *file, *session;
};

static void look(const struct sk_chain *c, struct web *w)
{
	memset(w, 0, sizeof(*w));
	if (c->environment) {
		w->file = sk_settings_env("AWS_WEB_IDENTITY_TOKEN_FILE");
		w->arn = sk_settings_env("AWS_ROLE_ARN");
		w->session = sk_settings_env("AWS_ROLE_SESSION_NAME");
	}
	if (w->file)
		return;
	w->file = sk_cred_setting(c, "web_identity_token_file");
	w->arn = sk_cred_setting(c, "role_arn");
	w->session = sk_cred_setting(c, "role_session_name");
}

static bool put_form(const struct web *w, const char *token, struct sk_buf *form)
{
	char name[40];

	snprintf(name, sizeof(name), "snek-%lld", (long long)sk_clock_wall());
	return sk_cred_form(form, "Action", "AssumeRoleWithWebIdentity") &&
	    sk_cred_form(form, "Version", "2011-06-15") &&
	    sk_cred_form(form, "RoleArn", w->arn) &&
	    sk_cred_form(form, "RoleSessionName",
	    w->session ? w->session : name) &&
	    sk_cred_form(form, "WebIdentityToken", token);
}

int sk_cred_web(struct sk_chain *c, struct sk_cred *out, struct snek_error *e)
{
	struct sk_buf token = { 0 }, form = { 0 };
	struct web w;
	int rc;

	look(c, &w);
	if (!w.file)
		return sk_cred_not(c, "web identity: no token file");
	if (!w.arn)
		return sk_fail(e, SNEK_EINVAL, "a web identity token file without a "
		    "role: set AWS_ROLE_ARN, or role_arn in the profile");
	rc = sk_secret_read(w.file, TOKEN_MAX, &token, e);
	if (!rc && !put_form(&w, token.p, &form))
		rc = sk_enomem(e);
	if (!rc)
		rc = sk_cred_sts(c, NULL, "AssumeRoleWithWebIdentity", &form, out, e);
	if (!rc)
		snprintf(out->source, sizeof(out->source), "web identity, role "
		    "%.120s", w.arn);
	sk_secret_forget(&token);
	sk_secret_forget(&form);
	return rc;
}
