/* SPDX-License-Identifier: MIT */
/* stack_s3list.c - the addresses of S3 in a region, as EC2 names them: what the
 * bastion may reach. */
#include "aws/stack.h"

#include <stdio.h>

int sk_stack_s3_list(struct sk_aws *aws, char id[SK_STACK_S3_LIST],
    struct snek_error *e)
{
	struct sk_form f = { .nomem = false };
	const char *region = sk_aws_region(aws);
	struct sk_aws_reply r;
	struct sk_xml *x;
	char name[100];
	int rc;

	snprintf(name, sizeof(name), "com.amazonaws.%.60s.s3",
	    region ? region : "");
	sk_form_put(&f, "Filter.1.Name", "prefix-list-name");
	sk_form_put(&f, "Filter.1.Value.1", name);
	rc = sk_aws_form(aws, "ec2", "2016-11-15", "DescribeManagedPrefixLists",
	    &f, &r, &x, e);
	if (!rc) {
		sk_stack_text(sk_xml_root(x), "prefixListSet/item/prefixListId",
		    id, SK_STACK_S3_LIST);
		sk_xml_close(x);
		if (strncmp(id, "pl-", 3))
			rc = sk_fail(e, SNEK_ENOENT, "EC2 has no prefix list %s, "
			    "by which the bastion would reach S3", name);
	}
	sk_aws_reply_free(&r);
	return rc;
}
