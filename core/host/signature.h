/* SPDX-License-Identifier: MIT */
/* signature.h - Signature Version 4 from the other end: is a request signed, and
 * by whom it says?  Pure, but for sk_signature_check. */
#ifndef SK_SIGNATURE_H
#define SK_SIGNATURE_H
#include "host/host.h"

/* What a request says of its signature, in its Authorization or its query. */
struct sk_signature {
	char key[129], day[9], region[33], service[33];
	char time[17];                  /* 20260131T123456Z */
	char headers[1024];             /* those that are signed, "a;b" */
	char signature[65];
	bool presigned;                 /* it is in the query */
};
/* authorization, date: of the headers, or NULL.  False: there is none that is
 * well-formed. */
bool sk_signature_parse(struct sk_signature *, const char *authorization,
    const char *date, const char *target);

/* One request as its signature sees it. */
struct sk_signed {
	const char *method, *target;
	size_t path_len;
	const char *payload;            /* its hash in hex, or what stands for it */
	const struct sk_signed_header {
		const char *name, *value;
	} *header;
	size_t headers;
};
/* The signature that it should have; false: memory is out, or a header that
 * was signed is not there. */
bool sk_signature_make(const struct sk_signature *, const struct sk_signed *,
    const char *secret, char out[65]);

/* ---- the check ---- */

struct sk_refusal {
	const char *type;               /* as Lambda, or S3, calls it */
	char text[256];
};
/* True: it is there and well-formed, for that service (region gets which
 * one), and right where the host has a key. */
bool sk_signature_check(const struct sk_request *, const struct sk_host_options *,
    const char *service, char region[33], struct sk_refusal *);
#endif
