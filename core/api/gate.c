/* SPDX-License-Identifier: MIT */
#include "api/gate.h"

#include <strings.h>

#include "base/weburl.h"

/* ---- the head ---- */

static bool is(const char *name, const char *known, const char *value,
    const char **to)
{
	if (strcasecmp(name, known))
		return false;
	if (!*to)
		*to = value;
	return true;
}

/* Most names are told apart by where they begin. */
void sk_gate_take(struct sk_gate_head *h, const char *name, const char *value)
{
	switch (*name | ' ') {
	case 'a':
		h->tokens += is(name, "Authorization", value, &h->authorization);
		break;
	case 'c':
		h->lengths += is(name, "Content-Length", value, &h->length);
		is(name, "Content-Type", value, &h->type);
		is(name, "Content-Encoding", value, &h->content_coding);
		break;
	case 'h':
		is(name, "Host", value, &h->host);
		break;
	case 'o':
		is(name, "Origin", value, &h->origin);
		break;
	case 't':
		is(name, "Transfer-Encoding", value, &h->coding);
		break;
	}
}

/* A proxy in front must not see another end of the request than we do, nor
 * another who asks. */
const char *sk_gate_doubt(const struct sk_gate_head *h)
{
	if (h->lengths > 1)
		return "more than one length";
	if (h->tokens > 1)
		return "more than one Authorization";
	if (h->length && h->coding)
		return "a length and a transfer encoding: one of them is wrong";
	return h->coding && strcasecmp(h->coding, "chunked") ? "no other "
	    "transfer encoding than chunked is understood" : NULL;
}

/* ---- who ---- */

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
