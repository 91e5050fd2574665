/* SPDX-License-Identifier: MIT */
#include "aws/endpoint.h"

#include <ctype.h>
#include <stdio.h>

/* Of a service: none of its own for IPv6; no "-fips" in the government's
 * regions, where all are; one for a whole partition. */
enum { SINGLE = 1, PLAIN_GOV = 2, GLOBAL = 4 };

static const struct service {
	const char *id, *host, *signing, *variable;
	unsigned how;
} services[] = {
	{ "apigatewayv2", "apigateway", "apigateway", "APIGATEWAYV2", 0 },
	{ "cloudformation", "cloudformation", "cloudformation",
	    "CLOUDFORMATION", PLAIN_GOV },
	{ "ec2", "ec2", "ec2", "EC2", PLAIN_GOV },
	{ "elasticache", "elasticache", "elasticache", "ELASTICACHE", PLAIN_GOV },
	{ "iam", "iam", "iam", "IAM", GLOBAL },
	{ "lambda", "lambda", "lambda", "LAMBDA", 0 },
	{ "logs", "logs", "logs", "CLOUDWATCH_LOGS", PLAIN_GOV },
	{ "s3", "s3", "s3", "S3", 0 },
	{ "secretsmanager", "secretsmanager", "secretsmanager",
	    "SECRETS_MANAGER", SINGLE },
	{ "servicequotas", "servicequotas", "servicequotas", "SERVICE_QUOTAS",
	    PLAIN_GOV },
	{ "ssm", "ssm", "ssm", "SSM", PLAIN_GOV },
	{ "sso", "portal.sso", "awsssoportal", "SSO", PLAIN_GOV },
	{ "sts", "sts", "sts", "STS", PLAIN_GOV },
	{ "tagging", "tagging", "tagging", "RESOURCE_GROUPS_TAGGING_API",
	    PLAIN_GOV },
};

/* Regions with names of their own, by how they begin. */
static const struct partition {
	const char *prefix, *suffix, *dual;
	const char *iam, *iam_region;
} partitions[] = {
	{ "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn",
	    "iam.cn-north-1.amazonaws.com.cn", "cn-north-1" },
	{ "us-gov-", "amazonaws.com", "api.aws", "iam.us-gov.amazonaws.com",
	    "us-gov-west-1" },
	{ "us-iso-", "c2s.ic.gov", "api.aws.ic.gov",
	    "iam.us-iso-east-1.c2s.ic.gov", "us-iso-east-1" },
	{ "us-isob-", "sc2s.sgov.gov", "api.aws.scloud",
	    "iam.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1" },
	{ "us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov",
	    "iam.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1" },
	{ "eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk",
	    "iam.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1" },
	{ "eusc-", "amazonaws.eu", "api.amazonwebservices.eu",
	    "iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1" },
	{ "", "amazonaws.com", "api.aws", "iam.amazonaws.com", "us-east-1" },
};

static const struct service *find(const char *id)
{
	size_t i;

	for (i = 0; i < sizeof(services) / sizeof(*services); i++)
		if (!strcmp(services[i].id, id))
			return &services[i];
	return NULL;
}

static const struct partition *partition_of(const char *region)
{
	const struct partition *p = partitions;

	while (strncmp(region, p->prefix, strlen(p->prefix)))
		p++;
	return p;
}

const char *sk_endpoint_suffix(const char *region)
{
	return partition_of(region)->suffix;
}

/* ---- endpoints that somebody wrote down ---- */

/* endpoint_url of the service in [services NAME], which the profile names. */
static const char *of_services(const struct sk_settings *s,
    const struct service *v)
{
	const char *name = sk_settings_profile(s, s->profile, "services");
	struct sk_buf section = { 0 }, key = { 0 };
	const char *url = NULL;
	size_t i;

	if (name && sk_buf_printf(&section, "services %s", name) &&
	    sk_buf_printf(&key, "%s.endpoint_url", v->variable)) {
		for (i = 0; i < strlen(v->variable); i++)
			key.p[i] = (char)tolower((unsigned char)key.p[i]);
		url = sk_ini_get(&s->config, section.p, key.p);
	}
	sk_buf_free(&section);
	sk_buf_free(&key);
	return url && *url ? url : NULL;
}

