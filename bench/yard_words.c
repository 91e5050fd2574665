/* SPDX-License-Identifier: MIT */
/* yard_words.c - words between white space, byte by byte. */
#include "yard_words.h"

static inline int is_blank(char c)
{
	return c == ' ' || (unsigned)(c - '\t') < 5;
}

__attribute__((visibility("default")))
void yard_words(const char *text, uint32_t n, yard_emit *emit, void *to)
{
	uint32_t at = 0, start;

	while (at < n) {
		while (at < n && is_blank(text[at]))
			at++;
		for (start = at; at < n && !is_blank(text[at]); at++)
			;
		if (at > start)
			emit(to, text + start, at - start, 1);
	}
}
