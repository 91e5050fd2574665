/* SPDX-License-Identifier: MIT */
#include "aws/cred.h"
#include "aws/json.h"
#include "aws/when.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- one ---- */

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
	c->source[0] = '\0';
	explicit_bzero(&c->signing, sizeof(c->signing));
}

static bool is_sendable(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

int sk_cred_set(struct sk_cred *c, const char *key_id, const char *secret,
    const char *token, struct snek_error *e)
{
	if (!key_id || !*key_id || !secret || !*secret)
		return sk_fail(e, SNEK_EACCES, "half a pair of keys: an access key "
		    "and its secret belong together");
	token = token && *token ? token : NULL;
	if (!is_sendable(key_id) || !is_sendable(secret) ||
	    (token && !is_sendable(token)))
		return sk_fail(e, SNEK_EACCES, "a key, secret or token with blanks "
		    "or other characters that none has");
	c->key_id = strdup(key_id);
	c->secret = strdup(secret);
	c->token = token ? strdup(token) : NULL;
	if (c->key_id && c->secret && (!token || c->token))
		return 0;
	sk_cred_free(c);
	return sk_enomem(e);
}

static char *copy_at(const struct sk_json *j, const char *path)
{
	struct snek_value v = sk_json_at(j, path);

	return v.type == SNEK_STRING ? strndup(v.as.s, v.len) : NULL;
}

static int read_expiry(const struct sk_json *j, const char *path,
    struct sk_cred *c, struct snek_error *e)
{
	struct snek_value v = sk_json_at(j, path);
	char text[40];

	c->expires = 0;
	if (v.type == SNEK_NONE || v.type == SNEK_NULL)
		return 0;
	if (v.type == SNEK_INT) {       /* of SSO: milliseconds */
		c->expires = v.as.i / 1000;
		return 0;
	}
	if (sk_json_text(j, path, text, sizeof(text)) &&
	    sk_when_iso(text, &c->expires))
		return 0;
	return sk_fail(e, SNEK_EACCES, "%s is no time", path);
}

int sk_cred_read(const struct sk_json *j, const struct sk_cred_names *n,
    struct sk_cred *c, struct snek_error *e)
{
	char *id = copy_at(j, n->key_id), *secret = copy_at(j, n->secret);
	char *token = copy_at(j, n->token);
	int rc = sk_cred_set(c, id, secret, token, e);

	if (!rc) {
		rc = read_expiry(j, n->expires, c, e);
		if (rc)
			sk_cred_free(c);
	}
	forget(&id);
	forget(&secret);
	forget(&token);
	return rc;
}

/* ---- the chain ---- */

int sk_cred_not(struct sk_chain *c, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sk_buf_printf(&c->not_there, "%s%s", c->not_there.n ? "; " : "", text);
	return SK_CRED_NOT;
}

const char *sk_cred_setting(const struct sk_chain *c, const char *key)
{
	return sk_settings_profile(c->settings, c->profile, key);
}

static int ask(struct sk_chain *c, sk_cred_place *const *place,
    struct sk_cred *out, struct snek_error *e)
{
	int rc = SK_CRED_NOT;

	memset(out, 0, sizeof(*out));
	for (; rc == SK_CRED_NOT && *place; place++)
		rc = (*place)(c, out, e);
	return rc;
}

int sk_cred_of_profile(const struct sk_chain *c, const char *profile,
    const struct sk_visit *visited, struct sk_cred *out, struct snek_error *e)
{
	static sk_cred_place *const places[] = { sk_cred_role, sk_cred_web,
		sk_cred_sso, sk_cred_shared, sk_cred_login, sk_cred_process,
		sk_cred_config, NULL };
	struct sk_chain own = { .settings = c->settings, .profile = profile,
		.visited = visited };
	int rc = ask(&own, places, out, e);

	if (rc == SK_CRED_NOT)
		rc = sk_fail(e, SNEK_EACCES, "profile \"%.60s\" has no credentials: "
		    "%.350s", profile, own.not_there.n ? own.not_there.p : "");
	sk_buf_free(&own.not_there);
	return rc;
}

int sk_cred_find(const struct sk_settings *s, struct sk_cred *out,
    struct snek_error *e)
{
	static sk_cred_place *const places[] = { sk_cred_environment,
		sk_cred_role, sk_cred_web, sk_cred_sso, sk_cred_shared,
		sk_cred_login, sk_cred_process, sk_cred_config,
		sk_cred_container, sk_cred_instance, NULL };
	struct sk_chain c = { .settings = s, .profile = s->profile,
		.environment = !s->by_option };
	int rc = ask(&c, places, out, e);

	if (rc == SK_CRED_NOT)
		rc = sk_fail(e, SNEK_EACCES, "no credentials for AWS (profile "
		    "\"%.40s\"): %.400s", s->profile,
		    c.not_there.n ? c.not_there.p : "");
	sk_buf_free(&c.not_there);
	return rc;
}
