/* SPDX-License-Identifier: MIT */
/* nomem_wrap.h - an allocation of our own code fails: malloc and its kin are
 * wrapped by the linker.  For one file of a program. */
#ifndef TESTS_NOMEM_WRAP_H
#define TESTS_NOMEM_WRAP_H
#include <stdbool.h>
#include <stdlib.h>

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);

static long countdown = -1;     /* the allocation that fails; < 0: none */

static bool fails(void)
{
	return countdown >= 0 && countdown-- == 0;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}
#endif
