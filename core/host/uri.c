/* SPDX-License-Identifier: MIT */
#include "host/uri.h"

#include <string.h>

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *at;

	if (c >= 'A' && c <= 'F')
		c = (char)(c - 'A' + 'a');
	at = c ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

long sk_uri_decode(const char *s, size_t n, char *to, size_t max)
{
	size_t i, out = 0;
	int a, b;

	for (i = 0; i < n; i++) {
		if (out == max)
			return -1;
		if (s[i] != '%') {
			to[out++] = s[i];
			continue;
		}
		a = i + 2 < n ? hex(s[i + 1]) : -1;
		b = i + 2 < n ? hex(s[i + 2]) : -1;
		if (a < 0 || b < 0 || !(a | b))
			return -1;
		to[out++] = (char)(a << 4 | b);
		i += 2;
	}
	to[out] = '\0';
	return (long)out;
}

bool sk_uri_split(struct sk_uri *t, const char *target, size_t path_len,
    size_t most)
{
	const char *p = target, *end = target + path_len;
	char *to = t->text;
	size_t n;
	long got;

	t->parts = 0;
	if (most > SK_URI_PARTS || path_len == 0 || *p != '/')
		return false;
	while (p < end && t->parts < most) {
		p++;
		n = (size_t)(end - p);
		if (t->parts + 1 < most && memchr(p, '/', n))
			n = (size_t)((const char *)memchr(p, '/', n) - p);
		if (!n && p == end)
			break;
		if (to + n + 1 > t->text + sizeof(t->text))
			return false;
		got = sk_uri_decode(p, n, to, n);
		if (got < 0)
			return false;
		t->part[t->parts++] = to;
		to += got + 1;
		p += n;
	}
	return true;
}

int sk_uri_query_at(const char *target, const char *name, size_t i, char *to,
    size_t max)
{
	const char *p = strchr(target, '?'), *equals;
	size_t len = strlen(name), n;

	for (; p && *p; p += n) {
		p++;
		n = strcspn(p, "&");
		equals = memchr(p, '=', n);
		if ((equals ? (size_t)(equals - p) : n) != len ||
		    memcmp(p, name, len) != 0 || i--)
			continue;
		if (!equals) {
			*to = '\0';
			return 1;
		}
		return sk_uri_decode(equals + 1, n - len - 1, to,
		    max - 1) < 0 ? -1 : 1;
	}
	return 0;
}

int sk_uri_query(const char *target, const char *name, char *to, size_t max)
{
	return sk_uri_query_at(target, name, 0, to, max);
}

/* ---- names ---- */

bool sk_name_is_plain(const char *s, size_t max)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

	return n && n <= max && !s[n];
}

bool sk_name_is_number(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n && n < 10 && !s[n];
}

static bool copy(char *to, size_t max, const char *from, size_t n)
{
	if (!n || n >= max)
		return false;
	memcpy(to, from, n);
	to[n] = '\0';
	return true;
}

/* Step over the part up to the n-th colon. */
static const char *behind(const char *s, int n)
{
	while (n-- && s) {
		s = strchr(s, ':');
		if (s)
			s++;
	}
	return s;
}

bool sk_function_name_parse(const char *text, struct sk_function_name *out)
{
	const char *s = text;
	size_t n;

	memset(out, 0, sizeof(*out));
	if (strncmp(s, "arn:", 4) == 0)
		s = behind(s, 4);       /* arn:aws:lambda:REGION: */
	if (s && strspn(s, "0123456789") == 12 && s[12] == ':')
		s += 13;                /* ACCOUNT: */
	if (!s || (s != text && strncmp(s, "function:", 9) != 0))
		return false;
	if (strncmp(s, "function:", 9) == 0)
		s += 9;
	n = strcspn(s, ":");
	if (!copy(out->name, sizeof(out->name), s, n) ||
	    !sk_name_is_plain(out->name, 64))
		return false;
	if (!s[n])
		return true;
	s += n + 1;
	return copy(out->qualifier, sizeof(out->qualifier), s, strlen(s)) &&
	    (strcmp(s, "$LATEST") == 0 || sk_name_is_plain(s, 128));
}
