/* SPDX-License-Identifier: MIT */
#include "value/json_scalar.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "value/utf8.h"
#include "value/value.h"

bool sk_json_scalar_init(struct sk_json_scalar *s)
{
	s->c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	return s->c != (locale_t)0;
}

void sk_json_scalar_free(struct sk_json_scalar *s)
{
	sk_buf_free(&s->number);
	freelocale(s->c);
}

/* No string is longer than its text, so strings never move. */
bool sk_json_begin(struct sk_json_scalar *s, const char *text, size_t n,
    struct sk_buf *strings, struct snek_error *e)
{
	s->text = s->p = s->bad = text;
	s->end = text + n;
	s->strings = strings;
	s->e = e;
	strings->n = 0;
	return sk_buf_reserve(strings, n + 4);
}

/* ---- errors ---- */

int sk_json_fail(struct sk_json_scalar *s, const char *at, int code,
    const char *fmt, ...)
{
	char what[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	s->bad = at;
	return sk_fail(s->e, code, "%s", what);
}

int sk_json_memory(struct sk_json_scalar *s)
{
	s->bad = s->p;
	return sk_enomem(s->e);
}

int sk_json_expected(struct sk_json_scalar *s, const char *what)
{
	size_t left = (size_t)(s->end - s->p);
	unsigned n = sk_utf8_length(s->p, left);

	if (!left)
		return sk_json_fail(s, s->p, SNEK_EFORMAT,
		    "expected %s but found the end", what);
	if (*s->p == '\n' || *s->p == '\r')
		return sk_json_fail(s, s->p, SNEK_EFORMAT,
		    "expected %s but found the end of the line", what);
	if (!n || (uint8_t)*s->p < 0x20 || *s->p == 0x7f)
		return sk_json_fail(s, s->p, SNEK_EFORMAT,
		    "expected %s but found byte 0x%02x", what, (uint8_t)*s->p);
	return sk_json_fail(s, s->p, SNEK_EFORMAT,
	    "expected %s but found '%.*s'", what, (int)n, s->p);
}

/* ---- strings ---- */

static int read_hex(struct sk_json_scalar *s, uint32_t *out)
{
	uint32_t v = 0;
	unsigned i;
	char c;

	for (i = 0; i < 4; i++, s->p++) {
		c = s->p < s->end ? *s->p : '\0';
		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			v = v << 4 | (uint32_t)((c | 32) - 'a' + 10);
		else
			return sk_json_expected(s, "four hex digits after \\u");
	}
	*out = v;
	return 0;
}

/* At the digits behind \u. */
static int read_code(struct sk_json_scalar *s, uint32_t *out)
{
	const char *from = s->p - 2;
	uint32_t low = 0;
	int rc = read_hex(s, out);

	if (rc < 0 || *out < 0xd800 || *out > 0xdfff)
		return rc;
	if (*out < 0xdc00 && s->end - s->p > 2 && s->p[0] == '\\' &&
	    s->p[1] == 'u') {
		s->p += 2;
		rc = read_hex(s, &low);
		if (rc < 0)
			return rc;
	}
	if (low < 0xdc00 || low > 0xdfff)
		return sk_json_fail(s, from, SNEK_EFORMAT,
		    "lone surrogate \\u%04x in a string", (unsigned)*out);
	*out = 0x10000 + ((*out - 0xd800) << 10) + (low - 0xdc00);
	return 0;
}

/* At a backslash. */
static int read_escape(struct sk_json_scalar *s)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at = s->p++, *known;
	uint32_t code;
	int rc;

	if (s->p == s->end)
		return 0;               /* the string has no end: said there */
	if (*s->p == 'u') {
		s->p++;
		rc = read_code(s, &code);
		if (rc == 0)
			s->strings->n += sk_utf8_put(
			    s->strings->p + s->strings->n, code);
		return rc;
	}
	known = *s->p ? strchr(from, *s->p) : NULL;
	if (!known)
		return sk_json_fail(s, at, SNEK_EFORMAT, *s->p > ' ' &&
		    *s->p < 0x7f ? "bad escape \\%c in a string" :
		    "bad escape \\ and byte 0x%02x in a string", (uint8_t)*s->p);
	s->strings->p[s->strings->n++] = to[known - from];
	s->p++;
	return 0;
}

#define EACH(byte) (0x0101010101010101u * (byte))

/* Eight bytes that stand for themselves: no quote, backslash or control
 * character, and all ASCII.  It may doubt some that do. */
static bool are_plain(const char *p)
{
	uint64_t x, quote, slash;

	memcpy(&x, p, sizeof(x));
	quote = x ^ EACH('"');
	slash = x ^ EACH('\\');
	return !((x | ((x - EACH(0x20)) & ~x) | ((quote - EACH(1)) & ~quote) |
	    ((slash - EACH(1)) & ~slash)) & EACH(0x80));
}

