/* SPDX-License-Identifier: MIT */
#include "api/gate.h"

#include <strings.h>

/* As long for a wrong one as for the right one. */
static bool equal(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), i;
	unsigned char differ = n != m;

	for (i = 0; i < n; i++)
		differ |= (unsigned char)(a[i] ^ b[m ? i % m : 0]);
	return !differ;
}

/* A page of the web must not reach us by a name of its own for 127.0.0.1. */
static bool is_loopback(const char *host)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };
	size_t i, n;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		n = strlen(names[i]);
		if (!strncasecmp(host, names[i], n) &&
		    (!host[n] || host[n] == ':'))
			return true;
	}
	return false;
}

const char *sk_gate_check(const struct sk_gate_head *h, const char *token,
    bool local)
{
	if (token) {
		if (!h->authorization ||
		    strncasecmp(h->authorization, "Bearer ", 7))
			return "a bearer token is needed";
		return equal(token, h->authorization + 7) ? NULL :
		    "this is not the token";
	}
	if (local)
		return NULL;
	if (h->origin)
		return "no page of the web may ask a gateway without a token";
	if (!h->host || !is_loopback(h->host))
		return "without a token this gateway is called localhost";
	return NULL;
}
