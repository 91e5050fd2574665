/* SPDX-License-Identifier: MIT */
#include "base/weburl.h"

#include <string.h>
#include <strings.h>

static const char host_bytes[] = "abcdefghijklmnopqrstuvwxyz"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

/* Bytes of the host, brackets included; 0: it is none. */
static size_t host_length(const char *s)
{
	size_t n;

	if (*s != '[')
		return strspn(s, host_bytes);
	n = 1 + strspn(s + 1, "0123456789abcdefABCDEF:.");
	return s[n] == ']' ? n + 1 : 0;
}

/* 127.0.0.0/8 has no other names but dotted ones; "127.example" is a host. */
static bool is_loopback(const char *s, size_t n)
{
	if (n == 9 && !strncasecmp(s, "localhost", n))
		return true;
	if (n == 5 && !strncmp(s, "[::1]", n))
		return true;
	return n > 4 && !strncmp(s, "127.", 4) &&
	    strspn(s, "0123456789.") == n;
}

static bool is_port(const char **s)
{
	size_t n;

	if (**s != ':')
		return true;
	n = strspn(*s + 1, "0123456789");
	*s += 1 + n;
	return n && n <= 5;
}

bool sk_weburl_is_loopback(const char *host)
{
	size_t n = host_length(host);
	const char *rest = host + n;

	return is_loopback(host, n) && is_port(&rest) && (!*rest || *rest == '/');
}

static bool is_plain(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s > '~' || strchr("\"<>\\^`{|}#", *s))
			return false;
	return true;
}

static int refuse(const char *url, const char *why, struct snek_error *e)
{
	return sk_fail(e, SNEK_EINVAL, "%.200s: %s", url, why);
}

int sk_weburl_check(const char *url, struct snek_error *e)
{
	bool tls = !strncmp(url, "https://", 8);
	const char *host = url + (tls ? 8 : 7), *rest;
	size_t n;

	if (!tls && strncmp(url, "http://", 7))
		return refuse(url, "not a URL that begins with https://", e);
	if (strlen(url) > SK_WEBURL_MAX)
		return refuse(url, "a URL of over 2047 bytes", e);
	if (memchr(host, '@', strcspn(host, "/?")))
		return refuse("the URL", "it names a user or a password, and "
		    "everybody who may see the cluster could read it", e);
	n = host_length(host);
	rest = host + n;
	if (!n || !is_port(&rest) || (*rest && *rest != '/' && *rest != '?'))
		return refuse(url, "there is no host in it", e);
	if (!is_plain(rest))
		return refuse(url, "it has characters that must be percent-"
		    "encoded, or a fragment", e);
	if (!tls && !is_loopback(host, n))
		return refuse(url, "records go over https:// only, but to this "
		    "machine itself", e);
	return 0;
}
