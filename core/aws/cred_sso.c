/* SPDX-License-Identifier: MIT */
/*
 * cred_sso.c - IAM Identity Center: the token that `aws sso login` left under
 * ~/.aws/sso/cache is exchanged for the role's keys.  The file is named by the
 * SHA-1 of the session's name or, in the older form, of the start URL.
 */
#include "aws/client.h"
#include "aws/cred.h"
#include "aws/json.h"
#include "aws/module.h"
#include "aws/secret.h"
#include "aws/sign.h"
#include "aws/when.h"
#include "base/clock.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define TOKEN_MAX 65536u
#define SSO_MS 15000

struct sso {
	struct sk_chain *chain;
	const char *session, *start, *region, *account, *role;
};

static int wrong(const struct sso *s, const char *what, struct snek_error *e)
{
	return sk_fail(e, SNEK_EINVAL, "profile \"%.60s\" of %.150s: %s",
	    s->chain->profile, s->chain->settings->config_path ?
	    s->chain->settings->config_path : "~/.aws/config", what);
}

static int log_in(const struct sso *s, const char *why, struct snek_error *e)
{
	return sk_fail(e, SNEK_EACCES, "the SSO session of profile \"%.60s\" %s: "
	    "aws sso login --profile %.60s", s->chain->profile, why,
	    s->chain->profile);
}

/* The newer form: what is common to profiles is in [sso-session NAME]. */
static int look_in_session(struct sso *s, struct snek_error *e)
{
	const struct sk_ini *i = &s->chain->settings->config;
	struct sk_buf name = { 0 };
	const char *start, *region;

	if (!sk_buf_printf(&name, "sso-session %s", s->session))
		return sk_enomem(e);
	start = sk_ini_get(i, name.p, "sso_start_url");
	region = sk_ini_get(i, name.p, "sso_region");
	sk_buf_free(&name);
	s->start = start;
	s->region = region;
	return start && region ? 0 : wrong(s, "its [sso-session] is not there, or "
	    "has no sso_start_url and sso_region", e);
}

static int check(struct sso *s, struct snek_error *e)
{
	int rc = s->session ? look_in_session(s, e) : 0;

	if (rc)
		return rc;
	if (!s->region || !s->account || !s->role)
		return wrong(s, "SSO takes sso_region, sso_account_id and "
		    "sso_role_name", e);
	rc = sk_settings_check_region(s->region, e);
	return rc ? sk_fail_in(e, rc, "sso_region") : 0;
}

/* ---- the token ---- */

static bool path_of(const struct sso *s, struct sk_buf *b)
{
	const char *name = s->session ? s->session : s->start;
	const char *home = sk_settings_env("HOME");
	unsigned char hash[20];
	bool ok = home && EVP_Digest(name, strlen(name), hash, NULL, EVP_sha1(),
	    NULL) && sk_buf_printf(b, "%s/.aws/sso/cache/", home);
	size_t i;

	for (i = 0; ok && i < sizeof(hash); i++)
		ok = sk_buf_printf(b, "%02x", hash[i]);
	return ok && sk_buf_printf(b, ".json");
}

static int take_token(const struct sso *s, const struct sk_json *j,
    struct sk_buf *token, struct snek_error *e)
{
	struct snek_value v = sk_json_at(j, "accessToken");
	char text[40];
	int64_t expires;

	if (v.type != SNEK_STRING || !v.len ||
	    !sk_json_text(j, "expiresAt", text, sizeof(text)) ||
	    !sk_when_iso(text, &expires))
		return log_in(s, "cannot be read from ~/.aws/sso/cache", e);
	if (expires <= sk_clock_wall())
		return log_in(s, "has expired", e);
	if (!sk_buf_put(token, v.as.s, v.len) || !sk_buf_byte(token, 0))
		return sk_enomem(e);
	return 0;
}

