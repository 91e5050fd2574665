/* SPDX-License-Identifier: MIT */
/*
 * cred_role.c - a profile with role_arn: the role is assumed by whom another
 * profile, or a place that needs none, says we are.  Sessions are kept on disk
 * until they are about to expire, so that a code is not asked for each time.
 */
#include "aws/cred.h"
#include "aws/sign.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

struct role {
	struct sk_chain *chain;
	const char *arn, *source, *place, *external, *session, *duration, *mfa;
};

static int wrong(const struct role *r, const char *what, struct snek_error *e)
{
	return sk_fail(e, SNEK_EINVAL, "profile \"%.60s\" of %.150s: %s",
	    r->chain->profile, r->chain->settings->config_path ?
	    r->chain->settings->config_path : "~/.aws", what);
}

/* ---- whose credentials assume it ---- */

static bool is_visited(const struct sk_visit *v, const char *profile)
{
	for (; v; v = v->before)
		if (!strcmp(v->profile, profile))
			return true;
	return false;
}

/* A profile may be its own source: by its keys. */
static int by_own_keys(const struct role *r, struct sk_cred *out,
    struct snek_error *e)
{
	struct sk_chain own = { .settings = r->chain->settings,
		.profile = r->source };
	int rc = sk_cred_shared(&own, out, e);

	if (rc == SK_CRED_NOT)
		rc = sk_cred_config(&own, out, e);
	sk_buf_free(&own.not_there);
	return rc != SK_CRED_NOT ? rc : wrong(r, "source_profile leads back to a "
	    "profile whose role is being assumed, and which has no keys", e);
}

static int by_profile(const struct role *r, struct sk_cred *out,
    struct snek_error *e)
{
	struct sk_visit here = { r->chain->profile, r->chain->visited };

	if (!sk_settings_has_profile(r->chain->settings, r->source))
		return wrong(r, "there is no profile of the name that "
		    "source_profile says", e);
	if (is_visited(&here, r->source))
		return by_own_keys(r, out, e);
	return sk_cred_of_profile(r->chain, r->source, &here, out, e);
}

static int by_place(const struct role *r, struct sk_cred *out,
    struct snek_error *e)
{
	static const struct {
		const char *name;
		sk_cred_place *ask;
	} places[] = {
		{ "Environment", sk_cred_environment },
		{ "EcsContainer", sk_cred_container },
		{ "Ec2InstanceMetadata", sk_cred_instance },
	};
	struct sk_chain own = { .settings = r->chain->settings,
		.profile = r->chain->profile, .environment = true };
	int rc = SNEK_EINVAL;
	size_t i;

	for (i = 0; i < 3 && strcmp(places[i].name, r->place); i++)
		;
	if (i == 3)
		return wrong(r, "credential_source is Environment, "
		    "EcsContainer or Ec2InstanceMetadata", e);
	rc = places[i].ask(&own, out, e);
	if (rc == SK_CRED_NOT)
		rc = sk_fail(e, SNEK_EACCES, "profile \"%.60s\": "
		    "credential_source has nothing: %.250s", r->chain->profile,
		    own.not_there.n ? own.not_there.p : "");
	sk_buf_free(&own.not_there);
	return rc;
}

/* ---- assuming it ---- */

static bool put_common(const struct role *r, struct sk_buf *form)
{
	return sk_cred_form(form, "Action", "AssumeRole") &&
	    sk_cred_form(form, "Version", "2011-06-15") &&
	    sk_cred_form(form, "RoleArn", r->arn) &&
	    (!r->duration ||
	    sk_cred_form(form, "DurationSeconds", r->duration)) &&
	    (!r->external || sk_cred_form(form, "ExternalId", r->external)) &&
	    (!r->mfa || sk_cred_form(form, "SerialNumber", r->mfa)) &&
	    (!r->session || sk_cred_form(form, "RoleSessionName", r->session));
}

static bool put_name(const struct role *r, struct sk_buf *form)
{
	char name[40];

	if (r->session)
		return true;
	snprintf(name, sizeof(name), "snek-%lld", (long long)sk_clock_wall());
	return sk_cred_form(form, "RoleSessionName", name);
}

static int put_code(const struct role *r, struct sk_buf *form,
    struct snek_error *e)
{
	char code[16];
	int rc;

	if (!r->mfa)
		return 0;
	rc = sk_cred_ask_code(r->chain->profile, r->mfa, code, e);
	if (!rc && !sk_cred_form(form, "TokenCode", code))
		rc = sk_enomem(e);
	return rc;
}

static int assume(const struct role *r, struct sk_buf *form, struct sk_cred *out,
    struct snek_error *e)
{
	struct sk_cred who = { 0 };
	int rc = r->source ? by_profile(r, &who, e) : by_place(r, &who, e);

	if (!rc)
		rc = put_code(r, form, e);
	if (!rc && !put_name(r, form))
		rc = sk_enomem(e);
	if (!rc)
		rc = sk_cred_sts(r->chain, &who, "AssumeRole", form, out, e);
	sk_cred_free(&who);
	return rc;
}

/* What the session depends on, so that another's is not taken for it. */
static int hash_of(const struct role *r, const struct sk_buf *form,
    char hash[SK_SIGN_HASH], struct snek_error *e)
{
	struct sk_buf b = { 0 };
	int rc;

	if (!sk_buf_put(&b, form->p, form->n) ||
	    !sk_buf_printf(&b, "\n%s\n%s\n%s", r->chain->profile,
	    r->source ? r->source : "", r->place ? r->place : "")) {
		sk_buf_free(&b);
		return sk_enomem(e);
	}
	rc = sk_sign_hash(b.p, b.n, hash, e);
	sk_buf_free(&b);
	return rc;
}

static int session_of(const struct role *r, struct sk_cred *out,
    struct snek_error *e)
{
	struct sk_buf form = { 0 };
	char hash[SK_SIGN_HASH];
	int rc = put_common(r, &form) ? hash_of(r, &form, hash, e) : sk_enomem(e);

	if (!rc && !sk_cred_cache_get(hash, sk_clock_wall(), out)) {
		rc = assume(r, &form, out, e);
		if (!rc)
			sk_cred_cache_put(hash, out);
	}
	if (!rc)
		snprintf(out->source, sizeof(out->source), "profile %.40s, role "
		    "%.100s", r->chain->profile, r->arn);
	sk_buf_free(&form);
	return rc;
}

int sk_cred_role(struct sk_chain *c, struct sk_cred *out, struct snek_error *e)
{
	struct role r = { .chain = c,
		.arn = sk_cred_setting(c, "role_arn"),
		.source = sk_cred_setting(c, "source_profile"),
		.place = sk_cred_setting(c, "credential_source"),
		.external = sk_cred_setting(c, "external_id"),
		.session = sk_cred_setting(c, "role_session_name"),
		.duration = sk_cred_setting(c, "duration_seconds"),
		.mfa = sk_cred_setting(c, "mfa_serial") };

	if (!r.arn || sk_cred_setting(c, "web_identity_token_file"))
		return sk_cred_not(c, "role: no role_arn");
	if (!r.source == !r.place)
		return wrong(&r, "role_arn goes with source_profile or with "
		    "credential_source", e);
	return session_of(&r, out, e);
}
