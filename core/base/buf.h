/* SPDX-License-Identifier: MIT */
/* buf.h - growable bytes.  A zeroed struct is an empty buffer. */
#ifndef SK_BUF_H
#define SK_BUF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sk_buf {
	char *p;
	size_t n, cap;
};

/* Bytes that belong to somebody else. */
struct sk_span {
	const void *p;
	size_t n;
};

/* Room for n more bytes at p + n; false when memory is out. */
bool sk_buf_grow(struct sk_buf *, size_t n);
void sk_buf_free(struct sk_buf *);

static inline bool sk_buf_reserve(struct sk_buf *b, size_t n)
{
	return b->cap - b->n >= n || sk_buf_grow(b, n);
}

static inline bool sk_buf_put(struct sk_buf *b, const void *p, size_t n)
{
	if (!sk_buf_reserve(b, n))
		return false;
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	return true;
}

static inline bool sk_buf_byte(struct sk_buf *b, uint8_t c)
{
	return sk_buf_put(b, &c, 1);
}

__attribute__((format(printf, 2, 3)))
bool sk_buf_printf(struct sk_buf *, const char *fmt, ...);
#endif
