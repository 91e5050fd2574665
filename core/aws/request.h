/* SPDX-License-Identifier: MIT */
/* request.h - a call as it goes over the wire: URL, headers, signature. */
#ifndef SK_REQUEST_H
#define SK_REQUEST_H
#include "aws/cred.h"
#include "aws/endpoint.h"
#include "base/arena.h"

#define SK_WIRED_HEADERS 40

struct sk_wired {
	const char *url;
	struct sk_aws_header header[SK_WIRED_HEADERS];
	size_t headers;
	struct sk_arena mem;            /* what is ours of it */
};

/* where: its URL is empty where the path is one.  who NULL: not signed. */
int sk_wired_make(const struct sk_aws_request *, const struct sk_endpoint *where,
    struct sk_cred *who, int64_t time, struct sk_wired *, struct snek_error *);
void sk_wired_free(struct sk_wired *);
/* The same as a URL that is good for so many seconds, with a NUL. */
int sk_wired_presign(const struct sk_aws_request *, const struct sk_endpoint *,
    const struct sk_cred *, int64_t time, uint32_t seconds, struct sk_buf *,
    struct snek_error *);
#endif
