/* SPDX-License-Identifier: MIT */
/* given.c - what the module gives, in the hands of its callers. */
#include "aws/aws.h"

#include <strings.h>

void sk_aws_reply_free(struct sk_aws_reply *r)
{
	sk_buf_free(&r->body);
	sk_buf_free(&r->headers);
	memset(r, 0, sizeof(*r));
}

const char *sk_aws_reply_header(const struct sk_aws_reply *r, const char *name)
{
	const char *at = r->headers.p, *end = r->headers.n ? at + r->headers.n : at;
	const char *value;

	for (; at < end; at = value + strlen(value) + 1) {
		value = at + strlen(at) + 1;
		if (!strcasecmp(at, name))
			return value;
	}
	return NULL;
}

void sk_bundle_free(struct sk_bundle *b)
{
	sk_buf_free(&b->zip);
	memset(b, 0, sizeof(*b));
}
