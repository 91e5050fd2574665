/* SPDX-License-Identifier: MIT */
#include "api/gate.h"

#include <strings.h>

#include "base/weburl.h"

/* As long for a wrong one as for the right one. */
static bool equal(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), i;
	unsigned char differ = n != m;

	for (i = 0; i < n; i++)
		differ |= (unsigned char)(a[i] ^ b[m ? i % m : 0]);
	return !differ;
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
	/* A page of the web has a name of its own for 127.0.0.1. */
	if (!h->host || !sk_weburl_is_loopback(h->host))
		return "without a token this gateway is called localhost";
	return NULL;
}