static const char *written_down(const struct sk_settings *s,
    const struct service *v)
{
	char name[64];
	const char *url;

	if (s->endpoint)
		return s->endpoint;
	if (sk_settings_is(s, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
	    "ignore_configured_endpoint_urls"))
		return NULL;
	snprintf(name, sizeof(name), "AWS_ENDPOINT_URL_%s", v->variable);
	url = sk_settings_env(name);
	url = url ? url : sk_settings_env("AWS_ENDPOINT_URL");
	url = url ? url : of_services(s, v);
	return url ? url : sk_settings_profile(s, s->profile, "endpoint_url");
}

static int take(const char *url, struct sk_endpoint *out, struct snek_error *e)
{
	size_t n = strlen(url), plain = strcspn(url, "?#");

	if (strchr(url, '@'))
		return sk_fail(e, SNEK_EINVAL, "an endpoint's URL that names a "
		    "user or a password: who asks is said by signatures alone");
	if ((strncmp(url, "https://", 8) && strncmp(url, "http://", 7)) ||
	    strpbrk(url, "?# \r\n\t"))
		return sk_fail(e, SNEK_EINVAL, "\"%.*s\" is no endpoint; they "
		    "look like https://host:port",
		    plain < 100 ? (int)plain : 100, url);
	while (n && url[n - 1] == '/')
		n--;
	if (n >= sizeof(out->url))
		return sk_fail(e, SNEK_EINVAL, "an endpoint's URL is longer than "
		    "%zu bytes", sizeof(out->url) - 1);
	memcpy(out->url, url, n);
	out->url[n] = '\0';
	return 0;
}

/* ---- AWS's own ---- */

static void put_iam(const struct partition *p, bool fips, bool dual,
    struct sk_endpoint *out)
{
	if (fips && !*p->prefix)
		snprintf(out->url, sizeof(out->url), "https://iam-fips.%s",
		    dual ? "global.api.aws" : p->suffix);
	else if (dual && !*p->prefix)
		snprintf(out->url, sizeof(out->url), "https://iam.global.api.aws");
	else
		snprintf(out->url, sizeof(out->url), "https://%s", p->iam);
}

static void put_own(const struct sk_settings *s, const struct service *v,
    struct sk_endpoint *out)
{
	const struct partition *p = partition_of(s->region);
	bool fips = sk_settings_is(s, "AWS_USE_FIPS_ENDPOINT",
	    "use_fips_endpoint");
	bool dual = sk_settings_is(s, "AWS_USE_DUALSTACK_ENDPOINT",
	    "use_dualstack_endpoint");
	bool s3 = !strcmp(v->id, "s3");

	if (v->how & GLOBAL) {
		put_iam(p, fips, dual, out);
		return;
	}
	dual = dual && !(v->how & SINGLE);
	if (!dual && v->how & PLAIN_GOV && !strcmp(p->prefix, "us-gov-"))
		fips = false;
	snprintf(out->url, sizeof(out->url), "https://%s%s%s.%s.%s", v->host,
	    fips ? "-fips" : "", dual && s3 ? ".dualstack" : "", s->region,
	    dual && !s3 ? p->dual : p->suffix);
}

static int need_region(const struct sk_settings *s, struct snek_error *e)
{
	return s->region ? 0 : sk_fail(e, SNEK_EINVAL, "no AWS region: give "
	    "--region, set AWS_REGION, or write region = ... into profile "
	    "\"%.60s\" of %.150s", s->profile,
	    s->config_path ? s->config_path : "~/.aws/config");
}

static void put_signing(const struct sk_settings *s, const char *signing,
    bool global, struct sk_endpoint *out)
{
	snprintf(out->signing, sizeof(out->signing), "%s", signing);
	snprintf(out->region, sizeof(out->region), "%s",
	    global ? partition_of(s->region)->iam_region : s->region);
}

int sk_endpoint_sign(const struct sk_settings *s, const char *service,
    struct sk_endpoint *out, struct snek_error *e)
{
	const struct service *v = find(service);
	int rc = need_region(s, e);

	if (rc)
		return rc;
	out->url[0] = '\0';
	put_signing(s, v ? v->signing : service, false, out);
	return 0;
}

int sk_endpoint_find(const struct sk_settings *s, const char *service,
    struct sk_endpoint *out, struct snek_error *e)
{
	const struct service *v = find(service);
	const char *url;
	int rc;

	if (!v)
		return sk_fail(e, SNEK_EINVAL, "no AWS service \"%s\" is known "
		    "here", service);
	rc = need_region(s, e);
	if (rc)
		return rc;
	url = written_down(s, v);
	rc = url ? take(url, out, e) : 0;
	if (!url)
		put_own(s, v, out);
	put_signing(s, v->signing, v->how & GLOBAL, out);
	return rc;
}
