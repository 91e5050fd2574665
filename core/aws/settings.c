/* SPDX-License-Identifier: MIT */
#include "aws/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define REGION_MAX 31

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

static const char *first_of(const char *a, const char *b, const char *c,
    const char *d)
{
	return a ? a : b ? b : c ? c : d;
}

/* ---- profiles ---- */

/* "name" in the credentials file; "profile name" in the other, where the
 * default one may be called either. */
static const char *of_section(const struct sk_ini *i, const char *kind,
    const char *name, const char *key)
{
	struct sk_buf b = { 0 };
	const char *v = NULL;

	if (sk_buf_printf(&b, "%s%s", kind, name))
		v = sk_ini_get(i, b.p, key);
	sk_buf_free(&b);
	return v && *v ? v : NULL;
}

const char *sk_settings_config(const struct sk_settings *s, const char *profile,
    const char *key)
{
	const char *v = of_section(&s->config, "profile ", profile, key);

	return v || strcmp(profile, "default") ? v :
	    of_section(&s->config, "", profile, key);
}

const char *sk_settings_profile(const struct sk_settings *s,
    const char *profile, const char *key)
{
	const char *v = of_section(&s->credentials, "", profile, key);

	return v ? v : sk_settings_config(s, profile, key);
}

bool sk_settings_has_profile(const struct sk_settings *s, const char *profile)
{
	struct sk_buf b = { 0 };
	bool has = sk_ini_has(&s->credentials, profile) ||
	    !strcmp(profile, "default") ||
	    (sk_buf_printf(&b, "profile %s", profile) &&
	    sk_ini_has(&s->config, b.p));

	sk_buf_free(&b);
	return has;
}

/* ---- either ---- */

const char *sk_settings_get(const struct sk_settings *s, const char *name,
    const char *key)
{
	const char *v = sk_settings_env(name);

	return v ? v : sk_settings_profile(s, s->profile, key);
}

bool sk_settings_is(const struct sk_settings *s, const char *name,
    const char *key)
{
	const char *v = sk_settings_get(s, name, key);

	return v && !strcasecmp(v, "true");
}

int sk_settings_number(const struct sk_settings *s, const char *name,
    const char *key, uint32_t max, uint32_t *out, struct snek_error *e)
{
	const char *v = sk_settings_get(s, name, key);
	unsigned long n;
	char *end;

	*out = 0;
	if (!v)
		return 0;
	n = strtoul(v, &end, 10);
	if (*end || !n || n > max || *v == '-' || *v == '+')
		return sk_fail(e, SNEK_EINVAL, "%s (%s in the profile) is a "
		    "number from 1 to %u, not \"%.40s\"", name, key, max, v);
	*out = (uint32_t)n;
	return 0;
}

int sk_settings_check_region(const char *r, struct snek_error *e)
{
	size_t n = strspn(r, "abcdefghijklmnopqrstuvwxyz0123456789-");

	if (n && n <= REGION_MAX && !r[n] && *r != '-')
		return 0;
	return sk_fail(e, SNEK_EINVAL, "\"%.40s\" is no region; regions look "
	    "like eu-west-1", r);
}

/* ---- opening ---- */

static int path_of(char **to, const char *variable, const char *name,
    struct snek_error *e)
{
	const char *v = sk_settings_env(variable), *home = sk_settings_env("HOME");
	struct sk_buf b = { 0 };
	bool ok = true;

	if (v && (strncmp(v, "~/", 2) || !home))
		ok = sk_buf_printf(&b, "%s", v);
	else if (v)
		ok = sk_buf_printf(&b, "%s%s", home, v + 1);
	else if (home)
		ok = sk_buf_printf(&b, "%s/.aws/%s", home, name);
	*to = b.p;
	return ok ? 0 : sk_enomem(e);
}

static int read_file(struct sk_ini *i, const char *path, struct snek_error *e)
{
	int rc = path ? sk_ini_read(i, path, e) : 0;

	return rc == SNEK_ENOENT ? 0 : rc;
}

static int read_files(struct sk_settings *s, struct snek_error *e)
{
	int rc = path_of(&s->config_path, "AWS_CONFIG_FILE", "config", e);

	if (!rc)
		rc = path_of(&s->credentials_path, "AWS_SHARED_CREDENTIALS_FILE",
		    "credentials", e);
	if (!rc)
		rc = read_file(&s->config, s->config_path, e);
	return rc ? rc : read_file(&s->credentials, s->credentials_path, e);
}

static int choose_profile(struct sk_settings *s, const char *asked,
    struct snek_error *e)
{
	const char *name = first_of(asked, sk_settings_env("AWS_PROFILE"),
	    sk_settings_env("AWS_DEFAULT_PROFILE"), "default");
	int rc = copy(&s->profile, name, e);

	s->by_option = asked;
	if (rc || sk_settings_has_profile(s, name))
		return rc;
	return sk_fail(e, SNEK_ENOENT, "no AWS profile \"%.60s\" in %.150s or "
	    "%.150s", name, s->config_path ? s->config_path : "~/.aws/config",
	    s->credentials_path ? s->credentials_path : "~/.aws/credentials");
}

static int choose_region(struct sk_settings *s, const char *asked,
    struct snek_error *e)
{
	const char *r = first_of(asked, sk_settings_env("AWS_REGION"),
	    sk_settings_env("AWS_DEFAULT_REGION"),
	    sk_settings_profile(s, s->profile, "region"));
	int rc = r ? sk_settings_check_region(r, e) : 0;

	return rc ? rc : copy(&s->region, r, e);
}

int sk_settings_open(const struct sk_aws_options *o, struct sk_settings *s,
    struct snek_error *e)
{
	int rc;

	memset(s, 0, sizeof(*s));
	if (o->plain)
		return copy(&s->profile, "default", e);
	rc = read_files(s, e);
	if (!rc)
		rc = choose_profile(s, o->profile, e);
	if (!rc)
		rc = choose_region(s, o->region, e);
	if (!rc)
		rc = copy(&s->endpoint, o->endpoint, e);
	if (rc)
		sk_settings_close(s);
	return rc;
}

void sk_settings_close(struct sk_settings *s)
{
	sk_ini_free(&s->config);
	sk_ini_free(&s->credentials);
	free(s->config_path);
	free(s->credentials_path);
	free(s->profile);
	free(s->region);
	free(s->endpoint);
	memset(s, 0, sizeof(*s));
}
