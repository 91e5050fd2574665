/* SPDX-License-Identifier: MIT */
/* nomem.h - the nth allocation of the whole process fails, alone or with all
 * after it: malloc and its kin are replaced.  For one file of a program. */
#ifndef TESTS_NOMEM_H
#define TESTS_NOMEM_H
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static struct {
	bool on, for_good;
	long at, n;
} fault;

static bool fails(void)
{
	if (!fault.on)
		return false;
	fault.n++;
	if (fault.n != fault.at && (!fault.for_good || fault.n < fault.at))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return fails() ? NULL : __libc_realloc(p, n);
}
#endif
