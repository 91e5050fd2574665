/* SPDX-License-Identifier: MIT */
/* pending.c - what the module's table has, and nothing behind it yet. */
#include "aws/module.h"

static int refuse(struct snek_error *e)
{
	return sk_fail(e, SNEK_EINVAL, "this build of snek cannot do that yet");
}

int sk_lambda_put(struct sk_aws *a, const struct sk_lambda_spec *spec,
    struct sk_lambda_state *out, struct snek_error *e)
{
	(void)a;
	(void)spec;
	(void)out;
	return refuse(e);
}

int sk_lambda_get(struct sk_aws *a, const char *name,
    struct sk_lambda_state *out, struct snek_error *e)
{
	(void)a;
	(void)name;
	(void)out;
	return refuse(e);
}

int sk_lambda_rollback(struct sk_aws *a, const char *name,
    struct sk_lambda_state *out, struct snek_error *e)
{
	return sk_lambda_get(a, name, out, e);
}

int sk_lambda_remove(struct sk_aws *a, const char *name, struct snek_error *e)
{
	(void)a;
	(void)name;
	return refuse(e);
}
