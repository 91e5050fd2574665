/* SPDX-License-Identifier: MIT */
#include "aws/words.h"

#include <string.h>

#define WORDS_MAX 256u

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* What is between double quotes, up to the last of them; NULL: none. */
static const char *take_double(const char *s, char **to)
{
	for (; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1] && strchr("\"\\", s[1]))
			s++;
		*(*to)++ = *s;
	}
	return *s ? s + 1 : NULL;
}

static const char *take_single(const char *s, char **to)
{
	for (; *s && *s != '\''; s++)
		*(*to)++ = *s;
	return *s ? s + 1 : NULL;
}

/* One word and what is behind it; NULL: a quote is not closed. */
static const char *take_word(const char *s, char **to)
{
	while (s && *s && !is_blank(*s)) {
		if (*s == '"') {
			s = take_double(s + 1, to);
		} else if (*s == '\'') {
			s = take_single(s + 1, to);
		} else {
			if (*s == '\\' && s[1])
				s++;
			*(*to)++ = *s++;
		}
	}
	*(*to)++ = '\0';
	return s;
}

int sk_words_split(const char *s, struct sk_arena *mem, char ***out,
    struct snek_error *e)
{
	char *to = sk_arena_alloc(mem, 2 * strlen(s) + 1);
	char **word = sk_arena_alloc(mem, (WORDS_MAX + 1) * sizeof(*word));
	size_t n = 0;

	if (!to || !word)
		return sk_enomem(e);
	for (;;) {
		while (is_blank(*s))
			s++;
		if (!*s)
			break;
		if (n == WORDS_MAX)
			return sk_fail(e, SNEK_EINVAL, "more than %u words",
			    WORDS_MAX);
		word[n++] = to;
		s = take_word(s, &to);
		if (!s)
			return sk_fail(e, SNEK_EINVAL, "a quote is not closed");
	}
	word[n] = NULL;
	*out = word;
	return n ? 0 : sk_fail(e, SNEK_EINVAL, "there is no command");
}
