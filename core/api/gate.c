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

/* A blank before the colon, or a control character, and we would pass over what
 * another takes for a length. */
static bool is_name(const char *s)
{
	const char *p = s;

	for (; *p; p++)
		if (!((*p | ' ') >= 'a' && (*p | ' ') <= 'z') && *p != '-' &&
		    !(*p >= '0' && *p <= '9') && !strchr("!#$%&'*+.^_`|~", *p))
			return false;
	return p > s;
}

/* Most names are told apart by where they begin. */
void sk_gate_take(struct sk_gate_head *h, const char *name, const char *value)
{
	h->odd |= !is_name(name);
	switch (*name | ' ') {
	case 'a':
		h->tokens += is(name, "Authorization", value, &h->authorization);
		break;
	case 'c':
		h->lengths += is(name, "Content-Length", value, &h->length);
		is(name, "Content-Type", value, &h->type);
		h->content_codings += is(name, "Content-Encoding", value,
		    &h->content_coding);
		break;
	case 'e':
		is(name, "Expect", value, &h->expect);
		break;
	case 'h':
		h->hosts += is(name, "Host", value, &h->host);
		break;
	case 'o':
		is(name, "Origin", value, &h->origin);
		break;
	case 't':
		h->codings += is(name, "Transfer-Encoding", value, &h->coding);
		break;
	}
}

/* A proxy in front must not see another end of the request than we do, nor
 * another who asks. */
const char *sk_gate_doubt(const struct sk_gate_head *h)
{
	if (h->odd)
		return "a header with a name that is none";
	if (h->lengths > 1)
		return "more than one length";
	if (h->codings > 1 || h->content_codings > 1)
		return "more than one encoding";
	if (h->hosts > 1 || (h->needs_host && !h->hosts))
		return "a request says one Host";
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
