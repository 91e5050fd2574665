/* SPDX-License-Identifier: MIT */
/* parameter.c - what a request's path and query say, decoded. */
#include "api/parts.h"

#include <stdlib.h>

static int hex(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch = (char)(ch | 32);
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

bool sk_api_decode(const char *s, size_t n, bool plus, char *to, size_t room)
{
	size_t i, at = 0;
	int ch;

	for (i = 0; i < n; i++) {
		ch = (unsigned char)s[i];
		if (ch == '%') {
			if (i + 2 >= n || hex(s[i + 1]) < 0 || hex(s[i + 2]) < 0)
				return false;
			ch = hex(s[i + 1]) << 4 | hex(s[i + 2]);
			i += 2;
		} else if (ch == '+' && plus) {
			ch = ' ';
		}
		if (!ch || at + 1 >= room)
			return false;
		to[at++] = (char)ch;
	}
	to[at] = '\0';
	return true;
}

/* The next NAME=VALUE of a query; false at its end. */
struct pair {
	const char *name, *value;
	size_t name_len, value_len;
};

static bool next(const char **query, struct pair *p)
{
	const char *s = *query + strspn(*query, "&");
	size_t len = strcspn(s, "&");

	*query = s + len;
	p->name = s;
	p->name_len = strcspn(s, "=&");
	p->value = s + p->name_len + (s[p->name_len] == '=');
	p->value_len = len - (size_t)(p->value - s);
	return len > 0;
}

#define NAME 32u                        /* bytes; none that is known has more */

static bool is_named(const struct pair *p, const char *name)
{
	char said[NAME];

	return sk_api_decode(p->name, p->name_len, true, said, NAME) &&
	    !strcmp(said, name);
}

static bool is_in(const char *words, const char *name)
{
	size_t len, n = strlen(name);

	for (; *words; words += len + (words[len] == ' ')) {
		len = strcspn(words, " ");
		if (len == n && !memcmp(words, name, n))
			return true;
	}
	return false;
}

static bool is_again(const char *rest, const char *name)
{
	struct pair p;

	while (next(&rest, &p))
		if (is_named(&p, name))
			return true;
	return false;
}

/* Which of two is meant, who stands in front may see otherwise. */
int sk_api_check_parameters(const struct sk_api_request *r, const char *known,
    struct snek_error *e)
{
	const char *query = r->query;
	char name[NAME];
	struct pair p;

	while (next(&query, &p)) {
		if (!sk_api_decode(p.name, p.name_len, true, name, NAME) ||
		    !is_in(known, name))
			return sk_fail(e, SNEK_EINVAL, "there is no parameter "
			    "\"%.*s\" here; there are: %s", p.name_len < 100 ?
			    (int)p.name_len : 100, p.name, *known ? known :
			    "none");
		if (is_again(query, name))
			return sk_fail(e, SNEK_EINVAL, "the parameter %s is "
			    "given twice", name);
	}
	return 0;
}

int sk_api_parameter(const struct sk_api_request *r, const char *name,
    char *to, size_t room, struct snek_error *e)
{
	const char *query = r->query;
	struct pair p;

	*to = '\0';
	while (next(&query, &p)) {
		if (!is_named(&p, name))
			continue;
		if (sk_api_decode(p.value, p.value_len, true, to, room))
			return 1;
		*to = '\0';
		return sk_fail(e, SNEK_EINVAL, "%s is longer than %zu bytes, or "
		    "no text in percent-encoding", name, room - 1);
	}
	return 0;
}

int sk_api_number(const struct sk_api_request *r, const char *name,
    uint64_t otherwise, uint64_t *out, struct snek_error *e)
{
	char text[24], *end;
	int rc = sk_api_parameter(r, name, text, sizeof(text), e);

	*out = otherwise;
	if (rc <= 0)
		return rc;
	*out = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || strlen(text) > 19)
		return sk_fail(e, SNEK_EINVAL, "%s is a whole number", name);
	return 0;
}

int sk_api_seconds(const struct sk_api_request *r, const char *name,
    unsigned most_ms, unsigned *ms, struct snek_error *e)
{
	char text[24];
	double s;
	int rc = sk_api_parameter(r, name, text, sizeof(text), e);

	*ms = 0;
	if (rc <= 0)
		return rc;
	if (*text < '0' || *text > '9' || text[strspn(text, "0123456789.")] ||
	    strchr(text, '.') != strrchr(text, '.'))
		return sk_fail(e, SNEK_EINVAL, "%s is a number of seconds", name);
	s = strtod(text, NULL);
	*ms = s * 1000 < most_ms ? (unsigned)(s * 1000) : most_ms;
	return 0;
}
