/* SPDX-License-Identifier: MIT */
#include "aws/client.h"
#include "aws/module.h"
#include "aws/request.h"
#include "base/clock.h"
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/utsname.h>

enum {
	CONNECTIONS = 1000, TRIES = 3,
	EARLY = 900,                    /* renew so many seconds before the end */
	PAUSE = 60,                     /* after that has failed */
};

int64_t sk_aws_now(const struct sk_aws *a)
{
	return sk_clock_wall() + a->skew;
}

/* ---- who we are ---- */

static int find_again(struct sk_aws *a, struct snek_error *e)
{
	struct sk_cred fresh;
	int rc = sk_cred_find(&a->settings, &fresh, e);

	if (rc)
		return rc;
	sk_cred_free(&a->cred);
	a->cred = fresh;
	a->renew = fresh.expires ? fresh.expires - EARLY : INT64_MAX;
	return 0;
}

int sk_aws_identify(struct sk_aws *a, struct snek_error *e)
{
	struct snek_error why;
	int64_t now;
	int rc;

	if (a->borrowed)
		return 0;
	now = sk_aws_now(a);
	if (a->cred.key_id && now < a->renew)
		return 0;
	rc = find_again(a, &why);
	if (rc && a->cred.key_id && now < a->cred.expires) {
		a->renew = now + PAUSE; /* the old ones will do until then */
		return 0;
	}
	if (rc && e)
		*e = why;
	/* Whoever gives shorter sessions is not asked at each call. */
	if (!rc && a->renew <= now)
		a->renew = now + PAUSE < a->cred.expires ? now + PAUSE :
		    a->cred.expires;
	return rc;
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool sk_aws_renew(struct sk_aws *a)
{
	struct sk_cred old = a->cred;
	bool changed;

	if (a->borrowed)
		return false;
	memset(&a->cred, 0, sizeof(a->cred));
	if (find_again(a, NULL)) {
		a->cred = old;
		return false;
	}
	changed = !is_same(old.key_id, a->cred.key_id) ||
	    !is_same(old.token, a->cred.token);
	sk_cred_free(&old);
	return changed;
}

int sk_aws_who(struct sk_aws *a, struct sk_aws_identity *out,
    struct snek_error *e)
{
	int rc = sk_aws_identify(a, e);

	if (rc)
		return rc;
	memset(out, 0, sizeof(*out));
	snprintf(out->source, sizeof(out->source), "%s", a->cred.source);
	snprintf(out->key_id, sizeof(out->key_id), "%s", a->cred.key_id);
	snprintf(out->profile, sizeof(out->profile), "%s", a->settings.profile);
	out->expires = a->cred.expires;
	out->exposed = a->settings.credentials.open_to_all &&
	    a->settings.credentials_path &&
	    strstr(a->cred.source, a->settings.credentials_path);
	return 0;
}

/* ---- where it goes ---- */

static bool is_url(const char *path)
{
	return !strncmp(path, "https://", 8) || !strncmp(path, "http://", 7);
}

int sk_aws_where(const struct sk_aws *a, const struct sk_aws_request *r,
    struct sk_endpoint *where, struct snek_error *e)
{
	memset(where, 0, sizeof(*where));
	if (r->service && a->plain)
		return sk_fail(e, SNEK_EINVAL, "opened for plain URLs: %s cannot "
		    "be called", r->service);
	if (r->service && !is_url(r->path))
		return sk_endpoint_find(&a->settings, r->service, where, e);
	if (r->service)
		return sk_endpoint_sign(&a->settings, r->service, where, e);
	return is_url(r->path) ? 0 : sk_fail(e, SNEK_EINVAL, "%.100s is no "
	    "http:// or https:// URL", r->path);
}

int sk_aws_presign(struct sk_aws *a, const struct sk_aws_request *r,
    uint32_t seconds, struct sk_buf *url, struct snek_error *e)
{
	struct sk_endpoint where;
	int rc = sk_aws_where(a, r, &where, e);

	if (!rc)
		rc = sk_aws_identify(a, e);
	return rc ? rc : sk_wired_presign(r, &where, &a->cred, sk_aws_now(a),
	    seconds, url, e);
}

const char *sk_aws_region(const struct sk_aws *a)
{
	return a->settings.region;
}

/* ---- all of it ---- */

static int check_mode(const struct sk_settings *s, struct snek_error *e)
{
	const char *mode = sk_settings_get(s, "AWS_RETRY_MODE", "retry_mode");

	if (!mode || !strcasecmp(mode, "standard") ||
	    !strcasecmp(mode, "legacy") || !strcasecmp(mode, "adaptive"))
		return 0;
	return sk_fail(e, SNEK_EINVAL, "AWS_RETRY_MODE (retry_mode in the "
	    "profile) is standard, not \"%.40s\"", mode);
}

/* As the other tools say it; our own name first. */
static bool put_agent(const struct sk_settings *s, struct sk_buf *b)
{
	const char *app = sk_settings_get(s, "AWS_SDK_UA_APP_ID",
	    "sdk_ua_app_id");
	struct utsname u;

	return sk_buf_printf(b, "snek/" PACKAGE_VERSION " os/linux lang/c") &&
	    (uname(&u) || sk_buf_printf(b, " md/arch#%s", u.machine)) &&
	    (!app || strspn(app, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRS"
	    "TUVWXYZ0123456789!$%&*+-.^_`|~") != strlen(app) ||
	    sk_buf_printf(b, " app/%.50s", app));
}

static int open_rest(struct sk_aws *a, uint32_t connections,
    struct snek_error *e)
{
	const struct sk_settings *s = &a->settings;
	struct sk_http_options h = {
		.connections = connections ? connections : CONNECTIONS,
		.ca_file = sk_settings_get(s, "AWS_CA_BUNDLE", "ca_bundle"),
	};
	struct sk_buf agent = { 0 };
	int rc = check_mode(s, e);

	if (!h.ca_file)                 /* as OpenSSL's own tools */
		h.ca_file = sk_settings_env("SSL_CERT_FILE");
	if (!rc)
		rc = sk_settings_number(s, "AWS_MAX_ATTEMPTS", "max_attempts", 100,
		    &a->tries, e);
	a->tries = a->tries ? a->tries : TRIES;
	if (!rc && !put_agent(s, &agent))
		rc = sk_enomem(e);
	h.agent = agent.p;
	if (!rc)
		rc = sk_http_open(&h, &a->http, e);
	sk_buf_free(&agent);
	return rc;
}

int sk_aws_open(const struct sk_aws_options *o, struct sk_aws **out,
    struct snek_error *e)
{
	struct sk_aws *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return sk_enomem(e);
	a->plain = o->plain;
	rc = sk_settings_open(o, &a->settings, e);
	if (!rc)
		rc = open_rest(a, o->connections, e);
	if (rc) {
		sk_aws_close(a);
		return rc;
	}
	*out = a;
	return 0;
}

int sk_aws_open_as(const struct sk_settings *s, const char *region,
    const struct sk_cred *who, struct sk_aws **out, struct snek_error *e)
{
	struct sk_aws *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return sk_enomem(e);
	a->borrowed = true;
	a->settings = *s;
	a->settings.endpoint = NULL;
	if (region || !s->region)
		a->settings.region = (char *)(uintptr_t)
		    (region ? region : "us-east-1");
	a->anonymous = !who;
	if (who)
		a->cred = *who;
	rc = open_rest(a, 2, e);
	if (rc) {
		sk_aws_close(a);
		return rc;
	}
	*out = a;
	return 0;
}

void sk_aws_close(struct sk_aws *a)
{
	if (!a)
		return;
	sk_aws_drop_calls(a);
	sk_http_close(a->http);
	if (!a->borrowed) {
		sk_cred_free(&a->cred);
		sk_settings_close(&a->settings);
	}
	free(a);
}
