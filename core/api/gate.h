/* SPDX-License-Identifier: MIT */
/* gate.h - who may ask: pure looks at a request's head. */
#ifndef SK_API_GATE_H
#define SK_API_GATE_H
#include "base/buf.h"

struct sk_gate_head {                   /* zeroed, then taken; NULL: not there;
					 * else the first of that name */
	const char *authorization, *coding, *content_coding, *expect, *host,
	    *length, *origin, *type;
	unsigned codings, content_codings, hosts, lengths, tokens;
					/* how many of them there are */
	bool odd;                       /* a name that is none (RFC 9110 5.1) */
	bool needs_host;                /* HTTP/1.1 (RFC 9112 3.2) */
};
/* A header; its value must live as long. */
void sk_gate_take(struct sk_gate_head *, const char *name, const char *value);
/* NULL: nobody in front can see another request in it than we do; else why. */
const char *sk_gate_doubt(const struct sk_gate_head *);
/* NULL: come in; else why not.  The token is compared in constant time. */
const char *sk_gate_check(const struct sk_gate_head *, const char *token,
    bool local);
#endif
