/* SPDX-License-Identifier: MIT */
/* account.c - whose account the credentials are of. */
#include "aws/stack.h"

int sk_aws_ask_identity(struct sk_aws *aws, char arn[300], char account[20],
    struct sk_aws_reply *r, struct snek_error *e)
{
	struct sk_form f = { .nomem = false };
	const struct sk_xml_node *n;
	struct sk_xml *x;
	int rc = sk_aws_form(aws, "sts", "2011-06-15", "GetCallerIdentity", &f,
	    r, &x, e);

	if (rc)
		return rc;
	n = sk_xml_find(sk_xml_root(x), "GetCallerIdentityResult");
	sk_stack_text(n, "Arn", arn, 300);
	sk_stack_text(n, "Account", account, 20);
	sk_xml_close(x);
	return *arn && *account ? 0 : sk_fail(e, SNEK_EFORMAT, "sts "
	    "GetCallerIdentity: an answer without an ARN; is the endpoint right?");
}

int sk_aws_account(struct sk_aws *aws, char account[20], struct snek_error *e)
{
	struct sk_aws_reply r = { 0 };
	char arn[300];
	int rc = sk_aws_ask_identity(aws, arn, account, &r, e);

	sk_aws_reply_free(&r);
	return rc;
}
