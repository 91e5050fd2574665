/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

static char *last_at(char *p, size_t n)
{
	return memrchr(p, '@', n);
}

/* Where the password of a URL ends, and its host begins.  In a URL that is
 * malformed a password may hold what would end it. */
static char *find_at(char *p, size_t n)
{
	size_t authority = strcspn(p, "/?#,");
	char *at, *colon;

	authority = authority < n ? authority : n;
	at = last_at(p, authority);
	if (at)
		return at;
	colon = memchr(p, ':', authority);
	if (!colon || colon + 1 + strspn(colon + 1, "0123456789") == p + authority)
		return NULL;
	return last_at(p, n);
}

static void remove_bytes(char *from, char *to)
{
	memmove(from, to, strlen(to) + 1);
}

static bool is_web(const char *text, const char *sep)
{
	return (sep - text >= 4 && !memcmp(sep - 4, "http", 4)) ||
	    (sep - text >= 5 && !memcmp(sep - 5, "https", 5));
}

/* What stands for a port and is none may be a password whose host is missing. */
static char *find_lone(char *p, size_t n)
{
	size_t authority = strcspn(p, "/?#,");
	char *colon, *rest;

	authority = authority < n ? authority : n;
	colon = *p == '[' ? NULL : memchr(p, ':', authority);
	if (!colon)
		return NULL;
	rest = colon + 1 + strspn(colon + 1, "0123456789");
	rest += strspn(rest, ":;.)'");          /* of the text around */
	return rest < p + authority ? colon : NULL;
}

/* Of each URL its password, and what a web's may have behind a '?', as a token.
 * ends: what ends a URL. */
static char *hide(const char *text, const char *ends)
{
	char *copy = strdup(text), *p = copy, *at, *colon, *query;
	bool web;

	while (p && (p = strstr(p, "://"))) {
		web = is_web(copy, p);
		p += 3;
		at = find_at(p, strcspn(p, ends));
		colon = at ? memchr(p, ':', (size_t)(at - p)) :
		    find_lone(p, strcspn(p, ends));
		if (colon)
			remove_bytes(colon, at ? at : colon + strcspn(colon, ends));
		query = web ? memchr(p, '?', strcspn(p, ends)) : NULL;
		if (query)
			remove_bytes(query + 1, query + strcspn(query, ends));
	}
	return copy;
}

char *cli_hide(const char *text)
{
	return hide(text, ",");
}

char *cli_hide_text(const char *text)
{
	return hide(text, ", \"\n");
}
