/* SPDX-License-Identifier: MIT */
#include "base/pages.h"

#include <stdlib.h>
#include <sys/mman.h>

#define LARGE ((size_t)256 << 10)
#define HUGE ((size_t)2 << 20)  /* from here on pages of 2 MiB are worth it */

/* The thread sanitizer does not follow mremap: it would hold who wrote last at
 * the new address for a racer. */
#ifdef __SANITIZE_THREAD__
#define FOLLOWED false
#elif defined(__has_feature)
#define FOLLOWED !__has_feature(thread_sanitizer)
#else
#define FOLLOWED true
#endif

/* Asked for, not needed: a fault for each small page costs more than to clear
 * it. */
static void *in_huge_pages(void *p, size_t n)
{
	if (p == MAP_FAILED)
		return NULL;
	if (n >= HUGE)
		madvise(p, n, MADV_HUGEPAGE);
	return p;
}

static void *map(size_t n)
{
	return in_huge_pages(mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), n);
}

void *sk_pages_alloc(size_t n)
{
	return n < LARGE ? calloc(1, n ? n : 1) : map(n);
}

void sk_pages_free(void *p, size_t n)
{
	if (n < LARGE)
		free(p);
	else if (p)
		munmap(p, n);
}

void *sk_pages_grow(void *p, size_t old, size_t n)
{
	void *q;

	if (n < LARGE)
		return realloc(p, n ? n : 1);
	if (old >= LARGE && FOLLOWED) {
		return in_huge_pages(mremap(p, old, n, MREMAP_MAYMOVE), n);
	}
	q = map(n);
	if (q && old)
		memcpy(q, p, old < n ? old : n);
	if (q)
		sk_pages_free(p, old);
	return q;
}

bool sk_pages_more(struct sk_pages *b, size_t n)
{
	size_t need, cap;
	char *p;

	if (__builtin_add_overflow(b->n, n, &need) || need > SIZE_MAX / 2)
		return false;
	cap = b->cap + b->cap / 2;
	if (cap < need)
		cap = need;
	if (cap < 64)
		cap = 64;
	p = sk_pages_grow(b->p, b->cap, cap);
	if (!p)
		return false;
	b->p = p;
	b->cap = cap;
	return true;
}

void sk_pages_drop(struct sk_pages *b)
{
	sk_pages_free(b->p, b->cap);
	memset(b, 0, sizeof(*b));
}
