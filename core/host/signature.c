/* SPDX-License-Identifier: MIT */
#include "host/signature.h"

#include <stdio.h>

/* The text up to a byte that ends it. */
static bool until(const char **p, char end, char *to, size_t size)
{
	const char *stop = strchr(*p, end);
	size_t n = stop ? (size_t)(stop - *p) : size;

	if (!n || n >= size)
		return false;
	memcpy(to, *p, n);
	to[n] = '\0';
	*p += n + 1;
	return true;
}

static bool skip(const char **p, const char *what)
{
	*p += strspn(*p, ", ");
	if (strncmp(*p, what, strlen(what)) != 0)
		return false;
	*p += strlen(what);
	return true;
}

bool sk_signature_parse(const char *s, struct sk_signature *out)
{
	char end[16];
	const char *stop;

	if (!skip(&s, "AWS4-HMAC-SHA256 ") || !skip(&s, "Credential=") ||
	    !until(&s, '/', out->key, sizeof(out->key)) ||
	    !until(&s, '/', out->date, sizeof(out->date)) ||
	    !until(&s, '/', out->region, sizeof(out->region)) ||
	    !until(&s, '/', out->service, sizeof(out->service)) ||
	    !until(&s, ',', end, sizeof(end)) || strcmp(end, "aws4_request") ||
	    strlen(out->date) != 8 || !skip(&s, "SignedHeaders="))
		return false;
	stop = strchr(s, ',');
	if (!stop)
		return false;
	out->signed_headers = s;
	out->signed_len = (size_t)(stop - s);
	s = stop + 1;
	if (!skip(&s, "Signature=") || strspn(s, "0123456789abcdef") != 64 ||
	    s[64])
		return false;
	memcpy(out->signature, s, 65);
	return true;
}

static bool refuse(struct sk_refusal *why, const char *type, const char *text)
{
	why->type = type;
	snprintf(why->text, sizeof(why->text), "%s", text);
	return false;
}

bool sk_signature_check(const struct sk_request *r,
    const struct sk_host_options *o, const char *service, char region[33],
    struct sk_refusal *why)
{
	const char *text = sk_request_header(r, "Authorization");
	struct sk_signature s;

	(void)o;
	if (!text)
		return refuse(why, "MissingAuthenticationTokenException",
		    "Missing Authentication Token");
	if (!sk_signature_parse(text, &s) || !sk_request_header(r, "X-Amz-Date"))
		return refuse(why, "IncompleteSignatureException",
		    "the Authorization header is no AWS4-HMAC-SHA256 signature");
	if (strcmp(s.service, service) != 0)
		return refuse(why, "InvalidSignatureException", "Credential "
		    "should be scoped to correct service.");
	memcpy(region, s.region, sizeof(s.region));
	return true;
}