/* Pass over what stands for itself; an error when something may not. */
static int read_run(struct sk_json_scalar *s)
{
	const char *from = s->p;
	uint8_t c;
	unsigned n;

	while (s->end - s->p >= 8 && are_plain(s->p))
		s->p += 8;
	for (; s->p < s->end; s->p += n) {
		c = (uint8_t)*s->p;
		if (c == '"' || c == '\\')
			break;
		n = 1;
		if (c < 0x20)
			return sk_json_fail(s, s->p, SNEK_EFORMAT,
			    "control character 0x%02x in a string", c);
		if (c >= 0x80)
			n = sk_utf8_length(s->p, (size_t)(s->end - s->p));
		if (!n)
			return sk_json_fail(s, s->p, SNEK_EFORMAT,
			    "invalid UTF-8 byte 0x%02x in a string", c);
	}
	memcpy(s->strings->p + s->strings->n, from, (size_t)(s->p - from));
	s->strings->n += (size_t)(s->p - from);
	return 0;
}

int sk_json_string(struct sk_json_scalar *s, struct snek_value *out)
{
	const char *at = s->p++;
	size_t start = s->strings->n;
	int rc = 0;

	for (;;) {
		rc = read_run(s);
		if (rc < 0)
			return rc;
		if (s->p == s->end)
			return sk_json_fail(s, at, SNEK_EFORMAT,
			    "unterminated string");
		if (*s->p == '"')
			break;
		rc = read_escape(s);
		if (rc < 0)
			return rc;
	}
	s->p++;
	*out = sk_string(s->strings->p + start, s->strings->n - start);
	return 0;
}

/* ---- numbers ---- */

static bool is_digit(const struct sk_json_scalar *s)
{
	return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

static int read_digits(struct sk_json_scalar *s)
{
	if (!is_digit(s))
		return sk_json_expected(s, "a digit");
	while (is_digit(s))
		s->p++;
	return 0;
}

/* Digits to the end of the integer; false when they are too many. */
static bool whole(const char *p, const char *end, bool minus,
    struct snek_value *out)
{
	uint64_t u = 0;

	for (; p < end; p++)
		if (__builtin_mul_overflow(u, 10, &u) ||
		    __builtin_add_overflow(u, (uint64_t)(*p - '0'), &u))
			return false;
	if (minus && u > 1ull << 63)
		return false;
	*out = minus ? sk_int((int64_t)-u) : sk_uint(u);
	return true;
}

static int real(struct sk_json_scalar *s, const char *from,
    struct snek_value *out)
{
	double d;

	s->number.n = 0;
	if (!sk_buf_put(&s->number, from, (size_t)(s->p - from)) ||
	    !sk_buf_byte(&s->number, 0))
		return sk_json_memory(s);
	d = strtod_l(s->number.p, NULL, s->c);
	if (isinf(d))
		return sk_json_fail(s, from, SNEK_ELIMIT,
		    "number out of range: beyond the largest double");
	*out = sk_double(d);
	return 0;
}

static int read_fraction(struct sk_json_scalar *s)
{
	int rc = 0;

	if (s->p < s->end && *s->p == '.') {
		s->p++;
		rc = read_digits(s);
	}
	if (rc == 0 && s->p < s->end && (*s->p | 32) == 'e') {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		rc = read_digits(s);
	}
	return rc;
}

static int read_number(struct sk_json_scalar *s, struct snek_value *out)
{
	const char *from = s->p, *digits, *end;
	bool minus = *s->p == '-';
	int rc;

	digits = s->p += minus;
	rc = read_digits(s);
	if (rc < 0)
		return rc;
	if (*digits == '0' && s->p - digits > 1)
		return sk_json_fail(s, from, SNEK_EFORMAT,
		    "number with a leading zero");
	end = s->p;
	rc = read_fraction(s);
	if (rc < 0)
		return rc;
	if (s->p != end)
		return real(s, from, out);
	if (!whole(digits, end, minus, out))
		return sk_json_fail(s, from, SNEK_ELIMIT,
		    "number out of range: integers lie in [-2^63, 2^64)");
	return 0;
}

/* ---- words ---- */

static bool in_word(char c)
{
	return ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') ||
	    c == '_';
}

static int read_word(struct sk_json_scalar *s, struct snek_value *out)
{
	const char *from = s->p;
	size_t n;

	while (s->p < s->end && in_word(*s->p))
		s->p++;
	n = (size_t)(s->p - from);
	if (n == 4 && !memcmp(from, "true", 4))
		*out = sk_bool(true);
	else if (n == 5 && !memcmp(from, "false", 5))
		*out = sk_bool(false);
	else if (n == 4 && !memcmp(from, "null", 4))
		*out = sk_null();
	else
		return sk_json_fail(s, from, SNEK_EFORMAT,
		    "expected a value but found '%.*s'", (int)(n < 20 ? n : 20),
		    from);
	return 0;
}

int sk_json_scalar(struct sk_json_scalar *s, struct snek_value *out)
{
	if (s->p < s->end && *s->p == '"')
		return sk_json_string(s, out);
	if (s->p < s->end && (*s->p == '-' || is_digit(s)))
		return read_number(s, out);
	if (s->p < s->end && in_word(*s->p))
		return read_word(s, out);
	return sk_json_expected(s, "a value");
}
