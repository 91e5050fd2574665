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
	char *at = last_at(p, authority), *colon;

	if (at)
		return at;
	colon = memchr(p, ':', authority);
	if (!colon || colon + 1 + strspn(colon + 1, "0123456789") == p + authority)
		return NULL;
	return last_at(p, n);
}

char *cli_hide(const char *text)
{
	char *copy = strdup(text), *p = copy, *at, *colon;

	while (p && (p = strstr(p, "://"))) {
		p += 3;
		at = find_at(p, strcspn(p, ","));
		colon = at ? memchr(p, ':', (size_t)(at - p)) : NULL;
		if (colon)
			memmove(colon, at, strlen(at) + 1);
	}
	return copy;
}
