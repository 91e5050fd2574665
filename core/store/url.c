/* SPDX-License-Identifier: MIT */
#include "store/redis.h"

#include <ctype.h>
#include <stdlib.h>
#include <sys/un.h>

#define PORT "6379"
#define PREFIX_MAX 64u
#define URL_MAX 2048u

/* What is left of the text, and of which part a message would speak. */
struct parse {
	struct sk_redis_url *url;
	struct snek_error *e;
};

static int wrong(struct parse *p, const char *part)
{
	return sk_fail(p->e, SNEK_EINVAL, "a Redis URL's %s; it looks like "
	    "redis://[[user]:password@]host[:port][/db][?prefix=P], "
	    "rediss:// or unix:///path", part);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A copy with %XX decoded; a NUL or half a %XX is wrong. */
static int decode(struct parse *p, struct sk_span s, const char *part, char **out)
{
	const char *in = s.p, *end = in + s.n;
	char *to = malloc(s.n + 1), *at = to;

	if (!to)
		return sk_enomem(p->e);
	for (; in < end; in++) {
		*at = *in;
		if (*in == '%') {
			if (end - in < 3 || digit(in[1]) < 0 || digit(in[2]) < 0)
				goto bad;
			*at = (char)(digit(in[1]) << 4 | digit(in[2]));
			in += 2;
		}
		if (!*at++)
			goto bad;
	}
	*at = '\0';
	*out = to;
	return 0;
bad:
	free(to);
	return wrong(p, part);
}

static struct sk_span span(const char *from, const char *to)
{
	return (struct sk_span){ from, (size_t)(to - from) };
}

/* The last c of [s, end), or NULL. */
static const char *last(const char *s, const char *end, char c)
{
	return memrchr(s, c, (size_t)(end - s));
}

static const char *first(const char *s, const char *end, char c)
{
	return memchr(s, c, (size_t)(end - s));
}

static int parse_user(struct parse *p, const char *s, const char *end)
{
	const char *colon = first(s, end, ':');
	const char *user_end = colon ? colon : end;
	int rc = 0;

	if (user_end > s)
		rc = decode(p, span(s, user_end), "user is malformed", &p->url->user);
	if (!rc && colon && colon + 1 < end)
		rc = decode(p, span(colon + 1, end), "password is malformed (write "
		    "its special characters as %XX)", &p->url->password);
	return rc;
}

static int parse_number(struct sk_span s, uint32_t max, uint32_t *out)
{
	const char *d = s.p;
	uint32_t v = 0;
	size_t i;

	if (!s.n || s.n > 9)
		return -1;
	for (i = 0; i < s.n; i++) {
		if (!isdigit((unsigned char)d[i]))
			return -1;
		v = v * 10 + (uint32_t)(d[i] - '0');
	}
	*out = v;
	return v > max ? -1 : 0;
}

static bool is_host(const char *s)
{
	static const char more[] = ".-_:%";
	const char *c;

	for (c = s; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(more, *c))
			return false;
	return c > s && c - s < 254;
}

static int parse_host(struct parse *p, const char *s, const char *end)
{
	struct sk_redis_url *u = p->url;
	const char *host = s, *host_end, *port;
	uint32_t n;

	if (s < end && *s == '[') {
		host_end = first(s, end, ']');
		if (!host_end)
			return wrong(p, "host lacks its ]");
		host++;
		port = host_end + 1;
	} else {
		port = first(s, end, ':');
		host_end = port = port ? port : end;
	}
	u->host = strndup(host, (size_t)(host_end - host));
	if (!u->host)
		return sk_enomem(p->e);
	if (!is_host(u->host) || (host == s && strpbrk(u->host, ":%")))
		return wrong(p, "host is missing or malformed");
	if (port == end) {
		u->port = strdup(PORT);
		return u->port ? 0 : sk_enomem(p->e);
	}
	if (*port != ':' || parse_number(span(port + 1, end), 65535, &n) || !n)
		return wrong(p, "port is not a number from 1 to 65535");
	u->port = strndup(port + 1, (size_t)(end - port - 1));
	return u->port ? 0 : sk_enomem(p->e);
}

static int parse_db(struct parse *p, const char *s, const char *end)
{
	if (parse_number(span(s, end), 999999999, &p->url->db))
		return wrong(p, "database is not a number");
	return 0;
}

/* Of all keys: nothing that a glob, a hash tag or our own colons mean. */
static bool is_prefix(const char *s)
{
	const char *c;

	for (c = s; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
			return false;
	return c > s && c - s <= PREFIX_MAX;
}

static int parse_option(struct parse *p, const char *s, const char *end)
{
	struct sk_redis_url *u = p->url;
	const char *eq = first(s, end, '=');
	int rc;

	if (eq && eq - s == 2 && !memcmp(s, "db", 2) && u->path)
		return parse_db(p, eq + 1, end);
	if (!eq || eq - s != 6 || memcmp(s, "prefix", 6) || u->prefix)
		return wrong(p, u->path ? "options are ?db=N and &prefix=P"
		    : "only option is ?prefix=P");
	rc = decode(p, span(eq + 1, end), "prefix is malformed", &u->prefix);
	if (rc)
		return rc;
	return is_prefix(u->prefix) ? 0 :
	    wrong(p, "prefix is 1 to 64 letters, digits, '.', '_' or '-'");
}

static int parse_options(struct parse *p, const char *s, const char *end)
{
	const char *next;
	int rc = 0;

	for (; !rc && s < end; s = next < end ? next + 1 : end) {
		next = first(s, end, '&');
		next = next ? next : end;
		rc = parse_option(p, s, next);
	}
	if (rc || p->url->prefix)
		return rc;
	p->url->prefix = strdup(SK_REDIS_PREFIX);
	return p->url->prefix ? 0 : sk_enomem(p->e);
}

static int parse_path(struct parse *p, const char *s, const char *end)
{
	struct sk_redis_url *u = p->url;
	int rc = decode(p, span(s, end), "path is malformed", &u->path);

	if (!rc && (u->path[0] != '/' || !u->path[1] || strlen(u->path) >=
	    sizeof(((struct sockaddr_un *)0)->sun_path)))
		rc = wrong(p, "path of a unix socket begins with / and has at "
		    "most 107 bytes");
	return rc;
}

/* s is behind "://".  The user's part ends at the last @ before the path. */
static int parse_rest(struct parse *p, bool path, const char *s)
{
	const char *end = s + strlen(s), *query = first(s, end, '?');
	const char *stop = query ? query : end, *slash = first(s, stop, '/');
	const char *host_end = slash ? slash : stop, *at = last(s, host_end, '@');
	int rc = at ? parse_user(p, s, at) : 0;

	if (at)
		s = at + 1;
	if (rc)
		return rc;
	if (path)
		rc = s == slash ? parse_path(p, s, stop) :
		    wrong(p, "path of a unix socket begins with /");
	else
		rc = parse_host(p, s, host_end);
	if (!rc && !path && slash && slash + 1 < stop)
		rc = parse_db(p, slash + 1, stop);
	return rc ? rc : parse_options(p, query ? query + 1 : end, end);
}

static bool strip(const char **s, const char *scheme)
{
	size_t n = strlen(scheme);

	if (strncasecmp(*s, scheme, n))
		return false;
	*s += n;
	return true;
}

int sk_redis_url_parse(struct sk_redis_url *out, const char *s, struct snek_error *e)
{
	struct sk_redis_url u = { .tls = false };
	struct parse p = { &u, e };
	bool path;
	int rc;

	if (strlen(s) > URL_MAX)
		return wrong(&p, "length is over 2048 bytes");
	path = strip(&s, "unix://");
	if (!path && !(u.tls = strip(&s, "rediss://")) && !strip(&s, "redis://"))
		return wrong(&p, "scheme is none that is known");
	rc = strchr(s, '#') ? wrong(&p, "# must be written as %23") :
	    parse_rest(&p, path, s);
	if (rc) {
		sk_redis_url_free(&u);
		return rc;
	}
	*out = u;
	return 0;
}

void sk_redis_url_free(struct sk_redis_url *u)
{
	char **p[] = { &u->path, &u->host, &u->port, &u->user, &u->password,
	    &u->prefix };
	size_t i;

	if (u->password)
		explicit_bzero(u->password, strlen(u->password));
	for (i = 0; i < sizeof(p) / sizeof(*p); i++) {
		free(*p[i]);
		*p[i] = NULL;
	}
}

static bool encode(struct sk_buf *b, const char *s, const char *plain)
{
	for (; *s; s++)
		if (isalnum((unsigned char)*s) || strchr(plain, *s)) {
			if (!sk_buf_byte(b, (uint8_t)*s))
				return false;
		} else if (!sk_buf_printf(b, "%%%02X", (unsigned char)*s)) {
			return false;
		}
	return true;
}

static bool print_where(const struct sk_redis_url *u, struct sk_buf *b)
{
	bool v6 = u->host && strchr(u->host, ':');

	if (u->path)
		return encode(b, u->path, "/._-~");
	return sk_buf_printf(b, v6 ? "[%s]" : "%s", u->host) &&
	    (!strcmp(u->port, PORT) || sk_buf_printf(b, ":%s", u->port)) &&
	    (!u->db || sk_buf_printf(b, "/%u", u->db));
}

int sk_redis_url_print(const struct sk_redis_url *u, struct sk_buf *b)
{
	const char *scheme = u->path ? "unix" : u->tls ? "rediss" : "redis";
	bool db = u->path && u->db, ok;

	ok = sk_buf_printf(b, "%s://", scheme) &&
	    (!u->user || (encode(b, u->user, "._-~") && sk_buf_byte(b, '@'))) &&
	    print_where(u, b) &&
	    (!db || sk_buf_printf(b, "?db=%u", u->db)) &&
	    (!strcmp(u->prefix, SK_REDIS_PREFIX) || sk_buf_printf(b, "%cprefix=%s",
	    db ? '&' : '?', u->prefix)) && sk_buf_byte(b, 0);
	if (!ok)
		return SNEK_ENOMEM;
	b->n--;
	return 0;
}
