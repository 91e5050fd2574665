/* SPDX-License-Identifier: MIT */
/* For builds without libseccomp: system calls are not filtered. */
#include "task/sandbox_parts.h"

bool sk_seccomp_there(void)
{
	return false;
}

int sk_seccomp_enter(const struct sk_sandbox_filter *f, struct snek_error *e)
{
	(void)f;
	(void)e;
	return 0;
}

int sk_sandbox_filter_new(bool strict, struct sk_sandbox_filter **out,
    struct snek_error *e)
{
	(void)strict;
	(void)e;
	*out = NULL;
	return 0;
}

void sk_sandbox_filter_free(struct sk_sandbox_filter *f)
{
	(void)f;
}
