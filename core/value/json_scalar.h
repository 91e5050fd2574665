/* SPDX-License-Identifier: MIT */
/* json_scalar.h - the words of JSON: strings, numbers, literals, and what is
 * wrong with them.  For json_plain.c. */
#ifndef SK_JSON_SCALAR_H
#define SK_JSON_SCALAR_H
#include <locale.h>

#include "base/buf.h"
#include <snek/types.h>

struct sk_json_scalar {
	const char *text, *p, *end;
	const char *bad;                /* where the error is */
	struct sk_buf *strings;         /* has room for all strings of the text */
	struct sk_buf number;
	locale_t c;                     /* for numbers, whatever the program's is */
	struct snek_error *e;
};

bool sk_json_scalar_init(struct sk_json_scalar *);      /* zeroed before */
void sk_json_scalar_free(struct sk_json_scalar *);
/* A new text.  False when memory is out. */
bool sk_json_begin(struct sk_json_scalar *, const char *text, size_t n,
    struct sk_buf *strings, struct snek_error *);

static inline void sk_json_blank(struct sk_json_scalar *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' ||
	    *s->p == '\r' || *s->p == '\t'))
		s->p++;
}

/* At a quote. */
int sk_json_string(struct sk_json_scalar *, struct snek_value *);
/* A string, number, true, false or null. */
int sk_json_scalar(struct sk_json_scalar *, struct snek_value *);

__attribute__((format(printf, 4, 5)))
int sk_json_fail(struct sk_json_scalar *, const char *at, int code,
    const char *fmt, ...);
/* "expected <what> but found <what is at p>" */
int sk_json_expected(struct sk_json_scalar *, const char *what);
int sk_json_memory(struct sk_json_scalar *);
#endif
