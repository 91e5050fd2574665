/* SPDX-License-Identifier: MIT */
#include "aws/endpoint.h"

#include <ctype.h>
#include <stdio.h>

static const struct service {
	const char *id, *host, *signing, *variable;
} services[] = {
	{ "apigatewayv2", "apigateway", "apigateway", "APIGATEWAYV2" },
	{ "cloudformation", "cloudformation", "cloudformation", "CLOUDFORMATION" },
	{ "ec2", "ec2", "ec2", "EC2" },
	{ "elasticache", "elasticache", "elasticache", "ELASTICACHE" },
	{ "iam", "iam", "iam", "IAM" },
	{ "lambda", "lambda", "lambda", "LAMBDA" },
	{ "logs", "logs", "logs", "CLOUDWATCH_LOGS" },
	{ "s3", "s3", "s3", "S3" },
	{ "secretsmanager", "secretsmanager", "secretsmanager", "SECRETS_MANAGER" },
	{ "ssm", "ssm", "ssm", "SSM" },
	{ "sts", "sts", "sts", "STS" },
};

static const struct service *find(const char *id)
{
	size_t i;

	for (i = 0; i < sizeof(services) / sizeof(*services); i++)
		if (!strcmp(services[i].id, id))
			return &services[i];
	return NULL;
}

static const char *configured(const struct sk_settings *s,
    const struct service *v)
{
	char name[64];
	const char *url;

	if (s->endpoint)
		return s->endpoint;
	snprintf(name, sizeof(name), "AWS_ENDPOINT_URL_%s", v->variable);
	url = sk_settings_env(name);
	return url ? url : sk_settings_env("AWS_ENDPOINT_URL");
}

int sk_endpoint_sign(const struct sk_settings *s, const char *service,
    struct sk_endpoint *out, struct snek_error *e)
{
	const struct service *v = find(service);

	if (!s->region)
		return sk_fail(e, SNEK_EINVAL, "no region: give --region, or set "
		    "AWS_REGION");
	out->url[0] = '\0';
	snprintf(out->signing, sizeof(out->signing), "%s",
	    v ? v->signing : service);
	snprintf(out->region, sizeof(out->region), "%s", s->region);
	return 0;
}

int sk_endpoint_find(const struct sk_settings *s, const char *service,
    struct sk_endpoint *out, struct snek_error *e)
{
	const struct service *v = find(service);
	const char *url;
	int n;

	if (!v)
		return sk_fail(e, SNEK_EINVAL, "no AWS service \"%s\" is known "
		    "here", service);
	if (!s->region)
		return sk_fail(e, SNEK_EINVAL, "no region: give --region, or set "
		    "AWS_REGION");
	url = configured(s, v);
	if (url)
		n = snprintf(out->url, sizeof(out->url), "%s", url);
	else
		n = snprintf(out->url, sizeof(out->url),
		    "https://%s.%s.amazonaws.com", v->host, s->region);
	if (n < 0 || (size_t)n >= sizeof(out->url))
		return sk_fail(e, SNEK_EINVAL, "an endpoint's URL is too long");
	while (n && out->url[n - 1] == '/')
		out->url[--n] = '\0';
	snprintf(out->signing, sizeof(out->signing), "%s", v->signing);
	snprintf(out->region, sizeof(out->region), "%s", s->region);
	return 0;
}
