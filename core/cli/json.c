/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

/* Where the string that starts at p ends, its quote included. */
static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\' && p + 1 < end)
			p++;
	return p < end ? p + 1 : end;
}

static const char *skip_value(const char *p, const char *end)
{
	size_t depth = 0;

	while (p < end) {
		if (*p == '"') {
			p = skip_string(p, end);
			continue;
		}
		if (*p == '{' || *p == '[')
			depth++;
		else if (depth == 0 && (*p == ',' || *p == '}' || *p == ']'))
			break;
		else if (*p == '}' || *p == ']')
			depth--;
		p++;
	}
	return p;
}

bool cli_json_member(struct cli_json *rest, struct cli_json *name,
    struct cli_json *value)
{
	const char *p = rest->p, *end = rest->p + rest->n, *q;

	if (p < end && (*p == '{' || *p == ','))
		p++;
	if (p >= end || *p != '"')
		return false;
	q = skip_string(p, end);
	*name = (struct cli_json){ p, (size_t)(q - p) };
	p = q < end ? q + 1 : end;      /* past the colon */
	q = skip_value(p, end);
	*value = (struct cli_json){ p, (size_t)(q - p) };
	*rest = (struct cli_json){ q, (size_t)(end - q) };
	return true;
}

bool cli_json_equal(struct cli_json a, struct cli_json b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static uint32_t hex4(const char *p)
{
	uint32_t v = 0;
	int i;

	for (i = 0; i < 4; i++)
		v = v << 4 | (uint32_t)(p[i] <= '9' ? p[i] - '0' :
		    (p[i] | 32) - 'a' + 10);
	return v;
}

static size_t put_utf8(char *out, uint32_t ch)
{
	if (ch < 0x80) {
		out[0] = (char)ch;
		return 1;
	}
	if (ch < 0x800) {
		out[0] = (char)(0xc0 | ch >> 6);
		out[1] = (char)(0x80 | (ch & 63));
		return 2;
	}
	if (ch < 0x10000) {
		out[0] = (char)(0xe0 | ch >> 12);
		out[1] = (char)(0x80 | (ch >> 6 & 63));
		out[2] = (char)(0x80 | (ch & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | ch >> 18);
	out[1] = (char)(0x80 | (ch >> 12 & 63));
	out[2] = (char)(0x80 | (ch >> 6 & 63));
	out[3] = (char)(0x80 | (ch & 63));
	return 4;
}

/* One escape at *p (past the backslash); never longer than it was. */
static size_t unescape(const char **p, const char *end, char *out)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	char ch = *(*p)++;
	const char *known = strchr(from, ch);
	uint32_t u, low;

	if (ch != 'u' || end - *p < 4) {
		*out = known && ch ? to[known - from] : ch;
		return 1;
	}
	u = hex4(*p);
	*p += 4;
	if (u >> 10 == 0x36 && end - *p >= 6 && (*p)[0] == '\\') {
		low = hex4(*p + 2);
		*p += 6;
		u = 0x10000 + ((u & 0x3ff) << 10 | (low & 0x3ff));
	}
	return put_utf8(out, u);
}

char *cli_json_string(struct cli_json s, size_t *len)
{
	char *out = malloc(s.n + 1);
	const char *p = s.p + 1, *end = s.p + s.n - 1;
	size_t n = 0;

	if (!out)
		return NULL;
	while (p < end) {
		if (*p != '\\' || p + 1 >= end) {
			out[n++] = *p++;
			continue;
		}
		p++;
		n += unescape(&p, end, out + n);
	}
	out[n] = '\0';
	*len = n;
	return out;
}
