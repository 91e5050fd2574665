/* SPDX-License-Identifier: MIT */
#include "aws/aws.h"

#include <dlfcn.h>
#include <stdlib.h>

/* $SNEK_AWS, as $SNEK_TLS, is for who runs what is not installed. */
static const char *module(void)
{
	const char *own = secure_getenv("SNEK_AWS");

	return own ? own : SNEK_PLUGINDIR "/modules/snek-aws.so";
}

/* Never unloaded: its libraries have ends of threads and of the process to
 * wait for. */
int sk_aws_load(const struct sk_aws_ops **out, struct snek_error *e)
{
	void *so = dlopen(module(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	const struct sk_aws_ops *ops = so ? dlsym(so, SK_AWS_SYMBOL) : NULL;

	if (!ops)
		return sk_fail(e, SNEK_EINVAL, "AWS and HTTP functions need the "
		    "module %s, which cannot be loaded: %s", module(), dlerror());
	if (ops->version != SK_AWS_VERSION)
		return sk_fail(e, SNEK_EVERSION, "%s is of another version of snek",
		    module());
	*out = ops;
	return 0;
}
