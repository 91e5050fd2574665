/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

static void newline(FILE *f, unsigned depth)
{
	fprintf(f, "\n%*s", (int)(2 * depth), "");
}

/* Where the string that starts at p ends.  What a terminal might act upon is
 * escaped: DEL, and U+0080 to U+009F. */
static const char *put_string(FILE *f, const char *p, const char *end)
{
	bool escaped = false;

	putc(*p++, f);
	for (; p < end; p++) {
		unsigned char c = (unsigned char)*p;

		if (c == 0x7f) {
			fputs("\\u007f", f);
		} else if (c == 0xc2 && p + 1 < end &&
		    (unsigned char)p[1] < 0xa0) {
			fprintf(f, "\\u%04x", (unsigned char)*++p);
		} else {
			putc(c, f);
			if (c == '"' && !escaped)
				return p + 1;
		}
		escaped = c == '\\' && !escaped;
	}
	return p;
}

void cli_pretty(FILE *f, const char *p, size_t len)
{
	const char *end = p + len;
	unsigned depth = 0;

	while (p < end) {
		bool empty = p + 1 < end && (p[1] == '}' || p[1] == ']');

		if (*p == '"') {
			p = put_string(f, p, end);
			continue;
		}
		if (*p == '}' || *p == ']')
			newline(f, --depth);
		putc(*p, f);
		if ((*p == '{' || *p == '[') && empty)
			putc(*++p, f);
		else if (*p == '{' || *p == '[')
			newline(f, ++depth);
		else if (*p == ',')
			newline(f, depth);
		else if (*p == ':')
			putc(' ', f);
		p++;
	}
	putc('\n', f);
}
