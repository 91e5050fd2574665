/* SPDX-License-Identifier: MIT */
/*
 * lambda_refused.c - what it means that Lambda did not run a function, by the
 * errors of its Invoke.  Its status says it for all others: 429 and 409 (another
 * operation is under way, or the function is Pending) wait, 5xx is another try.
 */
#include "exec/lambda.h"

/* Of a function that slept for weeks the network is taken down: it is Inactive,
 * and the first call wakes it, which takes about a minute. */
static const struct sk_lambda_refused refused[] = {
	{ "ResourceNotReady", 0, NULL },
	{ "SnapStartNotReady", 0, NULL },
	{ "EC2Throttled", 0, NULL },
	{ "ENILimitReached", 0, NULL },
	{ "SubnetIPAddressLimitReached", 0, NULL },

	{ "EC2Unexpected", SNEK_EAGAIN, NULL },
	{ "SnapStartTimeout", SNEK_EAGAIN, NULL },
	{ "EFSIO", SNEK_EAGAIN, NULL },
	{ "MountTimeout", SNEK_EAGAIN, NULL },
	{ "MountConnectivity", SNEK_EAGAIN, NULL },

	{ "EC2AccessDenied", SNEK_EACCES, "its role needs to be allowed what "
	    "AWSLambdaVPCAccessExecutionRole has" },
	{ "KMSAccessDenied", SNEK_EACCES, "its role needs to be allowed "
	    "kms:Decrypt with the key of its environment" },
	{ "MountFailure", SNEK_EACCES, "its role, or the file system's policy, "
	    "does not let it mount what it is to" },
	{ "KMS", SNEK_EINVAL, "the key of its environment cannot be used" },
	{ "InvalidSubnetID", SNEK_EINVAL, "name subnets that exist as "
	    "lambda-subnets in snek.conf, and add it again" },
	{ "InvalidSecurityGroupID", SNEK_EINVAL, "name groups that exist as "
	    "lambda-security-groups in snek.conf, and add it again" },
	{ "InvalidRuntime", SNEK_EINVAL, "add it again with snek-add-function" },
	{ "InvalidZipFile", SNEK_EINVAL, "add it again with snek-add-function" },
};

const struct sk_lambda_refused *sk_lambda_refused(const struct sk_aws_reply *r)
{
	size_t i;

	if (r->code || r->status < 400)
		return NULL;
	for (i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		if (strstr(r->type, refused[i].type))
			return &refused[i];
	return NULL;
}

int sk_lambda_say_refused(const struct sk_lambda_refused *why,
    const struct sk_aws_reply *r, struct snek_error *e)
{
	return sk_fail(e, why->code, "%u %s%s%.250s%s%s", r->status, r->type,
	    *r->message ? ": " : "", r->message, why->cure ? ": " : "",
	    why->cure ? why->cure : "");
}

bool sk_lambda_is_waited_for(const struct sk_aws_reply *r)
{
	const struct sk_lambda_refused *why = sk_lambda_refused(r);

	return why ? !why->code : !r->code &&
	    (r->status == 429 || r->status == 409);
}
