/* SPDX-License-Identifier: MIT */
/* needs.c - a module that needs a library which its host has not loaded. */
#include <arpa/nameser.h>

__attribute__((visibility("default")))
long needs_resolv(void);

long needs_resolv(void)
{
	const unsigned char wire[] = { 1, 2 };

	return ns_get16(wire) == 258 ? 0 : -1;
}
