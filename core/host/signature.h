/* SPDX-License-Identifier: MIT */
/* signature.h - is a request signed, as AWS asks (Signature Version 4)? */
#ifndef SK_SIGNATURE_H
#define SK_SIGNATURE_H
#include "host/host.h"

struct sk_refusal {
	const char *type;
	char text[256];
};

/* What its Authorization says; false: it is none. */
struct sk_signature {
	char key[129], date[9], region[33], service[33];
	const char *signed_headers;     /* in the text */
	size_t signed_len;
	char signature[65];
};
bool sk_signature_parse(const char *text, struct sk_signature *);

/* True: it is there and well-formed, for that service (region gets which
 * one), and right where the host has a key. */
bool sk_signature_check(const struct sk_request *, const struct sk_host_options *,
    const char *service, char region[33], struct sk_refusal *);
#endif
