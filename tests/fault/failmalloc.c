/* SPDX-License-Identifier: MIT */
/*
 * Preloaded, it has the allocation number $FAIL_AT of the process fail (none,
 * if that is not set), and at the end writes how many there were to the file
 * $FAIL_COUNT.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

static long count, at = -1;

__attribute__((constructor))
static void begin(void)
{
	const char *s = getenv("FAIL_AT");

	__atomic_store_n(&count, 0, __ATOMIC_RELAXED);
	if (s)
		at = strtol(s, NULL, 10);
}

__attribute__((destructor))
static void end(void)
{
	const char *path = getenv("FAIL_COUNT");
	char text[32];
	int fd, n = snprintf(text, sizeof(text), "%ld\n", count);

	if (!path)
		return;
	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	if (fd < 0 || write(fd, text, (size_t)n) != n)
		_exit(99);
	close(fd);
}

static int fails(void)
{
	if (__atomic_add_fetch(&count, 1, __ATOMIC_RELAXED) != at)
		return 0;
	errno = ENOMEM;
	return 1;
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
