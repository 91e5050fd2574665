/* SPDX-License-Identifier: MIT */
#include "value/utf8.h"

#include <stdbool.h>
#include <string.h>

/* By first byte: how many there are, and the range of the second. */
static const struct { uint8_t first, n, low, high; } forms[] = {
	{ 0xc2, 2, 0x80, 0xbf }, { 0xe0, 3, 0xa0, 0xbf },
	{ 0xe1, 3, 0x80, 0xbf }, { 0xed, 3, 0x80, 0x9f },
	{ 0xee, 3, 0x80, 0xbf }, { 0xf0, 4, 0x90, 0xbf },
	{ 0xf1, 4, 0x80, 0xbf }, { 0xf4, 4, 0x80, 0x8f },
	{ 0xf5, 0, 0, 0 },
};

unsigned sk_utf8_length(const char *p, size_t n)
{
	const uint8_t *s = (const uint8_t *)p;
	unsigned i, k = 0;

	if (!n || s[0] < 0x80)
		return n != 0;
	if (s[0] < forms[0].first || s[0] >= 0xf5)
		return 0;
	while (s[0] >= forms[k + 1].first)
		k++;
	if (n < forms[k].n || s[1] < forms[k].low || s[1] > forms[k].high)
		return 0;
	for (i = 2; i < forms[k].n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return forms[k].n;
}

unsigned sk_utf8_put(char *p, uint32_t c)
{
	static const uint8_t lead[5] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	unsigned n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	unsigned i;

	for (i = n - 1; i; i--, c >>= 6)
		p[i] = (char)(0x80 | (c & 0x3f));
	p[0] = (char)(lead[n] | c);
	return n;
}

static bool is_ascii(const char *p, size_t words)
{
	uint64_t word, all = 0;
	size_t i;

	for (i = 0; i < words; i++) {
		memcpy(&word, p + 8 * i, 8);
		all |= word;
	}
	return !(all & 0x8080808080808080ull);
}

size_t sk_utf8_check(const char *p, size_t n)
{
	size_t i = 0;
	unsigned k;

	while (i < n) {
		if (n - i >= 64 && is_ascii(p + i, 8)) {
			i += 64;
			continue;
		}
		if (n - i >= 8 && is_ascii(p + i, 1)) {
			i += 8;
			continue;
		}
		k = sk_utf8_length(p + i, n - i);
		if (!k)
			return i;
		i += k;
	}
	return n;
}
