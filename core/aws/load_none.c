/* SPDX-License-Identifier: MIT */
#include "aws/aws.h"

int sk_aws_load(const struct sk_aws_ops **out, struct snek_error *e)
{
	(void)out;
	return sk_fail(e, SNEK_EINVAL, "AWS and HTTP functions need libcurl, "
	    "expat, libzip and OpenSSL, which this snek was built without "
	    "(configure's table says which are missing)");
}
