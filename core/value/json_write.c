/* SPDX-License-Identifier: MIT */
#include "value/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "value/pack.h"

/* How a byte is written: 0 as it is, 'u' as \u00xx, else behind a backslash. */
static const char escapes[256] = {
	[0 ... 7] = 'u', ['\v'] = 'u', [14 ... 31] = 'u', ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n',
	['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\',
};

static bool put_escape(struct sk_buf *b, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";
	char u[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
	char one[2] = { '\\', escapes[c] };

	return escapes[c] == 'u' ? sk_buf_put(b, u, 6) : sk_buf_put(b, one, 2);
}

#define EACH(byte) (0x0101010101010101u * (byte))

/* Bytes before the first that is not written as it is; eight at a time, for
 * there is hardly one. */
static size_t plain(const char *s, size_t n)
{
	uint64_t x, quote, slash, odd;
	size_t i;

	for (i = 0; i + 8 <= n; i += 8) {
		x = sk_load64(s + i);
		quote = x ^ EACH('"');
		slash = x ^ EACH('\\');
		odd = ((x - EACH(' ')) & ~x) | ((quote - EACH(1)) & ~quote) |
		    ((slash - EACH(1)) & ~slash);
		if (odd & EACH(0x80))
			break;
	}
	while (i < n && !escapes[(uint8_t)s[i]])
		i++;
	return i;
}

static bool put_string(struct sk_buf *b, const char *s, size_t n)
{
	size_t i;

	if (!sk_buf_reserve(b, n + 2))
		return false;
	b->p[b->n++] = '"';
	for (;;) {
		i = plain(s, n);
		if (!sk_buf_put(b, s, i))
			return false;
		if (i == n)
			return sk_buf_byte(b, '"');
		if (!put_escape(b, (uint8_t)s[i]))
			return false;
		s += i + 1;
		n -= i + 1;
	}
}

/* printf and strtod use one decimal point, whatever the locale: what is no
 * digit, sign or exponent is that point.  Returns the new length. */
static size_t point(char *s, bool *has)
{
	char *to = s;
	const char *p;

	*has = false;
	for (p = s; *p; p++) {
		if (strchr("-+0123456789", *p)) {
			*to++ = *p;
		} else if (*p == 'e') {
			*has = true;
			*to++ = *p;
		} else if (!*has) {
			*has = true;
			*to++ = '.';
		}
	}
	return (size_t)(to - s);
}

static bool put_uint(struct sk_buf *b, bool minus, uint64_t u)
{
	char s[24], *p = s + sizeof(s);

	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	if (minus)
		*--p = '-';
	return sk_buf_put(b, p, (size_t)(s + sizeof(s) - p));
}

/* One more in the last digit. */
static void bump(char *s)
{
	char *p = strchr(s, 'e');

	if (!p)
		p = s + strlen(s);
	while (p-- > s) {
		if (*p < '0' || *p > '9')
			continue;
		if (*p != '9') {
			++*p;
			return;
		}
		*p = '0';
	}
}

/* Below a power of two doubles lie closer than above it: the nearest text of
 * 16 digits may belong to a neighbour, and the next text be good. */
static bool reads_back(char *s, size_t room, int digits, double d)
{
	int exp;

	if (strtod(s, NULL) == d)
		return true;
	if (digits != 16 || fabs(frexp(d, &exp)) != 0.5)
		return false;
	snprintf(s, room, "%.15e", d);
	bump(s);
	return strtod(s, NULL) == d;
}

static bool put_double(struct sk_buf *b, double d)
{
	int digits = fabs(d) < 0x1p-1022 ? 1 : 15;
	char s[48];
	size_t n;
	bool has;

	if (!isfinite(d))
		return false;
	if (fabs(d) < 1e15 && d == (double)(int64_t)d)
		return put_uint(b, signbit(d), (uint64_t)fabs(d)) &&
		    sk_buf_put(b, ".0", 2);
	do
		snprintf(s, sizeof(s), "%.*g", digits, d);
	while (!reads_back(s, sizeof(s), digits, d) && ++digits <= 17);
	n = point(s, &has);
	return sk_buf_put(b, s, n) && (has || sk_buf_put(b, ".0", 2));
}

static bool put_scalar(struct sk_buf *b, struct snek_value v)
{
	switch (v.type) {
	case SNEK_BOOL:
		return sk_buf_put(b, v.as.b ? "true" : "false", 5 - v.as.b);
	case SNEK_INT:
		return put_uint(b, v.as.i < 0,
		    v.as.i < 0 ? -(uint64_t)v.as.i : v.as.u);
	case SNEK_UINT:
		return put_uint(b, false, v.as.u);
	case SNEK_DOUBLE:
		return put_double(b, v.as.d);
	case SNEK_STRING:
		return put_string(b, v.as.s, v.len);
	default:
		return sk_buf_put(b, "null", 4);
	}
}

/* One walk over packed bytes, header by header. */
struct walk {
	struct sk_buf *out;
	const char *p;
	size_t n;
	int depth;
};

static bool put_packed(struct walk *w);

static bool put_elements(struct walk *w, bool object, uint32_t n)
{
	uint32_t i;

	if (!sk_buf_byte(w->out, object ? '{' : '['))
		return false;
	for (i = 0; i < n; i++) {
		if (i && !sk_buf_byte(w->out, ','))
			return false;
		if (object && !(put_packed(w) && sk_buf_byte(w->out, ':')))
			return false;
		if (!put_packed(w))
			return false;
	}
	return sk_buf_byte(w->out, object ? '}' : ']');
}

static bool put_packed(struct walk *w)
{
	struct snek_value v;
	size_t used;
	bool ok;

	if (w->depth > SK_MAX_DEPTH || sk_unpack_head(w->p, w->n, &v, &used) < 0)
		return false;
	w->p += used;
	w->n -= used;
	if (v.type != SNEK_ARRAY && v.type != SNEK_OBJECT)
		return put_scalar(w->out, v);
	w->depth++;
	ok = put_elements(w, v.type == SNEK_OBJECT, v.len);
	w->depth--;
	return ok;
}

bool sk_json_write(struct sk_buf *b, struct snek_value v)
{
	struct walk w = { b, v.as.p, v.len, 0 };

	if (v.type == SNEK_ARRAY || v.type == SNEK_OBJECT)
		return put_packed(&w);
	return put_scalar(b, v);
}

bool sk_json_write_record(struct sk_buf *b, const struct sk_record *r)
{
	uint32_t i;

	if (!r->object)
		return sk_json_write(b, r->member[0].value);
	if (!sk_buf_byte(b, '{'))
		return false;
	for (i = 0; i < r->n; i++)
		if ((i && !sk_buf_byte(b, ',')) ||
		    !put_string(b, r->member[i].name, r->member[i].name_len) ||
		    !sk_buf_byte(b, ':') ||
		    !sk_json_write(b, r->member[i].value))
			return false;
	return sk_buf_byte(b, '}');
}
