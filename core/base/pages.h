/* SPDX-License-Identifier: MIT */
/*
 * pages.h - memory for what grows large.  From a size on it comes straight from
 * the system and goes back there at once, so that a bound on memory is not at
 * the mercy of how a host's malloc keeps what was freed.
 */
#ifndef SK_PAGES_H
#define SK_PAGES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Zeroed; NULL: none. */
void *sk_pages_alloc(size_t n);
/* n bytes in the place of old ones, which stay; what is beyond them may be
 * anything.  NULL: none, and the old ones are as they were. */
void *sk_pages_grow(void *, size_t old, size_t n);
/* n: as it was asked for. */
void sk_pages_free(void *, size_t n);

/* Growable bytes, as struct sk_buf.  Zeroed: empty. */
struct sk_pages {
	char *p;
	size_t n, cap;
};
bool sk_pages_more(struct sk_pages *, size_t n);
void sk_pages_drop(struct sk_pages *);

static inline bool sk_pages_reserve(struct sk_pages *b, size_t n)
{
	return b->cap - b->n >= n || sk_pages_more(b, n);
}

static inline bool sk_pages_put(struct sk_pages *b, const void *p, size_t n)
{
	if (!sk_pages_reserve(b, n))
		return false;
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	return true;
}
#endif
