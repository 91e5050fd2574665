/* SPDX-License-Identifier: MIT */
/* login_token.c - the token that all servers of a stack ask for, as AWS Secrets
 * Manager keeps it; it is in no message. */
#include "api/login.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/object.h"
#include "aws/json.h"

enum { TOKEN_LEAST = 16 };

/* ElastiCache takes 16 to 128 printable characters. */
static bool is_token(const char *s)
{
	size_t i, n = strlen(s);

	for (i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] >= 0x7f)
			return false;
	return n >= TOKEN_LEAST && n < SK_API_TOKEN;
}

static int read_answer(const struct sk_aws_reply *r, const char *secret,
    char token[SK_API_TOKEN], struct snek_error *e)
{
	struct sk_json *j = NULL;
	bool ok = !sk_json_open(&r->body, &j, NULL) &&
	    sk_json_text(j, "SecretString", token, SK_API_TOKEN) &&
	    is_token(token);

	sk_json_close(j);
	if (!ok)
		explicit_bzero(token, SK_API_TOKEN);
	return ok ? 0 : sk_fail(e, SNEK_EFORMAT, "the secret %.200s is no token "
	    "of 16 to 128 printable characters", secret);
}

int sk_api_token(const struct sk_aws_ops *ops, struct sk_aws *aws,
    const char *secret, char token[SK_API_TOKEN], struct snek_error *e)
{
	static const struct sk_aws_header head[] = {
		{ "Content-Type", "application/x-amz-json-1.1" },
		{ "X-Amz-Target", "secretsmanager.GetSecretValue" },
	};
	struct sk_aws_request q = { .service = "secretsmanager",
		.action = "GetSecretValue", .method = "POST", .path = "/",
		.header = head, .headers = 2, .max_reply = 131072,
		.timeout_ms = 5000 };
	struct sk_aws_reply r = { 0 };
	struct sk_buf body = { 0 };
	struct sk_object o = { &body, false, false };
	int rc;

	sk_object_open(&o, NULL, '{');
	sk_object_text(&o, "SecretId", secret);
	sk_object_close(&o, '}');
	q.body = (struct sk_span){ body.p, body.n };
	rc = o.nomem ? sk_enomem(e) : ops->call(aws, &q, &r, e);
	if (!rc)
		rc = read_answer(&r, secret, token, e);
	if (r.body.p)
		explicit_bzero(r.body.p, r.body.n);
	sk_aws_reply_free(&r);
	sk_buf_free(&body);
	return rc;
}
