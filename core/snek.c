/* SPDX-License-Identifier: MIT */
/* snek.c - the front door: checks arguments, calls the rest. */
#include "config.h"
#include <snek/snek.h>

#include "base/err.h"

const char *snek_version(void)
{
	return PACKAGE_VERSION;
}

const char *snek_strerror(int code)
{
	return sk_strerror(code);
}
