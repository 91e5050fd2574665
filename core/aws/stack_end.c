/* SPDX-License-Identifier: MIT */
/*
 * stack_end.c - the end of a stack.
 *
 *   settle, and may it go?      nothing is removed before that is known
 *   functions that were added   those that are tagged as its own
 *   their network interfaces    which outlive them, and hold its network
 *   the bucket, all versions    which is not deleted as long as it has any
 *   the stack
 *
 * Whatever was interrupted goes on: what is gone is not looked for again.
 */
#include "aws/stack.h"

#include <stdio.h>

struct end {
	struct sk_aws *aws;
	const struct sk_stack_destroy *d;
};

/* What is under way ends first; what is protected stays whole. */
static int prepare(struct sk_aws *aws, const struct sk_stack_destroy *d,
    struct sk_stack_info *i, struct snek_error *e)
{
	int rc = sk_stack_look(aws, d->name, i, e);

	if (!rc)
		rc = sk_stack_settle(aws, d->name, &d->watch, i, e);
	if (!rc && i->there && i->is_protected)
		rc = sk_fail(e, SNEK_EACCES, "the stack %s is protected from "
		    "being deleted, and nothing was removed; to lift that: aws "
		    "cloudformation update-termination-protection "
		    "--no-enable-termination-protection --stack-name %s "
		    "--region %s", d->name, d->name, sk_aws_region(aws));
	return rc;
}

/* Another stack's functions may have such names. */
static int remove_function(void *arg, const char *name, struct snek_error *e)
{
	const struct end *end = arg;
	char of[160];
	int rc = sk_lambda_stack(end->aws, name, of, e);

	if (rc)
		return rc == SNEK_ENOENT ? 0 : rc;
	if (strcmp(of, end->d->name)) {
		sk_stack_say(&end->d->watch, "leaving the function %s alone: %s%s",
		    name, *of ? "it is tagged as of the stack " :
		    "it has no tag snek:stack", of);
		return 0;
	}
	sk_stack_say(&end->d->watch, "removing the function %s", name);
	return sk_lambda_remove(end->aws, name, e);
}

static int empty_bucket(struct sk_aws *aws, const struct sk_stack_destroy *d,
    const struct sk_stack_info *i, struct snek_error *e)
{
	char bucket[256];
	uint64_t removed = 0;
	int rc = sk_stack_bucket(aws, i, bucket, e);

	if (!rc)
		rc = sk_bucket_empty(aws, bucket, &removed, &d->watch, e);
	return rc == SNEK_ENOENT ? 0 : rc;
}

int sk_stack_destroy(struct sk_aws *aws, const struct sk_stack_destroy *d,
    struct snek_error *e)
{
	struct end end = { aws, d };
	struct sk_stack_info i;
	int rc = prepare(aws, d, &i, e);

	if (!rc)
		rc = sk_stack_functions(aws, d->name, remove_function, &end, e);
	if (rc || !i.there)
		return rc;
	rc = sk_stack_interfaces(aws, d, &i, e);
	if (!rc)
		rc = empty_bucket(aws, d, &i, e);
	return rc ? rc : sk_stack_delete(aws, i.id, &d->watch, e);
}
