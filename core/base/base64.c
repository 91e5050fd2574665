/* SPDX-License-Identifier: MIT */
#include "base/base64.h"

#include <snek/types.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "abcdefghijklmnopqrstuvwxyz0123456789+/";

#define NONE 0xff
#define N8 NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE
static const uint8_t values[256] = {
	N8, N8, N8, N8, N8,
	NONE, NONE, NONE, 62, NONE, NONE, NONE, 63,
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, NONE, NONE, NONE, NONE, NONE, NONE,
	NONE, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, NONE, NONE, NONE, NONE, NONE,
	NONE, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
	41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, NONE, NONE, NONE, NONE, NONE,
	N8, N8, N8, N8, N8, N8, N8, N8, N8, N8, N8, N8, N8, N8, N8, N8,
};

static void put_three(char *to, const uint8_t *p)
{
	uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];

	to[0] = digits[v >> 18];
	to[1] = digits[v >> 12 & 63];
	to[2] = digits[v >> 6 & 63];
	to[3] = digits[v & 63];
}

bool sk_base64_put(struct sk_buf *b, const void *from, size_t n)
{
	const uint8_t *p = from;
	uint8_t last[3] = { 0 };
	char *to;

	if (n > SIZE_MAX / 2 || !sk_buf_reserve(b, (n + 2) / 3 * 4))
		return false;
	for (to = b->p + b->n; n >= 3; n -= 3, p += 3, to += 4)
		put_three(to, p);
	if (n) {
		memcpy(last, p, n);
		put_three(to, last);
		memset(to + n + 1, '=', 3 - n);
		to += 4;
	}
	b->n = (size_t)(to - b->p);
	return true;
}

/* Four digits; what is none has high bits. */
static uint32_t get_four(const uint8_t *s)
{
	const uint8_t a = values[s[0]], b = values[s[1]], c = values[s[2]],
	    d = values[s[3]];

	return (a | b | c | d) & 0xc0 ? UINT32_MAX
	    : (uint32_t)a << 18 | (uint32_t)b << 12 | (uint32_t)c << 6 | d;
}

static void put_bytes(uint8_t *to, uint32_t v)
{
	to[0] = (uint8_t)(v >> 16);
	to[1] = (uint8_t)(v >> 8);
	to[2] = (uint8_t)v;
}

/* The last four, with one or two of them padding; how many bytes they are, or
 * 0: what is left over of the last digit must be zero. */
static unsigned get_last(const uint8_t *s, uint32_t *v)
{
	uint8_t four[4] = { s[0], s[1], s[2], 'A' };
	unsigned n = 2;

	if (s[2] == '=') {
		four[2] = 'A';
		n = 1;
	}
	*v = get_four(four);
	return *v == UINT32_MAX || *v & (n == 1 ? 0xffffu : 0xffu) ? 0 : n;
}

int sk_base64_get(struct sk_buf *b, const char *text, size_t n)
{
	const uint8_t *s = (const uint8_t *)text;
	unsigned last = 0;
	uint32_t v;
	uint8_t *to;

	if (n % 4)
		return SNEK_EFORMAT;
	if (!sk_buf_reserve(b, n / 4 * 3))
		return SNEK_ENOMEM;
	to = (uint8_t *)b->p + b->n;
	if (n && s[n - 1] == '=')
		n -= 4;
	else
		last = 3;
	for (; n; n -= 4, s += 4, to += 3) {
		v = get_four(s);
		if (v == UINT32_MAX)
			return SNEK_EFORMAT;
		put_bytes(to, v);
	}
	if (!last) {
		last = get_last(s, &v);
		if (!last)
			return SNEK_EFORMAT;
		put_bytes(to, v);
		to += last;
	}
	b->n = (size_t)((char *)to - b->p);
	return 0;
}