static int read_token(const struct sso *s, struct sk_buf *token,
    struct snek_error *e)
{
	struct sk_buf path = { 0 }, text = { 0 };
	struct sk_json *j = NULL;
	int rc;

	if (!path_of(s, &path) ||
	    sk_secret_read(path.p, TOKEN_MAX, &text, NULL))
		rc = log_in(s, "is not in ~/.aws/sso/cache", e);
	else if (sk_json_open(&text, &j, NULL))
		rc = log_in(s, "cannot be read from ~/.aws/sso/cache", e);
	else
		rc = take_token(s, j, token, e);
	sk_json_close(j);
	sk_secret_forget(&text);
	sk_buf_free(&path);
	return rc;
}

/* ---- the keys ---- */

static int read_keys(const struct sk_buf *body, struct sk_cred *out,
    struct snek_error *e)
{
	static const struct sk_cred_names names = {
		"roleCredentials.accessKeyId", "roleCredentials.secretAccessKey",
		"roleCredentials.sessionToken", "roleCredentials.expiration" };
	struct sk_json *j;
	int rc;

	if (sk_json_open(body, &j, NULL))
		return sk_fail(e, SNEK_EFORMAT, "sso GetRoleCredentials: an answer "
		    "that is no JSON");
	rc = sk_cred_read(j, &names, out, e);
	sk_json_close(j);
	return rc ? sk_fail_in(e, rc, "sso GetRoleCredentials") : 0;
}

static int ask(const struct sso *s, struct sk_aws *a, const char *query,
    const char *token, struct sk_cred *out, struct snek_error *e)
{
	const struct sk_aws_header header = { "x-amz-sso_bearer_token", token };
	struct sk_aws_request q = { .service = "sso", .method = "GET",
		.action = "GetRoleCredentials", .path = "/federation/credentials",
		.query = query, .header = &header, .headers = 1,
		.max_reply = 1 << 16, .timeout_ms = SSO_MS };
	struct sk_aws_reply r;
	int rc = sk_aws_call(a, &q, &r, e);

	if (!rc)
		rc = read_keys(&r.body, out, e);
	else if (!r.code && r.status == 401)
		rc = log_in(s, "is not accepted any more", e);
	sk_secret_forget(&r.body);
	sk_aws_reply_free(&r);
	return rc;
}

static int exchange(const struct sso *s, const char *token, struct sk_cred *out,
    struct snek_error *e)
{
	struct sk_buf query = { 0 };
	struct sk_aws *a;
	int rc;

	if (!sk_cred_form(&query, "account_id", s->account) ||
	    !sk_cred_form(&query, "role_name", s->role) ||
	    !sk_buf_byte(&query, 0)) {
		sk_buf_free(&query);
		return sk_enomem(e);
	}
	rc = sk_aws_open_as(s->chain->settings, s->region, NULL, &a, e);
	if (!rc) {
		rc = ask(s, a, query.p, token, out, e);
		sk_aws_close(a);
	}
	sk_buf_free(&query);
	return rc;
}

int sk_cred_sso(struct sk_chain *c, struct sk_cred *out, struct snek_error *e)
{
	struct sso s = { .chain = c,
		.session = sk_cred_setting(c, "sso_session"),
		.start = sk_cred_setting(c, "sso_start_url"),
		.region = sk_cred_setting(c, "sso_region"),
		.account = sk_cred_setting(c, "sso_account_id"),
		.role = sk_cred_setting(c, "sso_role_name") };
	struct sk_buf token = { 0 };
	int rc;

	if (!s.session && !s.start)
		return sk_cred_not(c, "SSO: no sso_session");
	rc = check(&s, e);
	if (!rc)
		rc = read_token(&s, &token, e);
	if (!rc)
		rc = exchange(&s, token.p, out, e);
	if (!rc)
		snprintf(out->source, sizeof(out->source), "SSO, profile %.40s, "
		    "role %.60s", c->profile, s.role);
	sk_secret_forget(&token);
	return rc;
}
