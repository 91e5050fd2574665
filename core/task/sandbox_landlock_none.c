/* SPDX-License-Identifier: MIT */
/* For C libraries that come without the kernel's header on Landlock. */
#include "task/sandbox_parts.h"

int sk_landlock_abi(void)
{
	return 0;
}

int sk_landlock_enter(const char *more, struct snek_error *e)
{
	(void)more;
	(void)e;
	return 0;
}
