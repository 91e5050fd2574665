/* SPDX-License-Identifier: MIT */
/* cred_sts.c - a role is asked of STS, and its session comes back. */
#include "aws/client.h"
#include "aws/cred.h"
#include "aws/module.h"
#include "aws/sign.h"
#include "aws/when.h"
#include "aws/xml.h"

#include <stdio.h>

#define STS_MS 15000

bool sk_cred_form(struct sk_buf *b, const char *name, const char *value)
{
	return (!b->n || sk_buf_byte(b, '&')) && sk_buf_printf(b, "%s=", name) &&
	    sk_sign_encode(b, value, strlen(value), false);
}

static int read_session(const struct sk_buf *body, const char *action,
    struct sk_cred *out, struct snek_error *e)
{
	struct sk_xml *x;
	const struct sk_xml_node *n;
	const char *expires;
	char path[80];
	int rc = sk_xml_open(body, &x, e);

	if (rc)
		return sk_fail_in(e, rc, "sts %s", action);
	snprintf(path, sizeof(path), "%sResult/Credentials", action);
	n = sk_xml_find(sk_xml_root(x), path);
	if (!n)
		rc = sk_fail(e, SNEK_EFORMAT, "sts %s: an answer without "
		    "Credentials", action);
	else
		rc = sk_cred_set(out, sk_xml_text(n, "AccessKeyId"),
		    sk_xml_text(n, "SecretAccessKey"),
		    sk_xml_text(n, "SessionToken"), e);
	expires = rc ? NULL : sk_xml_text(n, "Expiration");
	if (expires && !sk_when_iso(expires, &out->expires)) {
		sk_cred_free(out);
		rc = sk_fail(e, SNEK_EFORMAT, "sts %s: an Expiration that is no "
		    "time", action);
	}
	sk_xml_close(x);
	return rc;
}

int sk_cred_sts(const struct sk_chain *c, const struct sk_cred *who,
    const char *action, const struct sk_buf *form, struct sk_cred *out,
    struct snek_error *e)
{
	static const struct sk_aws_header type = { "content-type",
		"application/x-www-form-urlencoded; charset=utf-8" };
	struct sk_aws_request q = { .service = "sts", .action = action,
		.method = "POST", .path = "/", .header = &type, .headers = 1,
		.body = { form->p, form->n }, .max_reply = 1 << 16,
		.timeout_ms = STS_MS };
	struct sk_aws_reply r;
	struct sk_aws *a;
	int rc = sk_aws_open_as(c->settings, NULL, who, &a, e);

	if (rc)
		return rc;
	rc = sk_aws_call(a, &q, &r, e);
	if (!rc)
		rc = read_session(&r.body, action, out, e);
	if (r.body.p)
		explicit_bzero(r.body.p, r.body.cap);
	sk_aws_reply_free(&r);
	sk_aws_close(a);
	return rc;
}
